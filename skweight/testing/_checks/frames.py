"""Data frames: pandas, polars and nullable columns fit like the array of the same numbers."""

import numpy as np
from sklearn.base import clone
from sklearn.utils import get_tags

from skweight.testing._checks.labels import assert_fit_of_names
from skweight.testing._data import (
    assert_same_outputs,
    error_of,
    integer_weights,
    is_classifier,
    is_multiclass,
    is_transformer,
    outputs,
    takes_weights,
    toy_problem,
)
from skweight.testing._registry import common_check

COLUMNS = ["age", "income", "height", "weight"]


def _mixed_problem(estimator):
    """Two columns of floats, one of integers, one of 0 and 1."""
    X, y = toy_problem(estimator)
    X[:, 2] = np.rint(3 * X[:, 2])
    X[:, 3] = X[:, 3] > 0
    return X, y


def _pandas_frame(X, nullable=False):
    import pandas as pd

    frame = pd.DataFrame(X, columns=COLUMNS)
    frame = frame.astype({"height": "int64", "weight": "bool"})
    frame.index = np.random.default_rng(3).permutation(len(X)) + 100
    if nullable:
        kinds = {"age": "Float64", "income": "Float64", "height": "Int64", "weight": "boolean"}
        frame = frame.astype(kinds)
    return frame


def _polars_frame(X):
    import polars as pl

    frame = pl.DataFrame(X, schema=COLUMNS)
    return frame.with_columns(pl.col("height").cast(pl.Int64), pl.col("weight").cast(pl.Boolean))


def _check_frame(estimator, X, y, frame, what, **series):
    weights = {"sample_weight": integer_weights(len(y))} if takes_weights(estimator) else {}
    expected = outputs(clone(estimator).fit(X, y, **weights), X)
    model = clone(estimator).fit(
        frame,
        series["to_series"](y),
        **{name: series["to_series"](values) for name, values in weights.items()},
    )
    actual = outputs(model, frame)
    assert_same_outputs(actual, expected, what, rtol=1e-9, atol=1e-12)
    names = list(getattr(model, "feature_names_in_", []))
    assert names == COLUMNS, f"{what}: feature_names_in_ is {names}."
    assert model.n_features_in_ == 4
    method = "predict" if hasattr(model, "predict") else next(iter(actual))
    message = error_of(getattr(model, method), frame[COLUMNS[::-1]])
    assert "feature names" in message, f"{what}: columns in another order: {message}"


@common_check(needs=["pandas"])
def check_pandas(estimator):
    """A pandas frame fits by position of its rows, whatever its index; names are checked."""
    import pandas as pd

    X, y = _mixed_problem(estimator)
    frame = _pandas_frame(X)
    # Another index than the frame's: aligning on it would shuffle the rows.
    index = frame.index[::-1]
    _check_frame(estimator, X, y, frame, "pandas", to_series=lambda v: pd.Series(v, index=index))


@common_check(needs=["pandas"])
def check_nullable(estimator):
    """Columns of pandas' Int64, Float64 and boolean fit like numbers while nothing is missing."""
    import pandas as pd

    X, y = _mixed_problem(estimator)
    frame = _pandas_frame(X, nullable=True)
    kind = "Int64" if is_classifier(estimator) else "Float64"
    _check_frame(
        estimator,
        X,
        y,
        frame,
        "nullable",
        to_series=lambda v: pd.Series(v).astype("Float64" if v.dtype.kind == "f" else kind),
    )
    if get_tags(estimator).input_tags.allow_nan:
        return
    frame.iloc[3, 1] = pd.NA
    assert "NaN" in error_of(clone(estimator).fit, frame, y)
    fitted = clone(estimator).fit(X, y)
    for method in outputs(fitted, X):
        assert "NaN" in error_of(getattr(fitted, method), frame.to_numpy(dtype=float))


@common_check(needs=["polars"])
def check_polars(estimator):
    """A polars frame fits like the array of its numbers; names are checked."""
    import polars as pl

    X, y = _mixed_problem(estimator)
    _check_frame(estimator, X, y, _polars_frame(X), "polars", to_series=pl.Series)


@common_check(applies=is_classifier, needs=["pandas"])
def check_pandas_labels(estimator):
    """Labels in pandas: str, string, boolean, Int64, category, and a missing one refused."""
    import pandas as pd

    K = 3 if is_multiclass(estimator) else 2
    text, whole, truth = ["a", "b", "c"][:K], [2, 4, 9][:K], [False, True]
    for kind, names in {
        "str": text,
        "object": text,
        "string": text,
        "category": text,
        "int16": whole,
        "Int64": whole,
        "Float64": [float(v) for v in whole],
        "bool": truth,
        "boolean": truth,
    }.items():
        X, y = toy_problem(estimator, n_classes=len(names))
        labels = pd.Series([names[k] for k in y], index=np.arange(len(y))[::-1]).astype(kind)
        assert_fit_of_names(estimator, labels, names, X, y, f"labels of pandas' {kind}")
        if kind in ("string", "Int64", "boolean", "category"):
            labels.iloc[3] = pd.NA
            error_of(clone(estimator).fit, X, labels)


@common_check(applies=is_classifier, needs=["polars"])
def check_polars_labels(estimator):
    """Labels in polars: String, Int64, Boolean, Categorical and Enum."""
    import polars as pl

    K = 3 if is_multiclass(estimator) else 2
    text, whole = ["a", "b", "c"][:K], [2, 4, 9][:K]
    for kind, names in {
        pl.String: text,
        pl.Categorical: text,
        pl.Enum(text): text,
        pl.Int64: whole,
        pl.Boolean: [False, True],
    }.items():
        X, y = toy_problem(estimator, n_classes=len(names))
        labels = pl.Series("label", [names[k] for k in y], dtype=kind)
        assert_fit_of_names(estimator, labels, names, X, y, f"labels of polars' {kind}")


@common_check(applies=is_transformer)
def check_feature_names_out(estimator):
    """A transformer names its columns, one name for each."""
    X, y = toy_problem(estimator)
    estimator.fit(X, y)
    names = estimator.get_feature_names_out()
    assert len(names) == estimator.transform(X).shape[1]
    assert len(set(names)) == len(names)


@common_check(applies=is_transformer, needs=["pandas", "polars"])
def check_set_output(estimator):
    """``set_output`` gives pandas and polars frames with the names of the columns."""
    X, y = _mixed_problem(estimator)
    frame = _pandas_frame(X)
    plain = np.asarray(clone(estimator).fit(frame, y).transform(frame))
    for kind in ("pandas", "polars"):
        model = clone(estimator).set_output(transform=kind).fit(frame, y)
        out = model.transform(frame)
        assert type(out).__module__.startswith(kind), f"set_output({kind!r}): {type(out)}."
        assert list(out.columns) == list(model.get_feature_names_out())
        np.testing.assert_allclose(np.asarray(out), plain)
        if kind == "pandas":
            assert out.index.equals(frame.index)
