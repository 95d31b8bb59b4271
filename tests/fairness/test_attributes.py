"""Attributes are the same whatever holds them, and bad input gets one sentence."""

import datetime
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from skweight._core._attributes import (
    Attribute,
    attributes_of,
    check_types,
    drop_columns,
    select_attributes,
)

pd = pytest.importorskip("pandas", reason="most containers are its frames")
pl = pytest.importorskip("polars", reason="some containers are its frames")

RACE = ["b", "w", "a", "w"]
AGE = [30.5, 41.0, 22.0, 19.25]
KIDS = [0, 3, 1, 1]
MALE = [True, False, True, True]


def frame():
    """Return one column of each plain type."""
    return pd.DataFrame({"race": RACE, "age": AGE, "kids": KIDS, "male": MALE})


def object_array(columns):
    """Return columns side by side in an array of objects."""
    array = np.empty((len(columns[0]), len(columns)), dtype=object)
    for j, column in enumerate(columns):
        array[:, j] = column
    return array


CONTAINERS = {
    "pandas": frame(),
    "pandas, other index": frame().set_index(pd.Index([3, 1, 2, 0])),
    "polars": pl.DataFrame({"race": RACE, "age": AGE, "kids": KIDS, "male": MALE}),
    "dict": {"race": RACE, "age": AGE, "kids": KIDS, "male": MALE},
    "dict of series": {
        "race": pd.Series(RACE, dtype="category"),
        "age": pl.Series(AGE),
        "kids": pd.Series(KIDS, dtype="Int8"),
        "male": pd.Series(MALE, dtype="boolean"),
    },
    "object array": object_array([RACE, AGE, KIDS, MALE]),
    "list of rows": [list(row) for row in zip(RACE, AGE, KIDS, MALE)],
    "list of tuples": list(zip(RACE, AGE, KIDS, MALE)),
}


@pytest.mark.parametrize("given", CONTAINERS.values(), ids=CONTAINERS)
def test_every_container_gives_the_same_attributes(given):
    race, age, kids, male = attributes_of(given)
    named = not isinstance(given, (list, np.ndarray))
    want = ["race", "age", "kids", "male"] if named else [f"attribute_{j}" for j in range(4)]
    assert [a.name for a in (race, age, kids, male)] == want
    assert [a.kind for a in (race, age, kids, male)] == ["nominal", "numeric", "numeric", "nominal"]
    assert [a.integer for a in (race, age, kids, male)] == [False, False, True, False]
    assert race.values.dtype == object
    assert race.values.tolist() == RACE
    assert age.values.dtype == np.float64
    assert age.values.tolist() == AGE
    assert kids.values.dtype.kind == "i"
    assert kids.values.tolist() == KIDS
    assert male.values.dtype == bool
    assert male.values.tolist() == MALE
    assert not any(a.missing().any() for a in (race, age, kids, male))


