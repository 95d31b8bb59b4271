"""Accuracy and dependence of all contestants on the same splits, and ours at equal accuracy."""

import time
import warnings
from dataclasses import dataclass, field

import numpy as np

from benchmarks import _fairness_contestants as contestants
from benchmarks import _fairness_sets as sets
from skweight.fairness import dependence_score
from skweight.metrics import demographic_parity_gap

# Of the labels, a randomised classifier draws them: CCdCov_U is the mean of so many draws.
DRAWS = 10
LOSS, ERROR, BRIER = "log-loss", "error rate", "Brier score"
DEPENDENCE, GAP, NOMINAL_GAP = "CCdCov_U", "KS gap", "KS gap, race x sex"
LABEL_DEPENDENCE, LABEL_GAP = "CCdCov_U of labels", "gap of labels"
SPREAD, HARD, SECONDS = "sd", "hard", "seconds"
FIGURES = (
    LOSS, ERROR, BRIER, DEPENDENCE, GAP, NOMINAL_GAP, LABEL_DEPENDENCE, LABEL_GAP, SPREAD, HARD,
    SECONDS,
)  # fmt: skip


@dataclass
class Study:
    """Held-out figures of one data set.

    Attributes
    ----------
    figures : dict of str to ndarray of shape (n_seeds, n_knobs, n_figures)
        By contestant, in the order of its knobs and of `FIGURES`.
    knobs : dict of str to tuple
        The knobs.
    sizes : tuple of int
        Training rows, test rows, columns.
    smallest : list of int
        Rows of the smallest group of the KS gap, by split.
    left_out : list of int
        How many groups are too small for it, by split.
    chance : list of float
        The KS gap after permuting predictions, by split.
    rates : list of float
        Share of positive labels in the held-out rows, by split.
    """

    figures: dict
    knobs: dict
    sizes: tuple
    smallest: list = field(default_factory=list)
    left_out: list = field(default_factory=list)
    chance: list = field(default_factory=list)
    rates: list = field(default_factory=list)

    def of(self, name, figure, knob=None):
        """Return one figure, by split and knob, or of one knob by split."""
        values = self.figures[name][:, :, FIGURES.index(figure)]
        return values if knob is None else values[:, self.knobs[name].index(knob)]

    def ours_at(self, name, knob, level, figure, ours=contestants.OURS):
        """Return our figure by split where our level equals that of another contestant.

        Parameters
        ----------
        name, knob : str, object
            The other contestant.
        level : str
            What is to be equal: log-loss, error rate or Brier score.
        figure : str
            Which figure of ours.
        ours : str
            Which of our two.

        Returns
        -------
        ndarray of shape (n_seeds,)
            Interpolated along the strengths; NaN where ours is never so accurate.
        """
        paths = zip(self.of(ours, level), self.of(ours, figure))
        wanted = self.of(name, level, knob)
        return np.array([at_equal(*path, value) for path, value in zip(paths, wanted)])


def at_equal(levels, values, wanted):
    """Interpolate along a path of growing strength to where it last passes a level.

    That is the strongest model that is as accurate. Above the last level the last value counts:
    there ours is more accurate.

    Parameters
    ----------
    levels, values : ndarray of shape (n_strengths,)
        Levels, such as log-losses, and what to interpolate.
    wanted : float
        The level.

    Returns
    -------
    float
        The value, NaN if no level is so low.
    """
    lowest_later = np.minimum.accumulate(levels[::-1])[::-1]
    last = np.append(np.diff(lowest_later) > 0, True)
    return float(np.interp(wanted, lowest_later[last], values[last], left=np.nan))


def evaluate(p, test, encoder, is_randomised, rng):
    """Return all figures but the seconds.

    Parameters
    ----------
    p : ndarray of shape (n,)
        Probabilities, or a randomised classifier's chances of a positive label.
    test : Rows
        The held-out rows.
    encoder : SensitiveEncoder
        Scales of the attributes in the training rows.
    is_randomised : bool
        Whether labels are drawn by p instead of ``p > 0.5``.
    rng : Generator
        Draws them.

    Returns
    -------
    list of float
        In the order of `FIGURES`.
    """
    y = test.y
    smallest = 0.0 if is_randomised else np.finfo(float).eps  # as scikit-learn's log_loss
    with np.errstate(divide="ignore"):
        loss = -np.mean(np.log(np.maximum(np.where(y == 1, p, 1 - p), smallest)))

    def dependence(predictions):
        return dependence_score(predictions, test.sensitive, encoder=encoder)

    def gap(predictions, columns, kind="ks"):
        sensitive, bins = test.sensitive[columns], contestants.AGE_BINS
        return demographic_parity_gap(predictions, sensitive, kind=kind, n_bins=bins)

    chance = p if is_randomised else (p > 0.5).astype(float)
    draws = [chance]
    if is_randomised:
        draws = [(rng.uniform(size=len(p)) < p).astype(float) for _ in range(DRAWS)]
    everything = list(test.sensitive.columns)
    return [
        loss,
        np.mean(np.where(y == 1, 1 - chance, chance)),
        np.mean((p - y) ** 2),
        dependence(p),
        gap(p, everything),
        gap(p, ["race", "sex"]),
        np.mean([dependence(labels) for labels in draws]),
        gap(chance, everything, kind="mean"),  # KS of labels is the difference of their means
        p.std(),
        np.mean((p < 1e-9) | (p > 1 - 1e-9)),
    ]


def run(name, seeds, knobs=None):
    """Fit all contestants on each split of one data set.

    Parameters
    ----------
    name : str
        Of `sets.SETS`.
    seeds : int
        Number of splits.
    knobs : dict of str to tuple or None, default=None
        Knobs by contestant; None takes all that are installed.

    Returns
    -------
    Study
        The figures.
    """
    knobs = contestants.installed() if knobs is None else knobs
    rows = sets.SETS[name]()
    figures = {contestant: [] for contestant in knobs}
    study = Study({}, knobs, ())
    for seed in range(seeds):
        train, test = sets.split(rows, name, seed)
        rng = np.random.default_rng(seed)
        study.sizes = (*train.X.shape, len(test.y))
        p, plain = contestants.ours(train, test, 0)
        encoder = plain.sensitive_encoder_
        study.rates.append(test.y.mean())
        _note_groups(study, p, test, seed)
        for contestant, values in knobs.items():
            line = []
            for knob in values:
                start = time.process_time()
                p = contestants.predict(contestant, train, test, knob)
                seconds = time.process_time() - start
                is_randomised = contestant in contestants.RANDOMISED
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # small groups, which the report tells of
                    found = evaluate(p, test, encoder, is_randomised, rng)
                line.append([*found, seconds])
            figures[contestant].append(line)
        print(f"{name}: split {seed + 1} of {seeds}", flush=True)
    study.figures = {contestant: np.array(lines) for contestant, lines in figures.items()}
    return study


def _note_groups(study, p, test, seed):
    details = demographic_parity_gap(
        p,
        test.sensitive,
        n_bins=contestants.AGE_BINS,
        n_permutations=20,
        random_state=seed,
        return_details=True,
    )
    small = set(details.small_groups)
    kept = [n for group, n in zip(details.groups, details.rows) if group not in small]
    study.smallest.append(int(min(kept)))
    study.left_out.append(len(small))
    study.chance.append(float(details.baseline_mean))
