"""Calibration of the rare last class."""

import numpy as np
from scipy import stats
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from skweight._core._optional import import_optional
from skweight._core._sklearn_compat import check_sample_weight
from skweight.ordinal._display_common import exceedance_of, order_of


class RareClassCalibrationDisplay:
    """Compare predicted probabilities of the rare last class with how often it occurred.

    Rows are sorted by prediction and cut into bins of equally many, so that every dot rests on
    the same number of rows; bars are intervals for the true share in a bin, and the numbers say
    how many rows of the class each bin has.

    Parameters
    ----------
    prob_pred : ndarray of shape (n_bins,)
        Mean prediction of each bin.
    prob_true : ndarray of shape (n_bins,)
        Share of the class in each bin.
    n_rows : ndarray of shape (n_bins,)
        Rows in each bin, or their weight.
    n_events : ndarray of shape (n_bins,)
        Those of the class.
    label : str, default="last class"
        Name of the class.
    name : str or None, default=None
        Name of the model, for the legend.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    dots_ : matplotlib ErrorbarContainer
        Dots and intervals.
    counts_ : list of matplotlib Annotation
        The counts.

    See Also
    --------
    skweight.metrics.rare_class_calibration_error : The same comparison as one number.
    sklearn.calibration.CalibrationDisplay : Calibration of binary classifiers.

    Notes
    -----
    The intervals are Wilson's at 95 percent. Rows with equal predictions share a bin, so there can
    be fewer bins than asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.ordinal import RareClassCalibrationDisplay
    >>> rng = np.random.default_rng(0)
    >>> p = rng.uniform(0, 0.1, size=1000)
    >>> display = RareClassCalibrationDisplay.from_predictions(rng.uniform(size=1000) < p, p)
    >>> display.n_rows.tolist() == [100] * 10
    True
    """

    def __init__(self, prob_pred, prob_true, n_rows, n_events, label="last class", name=None):
        self.prob_pred = prob_pred
        self.prob_true = prob_true
        self.n_rows = n_rows
        self.n_events = n_events
        self.label = label
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, sample_weight=None, n_bins=10, ax=None, name=None, log=False
    ):
        """Plot the calibration of a fitted estimator's last class.

        The rows should be ones that the estimator was not fitted to.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier with `predict_proba`; `predict_exceedance` is taken where there is
            one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.
        n_bins : int, default=10
            Number of bins.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.
        name : str or None, default=None
            Name for the legend; None means that of the class of the estimator.
        log : bool, default=False
            Whether the axes are logarithmic.

        Returns
        -------
        RareClassCalibrationDisplay
            The display.

        See Also
        --------
        from_predictions : The same from probabilities.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import PrestoClassifier, RareClassCalibrationDisplay
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(500, 2))
        >>> y = np.digitize(X[:, 0] + rng.logistic(size=500), [1, 4])
        >>> model = PrestoClassifier().fit(X, y)
        >>> display = RareClassCalibrationDisplay.from_estimator(model, X, y, n_bins=5)
        >>> int(display.n_events.sum()) == int((y == 2).sum())
        True
        """
        check_is_fitted(estimator)
        last = order_of(estimator).tolist()[-1]
        display = cls._of(
            column_or_1d(y) == last, exceedance_of(estimator, X)[:, -1], sample_weight, n_bins
        )
        display.label = f"class {last}"
        display.name = type(estimator).__name__ if name is None else name
        return display.plot(ax, log=log)

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_prob,
        *,
        pos_label=1,
        sample_weight=None,
        n_bins=10,
        ax=None,
        name=None,
        log=False,
    ):
        """Plot the calibration of given probabilities.

        It serves models of any kind, also those of other packages.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        y_prob : array-like of shape (n_samples,)
            Predicted probabilities of `pos_label`.
        pos_label : label, default=1
            The rare class.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.
        n_bins : int, default=10
            Number of bins.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.
        name : str or None, default=None
            Name for the legend.
        log : bool, default=False
            Whether the axes are logarithmic.

        Returns
        -------
        RareClassCalibrationDisplay
            The display.

        See Also
        --------
        from_estimator : The same from a fitted estimator.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import RareClassCalibrationDisplay
        >>> y, p = np.repeat([0, 1], [90, 10]), np.linspace(0, 0.2, 100)
        >>> display = RareClassCalibrationDisplay.from_predictions(y, p, n_bins=2)
        >>> display.n_events.tolist()
        [0.0, 10.0]
        """
        y_true, y_prob = column_or_1d(y_true), column_or_1d(y_prob)
        display = cls._of(y_true == pos_label, y_prob, sample_weight, n_bins)
        display.label = f"class {pos_label}"
        display.name = name
        return display.plot(ax, log=log)

    @classmethod
    def _of(cls, event, p, sample_weight, n_bins):
        check_consistent_length(event, p)
        weight = check_sample_weight(sample_weight, p.reshape(-1, 1))
        order = np.argsort(p, kind="stable")
        event, p, weight = event[order], p[order], weight[order]
        # Equal predictions are one place: they go where the middle of their weight lies.
        starts = np.flatnonzero(np.append(True, p[1:] > p[:-1]))
        mass = np.add.reduceat(weight, starts)
        middle = (np.cumsum(mass) - mass / 2) / mass.sum()
        of_place = np.minimum((middle * n_bins).astype(int), n_bins - 1)
        bins = np.repeat(of_place, np.diff(np.append(starts, len(p))))
        rows = np.bincount(bins, weights=weight, minlength=n_bins)
        events = np.bincount(bins, weights=weight * event, minlength=n_bins)
        predicted = np.bincount(bins, weights=weight * p, minlength=n_bins)
        used = rows > 0
        rows, events, predicted = rows[used], events[used], predicted[used]
        return cls(predicted / rows, events / rows, rows, events)

    def plot(self, ax=None, *, log=False):
        """Draw dots, intervals and counts.

        On the diagonal, predictions are as large as the shares observed.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.
        log : bool, default=False
            Whether the axes are logarithmic.

        Returns
        -------
        RareClassCalibrationDisplay
            The display itself.

        See Also
        --------
        from_predictions : Build and plot in one step.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import RareClassCalibrationDisplay
        >>> p, n = np.array([0.01, 0.05]), np.array([100.0, 100.0])
        >>> display = RareClassCalibrationDisplay(p, p, n, p * n).plot()
        >>> [count.get_text() for count in display.counts_]
        ['1', '5']
        """
        pyplot = import_optional("matplotlib.pyplot", "RareClassCalibrationDisplay.plot")
        if ax is None:
            _, ax = pyplot.subplots(figsize=(5.2, 4.6), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        low, high = _wilson(self.prob_true, self.n_rows)
        errors = np.maximum([self.prob_true - low, high - self.prob_true], 0)
        self.dots_ = ax.errorbar(
            self.prob_pred, self.prob_true, yerr=errors, fmt="o", ms=5.5, lw=1.3, label=self.name
        )
        color = self.dots_.lines[0].get_color()
        self.counts_ = [
            ax.annotate(
                f"{events:.0f}" if events == round(events) else f"{events:.1f}",
                (x, top_of_bar if log and y == 0 else y),  # a log axis has no 0
                xytext=(6, 3),
                textcoords="offset points",
                fontsize="x-small",
                color=color,
            )
            for x, y, top_of_bar, events in zip(self.prob_pred, self.prob_true, high, self.n_events)
        ]
        top = max(ax.get_xlim()[1], self.prob_pred.max(), high.max()) * 1.03
        if log:
            bottom = max(min(self.prob_pred.min(), high.min()) / 2, 1e-8)
            ax.set(xscale="log", yscale="log", xlim=(bottom, top), ylim=(bottom, top))
        else:
            ax.set(xlim=(0, top), ylim=(0, top))
        ax.axline((top, top), (top / 2, top / 2), color="0.6", lw=1, ls="--", zorder=0)
        ax.set_xlabel(f"predicted probability of {self.label}")
        ax.set_ylabel("observed share (numbers: rows of the class)")
        ax.spines[["top", "right"]].set_visible(False)
        if self.name is not None:
            ax.legend(frameon=False, loc="upper left")
        return self


def _wilson(share, n, level=0.95):
    """Return Wilson's interval for a share of n rows."""
    z = stats.norm.isf((1 - level) / 2)
    center = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.maximum(center - half, 0), np.minimum(center + half, 1)