@pytest.mark.parametrize(
    ("column", "kind", "values", "categories"),
    [
        (np.array(["a", "b"]), "nominal", ["a", "b"], None),
        (np.array([b"a", b"b"]), "nominal", [b"a", b"b"], None),
        (np.array([1, 2], dtype=object), "nominal", [1, 2], None),
        (np.array([1, 2], dtype=np.uint8), "numeric", [1, 2], None),
        (np.array([1.5, np.nan], dtype=np.float32), "numeric", [1.5, None], None),
        (np.array([True, False]), "nominal", [True, False], None),
        (["a", None], "nominal", ["a", None], None),
        ([1, None], "numeric", [1, None], None),
        ([True, None], "nominal", [True, None], None),
        ([None, None], "nominal", [None, None], None),
        ([1, "a"], "nominal", [1, "a"], None),
        (pd.Series(["a", np.nan]), "nominal", ["a", None], None),
        (pd.Series(["a", pd.NA], dtype="string"), "nominal", ["a", None], None),
        (pd.Series([1, 2], dtype=object), "nominal", [1, 2], None),
        (pd.Series([1, pd.NA], dtype="Int64"), "numeric", [1, None], None),
        (pd.Series([1.5, pd.NA], dtype="Float32"), "numeric", [1.5, None], None),
        (pd.Series([True, pd.NA], dtype="boolean"), "nominal", [True, None], None),
        (pd.Series([0, 2], dtype=pd.SparseDtype(int)), "numeric", [0, 2], None),
        (pd.Series([2, None], dtype="category"), "nominal", [2, None], None),
        (pd.Series(["lo", "hi"]).astype(pd.CategoricalDtype(["lo", "hi"], True)), "ordered", None,
         ("lo", "hi")),
        (pd.Categorical(["lo", None], ["lo", "hi"], ordered=True), "ordered", ["lo", None],
         ("lo", "hi")),
        (pl.Series(["a", None]), "nominal", ["a", None], None),
        (pl.Series(["a", None], dtype=pl.Categorical), "nominal", ["a", None], None),
        (pl.Series(["lo", None], dtype=pl.Enum(["lo", "hi"])), "ordered", ["lo", None],
         ("lo", "hi")),
        (pl.Series([1, None], dtype=pl.Int16), "numeric", [1, None], None),
        (pl.Series([1.5, None]), "numeric", [1.5, None], None),
        (pl.Series([True, None]), "nominal", [True, None], None),
        (pl.Series(["1.5"]).cast(pl.Decimal(5, 2)), "numeric", [1.5], None),
        (pl.Series([None, None]), "nominal", [None, None], None),
    ],
)  # fmt: skip
def test_types_and_missing_values(column, kind, values, categories):
    (attribute,) = attributes_of(column)
    assert attribute.kind == kind
    assert attribute.categories == categories
    wanted = ["lo", "hi"] if values is None else values
    gone = attribute.missing()
    assert gone.dtype == bool
    assert gone.tolist() == [value is None for value in wanted]
    kept = attribute.values[~gone].tolist()
    assert kept == [value for value in wanted if value is not None]


def test_arrow_types_of_pandas():
    pytest.importorskip("pyarrow")
    data = pd.DataFrame(
        {
            "i": pd.Series([1, None], dtype="int64[pyarrow]"),
            "s": pd.Series(["a", None], dtype="string[pyarrow]"),
            "b": pd.Series([True, None], dtype="bool[pyarrow]"),
        }
    )
    i, s, b = attributes_of(data)
    assert (i.kind, s.kind, b.kind) == ("numeric", "nominal", "nominal")
    assert i.values[0] == 1
    assert s.values.tolist() == ["a", None]
    assert b.values.tolist() == [True, None]
    assert [a.missing().tolist() for a in (i, s, b)] == [[False, True]] * 3


def test_names_of_single_columns():
    assert attributes_of(pd.Series([1, 2], name="age"))[0].name == "age"
    assert attributes_of(pl.Series("age", [1, 2]))[0].name == "age"
    assert attributes_of(pd.Series([1, 2]))[0].name == "attribute_0"
    assert attributes_of(pl.Series([1, 2]))[0].name == "attribute_0"
    assert attributes_of([1, 2])[0].name == "attribute_0"
    assert [a.name for a in attributes_of(pd.DataFrame([[1, 2]]))] == ["0", "1"]


def test_several_columns_as_one_attribute():
    given = {
        "race": pd.DataFrame({"a": [True, False], "b": [0.0, np.nan]}),
        "where": np.array([[1, 2], [3, 4]]),
        "age": np.array([[1], [2]]),
    }
    race, where, age = attributes_of(given)
    assert race.kind == where.kind == age.kind == "numeric"
    np.testing.assert_array_equal(race.values, [[1, 0], [0, np.nan]])
    assert race.missing().tolist() == [False, True]
    np.testing.assert_array_equal(where.values, [[1.0, 2.0], [3.0, 4.0]])
    assert where.values.dtype == np.float64
    assert not where.integer
    assert age.values.shape == (2,)
    assert age.integer


