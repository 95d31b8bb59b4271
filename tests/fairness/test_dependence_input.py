"""What the functions take, and what they refuse in one sentence."""

import warnings

import numpy as np
import pytest
from dependence_oracle import STATISTICS, dependent_predictions, mixed_blocks
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skweight.fairness import (
    concatenated_distance_covariance,
    distance_correlation,
    distance_covariance,
    independence_test,
    joint_distance_covariance,
)
from skweight.fairness._penalty import DependencePenalty

try:
    import pandas as pd
except ImportError:
    pd = None

N = 30
RNG = np.random.default_rng(0)
BLOCKS = mixed_blocks(RNG, N)
Y = dependent_predictions(RNG, BLOCKS)
S = BLOCKS[0]

# What a user without pandas cannot pass.
FRAMES = [] if pd is None else [pd.DataFrame({"a": S}), pd.Series(S)]


def in_frames(y, s, weight, index):
    """Return predictions, attribute and weights in frames with a shuffled index."""
    if pd is None:
        return []
    series = [pd.Series(values, index=index) for values in (y, s, weight)]
    nullable = pd.Series(y, dtype="Float64"), pd.DataFrame({"age": s}), weight.astype(int)
    return [series, nullable]


# One call for each function, of predictions and one attribute.
CALLS = {
    "covariance": lambda y, s, **options: distance_covariance(y, s, **options),
    "correlation": lambda y, s, **options: distance_correlation(y, s, **options),
    "concatenated": lambda y, s, **options: concatenated_distance_covariance(y, [s], **options),
    "joint": lambda y, s, **options: joint_distance_covariance([y, s], **options),
}
# Names of the two in messages.
NAMES = {
    "covariance": ("y", "s"),
    "correlation": ("y", "s"),
    "concatenated": ("y", r"blocks\[0\]"),
    "joint": (r"blocks\[0\]", r"blocks\[1\]"),
    "test": ("y", r"blocks\[0\]"),
}
REFUSALS = {
    **CALLS,
    "test": lambda y, s, **options: independence_test(y, [s], n_permutations=9, **options),
}
every_function = pytest.mark.parametrize("name", CALLS)
every_refusal = pytest.mark.parametrize("name", REFUSALS)


# What is taken.


@pytest.mark.parametrize("n", [30, 600])
@every_function
def test_kinds_of_arrays(name, n):
    rng = np.random.default_rng(n)
    call = CALLS[name]
    # Numbers that single precision holds.
    y, s = np.round(rng.normal(size=(2, n)) * 64) / 64
    weight = rng.integers(0, 3, n).astype(float)
    options = {"sample_weight": weight, "return_gradient": True, "smoothing": 0.1}
    value, gradient = call(y, s, **options)
    assert isinstance(value, float)
    assert gradient.dtype == np.float64
    wide = np.zeros((n, 6))
    wide[:, 1], wide[:, 3] = y, s
    locked = [y.copy(), s.copy(), weight.copy()]
    for array in locked:
        array.setflags(write=False)
    for other_y, other_s, w in (
        (y.astype(np.float32), s.astype(np.float32), weight.astype(np.float32)),
        (wide[:, 1], wide[:, 3], np.repeat(weight, 2)[::2]),
        (np.asfortranarray(wide)[:, 1], wide[:, 3:4], weight),
        tuple(locked),
        *in_frames(y, s, weight, rng.permutation(n)),
        (y.tolist(), s.tolist(), weight.tolist()),
        (y[:, None], s, weight),
    ):
        options["sample_weight"] = w
        found, slopes = call(other_y, other_s, **options)
        assert found == value
        assert_array_equal(slopes, gradient)
    assert_array_equal(y, locked[0])  # and nothing was written to


@every_function
def test_whole_numbers_and_booleans(name):
    call = CALLS[name]
    y, s = Y > 0, BLOCKS[2]
    expected = call(y.astype(float), s)
    assert call(y, s.astype(bool)) == expected
    assert call(y.astype(int), s.astype(np.int8)) == expected


