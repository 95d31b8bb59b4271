"""Bad input of the weights: one sentence each, that names the parameter."""

import numpy as np
import pytest

from skweight.quantile._weights import quantile_stacking_weights

LEVELS = [0.1, 0.5, 0.9]


def call(**changes):
    rng = np.random.default_rng(0)
    arguments = {
        "Q": np.sort(rng.normal(size=(20, 2, 3)), axis=2),
        "y": rng.normal(size=20),
        "quantiles": LEVELS,
        **changes,
    }
    return quantile_stacking_weights(
        arguments.pop("Q"), arguments.pop("y"), arguments.pop("quantiles"), **arguments
    )


def with_value(shape, value):
    out = np.zeros(shape)
    out[(3,) + (0,) * (len(shape) - 1)] = value
    return out


@pytest.mark.parametrize(
    "quantiles",
    [
        [0.1, 0.1, 0.9],
        [0.5, 0.1, 0.9],
        [0.0, 0.5, 0.9],
        [0.1, 0.5, 1.0],
        [-0.1, 0.5, 0.9],
        [0.1, np.nan, 0.9],
        [],
        0.5,
        [[0.1, 0.5, 0.9]],
    ],
)
def test_levels(quantiles):
    with pytest.raises(ValueError, match="quantiles"):
        call(quantiles=quantiles)


@pytest.mark.parametrize("shape", [(20, 6), (20,), (20, 2, 3, 1), (0, 2, 3), (20, 0, 3)])
def test_shape_of_forecasts(shape):
    with pytest.raises(ValueError, match=r"Q must have shape .*n_samples, n_models, n_quantiles"):
        call(Q=np.zeros(shape))


def test_number_of_levels():
    with pytest.raises(ValueError, match="Q has 4 levels, but quantiles are 3"):
        call(Q=np.zeros((20, 2, 4)))


def test_numbers_of_rows():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        call(y=np.zeros(19))
    with pytest.raises(ValueError, match="sample_weight"):
        call(sample_weight=np.ones(19))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite(value):
    with pytest.raises(ValueError, match="Q contains NaN or infinity"):
        call(Q=with_value((20, 2, 3), value))
    with pytest.raises(ValueError, match="Q contains NaN or infinity"):
        call(Q=with_value((20, 2, 3), value).astype(np.float32))
    with pytest.raises(ValueError, match="y contains"):
        call(y=with_value((20,), value))
    with pytest.raises(ValueError, match="sample_weight"):
        call(sample_weight=with_value((20,), value) + 1)


def test_not_finite_far_down_a_long_array():
    Q = np.zeros((300_000, 2, 3), dtype=np.float32)
    Q[-1, -1, -1] = np.nan
    with pytest.raises(ValueError, match="Q contains NaN"):
        call(Q=Q, y=np.zeros(300_000))


def test_row_weights():
    with pytest.raises(ValueError, match=r"[Ss]ample.weights?"):
        call(sample_weight=np.zeros(20))
    with pytest.raises(ValueError, match="sample_weight"):
        call(sample_weight=np.where(np.arange(20) == 3, -1.0, 1.0))
    with pytest.raises(ValueError, match=r"[Ss]ample.weights?"):
        call(sample_weight=np.ones((20, 2)))


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("weighting", ("coarse", "medium", "fine")),
        ("constraint", ("simplex", "nonneg", "none")),
        ("solver", ("auto", "ipm", "first-order", "highs")),
    ],
)
def test_unknown_options(name, choices):
    for value in ("local", "", None, 3, choices[0].upper()):
        with pytest.raises(ValueError, match=f"{name} must be one of") as raised:
            call(**{name: value})
        assert repr(value) in str(raised.value)
        assert all(repr(choice) in str(raised.value) for choice in choices)


def test_groups_of_levels():
    for weighting in ("coarse", "fine"):
        with pytest.raises(ValueError, match="level_groups needs weighting='medium'"):
            call(weighting=weighting, level_groups=[0, 0, 1])
    for groups in ([0, 1], [0, 1, 2, 3], [[0, 1, 2]], 1):
        with pytest.raises(ValueError, match="level_groups must hold one label for each of the 3"):
            call(level_groups=groups)


def test_first_order_with_rows_that_must_not_cross():
    with pytest.raises(ValueError, match="solver='first-order' cannot keep"):
        call(solver="first-order", noncrossing=True)


def test_options_go_by_name():
    with pytest.raises(TypeError, match="positional"):
        quantile_stacking_weights(np.zeros((3, 1, 1)), np.zeros(3), [0.5], "coarse")
