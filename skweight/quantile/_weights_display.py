"""Heat map of the weights that a quantile stack has learned."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skweight._core._optional import import_optional
from skweight.quantile._display_common import axes_for, tidy
from skweight.quantile._levels import check_quantiles

# Cells that still have room for a number.
_NUMBERED = 80


class StackingWeightsDisplay:
    """Show how much each model counts at each quantile level.

    Coarse weights, one for each model, are bars; medium and tied ones a heat map of models and
    levels; fine ones, which a model has for each pair of an input and an output level, are summed
    over its input levels, or shown in one panel for each model.

    Parameters
    ----------
    weights : ndarray of shape (p,), (n_quantiles, p) or (n_quantiles, p, n_quantiles)
        Weights of p models: coarse, medium or fine; the axes of the last are output level, model
        and input level.
    quantiles : ndarray of shape (n_quantiles,)
        The levels.
    model_names : list of str or None, default=None
        Names of the models; None means "model 0", "model 1", ...

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes, which panels share out.
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        The panels, or the axes alone.
    images_ : list of matplotlib QuadMesh
        The heat map of each panel, empty for coarse weights.
    bars_ : matplotlib BarContainer or None
        The bars of coarse weights.
    shown_ : ndarray of shape (p,), (p, n_quantiles) or (p, n_quantiles, n_quantiles)
        The weights as they are drawn: model, output level, input level.

    See Also
    --------
    QuantileStackingRegressor : Learn such weights.
    QuantileAggregator : Learn them from forecasts at hand.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.quantile import StackingWeightsDisplay
    >>> weights = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
    >>> display = StackingWeightsDisplay.from_weights(weights, quantiles=[0.1, 0.5, 0.9])
    >>> display.shown_
    array([[0.2, 0.5, 0.9],
           [0.8, 0.5, 0.1]])
    """

    def __init__(self, weights, quantiles, model_names=None):
        self.weights = weights
        self.quantiles = quantiles
        self.model_names = model_names

    @classmethod
    def from_estimator(cls, estimator, *, model_names=None, input_levels="sum", ax=None):
        """Plot the weights of a fitted stack.

        Models that were dropped are left out.

        Parameters
        ----------
        estimator : QuantileStackingRegressor or QuantileAggregator
            The fitted estimator, also at the end of a Pipeline or as the best one of a search.
        model_names : list of str or None, default=None
            Names of the models; None means those of the estimator.
        input_levels : {"sum", "panels"}, default="sum"
            Whether fine weights are summed over the input levels or drawn for each of them.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        StackingWeightsDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimator has no `weights_` of quantile levels.

        See Also
        --------
        from_weights : The same from an array.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import QuantileStackingRegressor, StackingWeightsDisplay
        >>> X, y = load_diabetes(return_X_y=True)
        >>> bases = [("plain", QuantileRegressor(alpha=0)), ("lasso", QuantileRegressor(alpha=1))]
        >>> model = QuantileStackingRegressor(bases, quantiles=[0.1, 0.5, 0.9], cv=2).fit(X, y)
        >>> StackingWeightsDisplay.from_estimator(model).shown_.shape
        (2, 3)
        """
        check_is_fitted(estimator)
        model = _last(estimator)
        if not (hasattr(model, "weights_") and hasattr(model, "quantiles_")):
            raise ValueError(
                "estimator must be a fitted QuantileStackingRegressor or QuantileAggregator, which "
                f"has weights, got {type(model).__name__}."
            )
        if model_names is None and hasattr(model, "named_estimators_"):
            names = model.named_estimators_
            model_names = [name for name in names if not isinstance(names[name], str)]  # "drop"
        return cls.from_weights(
            model.weights_,
            quantiles=model.quantiles_,
            model_names=model_names,
            input_levels=input_levels,
            ax=ax,
        )

    @classmethod
    def from_weights(cls, weights, *, quantiles, model_names=None, input_levels="sum", ax=None):
        """Plot given weights.

        Their number of axes tells coarse, medium and fine apart.

        Parameters
        ----------
        weights : array-like of shape (p,), (n_quantiles, p) or (n_quantiles, p, n_quantiles)
            Weights of p models: coarse, medium or fine.
        quantiles : array-like of shape (n_quantiles,)
            The levels.
        model_names : list of str or None, default=None
            Names of the models; None means "model 0", "model 1", ...
        input_levels : {"sum", "panels"}, default="sum"
            Whether fine weights are summed over the input levels or drawn for each of them.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        StackingWeightsDisplay
            The display.

        Raises
        ------
        ValueError
            If `weights` are not of these shapes, or not as many as `model_names`.

        See Also
        --------
        from_estimator : The same from a fitted stack.

        Examples
        --------
        >>> from skweight.quantile import StackingWeightsDisplay
        >>> display = StackingWeightsDisplay.from_weights([0.3, 0.7], quantiles=[0.1, 0.9])
        >>> len(display.bars_)
        2
        """
        levels = check_quantiles(quantiles)
        weights, m = np.asarray(weights, dtype=np.float64), len(levels)
        fits = {1: weights.shape, 2: (m, *weights.shape[1:]), 3: (m, *weights.shape[1:2], m)}
        if fits.get(weights.ndim) != weights.shape or weights.size == 0:
            raise ValueError(
                f"weights must have shape (p,), ({m}, p) or ({m}, p, {m}) for {m} quantiles, got "
                f"{weights.shape}."
            )
        if not np.isfinite(weights).all():
            raise ValueError("weights must be finite, got NaN or infinite values.")
        p = weights.shape[min(weights.ndim, 2) - 1]
        if model_names is not None and len(model_names) != p:
            raise ValueError(
                f"model_names must have a name for each of {p} models, got {len(model_names)}."
            )
        return cls(weights, levels, model_names).plot(ax, input_levels=input_levels)

    def plot(self, ax=None, *, input_levels="sum"):
        """Draw bars, a heat map or panels.

        Where some weight is negative, colours run both ways from white.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot, its area being shared out by panels; None makes a figure.
        input_levels : {"sum", "panels"}, default="sum"
            Whether fine weights are summed over the input levels or drawn for each of them.

        Returns
        -------
        StackingWeightsDisplay
            The display itself.

        See Also
        --------
        from_estimator : Build and plot in one step.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.quantile import StackingWeightsDisplay
        >>> weights = np.full((2, 3, 2), 1 / 6)
        >>> display = StackingWeightsDisplay(weights, np.array([0.1, 0.9]))
        >>> len(display.plot(input_levels="panels").axes_)
        3
        """
        if input_levels not in ("sum", "panels"):
            raise ValueError(f"input_levels must be 'sum' or 'panels', got {input_levels!r}.")
        self.images_, self.bars_ = [], None
        if self.weights.ndim == 1:
            self.shown_ = self.weights
            return self._plot_bars(ax)
        if self.weights.ndim == 2:
            self.shown_ = self.weights.T
        elif input_levels == "sum":
            self.shown_ = self.weights.sum(axis=2).T
        else:
            self.shown_ = self.weights.transpose(1, 0, 2)
            return self._plot_panels(ax)
        return self._plot_map(ax)

    def _names(self, p):
        return [f"model {j}" for j in range(p)] if self.model_names is None else self.model_names

    def _plot_bars(self, ax):
        p = len(self.shown_)
        ax = axes_for(ax, "StackingWeightsDisplay.plot", (5.2, 0.42 * p + 1.0))
        self.ax_, self.figure_, self.axes_ = ax, ax.figure, np.array([ax])
        color = self._scale()[0](0.75 if self.shown_.min() >= 0 else 0.9)
        self.bars_ = ax.barh(np.arange(p), self.shown_, color=color, height=0.7)
        ax.bar_label(self.bars_, fmt="%.2f", padding=3, fontsize="small")
        ax.set_yticks(np.arange(p), self._names(p))
        ax.invert_yaxis()
        ax.margins(x=0.12)
        ax.axvline(0, color="0.3", lw=0.8)
        ax.set_xlabel("weight")
        tidy(ax)
        ax.spines["left"].set_visible(self.shown_.min() >= 0)
        return self

    def _plot_map(self, ax):
        p, m = self.shown_.shape
        size = (min(9.0, 0.36 * m + 2.6), 0.42 * p + 1.4)
        ax = axes_for(ax, "StackingWeightsDisplay.plot", size)
        self.ax_, self.figure_, self.axes_ = ax, ax.figure, np.array([ax])
        self._draw(ax, self.shown_)
        ax.set_yticks(np.arange(p), self._names(p))
        ax.set_xlabel("quantile level")
        self._level_ticks(ax.xaxis, 12)
        if p * m <= _NUMBERED:
            self._number(ax)
        self.figure_.colorbar(self.images_[0], ax=ax, label="weight", pad=0.02)
        return self

    def _plot_panels(self, ax):
        p = len(self.shown_)
        columns = p if p <= 4 else min(4, -(-p // 2))
        rows = -(-p // columns)
        ax = axes_for(ax, "StackingWeightsDisplay.plot", (2.3 * columns + 1.2, 2.3 * rows + 0.6))
        self.ax_, self.figure_ = ax, ax.figure
        ax.set_axis_off()
        # A figure that lays itself out adds room for titles and labels by itself.
        gap = 0.05 if self.figure_.get_layout_engine() is not None else 0.5
        grid = ax.get_subplotspec().subgridspec(rows, columns, hspace=gap, wspace=gap)
        self.axes_ = np.empty(p, dtype=object)
        for j, name in enumerate(self._names(p)):
            panel = self.axes_[j] = self.figure_.add_subplot(grid[divmod(j, columns)])
            self._draw(panel, self.shown_[j])
            panel.invert_yaxis()  # output levels rise upward, unlike models in a list
            panel.set_aspect("equal")
            panel.set_title(name, fontsize="medium")
            self._level_ticks(panel.xaxis, 4)
            self._level_ticks(panel.yaxis, 6)
            panel.tick_params(labelbottom=j + columns >= p, labelleft=j % columns == 0)
            if j + columns >= p:
                panel.set_xlabel("input level")
            if j % columns == 0:
                panel.set_ylabel("output level")
        where = {"ax": list(self.axes_), "label": "weight", "pad": 0.02, "shrink": 0.9}
        self.figure_.colorbar(self.images_[0], **where)
        return self

    def _scale(self):
        """Return a colour map and its range."""
        colormaps = import_optional("matplotlib", "StackingWeightsDisplay.plot").colormaps
        top = float(np.abs(self.shown_).max()) or 1.0
        if self.shown_.min() >= 0:
            return colormaps["Blues"], 0.0, top
        return colormaps["RdBu"], -top, top

    def _draw(self, ax, table):
        colors, low, high = self._scale()
        edges = [np.arange(size + 1) - 0.5 for size in table.shape[::-1]]
        style = {"cmap": colors, "vmin": low, "vmax": high}
        if table.size <= 200:  # white lines between cells that are large enough
            style.update(edgecolors="white", linewidth=0.8)
        self.images_.append(ax.pcolormesh(*edges, table, **style))
        ax.grid(False)  # whatever the style says: lines would cut the cells
        ax.invert_yaxis()
        ax.tick_params(length=0)
        ax.spines[:].set_color("0.8")  # where weights are 0, cells are all but white

    def _level_ticks(self, axis, at_most):
        m = len(self.quantiles)
        step = -(-m // at_most)
        # From the middle level outward, so that the median is named.
        ticks = np.arange((m // 2) % step, m, step)
        axis.set_ticks(ticks, [f"{level:.4g}" for level in self.quantiles[ticks]])

    def _number(self, ax):
        _, _, top = self._scale()
        for (j, k), value in np.ndenumerate(self.shown_):
            text = f"{value:.2f}".replace("-0.00", "0.00")
            color = "white" if abs(value) > 0.6 * top else "0.25"
            ax.text(k, j, text, ha="center", va="center", fontsize="x-small", color=color)


def _last(estimator):
    """Return the model at the end of searches and Pipelines."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        else:
            return estimator
