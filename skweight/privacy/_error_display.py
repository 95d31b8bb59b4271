"""Error of private answers against epsilon, as promised and as it comes out."""

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from skweight.privacy._display_common import (
    COLORS,
    MARKERS,
    answers_of,
    axes_for,
    exact_answers,
    tidy,
)


class PrivacyErrorDisplay:
    """Show how far private answers are from exact ones, for several epsilons.

    A dot is one release: the root of the mean squared error over all queries. The line is what
    `standard_error` says before a row is read, which is the noise alone. Where noise is all there
    is, the mean square of many dots is that of the line, and most dots are below it. Dots that stay
    above it, and no longer fall as epsilon grows, show another error that more epsilon does not
    cure: cells too wide, features too few, or bounds that cut rows off.

    The exact answers, and so the dots, are computed from the rows and protected by nothing. Draw
    the plot for rows that are public or simulated, or keep it to yourself.

    Parameters
    ----------
    epsilons : array-like of shape (n_epsilons,)
        Privacy parameters, above 0.
    errors : array-like of shape (n_epsilons, n_releases)
        Error of each release.
    predicted : array-like of shape (n_epsilons,) or None, default=None
        Standard error that the noise alone has.
    name : str or None, default=None
        Name of the estimator for the legend.
    relative : bool, default=True
        Whether errors are shares of the mean exact answer, for the axis.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    dots_ : matplotlib Line2D
        The releases.
    line_ : matplotlib Line2D or None
        The predicted error.

    See Also
    --------
    ReleasedDensityDisplay : One release beside the exact density.
    audit_epsilon : Whether releases give away more than they promise.

    Examples
    --------
    >>> from skweight.privacy import PrivacyErrorDisplay
    >>> errors = [[0.11, 0.09], [0.012, 0.011]]
    >>> display = PrivacyErrorDisplay([0.1, 1.0], errors, predicted=[0.1, 0.01]).plot()
    >>> display.dots_.get_xdata().tolist()
    [0.1, 0.1, 1.0, 1.0]
    """

    def __init__(self, epsilons, errors, predicted=None, name=None, relative=True):
        self.epsilons = epsilons
        self.errors = errors
        self.predicted = predicted
        self.name = name
        self.relative = relative

    @classmethod
    def from_results(
        cls, epsilons, answers, exact, standard_errors=None, *, relative=True, name=None, ax=None
    ):
        """Plot the errors of answers at hand.

        It serves releases of any kind, also those of other packages.

        Parameters
        ----------
        epsilons : array-like of shape (n_epsilons,)
            Privacy parameters, above 0.
        answers : array-like of shape (n_epsilons, n_releases, n_queries, ...)
            Answers of each release.
        exact : array-like of shape (n_queries, ...)
            Exact answers.
        standard_errors : array-like of shape (n_epsilons, n_queries) or None, default=None
            Standard deviations of the noise in the answers; None for no line.
        relative : bool, default=True
            Whether errors are divided by the mean magnitude of exact answers.
        name : str or None, default=None
            Name of the estimator for the legend.
        ax : matplotlib Axes or None, default=None
            Where to plot, beside errors that are there already; None makes a figure.

        Returns
        -------
        PrivacyErrorDisplay
            The display.

        Raises
        ------
        ValueError
            If shapes do not go together, or an epsilon is not above 0.

        See Also
        --------
        from_estimator : Make the releases too.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivacyErrorDisplay
        >>> exact = np.array([10.0, 20.0])
        >>> answers = exact + np.array([[[1.0, -1.0]], [[0.1, 0.1]]])
        >>> PrivacyErrorDisplay.from_results([0.1, 1], answers, exact, relative=False).errors
        array([[1. ],
               [0.1]])
        """
        epsilons = np.asarray(epsilons, dtype=np.float64)
        if epsilons.ndim != 1 or not len(epsilons) or not (epsilons > 0).all():
            raise ValueError("epsilons must be a list of at least one number, all above 0.")
        exact = np.asarray(exact, dtype=np.float64)
        answers = np.asarray(answers, dtype=np.float64)
        if answers.shape[:1] != epsilons.shape or answers.shape[2:] != exact.shape:
            raise ValueError(
                "answers must have the shape (n_epsilons, n_releases) and that of exact, "
                f"{(len(epsilons), 'n_releases', *exact.shape)}, got {answers.shape}."
            )
        unit = np.abs(exact).mean() if relative else 1.0
        if unit == 0:
            raise ValueError("relative must be False where all exact answers are 0.")
        queries = tuple(range(2, answers.ndim))
        errors = np.sqrt(((answers - exact) ** 2).mean(axis=queries)) / unit
        predicted = None
        if standard_errors is not None:
            standard_errors = np.asarray(standard_errors, dtype=np.float64)
            if standard_errors.shape != (len(epsilons), len(exact)):
                raise ValueError(
                    f"standard_errors must have the shape {(len(epsilons), len(exact))}, got "
                    f"{standard_errors.shape}."
                )
            predicted = np.sqrt((standard_errors**2).mean(axis=1)) / unit
        return cls(epsilons, errors, predicted, name, relative).plot(ax)

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        Y,
        y=None,
        *,
        epsilons=(0.1, 0.3, 1.0, 3.0),
        n_releases=10,
        answer=None,
        exact=None,
        relative=True,
        name=None,
        ax=None,
    ):
        """Plot the errors of releases that are made here.

        Every dot is a fit that spends its epsilon, also from the estimator's `accountant` if it
        has one.

        Parameters
        ----------
        estimator : estimator or callable
            An unfitted private estimator, of which copies get each epsilon; or a function that
            returns an unfitted estimator for an epsilon, where more than that changes. A
            `random_state` seeds all releases, each differently.
        X : array-like of shape (n_samples, n_features)
            Rows.
        Y : array-like of shape (n_queries, n_features)
            Queries.
        y : array-like of shape (n_samples,) or None, default=None
            Labels of the rows, for a classifier.
        epsilons : array-like of shape (n_epsilons,), default=(0.1, 0.3, 1.0, 3.0)
            Privacy parameters, above 0.
        n_releases : int, default=10
            Releases for each epsilon, at least 1.
        answer : str or None, default=None
            The method that answers queries; None means the one that gives sums, to which
            `standard_error` belongs. Another has no line.
        exact : array-like of shape (n_queries, ...) or None, default=None
            Exact answers; None computes exact sums pair by pair.
        relative : bool, default=True
            Whether errors are divided by the mean magnitude of exact answers.
        name : str or None, default=None
            Name of the estimator for the legend.
        ax : matplotlib Axes or None, default=None
            Where to plot, beside errors that are there already; None makes a figure.

        Returns
        -------
        PrivacyErrorDisplay
            The display.

        Raises
        ------
        ValueError
            If a parameter is out of range, or `answer` is given without `exact`.

        See Also
        --------
        from_results : The same from answers at hand.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivacyErrorDisplay, PrivateDistanceSum
        >>> X = np.random.default_rng(0).uniform(size=(1000, 1))
        >>> display = PrivacyErrorDisplay.from_estimator(
        ...     PrivateDistanceSum(bounds=(0, 1)), X, X[:20], epsilons=[0.1, 1.0], n_releases=3
        ... )
        >>> display.errors.shape
        (2, 3)
        """
        if n_releases < 1:
            raise ValueError(f"n_releases must be at least 1, got {n_releases}.")
        if answer is not None and exact is None:
            raise ValueError(f"exact must be given with answer={answer!r}.")
        answers, deviations = [], []
        for epsilon in epsilons:
            for model in _models(estimator, epsilon, n_releases):
                model.fit(X, y)
                method = answers_of(model) if answer is None else answer
                answers.append(getattr(model, method)(Y))
            if answer is None and hasattr(model, "standard_error"):
                deviations.append(model.standard_error(Y))
        if exact is None:
            exact = exact_answers(model, X, Y, y)
        answers = np.asarray(answers)
        answers = answers.reshape(len(epsilons), n_releases, *answers.shape[1:])
        return cls.from_results(
            epsilons, answers, exact, deviations or None, relative=relative, name=name, ax=ax
        )

    def plot(self, ax=None):
        """Draw the releases and the predicted error.

        Given axes that hold other errors, it takes the next colour.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot, beside errors that are there already; None makes a figure.

        Returns
        -------
        PrivacyErrorDisplay
            The display itself.

        See Also
        --------
        from_estimator : Build and plot in one step.

        Examples
        --------
        >>> from skweight.privacy import PrivacyErrorDisplay
        >>> PrivacyErrorDisplay([0.1, 1], [[0.1], [0.01]]).plot().ax_.get_yscale()
        'log'
        """
        ax = axes_for(ax, "PrivacyErrorDisplay.plot", (5.6, 4.0))
        self.ax_, self.figure_ = ax, ax.figure
        epsilons, errors = (np.asarray(v, dtype=np.float64) for v in (self.epsilons, self.errors))
        before = sum(line.get_gid() == "releases" for line in ax.lines)
        color = COLORS[before % len(COLORS)]
        aside = 1.06**before  # dots of several estimators stand side by side
        (self.dots_,) = ax.plot(
            np.repeat(epsilons * aside, errors.shape[1]), errors.ravel(), ls="", color=color,
            marker=MARKERS[before % len(MARKERS)], ms=5, mec="white", mew=0.5, alpha=0.75,
            label="releases" if self.name is None else self.name, gid="releases", zorder=3,
        )  # fmt: skip
        self.line_ = None
        if self.predicted is not None:
            known = "" if self.name is None else f"{self.name}, "
            order = np.argsort(epsilons)
            (self.line_,) = ax.plot(
                epsilons[order], np.asarray(self.predicted)[order], color=color, lw=1.6,
                label=f"{known}predicted from the noise alone", zorder=2,
            )  # fmt: skip
        alone = ax.get_xscale() != "log"
        if alone:
            ax.set(xscale="log", yscale="log")
        ax.set_xlabel("epsilon (to the right: less private)")
        ax.set_ylabel(
            "error, as a share of the mean exact answer" if self.relative else "error of answers"
        )
        _plain_ticks(ax, epsilons, alone)
        ax.legend(fontsize="small", frameon=False)
        tidy(ax)
        return self


def _models(estimator, epsilon, n_releases):
    """Give unfitted estimators, whose seeds differ if they have one."""
    seeds = None
    for _ in range(n_releases):
        if hasattr(estimator, "get_params"):
            model = clone(estimator).set_params(epsilon=epsilon)
        else:
            model = estimator(epsilon)
        seed = getattr(model, "random_state", None)
        if seed is not None:
            if seeds is None:
                seeds = check_random_state(seed)
            model.set_params(random_state=seeds.randint(2**31 - 1))
        yield model


def _plain_ticks(ax, epsilons, alone):
    """Write numbers as they are, and below the axis the epsilons that there are, if few."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    low, high = ax.get_ylim()
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    shown = np.unique(epsilons if alone else np.union1d(epsilons, ax.get_xticks()))
    if len(shown) <= 8:
        ax.set_xticks(shown, [f"{value:g}" for value in shown])
        ax.xaxis.set_minor_locator(NullLocator())
