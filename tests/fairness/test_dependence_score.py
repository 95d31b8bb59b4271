"""The score of predictions against dense double sums over rows, written out a second time."""

import math
import warnings

import numpy as np
import pytest

from skweight.fairness import dependence_score
from skweight.fairness._sensitive import SensitiveEncoder

pytestmark = pytest.mark.filterwarnings("error")


def people(n, seed=0):
    rng = np.random.default_rng(seed)
    race = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    return {"race": race, "male": rng.random(n) < 0.4, "age": rng.uniform(18, 90, n).round(1)}


def take(data, rows):
    return {name: values[rows] for name, values in data.items()}


def predictions(data, seed=1):
    """Return predictions that depend on the attributes, some of them tied."""
    noise = np.random.default_rng(seed).normal(size=len(data["age"]))
    rule = 0.3 * (data["race"] == "b") + 0.5 * ((data["age"] > 50) ^ data["male"])
    return np.round(rule + 0.2 * noise, 1)


def pieces(data, scale_rows=None):
    """Return distances of each attribute, ages in units of their range."""
    race, male, age = data.values()
    age = age / np.ptp((data if scale_rows is None else scale_rows)["age"])
    return [
        np.sqrt(2) * (race[:, None] != race),
        (male[:, None] != male).astype(float),
        np.abs(age[:, None] - age),
    ]


def centred(distance, statistic):
    """Centre distances entry by entry; for U the diagonal is 0."""
    n = len(distance)
    out = np.zeros((n, n))
    a, b = (1 / n, 1 / n**2) if statistic == "V" else (1 / (n - 2), 1 / ((n - 1) * (n - 2)))
    rows, whole = distance.sum(axis=1), distance.sum()
    for i in range(n):
        for j in range(n):
            if statistic == "V" or i != j:
                out[i, j] = distance[i, j] - a * (rows[i] + rows[j]) + b * whole
    return out


def product(blocks, statistic):
    n = len(blocks[0])
    kappa = 1 / n**2 if statistic == "V" else 1 / (n * (n - 3))
    return kappa * math.fsum(np.prod(blocks, axis=0).ravel())


def oracle(y, distances, measure, statistic, c=1.0, normalize=False):
    """Return the measure by its definition."""
    A = centred(np.abs(np.subtract.outer(y, y)), statistic)
    if measure == "jdcov":
        blocks = [c - A] + [c - centred(d, statistic) for d in distances]
        flat = [np.full_like(A, c), *blocks[1:]]  # predictions all equal
        return product(blocks, statistic) - product(flat, statistic)
    if measure == "ccdcov":
        distances = [np.sqrt(sum(d**2 for d in distances))]
    total = 0.0
    for d in distances:
        B = centred(d, statistic)
        value = product([A, B], statistic)
        if normalize:
            value /= np.sqrt(product([A, A], statistic) * product([B, B], statistic))
        total += value
    return total


