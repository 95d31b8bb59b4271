"""The quantile room: forecasts of a number as quantiles, combined, ordered and calibrated."""

from dataclasses import dataclass

import numpy as np

from skweight._cli import CommandError
from skweight._cli.evaluate import Measure, Study
from skweight._cli.numbers import is_measured, read_numbers
from skweight._cli.own_table import folds_of_numbers, told, usable_rows
from skweight._cli.rooms.quantile_candidates import (
    CALIBRATED,
    CALIBRATION_SHARE,
    candidates,
    one_sided,
    widest_pair,
)
from skweight._cli.rooms.quantile_figures import figures
from skweight._cli.splits import SEED, cross_validation

__all__ = ["figures"]

TITLE = "How large, and how sure: quantiles of a number"
QUESTION = "Between which values will an outcome lie, and does that hold as often as it says?"
SNIPPET = """
from sklearn.datasets import load_diabetes
from skweight.quantile import ConformalQuantileRegressor, QuantileStackingRegressor

X, y = load_diabetes(return_X_y=True)
stack = QuantileStackingRegressor(random_state=0).fit(X, y)
stack.predict_quantiles(X)   # one column for each of stack.quantiles_, never crossing
stack.weights_               # how much each model counts at each level
calibrated = ConformalQuantileRegressor(stack, random_state=0).fit(X, y)
calibrated.predict_interval(X, coverage=0.9)
"""
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_FEWEST_ROWS = 30


@dataclass(kw_only=True)
class QuantileStudy(Study):
    """A study of quantiles.

    Parameters
    ----------
    levels : tuple of float
        The quantile levels, increasing.
    groups : ndarray of shape (n_samples,) or None
        Rows of one group stay together, in the folds inside of training rows as well.
    """

    levels: tuple
    groups: np.ndarray | None = None

    @property
    def interval(self):
        """Places of the widest pair of a level and its mirror, None if there is none."""
        return widest_pair(self.levels)


def study_of(levels, n_train, networks=False, **parts):
    """Build a study with the room's candidates and measures.

    Parameters
    ----------
    levels : tuple of float
        The quantile levels.
    n_train : int
        Training rows of the smallest split.
    networks : bool, default=False
        Whether to compare networks, too, if torch is installed.
    **parts : dict
        The other fields of `QuantileStudy`.

    Returns
    -------
    QuantileStudy
        Without calibration, and with a note, where the rows are too few for it.
    """
    outer = max((max(level, 1 - level) for level in levels if level != 0.5), default=None)
    pair = widest_pair(levels)
    calibrated, notes = outer is not None, list(parts.pop("notes", []))
    if calibrated:
        coverage = outer if one_sided(levels) else levels[pair[1]] - levels[pair[0]]
        needed = int(np.ceil(round(coverage / (1 - coverage), 6)))
        n_spare = int(CALIBRATION_SHARE * n_train)
        if n_spare < needed:
            calibrated = False
            notes.append(
                f"left out {CALIBRATED}: its outermost quantiles need {needed} rows to calibrate, "
                f"the training rows have {n_spare} to spare"
            )
    return QuantileStudy(
        levels=tuple(levels),
        candidates=candidates(calibrated, networks),
        measures=measures(levels, calibrated),
        notes=notes,
        **parts,
    )


def measures(levels, calibrated):
    """List the scores that these levels allow, the most important first."""
    found = [
        Measure(
            "wis",
            "WIS",
            "lower",
            "Weighted interval score: twice the pinball loss, mean over the levels. It is small "
            "for quantiles that are both narrow and right. Crossing quantiles are sorted before, "
            "which never makes it worse.",
        )
    ]
    if (pair := widest_pair(levels)) is not None:
        share = f"{levels[pair[1]] - levels[pair[0]]:.3%}".rstrip("0%").rstrip(".") + " %"
        found += [
            Measure(
                "miss",
                "coverage error",
                "lower",
                f"How far the share of outcomes inside the {share} interval is from {share}, on "
                "average over splits.",
                ours=CALIBRATED if calibrated else None,
                is_share=True,
            ),
            Measure("coverage", f"inside {share}", None, f"Outcomes inside the {share} interval."),
            Measure("width", "width", None, f"Mean width of the {share} interval."),
        ]
    if len(levels) > 1:
        found.append(
            Measure(
                "crossing",
                "crossing rows",
                None,
                "Share of rows whose quantiles cross before they are put into order; for stacking "
                "that of the rows held out within the training rows.",
            )
        )
    return found


def fit(candidate, study, rows):
    """Fit one candidate on some rows of a study and return its pipeline."""
    from threadpoolctl import threadpool_limits

    weights = None if study.weights is None else study.weights[rows]
    pipeline = candidate.build(study, rows)
    # Many small fits: threads that wait for each other cost more than they bring.
    with threadpool_limits(1):
        return pipeline.fit(
            study.frame.iloc[rows], study.target[rows], model__sample_weight=weights
        )


