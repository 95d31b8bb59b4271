"""Dependence of predictions on attributes of any types, as one number."""

import warnings

import numpy as np
from sklearn.utils import check_array

from skweight._core._attributes import attributes_of
from skweight._core._sklearn_compat import check_sample_weight
from skweight.fairness._penalty import DependencePenalty
from skweight.fairness._sensitive import SensitiveEncoder

_MEASURES = ("ccdcov", "jdcov", "sum")
_STATISTICS = ("V", "U")


def dependence_score(
    y_pred,
    sensitive_features,
    *,
    measure="ccdcov",
    statistic="U",
    normalize=False,
    c=1.0,
    sample_weight=None,
    encoder=None,
    sensitive_types="auto",
    nominal_metric="euclidean",
    missing="error",
    scale="minmax",
    max_levels=None,
):
    """Measure how much predictions depend on protected attributes, the lower the better.

    The attributes may be of any types, and held-out rows can be measured with the levels and
    scales of the rows of a fit. With ``statistic="U"`` the score is 0 on average where there is no
    dependence, whatever the number of rows, so that scores of different samples compare.

    Parameters
    ----------
    y_pred : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Predictions on the scale on which they are to be independent, such as probabilities or
        expected counts. Of several columns, such as the probabilities of three classes or more,
        the scores are added up; of two classes pass the column of one.
    sensitive_features : array-like, Series, DataFrame or dict of shape (n_samples, n_attributes)
        The attributes, of any types; aligned by position. A dict holds them by name, several
        columns there as one attribute.
    measure : {"ccdcov", "jdcov", "sum"}, default="ccdcov"
        Distance covariance with all attributes taken together, which sees their intersections;
        joint distance covariance, less the part that predictions do not change; or the sum over
        attributes, which is blind to intersections.
    statistic : {"V", "U"}, default="U"
        U is unbiased, or nearly so for "jdcov", and can be negative; V is biased upwards and never
        negative.
    normalize : bool, default=False
        Whether to divide by the distance variances, which gives squared distance correlations
        without units. Not for "jdcov".
    c : float, default=1.0
        Constant of "jdcov", above 0, in units of the attributes' distances after scaling.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        How often each row counts, at least 0. Integer weights are repeated rows. V does not change
        when all are multiplied; U does, so there they should be frequencies.
    encoder : SensitiveEncoder or None, default=None
        A fitted encoding, such as the attribute `sensitive_encoder_` of a fitted model: its levels
        and scales are used, and the parameters below must be left as they are. None learns the
        encoding from these rows.
    sensitive_types : {"auto"} or dict, default="auto"
        Kinds of attributes, "nominal", "ordered" or "numeric", by name, where they differ from
        those that the columns' types say.
    nominal_metric : {"euclidean", "discrete"}, default="euclidean"
        Distance of two levels of an attribute with more than two: sqrt(2) or 1.
    missing : {"error", "category"}, default="error"
        Whether a missing value is an error, or a level of its own in nominal attributes.
    scale : {"minmax", "std", "mean_distance"} or None, default="minmax"
        What distances are divided by: the range or standard deviation of numeric and ordered
        attributes, or the mean distance of every attribute.
    max_levels : int or None, default=None
        Equal steps, at least 2, to which a numeric or ordered attribute with more levels is
        rounded.

    Returns
    -------
    float
        The score, in units of `y_pred` unless normalized.

    Raises
    ------
    ValueError
        If lengths differ, a parameter is unknown, a value is missing, both `encoder` and a
        parameter of the encoding are given, or U is asked for with weights of at most 3 in sum.

    Warns
    -----
    UserWarning
        If U meets weights that are not whole, an attribute has levels that the fit did not see, is
        constant, or does not look like its kind, or all pairs of many rows have to be visited.

    See Also
    --------
    concatenated_distance_covariance : The same for attributes that are numbers already.
    independence_test : A p value.

    References
    ----------
    .. [1] H. M. Lee, K. Antonio, B. Avanzi, L. Marchi and R. Zhou, "Machine Learning with Multitype
       Protected Attributes: Intersectional Fairness through Regularisation", arXiv 2509.08163,
       2025.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.fairness import dependence_score
    >>> rng = np.random.default_rng(0)
    >>> sex, age = rng.choice(["f", "m"], size=500), rng.uniform(18, 80, size=500)
    >>> y_pred = 0.1 + 0.05 * (sex == "f") * (age < 30)
    >>> round(1e4 * dependence_score(y_pred, {"sex": sex, "age": age}), 1)
    5.5
    >>> round(1e4 * dependence_score(rng.permutation(y_pred), {"sex": sex, "age": age}), 1)
    -0.1
    """
    _check_choice(measure, "measure", _MEASURES)
    _check_choice(statistic, "statistic", _STATISTICS)
    y = check_array(y_pred, ensure_2d=False, dtype=np.float64, input_name="y_pred")
    y = y[:, None] if y.ndim == 1 else y
    weight = check_sample_weight(sample_weight, y)
    attributes = attributes_of(sensitive_features)
    for attribute in attributes:
        if len(attribute.values) != len(y):
            raise ValueError(
                f"sensitive_features has {len(attribute.values)} rows and y_pred {len(y)}: want "
                "as many."
            )
    if statistic == "U" and (weight != np.floor(weight)).any():
        warnings.warn(
            "statistic='U' takes weights as frequencies, and some are not whole numbers: pass "
            "frequencies, or statistic='V', which needs only ratios.",
            UserWarning,
            stacklevel=2,
        )
    # Rows that do not count must not add levels or widen ranges.
    kept = np.flatnonzero(weight)
    if len(kept) < len(y):
        y, weight = y[kept], weight[kept]
        attributes = [attribute.take(kept) for attribute in attributes]
    encoding = {
        "types": sensitive_types,
        "nominal_metric": nominal_metric,
        "missing": missing,
        "scale": scale,
        "max_levels": max_levels,
    }
    if encoder is None:
        encoder = SensitiveEncoder(**encoding).fit(attributes, weight)
    else:
        _check_defaults(encoding)
    penalty = DependencePenalty(
        encoder.transform(attributes),
        weight,
        measure=measure,
        statistic=statistic,
        normalize=normalize,
        c=c,
    )
    return float(sum(penalty.value(np.ascontiguousarray(column)) for column in y.T))


def _check_choice(value, name, choices):
    if not (isinstance(value, str) and value in choices):
        raise ValueError(f"{name} must be one of {choices}, got {value!r}.")


def _check_defaults(encoding):
    """Raise if a parameter of the encoding is given where a fitted one decides."""
    default = vars(SensitiveEncoder())
    given = {"types": "sensitive_types"}
    for name, value in encoding.items():
        if value != default[name]:
            raise ValueError(
                f"{given.get(name, name)}={value!r} is given beside a fitted encoder, which "
                "decides it: want one of the two."
            )
