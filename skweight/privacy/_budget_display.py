"""What a budget of privacy was spent on, and what is left of it."""

import numpy as np

from skweight.privacy._accounting import PrivacyAccountant
from skweight.privacy._display_common import COLORS, axes_for, tidy

# Bars for releases at most; the earliest ones share a bar beyond.
_BARS = 20


class BudgetDisplay:
    """Show what an accountant has let pass, release by release, and what remains.

    Each row is a release, or several alike in a row, in the order in which they came. Its bar goes
    from what was spent before to what was spent after it, as a share of the budget, so that the
    bars are a staircase; the last row is what remains. Epsilon and delta have a bar each. Of an
    accountant with ``composition="zcdp"`` a bar is what the release added to the epsilon of all,
    which is less than its own, and the delta is that of the budget.

    Nothing in it depends on private rows.

    Parameters
    ----------
    labels : list of str of length n_bars
        What the releases were.
    epsilons : array-like of shape (n_bars,)
        Epsilon spent in all after each of them.
    deltas : array-like of shape (n_bars,) or None
        Delta spent in all after each of them; None for none to show.
    budget : tuple of float
        Epsilon and delta of the budget.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    bars_ : dict of str to BarContainer
        Bars of the releases, for "epsilon" and, if it is shown, for "delta".
    remaining_ : dict of str to Rectangle
        What remains of each.

    See Also
    --------
    PrivacyAccountant : The budget.
    composed_epsilon : A tighter total for releases that were fixed in advance.

    Examples
    --------
    >>> from skweight.privacy import BudgetDisplay
    >>> display = BudgetDisplay(["survey", "census"], [0.3, 0.8], None, (1.0, 0.0)).plot()
    >>> [float(round(bar.get_width(), 1)) for bar in display.bars_["epsilon"]]
    [30.0, 50.0]
    """

    def __init__(self, labels, epsilons, deltas, budget):
        self.labels = labels
        self.epsilons = epsilons
        self.deltas = deltas
        self.budget = budget

    @classmethod
    def from_accountant(cls, accountant, *, ax=None):
        """Plot what an accountant has let pass.

        Neighbours alike share a bar, and so do the earliest ones beyond twenty bars.

        Parameters
        ----------
        accountant : PrivacyAccountant
            The budget; with a ledger, what all processes have spent.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        BudgetDisplay
            The display.

        Raises
        ------
        TypeError
            If it is no accountant.

        See Also
        --------
        plot : Draw it again.

        Examples
        --------
        >>> from skweight.privacy import BudgetDisplay, PrivacyAccountant
        >>> accountant = PrivacyAccountant(epsilon=1.0)
        >>> accountant.reserve(0.3, label="survey")
        >>> display = BudgetDisplay.from_accountant(accountant)
        >>> display.labels
        ['survey (epsilon 0.3)']
        """
        if not isinstance(accountant, PrivacyAccountant):
            raise TypeError(
                f"accountant must be a PrivacyAccountant, got {type(accountant).__name__}."
            )
        records = accountant.records
        steps = _steps(records)
        labels, totals = [], []
        for start, stop in steps:
            labels.append(_label(records[start:stop], start == 0 and len(steps) == _BARS))
            totals.append([float(value) for value in accountant._total(records[:stop])])
        epsilons, deltas = np.reshape(totals, (-1, 2)).T
        shown = accountant.composition == "sum" and accountant.delta > 0
        budget = accountant.epsilon, accountant.delta
        return cls(labels, epsilons, deltas if shown else None, budget).plot(ax)

    def plot(self, ax=None):
        """Draw the staircase.

        A bar for each release, and one for what remains.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        BudgetDisplay
            The display itself.

        See Also
        --------
        from_accountant : Build and plot in one step.

        Examples
        --------
        >>> from skweight.privacy import BudgetDisplay
        >>> display = BudgetDisplay(["survey"], [0.3], [1e-6], (1.0, 1e-5)).plot()
        >>> float(round(display.remaining_["delta"].get_width(), 1))
        90.0
        """
        n_bars = len(self.labels)
        ax = axes_for(ax, "BudgetDisplay.plot", (7.2, 1.5 + 0.36 * (n_bars + 1)))
        self.ax_, self.figure_ = ax, ax.figure
        spent = {"epsilon": np.asarray(self.epsilons, dtype=np.float64)}
        if self.deltas is not None:
            spent["delta"] = np.asarray(self.deltas, dtype=np.float64)
        thick = 0.64 / len(spent)
        self.bars_, self.remaining_ = {}, {}
        for k, (name, totals) in enumerate(spent.items()):
            limit = self.budget[k]
            ends = 100 * np.concatenate([[0], totals]) / limit
            rows = np.arange(n_bars) + (k - (len(spent) - 1) / 2) * thick
            color = COLORS[k]
            at = f" at delta {self.budget[1]:g}" if self.deltas is None and self.budget[1] else ""
            told = f"{name}{at}: {totals[-1] if n_bars else 0:.4g} of {limit:g} spent"
            self.bars_[name] = ax.barh(
                rows, np.diff(ends), thick * 0.9, ends[:-1], color=color, label=told, zorder=2
            )
            place = n_bars + (k - (len(spent) - 1) / 2) * thick
            left = min(ends[-1], 100)
            (self.remaining_[name],) = ax.barh(
                place, 100 - left, thick * 0.9, left, color=color, alpha=0.18, zorder=2
            )
            for row, end in enumerate(ends[1:]):  # the edge from a bar to the next one
                below = place if row == n_bars - 1 else rows[row + 1]
                ax.plot([end, end], [rows[row], below], color=color, lw=0.8, zorder=1)
        ax.axvline(100, color="0.3", lw=1.2, zorder=1)
        ax.set_yticks(range(n_bars + 1), [*self.labels, "remains"])
        ax.set(ylim=(n_bars + 0.6, -0.6), xlim=(0, 104))
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel("percent of the budget")
        ax.grid(axis="x", color="0.9", lw=0.8)
        ax.set_axisbelow(True)
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1.0)}
        ax.legend(fontsize="small", frameon=False, **place)
        tidy(ax)
        return self


def _steps(records):
    """Return ranges of records that share a bar: neighbours alike, and the earliest of many."""
    starts = [k for k in range(len(records)) if k == 0 or records[k] != records[k - 1]]
    if len(starts) > _BARS:
        starts = [0, *starts[len(starts) - _BARS + 1 :]]
    return list(zip(starts, [*starts[1:], len(records)]))


def _label(records, pooled):
    """Say what releases were, and what each of them named."""
    first = records[0]
    if pooled and any(record != first for record in records):
        return f"{len(records)} earlier releases"
    cost = f"epsilon {first.epsilon:g}" + (f", delta {first.delta:g}" if first.delta else "")
    name = first.label or first.mechanism or "release"
    if len(records) > 1:
        return f"{len(records)} x {name} ({cost} each)"
    return f"{name} ({cost})"