def test_attributes_pass_and_rows_are_taken():
    given = attributes_of(frame())
    assert attributes_of(given) == given
    assert attributes_of(given[0]) == given[:1]
    taken = given[1].take(np.array([2, 0]))
    assert isinstance(taken, Attribute)
    assert taken.values.tolist() == [22.0, 30.5]
    assert taken.name == "age"


def test_nothing_imports_pandas_or_polars():
    code = (
        "import sys, numpy as np\n"
        "from skweight._core._attributes import attributes_of, select_attributes\n"
        "attributes_of([['a', 1], ['b', 2]])\n"
        "select_attributes(np.eye(3), [0])\n"
        "assert not {'pandas', 'polars', 'numba'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (None, ValueError, "is a NoneType: want an array, Series, frame or dict"),
        ("race", ValueError, "is a str: want"),
        (np.zeros((2, 2, 2)), ValueError, r"has shape \(2, 2, 2\)"),
        (sparse.csr_matrix(np.eye(2)), ValueError, "is a sparse matrix: want a dense one"),
        (sparse.csr_array(np.eye(2)), ValueError, "is a sparse matrix: want a dense one"),
        ({"a": sparse.eye(2)}, ValueError, r"\['a'\] is a sparse matrix"),
        ({}, ValueError, "has no columns"),
        (pd.DataFrame(index=[0, 1]), ValueError, "has no columns"),
        (np.empty((2, 0)), ValueError, "has no columns"),
        ({"a": np.empty((2, 0))}, ValueError, r"\['a'\] has no columns"),
        ({"a": [1], "b": [1, 2]}, ValueError, "different lengths {'a': 1, 'b': 2}"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), ValueError, "has the column 'a' twice"),
        ([1.0, np.inf], ValueError, "holds infinite values in 'attribute_0'"),
        (pl.Series("x", [-np.inf]), ValueError, "holds infinite values in 'x'"),
        ([1j, 2], ValueError, "Complex data not supported"),
        (pd.Series(pd.to_datetime(["2020-01-01"])), ValueError, "holds dates or durations"),
        (pd.Series(pd.to_datetime(["2020-01-01"], utc=True)), ValueError, "holds dates"),
        (pl.Series("x", [datetime.date(2020, 1, 1)]), ValueError, "holds dates or durations"),
        (np.array(["2020-01-01"], dtype="M8[D]"), ValueError, "holds dates or durations"),
        (pd.DataFrame({"a": [{}]}), TypeError, "holds a dict, and each argument must be a str"),
        ([[1, 2], [3]], TypeError, "holds a list"),
        (pl.Series("x", [[1, 2], [3]]), TypeError, "holds a list"),
        ({"a": [["x", 1], ["y", 2]]}, ValueError, "several columns, of which one holds no numb"),
    ],
)
def test_bad_attributes(given, error, message):
    with pytest.raises(error, match=message) as caught:
        attributes_of(given)
    assert str(caught.value).count(". ") == 0  # one sentence


SELECTIONS = {
    "name": ("race", ["race"]),
    "index": (1, ["age"]),
    "index from the end": (-1, ["male"]),
    "numpy index": (np.int64(1), ["age"]),
    "names": (["male", "race"], ["male", "race"]),
    "mixed": (["male", 0], ["male", "race"]),
    "tuple": (("age",), ["age"]),
    "mask": ([True, False, False, True], ["race", "male"]),
    "array mask": (np.array([False, True, False, False]), ["age"]),
    "index of names": (pd.Index(["kids"]), ["kids"]),
    "callable": (lambda X: [0, 2], ["race", "kids"]),
    "callable of names": (lambda X: [c for c in X.columns if c.startswith("k")], ["kids"]),
    "callable of a mask": (lambda X: [c == "age" for c in X.columns], ["age"]),
    "dict": ({"ethnicity": "race", "years": ["age"], "both": ["kids", 3]},
             ["ethnicity", "years", "both"]),
    "dict of callables": ({"ethnicity": lambda X: "race"}, ["ethnicity"]),
}  # fmt: skip


