"""Filter factors of every step, by eigenvalue."""

from numbers import Real

import numpy as np

from skweight.distillation._display_common import (
    DASHES,
    axes_for,
    log_scale,
    named_in_legend,
    shades,
    tidy,
)
from skweight.distillation._display_models import (
    chosen_step,
    eigenvalues_of,
    filters_of,
    last_model,
    limit_filter,
)
from skweight.distillation._steps import self_distillation_filters, self_distillation_limit

# Where no filter exceeds this share of the largest, nothing is seen of it.
_SEEN = 1e-3
# So many eigenvalues have dots of their own on the lines.
_DOTTED = 40


class FilterFactorsDisplay:
    """Show how much of the targets each step keeps, eigenvalue by eigenvalue.

    Along an eigenvector of the kernel matrix the fitted values are the targets times a factor, 1
    where a step follows them and 0 where it ignores them. Steps without ground truth press small
    factors down more and more; with ground truth they end in the factors of another penalty, which
    is drawn dashed. Ticks at the bottom are the eigenvalues; the smallest, where all factors are
    near 0, are left out.

    Parameters
    ----------
    eigenvalues : array-like of shape (n_eigenvalues,)
        Eigenvalues of the kernel matrix, at least 0 and some above.
    filters : array-like of shape (n_steps, n_eigenvalues)
        Factors of each step.
    limit : array-like of shape (n_eigenvalues,) or None, default=None
        Factors after infinitely many steps.
    limit_alpha : float or None, default=None
        Penalty of the ordinary fit with these factors, for the legend.
    chosen : int or None, default=None
        Step to draw in bold, from 1.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    lines_ : list of matplotlib Line2D
        A line for each step.
    limit_ : matplotlib Line2D or None
        The limit.
    ticks_ : matplotlib LineCollection
        The eigenvalues.

    See Also
    --------
    self_distillation_filters : The numbers.
    EffectiveDegreesOfFreedomDisplay : Their sums.

    Examples
    --------
    >>> from skweight.distillation import FilterFactorsDisplay
    >>> display = FilterFactorsDisplay.from_eigenvalues([3.0, 1.0], 1.0, 0.5, n_steps=2)
    >>> display.filters
    array([[0.75   , 0.5    ],
           [0.65625, 0.375  ]])
    >>> display.limit_alpha, display.limit.round(3)
    (2.0, array([0.6  , 0.333]))
    """

    def __init__(self, eigenvalues, filters, limit=None, limit_alpha=None, chosen=None):
        self.eigenvalues = eigenvalues
        self.filters = filters
        self.limit = limit
        self.limit_alpha = limit_alpha
        self.chosen = chosen

    @classmethod
    def from_eigenvalues(
        cls, eigenvalues, alpha, ground_truth_weight, n_steps=None, *, chosen=None, ax=None
    ):
        """Plot the factors of given penalties and weights.

        It serves kernels of any kind; the linear kernel of centred rows is that of a model with an
        intercept.

        Parameters
        ----------
        eigenvalues : array-like of shape (n_eigenvalues,)
            Eigenvalues of the kernel matrix, at least 0 and some above.
        alpha : float or array-like of shape (n_steps,)
            Ridge penalty, above 0; an array has one for each step.
        ground_truth_weight : float or array-like of shape (n_steps - 1,)
            Weight of the original targets in the second step and later ones.
        n_steps : int or None, default=None
            Number of steps, at least 1. None takes it from an array.
        chosen : int or None, default=None
            Step to draw in bold, from 1.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        FilterFactorsDisplay
            The display. It has a limit for one weight above 0 and at most 2 and one penalty.

        Raises
        ------
        ValueError
            If a value is out of its range or lengths do not agree.

        See Also
        --------
        from_estimator : The same from a fitted estimator.

        Examples
        --------
        >>> from skweight.distillation import FilterFactorsDisplay
        >>> display = FilterFactorsDisplay.from_eigenvalues([3.0, 1.0], 1.0, [0.5, 1.5, 0.0])
        >>> len(display.lines_), display.limit_
        (4, None)
        """
        filters = self_distillation_filters(eigenvalues, alpha, ground_truth_weight, n_steps)
        limit_alpha = None
        single = isinstance(alpha, Real) and isinstance(ground_truth_weight, Real)
        if single and 0 < ground_truth_weight <= 2:
            limit_alpha = self_distillation_limit(alpha, ground_truth_weight)
        values = np.asarray(eigenvalues, dtype=np.float64)
        return cls(values, filters, limit_filter(values, limit_alpha), limit_alpha, chosen).plot(ax)

    @classmethod
    def from_estimator(cls, estimator, X=None, *, sample_weight=None, target=None, ax=None):
        """Plot the factors of a fitted estimator, the step that it chose in bold.

        Models keep no eigenvalues: they are computed anew, which takes about the time of a fit.

        Parameters
        ----------
        estimator : estimator
            Fitted self-distilled ridge or kernel ridge model, classifier or search; also at the end
            of a Pipeline.
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or None, default=None
            The rows of the fit, or their kernel matrix if it is precomputed. None takes the rows,
            with their weights, that a kernel model keeps.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows of X, those of classes included.
        target : int or None, default=None
            Number of the target, from 0, where each has weights of the ground truth of its own.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        FilterFactorsDisplay
            The display.

        Raises
        ------
        TypeError
            If the estimator's steps are not filters of eigenvalues.
        ValueError
            If X is missing for a linear model, or `target` where it is needed.

        See Also
        --------
        from_eigenvalues : The same from eigenvalues.

        Examples
        --------
        >>> from skweight.datasets import load_self_distillation_toy
        >>> from skweight.distillation import FilterFactorsDisplay, SelfDistilledKernelRidge
        >>> toy = load_self_distillation_toy()
        >>> model = SelfDistilledKernelRidge(alpha=0.2, gamma=80, n_steps=4, ground_truth_weight=0)
        >>> model = model.fit(toy.data, toy.target)
        >>> FilterFactorsDisplay.from_estimator(model, toy.data).filters.shape
        (4, 11)
        """
        model, X = last_model(estimator, X)
        values = eigenvalues_of(model, X, sample_weight)
        each = filters_of(model, values)
        places = range(len(each))
        if target not in places and not (target is None and len(each) == 1):
            raise ValueError(
                f"target must be one of {list(places)}, whose weights of the ground truth differ, "
                f"got {target!r}."
            )
        limit_alpha = getattr(model, "limit_alpha_", None)
        limit = limit_filter(values, limit_alpha)
        return cls(values, each[target or 0], limit, limit_alpha, chosen_step(model)).plot(ax)

    def plot(self, ax=None):
        """Draw a line for each step, the limit dashed and the eigenvalues as ticks.

        Up to 40 eigenvalues have dots on the lines.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        FilterFactorsDisplay
            The display itself.

        Raises
        ------
        ValueError
            If shapes do not go together, no eigenvalue is above 0 or there is no chosen step.

        See Also
        --------
        from_estimator : Build and plot in one step.

        Examples
        --------
        >>> from skweight.distillation import FilterFactorsDisplay
        >>> display = FilterFactorsDisplay([3.0, 1.0], [[0.75, 0.5], [0.56, 0.25]], chosen=2)
        >>> [line.get_linewidth() for line in display.plot().lines_]
        [1.4, 2.8]
        """
        values, filters, shown = self._checked()
        ax = axes_for(ax, "FilterFactorsDisplay.plot", (5.8, 4.2))
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_, self.limit_ = [], None
        chosen = None if self.chosen is None else self.chosen - 1
        named = named_in_legend(len(filters), [] if chosen is None else [chosen])
        for t, (filter_, color) in enumerate(zip(filters, shades(len(filters)))):
            notes = ", ".join(["ordinary fit"] * (t == 0) + ["chosen"] * (t == chosen))
            label = f"{t + 1} ({notes})" if notes else f"{t + 1}"
            self.lines_ += ax.plot(
                values[shown], filter_[shown], color=color, lw=2.8 if t == chosen else 1.4,
                marker="o" if len(shown) <= _DOTTED else None, ms=3.5,
                zorder=2 - 0.1 * (t == chosen),  # thin lines stay seen upon the bold one
                label=label if t in named else None,
            )  # fmt: skip
        if self.limit is not None:
            penalty = "" if self.limit_alpha is None else f": penalty {self.limit_alpha:.4g}"
            (self.limit_,) = ax.plot(
                values[shown], np.asarray(self.limit)[shown], color="black", lw=1.4,
                ls=DASHES, label=f"limit{penalty}",
            )  # fmt: skip
        self.ticks_ = ax.vlines(
            values[shown], 0, 0.025, color="0.35", lw=0.8, transform=ax.get_xaxis_transform()
        )
        log_scale(ax, "x")
        left_out = len(values) - len(shown)
        ax.set_xlabel(
            "eigenvalue of the kernel matrix"
            + (f"\n({left_out} smaller ones, with factors near 0, left out)" if left_out else "")
        )
        ax.set_ylabel("filter factor: share of the targets kept")
        legend = {"title": "step", "fontsize": "small", "title_fontsize": "small"}
        ax.legend(frameon=False, alignment="left", **legend)
        tidy(ax)
        return self

    def _checked(self):
        """Return the numbers, and places of eigenvalues that are shown, in ascending order."""
        values, filters = (np.asarray(part, float) for part in (self.eigenvalues, self.filters))
        if filters.ndim != 2 or values.shape != filters.shape[1:]:
            raise ValueError(
                "filters must have a factor for each step and eigenvalue, of shape (n_steps, "
                f"{values.size}), got {filters.shape}."
            )
        if not (values > 0).any():
            raise ValueError("eigenvalues must hold one above 0, got none.")
        if self.chosen is not None and not 1 <= self.chosen <= len(filters):
            raise ValueError(
                f"chosen must be a step from 1 to {len(filters)} or None, got {self.chosen!r}."
            )
        size = np.abs(filters).max(axis=0)
        order = np.argsort(values)
        return values, filters, order[(values[order] > 0) & (size[order] > _SEEN * size.max())]
