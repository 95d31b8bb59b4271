"""What the plots of this room share."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skweight._core._optional import import_optional

# Okabe and Ito's colours, which people with colour-blindness tell apart; yellow is too pale.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)))
MARKERS = "osD^vPX"

# Where a label may stand, in points from its dot, the better first.
_PLACES = ((6, 5), (-6, 5), (6, -5), (-6, -5), (0, 9), (0, -9), (13, 0), (-13, 0), (14, 12),
           (-14, 12), (14, -12), (-14, -12))  # fmt: skip


def axes_for(ax, purpose, size):
    """Return the axes to draw on, on a new figure if there are none."""
    pyplot = import_optional("matplotlib.pyplot", purpose)
    if ax is None:
        _, ax = pyplot.subplots(figsize=size, layout="constrained")
    return ax


def tidy(ax):
    """Take away the lines of the frame that carry no scale."""
    ax.spines[["top", "right"]].set_visible(False)


def color_of(i):
    """Return the colour of the i-th line."""
    return COLORS[i % len(COLORS)]


def line_of(i):
    """Return the dashes of the i-th line: they change where colours begin again."""
    return LINES[i // len(COLORS) % len(LINES)]


def name_each(values, name, fallback, what):
    """Return values by name: a dict as it is, one alone under a given name or a fallback."""
    if not isinstance(values, dict):
        return {fallback if name is None else name: values}
    if name is not None:
        raise ValueError(
            f"name must be None where {what} is a dict, which has names, got {name!r}."
        )
    if not values:
        raise ValueError(f"{what} must have at least one entry, got an empty dict.")
    return values


def predictions_of(estimator, X, pos_label=None):
    """Return one number for each row and what it is: a prediction, or a class's probability.

    Parameters
    ----------
    estimator : estimator
        Fitted regressor, or classifier with `predict_proba`.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.
    pos_label : int, float, bool, str or None, default=None
        The class; None means the second of two.

    Returns
    -------
    predictions : ndarray of shape (n_samples,)
        The numbers.
    name : str
        A label for their axis.
    """
    check_is_fitted(estimator)
    if not is_classifier(estimator):
        if pos_label is not None:
            raise ValueError(f"pos_label must be None for a regressor, got {pos_label!r}.")
        return np.asarray(estimator.predict(X), dtype=np.float64), "prediction"
    classes = list(estimator.classes_)
    if pos_label is None and len(classes) > 2:
        raise ValueError(
            f"pos_label must name one of the {len(classes)} classes, whose probability is shown, "
            "got None."
        )
    pos_label = classes[-1] if pos_label is None else pos_label
    if pos_label not in classes:
        raise ValueError(f"pos_label must be one of the classes {classes}, got {pos_label!r}.")
    probability = estimator.predict_proba(X)[:, classes.index(pos_label)]
    return np.asarray(probability, dtype=np.float64), f"predicted probability of {pos_label}"


def label_points(ax, x, y, texts, first=(), color="0.25"):
    """Write texts beside points, clear of lines and of each other; without room they are left out.

    Parameters
    ----------
    ax : matplotlib Axes
        The axes, points drawn and limits settled.
    x, y : ndarray of shape (n_points,)
        The points.
    texts : list of str
        Their labels.
    first : sequence of int, default=()
        Points that choose their place before the others.
    color : str, default="0.25"
        Colour of the text.

    Returns
    -------
    list of matplotlib Annotation
        What was written, in the order of the points.
    """
    # Settles the layout, and with it where points are; the canvas knows the figure of a subfigure.
    ax.figure.canvas.figure.draw_without_rendering()
    dots = np.concatenate([_along(line) for line in ax.lines])
    inside = ax.get_window_extent()
    others = [*ax.texts, *filter(None, [ax.get_legend()])]
    taken = [other.get_window_extent() for other in others]
    written = {}
    for i in dict.fromkeys([*first, *range(len(texts))]):
        for right, up in _PLACES:
            note = ax.annotate(
                texts[i], (x[i], y[i]), (right, up), textcoords="offset points",
                ha=("right", "center", "left")[np.sign(right) + 1],
                va=("top", "bottom")[up > 0], fontsize="small", color=color,
            )  # fmt: skip
            box = note.get_window_extent()
            free = box.x1 <= inside.x1 and box.y1 <= inside.y1 and inside.contains(box.x0, box.y0)
            free = free and not any(map(box.overlaps, taken))
            if free and not box.count_contains(dots):
                taken.append(box)
                written[i] = note
                break
            note.remove()
    return [written[i] for i in sorted(written)]


def _along(line):
    """Return points in pixels along a line, close enough that no label slips between them."""
    corners = line.get_transform().transform(line.get_xydata())
    corners = corners[np.isfinite(corners).all(axis=1)]
    if len(corners) < 2:
        return corners
    steps = np.hypot(*np.diff(corners, axis=0).T)
    place = np.concatenate([[0], np.cumsum(steps)])
    at = np.union1d(place, np.arange(0, place[-1], 3.0))
    return np.column_stack([np.interp(at, place, part) for part in corners.T])
