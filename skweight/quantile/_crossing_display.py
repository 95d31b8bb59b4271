"""Shares of rows whose quantiles cross, for each pair of neighbouring levels."""

import copy

import numpy as np

from skweight.metrics._quantile_scorer import _quantile_model
from skweight.quantile._display_common import (
    axes_for,
    named_estimators,
    named_forecasts,
    percent,
    quantiles_of,
    tidy,
)
from skweight.quantile._levels import check_quantiles
from skweight.quantile._noncross import check_forecast, crossing_rate, order_rows


class CrossingDisplay:
    """Show where quantiles cross: the share of rows for each pair of neighbouring levels.

    One step line for each forecast, such as a model before and after its rows were put into order;
    the legend says at which share of rows any pair crosses.

    Parameters
    ----------
    quantiles : ndarray of shape (n_quantiles,)
        The levels, at least two.
    pair_rates : dict of str to ndarray of shape (n_quantiles - 1,)
        Share of rows at which each level exceeds the next one, for each forecast.
    row_rates : dict of str to float
        Share of rows at which any level exceeds the next one.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    steps_ : list of matplotlib StepPatch
        One for each forecast.

    See Also
    --------
    noncross_sort, noncross_isotonic, noncross_minmax : Put rows into order.
    crossing_penalty : Make a training loss avoid crossings.

    Examples
    --------
    >>> from skweight.quantile import CrossingDisplay
    >>> forecast = [[1.0, 2.0, 3.0], [1.0, 3.0, 2.0]]
    >>> display = CrossingDisplay.from_predictions(forecast, quantiles=[0.1, 0.5, 0.9])
    >>> display.pair_rates["forecast"], display.row_rates["after sort"]
    (array([0. , 0.5]), 0.0)
    """

    def __init__(self, quantiles, pair_rates, row_rates):
        self.quantiles = quantiles
        self.pair_rates = pair_rates
        self.row_rates = row_rates

    @classmethod
    def from_estimator(
        cls, estimator, X, *, quantiles=None, after="sort", tol=0.0, name=None, ax=None
    ):
        """Plot the crossings of one or several fitted estimators.

        An estimator with a parameter `noncrossing` is asked for what it predicts without it, so
        that one sees what its ordering has to put right.

        Parameters
        ----------
        estimator : estimator or dict of str to estimator
            Fitted regressors with `predict_quantiles`, or whose ``predict`` takes `quantiles`; also
            at the end of a Pipeline.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        quantiles : array-like of shape (n_quantiles,) or None, default=None
            Levels; None means those of the estimators.
        after : {"sort", "isotonic", "minmax"} or None, default="sort"
            What puts a single estimator's rows into order for comparison; None leaves this out, as
            it is with several estimators.
        tol : float, default=0.0
            By how much a level must exceed the next one to count, in the units of the outcome.
        name : str or None, default=None
            Name of a single estimator for the legend; None means its class.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        CrossingDisplay
            The display.

        See Also
        --------
        from_predictions : The same from forecasts.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import CrossingDisplay, LevelwiseQuantileRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> linear = QuantileRegressor(alpha=0)
        >>> model = LevelwiseQuantileRegressor(linear, quantiles=[0.1, 0.5, 0.9]).fit(X, y)
        >>> display = CrossingDisplay.from_estimator(model, X, name="linear")
        >>> list(display.row_rates)
        ['linear', 'after sort']
        """
        forecasts, levels = {}, None
        for label, model in named_estimators(estimator, name).items():
            own, forecasts[label] = _raw_quantiles(model, X, quantiles)
            if levels is not None and not np.array_equal(own, levels):
                raise ValueError(
                    "quantiles must be given where the estimators have different levels of their "
                    "own, got None."
                )
            levels = own
        after = after if len(forecasts) == 1 else None
        return cls.from_predictions(forecasts, quantiles=levels, after=after, tol=tol, ax=ax)

    @classmethod
    def from_predictions(cls, y_quantiles, *, quantiles, after="sort", tol=0.0, name=None, ax=None):
        """Plot the crossings of one or several forecasts.

        It serves models of any kind, also those of other packages.

        Parameters
        ----------
        y_quantiles : array-like of shape (n_samples, n_quantiles) or dict of str to array-like
            Forecasts, or several by name.
        quantiles : array-like of shape (n_quantiles,)
            Their levels, strictly increasing in (0, 1), at least two.
        after : {"sort", "isotonic", "minmax"} or None, default="sort"
            What puts the rows of a single forecast into order for comparison; None leaves this
            out, as it is with several forecasts.
        tol : float, default=0.0
            By how much a level must exceed the next one to count, in the units of the outcome.
        name : str or None, default=None
            Name of a single forecast for the legend; None means "forecast".
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        CrossingDisplay
            The display.

        Raises
        ------
        ValueError
            If there are fewer than two levels, no rows, NaN, or other levels than columns.

        See Also
        --------
        from_estimator : The same from fitted estimators.

        Examples
        --------
        >>> from skweight.quantile import CrossingDisplay
        >>> good, bad = [[1.0, 2.0, 3.0]], [[1.0, 3.0, 2.0]]
        >>> display = CrossingDisplay.from_predictions(
        ...     {"good": good, "bad": bad}, quantiles=[0.1, 0.5, 0.9]
        ... )
        >>> display.row_rates
        {'good': 0.0, 'bad': 1.0}
        """
        levels = check_quantiles(quantiles)
        forecasts = {
            label: check_forecast(forecast)
            for label, forecast in named_forecasts(y_quantiles, name).items()
        }
        if not forecasts:
            raise ValueError("y_quantiles must have at least one forecast, got an empty dict.")
        if len(levels) < 2:
            raise ValueError("quantiles must be at least two levels, which can cross, got one.")
        for forecast in forecasts.values():
            if forecast.shape[1] != len(levels) or len(forecast) == 0:
                raise ValueError(
                    f"y_quantiles must have rows and a column for each of {len(levels)} quantiles, "
                    f"got shape {forecast.shape}."
                )
        if after is not None and len(forecasts) == 1:
            (forecast,) = forecasts.values()
            forecasts[f"after {after}"] = order_rows(forecast, after, levels)
        pair_rates = {
            label: (forecast[:, :-1] > forecast[:, 1:] + tol).mean(axis=0)
            for label, forecast in forecasts.items()
        }
        row_rates = {label: crossing_rate(each, tol) for label, each in forecasts.items()}
        return cls(levels, pair_rates, row_rates).plot(ax)

    def plot(self, ax=None):
        """Draw the steps.

        Each step reaches from a level to the next one.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        CrossingDisplay
            The display itself.

        See Also
        --------
        from_predictions : Build and plot in one step.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.quantile import CrossingDisplay
        >>> levels, rates = np.array([0.1, 0.5, 0.9]), np.array([0.0, 0.2])
        >>> len(CrossingDisplay(levels, {"model": rates}, {"model": 0.2}).plot().steps_)
        1
        """
        ax = axes_for(ax, "CrossingDisplay.plot", (7.4, 3.8))
        self.ax_, self.figure_ = ax, ax.figure
        self.steps_ = []
        alone = len(self.pair_rates) <= 2
        for i, (label, rates) in enumerate(self.pair_rates.items()):
            color = f"C{i}"
            name = f"{label}: {percent(round(self.row_rates[label], 3))} of rows"
            if alone:
                ax.stairs(rates, self.quantiles, fill=True, color=color, alpha=0.22, lw=0)
            # Lines at 0 stand on the axis: what no longer crosses is to be seen as well.
            style = {"color": color, "lw": 1.8, "baseline": None, "clip_on": False, "zorder": 3}
            self.steps_.append(ax.stairs(rates, self.quantiles, label=name, **style))
        top = max(float(rates.max()) for rates in self.pair_rates.values())
        ax.set_ylim(0, min(1.0, 1.15 * top) or 1.0)
        ax.set_xlim(self.quantiles[0], self.quantiles[-1])
        if len(self.quantiles) <= 12:
            ax.set_xticks(self.quantiles, [f"{level:.4g}" for level in self.quantiles])
        ax.set_xlabel("quantile level")
        ax.set_ylabel("share of rows crossing\nbetween neighbouring levels")
        handles, names = ax.get_legend_handles_labels()
        style = {"frameon": False, "fontsize": "small", "title_fontsize": "small"}
        style |= {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0}
        ax.legend(handles, names, title="crossing anywhere", alignment="left", **style)
        tidy(ax)
        return self


def _raw_quantiles(estimator, X, quantiles):
    """Return levels and forecasts as they are before an estimator orders them."""
    model, X = _quantile_model(estimator, X)
    if "noncrossing" in getattr(model, "get_params", dict)():
        model = copy.copy(model).set_params(noncrossing=None)
    return quantiles_of(model, X, quantiles)
