"""Interval width against score or coverage, one point for each model."""

import numpy as np

from skweight.metrics import interval_coverage, interval_width, weighted_interval_score
from skweight.quantile._display_common import (
    MARKERS,
    axes_for,
    check_named_forecasts,
    forecasts_of,
    percent,
    tidy,
)
from skweight.quantile._levels import at_levels, interval_levels


class IntervalWidthDisplay:
    """Compare models by the width of their intervals and what it buys.

    Against the weighted interval score, the lower left corner is best. Against coverage, dashed
    lines are the nominal ones: a model on its line keeps its promise, and the one furthest left on
    it does so with the narrowest intervals.

    Parameters
    ----------
    names : list of str of length n_models
        The models.
    coverages : ndarray of shape (n_coverages,)
        Nominal coverages of the central intervals.
    width : ndarray of shape (n_models, n_coverages)
        Mean widths.
    covered : ndarray of shape (n_models, n_coverages)
        Shares of outcomes inside.
    score : ndarray of shape (n_models,)
        Weighted interval scores of all levels.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    lines_ : list of matplotlib Line2D
        One for each model; points of several coverages are joined.
    targets_ : list of matplotlib Line2D
        The nominal coverages, empty against the score.

    See Also
    --------
    skweight.metrics.weighted_interval_score : The score.
    skweight.metrics.interval_width : The width.
    QuantileReliabilityDisplay : Coverage level by level.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.quantile import IntervalWidthDisplay
    >>> y = np.linspace(-1, 1, 21)
    >>> narrow, wide = np.tile([-0.5, 0.0, 0.5], (21, 1)), np.tile([-0.95, 0.0, 0.95], (21, 1))
    >>> display = IntervalWidthDisplay.from_predictions(
    ...     y, {"narrow": narrow, "wide": wide}, quantiles=[0.1, 0.5, 0.9], coverage=0.8
    ... )
    >>> display.width.ravel(), display.covered.ravel().round(2)
    (array([1. , 1.9]), array([0.52, 0.9 ]))
    """

    def __init__(self, names, coverages, width, covered, score):
        self.names = names
        self.coverages = coverages
        self.width = width
        self.covered = covered
        self.score = score

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        quantiles=None,
        coverage=0.9,
        against="wis",
        sample_weight=None,
        name=None,
        ax=None,
    ):
        """Plot one or several fitted estimators.

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
            Levels of the score; None means those of the estimators, which must be the same.
        coverage : float or list of float, default=0.9
            Nominal coverages in (0, 1) of the central intervals, within the range of the levels.
        against : {"wis", "coverage"}, default="wis"
            The vertical axis: the weighted interval score, or the share of outcomes inside.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.
        name : str or None, default=None
            Name of a single estimator for the legend; None means its class.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        IntervalWidthDisplay
            The display.

        See Also
        --------
        from_predictions : The same from forecasts.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import QuantileRegressor
        >>> from skweight.quantile import IntervalWidthDisplay, LevelwiseQuantileRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> linear = QuantileRegressor(alpha=0)
        >>> model = LevelwiseQuantileRegressor(linear, quantiles=[0.1, 0.5, 0.9])
        >>> model = model.fit(X[:300], y[:300])
        >>> display = IntervalWidthDisplay.from_estimator(model, X[300:], y[300:], coverage=0.8)
        >>> display.names
        ['LevelwiseQuantileRegressor']
        """
        levels, forecasts = forecasts_of(estimator, X, quantiles, name)
        return cls.from_predictions(
            y,
            forecasts,
            quantiles=levels,
            coverage=coverage,
            against=against,
            sample_weight=sample_weight,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_quantiles,
        *,
        quantiles,
        coverage=0.9,
        against="wis",
        sample_weight=None,
        name=None,
        ax=None,
    ):
        """Plot one or several forecasts.

        It serves models of any kind, also those of other packages.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Outcomes.
        y_quantiles : array-like of shape (n_samples, n_quantiles) or dict of str to array-like
            Forecasts, or several by name.
        quantiles : array-like of shape (n_quantiles,)
            Their levels, strictly increasing in (0, 1).
        coverage : float or list of float, default=0.9
            Nominal coverages in (0, 1) of the central intervals, within the range of the levels;
            ends between levels are interpolated.
        against : {"wis", "coverage"}, default="wis"
            The vertical axis: the weighted interval score, or the share of outcomes inside.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.
        name : str or None, default=None
            Name of a single forecast for the legend; None means "forecast".
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        IntervalWidthDisplay
            The display.

        Raises
        ------
        ValueError
            If an end of an interval is outside the range of the levels.

        See Also
        --------
        from_estimator : The same from fitted estimators.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.quantile import IntervalWidthDisplay
        >>> y, forecast = np.array([0.0, 2.0]), np.array([[-1.0, 0.0, 1.0]] * 2)
        >>> display = IntervalWidthDisplay.from_predictions(
        ...     y, forecast, quantiles=[0.1, 0.5, 0.9], coverage=[0.5, 0.8], against="coverage"
        ... )
        >>> display.covered
        array([[0.5, 0.5]])
        """
        _check_against(against)
        levels, forecasts = check_named_forecasts(y_true, y_quantiles, quantiles, name)
        coverages = np.sort(np.atleast_1d(coverage))
        width = np.empty((len(forecasts), len(coverages)))
        covered, score = np.empty_like(width), np.empty(len(forecasts))
        for i, forecast in enumerate(forecasts.values()):
            for j, nominal in enumerate(coverages.tolist()):
                interval = at_levels(forecast, levels, interval_levels(nominal))
                width[i, j] = interval_width(interval, sample_weight=sample_weight)
                covered[i, j] = interval_coverage(y_true, interval, sample_weight=sample_weight)
            score[i] = weighted_interval_score(
                y_true, forecast, quantiles=levels, sample_weight=sample_weight
            )
        return cls(list(forecasts), coverages, width, covered, score).plot(ax, against=against)

    def plot(self, ax=None, *, against="wis"):
        """Draw a point for each model and coverage.

        Models with infinite intervals have no point; the legend says so.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.
        against : {"wis", "coverage"}, default="wis"
            The vertical axis: the weighted interval score, or the share of outcomes inside.

        Returns
        -------
        IntervalWidthDisplay
            The display itself.

        See Also
        --------
        from_predictions : Build and plot in one step.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.quantile import IntervalWidthDisplay
        >>> one = np.ones((1, 1))
        >>> display = IntervalWidthDisplay(["model"], np.array([0.9]), one, 0.9 * one, one[0])
        >>> display.plot(against="coverage").ax_.get_ylabel()
        'share of outcomes inside'
        """
        _check_against(against)
        ax = axes_for(ax, "IntervalWidthDisplay.plot", (6.2, 4.0))
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_, self.targets_, labels = [], [], []
        if against == "coverage":
            for nominal in self.coverages:
                self.targets_.append(ax.axhline(nominal, color="0.6", lw=1, ls="--", zorder=0))
        for i, name in enumerate(self.names):
            height = (
                self.covered[i]
                if against == "coverage"
                else np.full(len(self.coverages), self.score[i])
            )
            style = {"marker": MARKERS[i % len(MARKERS)], "ms": 8, "mec": "white", "lw": 1}
            self.lines_ += ax.plot(self.width[i], height, color=f"C{i % 10}", **style)
            endless = not np.isfinite(self.width[i]).all()
            labels.append(f"{name} (infinite)" if endless else name)
        shown = [percent(round(float(c), 6)) for c in self.coverages]
        ax.set_xlabel(f"mean width of the {', '.join(shown)} interval" + "s" * (len(shown) > 1))
        ax.set_ylabel(
            "share of outcomes inside" if against == "coverage" else "weighted interval score"
        )
        ax.margins(0.12)
        place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0}
        ax.legend(self.lines_, labels, fontsize="small", frameon=False, **place)
        tidy(ax)
        return self


def _check_against(against):
    if against not in ("wis", "coverage"):
        raise ValueError(f"against must be 'wis' or 'coverage', got {against!r}.")
