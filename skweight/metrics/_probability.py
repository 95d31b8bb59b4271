"""Scores of predicted class probabilities."""

import numpy as np

from skweight.metrics._validation import check_ordinal, check_unit_interval, check_weights


def ranked_probability_score(y_true, y_proba, *, labels=None, sample_weight=None):
    """Compute the ranked probability score of ordered classes, the lower the better.

    The squared distance between the predicted and the observed cumulative distribution, summed
    over the boundaries: ``sum_k (P(y <= k) - 1[y <= k])**2``, averaged over rows. A miss by two
    ranks costs more than a miss by one. For two classes it is the binary Brier score. It is
    strictly proper: the true probabilities, and only they, minimise its expectation.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities, a column for each of `labels` in their order. The columns of
        ``predict_proba`` are sorted by label, which need not be the rank order.
    labels : array-like of shape (n_classes,), default=None
        Every label from the lowest rank to the highest; None means the sorted labels of `y_true`.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter.

    Returns
    -------
    float
        The score, between 0 and ``n_classes - 1``.

    Raises
    ------
    ValueError
        If a true label is not among `labels`, or `y_proba` does not hold probabilities.

    See Also
    --------
    multiclass_brier_score : Score that ignores the order.
    neg_ranked_probability_score_scorer : Scorer for model selection.

    References
    ----------
    .. [1] E. S. Epstein, "A Scoring System for Probability Forecasts of Ranked Categories",
           Journal of Applied Meteorology 8 (1969), 985-987.

    Examples
    --------
    >>> from skweight.metrics import ranked_probability_score
    >>> labels = ["low", "mid", "high"]
    >>> near, far = [[0.0, 0.2, 0.8]], [[0.2, 0.0, 0.8]]
    >>> round(ranked_probability_score(["high"], near, labels=labels), 3)
    0.04
    >>> round(ranked_probability_score(["high"], far, labels=labels), 3)
    0.08
    """
    rank, proba, weights = check_ordinal(y_true, y_proba, labels, sample_weight)
    exceedance = np.cumsum(proba[:, :0:-1], axis=1)[:, ::-1]  # P(y > k), small tails kept
    return float(weights @ squared_exceedance_error(rank, exceedance))


def squared_exceedance_error(rank, exceedance):
    """Return each row's ranked probability score.

    Parameters
    ----------
    rank : ndarray of int of shape (n_samples,)
        True ranks.
    exceedance : ndarray of shape (n_samples, n_classes - 1)
        P(y > k); the score is defined, if improper, for any numbers.

    Returns
    -------
    ndarray of shape (n_samples,)
        The scores.
    """
    exceeded = rank[:, None] > np.arange(exceedance.shape[1])
    return ((exceedance - exceeded) ** 2).sum(axis=1)


def multiclass_brier_score(y_true, y_proba, *, labels=None, sample_weight=None):
    """Compute the Brier score summed over the classes, the lower the better.

    The squared distance between the predicted probabilities and the indicator of the true
    class: ``sum_k (P(y = k) - 1[y = k])**2``, averaged over rows. The order of the classes
    plays no part. For two classes it is twice the binary Brier score.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities, a column for each of `labels` in their order.
    labels : array-like of shape (n_classes,), default=None
        The labels of the columns; None means the sorted labels of `y_true`.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter.

    Returns
    -------
    float
        The score, between 0 and 2.

    Raises
    ------
    ValueError
        If a true label is not among `labels`, or `y_proba` does not hold probabilities.

    See Also
    --------
    ranked_probability_score : Score that uses the order.

    Examples
    --------
    >>> from skweight.metrics import multiclass_brier_score
    >>> proba = [[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]]
    >>> round(multiclass_brier_score([0, 1], proba, labels=[0, 1, 2]), 3)
    0.32
    """
    rank, proba, weights = check_ordinal(y_true, y_proba, labels, sample_weight, ranked=False)
    proba = proba.copy()
    proba[np.arange(len(rank)), rank] -= 1.0
    return float(weights @ (proba**2).sum(axis=1))


def rare_class_error(y_true, y_proba, *, labels=None, sample_weight=None):
    """Compute the Brier score of the last class alone, the lower the better.

    The mean of ``(P(y = last) - 1[y = last])**2`` over rows, where last is the highest rank:
    the class that is rare in the ordinal models here. Its expectation is the mean squared error
    of the predicted probability (:func:`rare_class_mse`) plus the mean of ``p (1 - p)``, which no
    prediction can lower, so that with a rare class good models differ in late digits: compare
    differences, not ratios.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities, a column for each of `labels` in their order.
    labels : array-like of shape (n_classes,), default=None
        Every label from the lowest rank to the highest; None means the sorted labels of `y_true`.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter.

    Returns
    -------
    float
        The score, between 0 and 1.

    Raises
    ------
    ValueError
        If a true label is not among `labels`, or `y_proba` does not hold probabilities.

    See Also
    --------
    rare_class_mse : Error where the true probabilities are known.
    rare_class_calibration_error : Calibration of the last class.

    Examples
    --------
    >>> from skweight.metrics import rare_class_error
    >>> proba = [[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]]
    >>> round(rare_class_error([0, 2], proba, labels=[0, 1, 2]), 3)
    0.13
    """
    rank, proba, weights = check_ordinal(y_true, y_proba, labels, sample_weight)
    last = proba.shape[1] - 1
    return float(weights @ (proba[:, last] - (rank == last)) ** 2)


def rare_class_mse(proba_true, proba_pred, *, sample_weight=None):
    """Compute the mean squared error of the last class's probability against the truth.

    The measure of the simulations of the PRESTO paper, for data whose true probabilities are
    known, as those of :func:`skweight.datasets.make_ordinal`.

    Parameters
    ----------
    proba_true : array-like of shape (n_samples,) or (n_samples, n_classes)
        True probabilities of the last class, or of all classes in rank order.
    proba_pred : array-like of shape (n_samples,) or (n_samples, n_classes)
        Predicted probabilities, in either form.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, of which only the ratios matter.

    Returns
    -------
    float
        The error, between 0 and 1.

    Raises
    ------
    ValueError
        If the two differ in length or hold anything but probabilities.

    See Also
    --------
    rare_class_error : Error where only the labels are known.

    References
    ----------
    .. [1] G. Faletto and J. Bien, "Predicting Rare Events by Shrinking Towards Proportional
           Odds", ICML 2023, PMLR 202:9547-9602.

    Examples
    --------
    >>> from skweight.metrics import rare_class_mse
    >>> round(rare_class_mse([0.01, 0.03], [[0.98, 0.02], [0.97, 0.03]]), 6)
    5e-05
    """
    truth = _last_column(proba_true, "proba_true")
    predicted = _last_column(proba_pred, "proba_pred")
    if len(truth) != len(predicted):
        raise ValueError(
            f"proba_true has {len(truth)} rows and proba_pred {len(predicted)}: want as many"
        )
    return float(check_weights(sample_weight, len(truth)) @ (truth - predicted) ** 2)


def _last_column(proba, name):
    proba = check_unit_interval(proba, name, ensure_2d=False)
    return proba if proba.ndim == 1 else proba[:, -1]