@pytest.mark.parametrize("n", [30, 600])
def test_penalty_takes_predictions_of_any_type(n):
    rng = np.random.default_rng(n)
    y = rng.integers(0, 9, n)
    penalty = DependencePenalty([rng.normal(size=n)])
    value, gradient = penalty.value_and_gradient(y.astype(float))
    for kind in (int, np.float32, np.uint8):
        found, slopes = penalty.value_and_gradient(y.astype(kind))
        assert found == value
        assert slopes.dtype == np.float64
        assert_array_equal(slopes, gradient)


@every_function
def test_rows_of_weight_zero_do_not_count(name):
    weight = np.ones(N)
    weight[:3] = 0
    y, s = Y.copy(), S.copy()
    y[0], s[1] = 1e9, -1e9
    value, gradient = CALLS[name](y, s, sample_weight=weight, return_gradient=True)
    expected, slopes = CALLS[name](y[3:], s[3:], return_gradient=True)
    assert_allclose(value, expected, rtol=1e-12)
    assert_allclose(gradient, np.r_[0, 0, 0, slopes], rtol=0, atol=1e-14)


@every_function
@pytest.mark.parametrize("statistic", STATISTICS)
def test_constants_depend_on_nothing(name, statistic):
    for y, s in ((np.full(N, 0.1), S), (Y, np.full(N, 0.1)), (np.full(N, 0.1), np.full(N, 7))):
        value, gradient = CALLS[name](y, s, statistic=statistic, return_gradient=True)
        assert_allclose(value, 0, atol=1e-15)
        assert_allclose(gradient, 0, atol=1e-15)
    # Where nothing is held in a matrix of rows.
    y = np.random.default_rng(0).normal(size=1000)
    for pair in ((np.full(1000, 0.1), y), (y, np.full(1000, 0.1))):
        assert_allclose(CALLS[name](*pair, statistic=statistic), 0, atol=1e-15)


@every_function
def test_few_rows(name):
    assert CALLS[name](Y[:1], S[:1]) == 0
    assert CALLS[name](Y[:2], S[:2]) > 0  # V has no bound on rows
    weight = np.array([2, 2])  # four rows
    assert np.isfinite(CALLS[name](Y[:2], S[:2], statistic="U", sample_weight=weight))
    assert np.isfinite(CALLS[name](Y[:4], S[:4], statistic="U"))


def test_tiny_widths_are_quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exact = distance_covariance(Y * 1e9, S)
        assert_allclose(distance_covariance(Y * 1e9, S, smoothing=1e-300), exact, rtol=1e-13)


# What is refused.


@every_refusal
def test_predictions_of_several_columns(name):
    match = rf"^{NAMES[name][0]} must have one dimension, got the shape \(30, 2\)\.$"
    with pytest.raises(ValueError, match=match):
        REFUSALS[name](np.ones((N, 2)), S)


@every_refusal
def test_lengths_that_differ(name):
    y, s = NAMES[name]
    with pytest.raises(ValueError, match=f"^{s} must have as many rows as {y}, 30, got 29.$"):
        REFUSALS[name](Y, S[:-1])
    with pytest.raises(ValueError, match=r"^sample_weight must have the shape \(30,\), got"):
        REFUSALS[name](Y, S, sample_weight=np.ones(29))


@every_refusal
@pytest.mark.parametrize("value", [np.nan, np.inf, None])
def test_missing_and_infinite_values(name, value):
    what = "infinity" if value == np.inf else "NaN"
    kind = object if value is None else float
    broken = Y.astype(kind)
    broken[3] = value
    for k, pair in enumerate(((broken, S), (Y, broken))):
        with pytest.raises(ValueError, match=f"{NAMES[name][k]} contains {what}"):
            REFUSALS[name](*pair)


@every_refusal
def test_weights(name):
    for weight, match in (
        (np.full(N, -1.0), "sample_weight must be at least 0 everywhere"),
        (np.r_[np.nan, np.ones(N - 1)], "sample_weight contains NaN"),
        (np.zeros(N), "weight"),
        (np.ones((N, 1)), r"sample_weight must have the shape \(30,\)"),
    ):
        with pytest.raises(ValueError, match=match):
            REFUSALS[name](Y, S, sample_weight=weight)


