"""``skweight compare`` on tables nobody prepared, and its refusals."""

import os
import re

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

ORDER = 'None,low,mid,"high, bad"'


def test_a_nasty_table_is_compared(run, nasty, tmp_path, drawn):
    code, out, _ = run(
        "compare", nasty, "--target", "y", "--order", ORDER, "--weights", "w", "--folds", "3"
    )
    assert code == 0
    assert (tmp_path / "skweight-report.html").stat().st_size > 10_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nasty.csv", "skweight-report.html"]
    for note in [
        "1 of 160 rows without 'y'",
        "40 rows whose weight is zero",
        "left out 'id': row numbers",
        "left out 'when': dates",
        "left out 'name'",
        "left out 'empty': no values",
        "left out 'const': one value only",
        "column 'dose'",
        "column 'city'",
    ]:
        assert note in out
    for model in ["PRESTO *", "Proportional odds *", "Logistic, multinomial", "Gradient boosting"]:
        assert model in out
    assert "failed" not in out


def test_every_metric_gets_its_sentence(run, plain, few_ordinal_candidates):
    code, out, _ = run("compare", plain, "--target", "y", "--folds", "3")
    assert code == 0
    told = re.findall(r"^On plain\.csv, .*", out, re.MULTILINE)
    assert len(told) == 4
    for line in told:
        assert "has the better" in line or "does not win by" in line


def test_scores_of_the_class_frequencies_by_hand(run, plain, few_ordinal_candidates):
    """Out of fold, the frequencies' Brier score is that of the other folds' frequencies."""
    from sklearn.model_selection import StratifiedKFold

    _, out, _ = run("compare", plain, "--target", "y", "--folds", "3")
    y = pandas.read_csv(plain)["y"].to_numpy() - 1
    scores = []
    for train, test in StratifiedKFold(3, shuffle=True, random_state=0).split(y[:, None], y):
        p = np.bincount(y[train], minlength=4) / len(train)
        truth = np.eye(4)[y[test]]
        rps = ((np.cumsum(p) - np.cumsum(truth, axis=1))[:, :-1] ** 2).sum(axis=1).mean()
        scores.append([rps, ((p - truth) ** 2).sum(axis=1).mean()])
    line = next(line for line in out.splitlines() if line.startswith("Class frequencies"))
    shown = [float(cell) for cell in re.findall(r"\d+\.\d+", line)[:2]]
    np.testing.assert_allclose(shown, np.mean(scores, axis=0), atol=6e-5)


