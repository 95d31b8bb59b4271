"""Distributions of predictions by intersectional group, before and after."""

import numpy as np
from sklearn.utils import Bunch

from skweight.fairness._display_common import axes_for, color_of, line_of, predictions_of, tidy
from skweight.metrics._group_densities import GroupDensities
from skweight.metrics._groups import check_rows, intersect, levels_of
from skweight.metrics._js_divergence import JSDivergence, check_divergence

_N_POINTS = 1000
# Groups that are named in the legend among those left out.
_NAMED = 6
# Entries of the legend in a column.
_ENTRIES = 36


class GroupDistributionDisplay:
    """Show densities of predictions by group, in one panel or before and after side by side.

    The groups are the intersections of all attributes, numeric ones in bins. Where predictions do
    not depend on the attributes, all curves lie on the grey area, which is the density of all
    rows. A panel has one kernel width for all of its groups, stated above it with the generalised
    Jensen-Shannon divergence between them. By default it is in proportion to the spread of the
    panel's predictions, so that predictions do not look more alike for being closer together; axes
    of densities differ between panels too. Groups with few rows have no curve, and the legend says
    which.

    Parameters
    ----------
    panels : dict of str to Bunch
        By title: ``points`` of shape (n_points,), ``densities`` of shape (n_groups, n_points) in
        units of 1 over the prediction, ``overall`` of shape (n_points,), ``bandwidth`` and
        ``divergence``. With constant predictions, `points` holds one number and the others nothing.
    groups : list of str of length n_groups
        Names of the groups that have a curve.
    rows : array-like of int of shape (n_groups,)
        Their sizes.
    left_out : dict of str to int or None, default=None
        Names and sizes of groups that have none.
    x_name : str, default="prediction"
        Label of the horizontal axis.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes, which panels share out.
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        The panels, or the axes alone.
    lines_ : list of list of matplotlib Line2D
        The curves of each panel.

    See Also
    --------
    skweight.metrics.js_divergence_score : The divergence.
    skweight.metrics.fairness_report : The groups in a table.
    ConditionalMeanDisplay : Means along a numeric attribute, without bins of groups.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.fairness import GroupDistributionDisplay
    >>> rng = np.random.default_rng(0)
    >>> sex = np.repeat(["F", "M", "X"], [300, 300, 4])
    >>> score = rng.normal(size=604) + (sex == "M")
    >>> display = GroupDistributionDisplay.from_predictions(score, sex)
    >>> display.groups, display.left_out
    (['F', 'M'], {'X': 4})
    """

    def __init__(self, panels, groups, rows, left_out=None, x_name="prediction"):
        self.panels = panels
        self.groups = groups
        self.rows = rows
        self.left_out = left_out
        self.x_name = x_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        sensitive_features,
        *,
        before=None,
        sample_weight=None,
        bandwidth="scott",
        n_bins=3,
        min_group_size=30,
        sensitive_types="auto",
        pos_label=None,
        names=("before", "after"),
        ax=None,
    ):
        """Plot the predictions of one or two fitted estimators.

        Rows that the estimators were not fitted to show what is left out of sample.

        Parameters
        ----------
        estimator : estimator
            Fitted regressor, or classifier with `predict_proba`.
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_attributes)
            Protected attributes of the rows; also a Series, a data frame or a dict of columns.
        before : estimator or None, default=None
            Fitted estimator to show beside it, such as one without penalty.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Frequencies of the rows.
        bandwidth : float or "scott", default="scott"
            Standard deviation of the Gaussian kernel, in units of the prediction. "scott" is the
            standard deviation of all predictions of the panel times ``n_min ** (-1 / 5)``, with the
            rows of the smallest group that has a curve.
        n_bins : int, default=3
            Number of quantile bins of a numeric attribute.
        min_group_size : int, default=30
            Rows below which a group has no curve.
        sensitive_types : "auto" or dict, default="auto"
            Kinds of attributes by name, "nominal", "ordered" or "numeric".
        pos_label : int, float, bool, str or None, default=None
            The class whose probability is shown; None means the second of two.
        names : tuple of str, default=("before", "after")
            Titles of the two panels.
        ax : matplotlib Axes or None, default=None
            Where to plot, its area being shared out by panels; None makes a figure.

        Returns
        -------
        GroupDistributionDisplay
            The display.

        See Also
        --------
        from_predictions : The same from predictions.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.linear_model import Ridge
        >>> from skweight.fairness import GroupDistributionDisplay
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 2))
        >>> sex = np.where(X[:, 0] + rng.normal(size=200) > 0, "F", "M")
        >>> plain, blind = Ridge().fit(X, X[:, 0]), Ridge(alpha=1e4).fit(X, X[:, 0])
        >>> display = GroupDistributionDisplay.from_estimator(blind, X, sex, before=plain)
        >>> len(display.axes_)
        2
        """
        y_pred, response = predictions_of(estimator, X, pos_label)
        return cls.from_predictions(
            y_pred,
            sensitive_features,
            y_pred_before=None if before is None else predictions_of(before, X, pos_label)[0],
            sample_weight=sample_weight,
            bandwidth=bandwidth,
            n_bins=n_bins,
            min_group_size=min_group_size,
            sensitive_types=sensitive_types,
            names=names,
            x_name=response,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_pred,
        sensitive_features,
        *,
        y_pred_before=None,
        sample_weight=None,
        bandwidth="scott",
        n_bins=3,
        min_group_size=30,
        sensitive_types="auto",
        names=("before", "after"),
        x_name="prediction",
        ax=None,
    ):
        """Plot predictions, alone or beside others of the same rows.

        It serves models of any kind.

        Parameters
        ----------
        y_pred : array-like of shape (n_samples,)
            Predictions: means, rates, or the probability of one class.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_attributes)
            Protected attributes of the rows; also a Series, a data frame or a dict of columns.
        y_pred_before : array-like of shape (n_samples,) or None, default=None
            Predictions to show beside them.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Frequencies of the rows.
        bandwidth : float or "scott", default="scott"
            Standard deviation of the Gaussian kernel, in units of the prediction. "scott" is the
            standard deviation of all predictions of the panel times ``n_min ** (-1 / 5)``, with the
            rows of the smallest group that has a curve.
        n_bins : int, default=3
            Number of quantile bins of a numeric attribute.
        min_group_size : int, default=30
            Rows below which a group has no curve.
        sensitive_types : "auto" or dict, default="auto"
            Kinds of attributes by name, "nominal", "ordered" or "numeric".
        names : tuple of str, default=("before", "after")
            Titles of the two panels.
        x_name : str, default="prediction"
            Label of the horizontal axis.
        ax : matplotlib Axes or None, default=None
            Where to plot, its area being shared out by panels; None makes a figure.

        Returns
        -------
        GroupDistributionDisplay
            The display.

        Raises
        ------
        ValueError
            If the input or a parameter has no meaning, or no group has enough rows.

        See Also
        --------
        from_estimator : The same from fitted estimators.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.fairness import GroupDistributionDisplay
        >>> rng = np.random.default_rng(0)
        >>> S = {"sex": rng.choice(["F", "M"], 400), "age": rng.integers(18, 80, 400)}
        >>> score = S["age"] / 10 + rng.normal(size=400)
        >>> display = GroupDistributionDisplay.from_predictions(
        ...     rng.normal(size=400), S, y_pred_before=score, n_bins=2
        ... )
        >>> display.groups
        ['F, age [18, 49]', 'F, age (49, 79]', 'M, age [18, 49]', 'M, age (49, 79]']
        """
        check_divergence(bandwidth, "share")
        if len(names) != 2 or names[0] == names[1]:
            raise ValueError(f"names must be two different titles of panels, got {names!r}.")
        shown = {names[1]: y_pred}
        if y_pred_before is not None:
            shown = {names[0]: y_pred_before, names[1]: y_pred}
        panels = {}
        for title, predictions in shown.items():
            y, weight, attributes, _ = check_rows(
                predictions, sensitive_features, sample_weight, sensitive_types
            )
            levels = levels_of(attributes, weight, n_bins, sensitive_types)
            groups = intersect(levels, weight, min_group_size)
            if not groups.kept.any():
                raise ValueError(
                    f"min_group_size={min_group_size} leaves no group to show: the largest has "
                    f"{groups.rows.max()} rows."
                )
            panels[title] = _panel(y, weight, groups, bandwidth)
        labels = [_label(label, levels) for label in groups.labels]
        rows = groups.rows.tolist()
        return cls(
            panels,
            [label for label, kept in zip(labels, groups.kept, strict=True) if kept],
            groups.rows[groups.kept],
            {labels[k]: rows[k] for k in np.flatnonzero(~groups.kept)},
            x_name,
        ).plot(ax)

    def plot(self, ax=None):
        """Draw a panel of curves for each set of predictions.

        A figure that it makes is as high as the legend, which names every group.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot, its area being shared out by panels; None makes a figure.

        Returns
        -------
        GroupDistributionDisplay
            The display itself.

        See Also
        --------
        from_predictions : Build and plot in one step.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.utils import Bunch
        >>> from skweight.fairness import GroupDistributionDisplay
        >>> triangle = np.array([0.0, 1.0, 0.0])
        >>> panel = Bunch(
        ...     points=np.arange(3.0), densities=triangle[None], overall=triangle, bandwidth=0.4,
        ...     divergence=0.0,
        ... )
        >>> display = GroupDistributionDisplay({"model": panel}, ["all"], [100]).plot()
        >>> display.axes_[0].get_title(loc="left")
        'model\\ndivergence 0 bits, kernel width 0.4'
        """
        n_panels, n_entries = len(self.panels), len(self.groups) + 2 + len(self._notes())
        columns = 1 + n_entries // (_ENTRIES + 1)
        height = max(3.8, 0.2 * min(n_entries, _ENTRIES) + 0.6)
        size = (3.6 * n_panels + 2.8 * columns, height)
        ax = axes_for(ax, "GroupDistributionDisplay.plot", size)
        self.ax_, self.figure_ = ax, ax.figure
        self.axes_ = np.array([ax])
        if n_panels > 1:
            ax.set_axis_off()
            gap = 0.05 if self.figure_.get_layout_engine() is not None else 0.3
            grid = ax.get_subplotspec().subgridspec(1, n_panels, wspace=gap)
            first = self.figure_.add_subplot(grid[0])
            others = [self.figure_.add_subplot(grid[k], sharex=first) for k in range(1, n_panels)]
            self.axes_ = np.array([first, *others])
        self.lines_ = []
        for panel, (title, shown) in zip(self.axes_, self.panels.items(), strict=True):
            self.lines_.append(self._draw(panel, shown))
            said = f"divergence {shown.divergence:.2g} bits, kernel width {shown.bandwidth:.2g}"
            if len(shown.points) == 1:
                said = "constant predictions"
            panel.set_title(f"{title}\n{said}", fontsize="small", loc="left")
            panel.set_xlabel(self.x_name)
            panel.set_ylim(0)
            tidy(panel)
        self.axes_[0].set_ylabel("density")
        self._name_groups(self.axes_[-1], columns)
        return self

    def _draw(self, panel, shown):
        if len(shown.points) == 1:
            return [panel.axvline(shown.points[0], color=color_of(0), lw=1.5)]
        panel.fill_between(shown.points, shown.overall, color="0.88", lw=0, zorder=0)
        return [
            panel.plot(shown.points, density, color=color_of(i), ls=line_of(i), lw=1.4)[0]
            for i, density in enumerate(shown.densities)
        ]

    def _notes(self):
        """List what the legend says of groups without a curve."""
        if not self.left_out:
            return []
        names = [f"  {name} ({rows})" for name, rows in self.left_out.items()]
        if len(names) > _NAMED:
            names = [*names[: _NAMED - 1], f"  and {len(names) - _NAMED + 1} more"]
        return ["too few rows for a curve:", *names]

    def _name_groups(self, panel, columns):
        handles, labels = [], []
        for i, (group, rows) in enumerate(zip(self.groups, self.rows, strict=True)):
            handles += panel.plot([], [], color=color_of(i), ls=line_of(i), lw=1.4)
            labels.append(f"{group} ({rows})")
        handles.append(panel.fill_between([], [], color="0.88", lw=0))
        handles += [panel.plot([], [], ls="")[0] for _ in self._notes()]
        labels += ["all rows", *self._notes()]
        place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0}
        panel.legend(
            handles, labels, title="group (rows)", ncols=columns, fontsize="small", frameon=False,
            alignment="left", **place,
        )  # fmt: skip


def _panel(y, weight, groups, bandwidth):
    """Return the densities of one set of predictions, and how far they are apart."""
    divergence = JSDivergence(y, weight, groups, bandwidth, "share")
    if y.min() == y.max():
        none = np.zeros((0, 1))
        return Bunch(points=y[:1], densities=none, overall=none, bandwidth=np.nan, divergence=0.0)
    points = np.linspace(y.min(), y.max(), _N_POINTS)
    densities = GroupDensities(y, weight, divergence.bandwidth, _N_POINTS)
    place = np.where(groups.kept, np.cumsum(groups.kept) - 1, -1)[groups.code]
    step = points[1] - points[0]
    return Bunch(
        points=points,
        densities=densities(place, int(groups.kept.sum())) / step,
        overall=densities(np.zeros(len(y), dtype=np.int64), 1)[0] / step,
        bandwidth=divergence.bandwidth,
        divergence=divergence(groups.code),
    )


def _label(levels, attributes):
    """Write a group's levels: words as they are, numbers and bins behind the attribute's name."""
    words = []
    for level, attribute in zip(levels, attributes, strict=True):
        spoken = isinstance(level, str) and attribute.edges is None
        words.append(level if spoken else f"{attribute.name} {level}")
    return ", ".join(words)
