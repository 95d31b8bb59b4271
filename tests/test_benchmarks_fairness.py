"""The pieces of `python -m benchmarks.fairness` agree with each other and still run."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

common = pytest.importorskip("benchmarks._fairness_common", reason="run from the repository")

from benchmarks import _fairness_compas as reference  # noqa: E402
from benchmarks import _fairness_contestants as contestants  # noqa: E402
from benchmarks import _fairness_frontier as frontier  # noqa: E402
from benchmarks import _fairness_motor as motor  # noqa: E402
from benchmarks import _fairness_peers as peers  # noqa: E402
from benchmarks import _fairness_rivals as rivals  # noqa: E402
from benchmarks import _fairness_sets as sets  # noqa: E402
from benchmarks import _fairness_values as values  # noqa: E402
from benchmarks import _timing  # noqa: E402
from skweight.datasets import make_motor_portfolio  # noqa: E402
from skweight.fairness import (  # noqa: E402
    concatenated_distance_covariance,
    dependence_score,
    distance_covariance,
)
from skweight.metrics import demographic_parity_gap  # noqa: E402


class Verdicts(dict):
    def check(self, what, measured, met):
        self[what] = bool(met)


@pytest.fixture
def quick_clock(monkeypatch):
    monkeypatch.setattr(_timing, "_ENOUGH_SECONDS", 0.0)
    turns = common.take_turns
    monkeypatch.setattr(values, "take_turns", lambda tasks, seconds=0: turns(tasks, 0, least=1))


def toy_rows(n=1500):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    rng = np.random.default_rng(0)
    race, sex = rng.integers(0, 3, size=n), rng.integers(0, 2, size=n)
    age = rng.integers(18, 80, size=n)
    X = rng.normal(size=(n, 4))
    X[:, 0] += sex
    X[:, 1] += race + (age - 50) / 15
    y = (rng.uniform(size=n) < 1 / (1 + np.exp(1 - X[:, 0] - 0.5 * X[:, 1]))).astype(int)
    sensitive = pandas.DataFrame(
        {
            "race": pandas.Categorical.from_codes(race, ["a", "b", "c"]),
            "sex": pandas.Categorical.from_codes(sex, ["f", "m"]),
            "age": age,
        }
    )
    return sets.Rows(X, y, sensitive)


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(sets, "SETS", {"toy": toy_rows})
    monkeypatch.setattr(sets, "SIZES", {"toy": (800, None)})


# ---------------------------------------------------------------- values


def test_sort_and_axpys_add_one_row_of_the_matrix_for_each_row():
    rng = np.random.default_rng(0)
    y, cell, M = rng.normal(size=50), rng.integers(0, 4, size=50), rng.normal(size=(4, 4))
    assert_allclose(rivals.sort_and_axpys(y, cell, M), M[cell].sum(axis=0))


def test_every_distance_is_formed_once(monkeypatch):
    X = np.random.default_rng(0).normal(size=(50, 3))
    sums = []

    def adding(rows, others, out):
        sums.append(cdist(rows, others, out=out).sum())

    monkeypatch.setattr(rivals, "cdist", adding)
    monkeypatch.setattr(rivals, "TILE", 16)
    rivals.distances_in_tiles(X)
    assert len(sums) == 4
    assert_allclose(sum(sums), cdist(X, X).sum())


def test_others_have_our_values():
    pytest.importorskip("dcor", reason="dcor is not installed")
    y, s = values.draw_numeric(300, 2)
    assert_allclose(rivals.dcor_naive(y, s), distance_covariance(y, s), rtol=1e-10)
    ours = distance_covariance(y, s[:, 0])
    assert_allclose(rivals.dcor_mergesort(y, s[:, 0]), ours, rtol=1e-10)
    assert_allclose(rivals.dcor_avl(y, s[:, 0]), ours, rtol=1e-10)


def test_automatic_differentiation_has_our_gradient():
    pytest.importorskip("torch", reason="torch is not installed")
    y, s = values.draw_numeric(60, 2)
    value, gradient = rivals.autograd(y, s)
    ours, slopes = distance_covariance(y, s, return_gradient=True)
    assert_allclose(value, ours, rtol=1e-10)
    assert_allclose(gradient, slopes, atol=1e-12)


def test_mixture_is_measured_as_the_public_function_measures_it():
    y, blocks = values.draw_mixture(2000)
    penalty = values.DependencePenalty(blocks)
    assert penalty.path == "cells"
    assert_allclose(penalty.value(y), concatenated_distance_covariance(y, blocks), rtol=1e-10)


def test_tables_of_values(quick_clock, monkeypatch):
    pytest.importorskip("dcor", reason="dcor is not installed")
    monkeypatch.setattr(values, "SIZES", (300, 500, 600))
    monkeypatch.setattr(values, "TARGET_SIZE", 600)
    monkeypatch.setattr(values, "CELLS_ROWS", 3000)
    monkeypatch.setattr(values, "DENSE_ROWS", 600)
    monkeypatch.setattr(values, "NAIVE_ROWS", 100)
    verdicts = Verdicts()
    assert len(values.one_attribute(False, verdicts).splitlines()) == 5
    assert len(values.cells(False, verdicts).splitlines()) == 3
    assert len(values.dense(False, verdicts).splitlines()) == 3
    assert len(values.naive(False).splitlines()) == 3
    assert len(verdicts) == 4
    assert verdicts["dense, n = 600, p = 8: less than 200 MB more memory"]


def test_turns_are_taken_and_the_first_is_not_timed():
    calls = []
    tasks = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    seconds = common.take_turns(tasks, seconds=0.0, least=2)
    assert calls == ["a", "b"] * 3
    assert list(seconds) == ["a", "b"]
    assert all(0 <= value < 1 for value in seconds.values())


def test_figures_are_means_and_standard_errors():
    assert common.figure([1.0, 3.0], ".1f") == "2.0 ± 1.0"
    assert np.isnan(common.mean_and_error([1.0])[1])


# ---------------------------------------------------------------- reference figures


def test_figures_are_compared_with_their_reference():
    exact = {s: np.tile(row, (3, 1)) for s, row in reference.REFERENCE.items()}
    verdicts = Verdicts()
    reference.check(reference.Study(exact), verdicts)
    assert list(verdicts.values()) == [True, True]
    for column, factor, expected in ((0, 1.03, [False, True]), (2, 1.3, [True, False])):
        changed = {s: values.copy() for s, values in exact.items()}
        changed[10][:, column] *= factor
        verdicts = Verdicts()
        reference.check(reference.Study(changed), verdicts)
        assert list(verdicts.values()) == expected
    assert len(reference.table(reference.Study(exact)).splitlines()) == 2 + len(exact)


def test_ranked_probability_score():
    rng = np.random.default_rng(0)
    claims, expected = rng.poisson(0.5, size=20), rng.uniform(0.1, 2.0, size=20)
    total = 0.0
    for y, mean in zip(claims, expected):
        below, probability = 0.0, np.exp(-mean)
        for k in range(11):
            below += probability
            probability *= mean / (k + 1)
            total += (below - (y <= k)) ** 2
    assert_allclose(motor.ranked_probability_score(claims, expected), total / 20)


def test_motor_figures_fall_and_are_compared():
    pytest.importorskip("pandas", reason="pandas is not installed")
    portfolio = make_motor_portfolio(6000, random_state=0)
    portfolio.sensitive_features = portfolio.sensitive_features[["gender", "region"]]
    study = motor.run(portfolio, (0, 10, 40), 2)
    for kind in (motor.RATES, motor.COUNTS):
        assert study.ratio(study.dependence, 40, kind) < 0.5
        assert study.ratio(study.variance, 40, kind) < study.ratio(study.variance, 10, kind)
    for column, part in ((1, study.dependence), (2, study.variance)):
        for strength in (0, 10, 40):
            for kind in (motor.RATES, motor.COUNTS):
                part[strength, kind] = 3 * np.full(2, motor.GLM[strength][column])
    verdicts = Verdicts()
    motor.check(study, verdicts)
    assert list(verdicts.values()) == [True, True]
    study.variance[40, motor.COUNTS] *= 1.6
    verdicts = Verdicts()
    motor.check(study, verdicts)
    assert list(verdicts.values()) == [True, False]
    figures, ratios = motor.tables(study)
    assert len(figures.splitlines()) == 5
    assert len(ratios.splitlines()) == 4


def test_a_sentence_where_the_motor_claims_are_missing(monkeypatch):
    pytest.importorskip("pandas", reason="pandas is not installed")
    monkeypatch.delenv("SKWEIGHT_DATA", raising=False)
    text = motor.section(True, Verdicts())
    assert "Not run here" in text
    assert "SKWEIGHT_DATA" in text


# ---------------------------------------------------------------- accuracy and dependence


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (0.5, np.nan),  # never so accurate
        (0.65, 9.0),
        (0.7, 5.0),  # the path passes .7 twice
        (0.75, 3.0),
        (0.8, 1.0),
        (2.0, 1.0),  # more accurate to the end
    ],
)
def test_ours_at_an_equal_level(wanted, expected):
    levels, figures = np.array([0.7, 0.6, 0.7, 0.8]), np.array([20.0, 13.0, 5.0, 1.0])
    assert_allclose(frontier.at_equal(levels, figures, wanted), expected)


def test_verdicts_need_two_standard_errors():
    assert peers.verdict(np.array([-1.0, -1.1, -0.9])) == "win"
    assert peers.verdict(np.array([1.0, 1.1, 0.9, np.nan])) == "lose"
    assert peers.verdict(np.array([-1.0, 1.1, 0.9])) == "tie"
    assert peers.verdict(np.array([np.nan])) == "-"


def test_figures_of_drawn_and_of_cut_labels():
    test = toy_rows(600)
    rng = np.random.default_rng(0)
    plain = contestants.ours(test, test, 0)[1]
    encoder = plain.sensitive_encoder_
    p = rng.uniform(size=600)
    cut = dict(zip(frontier.FIGURES, frontier.evaluate(p, test, encoder, False, rng)))
    labels = (p > 0.5).astype(float)
    assert_allclose(cut["error rate"], np.mean(labels != test.y))
    assert_allclose(cut["Brier score"], np.mean((p - test.y) ** 2))
    expected = dependence_score(labels, test.sensitive, encoder=encoder)
    assert_allclose(cut["CCdCov_U of labels"], expected)
    gap = demographic_parity_gap(labels, test.sensitive, kind="ks", n_bins=3)
    assert_allclose(cut["gap of labels"], gap)
    hard = dict(zip(frontier.FIGURES, frontier.evaluate(labels, test, encoder, True, rng)))
    assert hard["hard"] == 1.0
    assert np.isinf(hard["log-loss"])
    for name in ("error rate", "CCdCov_U of labels", "gap of labels"):
        assert_allclose(hard[name], cut[name])
    half = np.full(600, 0.5)
    drawn = dict(zip(frontier.FIGURES, frontier.evaluate(half, test, encoder, True, rng)))
    assert_allclose(drawn["error rate"], 0.5)
    assert drawn["gap of labels"] == 0.0


def test_splits_share_no_row_and_scale_by_training_rows(toy):
    rows = toy_rows()
    rows.X = np.column_stack([rows.X, np.arange(len(rows.y))])
    train, test = sets.split(rows, "toy", 0)
    assert_allclose(train.X.mean(axis=0), 0, atol=1e-12)
    assert_allclose(train.X.std(axis=0), 1)
    both = np.concatenate([train.X[:, -1], test.X[:, -1]])
    assert len(np.unique(both)) == len(rows.y)
    shares = [part.sensitive["race"].value_counts(normalize=True) for part in (train, test)]
    assert_allclose(shares[0].sort_index(), shares[1].sort_index(), atol=0.01)


def test_our_probabilities_do_not_look_at_new_attributes_and_those_with_them_do():
    train, test = toy_rows(), toy_rows(300)
    swapped = sets.Rows(test.X, test.y, test.sensitive[::-1].reset_index(drop=True))
    for name, looks in ((contestants.OURS, False), (contestants.OURS_WITH, True)):
        before = contestants.predict(name, train, test, 3)
        after = contestants.predict(name, train, swapped, 3)
        assert np.array_equal(before, after) is not looks


@pytest.mark.parametrize("name", [contestants.REMOVER, contestants.EQUIPY])
def test_those_who_need_attributes_start_from_the_plain_model(name):
    package = "fairlearn" if name == contestants.REMOVER else "equipy"
    pytest.importorskip(package, reason=f"{package} is not installed")
    train, test = toy_rows(), toy_rows(300)
    plain = contestants.logistic(len(train.y)).fit(train.X, train.y).predict_proba(test.X)[:, 1]
    nothing = 0.0 if name == contestants.REMOVER else 1.0
    assert_allclose(contestants.predict(name, train, test, nothing), plain, atol=1e-6)
    everything = contestants.predict(name, train, test, 1.0 - nothing)
    assert np.abs(everything - plain).max() > 0.01


def test_a_study_its_tables_and_its_verdicts(toy):
    for package in ("fairlearn", "equipy"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    knobs = {
        contestants.OURS: (0, 3, 30, 300),
        contestants.OURS_WITH: (0, 30),
        contestants.REMOVER: (1.0,),
        contestants.EQUIPY: (0.0,),
        contestants.GRADIENT: (0.1,),
    }
    study = frontier.run("toy", 2, knobs)
    assert study.sizes == (800, 4, 700)
    assert min(study.smallest) >= 30
    dependence = study.of(contestants.OURS, frontier.DEPENDENCE)
    assert dependence.shape == (2, 4)
    assert (np.diff(dependence.mean(axis=0)) < 0).all()
    text = peers.describe(study, "toy")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == (1 + 9) + (1 + 2) + (1 + 1) + (1 + 1)
    verdicts = Verdicts()
    peers.check(study, "toy", verdicts)
    assert len(verdicts) == 6
    (name,) = [line for line in verdicts if "lower CCdCov_U than CorrelationRemover" in line]
    column = frontier.FIGURES.index(frontier.DEPENDENCE)
    for ours, expected in ((-1.0, True), (1.0, False)):
        study.figures[contestants.OURS_WITH][:, :, column] = ours
        peers.check(study, "toy", verdicts)
        assert verdicts[name] is expected


def test_contestants_without_their_package_are_left_out(monkeypatch):
    monkeypatch.setattr(contestants.importlib.util, "find_spec", lambda name: None)
    assert_array_equal(list(contestants.installed()), [contestants.OURS, contestants.OURS_WITH])
