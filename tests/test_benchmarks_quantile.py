"""The pieces of `python -m benchmarks.quantile` agree with each other and still run."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import QuantileRegressor

forecasts = pytest.importorskip("benchmarks._quantile_forecasts", reason="run from the repository")

from benchmarks import _quantile_race as races  # noqa: E402
from benchmarks import _quantile_real_data as real  # noqa: E402
from benchmarks import _quantile_rivals as rivals  # noqa: E402
from benchmarks import _quantile_tables as tables  # noqa: E402
from benchmarks import _timing  # noqa: E402
from skweight.metrics import weighted_interval_score  # noqa: E402
from skweight.quantile import quantile_stacking_weights  # noqa: E402
from skweight.quantile._weights import combine  # noqa: E402


class Verdicts(dict):
    def check(self, what, measured, met):
        self[what] = bool(met)


def objective(Q, y, levels, weights):
    forecast = combine(Q, weights, np.zeros(len(levels)))
    return weighted_interval_score(y, forecast, quantiles=levels)


@pytest.mark.parametrize("weighting", ["coarse", "medium", "fine"])
def test_every_solver_solves_the_same_programme(weighting):
    Q, y, levels = forecasts.draw(120, 3, 5)
    best = quantile_stacking_weights(Q, y, levels, weighting=weighting).objective
    for solve in (rivals.highs, rivals.highs_dual):
        weights = solve(Q, y, levels, weighting)
        assert_allclose(objective(Q, y, levels, weights), best, rtol=1e-7)
    peers = {"cvxpy": rivals.clarabel, "highspy": rivals.highs_without_crossover}
    for package, solve in peers.items():
        pytest.importorskip(package, reason=f"{package} is not installed")
        weights = solve(Q, y, levels, weighting)
        assert_allclose(objective(Q, y, levels, weights), best, rtol=1e-6)


def test_highs_on_tight_rows_is_as_good_as_on_all():
    Q, y, levels = forecasts.draw(120, 3, 9)
    found = quantile_stacking_weights(Q, y, levels, noncrossing=True)
    free = quantile_stacking_weights(Q, y, levels).objective
    assert found.objective > free * (1 + 1e-6)  # the constraint binds
    forecast = combine(Q, found.weights, 0.0)
    tight = np.flatnonzero((np.diff(forecast, axis=1) < 1e-6).any(axis=1))
    for rows in (tight, np.arange(len(y))):
        weights = rivals.highs(Q, y, levels, "medium", rows)
        assert_allclose(objective(Q, y, levels, weights), found.objective, rtol=1e-7)


def test_greedy_selection_is_no_better_than_the_optimum_and_finds_the_best_first():
    Q, y, levels = forecasts.draw(300, 4, 5)
    single = np.argmin([weighted_interval_score(y, q, quantiles=levels) for q in Q.swapaxes(0, 1)])
    assert_allclose(rivals.greedy(Q, y, levels, "coarse", rounds=1), np.eye(4)[single])
    weights = rivals.greedy(Q, y, levels, "coarse")
    best = quantile_stacking_weights(Q, y, levels, weighting="coarse").objective
    assert_allclose(weights.sum(), 1)
    assert best * (1 - 1e-9) <= objective(Q, y, levels, weights) < best * 1.001


def test_linear_base_is_the_quantile_regression_of_sklearn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, 2.0, 0.0] + rng.normal(size=200)
    levels = np.array([0.1, 0.5, 0.75])
    ours = forecasts.linear(X, y, X[:9], levels, 0)
    for k, level in enumerate(levels):
        theirs = QuantileRegressor(quantile=level, alpha=0).fit(X, y).predict(X[:9])
        assert_allclose(ours[:, k], theirs, atol=1e-6)


def test_a_race(monkeypatch):
    monkeypatch.setattr(_timing, "_ENOUGH_SECONDS", 0.0)
    cell = races.race("simulated", 60, 3, "coarse", None, (races.IPM, races.DUAL, races.GREEDY))
    assert abs(cell.difference(races.IPM)) < 1e-7
    assert cell.difference(races.GREEDY) > -1e-9
    for table in (races.seconds_table, races.ratio_table, races.accuracy_table):
        lines = table([cell]).splitlines()
        assert len(lines) == 3
        assert lines[2].startswith("| simulated | 60 x 6 x 3")


def toy(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(150, 2))
    return X, X[:, 0] + rng.normal(size=150)


def test_scores_and_their_tables(monkeypatch):
    pytest.importorskip("mapie", reason="mapie is not installed")
    monkeypatch.setattr(real, "SETS", {"toy": toy})
    cheap = {
        forecasts.FOREST: forecasts.linear,
        forecasts.BOOSTING: forecasts.neighbours,
        "linear quantile regression": forecasts.linear,
    }
    monkeypatch.setattr(forecasts, "BASES", cheap)
    monkeypatch.setattr(real, "BASES", cheap)
    monkeypatch.setattr(real, "METHODS", (*real.AGGREGATES, *cheap))
    study = real.run("toy", 2)
    assert study.shape == (150, 2)
    assert study.margin_error < 1e-12
    for repaired in (real.SORTED, real.PAVA):
        assert (study.scores[:, :, repaired] <= study.scores[:, :, real.RAW] + 1e-12).all()
    assert len(tables.scores_table(study).splitlines()) == len(real.METHODS) + 2
    assert "fine - medium" in tables.pairs_table({"toy": study})
    assert len(tables.coverage_table(study).splitlines()) == 2 * len(real.CALIBRATED) + 2
    verdicts = Verdicts()
    tables.check({"concrete": study}, verdicts)
    study.scores[:, real.METHODS.index(real.FINE), real.RAW] = 1e3
    study.margin_error = 1e-3
    worse = Verdicts()
    tables.check({"concrete": study}, worse)
    (order,) = [line for line in worse if line.startswith("concrete: mean raw WIS")]
    (margins,) = [line for line in worse if line.startswith("margins")]
    assert not worse[order]
    assert verdicts[margins]
    assert not worse[margins]
