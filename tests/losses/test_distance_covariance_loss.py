"""The loss of a batch against the functions of arrays, and what its statistics promise."""

from itertools import combinations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from numpy.testing import assert_allclose  # noqa: E402

from skweight.fairness import (  # noqa: E402
    concatenated_distance_covariance,
    distance_covariance,
    joint_distance_covariance,
)
from skweight.losses import DistanceCovarianceLoss  # noqa: E402

MEASURES = ("ccdcov", "jdcov", "sum")
STATISTICS = ("U", "V")


def of_arrays(y, blocks, measure, statistic, c, weight):
    """Return value and gradient by the functions of arrays, which share no code with the loss."""
    options = {"statistic": statistic, "sample_weight": weight, "return_gradient": True}
    if measure == "ccdcov":
        return concatenated_distance_covariance(y, blocks, **options)
    if measure == "jdcov":
        return joint_distance_covariance([y, *blocks], c, **options)
    parts = [distance_covariance(y, block, **options) for block in blocks]
    return sum(value for value, _ in parts), sum(gradient for _, gradient in parts)


def rows(n, ties, weighted, seed=0):
    """Make predictions, attributes (a number, three levels, two columns) and weights."""
    rng = np.random.default_rng(seed)
    s = rng.normal(size=n)
    s = s.round(0) if ties else s
    blocks = [s, np.eye(3)[rng.integers(0, 3, n)], rng.normal(size=(n, 2)).round(1)]
    y = s**2 + rng.normal(size=n)
    y = y.round(0) if ties else y
    return y, blocks, rng.integers(0, 4, n) if weighted else None


def in_torch(loss, y, blocks, weight):
    """Return value and gradient of the loss."""
    y = torch.tensor(y, dtype=torch.float64, requires_grad=True)
    blocks = [torch.as_tensor(block) for block in blocks]
    value = loss(y, blocks, None if weight is None else torch.as_tensor(weight))
    value.backward()
    return value.item(), y.grad.numpy()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [6, 60, 200])
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("measure", MEASURES)
def test_value_and_gradient_are_those_of_arrays(measure, statistic, n, ties, weighted):
    y, blocks, weight = rows(n, ties, weighted, seed=n)
    c = 0.7
    value, gradient = in_torch(DistanceCovarianceLoss(measure, statistic, c), y, blocks, weight)
    expected, slopes = of_arrays(y, blocks, measure, statistic, c, weight)
    size = np.abs(slopes).max() * np.ptp(y)
    assert_allclose(value, expected, rtol=1e-12, atol=1e-12 * size)
    assert_allclose(gradient, slopes, rtol=1e-12, atol=1e-12 * np.abs(slopes).max())


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("measure", MEASURES)
def test_gradient_is_the_derivative(measure, statistic):
    y, blocks, weight = rows(9, ties=False, weighted=True)
    blocks = [torch.as_tensor(block) for block in blocks]
    weight = torch.as_tensor(weight)
    loss = DistanceCovarianceLoss(measure, statistic)
    y = torch.tensor(y, requires_grad=True)
    # No step crosses a tie, so that differences of the piecewise linear value are exact.
    assert torch.autograd.gradcheck(lambda y: loss(y, blocks, weight), [y], eps=1e-4, atol=1e-9)


@pytest.mark.parametrize("measure", ["ccdcov", "sum"])
def test_mean_over_all_batches_is_that_of_all_rows(measure):
    n, size = 9, 5
    y, blocks, _ = rows(n, ties=False, weighted=False)
    subsets = [list(subset) for subset in combinations(range(n), size)]

    def mean_and_whole(statistic):
        loss = DistanceCovarianceLoss(measure, statistic)
        parts = [
            in_torch(loss, y[subset], [block[subset] for block in blocks], None)[0]
            for subset in subsets
        ]
        return np.mean(parts), in_torch(loss, y, blocks, None)[0]

    mean, whole = mean_and_whole("U")
    assert_allclose(mean, whole, rtol=1e-12)
    mean, whole = mean_and_whole("V")
    assert mean > 1.2 * whole


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("measure", MEASURES)
def test_integer_weights_are_repeated_rows(measure, statistic):
    y, blocks, weight = rows(40, ties=True, weighted=True)
    loss = DistanceCovarianceLoss(measure, statistic)
    value, gradient = in_torch(loss, y, blocks, weight)
    again = [np.repeat(block, weight, axis=0) for block in blocks]
    repeated, slopes = in_torch(loss, np.repeat(y, weight), again, None)
    assert_allclose(value, repeated, rtol=1e-12)
    # A prediction that stands for several rows has the sum of their slopes.
    sums = np.bincount(np.repeat(np.arange(40), weight), slopes, minlength=40)
    assert_allclose(gradient, sums, rtol=1e-10, atol=1e-14)


