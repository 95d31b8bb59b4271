"""Tests and standard errors that hold: of proportional odds, and of a selected model."""

import warnings

import numpy as np
from scipy import linalg, stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from skweight._core._sklearn_compat import check_sample_weight
from skweight.ordinal._entries import FreeEntries, accumulate
from skweight.ordinal._likelihood import class_probabilities, class_terms, touched
from skweight.ordinal._links import LINKS
from skweight.ordinal._newton import inverse_information, maximise
from skweight.ordinal._order import check_class_totals, resolve_class_order
from skweight.ordinal._rows import Rows
from skweight.ordinal._tables import InferenceTable, boundary_names, feature_names, wald_table


def proportionality_test(
    X, y, kind="score", sample_weight=None, groups=None, link="logit", class_order=None
):
    """Test for each feature whether one coefficient serves all boundaries.

    The null hypothesis is the proportional odds model; a small p value says that the feature's
    coefficient differs between boundaries, as `PrestoClassifier` allows.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.
    y : array-like of shape (n_samples,)
        Labels, three or more distinct ones.
    kind : {"score", "lr"}, default="score"
        "score" needs the proportional odds fit alone and cannot fail; "lr" is the likelihood
        ratio against a fit in which that feature's coefficients are free, as ``nominal_test`` of
        the R package ordinal computes.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        How often each row counts.
    groups : array-like of shape (n_features,) or None, default=None
        Columns with the same label are tested together, such as the dummies of one factor. None
        tests each column by itself.
    link : {"logit", "probit", "cloglog", "loglog"}, default="logit"
        Link of the model.
    class_order : array-like of shape (n_classes,) or None, default=None
        Labels from the lowest to the highest, as in `ProportionalOddsClassifier`.

    Returns
    -------
    InferenceTable
        Arrays `name`, `statistic`, `df` and `p_value` with one entry per column or group, and
        last the joint test of all. It prints as a table; ``to_frame()`` makes a DataFrame.

    Raises
    ------
    ValueError
        If y has two classes only, where there is nothing to test.

    Warns
    -----
    ConvergenceWarning
        If a fit does not converge, as where a combination of columns separates classes.

    See Also
    --------
    PrestoClassifier : Fit coefficients that differ where the data say so.
    ProportionalOddsClassifier : The model under the null hypothesis.

    Notes
    -----
    Statistics have a chi-squared distribution with (number of boundaries - 1) times (number of
    columns) degrees of freedom, fewer where columns are collinear, 0 for constant ones. The score
    test takes the expected information. Neither is the Brant test, a Wald test on separate
    logistic regressions.

    References
    ----------
    .. [1] B. Peterson and F. E. Harrell, "Partial Proportional Odds Models for Ordinal Response
       Variables", Journal of the Royal Statistical Society: Series C, 39(2), 1990.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.ordinal import proportionality_test
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 2))
    >>> y = np.digitize(X[:, 0] + rng.logistic(size=1000) * np.exp(X[:, 1]), [-1, 1])
    >>> test = proportionality_test(X, y)
    >>> test.name
    array(['x0', 'x1', 'joint'], dtype=object)
    >>> bool(test.p_value[1] < 0.001)
    True
    """
    if kind not in ("score", "lr"):
        raise ValueError(f"kind must be 'score' or 'lr', got {kind!r}.")
    if link not in LINKS:
        raise ValueError(f"link must be one of {sorted(LINKS)}, got {link!r}.")
    names = [str(name) for name in getattr(X, "columns", ())]
    _, order, codes = resolve_class_order(y, class_order)
    X = check_array(X, accept_sparse="csr", dtype=np.float64)
    check_consistent_length(X, codes)
    weight = check_sample_weight(sample_weight, X)
    check_class_totals(codes, weight, order)
    if len(order) < 3:
        raise ValueError(
            f"y must hold at least three classes to compare boundaries, got {order.tolist()}."
        )
    rows = Rows(X, codes, weight)
    names, columns = _tested_columns(names, groups, rows)
    fit = _proportional_fit(rows, link)
    statistic = _score_statistics if kind == "score" else _ratio_statistics
    values = np.array(list(statistic(rows, fit, link, columns)))
    return InferenceTable(
        name=np.array(names, dtype=object),
        statistic=values[:, 0],
        df=values[:, 1].astype(int),
        p_value=np.where(values[:, 1] > 0, stats.chi2.sf(values[:, 0], values[:, 1]), 1.0),
    )


