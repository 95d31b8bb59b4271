"""The pieces of `python -m benchmarks.distillation` agree with each other and still run."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel

common = pytest.importorskip("benchmarks._distillation_common", reason="run from the repository")

from benchmarks import _distillation_accuracy as accuracy  # noqa: E402
from benchmarks import _distillation_digits as digits  # noqa: E402
from benchmarks import _distillation_large as large  # noqa: E402
from benchmarks import _distillation_peers as peers  # noqa: E402
from benchmarks import _distillation_search as search  # noqa: E402
from benchmarks import _distillation_sets as sets  # noqa: E402
from benchmarks import _distillation_steps as steps  # noqa: E402


class Verdicts(dict):
    def check(self, what, measured, met):
        self[what] = bool(met)


def cells(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_refits_scale_the_seconds_of_those_that_run(monkeypatch):
    calls = []

    class Peer:
        def fit(self, X, y):
            calls.append(y)

        def predict(self, X):
            return np.ones(len(X))

    monkeypatch.setattr(common, "clock", lambda task: (2.0, task()))
    y = np.array([3.0, 5.0])
    seconds, _ = common.refits(Peer(), np.zeros((2, 1)), y, n_steps=10, timed=2)
    assert seconds == 2.0 * 10 + 2.0 * 9
    assert_allclose(calls, [y, 0.3 * y + 0.7])
    calls.clear()
    assert common.refits(Peer(), np.zeros((2, 1)), y, n_steps=3)[0] == 2.0 * 3 + 2.0 * 2
    assert len(calls) == 3


def test_medians_take_seconds_that_a_task_has_measured_itself():
    values = iter([5.0, 1.0, 3.0])
    assert common.medians({"a": lambda: next(values)}, repeats=3) == {"a": 3.0}


def test_peers_fit_the_same_steps(monkeypatch):
    monkeypatch.setattr(steps, "draw", lambda n: common.draw(n, p=3))
    seconds, apart = steps.race(60, repeats=1)
    assert seconds.keys() >= {"steps", peers.KERNEL_RIDGE, "one step", "one fit"}
    assert apart < 1e-12


def test_gpytorch_predicts_what_kernel_ridge_does():
    pytest.importorskip("gpytorch", reason="gpytorch is not installed")
    X, y = common.draw(50, p=3)
    new, _ = common.draw(20, p=3, seed=1)
    contestants = peers.refit_peers(0.1, 0.2)
    expected = contestants[peers.KERNEL_RIDGE].fit(X, y).predict(new)
    found = contestants[peers.GPYTORCH].fit(X, y).predict(new)
    assert_allclose(found, expected, rtol=1e-10)


def test_himalaya_predicts_what_kernel_ridge_does():
    pytest.importorskip("himalaya", reason="himalaya is not installed")
    X, y = common.draw(50, p=3)
    found = peers.himalaya_cv([0.1], 0.2).fit(X, y).predict(X)
    expected = KernelRidge(alpha=0.1, kernel="rbf", gamma=0.2).fit(X, y).predict(X)
    assert_allclose(found, expected, rtol=1e-8)


@pytest.mark.parametrize("targets", [1, 2])
def test_penalty_by_leave_one_out_is_that_of_explicit_deletion(targets):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(15, 2)), rng.normal(size=(15, targets))
    alphas = (0.1, 1.0)
    expected = []
    for alpha in alphas:
        model = KernelRidge(alpha=alpha, kernel="rbf", gamma=0.5)
        squares = []
        for i in range(len(X)):
            others = np.arange(len(X)) != i
            fitted = model.fit(X[others], Y[others]).predict(X[[i]])
            squares.append(((fitted - Y[[i]]) ** 2).mean())
        expected.append(np.mean(squares))
    found = peers.KernelRidgeLOO(alphas, 0.5).fit(X, Y)
    assert_allclose(found.mse_, expected, rtol=1e-10)
    assert found.alpha_ == alphas[int(np.argmin(expected))]


def test_table_and_verdicts_of_steps():
    seconds = {"steps": 2.0, "one step": 1.0, "one fit": 0.5}
    seconds |= dict.fromkeys(peers.refit_peers(1.0, 1.0), 9.0)
    many, one = steps.tables({1000: (seconds, 1e-15), 4000: (seconds, None)})
    rows = cells(many)
    assert rows[2][:3] == ["1,000", "2.0", "9.0"]
    assert rows[2][-1] == "1e-15"
    assert rows[3][-1] == ""
    assert "4.5" in rows[2]
    assert cells(one)[2] == ["1,000", "1.0", "0.50", "2.00"]
    verdicts = Verdicts()
    steps.check({1000: (seconds, 1e-15), 4000: (seconds, None)}, verdicts)
    assert list(verdicts.values()) == [True, False, False]  # 4.5 of 4 and of 5, and 2 of 1.3


def test_searches_run():
    alphas = np.array([0.1, 1.0])
    seconds = search.kernel_race(40, alphas, repeats=1)
    assert {search.STEPS, search.REFITS} <= seconds.keys()
    models = dict.fromkeys(seconds, "two")
    rows = cells(search.table({search.STEPS: 2.0, search.REFITS: 5.0}, models))
    assert rows[3] == [search.REFITS, "two", "5.0", "2.5"]
    assert "RidgeCV" in search.linear_race(60, 3, alphas, repeats=1)


@pytest.mark.parametrize(("names", "sizes"), [(large.NYSTROEM, (80, 10)), (large.LANCZOS, (60,))])
def test_contestants_of_many_rows_predict_the_same(names, sizes):
    fitted = [large.CONTESTANTS[name](*sizes)[1] for name in names]
    assert len(fitted[0]) == large.SHOWN
    for other in fitted[1:]:
        assert_allclose(other, fitted[0], atol=1e-7)


def test_verdicts_of_many_rows():
    seconds, memory = {"ours": 2.0, "refits": 9.0}, {"ours": 5.0, "refits": 9.0}
    verdicts = Verdicts()
    large.check("four", 4, seconds, memory, verdicts)
    large.check("five", 5, seconds, memory, verdicts)
    large.check("memory", 4, seconds, {"ours": 7.0, "refits": 1.0}, verdicts)
    assert list(verdicts.values()) == [True, False, False]
    assert cells(large.table(seconds, memory))[3] == ["refits", "9.0", "4.5", "9.0"]


def test_digits_by_step_are_those_of_refits():
    alpha, weight = list(digits.REFERENCE)[1]
    X, y, X_test, y_test = digits.split(3)
    K, K_test = (rbf_kernel(rows, X, gamma=digits.GAMMA) for rows in (X, X_test))
    onehot = (y[:, None] == np.arange(10)) - 0.1
    targets, expected = onehot, []
    for _ in range(2):
        dual = np.linalg.solve(K + alpha * np.eye(len(y)), targets)
        expected.append(((K_test @ dual).argmax(axis=1) == y_test).mean())
        targets = weight * onehot + (1 - weight) * K @ dual
    assert_allclose(digits.accuracies(3, n_steps=2)[1], expected)


def test_tables_of_digits():
    known = np.array(list(digits.REFERENCE.values()))
    text, apart = digits.accuracy_table(known[:, :2] + [[0.0, 0.002]])
    assert_allclose(apart, 0.002)
    assert cells(text)[2] == ["0.1", "0", "measured", "0.888", "0.939"]
    found = np.array([[[0.8, 0.1, 1], [0.9, 0.1, 2]], [[0.7, 1, 1], [0.7, 0.1, 4]]])
    rows = cells(digits.chosen_table({"two": found}))
    assert rows[2] == ["two", "penalty alone", "0.750", "0.1 to 1", "1"]
    assert rows[3][2:] == ["0.800", "0.1", "2 to 4"]
    assert rows[4][2] == "+0.050 ± 0.050"


def test_sets_are_standardised_by_training_rows_and_tested_without_noise(monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(3, 5, size=(200, 2)), rng.normal(7, 2, size=200)
    monkeypatch.setitem(sets.SETS, "toy", lambda: (X, y))
    clean, noisy = (sets.split("toy", 0, noise, rows=120) for noise in (0.0, 2.0))
    assert [len(part) for part in clean] == [120, 120, 80, 80]
    assert_allclose(clean[0].mean(axis=0), 0, atol=1e-12)
    assert_allclose(clean[1].std(), 1)
    assert_allclose(noisy[1].mean(), 0, atol=1e-12)
    assert 1.5 < (noisy[1] - clean[1]).std() < 2.5
    shift = noisy[3] - clean[3]  # the mean of the noisy targets alone
    assert_allclose(shift, shift[0])


def test_studies_of_accuracy(monkeypatch):
    rng = np.random.default_rng(0)
    monkeypatch.setitem(
        sets.SETS, "pure noise", lambda: (rng.normal(size=(60, 2)), rng.normal(size=60))
    )
    one = accuracy.study("pure noise", 1.0, (0.1, 1.0), seeds=2)
    assert one.errors.shape == (2, len(accuracy.METHODS))
    assert set(one.chosen[:, 0]) <= {0.1, 1.0}
    table = cells(accuracy.table({("toy", 1.0): one}))
    assert table[2][:2] == ["toy", "noise"]
    assert len(table[2]) == len(table[0])


def test_verdicts_of_accuracy():
    def study(*errors):
        columns = np.ones((2, len(accuracy.METHODS)))
        columns[:, accuracy.METHODS.index(accuracy.KERNEL)] = errors
        return accuracy.Study(columns, np.ones((2, 2)))

    names = (accuracy.KERNEL, accuracy.KERNEL_RIDGE)
    assert [study(*e).verdict(*names) for e in ((0.8, 0.9), (1, 1), (0.9, 1.2), (1.1, 1.2))] == [
        "win", "level", "level", "loss",
    ]  # fmt: skip
    alone = np.full(20, 1.0)
    alone[3] = 1.1  # mean and standard error are equal
    columns = np.column_stack([alone, *[np.ones(20)] * (len(accuracy.METHODS) - 1)])
    assert accuracy.Study(columns, np.ones((20, 2))).verdict(*names) == "level"
    assert study(1 + 1e-15, 1 + 1e-15).difference(*names) == (0.0, 0.0)
    verdicts = Verdicts()
    accuracy.check("fine", {("a", 0.0): study(0.8, 0.9)}, verdicts)
    accuracy.check("coarse", {("a", 0.0): study(0.8, 0.9), ("b", 1.0): study(1.1, 1.2)}, verdicts)
    assert list(verdicts.values()) == [True, False]
