"""Distribution functions F of the ordinal links, as stable functions of arrays.

A link is a namespace of vectorised functions of ``t``:

- ``log_cdf(t)``, ``log_sf(t)``: log F(t) and log(1 - F(t));
- ``log_pdf(t)``: log f(t);
- ``score(t)``: the derivative of log f;
- ``quantile(u)``: the inverse of F;
- ``log_interval(a, b)``: log(F(b) - F(a)) for a < b, without cancellation, -inf for a >= b.
"""

from types import SimpleNamespace

import numpy as np
from scipy.special import expit, log_expit, log_ndtr, logit, ndtri

_HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)


def log1mexp(t):
    """Compute log(1 - exp(-t)) for t >= 0 (-inf at 0)."""
    with np.errstate(divide="ignore"):
        return np.where(t < 0.6931471805599453, np.log(-np.expm1(-t)), np.log1p(-np.exp(-t)))


def _ordered(log_interval):
    """Make an interval function return -inf wherever a >= b."""

    def wrapped(a, b):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return np.where(a < b, log_interval(a, b), -np.inf)

    return wrapped


def _logit_interval(a, b):
    return log_expit(b) + log_expit(-a) + log1mexp(np.maximum(b - a, 0))


def _probit_interval(a, b):
    # Work in the left tail, where log F keeps its relative accuracy.
    right = a + b > 0
    a, b = np.where(right, -b, a), np.where(right, -a, b)
    width, middle = b - a, 0.5 * (a + b)
    far = log_ndtr(b) + log1mexp(np.maximum(log_ndtr(b) - log_ndtr(a), 0))
    # The difference of two nearly equal logs loses digits; a short interval is its midpoint rule
    # with the next term, (f''/f)(m) = m^2 - 1.
    near = (
        np.log(np.maximum(width, np.finfo(float).tiny))
        - 0.5 * middle**2
        - _HALF_LOG_2PI
        + np.log1p(np.clip(width**2 / 24 * (middle**2 - 1), -0.5, 0.5))
    )
    return np.where(width * np.maximum(1, np.abs(middle)) < 1e-3, near, far)


def _cloglog_interval(a, b):
    # exp(b) - exp(a) as a product: neither a short interval nor a huge one loses it.
    return -np.exp(a) + log1mexp(np.exp(b) * -np.expm1(-np.maximum(b - a, 0)))


def _loglog_interval(a, b):
    return _cloglog_interval(-b, -a)


def _log_one_minus_exp_exp(t):
    """Compute log(1 - exp(-e^t)), for the far left by its series."""
    return np.where(t < -37, t, log1mexp(np.exp(np.maximum(t, -37))))


LINKS = {
    "logit": SimpleNamespace(
        log_cdf=log_expit,
        log_sf=lambda t: log_expit(-t),
        log_pdf=lambda t: log_expit(t) + log_expit(-t),
        score=lambda t: 1 - 2 * expit(t),
        quantile=logit,
        log_interval=_ordered(_logit_interval),
    ),
    "probit": SimpleNamespace(
        log_cdf=log_ndtr,
        log_sf=lambda t: log_ndtr(-t),
        log_pdf=lambda t: -0.5 * t * t - _HALF_LOG_2PI,
        score=lambda t: -t,
        quantile=ndtri,
        log_interval=_ordered(_probit_interval),
    ),
    "cloglog": SimpleNamespace(
        log_cdf=_log_one_minus_exp_exp,
        log_sf=lambda t: -np.exp(t),
        log_pdf=lambda t: t - np.exp(t),
        score=lambda t: 1 - np.exp(t),
        quantile=lambda u: np.log(-np.log1p(-u)),
        log_interval=_ordered(_cloglog_interval),
    ),
    "loglog": SimpleNamespace(
        log_cdf=lambda t: -np.exp(-t),
        log_sf=lambda t: _log_one_minus_exp_exp(-t),
        log_pdf=lambda t: -t - np.exp(-t),
        score=lambda t: np.exp(-t) - 1,
        quantile=lambda u: -np.log(-np.log(u)),
        log_interval=_ordered(_loglog_interval),
    ),
}