@every_refusal
def test_u_needs_more_than_three_rows(name):
    match = r"^statistic='U' needs rows or weights that add up to more than 3, got 3; "
    with pytest.raises(ValueError, match=match):
        REFUSALS[name](Y[:3], S[:3], statistic="U")
    if name != "test":  # weights that sum to 1 are no frequencies
        with pytest.raises(ValueError, match="more than 3, got 1;"):
            REFUSALS[name](Y, S, statistic="U", sample_weight=np.full(N, 1 / N))


@every_function
def test_u_warns_of_weights_that_are_not_whole(name):
    weight = np.full(N, 1.5)
    with pytest.warns(UserWarning, match="statistic='U' takes weights as frequencies") as record:
        CALLS[name](Y, S, statistic="U", sample_weight=weight)
    assert record[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CALLS[name](Y, S, statistic="V", sample_weight=weight)
        CALLS[name](Y, S, statistic="U", sample_weight=np.full(N, 2.0))


@every_refusal
@pytest.mark.parametrize("statistic", ["u", "biased", None])
def test_statistics_that_are_none(name, statistic):
    with pytest.raises(ValueError, match=r"^statistic must be 'V' or 'U', got"):
        REFUSALS[name](Y, S, statistic=statistic)


@every_function
@pytest.mark.parametrize("smoothing", [-1e-9, np.nan, np.inf])
def test_smoothing_below_zero_or_infinite(name, smoothing):
    with pytest.raises(ValueError, match=r"^smoothing must be at least 0 and finite, got"):
        CALLS[name](Y, S, smoothing=smoothing)


@pytest.mark.parametrize("c", [0, -1.0, np.nan, np.inf])
def test_c_that_is_no_distance(c):
    for call in (
        lambda: joint_distance_covariance([Y, S], c=c),
        lambda: DependencePenalty([S], measure="jdcov", c=c),
    ):
        with pytest.raises(ValueError, match=r"^c must be above 0, got .*: want a finite distance"):
            call()


@pytest.mark.parametrize("function", [distance_covariance, distance_correlation])
def test_root_of_v_alone(function):
    for options in ({"statistic": "U"}, {"return_gradient": True}):
        with pytest.raises(ValueError, match=r"^squared=False is the root.*want squared=True\.$"):
            function(Y, S, squared=False, **options)


def test_normalised_joint():
    with pytest.raises(ValueError, match=r"^normalize=True has no meaning with measure='jdcov'"):
        DependencePenalty(BLOCKS, measure="jdcov", normalize=True)


def test_blocks_that_are_not_there():
    for function in (concatenated_distance_covariance, independence_test):
        with pytest.raises(ValueError, match=r"^blocks must hold at least one attribute, got none"):
            function(Y, [])
    for blocks in ([], [Y]):
        match = r"^blocks must hold the variable and at least one attribute, got"
        with pytest.raises(ValueError, match=match):
            joint_distance_covariance(blocks)


@pytest.mark.parametrize(
    "blocks",
    [np.ones((N, 2)), np.ones((N, N)), S, {"a": S}, "ab", *FRAMES],
)
def test_blocks_that_are_no_list(blocks):
    # The rows of a square array would go for attributes.
    for call in (
        lambda: concatenated_distance_covariance(Y, blocks),
        lambda: joint_distance_covariance(blocks),
        lambda: independence_test(Y, blocks),
    ):
        with pytest.raises(ValueError, match=r"^blocks must be a list with one array for each"):
            call()


@every_refusal
def test_attributes_that_are_no_numbers(name):
    with pytest.raises(ValueError, match="could not convert string to float"):
        REFUSALS[name](Y, np.array(["a", "b"] * 15))
    with pytest.raises(ValueError, match="0 feature"):
        REFUSALS[name](Y, np.empty((N, 0)))
    with pytest.raises(ValueError, match="dim 3"):
        REFUSALS[name](Y, np.ones((N, 1, 1)))
    with pytest.raises(TypeError, match=f"Sparse data was passed for {NAMES[name][1]}"):
        REFUSALS[name](Y, sparse.csr_matrix(np.ones((N, 1))))
    with pytest.raises(ValueError, match="0 sample"):
        REFUSALS[name]([], [])
