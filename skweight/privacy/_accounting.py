"""A budget of privacy that releases draw on before they read a row."""

import os
import threading
from dataclasses import dataclass
from fractions import Fraction

from skweight.privacy._composition import zcdp_epsilon, zcdp_of
from skweight.privacy._exceptions import BudgetExceededError
from skweight.privacy._ledger import Ledger
from skweight.privacy._spent import PrivacySpent, as_written, check_cost

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
    adjacency : {"add_remove", "replace"} or None
        What neighbours are; None if nobody said.
    """

    epsilon: float
    delta: float = 0.0
    mechanism: str | None = None
    label: str | None = None
    adjacency: str | None = None


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
        self._limits = as_written(epsilon), as_written(delta)
        # For reading alone: the two above are what is kept to.
        self.epsilon, self.delta, self.composition = self._budget.values()
        self.ledger = None if ledger is None else os.path.abspath(os.fspath(ledger))
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._records = []
        self._ledger = None
        if ledger is not None:
            self._ledger = Ledger(self.ledger)
            self._ledger.open(self._budget)

    @property
    def records(self):
        """Return the releases that passed.

        With a ledger, those of all processes.

        Returns
        -------
        tuple of PrivacyRecord
            One for each release: `epsilon`, `delta`, `mechanism` and `label`.

        See Also
        --------
        composed_epsilon : What they cost together.

        Examples
        --------
        >>> from skweight.privacy import PrivacyAccountant
        >>> accountant = PrivacyAccountant(epsilon=1.0)
        >>> accountant.reserve(0.3, label="survey")
        >>> accountant.records[0].label
        'survey'
        """
        if self._ledger is None:
            with self._lock:
                return tuple(self._records)
        with self._ledger.locked(self._budget) as page:
            return _as_records(page.entries)

    @property
    def spent(self):
        """Return what is spent.

        With ``composition="zcdp"`` it is the epsilon that all releases have together at the
        budget's delta.

        Returns
        -------
        tuple of float
            Epsilon and delta.

        See Also
        --------
        remaining : What is left.

        Examples
        --------
        >>> from skweight.privacy import PrivacyAccountant
        >>> accountant = PrivacyAccountant(epsilon=1.0)
        >>> accountant.reserve(0.3)
        >>> accountant.spent
        (0.3, 0.0)
        """
        return tuple(map(float, self._total(self.records)))

    @property
    def remaining(self):
        """Return what is left.

        With ``composition="zcdp"`` it is the difference of epsilons, and a release that names less
        than that may pass or not.

        Returns
        -------
        tuple of float
            Epsilon and delta.

        See Also
        --------
        spent : What is spent.

        Examples
        --------
        >>> from skweight.privacy import PrivacyAccountant
        >>> accountant = PrivacyAccountant(epsilon=1.0)
        >>> accountant.reserve(0.3)
        >>> accountant.remaining
        (0.7, 0.0)
        """
        return tuple(
            max(0.0, float(limit - spent))
            for limit, spent in zip(self._limits, self._total(self.records))
        )

    def reserve(self, epsilon, delta=0.0, mechanism=None, label=None, adjacency=None):
        """Spend from the budget, or raise and spend nothing.

        Call it before a row is read. Estimators do so by themselves; call it for releases that are
        made without them.

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
        adjacency : {"add_remove", "replace"} or None, default=None
            What neighbours are. The releases of one budget must agree, since the epsilons of
            different neighbours do not add up.

        Raises
        ------
        BudgetExceededError
            If less than that is left.
        ValueError
            If a parameter is out of range, or `adjacency` is not that of earlier releases.

        See Also
        --------
        remaining : What is left.

        Examples
        --------
        >>> from skweight.privacy import PrivacyAccountant
        >>> accountant = PrivacyAccountant(epsilon=1.0, delta=1e-5)
        >>> accountant.reserve(0.5, 1e-6, mechanism="gaussian", label="by hand")
        >>> accountant.spent
        (0.5, 1e-06)
        """
        check_cost(epsilon, delta, mechanism)
        if adjacency not in (None, "add_remove", "replace"):
            raise ValueError(f"adjacency must be 'add_remove' or 'replace', got {adjacency!r}.")
        if self._budget["composition"] == "zcdp" and mechanism is None:
            raise ValueError("mechanism must be given with composition='zcdp', got None.")
        label = None if label is None else str(label)
        record = PrivacyRecord(float(epsilon), float(delta), mechanism, label, adjacency)
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
        earlier = {each.adjacency for each in records} - {None, record.adjacency}
        if record.adjacency is not None and earlier:
            raise ValueError(
                f"adjacency must be the same for all releases of one budget, got "
                f"{record.adjacency!r} after {min(earlier)!r}."
            )
        limit = self._limits
        total = self._total([*records, record])
        if total[0] <= limit[0] and total[1] <= limit[1]:
            return
        epsilon, delta = map(float, self._total(records))
        raise BudgetExceededError(
            f"The budget epsilon={float(limit[0]):g}, delta={float(limit[1]):g} has "
            f"epsilon={epsilon:g}, delta={delta:g} spent, and does not allow another "
            f"epsilon={record.epsilon:g}, delta={record.delta:g}."
        )

    def _total(self, records):
        """Return epsilon and delta of releases by the rule."""
        if not records:
            return Fraction(0), Fraction(0)
        if self._budget["composition"] == "sum":
            return (
                sum(as_written(record.epsilon) for record in records),
                sum(as_written(record.delta) for record in records),
            )
        rho = sum(zcdp_of(record) for record in records)
        return as_written(zcdp_epsilon(rho, float(self._limits[1]))), self._limits[1]

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
