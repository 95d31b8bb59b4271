"""The pieces of `python -m benchmarks.privacy` agree with each other and still run."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

peers = pytest.importorskip("benchmarks._privacy_peers", reason="run from the repository")
pytest.importorskip("cryptography", reason="cryptography is not installed")
pytest.importorskip("opendp", reason="opendp is not installed")

from benchmarks import _privacy_classifier as classes  # noqa: E402
from benchmarks import _privacy_density as densities  # noqa: E402
from benchmarks import _privacy_distances as distances  # noqa: E402
from benchmarks import _privacy_environment as environments  # noqa: E402
from benchmarks import _privacy_kernels as kernels  # noqa: E402
from benchmarks import _privacy_noise as noise  # noqa: E402
from benchmarks import _privacy_queries as queries  # noqa: E402
from benchmarks import _timing, privacy  # noqa: E402


class Verdicts(dict):
    def check(self, what, measured, met):
        self[what] = bool(met)


@pytest.fixture
def quickly(monkeypatch):
    monkeypatch.setattr(_timing, "_ENOUGH_SECONDS", 0.0)


def test_exact_answers_are_those_of_brute_force():
    X, Y = distances.draw(300, 4, 0)
    truth = cdist(Y, X, "cityblock").sum(axis=1)
    assert_allclose(peers.exact_sums(X, Y), truth)
    assert_allclose(queries.SortedColumns(X).distance_sum(Y), truth)
    assert_allclose(queries.compiled_scan(X, Y[:3]), truth[:3])
    assert_allclose(queries.scan(X, Y[:3]), truth[:3])


def test_peers_without_noise_read_rows_as_the_middles_of_cells():
    X, Y = distances.draw(500, 3, 1)
    middles = (np.floor(X * 64) + 0.5) / 64
    truth = cdist(Y, middles, "cityblock").sum(axis=1)
    assert_allclose(peers.CellSums(peers.cell_counts(X, 64)).distance_sum(Y), truth)
    flat = peers.flat_counts(X, 1e4, 64, np.random.default_rng(0))
    assert_array_equal(flat, peers.cell_counts(X, 64))
    tree = peers.CellSums(peers.opendp_counts(X, 1e6, 64))
    assert_allclose(tree.distance_sum(Y), truth, rtol=1e-3)


def test_flat_histogram_spends_its_share_of_epsilon_on_each_column():
    X = np.full((100, 2), 0.5)
    rng = np.random.default_rng(0)
    errors = [peers.flat_counts(X, 1.0, 64, rng) - peers.cell_counts(X, 64) for _ in range(200)]
    # Variance of discrete Laplace noise of scale 2, one over half of epsilon.
    assert_allclose(np.var(errors), 0.5 / np.sinh(1 / 4) ** 2, rtol=0.05)


def test_float_features_have_the_noise_of_their_formula_and_no_bias():
    X, Y = kernels.draw(400, 3)
    truth = kernels.exact_sums("gaussian", 0.5, X, Y)
    rng = np.random.default_rng(0)
    many = peers.FloatFeatures(20_000, 0.5, rng).fit(X)
    assert_allclose(many.kernel_sum(Y, many.publish(np.inf)), truth, atol=0.03 * len(X))
    some = peers.FloatFeatures(1000, 0.5, rng).fit(X)
    noise = some.publish(1.0) - some.publish(np.inf)
    # Laplace noise has sqrt(2) times its scale as its deviation.
    assert_allclose(noise.std(), 2 * 1000 / len(X), rtol=0.15)


def test_numpy_sums_of_features_do_not_depend_on_blocks():
    X = np.random.default_rng(0).random((100, 5))
    W = np.random.default_rng(1).normal(size=(5, 7))
    truth = np.stack([np.cos(X @ W).sum(axis=0), np.sin(X @ W).sum(axis=0)])
    for size in (16, 100, 1000):
        assert_allclose(peers.feature_sums(X, W, size), truth)


def test_prefix_counts_from_slopes_are_counts_of_rows():
    X, _ = distances.draw(3000, 1, 2)
    found = distances.prefix_counts(X, 1e6, 8)
    truth = distances.middle_prefixes(peers.cell_counts(X, 256)[0])
    assert_allclose(found, truth, atol=0.5)


def test_errors_of_releases_fall_with_epsilon():
    little = distances.errors(1000, 1, 0.1, 2, 2)
    much = distances.errors(1000, 1, 10.0, 2, 2)
    assert set(little) == {
        distances.OURS,
        distances.HINT,
        distances.FLAT,
        distances.BEST,
        distances.TREE,
        distances.RINGS,
    }
    for name in (distances.OURS, distances.FLAT, distances.TREE):
        assert np.mean(much[name]) < np.mean(little[name])
    assert np.mean(much[distances.BEST]) <= np.mean(much[distances.FLAT])


def test_ratio_has_the_standard_error_of_a_quotient():
    rng = np.random.default_rng(0)
    draws = rng.normal((2.0, 1.0), (0.1, 0.2), size=(2000, 20, 2))
    ratios = np.array([distances.ratio(*pair.T) for pair in draws])
    assert_allclose(ratios[:, 0].mean(), 2, rtol=0.01)
    assert_allclose(ratios[:, 1].mean(), ratios[:, 0].std(), rtol=0.1)


def test_targets_can_be_missed(monkeypatch):
    verdicts = Verdicts()
    monkeypatch.setattr(distances, "QUICK", ((1, 1000, 1),))
    monkeypatch.setattr(distances, "WITHIN", 1e-6)
    monkeypatch.setattr(distances, "BELOW_RINGS", 1e6)
    distances.one_column(True, verdicts)
    assert len(verdicts) == 2
    assert not any(verdicts.values())


def test_comparable_takes_the_quickest_that_is_as_accurate():
    found = {
        "1: slow": ([0.9, 0.8], 3.0, 0.1),
        "1: quick": ([0.8, 0.8], 2.0, 0.1),
        "1: bad": ([0.1, 0.1], 1.0, 0.1),
        "3: other": ([1.0, 1.0], 0.1, 0.1),
    }
    assert classes.comparable(found, 1.0, 0.75)[0] == "quick"
    assert classes.comparable(found, 1.0, 0.82)[0] == "slow"
    assert classes.comparable(found, 1.0, 0.99)[0] == "slow"


def test_no_environment_where_pip_fails(monkeypatch):
    def fail(command, **options):
        raise environments.subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(environments.subprocess, "run", fail)
    with environments.environment("nothing") as python:
        assert python is None
    assert classes.run_rivals("diffprivlib", ["nothing"], None, None, None) is None
    X, y, splits = classes.digits(2)
    assert splits.sum(axis=1).tolist() == [1257, 1257]
    table, note = classes.accuracy_table(X, y, splits, False, Verdicts())
    assert "could not install" in note
    assert len(table.splitlines()) == 6
    assert "could not install" in classes.gradient_text(X, y, splits, False, Verdicts())


def test_noise_of_all_kinds_is_timed(quickly):
    for kind in ("laplace", "gaussian"):
        rates = noise.rates(kind, 100, 1 << 12, 50)
        assert len(rates) == 4
        assert min(rates) > 0


def test_pieces_run(quickly, monkeypatch):
    assert len(queries.query_row(500, 3, 100)) == 7
    assert queries.publish(np.random.default_rng(0).random((500, 3)), "rings") > 1000
    X, _ = kernels.draw(200, 3)
    model = kernels.release(X, 0.5, 1.0, 1e-6, algorithm="features", n_features=64)
    noise_scale = model.standard_error(X[:1])[0]
    error = model.kernel_sum(X[:5]) - kernels.exact_features(model, X, X[:5])
    assert np.abs(error).max() < 6 * noise_scale
    seconds, asked, errors = densities.race(500, 2, 0.3)
    assert set(seconds) < set(asked)
    assert errors["ours"].max() < 0.2


def test_one_section_is_written(tmp_path, capsys):
    file = tmp_path / "report.md"
    privacy.main(["--quick", "--sections", "distances", "--output", str(file)])
    text = file.read_text(encoding="utf-8")
    assert "## Errors of distance sums" in text
    assert "targets met" in capsys.readouterr().out
