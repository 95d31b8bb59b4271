"""The plots of the quantile room."""

import numpy as np

from skweight._cli.figures import FAINT, FOURTH, INK, LINE, OURS, THEIRS, THIRD, canvas, to_svg
from skweight._cli.figures import Figure as ReportFigure
from skweight._cli.margins import margins

_MOST_ROWS = 80


def figures(outcome):
    """Draw the plots of one study.

    Parameters
    ----------
    outcome : skweight._cli.evaluate.Outcome
        What came out.

    Returns
    -------
    list of skweight._cli.figures.Figure
        Margins, coverage of each level, and a fan of forecasts.
    """
    return [margins(outcome), _reliability(outcome), _fan(outcome)]


def _shown(outcome):
    """Give the candidate that the fan shows: calibrated where there is one."""
    ours = [c.name for c in outcome.study.candidates if c.ours and c.name in outcome.scores]
    tested = {measure.ours for measure in outcome.study.measures}
    return next((name for name in ours if name in tested), ours[0])


def _reliability(outcome):
    """Show how often outcomes lie below each quantile."""
    from skweight.metrics import quantile_coverage

    levels = np.array(outcome.study.levels)
    styles = {
        outcome.ours.name: (FOURTH, "D:"),
        "Gradient boosting": (THIRD, "^-."),
        "Average of the four": (THEIRS, "s--"),
        _shown(outcome): (OURS, "o-"),
    }
    styles = {name: style for name, style in styles.items() if name in outcome.kept}
    with canvas(5.4, 4.4) as (drawing, axis):
        for name, (colour, style) in styles.items():
            truth, forecast, weights = _pooled(outcome.kept[name])
            reached = quantile_coverage(truth, forecast, quantiles=levels, sample_weight=weights)
            axis.plot(levels, reached - levels, style, color=colour, ms=5, label=name)
        axis.axhline(0, color=LINE, lw=1.5, zorder=0)
        axis.set_xlim(0, 1)
        low, high = axis.get_ylim()
        reach = max(abs(low), abs(high), 0.05)
        axis.set_ylim(-reach, reach)
        axis.set_xticks(levels, [f"{100 * level:.4g}" for level in levels])
        axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:+.3g}")
        axis.set_xlabel("quantile, percent")
        axis.set_ylabel("outcomes below it, too many or too few (points)")
        axis.grid(True)
        axis.tick_params(length=0, labelcolor=FAINT)
        axis.spines[["left", "bottom"]].set_visible(False)
        drawing.legend(loc="outside upper left", fontsize=9, labelcolor=INK, ncols=2)
        svg = to_svg(drawing, "How often outcomes lie below each quantile")
    caption = (
        "Rows not used for fitting. On the line, a quantile is right: as many outcomes lie below "
        "it as it says. An interval is too narrow where the left end is above the line and the "
        "right end below it."
    )
    return ReportFigure("Are the quantiles right?", caption, svg)


def _pooled(kept):
    """Join what was kept over splits."""
    truth = np.concatenate([part["truth"] for part in kept])
    forecast = np.concatenate([part["quantiles"] for part in kept])
    weights = None
    if kept[0]["weights"] is not None:
        weights = np.concatenate([part["weights"] for part in kept])
    return truth, forecast, weights


def _fan(outcome):
    """Show forecasts of some test rows beside what came out, from low to high."""
    name, levels = _shown(outcome), outcome.study.levels
    part = outcome.kept[name][-1]
    middle = part["quantiles"][:, len(levels) // 2]
    order = np.argsort(middle, kind="stable")
    few = np.unique(np.linspace(0, len(order) - 1, min(_MOST_ROWS, len(order))).astype(int))
    order = order[few]
    forecast, truth = part["quantiles"][order], part["truth"][order]
    places = np.arange(len(order))
    with canvas(5.4, 4.4) as (drawing, axis):
        n_bands = len(levels) // 2
        for band in range(n_bands):
            low, high = forecast[:, band], forecast[:, -1 - band]
            label = f"{levels[band]:.4g} to {levels[-1 - band]:.4g}"
            fill = {"step": "mid", "color": OURS, "alpha": 0.75 / n_bands, "lw": 0}
            axis.fill_between(places, low, high, label=label, **fill)
        if len(levels) % 2:
            axis.plot(places, middle[order], color=OURS, lw=1.2, drawstyle="steps-mid")
        inside = (truth >= forecast[:, 0]) & (truth <= forecast[:, -1])
        axis.plot(places[inside], truth[inside], "o", color=INK, ms=2.6, mec="none")
        axis.plot(places[~inside], truth[~inside], "x", color=THIRD, ms=5, mew=1.4)
        axis.set_xticks([])
        axis.set_xlabel("rows, from the lowest to the highest forecast")
        axis.grid(axis="y")
        axis.tick_params(length=0, labelcolor=FAINT)
        axis.spines[["left", "bottom"]].set_visible(False)
        if n_bands:
            legend = {"fontsize": 9, "labelcolor": INK, "ncols": 3}
            handles = drawing.legend(loc="outside upper left", **legend).legend_handles
            for place, handle in enumerate(handles, 1):  # bands lie on top of each other
                handle.set_alpha(1 - (1 - 0.75 / n_bands) ** place)
        svg = to_svg(drawing, "Forecasts and outcomes")
    caption = (
        f"{name}: forecasts of {len(order)} rows not used for fitting, and what came out (dots; "
        "crosses lie outside of the widest band)."
    )
    return ReportFigure("How wide are the forecasts?", caption, svg)
