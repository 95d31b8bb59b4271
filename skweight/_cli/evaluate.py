"""Fit every candidate on every split, time it and score it."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from skweight._cli import CommandError
from skweight._cli.remember import remembering, timed


@dataclass(frozen=True)
class Measure:
    """A score.

    Parameters
    ----------
    key, name : str
        Its short and its readable name.
    better : {"lower", "higher"} or None
        Which way is better; None for what is shown only.
    meaning : str
        One sentence for the reader of the report.
    ours : str, default=None
        The candidate of ours under test, where it is not the first.
    is_share : bool, default=False
        Whether differences are shown in percentage points instead of percent of ours.
    """

    key: str
    name: str
    better: str | None
    meaning: str
    ours: str | None = None
    is_share: bool = False


@dataclass(frozen=True)
class Candidate:
    """A model to compare.

    Parameters
    ----------
    name : str
        What tables call it.
    build : callable
        ``build(study, rows)`` gives an unfitted pipeline for these training rows.
    ours : bool, default=False
        Whether it comes from skweight. The first that does is the one under test.
    note : str, default=""
        One sentence for the reader of the report.
    options : dict, default={}
        What only its room understands.
    on_par : bool, default=True
        Whether verdicts count it; no for what may use more than the others at prediction.
    """

    name: str
    build: Callable
    ours: bool = False
    note: str = ""
    options: dict = field(default_factory=dict)
    on_par: bool = True


@dataclass(kw_only=True)
class Study:
    """One data set, with everything needed to compare candidates on it.

    A room that needs more derives a dataclass of its own from it.

    Parameters
    ----------
    name, title, story : str
        A short name, a heading and a few sentences on the data and the split.
    frame : pandas.DataFrame of shape (n_samples, n_columns)
        The columns to predict from.
    columns : skweight._cli.columns.Columns
        Their kinds.
    target : ndarray of shape (n_samples,)
        What to predict.
    weights : ndarray of shape (n_samples,) or None
        Row weights with mean 1.
    splits : list of (train, test)
        Row numbers.
    candidates : list of Candidate
        The models.
    measures : list of Measure
        The scores, the most important first.
    overlap : float
        Test rows per training row where training sets overlap, 0 where they do not: widens
        the standard error of a difference (Nadeau and Bengio, 2003).
    notes : list of str
        What the reader should know.
    twins : dict, default={}
        What two candidates are that differ in one thing alone, to their names, ours first. Each
        pair gets a verdict of its own, by the first measure.
    """

    name: str
    title: str
    story: str
    frame: object
    columns: object
    target: np.ndarray
    weights: np.ndarray | None
    splits: list
    candidates: list
    measures: list
    overlap: float
    notes: list = field(default_factory=list)
    twins: dict = field(default_factory=dict)


@dataclass
class Outcome:
    """What came out of one study.

    Parameters
    ----------
    study : Study
        What was compared.
    scores : dict
        Candidate name to a dict of measure key to ndarray of shape (n_splits,).
    seconds : dict
        Candidate name to ndarray of shape (n_splits,): of one fit, preprocessing included.
    kept : dict
        Candidate name to a list with one dict of arrays for each split.
    notes : list of str
        Failures, warnings and an early end.
    fitted : object
        The candidate under test, fitted.
    n_fitted : int
        On how many rows.
    """

    study: Study
    scores: dict
    seconds: dict
    kept: dict
    notes: list = field(default_factory=list)
    fitted: object = None
    n_fitted: int = 0

    @property
    def ours(self):
        """The candidate under test: the first of ours."""
        return next(candidate for candidate in self.study.candidates if candidate.ours)

    def mean(self, name, key):
        """Mean score over splits, NaN where the candidate has none."""
        values = self.scores.get(name, {}).get(key)
        return np.nan if values is None else float(np.mean(values))


@dataclass(frozen=True)
class Verdict:
    """Ours beside the best of the others, by one measure.

    Parameters
    ----------
    measure : Measure
        The score.
    ours, theirs : str
        Names of the two candidates.
    our_score, their_score : float
        Means over splits.
    margin : float
        How much better ours is (negative: worse), in units of the score.
    error : float
        Standard error of the margin, from its spread over splits.
    kind : {"better", "level", "worse"}
        Level: zero lies in the margin's 95 % interval.
    """

    measure: Measure
    ours: str
    theirs: str
    our_score: float
    their_score: float
    margin: float
    error: float
    kind: str


def evaluate(study, room, step=lambda text: None, deadline=None, refit=True):
    """Compare the candidates of a study.

    Parameters
    ----------
    study : Study
        What to compare.
    room : module
        Gives ``fit`` and ``measure``.
    step : callable, default=do nothing
        Called with a text before each fit.
    deadline : float, default=None
        No third or later split begins after this value of ``time.monotonic()``.
    refit : bool, default=True
        Whether `Outcome.fitted` is fitted on all rows, or is the fit of the last split.

    Returns
    -------
    Outcome
        Scores on the splits that were completed.
    """
    names = [candidate.name for candidate in study.candidates]
    outcome = Outcome(study, {n: {} for n in names}, {n: [] for n in names}, {n: [] for n in names})
    failed, complaints, n_done = {}, {}, 0
    for train, test in study.splits:
        if n_done >= 2 and deadline is not None and time.monotonic() > deadline:
            outcome.notes.append(
                f"stopped after {n_done} of {len(study.splits)} splits to keep to the time limit"
            )
            break
        with remembering():
            for candidate in study.candidates:
                step(f"{study.name}: {candidate.name}")
                if candidate.name not in failed:
                    _one(outcome, room, candidate, train, test, failed, complaints)
        n_done += 1
    for name, error in failed.items():
        outcome.scores.pop(name), outcome.seconds.pop(name), outcome.kept.pop(name)
        outcome.notes.append(f"{name} failed and is left out: {error}")
    for (name, text), n_splits in complaints.items():
        outcome.notes.append(f"{name}, {n_splits} of {n_done} fits: {text}")
    for scores in outcome.scores.values():
        scores.update({key: np.array(values) for key, values in scores.items()})
    outcome.seconds = {name: np.array(values) for name, values in outcome.seconds.items()}
    step(f"{study.name}: {outcome.ours.name}, all rows" if refit else f"{study.name}: done")
    if not refit:
        return outcome
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome.fitted = room.fit(outcome.ours, study, np.arange(len(study.target)))
        outcome.n_fitted = len(study.target)
    return outcome


def _one(outcome, room, candidate, train, test, failed, complaints):
    """Fit and score one candidate on one split; only ours must not fail."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _fit_and_score(outcome, room, candidate, train, test)
    except Exception as error:
        if candidate is outcome.ours:
            told = f"{candidate.name} failed on {outcome.study.name}: {error}"
            raise CommandError(told) from error
        failed[candidate.name] = error
    else:
        _remember(complaints, candidate, caught)


