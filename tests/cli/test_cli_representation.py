"""The representation room of the commands: ``compare --room representation``, the tour."""

import re

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from skweight._cli import rooms
from skweight._cli.rooms import representation, representation_models, representation_studies
from skweight._cli.splits import cross_validation
from skweight.metrics import recall_at_k

pandas = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")
pytest.importorskip("torch")
pytest.importorskip("skorch")

# Training ends early in these tests.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NAMES = [representation_models.DEEP, representation_models.LINEAR, "Columns as they are", "PCA",
         "NCA"]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def small_models():
    """Train little: here the commands are tested, not the fits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(representation_models, "_MOST_EPOCHS", 3)
        patch.setattr(representation_models, "_NCA_STEPS", 2)
        yield


def table_of(n_rows=90):
    rng = np.random.default_rng(0)
    place = rng.integers(3, size=n_rows)
    x = np.array([[0, 0], [2, 0], [0, 2]])[place] + rng.normal(size=(n_rows, 2))
    return pandas.DataFrame(
        {
            "x": x[:, 0].round(4),
            "z": x[:, 1].round(4),
            "weight": rng.integers(1, 4, size=n_rows),
            "fruit": np.array(["fig", "date", "plum"])[place],
        }
    )


def write(folder):
    table_of().to_csv(folder / "things.csv", index=False)


@pytest.fixture(scope="module")
def compared(run_once):
    """The comparison of a table, with the network saved whoever is best."""
    from skweight._cli import compare

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "best_candidate", lambda outcome: outcome.ours)
        return run_once(
            write, "compare", "things.csv", "--target", "fruit", "--room", "representation",
            "--weights", "weight", "--folds", "2", "--save", "m.joblib",
        )  # fmt: skip


def test_a_table_is_compared(compared):
    code, out, err, folder = compared
    assert code == 0, err
    assert "failed" not in out
    assert "weights are not used: a pair of rows has none" in out
    for name in NAMES:
        assert re.search(rf"^{re.escape(name)}{'( [*])?'} +\d", out, re.MULTILINE), name
    page = (folder / "skweight-report.html").read_text(encoding="utf-8")
    assert "--room representation" in page


def test_scores_by_hand(compared):
    """Nearest neighbours of a user, without the command."""
    _, out, _, _ = compared
    table, found = table_of(), []
    X, y = table[["x", "z"]].to_numpy(), table["fruit"].to_numpy()
    for train, test in cross_validation(y, 2, None, stratified=True):
        scaled = StandardScaler().fit(X[train]).transform(X)
        model = KNeighborsClassifier().fit(scaled[train], y[train])
        recall = recall_at_k(scaled[test], y[test], metric="euclidean")
        found.append([model.score(scaled[test], y[test]), recall])
    line = next(line for line in out.splitlines() if line.startswith("Columns as they are"))
    shown = [float(cell) for cell in re.findall(r"\d+\.\d+", line)[1:3]]
    np.testing.assert_allclose(shown, np.mean(found, axis=0), atol=6e-5)


def test_the_saved_model_predicts(compared, run, tmp_path):
    _, out, _, folder = compared
    assert f"{NAMES[0]}, fitted on all rows: m.joblib" in out
    code, _, err = run("predict", folder / "m.joblib", folder / "things.csv")
    assert code == 0, err
    found = pandas.read_csv(tmp_path / "predictions.csv")["prediction"].to_numpy()
    assert (found == table_of()["fruit"]).mean() > 0.6


def test_the_study_of_the_tour():
    (build,) = representation_studies.studies(quick=True)
    study = build()
    trains = np.concatenate([train for train, _ in study.splits])
    assert len(np.unique(trains)) == len(trains)
    assert [candidate.name for candidate in study.candidates] == NAMES
    assert len(np.unique(study.target)) == 10


def test_the_room_is_taken_for_no_target_by_itself():
    assert representation.suits(table_of()["fruit"]) is None
    assert rooms.load_room("representation") is representation
    assert set(rooms.ROOMS["representation"].packages) == {"torch", "skorch"}
