"""The report on accuracy and dependence beside fairlearn and equipy: tables and verdicts."""

import numpy as np

from benchmarks import _fairness_frontier as frontier
from benchmarks import _report
from benchmarks._fairness_common import figure, mean_and_error
from benchmarks._fairness_contestants import (
    AGE_BINS,
    EQUIPY,
    KNOB_NAMES,
    KNOBS,
    OURS,
    OURS_WITH,
    RANDOMISED,
    REMOVER,
    SEES_ATTRIBUTES,
    installed,
)

SEEDS = {"compas": 10, "adult": 5}
SHOWN = (0, 3, 10, 30, 100, 300, 1000)  # of our strengths, in the tables
_UNIT = 1e4  # of CCdCov_U in the tables
_DEPENDENCES = (frontier.DEPENDENCE, frontier.LABEL_DEPENDENCE)


def _scaled(values, name):
    return _UNIT * values if name in _DEPENDENCES else values


def _text(values, name):
    if not np.isfinite(values).all():
        return "infinite"
    return figure(_scaled(values, name), ".1f" if name in _DEPENDENCES else ".3f")


def frontier_table(study):
    """Return the table of all contestants at their knobs."""
    names = (
        frontier.LOSS, frontier.ERROR, frontier.BRIER, frontier.DEPENDENCE, frontier.GAP,
        frontier.NOMINAL_GAP, frontier.LABEL_DEPENDENCE, frontier.LABEL_GAP,
    )  # fmt: skip
    rows = []
    for contestant, knobs in study.knobs.items():
        for knob in knobs:
            if contestant in (OURS, OURS_WITH) and knob not in SHOWN:
                continue
            sees = "yes" if contestant in SEES_ATTRIBUTES else ""
            row = [contestant, sees, f"{KNOB_NAMES[contestant]} {knob:g}"]
            row += [_text(study.of(contestant, name, knob), name) for name in names]
            row.append(f"{study.of(contestant, frontier.SPREAD, knob).mean():.3f}")
            seconds = study.of(contestant, frontier.SECONDS, knob).mean()
            rows.append([*row, _report.significant(seconds)])
    header = ["", "uses S at predict", "knob", *(_heading(name) for name in names)]
    return _report.table([*header, "sd of p", "CPU seconds"], rows)


def _heading(name):
    return f"{name}, 1e-4" if name in _DEPENDENCES else name


def difference(study, contestant, knob, level, name, ours):
    """Return ours less theirs at an equal level, by split; NaN where ours is never so accurate."""
    at = study.ours_at(contestant, knob, level, name, ours)
    return at - study.of(contestant, name, knob)


def verdict(values):
    """Return "win", "lose" or "tie" (within two standard errors of 0), or "-" for no values."""
    values = values[np.isfinite(values)]
    if not len(values):
        return "-"
    mean, error = mean_and_error(values)
    if abs(mean) <= 2 * np.nan_to_num(error):
        return "tie"
    return "win" if mean < 0 else "lose"


def _outcome(values, name):
    known = values[np.isfinite(values)]
    if not len(known):
        return "never so accurate"
    share = "" if len(known) == len(values) else f", {len(known)} of {len(values)} splits"
    return f"{_text(known, name)} ({verdict(values)}{share})"


def equal_table(study, contestants, level, names, ours):
    """Return the table of differences at an equal level.

    Parameters
    ----------
    study : Study
        One data set.
    contestants : tuple of str
        Whom to compare with.
    level : str
        What is equal.
    names : tuple of str
        The figures.
    ours : tuple of str
        Which of ours.

    Returns
    -------
    str
        A line for each knob.
    """
    header = ["", "knob", level]
    for name in names:
        header += [f"{_heading(name)}", *(f"{which} less theirs" for which in ours)]
    rows = []
    for contestant in contestants:
        for knob in study.knobs[contestant]:
            row = [contestant, f"{KNOB_NAMES[contestant]} {knob:g}"]
            row.append(_text(study.of(contestant, level, knob), level))
            for name in names:
                row.append(_text(study.of(contestant, name, knob), name))
                for which in ours:
                    values = difference(study, contestant, knob, level, name, which)
                    row.append(_outcome(values, name))
            rows.append(row)
    return _report.table(header, rows)


def check_lower(study, data, contestants, level, name, ours, targets):
    """Check whether our mean is lower at every knob of some contestants."""
    compared, failed = 0, []
    for contestant in contestants:
        for knob in study.knobs[contestant]:
            values = difference(study, contestant, knob, level, name, ours)
            known = values[np.isfinite(values)]
            if not len(known):
                continue
            compared += 1
            if not known.mean() < 0:
                short = contestant.removeprefix("ExponentiatedGradient, ")
                failed.append(f"{short}, {knob:g} (by {_text(known, name)}, {verdict(values)})")
    who = contestants[0].split(",")[0]
    terms = ", both with S at predict" if ours == OURS_WITH else ""
    measured = f"lower at {compared - len(failed)} of {compared} knobs"
    targets.check(
        f"{data}: lower {name} than {who} at equal {level}{terms}",
        measured + (f"; not at {'; '.join(failed)}" if failed else ""),
        compared > 0 and not failed,
    )


