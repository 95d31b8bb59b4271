"""Scorers for model selection that know the rank order of an estimator's classes."""

import numpy as np

from skweight.metrics._calibration import rare_class_calibration_error
from skweight.metrics._probability import (
    multiclass_brier_score,
    ranked_probability_score,
    rare_class_error,
)
from skweight.metrics._scorer_base import MetricScorer
from skweight.metrics._validation import warn_alphabetical


def make_ordinal_scorer(metric, *, labels=None, greater_is_better=False, **kwargs):
    """Make a scorer from a metric of class probabilities in rank order.

    Unlike scorers of :func:`sklearn.metrics.make_scorer` it hands the metric the columns of
    ``predict_proba`` in rank order, found in the fitted estimator's ``class_order_``, also
    inside a Pipeline or a search.

    Parameters
    ----------
    metric : callable
        Called as ``metric(y_true, y_proba, labels=..., sample_weight=..., **kwargs)``, with the
        columns of ``y_proba`` as in ``labels``; the weights only where given.
    labels : array-like of shape (n_classes,), default=None
        Every label from the lowest rank to the highest. None means the estimator's
        ``class_order_``, else its sorted ``classes_``. A label that the estimator has not seen
        gets probability 0.
    greater_is_better : bool, default=False
        Whether greater values of the metric are better; otherwise the scorer negates it.
    **kwargs : dict
        Further arguments of the metric, such as ``n_bins``.

    Returns
    -------
    callable
        The scorer, called as ``scorer(estimator, X, y, sample_weight=None)``. Under metadata
        routing it consumes `sample_weight` after ``scorer.set_score_request(sample_weight=True)``.

    See Also
    --------
    ranked_probability_score : The metric to start with.

    Notes
    -----
    ``sklearn.callback.ScoringMonitor`` takes a callable for one score only if it is of
    scikit-learn's own making: hand it a dict, such as ``scoring={"rps": scorer}``.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from skweight.datasets import make_ordinal
    >>> from skweight.metrics import make_ordinal_scorer, rare_class_calibration_error
    >>> X, y, _ = make_ordinal(500, 3, intercepts=(0, 2), random_state=0)
    >>> scorer = make_ordinal_scorer(rare_class_calibration_error, n_bins=5)
    >>> scores = cross_val_score(LogisticRegression(), X, y, scoring=scorer)
    >>> bool((scores <= 0).all())
    True
    """
    return _OrdinalScorer(metric, labels, greater_is_better, kwargs)


class _OrdinalScorer(MetricScorer):
    """Hand the metric the probabilities in rank order, and the labels."""

    _maker = "make_ordinal_scorer"

    def __init__(self, metric, labels, greater_is_better, kwargs):
        super().__init__(metric, greater_is_better, kwargs)
        self._labels = labels

    def _options(self):
        return {"labels": self._labels}

    def __call__(self, estimator, X, y_true, sample_weight=None):
        """Return the metric, negated where lower is better."""
        labels = self._rank_order(estimator)
        proba = _columns_of(labels, np.asarray(estimator.predict_proba(X)), estimator.classes_)
        return self._value(y_true, proba, labels=labels, sample_weight=sample_weight)

    def _rank_order(self, estimator):
        if self._labels is not None:
            return self._labels
        order = _class_order(estimator)
        if order is None:
            order = estimator.classes_
            if len(order) > 2 and isinstance(order[0], str):
                warn_alphabetical()
        return order


def _class_order(estimator):
    """Return `class_order_` of the estimator or of what it wraps, or None."""
    while estimator is not None:
        if hasattr(estimator, "class_order_"):
            return estimator.class_order_
        estimator = _inner(estimator)
    return None


def _inner(estimator):
    """Return the fitted estimator that gives a wrapper its probabilities, or None."""
    if hasattr(estimator, "steps"):
        return estimator.steps[-1][1]
    calibrated = getattr(estimator, "calibrated_classifiers_", None)
    if calibrated:
        return calibrated[0].estimator
    for name in ("best_estimator_", "estimator_", "estimator"):
        if hasattr(estimator, name):
            return getattr(estimator, name)
    return None


def _columns_of(labels, proba, classes):
    """Arrange columns that follow `classes` as `labels`; 0 for a label without a column."""
    column_of = {label: column for column, label in enumerate(np.asarray(classes).tolist())}
    labels = np.asarray(labels).tolist()
    unranked = set(column_of) - set(labels)
    if unranked:
        raise ValueError(
            f"labels={labels} lack {sorted(unranked)}, which the estimator predicts: want every "
            "class from the lowest rank to the highest"
        )
    arranged = np.zeros((len(proba), len(labels)))
    for rank, label in enumerate(labels):
        if label in column_of:
            arranged[:, rank] = proba[:, column_of[label]]
    return arranged


neg_ranked_probability_score_scorer = make_ordinal_scorer(ranked_probability_score)
neg_multiclass_brier_score_scorer = make_ordinal_scorer(multiclass_brier_score)
neg_rare_class_error_scorer = make_ordinal_scorer(rare_class_error)
neg_rare_class_calibration_error_scorer = make_ordinal_scorer(rare_class_calibration_error)
