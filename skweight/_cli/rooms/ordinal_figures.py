"""The plots of the ordinal room."""

import numpy as np

from skweight._cli.figures import (
    FAINT,
    FOURTH,
    INK,
    LINE,
    OURS,
    THEIRS,
    THIRD,
    canvas,
    shades,
    to_svg,
)
from skweight._cli.figures import Figure as ReportFigure
from skweight._cli.margins import margins

_MOST_FEATURES = 12


def figures(outcome):
    """Draw the plots of one study.

    Parameters
    ----------
    outcome : skweight._cli.evaluate.Outcome
        What came out.

    Returns
    -------
    list of skweight._cli.figures.Figure
        Margins, calibration of the last step, effects at each boundary.
    """
    return [margins(outcome), _calibration(outcome), _effects(outcome)]


def _calibration(outcome):
    """Show observed against predicted frequency of the last step, in bins of equal size."""
    styles = {
        "PRESTO": (OURS, "o-"),
        "Logistic, last step only": (THEIRS, "s--"),
        "Logistic, multinomial": (FOURTH, "D:"),
        "Gradient boosting": (THIRD, "^-."),
    }
    styles = {name: style for name, style in styles.items() if name in outcome.kept}
    with canvas(5.4, 4.4) as (drawing, axis):
        low, high = np.inf, 0.0
        for name, (colour, style) in styles.items():
            predicted, observed = _bins(outcome.kept[name])
            seen = observed > 0
            axis.plot(predicted[seen], observed[seen], style, color=colour, ms=5, label=name)
            low, high = min(low, observed[seen].min()), max(high, observed.max())
        low = low / 5
        axis.plot([low, 1], [low, 1], color=LINE, lw=1.2, zorder=0)
        axis.set(xscale="log", yscale="log", xlim=(low, high * 1.6), ylim=(low, high * 1.6))
        axis.set_xlabel("predicted probability of the last step")
        axis.set_ylabel("observed frequency")
        axis.grid(True)
        axis.tick_params(which="both", length=0, labelcolor=FAINT)
        _percent_ticks(axis)
        drawing.legend(loc="outside upper left", fontsize=9, labelcolor=INK, ncols=2)
        svg = to_svg(drawing, "Calibration of the last step")
    caption = (
        "Rows not used for fitting, in bins of equal weight by predicted probability; on the "
        "line, predictions are right on average. Bins in which nothing happened are left "
        "out."
    )
    return ReportFigure("Are the probabilities of the last step right?", caption, svg)


def _percent_ticks(axis):
    """Label logarithmic axes at 1, 2, 5, 10, ... percent and such."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    for side in (axis.xaxis, axis.yaxis):
        low, high = side.get_view_interval()
        side.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
        side.set_minor_locator(NullLocator())
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))


def _bins(kept):
    """Give mean prediction and event frequency in three to ten bins of equal total weight."""
    last = np.concatenate([part["last"] for part in kept])
    event = np.concatenate([part["is_last"] for part in kept]).astype(float)
    weights = [part["weights"] for part in kept]
    weights = np.ones(len(last)) if weights[0] is None else np.concatenate(weights)
    n_bins = int(np.clip(event.sum() // 8, 3, 10))
    rank = np.argsort(last, kind="stable")
    reached = np.cumsum(weights[rank]) / weights.sum()
    label = np.minimum((reached * n_bins - 1e-9).astype(int), n_bins - 1)
    total = np.bincount(label, weights[rank], n_bins)
    keep = total > 0
    predicted = np.bincount(label, (weights * last)[rank], n_bins)[keep] / total[keep]
    observed = np.bincount(label, (weights * event)[rank], n_bins)[keep] / total[keep]
    return predicted, observed


def _effects(outcome):
    """Show the coefficients of ours at each boundary, the strongest features only."""
    model, names = outcome.fitted[-1], outcome.fitted[:-1].get_feature_names_out()
    order, coef = [str(label) for label in model.class_order_], model.coef_
    strength = np.abs(coef).max(axis=0)
    chosen = np.argsort(-strength, kind="stable")[:_MOST_FEATURES]
    chosen = chosen[strength[chosen] > 0][::-1]
    colours = shades(len(coef))
    with canvas(5.4, 4.4) as (drawing, axis):
        for place, feature in enumerate(chosen):
            values = coef[:, feature]
            axis.plot([values.min(), values.max()], [place, place], color=LINE, lw=4, zorder=1)
            for value, shade in zip(values, colours):
                axis.plot(value, place, "o", color=shade, ms=7, zorder=2, mec="none")
        for boundary, shade in enumerate(colours):
            label = f"above {_shortened(order[boundary], 18)}"
            axis.plot([], [], "o", color=shade, ms=7, mec="none", label=label)
        axis.axvline(0, color=FAINT, lw=0.8, zorder=0)
        labels = [_shortened(names[feature]) for feature in chosen]
        axis.set_yticks(range(len(chosen)), labels)
        axis.set_ylim(-0.7, max(len(chosen), 1) - 0.3)
        axis.set_xlabel("effect on the log-odds of exceeding a boundary")
        axis.grid(axis="x")
        axis.tick_params(length=0)
        axis.spines[["left", "bottom"]].set_visible(False)
        columns = min(len(colours), 3)
        legend = {"ncols": columns, "handletextpad": 0.1, "columnspacing": 1}
        drawing.legend(loc="outside upper left", fontsize=8.5, labelcolor=INK, **legend)
        svg = to_svg(drawing, "Effects at each boundary")
    caption = (
        f"{outcome.ours.name} fitted on {outcome.n_fitted} rows. One dot where all "
        "boundaries agree: proportional odds. Spread dots: the feature matters differently for "
        "the last step. Numbers are scaled to standard deviation 1."
    )
    return ReportFigure("Which features break proportional odds?", caption, svg)


def _shortened(name, most=26):
    return name if len(name) <= most else name[: most - 1] + "…"
