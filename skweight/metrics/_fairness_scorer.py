"""Scorers of predictions by protected attributes, taken from the rows or routed beside them."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.metadata_routing import UNCHANGED

from skweight._core._attributes import select_attributes
from skweight.metrics._scorer_base import MetricScorer

RESPONSES = ("auto", "predict", "predict_proba", "decision_function")


def fairness_scorer(
    metric, *, sensitive_columns=None, response_method="auto", greater_is_better=False, **kwargs
):
    """Make a scorer from a metric of predictions and protected attributes.

    A scorer of scikit-learn sees rows, outcomes and predictions. This one sees the protected
    attributes too: as columns of the rows that it is handed (the raw rows, also of a Pipeline), or
    as metadata that is routed to it.

    Parameters
    ----------
    metric : callable
        Called as ``metric(y_pred, sensitive_features, sample_weight=..., **kwargs)``, such as
        :func:`js_divergence_score`; the weights only where given.
    sensitive_columns : str, int, list, mask, callable or dict, default=None
        Which columns of the rows are protected attributes: a name or position, a list or boolean
        mask of them, a callable that takes the rows and returns one of these, or a dict of an
        attribute's name and its columns. The metric is then handed a list of attributes, each with
        ``name``, ``values`` and ``kind``. None means that the attributes come by metadata routing,
        and the metric is handed what came.
    response_method : {"auto", "predict", "predict_proba", "decision_function"}, default="auto"
        Which predictions the metric is handed. "auto" means ``predict_proba`` of a classifier and
        ``predict`` of any other estimator. Of the probabilities of two classes it is those of the
        second, in the order of ``classes_``; of more classes all, of shape (n_samples, n_classes),
        which the metrics of this room refuse and :func:`skweight.fairness.dependence_score` takes.
        Predicted labels of two classes are handed over as 0 and 1.
    greater_is_better : bool, default=False
        Whether greater values of the metric are better; otherwise the scorer negates it.
    **kwargs : dict
        Further arguments of the metric, such as ``min_group_size``.

    Returns
    -------
    callable
        The scorer, called as
        ``scorer(estimator, X, y, sample_weight=None, sensitive_features=None)``. Under metadata
        routing it consumes what ``scorer.set_score_request(sensitive_features=True,
        sample_weight=True)`` requests.

    Raises
    ------
    TypeError
        If `metric` is not callable, or, from the scorer, if the estimator has no such response.
    ValueError
        If a parameter has no meaning, or, from the scorer, if the attributes have not come.

    See Also
    --------
    js_divergence_score : A metric of all groups.
    demographic_parity_gap : A metric of the two groups that differ most.

    Notes
    -----
    With metadata routing off, scikit-learn hands no scorer the attributes that the fit of a search
    gets: use `sensitive_columns`, or turn routing on. The scorer then raises, which a search
    reports as a score of NaN and a warning unless it has ``error_score="raise"``: set that.

    Groups are those of the fold, and one with fewer rows than `min_group_size` is left out there.

    A search by such a score alone prefers predictions that say nothing: use it beside a loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_validate
    >>> from skweight.metrics import demographic_parity_gap, fairness_scorer
    >>> rng = np.random.default_rng(0)
    >>> X = np.column_stack([rng.integers(0, 2, 500), rng.normal(size=(500, 2))])
    >>> y = (X.sum(axis=1) + rng.logistic(size=500) > 0).astype(int)
    >>> scoring = {
    ...     "loss": "neg_log_loss",
    ...     "gap": fairness_scorer(demographic_parity_gap, sensitive_columns=0, min_group_size=20),
    ... }
    >>> scores = cross_validate(
    ...     LogisticRegression(), X, y, scoring=scoring, error_score="raise")
    >>> bool((scores["test_gap"] < 0).all())  # minus the gap
    True
    """
    return _FairnessScorer(metric, sensitive_columns, response_method, greater_is_better, kwargs)


class _FairnessScorer(MetricScorer):
    """Hand the metric predictions and protected attributes."""

    _maker = "fairness_scorer"

    def __init__(self, metric, sensitive_columns, response_method, greater_is_better, kwargs):
        super().__init__(metric, greater_is_better, kwargs)
        if response_method not in RESPONSES:
            raise ValueError(f"response_method={response_method!r}: want one of {RESPONSES}")
        if kwargs.get("return_details"):
            raise ValueError("return_details=True: want False, as a score is one number")
        self._columns = sensitive_columns
        self._response = response_method
        self._sensitive_request = None

    def _options(self):
        response = None if self._response == "auto" else self._response
        return {"sensitive_columns": self._columns, "response_method": response}

    def __call__(self, estimator, X, y_true=None, sample_weight=None, sensitive_features=None):
        """Return the metric, negated where lower is better."""
        if self._columns is not None:
            if sensitive_features is not None:
                raise ValueError(
                    f"sensitive_features is given beside sensitive_columns={self._columns!r}: "
                    "want one of them"
                )
            sensitive_features, _ = select_attributes(X, self._columns)
        elif sensitive_features is None:
            raise ValueError(
                "The scorer has no protected attributes: want sensitive_columns= in "
                "fairness_scorer, naming columns of X, or metadata routing turned on with "
                "sklearn.set_config(enable_metadata_routing=True), "
                "scorer.set_score_request(sensitive_features=True) and sensitive_features passed"
            )
        response = _response(estimator, X, self._response)
        return self._value(response, sensitive_features, sample_weight=sample_weight)

    def set_score_request(self, *, sensitive_features=UNCHANGED, sample_weight=UNCHANGED):
        """Request sensitive_features and sample_weight under metadata routing."""
        if sensitive_features is not UNCHANGED:
            if self._columns is not None and sensitive_features not in (None, False):
                raise ValueError(
                    f"sensitive_features is requested beside sensitive_columns={self._columns!r}: "
                    "want one of them"
                )
            self._sensitive_request = sensitive_features
        weight = self._sample_weight_request if sample_weight is UNCHANGED else sample_weight
        return super().set_score_request(sample_weight=weight)

    def get_metadata_routing(self):
        """Return what this scorer requests."""
        request = super().get_metadata_routing()
        if self._columns is None:
            request.score.add_request(param="sensitive_features", alias=self._sensitive_request)
        return request


def _response(estimator, X, method):
    """Return one prediction for each row, or one for each row and class of three or more."""
    classifier = is_classifier(estimator)
    if method == "auto":
        method = "predict_proba" if classifier else "predict"
    if not hasattr(estimator, method):
        raise TypeError(
            f"{type(estimator).__name__} has no {method}: want another response_method of "
            f"fairness_scorer, of {RESPONSES[1:]}"
        )
    response = getattr(estimator, method)(X)
    if method == "predict_proba" and np.ndim(response) == 2 and np.shape(response)[1] == 2:
        return np.asarray(response)[:, 1]
    if method == "predict" and classifier and len(estimator.classes_) == 2:
        return (np.asarray(response) == estimator.classes_[1]).astype(float)
    return response
