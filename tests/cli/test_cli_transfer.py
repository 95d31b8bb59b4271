"""The transfer room of the commands: ``compare --room transfer``, the tour."""

import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler

from skweight._cli import rooms
from skweight._cli.columns import of_loader
from skweight._cli.rooms import transfer, transfer_models, transfer_studies
from skweight._cli.splits import cross_validation

pandas = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")
pytest.importorskip("torch")
pytest.importorskip("skorch")

# Training ends early in these tests.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NAMES = [transfer_models.ALIGNED, transfer_models.TUNED, transfer_models.BAYES,
         transfer_models.MEANS, transfer_models.ALL]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def small_models():
    """Train little: here the commands are tested, not the fits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer_models, "_MOST_EPOCHS", 4)
        yield


def table_of(n_rows=120):
    rng = np.random.default_rng(0)
    place = rng.integers(3, size=n_rows)
    x = np.array([[0, 0], [3, 0], [0, 3]])[place] + rng.normal(size=(n_rows, 2))
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
    """The comparison of a table, with the aligned network saved whoever is best."""
    from skweight._cli import compare

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "best_candidate", lambda outcome: outcome.ours)
        return run_once(
            write, "compare", "things.csv", "--target", "fruit", "--room", "transfer",
            "--folds", "2", "--save", "m.joblib",
        )  # fmt: skip


def toy_study(weighted=False):
    table = table_of()
    frame, columns = of_loader(table[["x", "z"]])
    values = table["fruit"].to_numpy().astype(str)
    return transfer.study_of(
        name="toy",
        title="Toy",
        story="A story.",
        frame=frame,
        columns=columns,
        target=values,
        weights=table["weight"].to_numpy() / 2 if weighted else None,
        splits=cross_validation(values, 2, None, stratified=True),
        overlap=1.0,
    )


def test_a_table_is_compared(compared):
    code, out, err, folder = compared
    assert code == 0, err
    assert "failed" not in out
    assert "labels arrive in this order: date, fig; plum" in out
    for name in NAMES:
        assert re.search(rf"^{re.escape(name)}{'( [*])?'} +\d", out, re.MULTILINE), name
    page = (folder / "skweight-report.html").read_text(encoding="utf-8")
    assert "--room transfer" in page


def test_the_saved_model_predicts(compared, run, tmp_path):
    _, out, _, folder = compared
    assert f"{NAMES[0]}, fitted on all rows: m.joblib" in out
    code, _, err = run("predict", folder / "m.joblib", folder / "things.csv")
    assert code == 0, err
    found = pandas.read_csv(tmp_path / "predictions.csv")["prediction"]
    assert set(found) <= {"date", "fig", "plum"}


@pytest.mark.parametrize("weighted", [False, True])
def test_models_without_memory_know_all_rows(weighted):
    """Naive Bayes in tasks is naive Bayes at once, and so are means."""
    study = toy_study(weighted)
    train, test = study.splits[0]
    X = StandardScaler().fit(study.frame.iloc[train]).transform(study.frame)
    weights = study.weights[train] if weighted else None
    by_name = {candidate.name: candidate for candidate in study.candidates}
    bayes = transfer.fit(by_name[transfer_models.BAYES], study, train)[-1].model_
    whole = GaussianNB().fit(X[train], study.target[train], sample_weight=weights)
    np.testing.assert_allclose(bayes.theta_, whole.theta_, rtol=1e-12)
    np.testing.assert_allclose(bayes.class_prior_, whole.class_prior_, rtol=1e-12)
    if not weighted:
        means = transfer.fit(by_name[transfer_models.MEANS], study, train)
        expected = NearestCentroid().fit(X[train], study.target[train]).predict(X[test])
        assert_array_equal(means.predict(study.frame.iloc[test]), expected)


def test_networks_learn_task_by_task():
    study = toy_study()
    train, test = study.splits[0]
    fitted = transfer.fit(study.candidates[0], study, train)
    assert fitted[-1].model_.n_tasks_ == 2
    assert list(fitted[-1].model_.class_order_) == ["date", "fig", "plum"]
    scores, _ = transfer.measure(fitted, study.candidates[0], study, test)
    truth, found = study.target[test], fitted.predict(study.frame.iloc[test])
    recalls = [np.mean(found[truth == label] == label) for label in ["date", "fig", "plum"]]
    assert scores["balanced"] == pytest.approx(np.mean(recalls))
    assert scores["old"] == pytest.approx(np.mean(recalls[:2]))
    assert scores["new"] == pytest.approx(recalls[2])


@pytest.mark.parametrize(
    ("n_labels", "sizes"), [(3, [2, 1]), (4, [2, 2]), (10, [2] * 5), (11, [3, 2, 2, 2, 2])]
)
def test_labels_are_split_into_tasks(n_labels, sizes):
    tasks = transfer_models.tasks_of(np.arange(n_labels))
    assert [len(labels) for labels in tasks] == sizes
    assert_array_equal(np.concatenate(tasks), np.arange(n_labels))


def test_two_labels_are_too_few(run, tmp_path):
    table = table_of()
    table[table["fruit"] != "plum"].to_csv(tmp_path / "two.csv", index=False)
    code, _, err = run("compare", tmp_path / "two.csv", "--target", "fruit", "--room", "transfer")
    assert code != 0
    assert "--room transfer wants 3 labels or more" in err
    assert "'fruit' has 2" in err


def test_the_study_of_the_tour():
    (build,) = transfer_studies.studies(quick=True)
    study = build()
    trains = np.concatenate([train for train, _ in study.splits])
    assert len(np.unique(trains)) == len(trains)
    assert [candidate.name for candidate in study.candidates] == NAMES
    assert [len(labels) for labels in study.tasks] == [2] * 5


def test_the_room_is_taken_for_no_target_by_itself():
    assert transfer.suits(table_of()["fruit"]) is None
    assert rooms.load_room("transfer") is transfer
    assert set(rooms.ROOMS["transfer"].packages) == {"torch", "skorch"}