def test_groups_stay_together(run, plain, monkeypatch, few_ordinal_candidates):
    from skweight._cli.rooms import ordinal

    table = pandas.read_csv(plain).assign(house=np.arange(90) // 3)
    table.to_csv(plain, index=False)
    studies = []
    original = ordinal.study_of_table

    def spy(*arguments):
        studies.append(original(*arguments))
        return studies[-1]

    monkeypatch.setattr(ordinal, "study_of_table", spy)
    code, _, _ = run("compare", plain, "--target", "y", "--groups", "house", "--folds", "3")
    assert code == 0
    assert "house" not in studies[0].columns.names
    for train, test in studies[0].splits:
        assert not set(train // 3) & set(test // 3)


def test_integer_weights_score_as_repeated_test_rows(run, plain):
    """The class frequencies cannot tell a weight of two from a row given twice."""
    from skweight.metrics import ranked_probability_score

    y, p = np.array([0, 1, 2, 2]), np.tile([0.2, 0.3, 0.5], (4, 1))
    weights = np.array([1, 2, 1, 3])
    repeated = np.repeat(np.arange(4), weights)
    labels = [0, 1, 2]
    weighted = ranked_probability_score(y, p, labels=labels, sample_weight=weights)
    assert weighted == pytest.approx(
        ranked_probability_score(y[repeated], p[repeated], labels=labels), abs=1e-15
    )


def test_parquet_with_typed_columns(run, plain, tmp_path, few_ordinal_candidates):
    pytest.importorskip("pyarrow")
    table = pandas.read_csv(plain)
    words = pandas.CategoricalDtype(["mild", "bad", "worse", "worst"], ordered=True)
    table["y"] = pandas.Series(np.array(words.categories)[table["y"] - 1], dtype=words)
    table["flag"] = table["noise"] > 0
    table["when"] = pandas.Timestamp("2020-01-01")
    table["count"] = pandas.array(np.where(table.index % 5, table.index % 7, None), dtype="Int64")
    table.to_parquet(tmp_path / "t.parquet")
    code, out, _ = run("compare", "t.parquet", "--target", "y", "--folds", "3")
    assert code == 0
    assert "mild" in out
    assert "left out 'when'" in out


def test_two_classes_are_enough(run, plain, few_ordinal_candidates):
    table = pandas.read_csv(plain)
    table["y"] = np.where(table["y"] > 2, "ill", "healthy")
    table.to_csv(plain, index=False)
    code, out, _ = run("compare", plain, "--target", "y", "--order", "healthy,ill", "--folds", "2")
    assert code == 0
    assert "levels from lowest to highest: healthy" in out


def test_a_rare_class_lowers_the_folds(run, plain, few_ordinal_candidates):
    table = pandas.read_csv(plain)
    table.loc[:2, "y"] = 9
    table.to_csv(plain, index=False)
    code, out, _ = run("compare", plain, "--target", "y")
    assert code == 0
    assert "3 folds, as class '9' has 3 rows only" in out


def write(path, **columns):
    pandas.DataFrame(columns).to_csv(path, index=False)


def test_unusable_input_is_refused(refuses, plain, tmp_path):
    assert "no file gone.csv" in refuses("compare", "gone.csv", "--target", "y")
    assert "is a folder" in refuses("compare", tmp_path, "--target", "y")
    assert "--target 'z' is not a column" in refuses("compare", plain, "--target", "z")
    base = ["compare", plain, "--target", "y"]
    assert "--weights 'z' is not a column" in refuses(*base, "--weights", "z")
    assert "--groups 'z' is not a column" in refuses(*base, "--groups", "z")
    assert "name the same column, 'y'" in refuses(*base, "--weights", "y")
    assert "--order does not list" in refuses(*base, "--order", "2,7")
    assert "must end in .skops or .joblib" in refuses(*base, "--save", "model.pkl")
    assert "negative value" in refuses(*base, "--weights", "noise")
    assert "not a number" in refuses(*base, "--weights", "kind")
    assert "different values" in refuses("compare", plain, "--target", "x", "--room", "ordinal")
    assert "fewer than 5 folds" in refuses(*base, "--groups", "kind")


def test_text_labels_without_order_are_refused(refuses, tmp_path):
    write(tmp_path / "t.csv", x=range(0, 60, 2), y=["a", "b", "c"] * 10)
    err = refuses("compare", "t.csv", "--target", "y")
    assert "--order" in err
    assert "a,b,c" in err


def test_labels_missing_in_order_are_refused(refuses, tmp_path):
    write(tmp_path / "t.csv", x=range(0, 60, 2), y=["a", "b", "c"] * 10)
    assert "'c'" in refuses("compare", "t.csv", "--target", "y", "--order", "a,b")


def test_one_class_is_refused(refuses, tmp_path):
    write(tmp_path / "t.csv", x=range(0, 60, 2), y=["a"] * 30)
    assert "one class only" in refuses("compare", "t.csv", "--target", "y")


def test_one_class_left_by_the_weights_is_refused(refuses, tmp_path):
    write(tmp_path / "t.csv", x=range(0, 60, 2), y=["a", "b"] * 15, w=[1, 0] * 15)
    assert "one class only" in refuses("compare", "t.csv", "--target", "y", "--weights", "w")


def test_a_class_too_rare_for_two_folds_is_refused(refuses, tmp_path):
    write(tmp_path / "t.csv", x=range(0, 60, 2), y=[1, 2] * 14 + [3, 3])
    assert "class '3' of 'y' has 2 rows" in refuses("compare", "t.csv", "--target", "y")


def test_no_other_column_is_refused(refuses, tmp_path):
    write(tmp_path / "t.csv", y=[1, 2] * 14)
    assert "no column besides" in refuses("compare", "t.csv", "--target", "y")


def test_outputs_that_cannot_be_written_are_refused_before_fitting(refuses, plain, monkeypatch):
    from skweight._cli import compare

    monkeypatch.setattr(compare, "evaluate", lambda *_: pytest.fail("fitted"))
    base = ["compare", plain, "--target", "y"]
    assert "cannot write" in refuses(*base, "--output", "no/such/folder/r.html")
    assert "it is a folder" in refuses(*base, "--output", ".")


def test_a_failure_while_writing_leaves_the_old_report(
    run, plain, tmp_path, monkeypatch, few_ordinal_candidates
):
    report = tmp_path / "r.html"
    report.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    code, _, err = run("compare", plain, "--target", "y", "--folds", "2", "--output", "r.html")
    assert code == 2
    assert "cannot write r.html: No space left on device" in err
    assert report.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.csv", "r.html"]
