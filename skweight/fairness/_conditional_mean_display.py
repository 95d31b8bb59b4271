"""Mean predictions along a continuous protected attribute."""

import numpy as np

from skweight._core._sklearn_compat import _safe_indexing, check_sample_weight
from skweight.fairness._display_common import (
    MARKERS,
    axes_for,
    color_of,
    line_of,
    name_each,
    predictions_of,
    tidy,
)
from skweight.metrics import conditional_mean_curve

BANDS = ("error", "quartiles", None)
_OBSERVED = "observed"


class ConditionalMeanDisplay:
    """Show mean predictions along a numeric protected attribute, of one or several models.

    Each point is the mean prediction of the rows in a bin of the attribute, and the thin line the
    mean of all rows. A curve that leaves its line by more than the errors says that the mean
    prediction depends on the attribute; one that follows it says nothing of the rest of the
    distribution, which quartiles show a part of.

    Parameters
    ----------
    curves : dict of str to Bunch
        What `skweight.metrics.conditional_mean_curve` returns, for each model.
    overall : dict of str to float
        Mean prediction of all rows.
    quartiles : dict of str to ndarray of shape (2, n_bins) or None, default=None
        First and third quartile of predictions in each bin.
    x_name : str, default="attribute"
        Label of the horizontal axis.
    y_name : str, default="mean prediction"
        Label of the vertical axis.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    lines_ : list of matplotlib Line2D
        A curve for each model.
    means_ : list of matplotlib Line2D
        The mean of all rows, for each model.
    bands_ : list of matplotlib artist
        Error bars or bands, for each model; empty without.

    See Also
    --------
    skweight.metrics.conditional_mean_curve : The numbers.
    GroupDistributionDisplay : Whole distributions, by group.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.fairness import ConditionalMeanDisplay
    >>> age = np.repeat([20.0, 40.0, 60.0], 50)
    >>> display = ConditionalMeanDisplay.from_predictions(age / 10, age, n_bins=3)
    >>> display.curves["prediction"].means, display.overall
    (array([2., 4., 6.]), {'prediction': 4.0})
    """

    def __init__(
        self, curves, overall, quartiles=None, x_name="attribute", y_name="mean prediction"
    ):
        self.curves = curves
        self.overall = overall
        self.quartiles = quartiles
        self.x_name = x_name
        self.y_name = y_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        attribute,
        y=None,
        *,
        n_bins=10,
        sample_weight=None,
        band="error",
        pos_label=None,
        name=None,
        x_name=None,
        ax=None,
    ):
        """Plot one or several fitted estimators.

        Rows that the estimators were not fitted to show what the dependence is out of sample.

        Parameters
        ----------
        estimator : estimator or dict of str to estimator
            Fitted regressors, or classifiers with `predict_proba`.
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows.
        attribute : int, str or array-like of shape (n_samples,)
            The attribute: a column of X by number or name, or its values.
        y : array-like of shape (n_samples,) or None, default=None
            Outcomes, 0 and 1 with classifiers, to draw their means as well.
        n_bins : int, default=10
            Number of bins of about equal weight; equal values stay together.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Frequencies of the rows.
        band : {"error", "quartiles"} or None, default="error"
            Whether to draw two standard errors of the means each way, or bands from the first to
            the third quartile of predictions.
        pos_label : int, float, bool, str or None, default=None
            The class whose probability is shown; None means the second of two.
        name : str or None, default=None
            Name of a single estimator for the legend; None means its class.
        x_name : str or None, default=None
            Label of the horizontal axis; None means the name of the attribute.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        ConditionalMeanDisplay
            The display.

        See Also
        --------
        from_predictions : The same from predictions.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import Ridge
        >>> from skweight.fairness import ConditionalMeanDisplay
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> model = Ridge().fit(X, y)
        >>> display = ConditionalMeanDisplay.from_estimator(model, X, "age", y, n_bins=5)
        >>> list(display.curves), display.ax_.get_xlabel()
        (['Ridge', 'observed'], 'age')
        """
        models = name_each(estimator, name, type(estimator).__name__, "estimator")
        values, found = _attribute(X, attribute)
        predictions = {}
        for label, model in models.items():
            predictions[label], response = predictions_of(model, X, pos_label)
        if y is not None:
            predictions[_OBSERVED] = y
        return cls.from_predictions(
            predictions,
            values,
            n_bins=n_bins,
            sample_weight=sample_weight,
            band=band,
            x_name=found if x_name is None else x_name,
            y_name=f"mean {response}",
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_pred,
        s,
        *,
        n_bins=10,
        sample_weight=None,
        band="error",
        name=None,
        x_name=None,
        y_name="mean prediction",
        ax=None,
    ):
        """Plot predictions of one or several models.

        It serves models of any kind, also those of other packages.

        Parameters
        ----------
        y_pred : array-like of shape (n_samples,) or dict of str to array-like
            Predictions, or several by name. Outcomes under the name "observed" are drawn in black.
        s : array-like of shape (n_samples,)
            The attribute.
        n_bins : int, default=10
            Number of bins of about equal weight; equal values stay together.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Frequencies of the rows.
        band : {"error", "quartiles"} or None, default="error"
            Whether to draw two standard errors of the means each way, or bands from the first to
            the third quartile of predictions.
        name : str or None, default=None
            Name of a single model for the legend; None means "prediction".
        x_name : str or None, default=None
            Label of the horizontal axis; None means the name of a Series, else "attribute".
        y_name : str, default="mean prediction"
            Label of the vertical axis.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        ConditionalMeanDisplay
            The display.

        Raises
        ------
        ValueError
            If the input or a parameter has no meaning; the message names it.

        See Also
        --------
        from_estimator : The same from fitted estimators.

        Examples
        --------
        >>> from skweight.fairness import ConditionalMeanDisplay
        >>> display = ConditionalMeanDisplay.from_predictions(
        ...     {"steep": [1.0, 2.0, 5.0, 6.0], "flat": [3.0, 4.0, 3.0, 4.0]}, [18, 20, 30, 60],
        ...     n_bins=2, band="quartiles",
        ... )
        >>> [line.get_ydata().tolist() for line in display.lines_]
        [[1.5, 5.5], [3.5, 3.5]]
        """
        _check_band(band)
        predictions = name_each(y_pred, name, "prediction", "y_pred")
        curves, overall, quartiles = {}, {}, {}
        for label, each in predictions.items():
            curves[label] = conditional_mean_curve(each, s, n_bins, sample_weight=sample_weight)
            each = np.asarray(each, dtype=np.float64).ravel()
            weight = check_sample_weight(sample_weight, each)
            overall[label] = float(np.average(each, weights=weight))
            if band == "quartiles":
                quartiles[label] = _quartiles(each, s, weight, curves[label].edges)
        if x_name is None:
            x_name = getattr(s, "name", None) or "attribute"
        return cls(curves, overall, quartiles or None, str(x_name), y_name).plot(ax, band=band)

    def plot(self, ax=None, *, band="error"):
        """Draw the curves, with errors or quartiles.

        Errors take weights as frequencies, and are missing in bins whose weight is no more than 1.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.
        band : {"error", "quartiles"} or None, default="error"
            Whether to draw two standard errors of the means each way, or bands from the first to
            the third quartile of predictions, which the display must hold.

        Returns
        -------
        ConditionalMeanDisplay
            The display itself.

        See Also
        --------
        from_predictions : Build and plot in one step.

        Examples
        --------
        >>> from skweight.fairness import ConditionalMeanDisplay
        >>> from skweight.metrics import conditional_mean_curve
        >>> curve = conditional_mean_curve([1.0, 3.0, 4.0, 6.0], [18, 20, 30, 60], n_bins=2)
        >>> display = ConditionalMeanDisplay({"model": curve}, {"model": 3.5}, x_name="age")
        >>> display.plot(band=None).bands_
        []
        """
        _check_band(band)
        if band == "quartiles" and self.quartiles is None:
            raise ValueError(
                "band='quartiles' needs a display made with band='quartiles', which holds them: "
                "this one has quartiles=None."
            )
        ax = axes_for(ax, "ConditionalMeanDisplay.plot", (7.0, 3.8))
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_, self.means_, self.bands_ = [], [], []
        models = [name for name in self.curves if name != _OBSERVED]
        for name, curve in self.curves.items():
            i = models.index(name) if name != _OBSERVED else 0
            observed = name == _OBSERVED
            style = {
                "color": "black" if observed else color_of(i),
                "ls": ":" if observed else line_of(i),
                "marker": "x" if observed else MARKERS[i % len(MARKERS)],
            }
            layer = {"zorder": 3 + len(models) - i}
            self.lines_ += ax.plot(
                curve.centres, curve.means, **style, **layer, lw=1.5, ms=5, label=name
            )
            self.means_.append(ax.axhline(self.overall[name], color=style["color"], lw=0.7))
            if band == "error":
                self.bands_.append(
                    ax.errorbar(
                        curve.centres, curve.means, 2 * curve.standard_errors, fmt="none",
                        ecolor=style["color"], elinewidth=1, alpha=0.5,
                    )
                )  # fmt: skip
            elif band == "quartiles" and not observed:
                low, high = self.quartiles[name]
                self.bands_.append(
                    ax.fill_between(
                        curve.centres, low, high, color=style["color"], alpha=0.15, lw=0
                    )
                )
        said = {"error": ", two standard errors each way", "quartiles": ", band: quartiles"}
        ax.set_xlabel(self.x_name)
        ax.set_ylabel(self.y_name)
        ax.set_title(
            f"mean in bins{said.get(band, '')}; thin line: all rows", fontsize="small", loc="left"
        )
        ax.legend(fontsize="small", frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1))
        tidy(ax)
        return self