@pytest.mark.parametrize("n", [60, 300])
@pytest.mark.parametrize("statistic", ["V", "U"])
@pytest.mark.parametrize("measure", ["ccdcov", "jdcov", "sum"])
def test_equals_the_definition(measure, statistic, n):
    data = people(n)
    y = predictions(data)
    for c in (1.0, 0.3):
        wanted = oracle(y, pieces(data), measure, statistic, c)
        got = dependence_score(y, data, measure=measure, statistic=statistic, c=c)
        assert isinstance(got, float)
        assert got == pytest.approx(wanted, rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("statistic", ["V", "U"])
@pytest.mark.parametrize("measure", ["ccdcov", "sum"])
def test_normalized(measure, statistic):
    data = people(80)
    y = predictions(data)
    wanted = oracle(y, pieces(data), measure, statistic, normalize=True)
    got = dependence_score(y, data, measure=measure, statistic=statistic, normalize=True)
    assert got == pytest.approx(wanted, rel=1e-10)


def test_defaults():
    data = people(60)
    y = predictions(data)
    assert dependence_score(y, data) == pytest.approx(
        oracle(y, pieces(data), "ccdcov", "U"), rel=1e-10
    )


@pytest.mark.parametrize(
    ("measure", "V", "U"),
    [
        ("sum", 0.0, -10 / 323),
        ("ccdcov", (2 - np.sqrt(2)) / 8, 0.0597192628),
        ("jdcov", 0.125, 565 / 6137),
    ],
)
def test_intersections(measure, V, U):
    # 5 rows of each intersection of two groups; predictions depend on neither, only on both.
    one, two = np.array(list("ffmm") * 5), np.array(list("xyxy") * 5)
    y = ((one == "f") ^ (two == "x")).astype(float)
    data = {"one": one, "two": two}
    assert dependence_score(y, data, measure=measure, statistic="V") == pytest.approx(V, abs=1e-15)
    got = dependence_score(y, data, measure=measure)
    if measure == "jdcov":  # the constant is that of two unrelated attributes
        got += dependence_score((one == "f").astype(float), {"two": two})
    assert got == pytest.approx(U, abs=5e-11)


@pytest.mark.parametrize("measure", ["ccdcov", "jdcov", "sum"])
@pytest.mark.parametrize("statistic", ["V", "U"])
def test_integer_weights_are_repeated_rows(measure, statistic):
    data = people(60)
    y = predictions(data)
    weight = np.random.default_rng(2).integers(0, 4, 60)
    # The rows of weight 0 hold the extreme age and a race of their own.
    data["age"][np.flatnonzero(weight == 0)[:2]] = [1.0, 200.0]
    data["race"][np.flatnonzero(weight == 0)[:2]] = "z"
    rows = np.repeat(np.arange(60), weight)
    wanted = dependence_score(y[rows], take(data, rows), measure=measure, statistic=statistic)
    got = dependence_score(y, data, measure=measure, statistic=statistic, sample_weight=weight)
    assert got == pytest.approx(wanted, rel=1e-10, abs=1e-15)


def test_V_needs_only_ratios_of_weights():
    data = people(60)
    y = predictions(data)
    weight = np.random.default_rng(2).uniform(0.1, 1, 60)
    one = dependence_score(y, data, statistic="V", sample_weight=weight)
    other = dependence_score(y, data, statistic="V", sample_weight=7 * weight)
    assert one == pytest.approx(other, rel=1e-12)
    with pytest.warns(UserWarning, match="statistic='U' takes weights as frequencies, and some"):
        dependence_score(y, data, sample_weight=weight)


def test_held_out_rows_are_measured_with_the_scale_of_the_fit():
    train, test = people(50, seed=3), people(70, seed=4)
    test["age"][0] = 150.0
    y = predictions(test)
    encoder = SensitiveEncoder().fit(train)
    got = dependence_score(y, test, encoder=encoder)
    assert got == pytest.approx(oracle(y, pieces(test, train), "ccdcov", "U"), rel=1e-10)
    assert got != pytest.approx(dependence_score(y, test), rel=1e-2)


def test_held_out_levels_are_one_new_level_at_equal_distance():
    train, test = people(50, seed=3), people(70, seed=4)
    test["race"][:10] = list("xyxyxyxyxy")
    y = predictions(test)
    encoder = SensitiveEncoder().fit(train)
    with pytest.warns(UserWarning, match="'race' has levels that were not there in the fit"):
        got = dependence_score(y, test, encoder=encoder)
    merged = test | {"race": np.where(test["race"] == "y", "x", test["race"])}
    assert got == pytest.approx(oracle(y, pieces(merged, train), "ccdcov", "U"), rel=1e-10)
    # Where they do not count, they are not met.
    weight = np.r_[np.zeros(10), np.ones(60)]
    got = dependence_score(y, test, encoder=encoder, sample_weight=weight)
    rest = take(test, slice(10, None))
    assert got == pytest.approx(oracle(y[10:], pieces(rest, train), "ccdcov", "U"), rel=1e-10)


def test_several_outputs_add_up():
    data = people(60)
    Y = np.column_stack([predictions(data, seed) for seed in range(3)])
    for measure in ("ccdcov", "jdcov"):
        parts = [dependence_score(Y[:, k], data, measure=measure) for k in range(3)]
        got = dependence_score(Y, data, measure=measure)
        assert got == pytest.approx(sum(parts), rel=1e-12)
    assert dependence_score(Y[:, :1], data) == dependence_score(Y[:, 0], data)


@pytest.mark.parametrize("statistic", ["V", "U"])
@pytest.mark.parametrize("measure", ["ccdcov", "jdcov", "sum"])
def test_constant_predictions_score_nothing(measure, statistic):
    got = dependence_score(np.full(50, 0.3), people(50), measure=measure, statistic=statistic)
    assert got == pytest.approx(0, abs=1e-16)


def test_encoding_parameters_are_passed_on():
    data = people(60)
    y = predictions(data)
    race, male, age = pieces(data)
    age = age * np.ptp(data["age"])
    for scale, factor in [
        (None, [1, 1, 1]),
        ("std", [1, 1, data["age"].std()]),
        ("mean_distance", [race.mean(), male.mean(), age.mean()]),
    ]:
        wanted = oracle(y, [d / f for d, f in zip([race, male, age], factor)], "ccdcov", "U")
        assert dependence_score(y, data, scale=scale) == pytest.approx(wanted, rel=1e-10)
    wanted = oracle(y, [race / np.sqrt(2), male, age], "ccdcov", "U")
    got = dependence_score(y, data, scale=None, nominal_metric="discrete")
    assert got == pytest.approx(wanted, rel=1e-10)
    differ = np.sqrt(2) * (age > 0)
    got = dependence_score(y, data, scale=None, sensitive_types={"age": "nominal"})
    assert got == pytest.approx(oracle(y, [race, male, differ], "ccdcov", "U"), rel=1e-10)
    halves = data["age"] - data["age"].min() >= np.ptp(data["age"]) / 2
    step = 0.5 * (halves[:, None] != halves)
    got = dependence_score(y, data, max_levels=2)
    assert got == pytest.approx(oracle(y, [race, male, step], "ccdcov", "U"), rel=1e-10)
    lost = data | {"race": [None if race == "c" else race for race in data["race"]]}
    got = dependence_score(y, lost, missing="category")
    assert got == pytest.approx(dependence_score(y, data), rel=1e-12)


def test_U_is_zero_on_average_without_dependence():
    data = people(100)
    y = predictions(data)
    rng = np.random.default_rng(0)
    U = [dependence_score(rng.permutation(y), data) for _ in range(300)]
    V = dependence_score(rng.permutation(y), data, statistic="V")
    assert abs(np.mean(U)) < 4 * np.std(U) / np.sqrt(300)
    assert 5 * abs(np.mean(U)) < V


def test_attributes_of_any_container():
    data = people(60)
    y = predictions(data)
    wanted = dependence_score(y, data)
    rows = list(zip(*data.values()))
    assert dependence_score(y.tolist(), rows) == wanted
    assert dependence_score(y, rows[::-1]) != wanted


def test_rows_are_aligned_by_position_whatever_the_index_says():
    pandas = pytest.importorskip("pandas", reason="frames have an index")
    data = people(60)
    y = predictions(data)
    frame = pandas.DataFrame(data, index=np.arange(60)[::-1])
    assert dependence_score(pandas.Series(y), frame) == dependence_score(y, data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"measure": "dcor"}, "measure must be one of .* got 'dcor'"),
        ({"measure": None}, "measure must be one of"),
        ({"statistic": "W"}, "statistic must be one of .* got 'W'"),
        ({"scale": "max"}, "scale must be one of"),
        ({"c": 0.0, "measure": "jdcov"}, "c must be above 0, got 0"),
        ({"normalize": True, "measure": "jdcov"}, "normalize=True has no meaning"),
        ({"y_pred": np.ones(9)}, "sensitive_features has 10 rows and y_pred 9: want as many"),
        ({"y_pred": np.full(10, np.nan)}, "y_pred contains NaN"),
        ({"y_pred": np.ones((10, 1, 1))}, "3"),
        ({"sample_weight": -np.ones(10)}, "sample_weight must be at least 0"),
        ({"sample_weight": np.ones(9)}, "sample_weight"),
        ({"sample_weight": np.arange(10) > 6}, "add up to more than 3, got 3"),
        ({"sensitive_features": None}, "sensitive_features is a NoneType"),
        ({"sensitive_features": [None] * 5 + ["a"] * 5}, "'attribute_0' is missing"),
        ({"sensitive_types": {"rase": "nominal"}}, "sensitive_types names 'rase'"),
    ],
)
def test_bad_input(change, message):
    data = people(10)
    given = {"y_pred": predictions(data), "sensitive_features": data} | change
    with pytest.raises(ValueError, match=message):
        dependence_score(**given)


@pytest.mark.parametrize(
    "parameter",
    [
        {"sensitive_types": {"age": "nominal"}},
        {"scale": None},
        {"max_levels": 3},
        {"missing": "category"},
        {"nominal_metric": "discrete"},
    ],
)
def test_a_fitted_encoder_decides_the_encoding(parameter):
    data = people(10)
    encoder = SensitiveEncoder(scale="std").fit(data)
    (name,) = parameter
    with pytest.raises(ValueError, match=f"{name}=.* is given beside a fitted encoder"):
        dependence_score(predictions(data), data, encoder=encoder, **parameter)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dependence_score(predictions(data), data, encoder=encoder)
