"""The plots of the distillation room."""

from collections import Counter

import numpy as np

from skweight._cli.figures import (
    FAINT,
    FOURTH,
    INK,
    OURS,
    THEIRS,
    THIRD,
    canvas,
    shades,
    to_svg,
)
from skweight._cli.figures import Figure as ReportFigure
from skweight._cli.margins import margins
from skweight._cli.rooms.distillation_models import learner

_COLOURS = (OURS, FOURTH, THIRD, FAINT)


def figures(outcome):
    """Draw the plots of one study.

    Parameters
    ----------
    outcome : skweight._cli.evaluate.Outcome
        What came out.

    Returns
    -------
    list of skweight._cli.figures.Figure
        Margins, errors by step, and filter factors of the model under test.
    """
    return [margins(outcome), _steps(outcome), _filters(outcome)]


def _steps(outcome):
    """Show errors by step, in percent of the error of the same model without steps."""
    from skweight.distillation import StepErrorDisplay

    errors, chosen = {}, {}
    for ours, theirs in outcome.study.twins.values():
        if ours not in outcome.kept or theirs not in outcome.kept:
            continue
        plain = np.mean([part["steps"] for part in outcome.kept[theirs]])
        errors[ours] = 100 * np.mean([part["steps"] for part in outcome.kept[ours]], axis=0) / plain
        steps = [part["chosen"] for part in outcome.kept[ours]]
        if None not in steps:
            chosen[ours] = Counter(steps).most_common(1)[0][0]
    wrong = "squared error" if outcome.study.outcome == "numbers" else "wrong labels"
    with canvas(5.4, 4.4) as (drawing, axis):
        display = StepErrorDisplay(errors, None, chosen, f"{wrong}, percent of those without steps")
        display.plot(axis)
        colours = dict(zip(errors, _COLOURS))
        for name, line in zip(errors, display.lines_):
            line.set_color(colours[name])
        for name, mark in zip(chosen, display.marks_):
            mark.set_color(colours[name])
        axis.axhline(100, color=THEIRS, lw=1.5, zorder=1)
        _plain(axis)
        axis.get_legend().remove()
        legend = {"loc": "outside upper left", "fontsize": 9, "labelcolor": INK, "ncols": 2}
        drawing.legend(display.lines_, list(errors), **legend)
        svg = to_svg(drawing, "Errors by step")
    caption = (
        "Rows not used for fitting, means over splits. The horizontal line is the same model "
        "without steps, which chose its penalty too if the other did. Rings are the steps chosen "
        "most often: below the line, steps have helped."
    )
    return ReportFigure("What does each step bring?", caption, svg)


def _filters(outcome):
    """Show how much of the targets each step of the model under test keeps."""
    from skweight.distillation import FilterFactorsDisplay

    pipeline, study = outcome.fitted, outcome.study
    model = learner(pipeline)
    given = {}
    if not hasattr(model, "X_fit_"):  # a linear model keeps no rows
        given = {"X": pipeline[:-1].transform(study.frame), "sample_weight": study.weights}
    with canvas(5.4, 4.4) as (drawing, axis):
        display = FilterFactorsDisplay.from_estimator(model, ax=axis, **given)
        for line, colour in zip(display.lines_, shades(len(display.lines_))):
            line.set_color(colour)
        display.ticks_.set_color(FAINT)
        _plain(axis)
        axis.get_legend().remove()
        named = [line for line in display.lines_ if not line.get_label().startswith("_")]
        legend = {"loc": "outside upper left", "fontsize": 9, "labelcolor": INK, "ncols": 3}
        drawing.legend(named, [f"step {line.get_label()}" for line in named], **legend)
        svg = to_svg(drawing, "Filter factors by step")
    weights = ", ".join(f"{weight:.2g}" for weight in np.ravel(model.ground_truth_weights_))
    caption = (
        f"{outcome.ours.name} fitted on {outcome.n_fitted} rows, penalty {model.alpha_:.3g}: along "
        "each eigenvector of the kernel matrix a step keeps this share of the targets. Weights of "
        f"the targets in the steps after the first: {weights}."
    )
    return ReportFigure("What do steps keep of the targets?", caption, svg)


def _plain(axis):
    axis.grid(True)
    axis.minorticks_off()
    axis.tick_params(length=0, labelcolor=FAINT)
    axis.spines[["left", "bottom"]].set_visible(False)
