"""The plots of the imbalance room."""

import numpy as np

from skweight._cli.figures import FAINT, FOURTH, INK, LINE, OURS, THEIRS, canvas, to_svg
from skweight._cli.figures import Figure as ReportFigure
from skweight._cli.margins import margins

_LEVELS = (0.2, 0.4, 0.6, 0.8)
_MARKERS = "osD^vP"


def figures(outcome):
    """Draw the plots of one study.

    Parameters
    ----------
    outcome : skweight._cli.evaluate.Outcome
        What came out.

    Returns
    -------
    list of skweight._cli.figures.Figure
        Margins, and for two labels precision against recall.
    """
    found = [margins(outcome)]
    return found if outcome.study.positive is None else [*found, _trade(outcome)]


def _trade(outcome):
    """Show precision against recall, with lines of equal F1."""
    scored = [c for c in outcome.study.candidates if c.name in outcome.scores]
    tested = {measure.ours for measure in outcome.study.measures}
    with canvas(6.2, 5.2) as (drawing, axis):
        for level in _LEVELS:
            recall = np.linspace(level / (2 - level), 1, 200)
            axis.plot(recall, level * recall / (2 * recall - level), color=LINE, lw=1, zorder=0)
            axis.text(1.01, level / (2 - level), f"F1 {level:g}", color=FAINT, fontsize=8.5)
        for mine in (True, False):
            few = [candidate for candidate in scored if candidate.ours is mine]
            for candidate, marker in zip(few, _MARKERS):
                place = (outcome.mean(candidate.name, key) for key in ("recall", "precision"))
                colour = THEIRS if not mine else OURS if candidate.name in tested else FOURTH
                style = {"marker": marker, "ms": 8, "ls": "none", "color": colour}
                axis.plot(*place, label=candidate.name, **style)
        axis.set(xlim=(0, 1), ylim=(0, 1.02))
        axis.set_xlabel("recall: share of them that is found")
        axis.set_ylabel("precision: share of those found that is right")
        axis.grid(True)
        axis.tick_params(length=0, labelcolor=FAINT)
        axis.spines[["left", "bottom"]].set_visible(False)
        drawing.legend(loc="outside upper left", fontsize=9, labelcolor=INK, ncols=2)
        svg = to_svg(drawing, "Precision against recall")
    caption = (
        f"Means over splits, of {outcome.study.positive}, on rows not used for fitting; up and "
        "right is better. F1 is the same along a grey line. Balanced accuracy rewards recall and "
        "hardly minds low precision."
    )
    return ReportFigure("What is found, and how much of it is right?", caption, svg)
