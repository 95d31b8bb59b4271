"""Fan chart: nested central bands of quantile forecasts."""

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skweight._core._optional import import_optional
from skweight._core._sklearn_compat import _safe_indexing
from skweight.quantile._display_common import axes_for, percent, quantiles_of, tidy
from skweight.quantile._levels import check_quantiles, find_level, point_forecast
from skweight.quantile._noncross import check_forecast

SORTED = "share of rows, sorted by predicted median"
# Bands named in the legend: more are hard to tell apart.
_NAMED = 5


class QuantileFanDisplay:
    """Show nested central bands of quantile forecasts, along a feature or over sorted rows.

    Each pair of levels that lie symmetrically around 0.5 is a band, the wider the paler; the line
    is the median, and dots are what was observed. Where forecasts are calibrated, a 90% band of
    rows has about nine in ten of their dots in it, wherever along the axis one looks.

    Parameters
    ----------
    x : ndarray of shape (n_points,)
        Places along the horizontal axis, in order.
    forecast : ndarray of shape (n_points, n_quantiles)
        Quantiles at these places; infinite ones reach to the edge of the axes.
    quantiles : ndarray of shape (n_quantiles,)
        Their levels.
    observed : tuple of ndarray of shape (n_dots,) or None, default=None
        Places and values of the dots.
    x_name : str, default="share of rows, sorted by predicted median"
        Label of the horizontal axis.
    y_name : str, default="y"
        Label of the vertical axis.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    bands_ : list of matplotlib PolyCollection
        The bands, widest first.
    coverages_ : list of float
        Nominal coverages of the bands.
    line_ : matplotlib Line2D
        The median.
    dots_ : matplotlib PathCollection or None
        What was observed.

    See Also
    --------
    QuantileReliabilityDisplay : Whether the levels are met, in numbers.
    IntervalWidthDisplay : Width of the bands, for several models.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.quantile import QuantileFanDisplay
    >>> x = np.linspace(0, 1, 50)
    >>> forecast = x[:, None] + np.array([-0.5, 0.0, 0.5])
    >>> display = QuantileFanDisplay(x, forecast, np.array([0.1, 0.5, 0.9])).plot()
    >>> display.coverages_
    [0.8]
    """

    def __init__(self, x, forecast, quantiles, observed=None, x_name=SORTED, y_name="y"):
        self.x = x
        self.forecast = forecast
        self.quantiles = quantiles
        self.observed = observed
        self.x_name = x_name
        self.y_name = y_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        feature=0,
        quantiles=None,
        ax=None,
        grid_resolution=100,
        percentiles=(0.01, 0.99),
        max_rows=500,
        max_dots=1000,
    ):
        """Plot the forecasts of a fitted estimator along one feature.

        At each value, that value is given to all rows, the others keep theirs, and each quantile is
        averaged over them (partial dependence). With a single feature this is the forecast itself;
        with several the bands show what the feature does, and dots need not fill them.

        Parameters
        ----------
        estimator : estimator
            Fitted regressor with `predict_quantiles`, or whose ``predict`` takes `quantiles`; also
            at the end of a Pipeline.
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows over which to average.
        y : array-like of shape (n_samples,) or None, default=None
            What was observed on these rows, for the dots.
        feature : int or str, default=0
            The column, by number or name.
        quantiles : array-like of shape (n_quantiles,) or None, default=None
            Levels; None means those of the estimator.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.
        grid_resolution : int, default=100
            Number of values at most; a feature with fewer takes those it has.
        percentiles : tuple of float, default=(0.01, 0.99)
            Range of the values, as quantiles of the column.
        max_rows : int, default=500
            Rows averaged at most, evenly spaced over X.
        max_dots : int, default=1000
            Dots at most, evenly spaced over the rows.

        Returns
        -------
        QuantileFanDisplay
            The display.

        See Also
        --------
        from_predictions : Plot forecasts of rows, in their order or along any values.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import LevelwiseQuantileRegressor, QuantileFanDisplay
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> linear = QuantileRegressor(alpha=0)
        >>> model = LevelwiseQuantileRegressor(linear, quantiles=[0.1, 0.5, 0.9])
        >>> model = model.fit(X[["bmi"]], y)
        >>> QuantileFanDisplay.from_estimator(model, X[["bmi"]], y).ax_.get_xlabel()
        'bmi'
        """
        if not hasattr(X, "iloc"):
            X = np.asarray(X)
        column, name = _column(X, feature)
        column = np.asarray(column, dtype=np.float64)
        values = _grid(column, grid_resolution, percentiles)
        moved = _safe_indexing(X, _spaced(len(X), max_rows if X.shape[1] > 1 else 1)).copy()
        if hasattr(moved, "iloc"):
            moved[name] = moved[name].astype(np.float64)  # a column of integers takes no halves
        forecast = []
        for value in values:
            if hasattr(moved, "iloc"):
                moved[name] = value
            else:
                moved[:, feature] = value
            levels, at_value = quantiles_of(estimator, moved, quantiles)
            forecast.append(at_value.mean(axis=0))
        observed, y_name = None, _name_of(y)
        if y is not None:
            check_consistent_length(X, y)
            y = column_or_1d(y)
            inside = np.flatnonzero((column >= values[0]) & (column <= values[-1]))
            dots = inside[_spaced(len(inside), max_dots)]
            observed = column[dots], y[dots]
        return cls(values, np.array(forecast), levels, observed, name, y_name).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_quantiles,
        *,
        quantiles,
        x=None,
        x_name=None,
        ax=None,
        max_points=200,
        max_dots=1000,
    ):
        """Plot forecasts of rows, sorted by their median or along given values.

        Neighbouring rows are averaged where there are more than `max_points`.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or None
            What was observed; None for no dots.
        y_quantiles : array-like of shape (n_samples, n_quantiles)
            Forecasts.
        quantiles : array-like of shape (n_quantiles,)
            Their levels, strictly increasing in (0, 1).
        x : array-like of shape (n_samples,) or None, default=None
            Values to sort rows by and to plot them along, such as a time or a feature; None means
            their predicted medians, with the share of rows as the axis.
        x_name : str or None, default=None
            Label of the horizontal axis; None means "x" or what the rows are sorted by.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.
        max_points : int, default=200
            Points of the bands at most; averages over equally many neighbouring rows.
        max_dots : int, default=1000
            Dots at most, evenly spaced over the sorted rows.

        Returns
        -------
        QuantileFanDisplay
            The display.

        See Also
        --------
        from_estimator : Plot along one feature, the others averaged over.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.quantile import QuantileFanDisplay
        >>> rng = np.random.default_rng(0)
        >>> center = rng.normal(size=300)
        >>> forecast = center[:, None] + np.array([-1.28, 0.0, 1.28])
        >>> y = center + rng.normal(size=300)
        >>> display = QuantileFanDisplay.from_predictions(y, forecast, quantiles=[0.1, 0.5, 0.9])
        >>> len(display.bands_)
        1
        """
        levels = check_quantiles(quantiles)
        forecast = check_forecast(y_quantiles).astype(np.float64)
        if forecast.shape[1] != len(levels):
            raise ValueError(
                f"quantiles must have one level for each of the {forecast.shape[1]} columns of "
                f"y_quantiles, got {len(levels)}."
            )
        if x is None:
            order = np.argsort(point_forecast(forecast, levels), kind="stable")
            places = (np.arange(len(order)) + 0.5) / len(order)
        else:
            x = column_or_1d(x)
            check_consistent_length(x, forecast)
            order = np.argsort(x, kind="stable")
            places = x[order].astype(np.float64)
        observed, y_name = None, _name_of(y_true)
        if y_true is not None:
            y_true = column_or_1d(y_true)
            check_consistent_length(y_true, forecast)
            dots = _spaced(len(order), max_dots)
            observed = places[dots], y_true[order[dots]]
        groups = np.array_split(np.arange(len(order)), min(max_points, len(order)))
        middle = np.array([places[group].mean() for group in groups])
        lines = np.array([forecast[order[group]].mean(axis=0) for group in groups])
        if x_name is None:
            x_name = SORTED if x is None else "x"
        return cls(middle, lines, levels, observed, x_name, y_name).plot(ax)

    def plot(self, ax=None):
        """Draw bands, median and dots.

        Levels without a mirror on the other side of 0.5 become dashed lines.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        QuantileFanDisplay
            The display itself.

        See Also
        --------
        from_predictions : Build and plot in one step.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.quantile import QuantileFanDisplay
        >>> x, levels = np.linspace(0, 1, 5), np.array([0.05, 0.25, 0.5, 0.75, 0.95])
        >>> QuantileFanDisplay(x, x[:, None] + levels, levels).plot().coverages_
        [0.9, 0.5]
        """
        ax = axes_for(ax, "QuantileFanDisplay.plot", (6.8, 4.2))
        self.ax_, self.figure_ = ax, ax.figure
        low, high = self._limits()
        inside = np.clip(self.forecast, low, high)  # infinite bounds reach to the edge
        pairs, single = _pairs(self.quantiles)
        blues = import_optional("matplotlib", "QuantileFanDisplay.plot").colormaps["Blues"]
        self.bands_, self.coverages_ = [], []
        shades = np.linspace(0.16, 0.62, len(pairs)) if len(pairs) > 1 else [0.3]
        for (a, b), shade in zip(pairs, shades):
            ends = inside[:, a], inside[:, b]
            self.bands_.append(ax.fill_between(self.x, *ends, color=blues(shade), lw=0, zorder=1))
            self.coverages_.append(round(float(self.quantiles[b] - self.quantiles[a]), 9))
        for k in single:
            ax.plot(self.x, inside[:, k], color=blues(0.7), lw=1, ls="--", zorder=2)
        center = point_forecast(inside, self.quantiles)
        (self.line_,) = ax.plot(self.x, center, color=blues(0.98), lw=1.8, zorder=3)
        self.dots_ = None
        if self.observed is not None:
            style = {"s": 11, "color": "0.15", "lw": 0, "zorder": 4, "rasterized": True}
            alpha = float(np.clip(150 / max(1, len(self.observed[0])), 0.35, 0.8))
            self.dots_ = ax.scatter(*self.observed, alpha=alpha, **style)
        ax.set(xlim=(self.x.min(), self.x.max()), ylim=(low, high))
        ax.set_xlabel(self.x_name)
        ax.set_ylabel(self.y_name)
        self._legend(ax)
        tidy(ax)
        return self

    def _limits(self):
        """Return the range of the vertical axis: of what is finite, and a margin."""
        parts = [self.forecast.ravel()]
        if self.observed is not None:
            parts.append(np.asarray(self.observed[1], dtype=np.float64))
        values = np.concatenate(parts)
        values = values[np.isfinite(values)]
        if len(values) == 0:
            return 0.0, 1.0
        low, high = values.min(), values.max()
        margin = 0.04 * (high - low) or 0.5
        return low - margin, high + margin

    def _legend(self, ax):
        named = np.unique(np.linspace(0, len(self.bands_) - 1, min(_NAMED, len(self.bands_))))
        handles, names = [self.line_], ["median"]
        if find_level(self.quantiles, 0.5) is None and not (
            self.quantiles[0] < 0.5 < self.quantiles[-1]
        ):
            nearest = np.clip(0.5, self.quantiles[0], self.quantiles[-1])
            names = [f"level {nearest:.6g}"]
        for k in reversed(named.astype(int) if len(self.bands_) else []):
            handles.append(self.bands_[k])
            names.append(percent(self.coverages_[k]))
        if self.dots_ is not None:
            handles.append(self.dots_)
            names.append("observed")
        place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0}
        ax.legend(handles, names, fontsize="small", frameon=False, **place)


