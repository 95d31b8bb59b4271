"""Checks and second derivatives of the objective for gradient boosting."""

from numbers import Real

import numpy as np

from skweight.fairness._losses import Binomial, LogLink

_CHOICES = {
    "loss": ("squared_error", "log_loss", "poisson", "gamma", "tweedie", "inverse_gaussian"),
    "hessian": ("loss", "bound"),
    "measure": ("ccdcov", "jdcov", "sum"),
    "statistic": ("V", "U"),
}


def check_parameters(objective):
    """Raise the sentence that names a parameter of an objective without a meaning.

    Parameters
    ----------
    objective : DistanceCovarianceObjective
        What the parameters are attributes of.
    """
    for name, choices in _CHOICES.items():
        value = getattr(objective, name)
        if not (isinstance(value, str) and value in choices):
            raise ValueError(f"{name} must be one of {choices}, got {value!r}.")
    for name in ("fairness_alpha", "smoothing"):
        value = getattr(objective, name)
        if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= value < np.inf:
            raise ValueError(f"{name} must be a finite number of at least 0, got {value!r}.")
    if objective.hessian == "bound" and objective.smoothing == 0:
        raise ValueError(
            "smoothing must be above 0 with hessian='bound', as a penalty with kinks has no bound, "
            "got 0."
        )
    if objective.hessian == "bound" and objective.normalize:
        raise ValueError(
            "hessian must be 'loss' with normalize=True, for which there is no bound, got 'bound'."
        )


def second_slope(loss, y, mu):
    """Return a loss's second derivative in the score or, where larger, its expectation.

    The expectation is never negative, which the derivative is for the inverse Gaussian; and a
    step with the larger of the two is not too long for outcomes far from the mean either way.
    """
    expected = loss.curvature(mu) * np.ones_like(mu)
    if not isinstance(loss, LogLink) or loss.power == 1:
        return expected
    p = loss.power
    return np.maximum(expected, mu ** (1 - p) * ((2 - p) * mu + (p - 1) * y))


def mean_bend(loss, mu):
    """Return the second derivative of the mean in the score."""
    if isinstance(loss, Binomial):
        return mu * (1 - mu) * (1 - 2 * mu)
    return mu if isinstance(loss, LogLink) else np.zeros_like(mu)
