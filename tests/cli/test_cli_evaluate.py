"""Scores, verdicts and tables, on numbers small enough to check by hand."""

import io
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from skweight._cli import CommandError
from skweight._cli.evaluate import (
    Candidate,
    Measure,
    Outcome,
    Study,
    best_candidate,
    evaluate,
    verdicts,
)
from skweight._cli.progress import progress
from skweight._cli.table import honest_lines, number, render, sentence, verdict_table

LOW = Measure("loss", "loss", "lower", "")
HIGH = Measure("gain", "gain", "higher", "")


def study_of(*names, overlap=0.0, n_splits=4, ours="ours", measures=(LOW, HIGH)):
    candidates = [Candidate(name, None, ours=name == ours) for name in names]
    splits = [(np.arange(2), np.arange(2, 4))] * n_splits
    return Study(
        name="toy",
        title="Toy",
        story="A story.",
        frame=None,
        columns=None,
        target=np.array([0, 1, 0, 1]),
        weights=None,
        splits=splits,
        candidates=candidates,
        measures=measures,
        overlap=overlap,
    )


def outcome_of(scores, overlap=0.0):
    study = study_of(*scores, overlap=overlap)
    seconds = {name: np.ones(4) for name in scores}
    arrays = {n: {k: np.array(v, float) for k, v in s.items()} for n, s in scores.items()}
    return Outcome(study, arrays, seconds, {})


def test_a_clear_win_a_level_and_a_loss():
    outcome = outcome_of(
        {
            "ours": {"loss": [1, 1.1, 1, 1.1], "gain": [5, 6, 5, 6]},
            "a": {"loss": [2, 2.1, 2, 2.1], "gain": [8, 9, 8, 9]},
            "b": {"loss": [3, 3, 3, 3]},
        }
    )
    loss, gain = verdicts(outcome)
    assert (loss.kind, loss.theirs, loss.margin) == ("better", "a", pytest.approx(1))
    assert (gain.kind, gain.theirs, gain.margin) == ("worse", "a", pytest.approx(-3))


def test_a_margin_within_its_interval_is_level():
    values = np.array([0.3, 0.0, 0.2, 0.1])
    outcome = outcome_of({"ours": {"loss": [1, 1, 1, 1]}, "a": {"loss": 1 + values}})
    verdict = verdicts(outcome)[0]
    error = values.std(ddof=1) / 2
    assert verdict.margin == pytest.approx(values.mean())
    assert verdict.error == pytest.approx(error)
    # 2.32 standard errors: beyond the 1.96 of a normal, within the 3.18 of Student's t.
    assert 1.96 * error < values.mean() < 3.18 * error
    assert verdict.kind == "level"


def test_overlapping_training_rows_widen_the_error():
    values = np.array([0.30, 0.25, 0.20, 0.25])
    scores = {"ours": {"loss": [1, 1, 1, 1]}, "a": {"loss": 1 + values}}
    plain, wide = (verdicts(outcome_of(scores, overlap))[0] for overlap in (0, 0.25))
    assert wide.error == pytest.approx(plain.error * np.sqrt(2))


def test_the_best_of_the_others_is_picked_measure_by_measure():
    outcome = outcome_of(
        {
            "ours": {"loss": [1] * 4, "gain": [1] * 4},
            "a": {"loss": [2] * 4, "gain": [3] * 4},
            "b": {"loss": [3] * 4, "gain": [4] * 4},
        }
    )
    assert [verdict.theirs for verdict in verdicts(outcome)] == ["a", "b"]
    assert best_candidate(outcome).name == "ours"


def test_twins_get_verdicts_of_their_own():
    scores = {"ours": [1, 1.1, 1, 1.1], "more": [4, 4.2, 4, 4.2], "a": [2, 2.1, 2, 2.1]}
    outcome = outcome_of({name: {"loss": values} for name, values in scores.items()})
    outcome.study.twins = {"at noon": ("more", "a"), "at night": ("ours", "b"), "": ("gone", "a")}
    first, twin = verdicts(outcome)  # of those with scores
    assert (first.ours, first.theirs, first.kind) == ("ours", "a", "better")
    assert (twin.ours, twin.theirs, twin.kind) == ("more", "a", "worse")
    assert twin.measure.name == "loss at noon"
    assert sentence(twin, "toy") == (
        "On toy, ours does not win by loss at noon: 4.1000 against 2.0500 for a."
    )