@pytest.mark.parametrize("package", [pd, pl])
@pytest.mark.parametrize(("columns", "names"), SELECTIONS.values(), ids=SELECTIONS)
def test_columns_of_a_frame(package, columns, names):
    X = package.DataFrame({"race": RACE, "age": AGE, "kids": KIDS, "male": MALE})
    attributes, mask = select_attributes(X, columns)
    assert [attribute.name for attribute in attributes] == names
    data = {"race": RACE, "age": AGE, "kids": KIDS, "male": MALE}
    data |= {"ethnicity": RACE, "years": AGE, "both": [[0, 1], [3, 0], [1, 1], [1, 1]]}
    source = {"ethnicity": ["race"], "years": ["age"], "both": ["kids", "male"]}
    wanted = {column for name in names for column in source.get(name, [name])}
    assert mask.dtype == bool
    assert mask.tolist() == [column in wanted for column in X.columns]
    for attribute in attributes:
        assert attribute.values.tolist() == data[attribute.name]
    rest = drop_columns(X, mask)
    assert type(rest) is type(X)
    assert list(rest.columns) == [column for column in X.columns if column not in wanted]


def test_make_column_selector():
    from sklearn.compose import make_column_selector

    attributes, mask = select_attributes(frame(), make_column_selector("^race$|^male$"))
    assert [attribute.name for attribute in attributes] == ["race", "male"]
    assert mask.tolist() == [True, False, False, True]


def test_columns_of_arrays_are_numbered_as_selected():
    X = np.array([[1.0, 7.0, 0.5], [2.0, 8.0, 0.5]])
    attributes, mask = select_attributes(X, [2, 0])
    assert [attribute.name for attribute in attributes] == ["attribute_0", "attribute_1"]
    assert attributes[0].values.tolist() == [0.5, 0.5]
    assert attributes[1].values.tolist() == [1.0, 2.0]
    np.testing.assert_array_equal(drop_columns(X, mask), [[7.0], [8.0]])
    np.testing.assert_array_equal(drop_columns(X.tolist(), mask), [[7.0], [8.0]])


def test_text_is_split_off_an_object_array():
    X = object_array([RACE, AGE])
    (race,), mask = select_attributes(X, [0])
    assert race.kind == "nominal"
    assert race.values.tolist() == RACE
    np.testing.assert_array_equal(drop_columns(X, mask).astype(float)[:, 0], AGE)
    (race,), mask = select_attributes(X.tolist(), [0])
    assert race.values.tolist() == RACE
    np.testing.assert_array_equal(drop_columns(X.tolist(), mask).astype(float)[:, 0], AGE)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_sparse_columns(form, kind):
    dense = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]])
    X = getattr(sparse, f"{form}_{kind}")(dense)
    attributes, mask = select_attributes(X, [2, 1])
    np.testing.assert_array_equal(attributes[0].values, dense[:, 2])
    np.testing.assert_array_equal(attributes[1].values, dense[:, 1])
    rest = drop_columns(X, mask)
    assert sparse.issparse(rest)
    np.testing.assert_array_equal(rest.toarray(), dense[:, :1])
    (both,), _ = select_attributes(X, {"both": [0, 2]})
    np.testing.assert_array_equal(both.values, dense[:, [0, 2]])


