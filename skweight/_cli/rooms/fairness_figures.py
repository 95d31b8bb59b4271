"""The plots of the fairness room."""

import numpy as np

from skweight._cli.figures import FAINT, FOURTH, INK, LINE, OURS, THEIRS, THIRD, canvas, to_svg
from skweight._cli.figures import Figure as ReportFigure
from skweight._cli.margins import margins

_MOST_GROUPS = 10
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def figures(outcome):
    """Draw the plots of one study.

    Parameters
    ----------
    outcome : skweight._cli.evaluate.Outcome
        What came out.

    Returns
    -------
    list of skweight._cli.figures.Figure
        Margins, loss against dependence, and distributions of predictions by group.
    """
    return [margins(outcome), _frontier(outcome), _distributions(outcome)]


def _frontier(outcome):
    """Show loss against dependence, the strengths of ours joined by a line."""
    measures = {measure.key: measure for measure in outcome.study.measures}
    scored = [c for c in outcome.study.candidates if c.name in outcome.scores]
    place = {c.name: [outcome.mean(c.name, key) for key in ("dependence", "loss")] for c in scored}
    path = [c.name for c in scored if c.options.get("plain") or "strength" in c.options]
    path.sort(key=lambda name: next(c.options.get("strength", 0) for c in scored if c.name == name))
    with canvas(5.4, 4.4) as (drawing, axis):
        axis.plot(*np.transpose([place[name] for name in path]), "-", color=OURS, lw=1.4, zorder=2)
        for candidate in scored:
            style = _style(candidate, outcome)
            axis.plot(*place[candidate.name], label=candidate.name, zorder=3, **style)
            strength = candidate.options.get("strength", candidate.options.get("network"))
            if strength is not None:
                offset = {"xytext": (6, 2), "textcoords": "offset points", "fontsize": 8.5}
                axis.annotate(f"{strength:g}", place[candidate.name], color=FAINT, **offset)
        axis.axvline(0, color=LINE, lw=1.2, zorder=0)
        axis.set_xlabel("dependence of predictions on the attributes (CCdCov)")
        axis.set_ylabel(measures["loss"].name)
        axis.ticklabel_format(axis="x", style="sci", scilimits=(-2, 3))
        axis.grid(True)
        axis.tick_params(length=0, labelcolor=FAINT)
        axis.spines[["left", "bottom"]].set_visible(False)
        handles, labels = axis.get_legend_handles_labels()
        kept = [k for k, c in enumerate(scored) if "strength" not in c.options]
        legend = {"loc": "outside upper left", "fontsize": 9, "labelcolor": INK, "ncols": 2}
        drawing.legend([handles[k] for k in kept], [labels[k] for k in kept], **legend)
        svg = to_svg(drawing, "Loss against dependence")
    chosen = ", ".join(f"{part['strength']:.4g}" for part in outcome.kept[outcome.ours.name])
    caption = (
        "Means over splits, on rows not used for fitting; down and left is better. The line joins "
        "the strengths of the penalty, from none to the largest, which are written beside it. "
        f"Chosen in the splits, in units of the loss: {chosen}."
    )
    return ReportFigure("What does independence cost?", caption, svg)


def _style(candidate, outcome):
    """Give marker and colour of a candidate."""
    if candidate is outcome.ours:
        return {"marker": "*", "color": OURS, "ms": 14, "ls": "none", "mec": "none"}
    if "network" in candidate.options:
        return {"marker": "P", "color": OURS, "ms": 7, "ls": "none"}
    if candidate.ours:
        return {"marker": "o", "color": OURS, "ms": 5, "ls": "none"}
    if candidate.options.get("plain"):
        return {"marker": "s", "color": THEIRS, "ms": 7, "ls": "none"}
    if candidate.options.get("reads"):
        marker = "^" if candidate.name == "Correlation removed" else "v"
        return {"marker": marker, "color": THIRD, "ms": 7, "ls": "none"}
    return {"marker": "D", "color": FOURTH, "ms": 6, "ls": "none"}


def _distributions(outcome):
    """Show predictions by group without a penalty and with the strength chosen."""
    plain = next(c.name for c in outcome.study.candidates if c.options.get("plain"))
    shown = [name for name in (plain, outcome.ours.name) if name in outcome.kept]
    group = np.concatenate([part["group"] for part in outcome.kept[shown[0]]])
    names, counts = np.unique(group, return_counts=True)
    names = np.sort(names[np.argsort(-counts, kind="stable")][:_MOST_GROUPS])
    size = 11, 0.34 * len(names) + 1.2
    with canvas(*size, 1, len(shown), sharey=True, sharex=True, squeeze=False) as (drawing, axes):
        for axis, name, colour in zip(axes[0], shown, (THEIRS, OURS)):
            found = np.concatenate([part["predicted"] for part in outcome.kept[name]])
            for place, one in enumerate(names[::-1]):
                low, left, middle, right, high = np.quantile(found[group == one], _QUANTILES)
                axis.plot([low, high], [place, place], color=LINE, lw=3, zorder=1)
                axis.plot([left, right], [place, place], color=colour, lw=7, alpha=0.55, zorder=2,
                          solid_capstyle="butt")  # fmt: skip
                axis.plot(middle, place, "o", color=colour, ms=6, zorder=3)
            axis.axvline(np.median(found), color=FAINT, lw=0.8, zorder=0)
            axis.set_title(name, fontweight="bold")
            axis.set_xlabel("prediction")
            axis.grid(axis="x")
            axis.tick_params(length=0)
            axis.spines[["left", "bottom"]].set_visible(False)
        axes[0, 0].set_yticks(range(len(names)), names[::-1])
        svg = to_svg(drawing, "Predictions by group")
    more = f" The {len(names)} largest groups." if len(counts) > len(names) else ""
    caption = (
        f"Predictions of rows not used for fitting, by {' x '.join(outcome.study.sensitive)}: "
        "medians, quarters and the middle 90 %. Groups alike: predictions do not tell them "
        f"apart.{more}"
    )
    return ReportFigure("How do predictions differ between groups?", caption, svg)