def _check_band(band):
    if band not in BANDS:
        raise ValueError(f"band must be one of {BANDS}, got {band!r}.")


def _attribute(X, attribute):
    """Return the values of an attribute, and its name."""
    if isinstance(attribute, (int, np.integer, str)):
        if isinstance(attribute, str) and attribute not in getattr(X, "columns", ()):
            raise ValueError(
                f"attribute must name a column of X where it is a string, got {attribute!r}."
            )
        column = _safe_indexing(X, attribute, axis=1)
        column = column.toarray() if hasattr(column, "toarray") else column
        fallback = attribute if isinstance(attribute, str) else f"feature {attribute}"
        return np.asarray(column).ravel(), str(getattr(column, "name", None) or fallback)
    return attribute, None


def _quartiles(y, s, weight, edges):
    """Return first and third weighted quartile of y in each bin."""
    rows = weight > 0
    y, s, weight = y[rows], np.asarray(s, dtype=np.float64).ravel()[rows], weight[rows]
    code = np.clip(np.searchsorted(edges, s) - 1, 0, None)
    found = np.empty((2, len(edges) - 1))
    for k in range(len(edges) - 1):
        order = np.argsort(y[code == k])
        reached = np.cumsum(weight[code == k][order])
        for end, level in enumerate((0.25, 0.75)):
            at = np.searchsorted(reached, level * reached[-1] * (1 - 1e-12))
            found[end, k] = y[code == k][order][at]
    return found
