"""Plot of the probabilities of lying above each boundary."""

import numpy as np
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from skweight._core._optional import import_optional
from skweight._core._sklearn_compat import _safe_indexing
from skweight.ordinal._display_common import boundary_colors, exceedance_of, order_of


class ExceedanceDisplay:
    """Show the probabilities of lying above each boundary.

    The lines are P(y > k), so the band between two lines is the probability of the class between
    them. Along a feature they are averages over rows; over sorted rows, dots compare them with
    the shares observed.

    Parameters
    ----------
    x : ndarray of shape (n_points,)
        Values of the feature, or shares of the sorted rows.
    above : ndarray of shape (n_points, n_classes - 1)
        P(y > k) at each point.
    class_order : ndarray of shape (n_classes,)
        Labels from the lowest to the highest.
    x_name : str, default="share of rows, sorted by prediction"
        Label of the horizontal axis.
    observed : tuple of ndarray or None, default=None
        Places of shape (n_bins,) and observed shares above each boundary of shape (n_bins,
        n_classes - 1).

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    lines_ : list of matplotlib Line2D
        One line for each boundary, lowest first.
    dots_ : list of matplotlib Line2D
        The observed shares, empty without them.

    See Also
    --------
    marginal_effects : The slopes of the bands, as numbers.
    RareClassCalibrationDisplay : Calibration of the last class alone.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.ordinal import ExceedanceDisplay, ProportionalOddsClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = np.digitize(X[:, 0] + rng.logistic(size=200), [-1, 1])
    >>> model = ProportionalOddsClassifier().fit(X, y)
    >>> ExceedanceDisplay.from_estimator(model, X, feature=0).above.shape
    (100, 2)
    """

    def __init__(
        self,
        x,
        above,
        class_order,
        x_name="share of rows, sorted by prediction",
        observed=None,
    ):
        self.x = x
        self.above = above
        self.class_order = class_order
        self.x_name = x_name
        self.observed = observed

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        feature,
        *,
        ax=None,
        grid_resolution=100,
        percentiles=(0.01, 0.99),
        max_rows=1000,
        log=False,
    ):
        """Plot the average probabilities along one feature.

        At each value, that value is given to all rows, the others keep theirs, and predictions
        are averaged (partial dependence).

        Parameters
        ----------
        estimator : estimator
            Fitted classifier with `predict_proba`; `predict_exceedance` is taken where there is
            one.
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows over which to average.
        feature : int or str
            The column, by number or name.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.
        grid_resolution : int, default=100
            Number of values at most; a feature with fewer takes those it has.
        percentiles : tuple of float, default=(0.01, 0.99)
            Range of the values, as quantiles of the column.
        max_rows : int, default=1000
            Rows averaged at most, evenly spaced over X.
        log : bool, default=False
            Whether the vertical axis is logarithmic, as for rare classes.

        Returns
        -------
        ExceedanceDisplay
            The display.

        See Also
        --------
        from_predictions : Plot predictions of rows, beside what was observed.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import ExceedanceDisplay, PrestoClassifier
        >>> X = np.arange(60.0).reshape(-1, 1)
        >>> model = PrestoClassifier().fit(X, np.repeat([0, 1, 2], 20))
        >>> ExceedanceDisplay.from_estimator(model, X, 0).ax_.get_xlabel()
        'x0'
        """
        check_is_fitted(estimator)
        if not hasattr(X, "iloc"):
            X = np.asarray(X)
        n = len(X)
        column, name = _column(X, feature)
        values = _grid(np.asarray(column), grid_resolution, percentiles)
        rows = np.unique(np.linspace(0, n - 1, min(n, max_rows)).astype(int))
        X = _safe_indexing(X, rows)
        above = np.empty((len(values), len(estimator.classes_) - 1))
        for i, value in enumerate(values):
            moved = X.copy()
            if hasattr(moved, "iloc"):
                moved[name] = value
            else:
                moved[:, feature] = value
            above[i] = exceedance_of(estimator, moved).mean(axis=0)
        return cls(values, above, order_of(estimator), x_name=name).plot(ax, log=log)

    @classmethod
    def from_predictions(cls, y_true, above, *, class_order, ax=None, n_bins=20, log=False):
        """Plot predictions of rows, sorted, beside the shares observed in bins of them.

        Rows are sorted by their expected rank, which is the sum of their P(y > k). Lines average
        the predictions over tenths of a bin.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        above : array-like of shape (n_samples, n_classes - 1)
            P(y > k), as from `predict_exceedance`.
        class_order : array-like of shape (n_classes,)
            Labels from the lowest to the highest.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.
        n_bins : int, default=20
            Number of bins, of equally many rows.
        log : bool, default=False
            Whether the vertical axis is logarithmic, as for rare classes.

        Returns
        -------
        ExceedanceDisplay
            The display.

        See Also
        --------
        from_estimator : Plot along one feature.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import ExceedanceDisplay, ProportionalOddsClassifier
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 2))
        >>> y = np.digitize(X[:, 0] + rng.logistic(size=200), [-1, 1])
        >>> model = ProportionalOddsClassifier().fit(X, y)
        >>> above = model.predict_exceedance(X)
        >>> display = ExceedanceDisplay.from_predictions(y, above, class_order=[0, 1, 2])
        >>> len(display.dots_)
        2
        """
        y_true, above, class_order = column_or_1d(y_true), np.asarray(above), np.array(class_order)
        check_consistent_length(y_true, above)
        if above.ndim != 2 or above.shape[1] != len(class_order) - 1:
            raise ValueError(
                f"above must have one column less than class_order has labels "
                f"({len(class_order) - 1}), got shape {above.shape}."
            )
        rank = {label: i for i, label in enumerate(class_order.tolist())}
        unknown = sorted({str(label) for label in y_true.tolist() if label not in rank})
        if unknown:
            raise ValueError(f"class_order must list every label of y_true, but lacks {unknown}.")
        order = np.argsort(above.sum(axis=1), kind="stable")
        ranks = np.array([rank[label] for label in y_true.tolist()])[order]
        exceeds = ranks[:, None] > np.arange(len(class_order) - 1)
        # Neighbours in this order can differ much at single boundaries, so lines are means too.
        x, lines = _bin_means(above[order], 10 * n_bins)
        observed = _bin_means(exceeds, n_bins)
        return cls(x, lines, class_order, observed=observed).plot(ax, log=log)

    def plot(self, ax=None, *, log=False):
        """Draw lines, bands and observed shares.

        Each band carries the name of its class where it is wide enough.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.
        log : bool, default=False
            Whether the vertical axis is logarithmic.

        Returns
        -------
        ExceedanceDisplay
            The display itself.

        See Also
        --------
        from_estimator : Build and plot in one step.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import ExceedanceDisplay
        >>> x = np.linspace(0, 1, 5)
        >>> above = np.column_stack([0.5 + x / 2, x / 2])
        >>> len(ExceedanceDisplay(x, above, np.array([0, 1, 2])).plot().lines_)
        2
        """
        pyplot = import_optional("matplotlib.pyplot", "ExceedanceDisplay.plot")
        if ax is None:
            _, ax = pyplot.subplots(figsize=(6.4, 4.2), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        q = self.above.shape[1]
        colors = boundary_colors(q)
        labels = self.class_order.tolist()
        edges = np.column_stack([np.ones(len(self.x)), self.above, np.zeros(len(self.x))])
        self.lines_, self.dots_ = [], []
        for k in range(q):
            below = edges[:, k + 2]
            if log:
                below = np.maximum(below, 1e-300)
            ax.fill_between(self.x, below, edges[:, k + 1], color=colors[k], alpha=0.16, lw=0)
            line = ax.plot(self.x, self.above[:, k], color=colors[k], lw=2)
            self.lines_ += line
            if self.observed is not None:
                places, shares = self.observed
                style = {"ls": "none", "marker": "o", "ms": 4.5, "mec": "white", "mew": 0.6}
                self.dots_ += ax.plot(places, shares[:, k], color=colors[k], **style)
        ax.legend(
            self.lines_,
            [f"P(y > {label})" for label in labels[:-1]],
            fontsize="small",
            loc="upper left",
            bbox_to_anchor=(1.01, 1),
            frameon=False,
            title="dots: observed" if self.observed is not None else None,
            title_fontsize="small",
        )
        self._set_axes(ax, log)
        return self

    def _set_axes(self, ax, log):
        ax.set_xlim(self.x.min(), self.x.max())
        if log:
            smallest = self.above[self.above > 0].min()
            ax.set_yscale("log")
            ax.set_ylim(max(smallest / 2, 1e-8), 1.0)
        else:
            ax.set_ylim(0, 1)
            self._name_bands(ax)
        ax.set_xlabel(self.x_name)
        ax.set_ylabel("probability")
        ax.spines[["top", "right"]].set_visible(False)

    def _name_bands(self, ax):
        """Write each class into its band, where the band is widest and wide enough."""
        edges = np.column_stack([np.ones(len(self.x)), self.above, np.zeros(len(self.x))])
        span = self.x.max() - self.x.min()
        inner = (self.x >= self.x.min() + 0.06 * span) & (self.x <= self.x.max() - 0.06 * span)
        inner = np.flatnonzero(inner) if inner.any() else np.arange(len(self.x))
        for k, label in enumerate(self.class_order.tolist()):
            width = edges[inner, k] - edges[inner, k + 1]
            at = inner[np.argmax(width)]
            if width.max() > 0.07:
                middle = (edges[at, k] + edges[at, k + 1]) / 2
                ax.text(self.x[at], middle, str(label), ha="center", va="center", color="0.25")


def _bin_means(columns, n_bins):
    """Return the places, as shares of the rows, and means of bins of equally many rows."""
    n = len(columns)
    bins = np.array_split(np.arange(n), min(n_bins, n))
    places = np.array([(rows[0] + rows[-1] + 1) / (2 * n) for rows in bins])
    return places, np.array([columns[rows].mean(axis=0) for rows in bins])


def _column(X, feature):
    """Return a column and its name."""
    if isinstance(feature, str):
        if not hasattr(X, "columns") or feature not in X.columns:
            raise ValueError(f"feature must be a column of X, got {feature!r}.")
        return X[feature], feature
    if not 0 <= feature < X.shape[1]:
        raise ValueError(f"feature must be from 0 to {X.shape[1] - 1}, got {feature!r}.")
    if hasattr(X, "iloc"):
        return X.iloc[:, feature], str(X.columns[feature])
    return X[:, feature], f"x{feature}"


def _grid(column, grid_resolution, percentiles):
    values = np.unique(column)
    if len(values) <= grid_resolution:
        return values
    low, high = np.quantile(column, percentiles)
    return np.linspace(low, high, grid_resolution)