def check(study, data, targets):
    """Print the verdicts of one data set."""
    randomised = _there(study, RANDOMISED)
    comparisons = [
        (randomised, frontier.ERROR, frontier.LABEL_DEPENDENCE, OURS),
        (randomised, frontier.ERROR, frontier.LABEL_GAP, OURS),
        (randomised, frontier.BRIER, frontier.DEPENDENCE, OURS),
        (randomised, frontier.BRIER, frontier.GAP, OURS),
        (_there(study, (REMOVER,)), frontier.LOSS, frontier.DEPENDENCE, OURS_WITH),
        (_there(study, (REMOVER,)), frontier.LOSS, frontier.GAP, OURS_WITH),
    ]
    for contestants, level, name, ours in comparisons:
        if contestants:
            check_lower(study, data, contestants, level, name, ours, targets)


def _there(study, contestants):
    return tuple(name for name in contestants if name in study.knobs)


def describe(study, data):
    """Return the part of the report on one data set."""
    n_train, n_columns, n_test = study.sizes
    chance, rate = np.mean(study.chance), np.mean(study.rates)
    reach = [study.of(ours, frontier.LOSS).mean(axis=0)[[0, -1]] for ours in (OURS, OURS_WITH)]
    ends = [f"{low:.3f} to {high:.3f}" for low, high in reach]
    text = f"""### {data}

{len(study.rates)} splits, {n_train:,} rows to train on, {n_test:,} held out, {n_columns} columns.
Groups of the KS gap: race x sex x {AGE_BINS} bins of age with at least 30 held-out rows; the
smallest has {_span(study.smallest)} rows, {_span(study.left_out)} groups are left out. Shuffled
predictions have a gap of {chance:.2f}, by chance. A constant has an error rate of
{min(rate, 1 - rate):.3f} and a Brier score of {rate * (1 - rate):.3f}.

{frontier_table(study)}"""
    seeing, randomised = _there(study, (REMOVER, EQUIPY)), _there(study, RANDOMISED)
    labels = (frontier.LABEL_DEPENDENCE, frontier.LABEL_GAP)
    probabilities = (frontier.DEPENDENCE, frontier.GAP, frontier.NOMINAL_GAP)
    if seeing:
        text += f"""

At equal held-out log-loss, by interpolation along our strengths, which reach from {ends[0]}
(from {ends[1]} with S among the features):

{equal_table(study, seeing, frontier.LOSS, probabilities, (OURS, OURS_WITH))}"""
    if randomised:
        hard = [study.of(name, frontier.HARD).mean() for name in randomised]
        text += f"""

`ExponentiatedGradient` at equal error rate: the labels that it draws beside ours, cut at .5:

{equal_table(study, randomised, frontier.ERROR, labels, (OURS,))}

The same at equal Brier score: its chance of a positive label as a probability, which is 0 or 1 in
{min(hard):.0%} to {max(hard):.0%} of the rows on average, beside ours:

{equal_table(study, randomised, frontier.BRIER, probabilities, (OURS,))}"""
    return text


def _span(values):
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} to {high}"


def section(quick, targets):
    """Run both data sets and return the report's section."""
    knobs = installed()
    if quick:
        knobs = {name: values[::4] for name, values in knobs.items()}
    title, parts = "## Accuracy and dependence beside fairlearn and equipy\n\n", []
    for data, seeds in SEEDS.items():
        if quick and data != "compas":
            continue
        try:
            study = frontier.run(data, 2 if quick else seeds, knobs)
        except ImportError as error:
            return f"{title}Not run here: {error}."
        parts.append(describe(study, data))
        if not quick:
            check(study, data, targets)
    body = "\n\n".join(parts)
    missing = [name for name in KNOBS if name not in knobs]
    if missing:
        body = f"Not raced, since their packages are not installed: {', '.join(missing)}.\n\n{body}"
    return f"""{title}The same features (without race, sex and age), labels and splits for all.
Every figure is computed on held-out rows by skweight's metrics, with the scale of the attributes in
the training rows: CCdCov_U of the probabilities with race, sex and age together; the largest
Kolmogorov-Smirnov gap between two groups; for labels the largest difference of two groups' rates,
and CCdCov_U of the labels. A KS gap does not see how far predictions spread, as CCdCov_U does:
predictions that shrink towards their mean may keep their gap. Means and standard errors over
splits. Differences are paired by split; *win* or *lose* means more than two standard errors from 0.
Where others are less accurate than our strongest model, that one stands beside them.

* *ours*: `DistanceCovarianceClassifier`, which sees no attribute of the rows that it predicts.
* *ours, S among the features*: the same with the attributes as further columns: the right that
  `CorrelationRemover` and equipy have.
* `CorrelationRemover` (fairlearn) takes linear correlation with race, sex and age out of the
  features, of new rows too: it needs their attributes. `LogisticRegression` follows.
* equipy moves each group's predictions to a common distribution (`FairWasserstein`, race x sex x
  {AGE_BINS} bins of age): it needs the attributes of new rows and treats rows by them. Beside
  *ours* this is no comparison on equal terms.
* `ExponentiatedGradient` (fairlearn, demographic parity within a bound, over race x sex, or with
  {AGE_BINS} bins of age) needs no attributes at prediction. It draws labels at random among
  classifiers, so that its log-loss is infinite; its CCdCov_U of labels is the mean of
  {frontier.DRAWS} draws, its gap of labels that of the expected rates.

{body}"""
