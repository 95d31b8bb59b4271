"""The plot that all rooms share: how far the other models are from ours, split by split."""

import numpy as np

from skweight._cli.figures import FAINT, FOURTH, LINE, OURS, THEIRS, Figure, canvas, to_svg

_FARTHEST = 40  # percent
_FARTHEST_POINTS = 20  # percentage points


def margins(outcome):
    """Show how much worse than ours the others are, a panel for each measure.

    Parameters
    ----------
    outcome : skweight._cli.evaluate.Outcome
        What came out of a study.

    Returns
    -------
    skweight._cli.figures.Figure
        Of the measures that have a better end.
    """
    measures = [measure for measure in outcome.study.measures if measure.better is not None]
    tested = {measure.ours or outcome.ours.name for measure in measures}
    shown = [c for c in outcome.study.candidates if {c.name} != tested]
    shown = [c for c in shown if c.name in outcome.scores][::-1]
    grid = {"sharey": True, "squeeze": False}
    size = 11, 0.36 * len(shown) + 1.2
    with canvas(*size, 1, len(measures), **grid) as (drawing, axes):
        drawing.get_layout_engine().set(wspace=0.06)
        for axis, measure in zip(axes[0], measures):
            _panel(axis, outcome, measure, shown)
        axes[0, 0].set_yticks(range(len(shown)), [candidate.name for candidate in shown])
        axes[0, 0].set_ylim(-0.6, len(shown) - 0.4)
        svg = to_svg(drawing, "Margins of ours over every other model")
    line = outcome.ours.name
    if len(tested) > 1:
        line = "the model of ours that is under test"
    caption = (
        f"The vertical line is {line}. Dots are means over splits of how much worse "
        "another model scores; ticks are the splits themselves. Triangles point to means outside "
        "of the panel."
    )
    return Figure("How the others do beside ours, on rows not used for fitting", caption, svg)


def _panel(axis, outcome, measure, shown):
    farthest = _FARTHEST_POINTS if measure.is_share else _FARTHEST
    sign = 100 if measure.better == "lower" else -100
    tested = measure.ours or outcome.ours.name
    ours = outcome.scores.get(tested, {}).get(measure.key)
    for place, candidate in enumerate(shown):
        theirs = outcome.scores[candidate.name].get(measure.key)
        if ours is None or theirs is None or candidate.name == tested:
            continue
        margin = _relative(sign * (theirs - ours), 1 if measure.is_share else np.abs(ours.mean()))
        _margin(axis, place, margin, farthest, FOURTH if candidate.ours else THEIRS)
    axis.axvline(0, color=OURS, lw=1.5, zorder=0)
    axis.set_title(measure.name[0].upper() + measure.name[1:], fontweight="bold")
    axis.set_xlim(-farthest * 1.1, farthest * 1.1)
    unit = "percentage points" if measure.is_share else "percent"
    axis.set_xlabel(f"{unit}, right: ours is better")
    axis.grid(axis="x")
    axis.tick_params(length=0)
    axis.spines[["left", "bottom"]].set_visible(False)


def _relative(margin, unit):
    """Give a margin in units of ours; beyond all bounds if ours is exactly 0."""
    if unit == 0:
        mean = margin.mean()
        return np.full_like(margin, np.copysign(np.inf, mean) if mean else 0.0)
    return margin / unit


def _margin(axis, place, margin, farthest, colour):
    mean = margin.mean()
    seen = margin[np.abs(margin) <= farthest]
    if len(seen):
        axis.plot([seen.min(), seen.max()], [place, place], color=LINE, lw=5, zorder=1)
        axis.plot(seen, np.full(len(seen), place), "|", color=colour, ms=7, mew=1)
    if abs(mean) <= farthest:
        axis.plot(mean, place, "o", color=colour, ms=8)
    else:
        right = mean > 0
        edge = farthest if right else -farthest
        axis.plot(edge, place, ">" if right else "<", color=colour, ms=8)
        side = {"ha": "right" if right else "left", "va": "center", "fontsize": 8.5}
        axis.text(0.88 * edge, place, f"{mean:+.0f}", color=FAINT, **side)
