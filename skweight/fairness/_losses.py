"""Losses of generalised linear models, as functions of the raw score.

Each is half the deviance without the terms that no prediction changes, as in scikit-learn, so that
strengths of penalties mean the same there and here. With the variance function ``V(mu)`` of the
distribution, the derivative in the score is ``(mu - y) mu'(eta) / V(mu)``.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, xlogy

# exp stays finite and above 0 at scores of at most this size.
_LARGEST = 700.0
_LARGEST_ROOT = 1e150


@dataclass(frozen=True)
class SquaredError:
    """Half the squared error, with the identity link."""

    name: str = "squared_error"
    log_link = False
    n_scores = 1

    def value(self, y, eta):
        """Return the loss of each row."""
        return 0.5 * (y - eta) ** 2

    def value_and_slope(self, y, eta):
        """Return the loss of each row and its derivative in the score."""
        residual = eta - y
        return 0.5 * residual**2, residual

    def mean(self, eta):
        """Return the predicted mean."""
        return eta

    def mean_slope(self, mu):
        """Return the derivative of the mean in the score, at the mean."""
        return np.ones_like(mu)

    def to_scores(self, mu, slopes):
        """Return a gradient in the predictions as one in the scores."""
        return slopes

    def link(self, mu):
        """Return the score of a mean."""
        return mu

    def curvature(self, mean):
        """Return the expected second derivative of the loss in the score, at a mean."""
        return 1.0

    def variance(self, mean):
        """Return the variance function of the distribution, at a mean."""
        return 1.0

    def saturated(self, y):
        """Return the smallest loss that any score gives each row."""
        return np.zeros_like(y)

    def check_target(self, y, mean):
        """Raise a ValueError if the loss is not defined for a target; here it always is."""


@dataclass(frozen=True)
class LogLink:
    """Half the deviance of a Tweedie distribution, with the log link.

    Parameters
    ----------
    name : str
        What the user called it.
    power : float
        The variance is the mean to this power: 0 squared error, 1 Poisson, 2 Gamma, 3 inverse
        Gaussian.
    """

    name: str
    power: float
    log_link = True
    n_scores = 1

    def value(self, y, eta):
        """Return the loss of each row."""
        return self.value_and_slope(y, eta)[0]

    def value_and_slope(self, y, eta):
        """Return the loss of each row and its derivative in the score."""
        p = self.power
        if p == 1:
            mu = self.mean(eta)
            return mu - y * eta, mu - y
        if p == 2:
            ratio = y * self._exp(-eta)
            return eta + ratio, 1 - ratio
        upper, lower = self._exp((2 - p) * eta), y * self._exp((1 - p) * eta)
        if p == 0:
            residual = np.clip(self.mean(eta) - y, -_LARGEST_ROOT, _LARGEST_ROOT)
            return 0.5 * residual**2, upper - lower
        return upper / (2 - p) - lower / (1 - p), upper - lower

    def _exp(self, z):
        return np.exp(np.clip(z, -_LARGEST, _LARGEST))

    def mean(self, eta):
        """Return the predicted mean, finite and above 0 at any score."""
        return self._exp(eta)

    def mean_slope(self, mu):
        """Return the derivative of the mean in the score, at the mean."""
        return mu

    def to_scores(self, mu, slopes):
        """Return a gradient in the predictions as one in the scores."""
        return slopes * self.mean_slope(mu)

    def link(self, mu):
        """Return the score of a mean."""
        return np.log(mu)

    def curvature(self, mean):
        """Return the expected second derivative of the loss in the score, at a mean."""
        return mean ** (2 - self.power)

    def variance(self, mean):
        """Return the variance function of the distribution, at a mean."""
        return mean**self.power

    def saturated(self, y):
        """Return the smallest loss that any score gives each row."""
        p = self.power
        if p == 0:
            return np.zeros_like(y)
        if p == 1:
            return y - xlogy(y, y)
        if p == 2:
            return np.log(y) + 1
        return np.maximum(y, 0.0) ** (2 - p) / ((p - 1) * (2 - p))

    def check_target(self, y, mean):
        """Raise a ValueError if the loss is not defined for a target.

        Parameters
        ----------
        y : ndarray of shape (n,)
            The target.
        mean : float
            Its weighted mean.
        """
        lowest = y.min()
        if (self.power >= 2 and lowest <= 0) or (1 <= self.power < 2 and lowest < 0):
            wanted = "above 0" if self.power >= 2 else "at least 0"
            raise ValueError(
                f"Some value(s) of y are out of the valid range of the loss {self.name!r}: y must "
                f"be {wanted}, got {lowest:g}."
            )
        if mean <= 0:
            raise ValueError(
                "y must have a weighted mean above 0, which the log link takes the logarithm of, "
                f"got {mean:g}."
            )


@dataclass(frozen=True)
class Binomial:
    """Half the binomial deviance of labels 0 and 1, with the logit link."""

    name: str = "log_loss"
    log_link = False
    n_scores = 1

    def value(self, y, eta):
        """Return the loss of each row."""
        return np.logaddexp(0.0, eta) - y * eta

    def value_and_slope(self, y, eta):
        """Return the loss of each row and its derivative in the score."""
        small = np.exp(-np.abs(eta))
        p = np.where(eta >= 0, 1.0, small) / (1 + small)
        return np.log1p(small) + np.maximum(eta, 0.0) - y * eta, p - y

    def mean(self, eta):
        """Return the probability of the second class."""
        return expit(eta)

    def mean_slope(self, mu):
        """Return the derivative of the probability in the score, at the probability."""
        return mu * (1 - mu)

    def to_scores(self, mu, slopes):
        """Return a gradient in the predictions as one in the scores."""
        return slopes * self.mean_slope(mu)

    def link(self, mu):
        """Return the score of a probability."""
        return np.log(mu / (1 - mu))

    def curvature(self, mean):
        """Return the expected second derivative of the loss in the score, at a probability."""
        return mean * (1 - mean)

    def variance(self, mean):
        """Return the variance of a label, at a probability."""
        return mean * (1 - mean)

    def saturated(self, y):
        """Return the smallest loss that any score gives each row."""
        return np.zeros_like(y)


@dataclass(frozen=True)
class Multinomial:
    """The cross-entropy of classes 0, ..., n_scores - 1, with the softmax link.

    Targets are one-hot rows, scores have one column for each class.
    """

    n_scores: int
    name: str = "log_loss"
    log_link = False

    def value(self, y, eta):
        """Return the loss of each row."""
        return self.value_and_slope(y, eta)[0]

    def value_and_slope(self, y, eta):
        """Return the loss of each row and its derivatives in the scores."""
        top = eta.max(axis=1, keepdims=True)
        p = np.exp(eta - top)
        total = p.sum(axis=1, keepdims=True)
        p /= total
        return (np.log(total) + top)[:, 0] - (y * eta).sum(axis=1), p - y

    def mean(self, eta):
        """Return the probabilities of the classes."""
        p = np.exp(eta - eta.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    def link(self, mu):
        """Return the scores of probabilities, which sum to 0."""
        eta = np.log(mu)
        return eta - eta.mean()

    def curvature(self, mean):
        """Return the expected second derivatives of the loss, (n_scores, n_scores)."""
        return np.diag(mean) - np.outer(mean, mean)

    def variance(self, mean):
        """Return the variances of the labels' indicators, at probabilities."""
        return mean * (1 - mean)

    def saturated(self, y):
        """Return the smallest loss that any scores give each row."""
        return np.zeros(len(y))

    def to_scores(self, mu, slopes):
        """Return a gradient in the probabilities as one in the scores."""
        return mu * (slopes - (mu * slopes).sum(axis=1, keepdims=True))


