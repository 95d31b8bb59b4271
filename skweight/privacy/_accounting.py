"""A budget of privacy that releases draw on before they read a row."""

import os
import threading
from dataclasses import dataclass
from fractions import Fraction

from skweight.privacy._composition import zcdp_epsilon, zcdp_of
from skweight.privacy._exceptions import BudgetExceededError
from skweight.privacy._ledger import Ledger
from skweight.privacy._spent import PrivacySpent, check_cost

__all__ = ["PrivacyAccountant", "PrivacyRecord", "PrivacySpent"]


@dataclass(frozen=True)
class PrivacyRecord:
    """One release that an accountant let pass.

    Parameters
    ----------
    epsilon : float
        Its privacy parameter.
    delta : float
        Its probability of failure.
    mechanism : {"laplace", "gaussian"} or None
        Its noise; None if unknown.
    label : str or None
        Who asked.
    """

    epsilon: float
    delta: float = 0.0
    mechanism: str | None = None
    label: str | None = None


class PrivacyAccountant:
    """Keep the releases from the same private rows within one budget.

    Give one accountant to every estimator that is fitted to the same rows. Each `fit` or `release`
    reserves its `epsilon` and `delta` before it reads a row, and what is reserved stays spent
    even if the fit fails, for the failure may depend on the rows. `clone`, and so every search of
    scikit-learn, passes the same accountant on: a search with c candidates, K folds and a refit
    reserves c * K + 1 times.

    Parameters
    ----------
    epsilon : float
        The budget's epsilon, above 0.
    delta : float, default=0.0
        The budget's delta, in [0, 1).
    composition : {"sum", "zcdp"}, default="sum"
        How releases add up. Both hold also where the parameters of a release are chosen after
        looking at earlier ones. ``"sum"`` adds epsilons and deltas. ``"zcdp"`` adds what releases
        cost in zero-concentrated differential privacy and converts the total to epsilon at the
        budget's delta, which lets many more small releases pass; it needs ``delta`` above 0 and
        releases that name their mechanism.
    ledger : str, path or None, default=None
        A file that holds the budget and what was spent. All accountants of one file, in any
        process, share its budget, and so do pickled copies: without a ledger an accountant
        refuses to be pickled, and so refuses ``n_jobs`` that start processes. A file that exists
        must be of the same budget, and what was spent from it stays spent.

    Attributes
    ----------
    epsilon, delta : float
        The budget.
    composition : str
        The rule.
    ledger : str or None
        Absolute path of the file.
    records : tuple of PrivacyRecord
        The releases that passed.
    spent : tuple of float
        Epsilon and delta that are spent.
    remaining : tuple of float
        Epsilon and delta that are left.

    See Also
    --------
    PrivacySpent : What one release cost.
    PrivateKFold : Folds with which one row changes each fit by one row.
    composed_epsilon : A tighter total for releases that were fixed in advance.

    Notes
    -----
    Sums are exact, of the numbers as they are written in decimals: ten times 0.1 is 1.

    The accountant counts what passes through it. It does not see releases made without it, nor
    scores of cross-validation, which are computed from private rows and protected by nothing.

    `BudgetExceededError` is not an ``Exception``, so that no search turns it into a score of nan.

    References
    ----------
    .. [1] V. Feldman and T. Zrnic, "Individual Privacy Accounting via a Rényi Filter",
       NeurIPS 2021.
    .. [2] A. Backurs, Z. Lin, S. Mahabadi, S. Silwal and J. Tarnawski, "Efficiently Computing
       Similarities to Private Datasets", ICLR 2024, arXiv 2403.08917.

    Examples
    --------
    >>> from skweight.privacy import PrivacyAccountant
    >>> accountant = PrivacyAccountant(epsilon=1.0)
    >>> accountant.reserve(0.3)
    >>> accountant.spent
    (0.3, 0.0)
    >>> accountant.remaining
    (0.7, 0.0)
    """

    def __init__(self, epsilon, delta=0.0, *, composition="sum", ledger=None):
        check_cost(epsilon, delta)
        if composition not in ("sum", "zcdp"):
            raise ValueError(f"composition must be 'sum' or 'zcdp', got {composition!r}.")
        if composition == "zcdp" and delta == 0:
            raise ValueError("delta must be above 0 with composition='zcdp', got 0.")
        self._budget = {
            "epsilon": float(epsilon),
            "delta": float(delta),
            "composition": composition,
        }
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._records = []
        self._ledger = None
        if ledger is not None:
            self._ledger = Ledger(ledger)
            self._ledger.open(self._budget)

    @property
    def epsilon(self):
        return self._budget["epsilon"]

    @property
    def delta(self):
        return self._budget["delta"]

    @property
    def composition(self):
        return self._budget["composition"]

    @property
    def ledger(self):
        return None if self._ledger is None else self._ledger.path

    @property
    def records(self):
        if self._ledger is None:
            with self._lock:
                return tuple(self._records)
        with self._ledger.locked(self._budget) as page:
            return _as_records(page.entries)

    @property
    def spent(self):
        return self._total(self.records)

    @property
    def remaining(self):
        epsilon, delta = self.spent
        return (
            max(0.0, float(_written(self.epsilon) - _written(epsilon))),
            max(0.0, float(_written(self.delta) - _written(delta))),
        )

    def reserve(self, epsilon, delta=0.0, mechanism=None, label=None):
        """Spend from the budget, or raise and spend nothing.

        Parameters
        ----------
        epsilon : float
            What the release will cost, above 0.
        delta : float, default=0.0
            Its probability of failure, in [0, 1).
        mechanism : {"laplace", "gaussian"} or None, default=None
            Its noise. ``"gaussian"`` promises noise of at least the standard deviation that the
            analytic Gaussian mechanism wants for `epsilon` and `delta`.
        label : str or None, default=None
            Who asks.

        Raises
        ------
        BudgetExceededError
            If less than that is left.
        ValueError
            If a parameter is out of range.
        """
        check_cost(epsilon, delta, mechanism)
        if self.composition == "zcdp" and mechanism is None:
            raise ValueError("mechanism must be given with composition='zcdp', got None.")
        label = None if label is None else str(label)
        record = PrivacyRecord(float(epsilon), float(delta), mechanism, label)
        if self._ledger is not None:
            with self._ledger.locked(self._budget) as page:
                self._check(_as_records(page.entries), record)
                page.append(vars(record))
            return
        if os.getpid() != self._process:
            # Parent and child would both spend what was left when they parted.
            raise BudgetExceededError(
                "A PrivacyAccountant without a ledger cannot spend in a forked process: pass "
                "ledger=path, and all processes share one budget."
            )
        with self._lock:
            self._check(self._records, record)
            self._records.append(record)

    def _check(self, records, record):
        if self._fits([*records, record]):
            return
        epsilon, delta = self._total(records)
        raise BudgetExceededError(
            f"The budget epsilon={self.epsilon:g}, delta={self.delta:g} has epsilon={epsilon:g}, "
            f"delta={delta:g} spent, and does not allow another epsilon={record.epsilon:g}, "
            f"delta={record.delta:g}."
        )

    def _fits(self, records):
        if self.composition == "sum":
            epsilon, delta = _sums(records)
            return epsilon <= _written(self.epsilon) and delta <= _written(self.delta)
        return self._total(records)[0] <= self.epsilon

    def _total(self, records):
        if not records:
            return 0.0, 0.0
        if self.composition == "sum":
            epsilon, delta = _sums(records)
            return float(epsilon), float(delta)
        return zcdp_epsilon(sum(zcdp_of(record) for record in records), self.delta), self.delta

    def __repr__(self):
        extra = "" if self.composition == "sum" else f", composition={self.composition!r}"
        extra += "" if self._ledger is None else f", ledger={self.ledger!r}"
        return f"PrivacyAccountant(epsilon={self.epsilon:g}, delta={self.delta:g}{extra})"

    # A copy would be a second budget for the same rows.

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __sklearn_clone__(self):
        return self

    def __reduce__(self):
        if self._ledger is None:
            raise TypeError(
                "A PrivacyAccountant cannot be pickled or sent to another process without a "
                "ledger, because each copy would spend the whole budget again: pass ledger=path."
            )
        return _from_ledger, (self.ledger,)


def _from_ledger(path):
    """Return an accountant of a file that exists."""
    ledger = Ledger(path)
    return PrivacyAccountant(**ledger.read_budget(), ledger=path)


def _as_records(entries):
    return tuple(PrivacyRecord(**entry) for entry in entries)


def _written(value):
    """Return a number as it is written: 0.1 is one tenth."""
    return Fraction(repr(float(value)))


def _sums(records):
    return (
        sum((_written(record.epsilon) for record in records), Fraction(0)),
        sum((_written(record.delta) for record in records), Fraction(0)),
    )
