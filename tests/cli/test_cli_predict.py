"""``skweight compare --save`` and ``skweight predict``, and what is not loaded."""

import os
import pickle

import numpy as np
import pytest

from skweight._cli import CommandError
from skweight._cli.saving import load_model, save_model

pandas = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

ORDER = 'None,low,mid,"high, bad"'
skops_io = pytest.importorskip("skops.io")


@pytest.fixture
def only(monkeypatch, few_ordinal_candidates):
    """Compare one model of the ordinal room with the two quickest, and save it."""
    from skweight._cli import compare

    def only(name):
        few_ordinal_candidates(name)

        def pick(outcome):
            return next(c for c in outcome.study.candidates if c.name == name)

        monkeypatch.setattr(compare, "best_candidate", pick)

    return only


@pytest.mark.parametrize("suffix", ["skops", "joblib"])
def test_presto_goes_through_a_file(run, nasty, tmp_path, only, suffix):
    only("PRESTO")
    model = f"model.{suffix}"
    arguments = ["compare", nasty, "--target", "y", "--order", ORDER, "--folds", "2"]
    code, out, err = run(*arguments, "--save", model)
    assert code == 0
    assert f"PRESTO, fitted on all rows: {model}" in out
    assert ("open only files" in err) == (suffix == "joblib")
    code, out, err = run("predict", model, nasty, "--output", "p.csv")
    assert code == 0
    assert "160 predictions: p.csv" in out
    assert ("open only files" in err) == (suffix == "joblib")
    table = pandas.read_csv(tmp_path / "p.csv", keep_default_na=False)
    levels = ["None", "low", "mid", "high, bad"]
    exceedances = [f"p_above_{level}" for level in levels[:-1]]
    chances = [f"p_{level}" for level in levels]
    assert list(table.columns) == ["prediction", *chances, *exceedances]
    assert len(table) == 160
    np.testing.assert_allclose(table[chances].sum(axis=1), 1, atol=1e-9)
    best = table[chances].idxmax(axis=1).str.removeprefix("p_")
    assert (best == table["prediction"]).mean() > 0.99
    # The same pipeline, asked directly.
    pipeline = load_model(tmp_path / model)
    assert pipeline.classes_.tolist() == sorted(levels)
    assert set(table["prediction"]) <= set(levels)


def test_exceedances_are_tails_of_the_probabilities(run, plain, tmp_path, only):
    only("PRESTO")
    assert run("compare", plain, "--target", "y", "--folds", "2", "--save", "m.skops")[0] == 0
    assert run("predict", "m.skops", plain)[0] == 0
    table = pandas.read_csv(tmp_path / "predictions.csv")
    tails = table[["p_4", "p_3", "p_2"]].cumsum(axis=1)[["p_2", "p_3", "p_4"]]
    exceedance = table[["p_above_1", "p_above_2", "p_above_3"]]
    # Training rows do not cross, so nothing was repaired.
    np.testing.assert_allclose(exceedance, tails, atol=1e-6)


@pytest.mark.parametrize(
    "name",
    [
        "Proportional odds",
        "Logistic, multinomial",
        "Logistic, tuned",
        "Gradient boosting",
        "Class frequencies",
    ],
)
def test_every_candidate_can_be_saved_and_used(run, plain, tmp_path, only, name):
    only(name)
    assert run("compare", plain, "--target", "y", "--folds", "2", "--save", "m.skops")[0] == 0
    code, _, err = run("predict", "m.skops", plain)
    assert (code, err) == (0, "")
    table = pandas.read_csv(tmp_path / "predictions.csv")
    assert set(table["prediction"]) <= {1, 2, 3, 4}
    np.testing.assert_allclose(table[["p_1", "p_2", "p_3", "p_4"]].sum(axis=1), 1, atol=1e-9)


