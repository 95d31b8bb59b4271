"""Plot of coefficients along a path of penalties."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skweight._core._optional import import_optional
from skweight.ordinal._display_common import boundary_colors


class CoefficientPathDisplay:
    """Show which features break proportional odds, at which boundary, and from which penalty on.

    Each panel is a feature and each line its coefficient at one boundary, along the penalty. Where
    the lines lie on each other the feature obeys proportional odds; where they part it does not.

    Parameters
    ----------
    alphas : ndarray of shape (n_alphas,)
        Penalties.
    coef_path : ndarray of shape (n_alphas, n_classes - 1, n_features)
        Coefficients for each penalty, in the P(y > k) orientation.
    class_order : ndarray of shape (n_classes,)
        Labels from the lowest to the highest.
    feature_names : list of str or None, default=None
        Names of the features; None means x0, x1, ...
    alpha : float or None, default=None
        The penalty chosen, marked by a vertical line.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes that the panels share out.
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        The panels.
    features_ : ndarray of int of shape (n_panels,)
        Which feature each panel shows.
    lines_ : list of list of matplotlib Line2D
        The lines of each panel, lowest boundary first.

    See Also
    --------
    PrestoClassifierCV : Choose a penalty along such a path.
    ExceedanceDisplay : Plot the probabilities that follow.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.ordinal import CoefficientPathDisplay, presto_path
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = np.digitize(X[:, 0] + rng.logistic(size=200), [-1, 1])
    >>> display = CoefficientPathDisplay.from_path(presto_path(X, y, n_alphas=5))
    >>> len(display.axes_)
    2
    """

    def __init__(self, alphas, coef_path, class_order, feature_names=None, alpha=None):
        self.alphas = alphas
        self.coef_path = coef_path
        self.class_order = class_order
        self.feature_names = feature_names
        self.alpha = alpha

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, features=None, max_features=9, line_kw=None):
        """Plot the path of a fitted estimator.

        The chosen penalty is marked.

        Parameters
        ----------
        estimator : PrestoClassifierCV
            The fitted estimator.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.
        features : list of int or str or None, default=None
            Columns to show, by number or name; None means those whose lines part first, with
            those parted at the chosen penalty before the others.
        max_features : int, default=9
            Number of panels at most, where `features` is None.
        line_kw : dict or None, default=None
            Arguments of matplotlib's ``plot``.

        Returns
        -------
        CoefficientPathDisplay
            The display.

        See Also
        --------
        from_path : The same for the result of `presto_path`.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import CoefficientPathDisplay, PrestoClassifierCV
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 2))
        >>> y = np.digitize(X[:, 0] + rng.logistic(size=200), [-1, 1])
        >>> model = PrestoClassifierCV(n_alphas=4, cv=2).fit(X, y)
        >>> display = CoefficientPathDisplay.from_estimator(model)
        >>> display.alpha == model.alpha_
        True
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "coef_path_"):
            raise ValueError(
                "estimator must be a fitted PrestoClassifierCV, which has a path, got "
                f"{type(estimator).__name__}."
            )
        names = getattr(estimator, "feature_names_in_", None)
        display = cls(
            estimator.alphas_,
            estimator.coef_path_,
            estimator.class_order_,
            feature_names=None if names is None else list(names),
            alpha=estimator.alpha_,
        )
        return display.plot(ax, features=features, max_features=max_features, line_kw=line_kw)

    @classmethod
    def from_path(cls, path, *, ax=None, features=None, max_features=9, line_kw=None):
        """Plot what `presto_path` returned.

        No penalty is marked, as none was chosen.

        Parameters
        ----------
        path : Bunch
            Result of `presto_path`.
        ax : matplotlib Axes or None, default=None
            Where to plot; None makes a figure.
        features : list of int or str or None, default=None
            Columns to show, by number or name; None means those whose lines part first.
        max_features : int, default=9
            Number of panels at most, where `features` is None.
        line_kw : dict or None, default=None
            Arguments of matplotlib's ``plot``.

        Returns
        -------
        CoefficientPathDisplay
            The display.

        See Also
        --------
        from_estimator : The same for a fitted estimator.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import CoefficientPathDisplay, presto_path
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 2))
        >>> y = np.digitize(X[:, 0] + rng.logistic(size=200), [-1, 1])
        >>> path = presto_path(X, y, n_alphas=5)
        >>> CoefficientPathDisplay.from_path(path, features=[0]).features_
        array([0])
        """
        names = path.feature_names
        display = cls(
            path.alphas,
            path.coef_path,
            path.class_order,
            feature_names=None if names is None else list(names),
        )
        return display.plot(ax, features=features, max_features=max_features, line_kw=line_kw)

    def plot(self, ax=None, *, features=None, max_features=9, line_kw=None):
        """Draw the panels.

        The penalty decreases to the right, as freedom grows.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot, its area being shared out; None makes a figure.
        features : list of int or str or None, default=None
            Columns to show, by number or name; None means those whose lines part first.
        max_features : int, default=9
            Number of panels at most, where `features` is None.
        line_kw : dict or None, default=None
            Arguments of matplotlib's ``plot``.

        Returns
        -------
        CoefficientPathDisplay
            The display itself.

        See Also
        --------
        from_estimator : Build and plot in one step.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.ordinal import CoefficientPathDisplay
        >>> path = np.array([[[0.0], [0.0]], [[1.0], [0.5]]])
        >>> display = CoefficientPathDisplay(np.array([0.1, 0.01]), path, np.arange(3)).plot()
        >>> len(display.lines_[0])
        2
        """
        pyplot = import_optional("matplotlib.pyplot", "CoefficientPathDisplay.plot")
        shown = self._shown(features, max_features)
        columns = min(3, len(shown))
        rows = -(-len(shown) // columns)
        own = ax is None
        if own:
            size = (3.1 * columns + 1.0, 2.1 * rows + 0.9)
            _, ax = pyplot.subplots(figsize=size, layout="constrained")
        self.ax_, self.figure_, self.features_ = ax, ax.figure, np.array(shown)
        ax.set_axis_off()
        # A figure that lays itself out adds room for titles and labels by itself.
        gap = 0.05 if self.figure_.get_layout_engine() is not None else 0.5
        grid = ax.get_subplotspec().subgridspec(rows, columns, hspace=gap, wspace=gap)
        self.axes_, self.lines_ = np.empty(len(shown), dtype=object), []
        for place, feature in enumerate(shown):
            sharing = self.axes_[0] if place else None
            panel = self.figure_.add_subplot(grid[divmod(place, columns)], sharex=sharing)
            self.axes_[place] = panel
            self.lines_.append(self._panel(panel, feature, line_kw or {}))
            if place + columns < len(shown):
                panel.tick_params(labelbottom=False)
            else:
                panel.set_xlabel("alpha")
            if place % columns == 0:
                panel.set_ylabel("coefficient")
        names = [f"P(y > {label})" for label in self.class_order[:-1].tolist()]
        style = {"ncols": min(6, len(names)), "frameon": False}
        if own:
            self.figure_.legend(self.lines_[0], names, loc="outside upper center", **style)
        else:
            style["bbox_to_anchor"] = (0.5, 1.06)
            ax.legend(self.lines_[0], names, loc="lower center", **style)
        return self

    def _shown(self, features, max_features):
        names = self._names()
        if features is not None:
            return [names.index(f) if isinstance(f, str) else int(f) for f in features]
        # Columns have units of their own, so sizes do not compare; the penalty at which lines part
        # or leave zero does, as in any lasso path.
        spread, size = np.ptp(self.coef_path, axis=1), np.abs(self.coef_path).max(axis=1)
        parted, entered = spread > 1e-12 * size.max(axis=0), size > 0
        ranks = [_first(parted), _first(entered)]
        if self.alpha is not None:
            chosen = np.argmin(np.abs(self.alphas - self.alpha))
            ranks.insert(0, ~parted[chosen])
        return np.lexsort(ranks[::-1])[:max_features].tolist()

    def _names(self):
        if self.feature_names is None:
            return [f"x{j}" for j in range(self.coef_path.shape[2])]
        return [str(name) for name in self.feature_names]

    def _panel(self, panel, feature, line_kw):
        coef = self.coef_path[:, :, feature]
        lines = []
        for k, color in enumerate(boundary_colors(coef.shape[1])):
            # The lowest boundary is widest and underneath, so fused lines all stay visible.
            style = {"color": color, "linewidth": 3.2 - 2.0 * k / max(1, coef.shape[1] - 1)}
            lines += panel.plot(self.alphas, coef[:, k], **{**style, **line_kw})
        panel.axhline(0, color="0.6", linewidth=0.8, zorder=0)
        if self.alpha is not None:
            panel.axvline(self.alpha, color="0.3", linestyle=":", linewidth=1.2, zorder=0)
        if np.all(self.alphas > 0):
            panel.set_xscale("log")
        if not panel.xaxis_inverted():
            panel.invert_xaxis()
        panel.set_title(self._names()[feature], fontsize="medium")
        panel.spines[["top", "right"]].set_visible(False)
        panel.margins(x=0.02)
        return lines


def _first(reached):
    """Return where along the path each column is first true, the length where it never is."""
    return np.where(reached.any(axis=0), reached.argmax(axis=0), len(reached))
