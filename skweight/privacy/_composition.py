"""What several releases cost together."""

import math
from collections import Counter
from fractions import Fraction

from scipy.optimize import minimize_scalar

from skweight._core._optional import import_optional
from skweight.privacy._calibration import gaussian_z
from skweight.privacy._spent import PrivacySpent, as_written


def composed_epsilon(records, delta):
    """Return an epsilon that several releases have together, at a given delta.

    It is the smallest of three bounds: the sum, privacy loss distributions and Rényi accounting.
    It holds for releases whose mechanisms and parameters were all fixed in advance. Where later
    ones were chosen after looking at earlier ones, only the accountant's own total holds.

    Parameters
    ----------
    records : iterable of PrivacyRecord or PrivacySpent
        The releases, as in `PrivacyAccountant.records`.
    delta : float
        The probability of failure of them all together, in [0, 1).

    Returns
    -------
    float
        The epsilon; infinity if a record is not valid, or if `delta` is too small for them.

    Raises
    ------
    ValueError
        If `delta` is out of range, or records are about different neighbours.

    See Also
    --------
    PrivacyAccountant : A budget that holds also for releases that depend on earlier ones.

    Examples
    --------
    >>> from skweight.privacy import PrivacySpent, composed_epsilon
    >>> many = [PrivacySpent(0.1, 1e-6, mechanism="gaussian")] * 20
    >>> round(composed_epsilon(many, delta=2e-5), 2)
    0.41
    """
    if not 0 <= delta < 1:
        raise ValueError(f"delta must be in [0, 1), got {delta!r}.")
    counts = Counter(records)
    if not counts:
        return 0.0
    if len({record.adjacency for record in counts} - {None}) > 1:
        raise ValueError(
            "records must have one adjacency, got both 'add_remove' and 'replace', whose epsilons "
            "do not add up."
        )
    if not all(getattr(record, "valid", True) for record in counts):
        return math.inf
    # Laplace noise fails never; a mechanism that is not known fails with its whole delta, and is
    # pure otherwise; Gaussian noise does so in the sum alone.
    fails = {"laplace": 0, "gaussian": 0}
    unknown = _exact_sum(counts, lambda record: fails.get(record.mechanism, record.delta))
    failing = _exact_sum(counts, lambda r: 0 if r.mechanism == "laplace" else r.delta)
    bounds = [math.inf]
    if failing <= as_written(delta):
        bounds.append(float(_exact_sum(counts, lambda record: record.epsilon)))
    if unknown < as_written(delta):
        bounds += _by_distributions(counts, float(as_written(delta) - unknown))
    return min(bounds)


def _by_distributions(counts, delta):
    events = import_optional("dp_accounting.dp_event", "composed_epsilon")
    pld = import_optional("dp_accounting.pld", "composed_epsilon")
    rdp = import_optional("dp_accounting.rdp", "composed_epsilon")
    by_loss, by_moments = pld.PLDAccountant(), rdp.RdpAccountant()
    for record, count in counts.items():
        spent = record if isinstance(record, PrivacySpent) else _spent(record)
        by_loss.compose(events.SelfComposedDpEvent(spent.dp_event, count))
        by_moments.compose(events.SelfComposedDpEvent(spent.rdp_event, count))
    return [float(by_loss.get_epsilon(delta)), float(by_moments.get_epsilon(delta))]


def _spent(record):
    return PrivacySpent(record.epsilon, record.delta, mechanism=record.mechanism or "laplace")


def _exact_sum(counts, value):
    total = (count * as_written(value(record)) for record, count in counts.items())
    return sum(total, Fraction(0))


def zcdp_of(record):
    """Return rho of a release: it is rho-zero-concentrated differentially private."""
    if record.mechanism == "laplace":
        return record.epsilon**2 / 2
    return 1 / (2 * gaussian_z(record.epsilon, record.delta) ** 2)


def zcdp_epsilon(rho, delta):
    """Return an epsilon of rho-zero-concentrated differential privacy at delta.

    References
    ----------
    .. [1] C. Canonne, G. Kamath and T. Steinke, "The Discrete Gaussian for Differential Privacy",
       NeurIPS 2020, Proposition 12.
    """

    def epsilon(log_excess):  # each order alpha gives a bound
        excess = math.exp(log_excess)
        alpha = 1 + excess
        log_ratio = math.log(excess) - math.log(alpha)
        return alpha * rho + log_ratio - (math.log(delta) + math.log(alpha)) / excess

    centre = 0.5 * math.log(math.log(1 / delta) / rho)
    best = minimize_scalar(epsilon, bounds=(centre - 5, centre + 5), method="bounded")
    return max(0.0, float(best.fun)) * (1 + 1e-12)
