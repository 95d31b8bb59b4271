"""Split conformal calibration: margins from held-out rows, for groups, scales and shifts."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from skweight.quantile._conformal_rows import index_labels, label_codes, row_labels, row_numbers
from skweight.quantile._conformal_scores import (
    conformity_scores,
    enough_rows,
    interval_widths,
    is_median,
    move_outward,
    score_levels,
    sorted_scores,
    split_margins,
    warn_of_infinite,
    weighted_margins,
)

# Groups that a warning names.
_NAMED = 10


@dataclass
class SplitCalibration:
    """How a forecast is moved outward.

    Attributes
    ----------
    levels : ndarray of shape (m,)
        Quantile levels.
    side : {"two", "one"}
        Pairs, or each level by itself.
    scale : "width", callable or None
        What scores are divided by.
    group_by : str, int, callable or None
        What is calibrated separately.
    likelihood_ratio : callable or None
        Weights of rows under covariate shift.
    floor : ndarray of shape (m,) or None
        The smallest width that counts, None where the training rows that it comes from are none.
    groups : dict or None
        From labels to numbers of groups.
    sizes : ndarray of shape (n_groups,)
        Calibration rows of each group, of all rows where there are no groups.
    margins : ndarray of shape (n_groups, m) or None
        How far each level moves, None under a likelihood ratio.
    weighted : list of tuple or None
        Sorted scores and cumulated ratios of each group, under a likelihood ratio.
    """

    levels: np.ndarray
    side: str
    scale: Any = None
    group_by: Any = None
    likelihood_ratio: Any = None
    floor: np.ndarray | None = None
    groups: dict | None = None
    sizes: np.ndarray | None = None
    margins: np.ndarray | None = None
    weighted: list | None = None

    def calibrate(self, X, y, forecast, training_forecast=None):
        """Find the margins.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            Calibration rows.
        y : ndarray of shape (n,)
            Their outcomes.
        forecast : ndarray of shape (n, m)
            Forecasts of a model that did not see them.
        training_forecast : ndarray of shape (n_train, m) or None, default=None
            What it forecasts for the rows that it did see, for the floor of widths.

        Returns
        -------
        SplitCalibration
            This object.
        """
        if self.scale == "width" and training_forecast is not None:
            self.floor = width_floor(interval_widths(training_forecast, self.levels))
        scores = conformity_scores(y, forecast, self.levels, self.side)
        scores /= self._scales(X, forecast)
        codes = np.zeros(len(y), dtype=np.intp)
        if self.group_by is not None:
            labels = row_labels(self.group_by, X, len(y))
            self.groups = index_labels(labels)
            codes = label_codes(labels, self.groups)
        self.sizes = np.bincount(codes)
        members = [np.flatnonzero(codes == g) for g in range(len(self.sizes))]
        if self.likelihood_ratio is not None:
            ratios = row_numbers(self.likelihood_ratio, X, len(y), "likelihood_ratio")
            self.weighted = [sorted_scores(scores[rows], ratios[rows]) for rows in members]
        else:
            wanted, median = score_levels(self.levels, self.side), is_median(self.levels)
            self.margins = np.stack([split_margins(scores[r], wanted, median) for r in members])
            self._warn_of_few()
        return self

    def move(self, X, forecast):
        """Move the levels of new rows outward; they may cross afterwards, and be infinite."""
        margins = self._margins(X, len(forecast))
        return move_outward(forecast, margins * self._scales(X, forecast), self.levels)

    def _scales(self, X, forecast):
        if self.scale is None:
            return 1.0
        if self.scale != "width":
            return row_numbers(self.scale, X, len(forecast), "scale")[:, None]
        # The median is never divided by its own width, which is 0.
        widths = np.where(is_median(self.levels), 1.0, interval_widths(forecast, self.levels))
        if self.floor is not None:
            return np.maximum(widths, self.floor)
        # A floor that is a function of the row alone: there are no training rows to take it from.
        return np.maximum(widths, np.maximum(1e-8 * np.abs(forecast).mean(axis=1), 1e-100)[:, None])

    def _margins(self, X, n):
        codes = np.zeros(n, dtype=np.intp)
        if self.group_by is not None:
            labels = row_labels(self.group_by, X, n)
            codes = label_codes(labels, self.groups)
            unseen = dict.fromkeys(
                label for label, code in zip(labels, codes, strict=True) if code < 0
            )
            if unseen:
                _warn_of_groups(unseen, "has no calibration rows", "have no calibration rows")
        median = is_median(self.levels)
        margins = np.where(median, 0.0, np.full((n, len(self.levels)), np.inf))
        if self.margins is not None:
            margins[codes >= 0] = self.margins[codes[codes >= 0]]
            return margins
        wanted = score_levels(self.levels, self.side)
        ratios = row_numbers(self.likelihood_ratio, X, n, "likelihood_ratio")
        for group, (ordered, reached) in enumerate(self.weighted):
            rows = np.flatnonzero(codes == group)
            margins[rows] = weighted_margins(ordered, reached, ratios[rows], wanted, median)
        beyond = np.isinf(margins[codes >= 0]).any(axis=1).sum()
        if beyond:
            warnings.warn(
                f"likelihood_ratio: {beyond} of {n} rows are so much likelier than all calibration "
                "rows together that some of their bounds are infinite.",
                UserWarning,
                stacklevel=5,
            )
        return margins

    def _warn_of_few(self):
        """Warn of groups that are too small for some level."""
        infinite = np.isinf(self.margins)
        if not infinite.any():
            return
        wanted = score_levels(self.levels, self.side)
        enough = max(enough_rows(wanted[j]) for j in np.flatnonzero(infinite.any(axis=0)))
        if self.groups is None:
            warn_of_infinite(self.sizes[0], self.levels[infinite[0]], enough)
            return
        few = [label for label, row in zip(self.groups, infinite, strict=True) if row.any()]
        what = f"few calibration rows (below {enough}) for some levels"
        _warn_of_groups(few, f"has too {what}", f"have too {what}")


def width_floor(widths):
    """Return the smallest width that counts for each level: 1e-8 of its median.

    Parameters
    ----------
    widths : ndarray of shape (n, m)
        Widths on training rows, negative where levels cross.

    Returns
    -------
    ndarray of shape (m,)
        Positive numbers: of the largest width where the median is not positive, 1 where no width
        is.
    """
    typical = np.median(widths, axis=0)
    typical = np.where(typical > 0, typical, np.max(widths, axis=0))
    return np.where(typical > 0, 1e-8 * typical, 1.0)


def _warn_of_groups(labels, has, have):
    labels = list(labels)
    named = ", ".join(map(repr, labels[:_NAMED])) + (", ..." if len(labels) > _NAMED else "")
    kind, verb = ("group", has) if len(labels) == 1 else (f"{len(labels)} groups", have)
    warnings.warn(
        f"group_by: the {kind} {named} {verb}; the bounds there are infinite.",
        UserWarning,
        stacklevel=5,
    )
