"""Reliability: observed coverage of each level against the level."""

import numpy as np
from scipy import stats

from skweight._core._sklearn_compat import check_sample_weight
from skweight.metrics import quantile_coverage
from skweight.quantile._display_common import (
    MARKERS,
    axes_for,
    check_named_forecasts,
    forecasts_of,
    tidy,
)


class QuantileReliabilityDisplay:
    """Compare quantile levels with the shares of outcomes at or below their forecasts.

    Forecasts that are calibrated follow the diagonal. The grey band holds 95% of what chance makes
    of calibrated forecasts, level by level, so that only points outside it speak against a model.

    Parameters
    ----------
    quantiles : ndarray of shape (n_quantiles,)
        The levels.
    coverage : dict of str to ndarray of shape (n_quantiles,)
        Shares of outcomes at or below the forecast of each level, for each model.
    n_rows : float
        Number of rows, for the band; of weighted rows the effective number.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    lines_ : list of matplotlib Line2D
        One line for each model.
    band_ : matplotlib PolyCollection
        The band.

    See Also
    --------
    skweight.metrics.quantile_coverage : The shares.
    skweight.metrics.quantile_calibration_error : Their mean distance from the levels.
    IntervalWidthDisplay : Width, which calibration says nothing of.

    Notes
    -----
    The band is that of the binomial distribution with `n_rows` draws. With weights these are
    ``sum(w)**2 / sum(w**2)``, rounded down. Shares of neighbouring levels are strongly dependent,
    so a whole run of points just outside is not much more evidence than one.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.quantile import QuantileReliabilityDisplay
    >>> y = np.arange(100.0)
    >>> forecast = np.tile([9.5, 49.5, 89.5], (100, 1))
    >>> levels = [0.1, 0.5, 0.9]
    >>> display = QuantileReliabilityDisplay.from_predictions(y, forecast, quantiles=levels)
    >>> display.coverage["forecast"]
    array([0.1, 0.5, 0.9])
    """

    def __init__(self, quantiles, coverage, n_rows):
        self.quantiles = quantiles
        self.coverage = coverage
        self.n_rows = n_rows

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        quantiles=None,
        sample_weight=None,
        name=None,
        difference=False,
        ax=None,
    ):
        """Plot the reliability of one or several fitted estimators.

        The rows should be ones that the estimators were not fitted to.

        Parameters
        ----------
        estimator : estimator or dict of str to estimator
            Fitted regressors with `predict_quantiles`, or whose ``predict`` takes `quantiles`; also
            at the end of a Pipeline.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Outcomes.
        quantiles : array-like of shape (n_quantiles,) or None, default=None
            Levels; None means those of the estimators.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.
        name : str or None, default=None
            Name of a single estimator for the legend; None means its class.
        difference : bool, default=False
            Whether the vertical axis is the share minus the level.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        QuantileReliabilityDisplay
            The display.

        See Also
        --------
        from_predictions : The same from forecasts.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import LevelwiseQuantileRegressor, QuantileReliabilityDisplay
        >>> X, y = load_diabetes(return_X_y=True)
        >>> linear = QuantileRegressor(alpha=0)
        >>> model = LevelwiseQuantileRegressor(linear, quantiles=[0.1, 0.5, 0.9])
        >>> model = model.fit(X[:300], y[:300])
        >>> display = QuantileReliabilityDisplay.from_estimator(model, X[300:], y[300:])
        >>> display.n_rows
        142
        """
        levels, forecasts = forecasts_of(estimator, X, quantiles, name)
        return cls.from_predictions(
            y,
            forecasts,
            quantiles=levels,
            sample_weight=sample_weight,
            difference=difference,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_quantiles,
        *,
        quantiles,
        sample_weight=None,
        name=None,
        difference=False,
        ax=None,
    ):
        """Plot the reliability of one or several forecasts.

        It serves models of any kind, also those of other packages.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Outcomes.
        y_quantiles : array-like of shape (n_samples, n_quantiles) or dict of str to array-like
            Forecasts, or several by name.
        quantiles : array-like of shape (n_quantiles,)
            Their levels, strictly increasing in (0, 1).
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.
        name : str or None, default=None
            Name of a single forecast for the legend; None means "forecast".
        difference : bool, default=False
            Whether the vertical axis is the share minus the level.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        QuantileReliabilityDisplay
            The display.

        See Also
        --------
        from_estimator : The same from fitted estimators.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.quantile import QuantileReliabilityDisplay
        >>> y = np.arange(100.0)
        >>> display = QuantileReliabilityDisplay.from_predictions(
        ...     y,
        ...     {"good": np.full((100, 1), 49.5), "low": np.full((100, 1), 19.5)},
        ...     quantiles=[0.5],
        ... )
        >>> display.coverage["low"]
        array([0.2])
        """
        levels, forecasts = check_named_forecasts(y_true, y_quantiles, quantiles, name)
        weight = check_sample_weight(sample_weight, next(iter(forecasts.values())))
        coverage = {
            label: quantile_coverage(
                y_true, forecast, quantiles=levels, sample_weight=sample_weight
            )
            for label, forecast in forecasts.items()
        }
        weight = weight / weight.max()
        n_rows = int(weight.sum() ** 2 / (weight**2).sum() + 1e-9)
        return cls(levels, coverage, n_rows).plot(ax, difference=difference)

    def plot(self, ax=None, *, difference=False):
        """Draw the diagonal, the band and a line for each model.

        Differences tell models apart that all lie near the diagonal.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.
        difference : bool, default=False
            Whether the vertical axis is the share minus the level.

        Returns
        -------
        QuantileReliabilityDisplay
            The display itself.

        See Also
        --------
        from_predictions : Build and plot in one step.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.quantile import QuantileReliabilityDisplay
        >>> levels = np.array([0.1, 0.5, 0.9])
        >>> display = QuantileReliabilityDisplay(levels, {"model": levels + 0.05}, 100)
        >>> display.plot(difference=True).lines_[0].get_ydata().round(3)
        array([0.05, 0.05, 0.05])
        """
        ax = axes_for(ax, "QuantileReliabilityDisplay.plot", (5.2, 4.6))
        self.ax_, self.figure_ = ax, ax.figure
        # Between levels a share moves in steps; at many levels those would be all one sees.
        levels = self.quantiles if len(self.quantiles) >= 9 else np.linspace(0, 1, 400)
        levels = np.unique([0.0, *levels, 1.0])
        zero = levels if difference else np.zeros_like(levels)
        low, high = stats.binom.ppf([[0.025], [0.975]], self.n_rows, levels) / self.n_rows
        self.band_ = ax.fill_between(levels, low - zero, high - zero, color="0.9", lw=0, zorder=0)
        ends = np.array([0.0, 1.0])
        ax.plot(ends, ends * (not difference), color="0.6", lw=1, ls="--", zorder=1)
        self.lines_ = []
        size = 5.5 if len(self.quantiles) <= 25 else 3.5
        for i, (label, shares) in enumerate(self.coverage.items()):
            style = {"marker": MARKERS[i % len(MARKERS)], "ms": size, "mec": "white", "mew": 0.6}
            height = shares - self.quantiles if difference else shares
            self.lines_ += ax.plot(self.quantiles, height, lw=1.4, label=label, **style)
        ax.set_xlim(0, 1)
        if difference:
            ax.set_ylabel("share of outcomes at or below it, minus the level")
        else:
            ax.set_ylim(0, 1)
            ax.set_aspect("equal")
            ax.set_ylabel("share of outcomes at or below it")
        ax.set_xlabel("quantile level")
        handles = [*self.lines_, self.band_]
        names = [*self.coverage, f"95% of chance, n = {self.n_rows:,}"]
        ax.legend(handles, names, fontsize="small", frameon=False, loc="best")
        tidy(ax)
        return self