def regression_loss(loss, power=None, link="auto"):
    """Choose the loss of a regressor.

    Parameters
    ----------
    loss : {"squared_error", "poisson", "gamma", "tweedie", "inverse_gaussian"}
        Which distribution.
    power : float or None, default=None
        The power of "tweedie", and of no other.
    link : {"auto", "identity", "log"}, default="auto"
        "auto" is the identity for squared error (also as the power 0), else the logarithm.

    Returns
    -------
    SquaredError or LogLink
        The loss.

    Raises
    ------
    ValueError
        If the three do not go together.
    """
    if (power is not None) != (loss == "tweedie"):
        wanted = "a number" if power is None else f"None for loss={loss!r}"
        raise ValueError(
            f"power belongs to loss='tweedie' and to no other loss: it must be {wanted}, got "
            f"{power!r}."
        )
    if loss == "tweedie":
        if 0 < power < 1:
            raise ValueError(
                f"power must be at most 0 or at least 1: no distribution has power={power!r}."
            )
    else:
        power = {"squared_error": 0, "poisson": 1, "gamma": 2, "inverse_gaussian": 3}[loss]
    if power != 0 and link == "identity":
        raise ValueError(
            f"link must be 'log' or 'auto' for loss={loss!r}, whose mean must be above 0, got "
            "'identity'."
        )
    if power == 0 and link != "log":
        return SquaredError(loss)
    return LogLink(loss, float(power))