def test_exclusive_or():
    # Either attribute alone says nothing; constants from the definition, by hand.
    a, b = torch.tensor([[0.0, 0, 1, 1], [0, 1, 0, 1]], dtype=torch.float64).repeat(1, 5)
    y = (a - b).abs()
    biased = [DistanceCovarianceLoss(m, "V")(y, [a, b]).item() for m in MEASURES]
    assert_allclose(biased, [(2 - np.sqrt(2)) / 8, 1 / 8, 0], atol=1e-15)
    unbiased = [DistanceCovarianceLoss(m, "U")(y, [a, b]).item() for m in MEASURES]
    assert_allclose(unbiased, [0.0597192628, 0.0920645267, -0.0309597523], atol=1e-10)


def test_columns_of_predictions_are_added_up():
    y, blocks, weight = rows(30, ties=False, weighted=True)
    loss = DistanceCovarianceLoss("jdcov")
    Y = torch.as_tensor(np.column_stack([y, y**2, -y]))
    blocks, weight = [torch.as_tensor(b) for b in blocks], torch.as_tensor(weight)
    parts = sum(loss(column, blocks, weight).item() for column in Y.T)
    assert_allclose(loss(Y, blocks, weight).item(), parts, rtol=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("weight", [None, [1.0, 1.0, 1.0, 0.0, 0.0], [0.5, 0.5, 0.5, 0.5, 1.0]])
def test_too_few_rows_contribute_nothing(weight, measure):
    n = 3 if weight is None else 5
    y = torch.arange(float(n), requires_grad=True)
    weight = None if weight is None else torch.tensor(weight)
    value = DistanceCovarianceLoss(measure)(y, [torch.arange(float(n))], weight)
    value.backward()
    assert value.item() == 0
    assert torch.equal(y.grad, torch.zeros(n))


def test_attributes_are_no_part_of_the_graph():
    y = torch.rand(8, requires_grad=True)
    s = torch.rand(8, requires_grad=True)
    DistanceCovarianceLoss()(y, s).backward()
    assert s.grad is None


def test_single_precision():
    y, blocks, weight = rows(100, ties=True, weighted=True)
    loss = DistanceCovarianceLoss("jdcov")
    expected = in_torch(loss, y, blocks, weight)[0]
    y = torch.tensor(y, dtype=torch.float32)
    value = loss(y, [torch.as_tensor(block) for block in blocks], torch.as_tensor(weight))
    assert value.dtype == torch.float32
    assert_allclose(value.item(), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"measure": "dcov"}, "measure must be one of"),
        ({"statistic": None}, "statistic must be one of"),
        ({"c": 0.0}, "c must be above 0"),
        ({"c": np.nan}, "c must be above 0"),
    ],
)
def test_parameters_that_mean_nothing(parameters, message):
    with pytest.raises(ValueError, match=message):
        DistanceCovarianceLoss(**parameters)


@pytest.mark.parametrize(
    ("sensitive", "weight", "message"),
    [
        ([], None, "at least one attribute"),
        ([torch.ones(4), torch.ones(5)], None, "sensitive must have 4 rows as y_pred, got 5"),
        (torch.ones(4), torch.ones(3), r"weight must have the shape \(4,\), got \(3,\)"),
    ],
)
def test_batches_that_mean_nothing(sensitive, weight, message):
    with pytest.raises(ValueError, match=message):
        DistanceCovarianceLoss()(torch.rand(4), sensitive, weight)