@pytest.mark.parametrize(
    ("X", "columns", "error", "message"),
    [
        (np.eye(3), "race", ValueError, r'no column names: .*set_output\(transform="pandas"\)'),
        (sparse.eye(3).tocsr(), "race", ValueError, r'set_output\(transform="pandas"\)'),
        (frame(), "rase", ValueError, "'rase', which is no column of X: race, age, kids, male"),
        (frame(), [], ValueError, "selects no column of X"),
        (frame(), lambda X: [], ValueError, "selects no column of X"),
        (frame(), [False] * 4, ValueError, "selects no column of X"),
        (frame(), {}, ValueError, "selects no column of X"),
        (frame(), {"a": []}, ValueError, "selects no column for 'a'"),
        (frame(), ["age", "age"], ValueError, "has the column 'age' twice"),
        (frame(), ["age", 1], ValueError, "has the column 'age' twice"),
        (frame(), {"a": "age", "b": ["kids", 1]}, ValueError, "has the column 'age' twice"),
        (np.eye(3), [1, -2], ValueError, "has the column 1 twice"),
        (frame(), 4, ValueError, "has the index 4, but X has 4 columns"),
        (np.eye(3), [-4], ValueError, "has the index -4, but X has 3 columns"),
        (frame(), [True], ValueError, "is a mask of 1 columns, but X has 4"),
        (frame(), None, TypeError, "must be a name, an index, .*, got None"),
        (frame(), 1.5, TypeError, "must be a name, an index, .*, got 1.5"),
        (frame(), True, TypeError, "must be a name, an index, .*, got True"),
        (frame(), [1.5], TypeError, "must hold names or indices of columns, got 1.5"),
        (frame(), {"a": {"b": 1}}, TypeError, "must be a name"),
        (frame(), {"a": ["race", "age"]}, ValueError, "'a' as several columns, of which one"),
        (np.ones(3), 0, ValueError, r"X has shape \(3,\): want two dimensions"),
        (np.ones((3, 0)), 0, ValueError, r"0 feature\(s\) \(shape=\(3, 0\)\)"),
        (
            pd.DataFrame([[1, 2]], columns=["a", "a"]),
            "a",
            ValueError,
            "the name 'a', but X has 2 such columns",
        ),
    ],
)
def test_bad_columns(X, columns, error, message):
    with pytest.raises(error, match=message):
        select_attributes(X, columns)


def test_drop_columns_wants_the_same_width():
    with pytest.raises(ValueError, match="X has 3 features, but 2 features are expected"):
        drop_columns(np.eye(3), np.array([True, False]))


def test_kinds_are_overridden():
    given = attributes_of(frame().assign(edu=[10, 30, 20, 10]))
    types = {"kids": "nominal", "male": "numeric", "edu": "ordered"}
    race, age, kids, male, edu = check_types(given, types)
    assert race is given[0]
    assert age is given[1]
    assert (kids.kind, kids.values.tolist()) == ("nominal", KIDS)
    assert (male.kind, male.values.tolist()) == ("numeric", [1.0, 0.0, 1.0, 1.0])
    assert (edu.kind, edu.categories) == ("ordered", (10, 20, 30))
    assert check_types(given, "auto") is given
    assert check_types(given, None) is given


def test_ordered_categories_that_are_numbers_become_numbers():
    column = pd.Series([1, 10, 5]).astype(pd.CategoricalDtype([1, 5, 10], ordered=True))
    (attribute,) = check_types(attributes_of({"x": column}), {"x": "numeric"})
    assert attribute.values.tolist() == [1.0, 10.0, 5.0]
    (attribute,) = check_types(attributes_of({"x": ["1", "10", None]}), {"x": "numeric"})
    np.testing.assert_array_equal(attribute.values, [1.0, 10.0, np.nan])


def test_several_columns_as_levels():
    (attribute,) = check_types(
        attributes_of({"x": [[1, 0], [0, 1], [np.nan, 1]]}), {"x": "nominal"}
    )
    assert attribute.kind == "nominal"
    assert attribute.values.tolist() == [(1.0, 0.0), (0.0, 1.0), None]


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"rase": "nominal"}, r"names 'rase', which is no attribute: want some of \['race'"),
        ({"age": "continuous"}, r"sensitive_types\['age'\] must be one of .* got 'continuous'"),
        ({"age": 1}, "must be one of"),
        ({"race": "numeric"}, r"\['race'\]='numeric', but the attribute holds values that are no"),
        ({"race": "ordered"}, r"\['race'\]='ordered', but nothing says in which order"),
        ("nominal", "must be 'auto' or a dict of kinds by attribute, got 'nominal'"),
        (["nominal"], "must be 'auto' or a dict"),
    ],
)
def test_bad_kinds(types, message):
    with pytest.raises(ValueError, match=message):
        check_types(attributes_of(frame()), types)