def _tested_columns(names, groups, rows):
    """Return the name and the columns that vary of every test, the joint one last."""
    p = rows.n_features
    if groups is None:
        names = names or [f"x{j}" for j in range(p)]
        columns = [[j] for j in range(p)]
    else:
        groups = column_or_1d(groups)
        if len(groups) != p:
            raise ValueError(
                f"groups must have one label per column of X, {p}, got {len(groups)} labels."
            )
        labels = list(dict.fromkeys(groups.tolist()))
        names = [str(label) for label in labels]
        columns = [np.flatnonzero(groups == label) for label in labels]
    tested = [np.array([j for j in group if not rows.constant[j]], dtype=int) for group in columns]
    return [*names, "joint"], [*tested, np.flatnonzero(~rows.constant)]


def _proportional_fit(rows, link):
    fit = maximise(rows, FreeEntries.parallel(rows), "cumulative", link)
    _warn_unless_converged(fit, "The proportional odds fit")
    return fit


def _warn_unless_converged(fit, what):
    if not fit.converged:
        warnings.warn(
            f"{what} did not converge, probably because the features separate classes: read its "
            "numbers with care.",
            ConvergenceWarning,
            stacklevel=4,
        )


def _entries_with(rows, columns):
    """Return proportional odds with the coefficients of some columns free at every boundary."""
    free = np.zeros((rows.n_boundaries, rows.n_features), dtype=bool)
    free[0] = ~rows.constant
    free[1:, columns] = True
    return FreeEntries(free)


def _ratio_statistics(rows, fit, link, columns):
    for group in columns:
        entries = _entries_with(rows, group)
        start = np.zeros(entries.size)
        start[: len(fit.theta)] = fit.theta  # the entries of boundary 0 come first
        wider = maximise(rows, entries, "cumulative", link, start=start)
        _warn_unless_converged(wider, "A fit with coefficients that differ between boundaries")
        ratio = 2 * rows.total * (fit.loss - wider.loss)
        yield max(ratio, 0.0), (rows.n_boundaries - 1) * len(group)


def _score_statistics(rows, fit, link, columns):
    entries = _entries_with(rows, ~rows.constant)
    theta = np.zeros(entries.size)
    theta[: len(fit.theta)] = fit.theta
    sums = expected_information(rows, entries, link, theta)
    score, information = -rows.total * sums.gradient, rows.total * sums.hessian
    nuisance = slice(0, len(fit.theta))
    inverse, _ = inverse_information(information[nuisance, nuisance])
    # What the deltas tell beyond intercepts and common slopes.
    regression = inverse @ information[nuisance]
    score = score - regression.T @ score[nuisance]
    information = information - information[:, nuisance] @ regression
    for group in columns:
        tested = np.flatnonzero(np.isin(entries.feature, group) & (entries.boundary > 0))
        at = entries.q + tested
        yield _quadratic_form(score[at], information[np.ix_(at, at)])


def _quadratic_form(score, information):
    """Return s' I^-1 s and the rank of I."""
    if not len(score):
        return 0.0, 0
    scale = 1 / np.sqrt(np.maximum(np.diagonal(information), np.finfo(float).tiny))
    values, vectors = linalg.eigh(information * scale * scale[:, None])
    keep = values > 1e-9 * values[-1]
    return np.sum((vectors[:, keep].T @ (scale * score)) ** 2 / values[keep]), keep.sum()


def expected_information(rows, entries, link, theta):
    """Sum gradients over the observed classes, and expected second derivatives over all.

    Parameters
    ----------
    rows : Rows
        The rows.
    entries : FreeEntries
        The parameters.
    link : str
        Link of the cumulative model.
    theta : ndarray of shape (n_parameters,)
        Where.

    Returns
    -------
    Sums
        With the expected information of the mean log-likelihood as its Hessian.
    """
    q = entries.q

    def terms(number, block):
        z = entries.predictors(block, range(q), theta)
        z = np.broadcast_to(z, (q, z.shape[1]))
        p = class_probabilities("cumulative", link, z.T).T
        u = np.zeros(z.shape)
        h = {}
        for c in range(q + 1):
            seen = touched("cumulative", c, q)
            _, first, _ = class_terms("cumulative", link, c, q, z[seen.start : seen.stop])
            if c == block.c:
                u[seen.start : seen.stop] = block.weight * first
            for i in range(len(seen)):
                for j in range(i, len(seen)):
                    product = block.weight * p[c] * first[i] * first[j]
                    pair = (seen[i], seen[j])
                    h[pair] = h.get(pair, 0.0) + np.where(p[c] > 0, product, 0.0)
        return range(q), 0.0, u, h

    return accumulate(rows, entries, terms)


