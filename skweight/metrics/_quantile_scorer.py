"""Scorers for model selection that see an estimator's quantiles, also inside a Pipeline."""

import inspect

import numpy as np
from sklearn.frozen import FrozenEstimator

from skweight._core._quantiles import check_coverage, check_quantiles
from skweight.metrics._quantile import weighted_interval_score
from skweight.metrics._scorer_base import MetricScorer


def quantile_scorer(metric, *, quantiles=None, coverage=None, greater_is_better=False, **kwargs):
    """Make a scorer from a metric of quantiles or of intervals.

    :func:`sklearn.metrics.make_scorer` only knows ``predict`` and ``predict_proba``, and a Pipeline
    has no ``predict_quantiles``. This scorer finds the quantile regressor at the end of Pipelines
    and in the best estimator of a search, and asks it for quantiles or a central interval.

    Parameters
    ----------
    metric : callable
        Called as ``metric(y_true, y_quantiles, quantiles=..., sample_weight=..., **kwargs)``, or
        with `coverage` as ``metric(y_true, y_interval, coverage=..., sample_weight=...,
        **kwargs)``; the weights only where given, and `coverage` only where the metric takes it.
        A metric whose first parameter is ``y_interval`` is not handed ``y_true``.
    quantiles : array-like of shape (n_quantiles,), default=None
        Levels to ask for. None means all that were fitted, found in the estimator's
        ``quantiles_``. Models with other levels are only comparable on the same ones.
    coverage : float, default=None
        Nominal coverage in (0, 1) of the interval that the metric is handed instead of quantiles.
    greater_is_better : bool, default=False
        Whether greater values of the metric are better; otherwise the scorer negates it.
    **kwargs : dict
        Further arguments of the metric, such as ``level_weights``.

    Returns
    -------
    callable
        The scorer, called as ``scorer(estimator, X, y, sample_weight=None)``. Under metadata
        routing it consumes `sample_weight` after ``scorer.set_score_request(sample_weight=True)``.
        Without routing a search hands it weights only if they are given to its ``fit`` as
        `sample_weight`, with scikit-learn 1.8 or later: never through a Pipeline.

    Raises
    ------
    ValueError
        If `quantiles` and `coverage` are both given, or the metric wants an interval and
        `coverage` is None.

    See Also
    --------
    weighted_interval_score : The metric to start with.
    interval_score : A metric that takes `coverage`.

    Notes
    -----
    An estimator without ``predict_quantiles`` is asked for ``predict(X, quantiles=...)`` if its
    ``predict`` knows that argument, as in the package quantile-forest; then `quantiles` is needed.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import QuantileRegressor
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skweight.metrics import quantile_scorer, weighted_interval_score
    >>> from skweight.quantile import QuantileStackingRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> stack = QuantileStackingRegressor(
    ...     [("linear", QuantileRegressor(alpha=0))], quantiles=[0.1, 0.5, 0.9], cv=2)
    >>> search = GridSearchCV(
    ...     make_pipeline(StandardScaler(), stack),
    ...     {"quantilestackingregressor__weighting": ["coarse", "medium"]},
    ...     scoring=quantile_scorer(weighted_interval_score, quantiles=[0.1, 0.5, 0.9]),
    ...     cv=2,
    ... ).fit(X, y)
    >>> bool(search.best_score_ < 0)  # minus the score, in units of y
    True
    """
    return _QuantileScorer(metric, quantiles, coverage, greater_is_better, kwargs)


class _QuantileScorer(MetricScorer):
    """Hand the metric the quantiles or the interval that the estimator predicts."""

    _maker = "quantile_scorer"

    def __init__(self, metric, quantiles, coverage, greater_is_better, kwargs):
        super().__init__(metric, greater_is_better, kwargs)
        if quantiles is not None and coverage is not None:
            raise ValueError("quantiles and coverage are both given: want one of them")
        parameters = list(inspect.signature(metric).parameters)
        if coverage is None and "y_interval" in parameters:
            raise ValueError("coverage=None: want the coverage of the interval that metric takes")
        self._quantiles = None if quantiles is None else check_quantiles(quantiles).tolist()
        self._coverage = None if coverage is None else check_coverage(coverage)
        self._takes_truth = parameters[:1] != ["y_interval"]
        self._takes_coverage = "coverage" in parameters

    def _options(self):
        return {"quantiles": self._quantiles, "coverage": self._coverage}

    def __call__(self, estimator, X, y_true, sample_weight=None):
        """Return the metric, negated where lower is better."""
        model, X = _quantile_model(estimator, X)
        if self._coverage is None:
            levels, forecast = _predict_quantiles(model, X, self._quantiles)
            return self._value(y_true, forecast, quantiles=levels, sample_weight=sample_weight)
        if not hasattr(model, "predict_interval"):
            raise TypeError(
                f"{type(model).__name__} has no predict_interval: want a quantile regressor that "
                "predicts intervals, or no coverage"
            )
        interval = model.predict_interval(X, coverage=self._coverage)
        arguments = (y_true, interval) if self._takes_truth else (interval,)
        options = {"coverage": self._coverage} if self._takes_coverage else {}
        return self._value(*arguments, sample_weight=sample_weight, **options)


def _quantile_model(estimator, X):
    """Return the model inside Pipelines, searches and frozen estimators, and X as it sees it."""
    while not hasattr(estimator, "predict_quantiles"):
        if isinstance(estimator, FrozenEstimator):
            estimator = estimator.estimator
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            if len(estimator.steps) > 1:
                X = estimator[:-1].transform(X)
            estimator = estimator.steps[-1][1]
        else:
            break
    return estimator, X


def _predict_quantiles(model, X, quantiles):
    """Return levels and forecasts of a fitted model."""
    if hasattr(model, "predict_quantiles"):
        if quantiles is not None:
            return quantiles, model.predict_quantiles(X, quantiles)
        if not hasattr(model, "quantiles_"):
            raise ValueError(
                f"quantiles=None, but {type(model).__name__} has no quantiles_: want the levels"
            )
        return model.quantiles_, model.predict_quantiles(X)
    if "quantiles" not in inspect.signature(model.predict).parameters:
        raise TypeError(
            f"{type(model).__name__} has neither predict_quantiles nor predict(X, quantiles=...): "
            "want a quantile regressor at the end of the Pipeline or search"
        )
    if quantiles is None:
        raise ValueError(
            f"quantiles=None, but {type(model).__name__} does not say its levels: want the levels"
        )
    forecast = np.asarray(model.predict(X, quantiles=quantiles))
    return quantiles, forecast.reshape(len(forecast), len(quantiles))  # one level comes back 1-D


neg_weighted_interval_score_scorer = quantile_scorer(weighted_interval_score)
