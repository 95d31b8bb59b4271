"""The plots of the privacy room."""

import numpy as np

from skweight._cli.figures import FAINT, FOURTH, INK, LINE, OURS, THEIRS, THIRD, canvas, to_svg
from skweight._cli.figures import Figure as ReportFigure
from skweight._cli.margins import margins

_STYLES = ((THEIRS, "--"), (THIRD, "-."), (FOURTH, ":"), (FAINT, (0, (1, 3))))


def figures(outcome):
    """Draw the plots of one study.

    Parameters
    ----------
    outcome : skweight._cli.evaluate.Outcome
        What came out.

    Returns
    -------
    list of skweight._cli.figures.Figure
        Margins, scores against epsilon, and sums of classes beside their noise.
    """
    return [margins(outcome), _price(outcome), _loudness(outcome)]


def _price(outcome):
    """Show scores against epsilon, with lines for models without privacy."""
    measures = outcome.study.measures
    ours = [c for c in outcome.study.candidates if c.ours and c.name in outcome.scores]
    ours.sort(key=lambda candidate: candidate.options["epsilon"])
    epsilons = np.array([candidate.options["epsilon"] for candidate in ours])
    others = [c.name for c in outcome.study.candidates if not c.ours and c.name in outcome.scores]
    with canvas(5.4, 6.4, len(measures), 1, sharex=True, sharey=True) as (drawing, axes):
        for axis, measure in zip(axes, measures):
            for name, (colour, style) in zip(others, _STYLES):
                mean = outcome.mean(name, measure.key)
                axis.axhline(mean, color=colour, ls=style, lw=1.5, label=name, zorder=2)
            for candidate, epsilon in zip(ours, epsilons):
                scores = outcome.scores[candidate.name][measure.key]
                axis.plot(np.full(len(scores), epsilon), scores, "_", color=OURS, ms=9, zorder=3)
            means = [outcome.mean(candidate.name, measure.key) for candidate in ours]
            axis.plot(epsilons, means, "o-", color=OURS, label="ours", zorder=4)
            axis.set_xscale("log")
            axis.set_xlim(epsilons.min() / 1.6, epsilons.max() * 1.6)
            axis.set_xticks(epsilons, [f"{epsilon:g}" for epsilon in epsilons])
            axis.minorticks_off()
            axis.set_title(measure.name[0].upper() + measure.name[1:], fontweight="bold")
            axis.grid(True)
            axis.tick_params(length=0)
            axis.spines[["left", "bottom"]].set_visible(False)
        axes[-1].set_xlabel("epsilon (left: more private)")
        handles, labels = axes[0].get_legend_handles_labels()
        legend = {"loc": "outside upper left", "fontsize": 9, "labelcolor": INK, "ncols": 2}
        drawing.legend(handles[-1:] + handles[:-1], labels[-1:] + labels[:-1], **legend)
        svg = to_svg(drawing, "Scores against epsilon")
    caption = (
        "Rows not used for fitting. Dots are means over splits, dashes are the splits, each with "
        "noise of its own. Lines are models without privacy: what ours stays below them as "
        "epsilon grows is the price of telling classes by sums, the rest is that of the noise."
    )
    return ReportFigure("What does privacy cost?", caption, svg)


def _loudness(outcome):
    """Show the length of each class's noisy sum beside that of the noise in it."""
    model = outcome.fitted[-1]
    unit = model.bounds_.shape[1]  # coordinates, but for the constant one
    sums = np.asarray(model.release_["sums"], dtype=np.float64)
    noise = np.sqrt(sums.shape[1]) * _deviation(model)
    names = [str(label) for label in model.classes_]
    length = np.sqrt((sums**2).sum(axis=1)) / noise
    with canvas(5.4, 0.3 * len(names) + 1.3) as (drawing, axis):
        places = np.arange(len(names))[::-1]
        axis.barh(places, length, 0.62, color=OURS, zorder=2)
        axis.axvline(1, color=THEIRS, lw=1.8, zorder=3)
        axis.set_yticks(places, names)
        axis.set_xlim(0, 1.08 * max(length.max(), 1.2))
        axis.set_xlabel("length of the noisy sum, in lengths of the noise")
        axis.grid(axis="x", color=LINE)
        axis.tick_params(length=0)
        axis.spines[["left", "bottom"]].set_visible(False)
        svg = to_svg(drawing, "Sums of classes beside their noise")
    caption = (
        f"{outcome.ours.name} fitted on {outcome.n_fitted} rows: all that is kept of a class is "
        f"the noisy sum of its rows, {unit} numbers and a constant one. The line is what noise "
        "alone would be: a class that reaches little beyond it has too few rows, or such that go "
        "in all directions."
    )
    return ReportFigure("Which classes stand out of the noise?", caption, svg)


def _deviation(model):
    """Give the standard deviation of the noise in one coordinate, in the units of the release."""
    scale = float(model.noise_scale_["sums"])
    if model.privacy_spent_.mechanism == "gaussian":
        return np.sqrt(scale**2 + 1 / 12)
    return np.sqrt(0.5) / np.sinh(0.5 / scale)