def selected_summary(estimator, X_new, y_new, sample_weight=None, confidence_level=0.95):
    """Estimate a selected model anew on rows that did not select it, with standard errors.

    The entries of `delta_coef_` that the penalty left different from 0 are estimated without a
    penalty on new rows; the others stay 0.

    Parameters
    ----------
    estimator : PrestoClassifier or PrestoClassifierCV
        The fitted estimator that selected the entries.
    X_new : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows NOT used to fit the estimator.
    y_new : array-like of shape (n_samples,)
        Their labels, with every class of the estimator among them.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        How often each row counts.
    confidence_level : float, default=0.95
        Coverage of the intervals, between 0 and 1.

    Returns
    -------
    InferenceTable
        Arrays `name`, `estimate`, `standard_error`, `z`, `p_value`, `low` and `high`: the
        intercepts first, then each entry of `delta_coef_`, which is the coefficient at the first
        boundary or its change at a later one. It prints as a table; ``to_frame()`` makes a
        DataFrame.

    Raises
    ------
    ValueError
        If the estimator selects no entries by a penalty, has no intercepts, or `y_new` lacks one
        of its classes.

    Warns
    -----
    ConvergenceWarning
        If the new rows do not determine every entry; its standard error is then inf.

    See Also
    --------
    proportionality_test : Test single features for proportional odds.

    Notes
    -----
    Because the new rows had no say in the selection, this is ordinary maximum likelihood for a
    model fixed beforehand, and its intervals hold. On the rows that selected the model they would
    not: estimates that survived a penalty are too large there, and intervals undercover. Estimates
    are unrestricted, whatever `positive` and `monotone` said.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.ordinal import PrestoClassifier, selected_summary
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 3))
    >>> y = np.digitize(X[:, 0] + rng.logistic(size=1000), [-1, 1])
    >>> model = PrestoClassifier(alpha=0.05).fit(X[:500], y[:500])
    >>> table = selected_summary(model, X[500:], y[500:])
    >>> table.name
    array(['P(y > 0)', 'P(y > 1)', 'x0'], dtype=object)
    >>> table.estimate[-1:].round(1)
    array([1.])
    """
    check_is_fitted(estimator)
    if not hasattr(estimator, "delta_coef_"):
        raise ValueError(
            "estimator must be a fitted PrestoClassifier or PrestoClassifierCV, got "
            f"{type(estimator).__name__}."
        )
    if not estimator.fit_intercept:
        raise ValueError("estimator must have fit_intercept=True, got fit_intercept=False.")
    order = estimator.class_order_
    codes = _codes_in(y_new, order)
    X = validate_data(estimator, X_new, reset=False, accept_sparse="csr", dtype=np.float64)
    check_consistent_length(X, codes)
    weight = check_sample_weight(sample_weight, X)
    check_class_totals(codes, weight, order)
    support = np.flatnonzero((estimator.delta_coef_ != 0).any(axis=0))
    rows = Rows(X[:, support], codes, weight)
    entries = FreeEntries((estimator.delta_coef_[:, support] != 0) & ~rows.constant)
    fit = maximise(rows, entries, estimator.family, estimator.link)
    inverse, null = inverse_information(fit.hessian)
    to_raw = rows.raw_jacobian(entries, by_entry=True)
    lost = rows.undetermined(to_raw, np.column_stack([null, fit.runaway]))
    if lost.any() or not fit.converged:
        _warn_unless_converged(fit, "The fit on the new rows")
        if fit.converged:
            warnings.warn(
                "The new rows do not determine every selected entry; its standard error is inf.",
                ConvergenceWarning,
                stacklevel=2,
            )
    errors = np.sqrt(np.diagonal(to_raw @ inverse @ to_raw.T) / rows.total)
    errors = np.where(lost, np.inf, errors)
    boundaries = boundary_names(estimator.family, order)
    features = feature_names(estimator, estimator.n_features_in_)
    names = list(boundaries)
    for k, j in zip(entries.boundary, entries.feature):
        name = features[support[j]]
        names.append(name if k == 0 else f"{name}: change at {boundaries[k]}")
    return wald_table(names, to_raw @ fit.theta, errors, confidence_level)


def _codes_in(y, order):
    """Return the ranks of labels in a given class order."""
    y = column_or_1d(y)
    rank = {label: i for i, label in enumerate(order.tolist())}
    unknown = sorted({str(label) for label in y.tolist() if label not in rank})
    if unknown:
        raise ValueError(
            f"y_new must hold labels among {order.tolist()} only, but it has {unknown}."
        )
    return np.array([rank[label] for label in y.tolist()], dtype=np.intp)