def _fit_and_score(outcome, room, candidate, train, test):
    with timed() as seconds:
        fitted = room.fit(candidate, outcome.study, train)
    if candidate is outcome.ours:
        outcome.fitted, outcome.n_fitted = fitted, len(train)
    scores, kept = room.measure(fitted, candidate, outcome.study, test)
    outcome.seconds[candidate.name].append(seconds())
    outcome.kept[candidate.name].append(kept)
    for key, value in scores.items():
        outcome.scores[candidate.name].setdefault(key, []).append(float(value))


def _remember(complaints, candidate, caught):
    from sklearn.exceptions import ConvergenceWarning

    texts = {
        str(warning.message).strip().partition("\n")[0]
        for warning in caught
        if issubclass(warning.category, ConvergenceWarning)
    }
    for text in texts:
        complaints[candidate.name, text] = complaints.get((candidate.name, text), 0) + 1


def best_candidate(outcome):
    """Give the candidate with the best mean of the first measure."""
    measure = outcome.study.measures[0]
    sign = 1 if measure.better == "lower" else -1
    scored = [c for c in outcome.study.candidates if measure.key in outcome.scores.get(c.name, {})]
    return min(scored, key=lambda candidate: sign * outcome.mean(candidate.name, measure.key))


def verdicts(outcome):
    """Put ours beside the best of the others, measure by measure, and beside its twins.

    The best of the others is picked by the very score that it is shown with, ours is one
    fixed candidate: what selection there is favours the others.

    Parameters
    ----------
    outcome : Outcome
        What came out of a study.

    Returns
    -------
    list of Verdict
        One for each measure that has a better end, and that ours and another have; then one for
        each pair of twins.
    """
    study, found = outcome.study, []
    others = [c.name for c in study.candidates if not c.ours and c.on_par]
    for measure in study.measures:
        if measure.better is not None:
            found.append(_verdict(outcome, measure, measure.ours or outcome.ours.name, others))
    for what, (ours, theirs) in study.twins.items():
        measure = replace(study.measures[0], name=f"{study.measures[0].name} {what}")
        found.append(_verdict(outcome, measure, ours, [theirs]))
    return [verdict for verdict in found if verdict is not None]


def _verdict(outcome, measure, ours, others):
    """Compare ours with the best of the others, None if one side has no score."""
    key, sign = measure.key, 1 if measure.better == "lower" else -1
    others = [name for name in others if key in outcome.scores.get(name, {})]
    if not others or key not in outcome.scores.get(ours, {}):
        return None
    theirs = min(others, key=lambda name: sign * outcome.mean(name, key))
    margins = sign * (outcome.scores[theirs][key] - outcome.scores[ours][key])
    margin, error = float(margins.mean()), _standard_error(margins, outcome.study.overlap)
    level = abs(margin) <= _quantile(len(margins)) * error
    kind = "level" if level else "better" if margin > 0 else "worse"
    scores = outcome.mean(ours, key), outcome.mean(theirs, key)
    return Verdict(measure, ours, theirs, *scores, margin, error, kind)


def _quantile(n_splits):
    """Half the width of a 95 % interval in standard errors: Student's, as splits are few."""
    from scipy.stats import t

    return float(t.ppf(0.975, max(n_splits - 1, 1)))


def _standard_error(margins, overlap):
    if len(margins) < 2:
        return np.inf
    return float(margins.std(ddof=1) * np.sqrt(1 / len(margins) + overlap))
