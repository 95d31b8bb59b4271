"""Loss against unfairness, one point for each strength."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skweight.fairness._display_common import MARKERS, axes_for, color_of, label_points, tidy
from skweight.fairness._frontier_points import column_of, index_of, over_folds, unfairness_of

_LOSS = "held-out loss"
_UNFAIRNESS = "held-out dependence on the attributes"


class FairnessFrontierDisplay:
    """Show what less dependence on protected attributes costs, strength by strength.

    Each point is a model of one strength, its number beside it: to the left predictions depend
    less on the attributes, further down they fit better. A curve that is flat at its right end
    says that much dependence goes at little cost. Points that another one beats in both are shown
    too: a curve that bends back has gone too far.

    Parameters
    ----------
    loss : array-like of shape (n_alphas,)
        Loss of each strength, smaller is better.
    unfairness : array-like of shape (n_alphas,)
        Unfairness of each, smaller is better.
    fairness_alphas : array-like of shape (n_alphas,)
        The strengths, in the order in which points are joined.
    chosen : int or None, default=None
        Index of the strength to mark.
    loss_error : array-like of shape (n_alphas,) or None, default=None
        Half the length of vertical error bars.
    unfairness_error : array-like of shape (n_alphas,) or None, default=None
        Half the length of horizontal error bars.
    loss_name : str, default="held-out loss"
        Label of the vertical axis.
    unfairness_name : str, default="held-out dependence on the attributes"
        Label of the horizontal axis.
    name : str or None, default=None
        Name of the curve for the legend.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    line_ : matplotlib Line2D
        The curve.
    bars_ : matplotlib ErrorbarContainer or None
        The error bars.
    mark_ : matplotlib Line2D or None
        The ring around the chosen point.
    labels_ : list of matplotlib Annotation
        The strengths beside the points; those without room are left out.

    See Also
    --------
    fairness_path : Fit a path of strengths.
    DistanceCovarianceRegressorCV : Choose a strength by cross-validation.
    DistanceCovarianceClassifierCV : The same for classes.

    Examples
    --------
    >>> from skweight.fairness import FairnessFrontierDisplay
    >>> display = FairnessFrontierDisplay(
    ...     [0.600, 0.605, 0.620, 0.660], [1.0, 0.5, 0.2, 0.05], [0, 3, 10, 30], chosen=2
    ... ).plot()
    >>> [label.get_text() for label in display.labels_]
    ['0', '3', '10', '30']
    """

    def __init__(
        self,
        loss,
        unfairness,
        fairness_alphas,
        chosen=None,
        loss_error=None,
        unfairness_error=None,
        loss_name=_LOSS,
        unfairness_name=_UNFAIRNESS,
        name=None,
    ):
        self.loss = loss
        self.unfairness = unfairness
        self.fairness_alphas = fairness_alphas
        self.chosen = chosen
        self.loss_error = loss_error
        self.unfairness_error = unfairness_error
        self.loss_name = loss_name
        self.unfairness_name = unfairness_name
        self.name = name

    @classmethod
    def from_points(
        cls,
        loss,
        unfairness,
        fairness_alphas,
        *,
        chosen=None,
        loss_name=_LOSS,
        unfairness_name=_UNFAIRNESS,
        name=None,
        xscale="linear",
        ax=None,
    ):
        """Plot losses and unfairness at hand, of one or of several folds.

        It serves models and metrics of any kind. Of several folds the means are plotted, with
        bars of one standard error of the mean each way.

        Parameters
        ----------
        loss : array-like of shape (n_alphas,) or (n_alphas, n_folds)
            Losses, smaller is better.
        unfairness : array-like of shape (n_alphas,) or (n_alphas, n_folds)
            Unfairness, smaller is better.
        fairness_alphas : array-like of shape (n_alphas,)
            The strengths.
        chosen : float or None, default=None
            The strength to mark, one of `fairness_alphas`.
        loss_name : str, default="held-out loss"
            Label of the vertical axis.
        unfairness_name : str, default="held-out dependence on the attributes"
            Label of the horizontal axis.
        name : str or None, default=None
            Name of the curve for the legend.
        xscale : {"linear", "log"}, default="linear"
            Scale of the horizontal axis. A logarithmic one leaves out points at or below 0, which
            unbiased measures reach.
        ax : matplotlib Axes or None, default=None
            Where to plot, beside curves that are there already; None makes a figure.

        Returns
        -------
        FairnessFrontierDisplay
            The display.

        Raises
        ------
        ValueError
            If the three are not equally long, or `chosen` is none of the strengths.

        See Also
        --------
        from_estimator : The same from a fit that chose its strength.
        from_path : The same from a path.

        Examples
        --------
        >>> from skweight.fairness import FairnessFrontierDisplay
        >>> loss = [[0.60, 0.62], [0.61, 0.63], [0.65, 0.67]]
        >>> unfairness = [[1.0, 0.8], [0.4, 0.2], [0.1, 0.0]]
        >>> display = FairnessFrontierDisplay.from_points(loss, unfairness, [0, 1, 10], chosen=1)
        >>> display.loss.round(2), display.loss_error.round(2)
        (array([0.61, 0.62, 0.66]), array([0.01, 0.01, 0.01]))
        """
        alphas = np.asarray(fairness_alphas, dtype=np.float64)
        if alphas.ndim != 1 or not len(alphas):
            raise ValueError(
                "fairness_alphas must be a list of at least one strength, got shape "
                f"{alphas.shape}."
            )
        loss, loss_error = over_folds(loss, len(alphas), "loss")
        unfairness, unfairness_error = over_folds(unfairness, len(alphas), "unfairness")
        chosen = index_of(chosen, alphas)
        errors = {"loss_error": loss_error, "unfairness_error": unfairness_error}
        names = {"loss_name": loss_name, "unfairness_name": unfairness_name, "name": name}
        display = cls(loss, unfairness, alphas, chosen, **errors, **names)
        return display.plot(ax, xscale=xscale)

    @classmethod
    def from_path(
        cls,
        path,
        *,
        chosen=None,
        x="dependence",
        name=None,
        xscale="linear",
        ax=None,
    ):
        """Plot a path that `fairness_path` has fitted.

        A path that was measured on the rows of its fits shows too little loss at every strength:
        give `fairness_path` validation rows.

        Parameters
        ----------
        path : FairnessPath
            The path.
        chosen : float or None, default=None
            The strength to mark, one of the path's.
        x : str, default="dependence"
            The horizontal axis: "dependence" on all attributes, "dependence_<name>" on one,
            "js_divergence", "variance_ratio" or "ks_gap".
        name : str or None, default=None
            Name of the curve for the legend.
        xscale : {"linear", "log"}, default="linear"
            Scale of the horizontal axis.
        ax : matplotlib Axes or None, default=None
            Where to plot, beside curves that are there already; None makes a figure.

        Returns
        -------
        FairnessFrontierDisplay
            The display.

        Raises
        ------
        ValueError
            If the path has no such `x`, or `chosen` is none of its strengths.

        See Also
        --------
        from_estimator : The same from a fit that chose its strength.
        from_points : The same from numbers at hand.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.fairness import DistanceCovarianceRegressor, fairness_path
        >>> from skweight.fairness import FairnessFrontierDisplay
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 2))
        >>> path = fairness_path(
        ...     DistanceCovarianceRegressor(), X, X[:, 0], [0, 1, 3],
        ...     sensitive_features=X.sum(axis=1),
        ... )
        >>> FairnessFrontierDisplay.from_path(path, chosen=1).chosen
        1
        """
        values, unfairness_name, rows = column_of(path, x)
        return cls.from_points(
            path.loss,
            values,
            path.fairness_alphas,
            chosen=chosen,
            loss_name=f"{rows} loss",
            unfairness_name=unfairness_name,
            name=name,
            xscale=xscale,
            ax=ax,
        )

    @classmethod
    def from_estimator(cls, estimator, *, name=None, xscale="linear", ax=None):
        """Plot the losses and unfairness by which a fit chose its strength.

        Bars are one standard error of the mean over folds each way. Folds differ more than
        strengths do within a fold, so bars of neighbours overlap where the difference is clear.

        Parameters
        ----------
        estimator : DistanceCovarianceRegressorCV or DistanceCovarianceClassifierCV
            The fitted estimator, also at the end of a Pipeline.
        name : str or None, default=None
            Name of the curve for the legend.
        xscale : {"linear", "log"}, default="linear"
            Scale of the horizontal axis.
        ax : matplotlib Axes or None, default=None
            Where to plot, beside curves that are there already; None makes a figure.

        Returns
        -------
        FairnessFrontierDisplay
            The display.

        Raises
        ------
        TypeError
            If the estimator has no paths over folds.

        See Also
        --------
        from_path : The same from a path.
        from_points : The same from numbers at hand.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.fairness import DistanceCovarianceRegressorCV, FairnessFrontierDisplay
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 2))
        >>> model = DistanceCovarianceRegressorCV(fairness_alphas=(0, 10, 100), cv=3)
        >>> model = model.fit(X, X[:, 0], sensitive_features=X.sum(axis=1))
        >>> display = FairnessFrontierDisplay.from_estimator(model)
        >>> display.fairness_alphas[display.chosen] == model.fairness_alpha_
        np.True_
        """
        check_is_fitted(estimator)
        model = estimator[-1] if hasattr(estimator, "steps") else estimator
        if not hasattr(model, "unfairness_path_"):
            raise TypeError(
                "estimator must be a fitted DistanceCovarianceRegressorCV or "
                f"DistanceCovarianceClassifierCV, got {type(model).__name__}."
            )
        return cls.from_points(
            model.loss_path_,
            model.unfairness_path_,
            model.fairness_alphas_,
            chosen=model.fairness_alpha_,
            unfairness_name=unfairness_of(model),
            name=name,
            xscale=xscale,
            ax=ax,
        )

    def plot(self, ax=None, *, xscale="linear"):
        """Draw the curve, its strengths and the chosen point.

        Given axes that hold other frontiers, it takes the next colour.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot, beside curves that are there already; None makes a figure.
        xscale : {"linear", "log"}, default="linear"
            Scale of the horizontal axis.

        Returns
        -------
        FairnessFrontierDisplay
            The display itself.

        See Also
        --------
        from_points : Build and plot in one step.

        Examples
        --------
        >>> from skweight.fairness import FairnessFrontierDisplay
        >>> display = FairnessFrontierDisplay([0.60, 0.62], [1.0, 0.2], [0, 10])
        >>> display.plot(xscale="log").ax_.get_xscale()
        'log'
        """
        if xscale not in ("linear", "log"):
            raise ValueError(f"xscale must be 'linear' or 'log', got {xscale!r}.")
        ax = axes_for(ax, "FairnessFrontierDisplay.plot", (5.6, 4.0))
        self.ax_, self.figure_ = ax, ax.figure
        x, y = np.asarray(self.unfairness, float), np.asarray(self.loss, float)
        if xscale == "log":
            x = np.where(x > 0, x, np.nan)
        before = sum(line.get_gid() == "frontier" for line in ax.lines)
        style = {"color": color_of(before), "marker": MARKERS[before % len(MARKERS)]}
        (self.line_,) = ax.plot(
            x, y, **style, lw=1.5, ms=5.5, mec="white", mew=0.6, label=self.name,
            gid="frontier", zorder=3,
        )  # fmt: skip
        self.bars_ = None
        if self.loss_error is not None or self.unfairness_error is not None:
            self.bars_ = ax.errorbar(
                x, y, self.loss_error, self.unfairness_error, fmt="none",
                ecolor=style["color"], elinewidth=0.9, alpha=0.4, zorder=1,
            )  # fmt: skip
        names = [f"{alpha:g}" for alpha in np.asarray(self.fairness_alphas, float)]
        self.mark_ = None
        if self.chosen is not None:
            (self.mark_,) = ax.plot(
                x[self.chosen], y[self.chosen], marker="o", ms=12, mfc="none", ls="",
                mec=style["color"], mew=1.6, zorder=4,
                label=f"chosen: fairness_alpha = {names[self.chosen]}",
            )  # fmt: skip
        ax.set_xscale(xscale)
        ax.margins(0.1)
        if xscale == "linear":  # dependence is small: one power of ten for all ticks
            ax.ticklabel_format(axis="x", style="sci", scilimits=(-2, 4))
        ax.set_xlabel(f"{self.unfairness_name}\n(numbers beside points: fairness_alpha)")
        ax.set_ylabel(self.loss_name)
        if self.name is not None or self.mark_ is not None:
            ax.legend(fontsize="small", frameon=False)
        tidy(ax)
        shown = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        # The chosen one and the ends choose their places before the others.
        first = np.flatnonzero(shown == self.chosen).tolist() + [0, len(shown) - 1][: len(shown)]
        self.labels_ = label_points(
            ax, x[shown], y[shown], [names[i] for i in shown], first, style["color"]
        )
        return self