@pytest.fixture
def model(run, plain, only):
    only("Logistic, multinomial")
    assert run("compare", plain, "--target", "y", "--folds", "2", "--save", "m.skops")[0] == 0
    return "m.skops"


def test_new_rows_may_be_in_another_order_and_untidy(run, model, tmp_path):
    (tmp_path / "new.csv").write_text("extra;kind;x;noise\n1;never;;0,5\n2;a;junk;\n")
    code, out, _ = run("predict", model, "new.csv")
    assert code == 0
    assert "column 'x': 1 cells ('junk') not numbers" in out
    assert len(pandas.read_csv(tmp_path / "predictions.csv")) == 2


def test_predictions_equal_those_of_the_pipeline(run, model, plain, tmp_path):
    assert run("predict", model, plain)[0] == 0
    table = pandas.read_csv(tmp_path / "predictions.csv")
    direct = load_model(tmp_path / model).predict_proba(pandas.read_csv(plain))
    np.testing.assert_allclose(table[["p_1", "p_2", "p_3", "p_4"]], direct, atol=1e-12)


def test_missing_columns_are_named(refuses, model, tmp_path):
    (tmp_path / "new.csv").write_text("x,other\n1,2\n")
    err = refuses("predict", model, "new.csv")
    assert "new.csv lacks columns that the model needs: 'noise', 'kind'" in err


def test_unusable_models_are_refused(refuses, plain, tmp_path):
    (tmp_path / "junk.skops").write_bytes(b"junk")
    (tmp_path / "junk.joblib").write_bytes(b"junk")
    (tmp_path / "other.pkl").write_bytes(b"junk")
    skops_io.dump({"a": 1}, tmp_path / "dict.skops")
    assert "there is no file gone.skops" in refuses("predict", "gone.skops", plain)
    assert "not a readable .skops file" in refuses("predict", "junk.skops", plain)
    assert "must end in .skops or .joblib" in refuses("predict", "other.pkl", plain)
    assert "does not hold a pipeline" in refuses("predict", "dict.skops", plain)


class Trap:
    """Remembers whether it was ever built again."""

    built = False

    def __init__(self):
        type(self).built = True

    def __setstate__(self, state):
        type(self).built = True


def _call_of(function):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    return make_pipeline(FunctionTransformer(function))


@pytest.mark.parametrize("kind", ["class", "function", "partial"])
def test_strange_types_are_never_built(tmp_path, kind):
    from functools import partial

    content = {
        "class": Trap(),
        "function": _call_of(os.system),
        "partial": _call_of(partial(os.system, "true")),
    }[kind]
    skops_io.dump(content, tmp_path / "trap.skops")
    Trap.built = False
    with pytest.raises(CommandError, match="neither scikit-learn's nor skweight's"):
        load_model(tmp_path / "trap.skops")
    assert not Trap.built


def test_a_name_that_scikit_learn_only_imports_is_strange(tmp_path, monkeypatch):
    """``sklearn.base.warnings`` and the like would open the door to any module."""
    from skweight._cli.saving import _is_own

    assert _is_own("sklearn.linear_model._logistic.LogisticRegression")
    assert _is_own("skweight.ordinal._presto.PrestoClassifier")
    assert not _is_own("sklearn.base.warnings")
    assert not _is_own("sklearn.utils.validation.np")
    assert not _is_own("sklearn.utils.validation.check_X_y")
    assert not _is_own("sklearnish.Thing")
    assert not _is_own("sklearn.base.NoSuchThing")


def test_a_failure_while_saving_leaves_the_old_model(tmp_path, monkeypatch):
    path = tmp_path / "m.skops"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CommandError, match="No space left"):
        save_model(_call_of(None), path)
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["m.skops"]


def test_a_joblib_file_that_is_no_pipeline_is_refused(tmp_path, capsys):
    (tmp_path / "m.joblib").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(CommandError, match="does not hold a pipeline"):
        load_model(tmp_path / "m.joblib")
    assert "any code" in capsys.readouterr().err
