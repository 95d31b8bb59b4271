"""The plots of the ordinal room."""

import numpy as np

from skweight._cli.figures import FAINT, FOURTH, INK, LINE, OURS, THEIRS, THIRD, canvas, to_svg
from skweight._cli.figures import Figure as ReportFigure

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
        Scores, calibration of the last step, effects at each boundary.
    """
    return [_scores(outcome), _calibration(outcome), _effects(outcome)]


def _scores(outcome):
    """Show every score with its spread over splits, one panel for each measure."""
    from skweight._cli.rooms.ordinal import MEASURES

    # The class frequencies are so far off that they would squeeze the others together.
    shown = [c for c in outcome.study.candidates if c.name in outcome.scores][:-1]
    shown.sort(key=lambda candidate: np.nan_to_num(-outcome.mean(candidate.name, "rps"), nan=-9e9))
    with canvas(11, 0.36 * len(shown) + 1.1, 1, len(MEASURES), sharey=True) as (drawing, axes):
        for axis, measure in zip(axes, MEASURES):
            for place, candidate in enumerate(shown):
                values = outcome.scores[candidate.name].get(measure.key)
                if values is None:
                    continue
                colour = OURS if candidate.ours else THEIRS
                axis.plot([values.min(), values.max()], [place, place], color=LINE, lw=5)
                axis.plot(values, np.full(len(values), place), "|", color=colour, ms=7, mew=1)
                axis.plot(values.mean(), place, "o", color=colour, ms=8)
            arrow = "lower is better" if measure.better == "lower" else "higher is better"
            axis.set_title(measure.name, fontweight="bold")
            axis.set_xlabel(arrow)
            axis.grid(axis="x")
            axis.locator_params(axis="x", nbins=4)
            axis.tick_params(length=0)
            axis.spines[["left", "bottom"]].set_visible(False)
        axes[0].set_yticks(range(len(shown)), [candidate.name for candidate in shown])
        axes[0].set_ylim(-0.6, len(shown) - 0.4)
        svg = to_svg(drawing, "Scores of every model")
    caption = (
        "Dots are means over splits, ticks the splits themselves, orange is ours. The spread is "
        "mostly common to all models: compare them within a split, as the verdicts above do."
    )
    return ReportFigure("Scores on rows not used for fitting", caption, svg)


def _calibration(outcome):
    """Show observed against predicted frequency of the last step, in bins of equal size."""
    styles = {
        "PRESTO": (OURS, "o-"),
        "Logistic, last step only": (THEIRS, "s--"),
        "Logistic, multinomial": (FOURTH, "D:"),
        "Gradient boosting": (THIRD, "^-."),
    }
    with canvas(5.4, 4.2) as (drawing, axis):
        low, high = np.inf, 0.0
        for name, (colour, style) in styles.items():
            if name not in outcome.kept:
                continue
            predicted, observed = _bins(outcome.kept[name])
            axis.plot(predicted, observed, style, color=colour, ms=5, label=name)
            seen = np.concatenate([predicted, observed[observed > 0]])
            low, high = min(low, seen.min()), max(high, seen.max())
        low = max(low, 1e-5)
        axis.plot([low, high], [low, high], color=LINE, lw=1.2, zorder=0)
        axis.set(xscale="log", yscale="log", xlim=(low / 1.3, high * 1.3), ylim=(low / 1.3, None))
        axis.set_xlabel("predicted probability of the last step")
        axis.set_ylabel("observed frequency")
        axis.grid(True)
        axis.tick_params(which="both", length=0, labelcolor=FAINT)
        axis.legend(loc="upper left", fontsize=9, labelcolor=INK)
        svg = to_svg(drawing, "Calibration of the last step")
    caption = (
        "Rows not used for fitting, in ten bins of equal weight by predicted probability; on the "
        "line, predictions are right on average. Bins without an event are not drawn."
    )
    return ReportFigure("Are the probabilities of the last step right?", caption, svg)


def _bins(kept, n_bins=10):
    """Give mean prediction and event frequency in bins of equal total weight."""
    last = np.concatenate([part["last"] for part in kept])
    event = np.concatenate([part["is_last"] for part in kept]).astype(float)
    weights = [part["weights"] for part in kept]
    weights = np.ones(len(last)) if weights[0] is None else np.concatenate(weights)
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
    shades = _shades(len(coef))
    with canvas(5.4, 4.2) as (drawing, axis):
        for place, feature in enumerate(chosen):
            values = coef[:, feature]
            axis.plot([values.min(), values.max()], [place, place], color=LINE, lw=4, zorder=1)
            for value, shade in zip(values, shades):
                axis.plot(value, place, "o", color=shade, ms=7, zorder=2, mec="none")
        for boundary, shade in enumerate(shades):
            label = f"above {order[boundary]}"
            axis.plot([], [], "o", color=shade, ms=7, mec="none", label=label)
        axis.axvline(0, color=FAINT, lw=0.8, zorder=0)
        labels = [_shortened(names[feature]) for feature in chosen]
        axis.set_yticks(range(len(chosen)), labels)
        axis.set_ylim(-0.7, max(len(chosen), 1) - 0.3)
        axis.set_xlabel("effect on the log-odds of exceeding a boundary")
        axis.grid(axis="x")
        axis.tick_params(length=0)
        axis.spines[["left", "bottom"]].set_visible(False)
        axis.legend(loc="best", fontsize=8.5, labelcolor=INK, handletextpad=0.1)
        svg = to_svg(drawing, "Effects at each boundary")
    caption = (
        f"{outcome.ours.name} on all rows. One dot where all boundaries agree: proportional odds. "
        "Spread dots: the feature matters differently for the last step. Numbers are scaled to "
        "standard deviation 1."
    )
    return ReportFigure("Which features break proportional odds?", caption, svg)


def _shades(n_boundaries):
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    # The middle of the map is readable on light and on dark paper.
    return [to_hex(colormaps["plasma"](0.15 + 0.65 * t)) for t in np.linspace(0, 1, n_boundaries)]


def _shortened(name, most=26):
    return name if len(name) <= most else name[: most - 1] + "…"
