"""The record of a release: what it spent, and the events that privacy accountants count."""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Real

from skweight._core._optional import import_optional
from skweight.privacy._calibration import gaussian_z


@dataclass(frozen=True)
class PrivacySpent:
    """Say what one release cost, and whether the guarantee holds.

    Nothing in it depends on private rows, except for a record with ``valid=False``, whose mere
    presence tells that bounds or noise were not what privacy wants.

    Parameters
    ----------
    epsilon : float
        The privacy parameter, above 0.
    delta : float, default=0.0
        The probability of failure, in [0, 1); 0 is pure differential privacy.
    adjacency : {"add_remove", "replace"}, default="add_remove"
        What neighbours are: data sets of which one has one row more, or one row that differs.
    mechanism : {"laplace", "gaussian"}, default="laplace"
        The noise.
    valid : bool, default=True
        Whether the guarantee holds. It does not where bounds or classes were taken from private
        rows, or where noise was seeded.
    reasons : tuple of str, default=()
        Why it does not hold.
    noise_multiplier : float or None, default=None
        For Gaussian noise, its standard deviation in units of the sensitivity; None for the least
        that gives `epsilon` and `delta`.

    See Also
    --------
    PrivacyAccountant : A budget that releases draw on.

    Examples
    --------
    >>> from skweight.privacy import PrivacySpent
    >>> PrivacySpent(1.0).dp_event
    DiscreteLaplaceDpEvent(noise_parameter=1.0, sensitivity=1)
    """

    epsilon: float
    delta: float = 0.0
    adjacency: str = "add_remove"
    mechanism: str = "laplace"
    valid: bool = True
    reasons: tuple = ()
    noise_multiplier: float | None = field(default=None, repr=False)

    def __post_init__(self):
        check_cost(self.epsilon, self.delta, self.mechanism)
        object.__setattr__(self, "reasons", tuple(self.reasons))

    @property
    def dp_event(self):
        """Return the release as one event for accountants of privacy loss distributions.

        A pure release counts as the worst pure mechanism, which is randomised response; a release
        that is not valid counts as no privacy at all.

        Returns
        -------
        dp_accounting.DpEvent
            The event.

        See Also
        --------
        rdp_event : The same for Rényi accountants.

        Examples
        --------
        >>> from skweight.privacy import PrivacySpent
        >>> PrivacySpent(1.0, 1e-5, mechanism="gaussian").dp_event
        GaussianDpEvent(noise_multiplier=3.7306...)
        """
        events = import_optional("dp_accounting.dp_event", "PrivacySpent.dp_event")
        if not self.valid:
            return events.NonPrivateDpEvent()
        if self.mechanism == "laplace":
            # With sensitivity 1 its privacy loss is that of randomised response.
            return events.DiscreteLaplaceDpEvent(noise_parameter=self.epsilon, sensitivity=1)
        return events.GaussianDpEvent(self._multiplier())

    @property
    def rdp_event(self):
        """Return the release as one event for Rényi accountants.

        They do not know the event of `dp_event`; a pure release is epsilon ** 2 / 2
        zero-concentrated differentially private.

        Returns
        -------
        dp_accounting.DpEvent
            The event.

        See Also
        --------
        dp_event : The same for accountants of privacy loss distributions.

        Examples
        --------
        >>> from skweight.privacy import PrivacySpent
        >>> PrivacySpent(1.0).rdp_event
        ZCDpEvent(rho=0.5, xi=0.0)
        """
        events = import_optional("dp_accounting.dp_event", "PrivacySpent.rdp_event")
        if not self.valid:
            return events.NonPrivateDpEvent()
        if self.mechanism == "laplace":
            return events.ZCDpEvent(self.epsilon**2 / 2)
        return events.GaussianDpEvent(self._multiplier())

    def _multiplier(self):
        if self.noise_multiplier is None:
            return gaussian_z(self.epsilon, self.delta)
        return self.noise_multiplier


def check_cost(epsilon, delta, mechanism=None):
    """Raise unless these are parameters of a release by the mechanism."""
    if not isinstance(epsilon, Real) or not 0 < epsilon < math.inf:
        raise ValueError(f"epsilon must be a finite number above 0, got {epsilon!r}.")
    if not isinstance(delta, Real) or not 0 <= delta < 1:
        raise ValueError(f"delta must be in [0, 1), got {delta!r}.")
    if mechanism not in (None, "laplace", "gaussian"):
        raise ValueError(f"mechanism must be 'laplace' or 'gaussian', got {mechanism!r}.")
    if mechanism == "gaussian" and delta == 0:
        raise ValueError("delta must be above 0 with mechanism='gaussian', got 0.")


def as_written(value):
    """Return a number exactly as it is written in decimals: 0.1 is one tenth."""
    return Fraction(repr(float(value)))