def test_sentences_and_honest_lines():
    outcome = outcome_of(
        {
            "ours": {"loss": [1, 1.1, 1, 1.1], "gain": [5, 6, 5, 6]},
            "a": {"loss": [2, 2.1, 2, 2.1], "gain": [8, 9, 8, 9]},
        }
    )
    found = verdicts(outcome)
    assert (
        sentence(found[0], "toy")
        == "On toy, ours has the better loss: 1.0500 against 2.0500 for a."
    )
    assert (
        sentence(found[1], "toy")
        == "On toy, ours does not win by gain: 5.5000 against 8.5000 for a."
    )
    assert honest_lines([(outcome, found)]) == [
        "On toy, ours does not win by gain (5.5000 against 8.5000 for a)."
    ]
    assert verdict_table([(outcome, found)]).splitlines()[2].endswith("ours")


def test_numbers_are_readable():
    assert [number(x) for x in (0.12345678, 0.0123456, 12.345678, np.nan)] == [
        "0.1235",
        "0.01235",
        "12.35",
        "-",
    ]
    assert render(["a"], [["bbb"]], right={0}) == "  a\n---\nbbb"


def room_of(fit):
    def measure(fitted, candidate, study, test):
        return {"loss": float(fitted)}, {}

    return SimpleNamespace(fit=fit, measure=measure)


def test_a_candidate_that_fails_is_left_out_with_a_note():
    def fit(candidate, study, rows):
        if candidate.name == "theirs":
            raise ValueError("no luck")
        return 1.0

    outcome = evaluate(study_of("ours", "theirs"), room_of(fit))
    assert "theirs" not in outcome.scores
    assert outcome.notes == ["theirs failed and is left out: no luck"]
    assert verdicts(outcome) == []


def test_a_failure_of_ours_is_told():
    def fit(candidate, study, rows):
        raise ValueError("no luck")

    with pytest.raises(CommandError, match="ours failed on toy: no luck"):
        evaluate(study_of("ours"), room_of(fit))


def test_convergence_warnings_are_counted():
    from sklearn.exceptions import ConvergenceWarning

    def fit(candidate, study, rows):
        warnings.warn("slow going", ConvergenceWarning, stacklevel=1)
        return 1.0

    outcome = evaluate(study_of("ours", n_splits=3), room_of(fit))
    assert outcome.notes == ["ours, 3 of 3 fits: slow going"]


@pytest.mark.parametrize(("refit", "n_fitted"), [(True, 4), (False, 2)])
def test_the_fit_that_is_shown(refit, n_fitted):
    outcome = evaluate(study_of("ours"), room_of(lambda _, study, rows: len(rows)), refit=refit)
    assert outcome.fitted == outcome.n_fitted == n_fitted


def test_no_split_begins_after_the_deadline():
    outcome = evaluate(study_of("ours"), room_of(lambda *_: 1.0), deadline=0.0)
    assert len(outcome.seconds["ours"]) == 2
    assert outcome.notes == ["stopped after 2 of 4 splits to keep to the time limit"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("with_rich", [True, False])
def test_progress_on_a_terminal_leaves_nothing_behind(monkeypatch, with_rich):
    if with_rich:
        pytest.importorskip("rich")
    else:
        for name in [name for name in sys.modules if name.partition(".")[0] == "rich"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "rich", None)
    stream = Terminal()
    with progress(4, stream) as step:
        for number_of_step in range(4):
            step(f"part {number_of_step}")
    assert "/4" in stream.getvalue()
    assert stream.getvalue().isascii() != with_rich
    if not with_rich:
        assert stream.getvalue().endswith("\r")


def test_progress_in_a_log_is_at_most_ten_lines():
    stream = io.StringIO()
    with progress(1000, stream) as step:
        for _ in range(1000):
            step("part")
    assert 5 <= stream.getvalue().count("\n") <= 10
    assert "\r" not in stream.getvalue()