def measure(fitted, candidate, study, test):
    """Score one fitted candidate on test rows and keep its quantiles."""
    from skweight.metrics import interval_coverage, interval_width, weighted_interval_score

    truth = study.target[test]
    given = {"sample_weight": None if study.weights is None else study.weights[test]}
    forecast, crossing = _forecast(fitted, study.frame.iloc[test])
    scores = {"wis": weighted_interval_score(truth, forecast, quantiles=study.levels, **given)}
    if study.interval is not None:
        low, high = study.interval
        ends = forecast[:, [low, high]]
        scores["coverage"] = interval_coverage(truth, ends, **given)
        scores["miss"] = abs(scores["coverage"] - (study.levels[high] - study.levels[low]))
        scores["width"] = interval_width(ends, **given)
    if len(study.levels) > 1:
        scores["crossing"] = crossing
    return scores, {"quantiles": forecast, "truth": truth, "weights": given["sample_weight"]}


def _forecast(pipeline, frame):
    """Give quantiles in order, and the share of rows that crossed before."""
    import warnings

    model = pipeline[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # levels of a category unseen in training
        raw = model.predict_quantiles(pipeline[:-1].transform(frame))
    stack = model if hasattr(model, "crossing_rate_") else getattr(model, "estimator_", None)
    crossing = getattr(stack, "crossing_rate_", None)
    if crossing is None:
        crossing = np.mean(np.any(np.diff(raw, axis=1) < 0, axis=1))
    return np.sort(raw, axis=1), crossing


def warm_up():
    """Fit once on little data, so that no candidate is charged for loading compiled code."""
    from sklearn.linear_model import QuantileRegressor

    from skweight.quantile import ConformalQuantileRegressor, QuantileStackingRegressor

    generator = np.random.default_rng(SEED)
    X = generator.normal(size=(60, 2))
    y = X[:, 0] + generator.normal(size=60)
    bases = [("a", QuantileRegressor(alpha=0)), ("b", QuantileRegressor(alpha=1))]
    for weighting in ("coarse", "medium", "fine"):
        stack = QuantileStackingRegressor(bases, (0.1, 0.5, 0.9), weighting, cv=2)
        ConformalQuantileRegressor(stack, random_state=SEED).fit(X, y).predict(X)


def suits(column):
    """Say why quantiles of a target are compared, or give None."""
    if not is_measured(column):
        return None
    return f"{column.name!r} takes {column.nunique()} different numbers"


def study_of_table(table, options):
    """Build the study of a user's own table.

    Parameters
    ----------
    table : skweight._cli.reading.Table
        As read.
    options : argparse.Namespace
        With ``target``, ``quantiles``, ``weights``, ``groups`` and ``folds``.

    Returns
    -------
    QuantileStudy
        With cross-validation splits.
    """
    levels = _levels(options.quantiles)
    target = read_numbers(table.column(options.target, "--target"))
    rows = usable_rows(table, options, target)
    values = target.values[rows.keep[target.known]]
    folds = _folds(options, values, rows)
    splits = cross_validation(values, folds, rows.groups, stratified=False)
    name = table.path.name
    low, median, high = np.quantile(values, [0.05, 0.5, 0.95])
    listed = ", ".join(f"{level:g}" for level in levels)
    return study_of(
        levels,
        min(len(train) for train, _ in splits),
        networks=True,
        name=name,
        title=f"{options.target} in {name}",
        story=f"{len(values)} rows, {len(rows.columns.names)} columns, nine tenths of "
        f"{options.target} from {low:.4g} to {high:.4g}, median {median:.4g}; quantiles {listed}; "
        f"{told(rows, folds)}.",
        frame=rows.frame,
        columns=rows.columns,
        target=values,
        weights=rows.weights,
        groups=rows.groups,
        splits=splits,
        overlap=1 / (folds - 1),
        notes=rows.notes,
    )


def _levels(text):
    """Read quantile levels."""
    if text is None:
        return LEVELS
    levels = []
    for part in text.split(","):
        try:
            level = float(part)
        except ValueError:
            raise CommandError(
                f"--quantiles {text!r} must list numbers such as 0.05,0.5,0.95, got "
                f"{part.strip()!r}"
            ) from None
        if not 0 < level < 1:
            raise CommandError(f"--quantiles must lie between 0 and 1, got {part.strip()}")
        if level in levels:
            raise CommandError(f"--quantiles lists {part.strip()} twice")
        levels.append(level)
    return tuple(sorted(levels))


def _folds(options, values, rows):
    """Give the number of folds, or complain."""
    if len(values) < _FEWEST_ROWS:
        raise CommandError(
            f"{len(values)} rows have a --target {options.target!r} that counts: quantiles take at "
            f"least {_FEWEST_ROWS}"
        )
    if np.ptp(values) == 0:
        raise CommandError(
            f"--target {options.target!r} is {values[0]:g} in every row: nothing to learn"
        )
    return folds_of_numbers(options, values, rows)


def predictions(pipeline, frame):
    """Give the median and the quantiles of new rows."""
    from skweight.quantile._levels import point_forecast

    model = pipeline[-1]
    if not hasattr(model, "predict_quantiles"):
        return None
    forecast, _ = _forecast(pipeline, frame)
    columns = {"prediction": point_forecast(forecast, model.quantiles_)}
    for level, column in zip(model.quantiles_, forecast.T):
        whole, _, rest = f"{100 * level:.6f}".rstrip("0").partition(".")
        columns[f"q{whole:0>2}" + (f".{rest}" if rest else "")] = column
    return columns


def studies(quick):
    """List functions that build the tour's studies."""
    from skweight._cli.rooms import quantile_studies

    return quantile_studies.studies(quick)
