"""The plots of the neural room."""

from skweight._cli.figures import FAINT, FOURTH, INK, OURS, THIRD, canvas, to_svg
from skweight._cli.figures import Figure as ReportFigure
from skweight._cli.margins import margins

_COLOURS = (OURS, FOURTH, THIRD)


def figures(outcome):
    """Draw the plots of one study.

    Parameters
    ----------
    outcome : skweight._cli.evaluate.Outcome
        What came out.

    Returns
    -------
    list of skweight._cli.figures.Figure
        Margins, and losses by epoch where rows were held out.
    """
    curves = {
        name: [part["held_out"] for part in kept if "held_out" in part]
        for name, kept in outcome.kept.items()
    }
    curves = {name: found for name, found in curves.items() if found}
    return [margins(outcome), *([_epochs(outcome, curves)] if curves else [])]


def _epochs(outcome, curves):
    """Show losses of the rows held out by epoch, one line for each split."""
    with canvas(6.2, 4.4) as (drawing, axis):
        for (name, found), colour in zip(curves.items(), _COLOURS):
            for place, losses in enumerate(found):
                epochs = range(1, len(losses) + 1)
                label = None if place else name
                axis.plot(epochs, losses, color=colour, lw=1.2, alpha=0.8, label=label)
                best = int(losses.argmin())
                axis.plot(best + 1, losses[best], "o", color=colour, ms=5)
        axis.set_yscale("log")
        axis.set_xlabel("epoch")
        axis.set_ylabel("loss of the rows held out")
        axis.grid(True)
        axis.minorticks_off()
        axis.tick_params(length=0, labelcolor=FAINT)
        axis.spines[["left", "bottom"]].set_visible(False)
        drawing.legend(loc="outside upper left", fontsize=9, labelcolor=INK, ncols=3)
        svg = to_svg(drawing, "Losses by epoch")
    unit = " Targets have a standard deviation of 1." if outcome.study.outcome == "numbers" else ""
    caption = (
        "A line for each split, of a tenth of the training rows, which are held out to see when to "
        f"stop. Dots are the epochs whose weights are kept.{unit}"
    )
    return ReportFigure("When does training end?", caption, svg)