def _pairs(levels):
    """Return index pairs of mirrored levels, outermost first, and the levels without a mirror."""
    pairs, single = [], []
    for k, level in enumerate(levels):
        mirror = find_level(levels, 1 - level)
        if mirror is None:
            single.append(k)
        elif mirror > k:
            pairs.append((k, mirror))
    return pairs, single


def _name_of(y):
    name = getattr(y, "name", None)
    return name if isinstance(name, str) and name else "y"


def _spaced(n, at_most):
    return np.unique(np.linspace(0, n - 1, min(n, at_most)).astype(int))


def _column(X, feature):
    """Return a column and its name."""
    if isinstance(feature, str):
        if not hasattr(X, "iloc") or feature not in X.columns:
            raise ValueError(f"feature must be a column of X, got {feature!r}.")
        return X[feature], feature
    if not 0 <= feature < X.shape[1]:
        raise ValueError(f"feature must be from 0 to {X.shape[1] - 1}, got {feature!r}.")
    if hasattr(X, "iloc"):
        return X.iloc[:, feature], X.columns[feature]
    return X[:, feature], f"x{feature}"


def _grid(column, grid_resolution, percentiles):
    values = np.unique(column)
    if len(values) <= grid_resolution:
        return values
    return np.linspace(*np.quantile(column, percentiles), grid_resolution)
