"""What the plots of this room share."""

import numpy as np

from skweight._core._optional import import_optional

# Okabe and Ito's colours, which people with colour-blindness tell apart; yellow is too pale.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX"
# Legends name so many of the lines that have an order, which their colours show.
_NAMED = 6
DASHES = (0, (4, 2))
_STEPS = "a number for each step"  # marks lines, to tell them from others on the axes


def axes_for(ax, purpose, size):
    """Return the axes to draw on, on a new figure if there are none."""
    pyplot = import_optional("matplotlib.pyplot", purpose)
    if ax is None:
        _, ax = pyplot.subplots(figsize=size, layout="constrained")
    return ax


def tidy(ax):
    """Take away the lines of the frame that carry no scale."""
    ax.spines[["top", "right"]].set_visible(False)


def shades(n):
    """Return n colours from dark to light, for lines that have an order."""
    from matplotlib import colormaps

    return colormaps["viridis"](np.linspace(0, 0.82, n)) if n > 1 else [COLORS[0]]


def named_in_legend(n, first=()):
    """Return which of n lines in an order the legend names: all, or some spread over them."""
    if n <= _NAMED + 1:
        return set(range(n))
    return {*np.linspace(0, n - 1, _NAMED).round().astype(int).tolist(), *first}


def number_names(what, numbers):
    """Return a name for each number, with few digits if they tell them apart."""
    numbers = np.asarray(numbers, dtype=np.float64).tolist()
    short = [f"{what} {number:.3g}" for number in numbers]
    if len(set(short)) == len(set(numbers)):
        return short
    return [f"{what} {number!r}" for number in numbers]


def draw_steps(ax, values, limits=None, chosen=None, in_order=False):
    """Draw a line over the steps for each model, a ring at its chosen step and its limit dashed.

    Parameters
    ----------
    ax : matplotlib Axes
        The axes; lines that are there already keep their colours.
    values : dict of str to array-like of shape (n_steps,)
        A number for each step, by name of the model.
    limits : dict of str to float or None, default=None
        The number after infinitely many steps, of models that have one.
    chosen : dict of str to int or None, default=None
        Step to mark, from 1, of models that chose one.
    in_order : bool, default=False
        Whether the lines have an order, which their colours then show.

    Returns
    -------
    lines, limits, marks : list of matplotlib Line2D
        What was drawn.
    """
    values = {name: np.asarray(each, dtype=np.float64) for name, each in values.items()}
    limits, chosen = limits or {}, chosen or {}
    _check_steps(values, limits, chosen)
    before = sum(line.get_gid() == _STEPS for line in ax.lines)
    colors = shades(len(values)) if in_order else COLORS
    names = list(values)
    named = range(len(names))
    if in_order:
        named = named_in_legend(len(names), [names.index(name) for name in chosen])
    lines, dashed, marks = [], [], []
    for i, name in enumerate(names):
        place = i if in_order else before + i
        color = colors[place % len(colors)]
        # Where colours begin again, each goes with the next marker.
        marker = "o" if in_order else MARKERS[(place + place // len(COLORS)) % len(MARKERS)]
        bold = in_order and name in chosen
        lines += ax.plot(
            np.arange(1, len(values[name]) + 1), values[name], color=color, marker=marker, ms=4.5,
            lw=2.6 if bold else 1.5, zorder=3 + bold, gid=_STEPS,
            label=name if i in named else None,
        )  # fmt: skip
        if name in limits:
            label = _once(ax, "limit of the steps")
            dashed.append(ax.axhline(limits[name], color=color, lw=1, ls=DASHES, label=label))
        if name in chosen:
            step = chosen[name]
            told = f": {name}, step {step}" if len(names) > 1 else f": step {step}"
            label = _once(ax, "chosen" + (told if len(chosen) == 1 else " step"))
            marks += ax.plot(
                step, values[name][step - 1], color=color, marker="o", ms=11, mfc="none", mew=1.6,
                ls="", zorder=5, label=label,
            )  # fmt: skip
    n_steps = max(len(line.get_xdata()) for line in ax.lines if line.get_gid() == _STEPS)
    ax.set_xticks(range(1, n_steps + 1, -(-n_steps // 12)))
    ax.set_xlabel("step (1 is the ordinary fit)")
    ax.margins(y=0.08)  # room for a ring around the lowest point
    _legend(ax)
    tidy(ax)
    return lines, dashed, marks


def _legend(ax):
    """Name the lines first, then limit and chosen steps; many names go above the axes."""
    handles, labels = ax.get_legend_handles_labels()
    order = sorted(range(len(handles)), key=lambda i: handles[i].get_gid() != _STEPS)
    place = {}
    if len(handles) > 5:
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 2}
    ax.legend(
        [handles[i] for i in order], [labels[i] for i in order], fontsize="small", frameon=False,
        **place,
    )  # fmt: skip


def _check_steps(values, limits, chosen):
    """Raise if there are no numbers, or none of what limits and chosen steps are named by."""
    if not values:
        raise ValueError("There must be numbers of at least one model to plot, got an empty dict.")
    for name, each in values.items():
        if each.ndim != 1 or not len(each):
            raise ValueError(
                f"{name!r} must have one number for each step, got shape {each.shape}."
            )
    for what, given in (("limits", limits), ("chosen", chosen)):
        strangers = sorted(set(given) - set(values))
        if strangers:
            raise ValueError(f"{what} must have names among {list(values)}, got {strangers}.")
    for name, step in chosen.items():
        if not 1 <= step <= len(values[name]):
            raise ValueError(
                f"chosen must be a step from 1 to {len(values[name])} for {name!r}, got {step!r}."
            )


def _once(ax, label):
    """Return a label, or None if the axes have it already."""
    return None if label in ax.get_legend_handles_labels()[1] else label


def log_scale(ax, which):
    """Make an axis logarithmic, with numbers written out where it spans little."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set(**{f"{which}scale": "log"})
    axis = getattr(ax, f"{which}axis")
    low, high = axis.get_view_interval()
    axis.set_minor_formatter(NullFormatter())
    if high < 1000 * low:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


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
