"""The optim room of the commands: ``compare --room optim``, ``predict``, the tour."""

import re

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from skweight._cli import rooms
from skweight._cli.columns import Columns
from skweight._cli.rooms import neural_models, optim, optim_models, optim_studies
from skweight._cli.saving import load_model
from skweight._cli.splits import cross_validation

pandas = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")
pytest.importorskip("torch")
pytest.importorskip("skorch")

from skweight.optim import NormalizedMLPRegressor  # noqa: E402

# Training ends early in these tests.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NAMES = ["Normalised, AdamP", "Normalised, AdamW", "Normalised, SGDP", "Normalised, SGD",
         "Bounded weights", "Perceptron", "Perceptron of scikit-learn", "Linear"]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def small_networks():
    """Train little: here the commands are tested, not the fits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neural_models, "LAYERS", (8,))
        patch.setattr(neural_models, "_MOST_EPOCHS", 12)
        yield


def table_of(n_rows=80):
    generator = np.random.default_rng(0)
    x, z, noise = generator.normal(size=(3, n_rows))
    return pandas.DataFrame(
        {"x": x.round(4), "z": z.round(4), "price": (x + 2 * z + noise).round(4)}
    )


def write(folder):
    table_of().to_csv(folder / "things.csv", index=False)


@pytest.fixture(scope="module")
def compared(run_once, small_networks):
    """The comparison of numbers, with the first network saved whoever is best."""
    from skweight._cli import compare

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "best_candidate", lambda outcome: outcome.ours)
        return run_once(
            write, "compare", "things.csv", "--target", "price", "--room", "optim",
            "--folds", "2", "--save", "m.joblib",
        )  # fmt: skip


def test_a_table_is_compared(compared):
    code, out, err, folder = compared
    assert code == 0, err
    assert "failed" not in out
    for name in NAMES:
        assert re.search(rf"^{re.escape(name)}{'( [*])?'} +\d", out, re.MULTILINE), name
    told = " ".join(out.split())
    for twins in ("of AdamP", "of SGDP", "of bounds"):
        assert f"squared error {twins}" in told
    assert "--room optim" in (folder / "skweight-report.html").read_text(encoding="utf-8")


def test_scores_by_hand(compared):
    """The network of a user, without the command."""
    _, out, _, _ = compared
    table, found = table_of(), []
    X, y = table[["x", "z"]].to_numpy(), table["price"].to_numpy()
    for train, test in cross_validation(y, 2, None, stratified=False):
        scaled = StandardScaler().fit(X[train]).transform(X)
        net = NormalizedMLPRegressor((8,), optimizer="sgdp", learning_rate_init=0.1, max_iter=12)
        net.set_params(early_stopping=True, random_state=0).fit(scaled[train], y[train])
        found.append(np.mean((net.predict(scaled[test]) - y[test]) ** 2))
    line = next(line for line in out.splitlines() if line.startswith("Normalised, SGDP"))
    (shown, *_) = re.findall(r"\d+\.\d+", line)
    assert float(shown) == pytest.approx(np.mean(found), abs=6e-5)


def test_the_saved_network_predicts(compared, run, tmp_path):
    _, out, _, folder = compared
    assert f"{NAMES[0]}, fitted on all rows: m.joblib" in out
    code, _, err = run("predict", folder / "m.joblib", folder / "things.csv")
    assert code == 0, err
    found = pandas.read_csv(tmp_path / "predictions.csv")["prediction"]
    pipeline = load_model(folder / "m.joblib")
    np.testing.assert_allclose(found, pipeline.predict(table_of()[["x", "z"]]))
    assert type(pipeline[-1]) is NormalizedMLPRegressor


def test_twins_differ_in_one_thing():
    table, rows = table_of(), np.arange(80)
    parts = {"name": "toy", "title": "Toy", "story": "A story.", "weights": None, "overlap": 0.0}
    parts |= {"frame": table[["x", "z"]], "columns": Columns(["x", "z"], [])}
    study = optim.study_of("classes", target=(table["price"] > 0).to_numpy().astype(str),
                           splits=[(rows[:60], rows[60:])], **parts)  # fmt: skip
    built = {c.name: c.build(study, rows)[-1].get_params() for c in study.candidates[:6]}
    changed = {
        twins: {name for name in built[one].keys() & built[other].keys()
                if built[one][name] != built[other][name]}
        for twins, (one, other) in optim_models.TWINS.items()
    }  # fmt: skip
    assert changed == {"of AdamP": {"optimizer"}, "of SGDP": {"optimizer"}, "of bounds": set()}
    assert not [name for pair in optim_models.TWINS.values() for name in pair if name not in built]


def test_the_study_of_the_tour():
    (build,) = optim_studies.studies(quick=True)
    study = build()
    trains = np.concatenate([train for train, _ in study.splits])
    assert len(np.unique(trains)) == len(trains)
    assert [candidate.name for candidate in study.candidates] == NAMES


def test_the_room_is_taken_for_no_target_by_itself():
    assert optim.suits(table_of()["price"]) is None
    assert rooms.load_room("optim") is optim
    assert set(rooms.ROOMS["optim"].packages) == {"torch", "skorch"}
