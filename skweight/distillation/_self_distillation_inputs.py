"""What goes into the distillation of any estimator: which ones can be, rows, weights and splits."""

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags

from skweight._core._wrapping import weight_keyword
from skweight.distillation._self_distillation_learners import (
    ClassificationLearner,
    RegressionLearner,
)
from skweight.distillation._steps import check_steps
from skweight.distillation._weights import check_bounds


def check_can_be_distilled(estimator):
    """Raise unless an estimator can be fitted to mixtures of targets and predictions."""
    name = type(estimator).__name__
    if isinstance(estimator, FrozenEstimator):
        raise ValueError(f"estimator must not be frozen, since every step fits it, got {name}.")
    if is_regressor(estimator):
        return
    if not is_classifier(estimator):
        raise ValueError(f"estimator must be a regressor or a classifier, got {name}.")
    if not hasattr(estimator, "predict_proba"):
        raise ValueError(f"estimator must have predict_proba if it is a classifier, got {name}.")
    if weight_keyword(estimator) is None:
        raise ValueError(
            f"estimator must take sample_weight in fit if it is a classifier, got {name}."
        )
    if get_tags(estimator).input_tags.pairwise:
        raise ValueError(
            "estimator must not be a classifier of precomputed kernels, since rows are copied, "
            f"got {name}."
        )


def check_weights(estimator, ground_truth_weight, weight_bounds, n_steps):
    """Return weights of shape (n_steps - 1,), None if they are to be found, and their bounds."""
    low, high = check_bounds(weight_bounds)
    if isinstance(ground_truth_weight, str):
        given = None if n_steps > 1 else np.empty(0)
    else:
        given, _ = check_steps(ground_truth_weight, 1.0, n_steps)
    if not is_classifier(estimator):
        return given, (low, high)
    if given is not None and ((given < 0) | (given > 1)).any():
        raise ValueError(
            "ground_truth_weight must be between 0 and 1 for a classifier, got "
            f"{ground_truth_weight!r}."
        )
    if low > 1 or high < 0:
        raise ValueError(f"weight_bounds must meet [0, 1] for a classifier, got {weight_bounds!r}.")
    return given, (max(low, 0.0), min(high, 1.0))


def make_learner(estimator, X, y, keyword, params):
    """Return what fits the estimator, and what splits are stratified by.

    Parameters
    ----------
    estimator : estimator
        A regressor or a classifier.
    X, y : array-like
        Rows as from `check_rows`.
    keyword : str
        The one under which ``fit`` takes weights.
    params : dict
        What goes to ``fit``, weights included where there are any.

    Returns
    -------
    learner : RegressionLearner or ClassificationLearner
        Fits clones.
    strata : ndarray of shape (n,)
        Targets, or the codes of labels.
    """
    others = {name: value for name, value in params.items() if name != keyword}
    given = params.get(keyword)
    if not is_classifier(estimator):
        weight = {} if given is None else {keyword: given}
        return RegressionLearner(estimator, X, y, weight, others), y
    labels, codes = np.unique(y, return_inverse=True)
    used = np.bincount(codes, weights=given) > 0
    classes = labels[used]
    if len(classes) < 2:
        raise ValueError(
            "y must hold at least two classes among the rows of positive weight, but it has only "
            f"1 class: {classes}."
        )
    truth = np.eye(len(labels))[codes][:, used]
    return ClassificationLearner(estimator, X, truth, {keyword: given}, others, classes), codes
