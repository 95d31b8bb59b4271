"""All ways to form the same sums agree with the dense oracle, whatever ties, weights and widths."""

import pickle
import resource
import time
import tracemalloc
import warnings

import numpy as np
import pytest
from dependence_oracle import (
    FORMS,
    MEASURES,
    REAL,
    STATISTICS,
    as_block,
    dependent_predictions,
    distances,
    functional,
    functional_gradient,
    functional_value,
    mixed_blocks,
    one_hot,
    tolerances,
    value_and_gradient,
    weights_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skweight.fairness._penalty import DependencePenalty

PATHS = ("auto", "matrix", "tree", "cells", "dense")


def paths_of(measure, blocks):
    """Return the paths that mean something for these attributes."""
    one = all(as_block(block).shape[1] == 1 for block in blocks)
    tree = one and (measure == "sum" or (measure == "ccdcov" and len(blocks) == 1))
    return PATHS if tree else [path for path in PATHS if path != "tree"]


def compare(y, blocks, weight, measure, statistic, width=0.0, c=1.0, rel=1e-12):
    """Hold every path to the oracle; return the largest share of the tolerance that was used."""
    m, constant = functional(blocks, weight, measure, statistic, c)
    value = functional_value(y, m, weight, statistic, width)
    gradient = functional_gradient(y, m, weight, statistic, width)
    sizes = tolerances(y, blocks, weight, measure, statistic, c, rel, width)
    used = 0.0
    for path in paths_of(measure, blocks):
        options = {"measure": measure, "statistic": statistic, "c": c, "path": path}
        penalty = DependencePenalty(blocks, weight, **options)
        found, slopes = penalty.value_and_gradient(y, width)
        errors = [
            float(abs(found - value)),
            float(np.abs(slopes - gradient).max()),
            float(abs(penalty.constant - constant)),
        ]
        for what, error, size in zip(("value", "gradient", "constant"), errors, sizes):
            assert error <= size, f"{what} by {path}: off by {error:g}, allowed {size:g}"
            used = max(used, error / size) if size > 0 else used
    return used


# Adversarial input: ties, near ties, zeros of both signs, far offsets, zero and huge weights.

LEVELS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1 / 3, 1 + 1e-12, 1e-9, 2.5, -7.0, 1000.0])
INTEGERS = st.integers(0, 5).map(float)
FRACTIONS = st.sampled_from([0.0, 0.3, 1.0, 1.7, 12.0, 1e-3])
HUGE = st.sampled_from([0.0, 1.0, 1e-6, 1e6])


def column(draw, n, values):
    return np.array(draw(st.lists(values, min_size=n, max_size=n)))


@st.composite
def designs(draw):
    n = draw(st.integers(4, 14))
    y = column(draw, n, LEVELS) + draw(st.sampled_from([0.0, 0.0, 1e6]))
    blocks = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["numeric", "levels", "pair", "offset"]))
        if kind == "levels":
            blocks.append(one_hot(column(draw, n, st.integers(0, 3))))
        elif kind == "pair":
            blocks.append(np.column_stack([column(draw, n, LEVELS) for _ in range(2)]))
        else:
            blocks.append(column(draw, n, LEVELS) + (1e6 if kind == "offset" else 0))
    weight = None
    kind = draw(st.sampled_from([None, INTEGERS, FRACTIONS, HUGE]))
    if kind is not None:
        weight = column(draw, n, kind)
    statistic = draw(st.sampled_from(STATISTICS))
    total = weights_of(weight, n).sum()
    if total <= (3.5 if statistic == "U" else 0):
        weight = None
    width = draw(st.sampled_from([0.0, 0.0, 1e-300, 1e-9, 1e-3, 0.5, 1.0, 3.0, 1e4, 1e9]))
    measure = draw(st.sampled_from(MEASURES))
    return y, blocks, weight, measure, statistic, width, draw(st.sampled_from([0.1, 1.0, 20.0]))


@settings(max_examples=400, deadline=None)
@given(designs())
def test_paths_agree_whatever_the_ties_and_weights(design):
    compare(*design)


# Sizes around the limits of tiles, trees and few rows.


@pytest.mark.parametrize("width", [0.0, 1e-6, 0.02, 1.0, 50.0])
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("n", [7, 255, 256, 257, 511, 513, 600])
def test_paths_agree_around_sizes(n, statistic, width):
    rng = np.random.default_rng(n)
    s = rng.normal(size=n)
    y = np.abs(s) + rng.normal(size=n)
    weight = rng.uniform(0, 2, n) * (rng.random(n) < 0.8)
    compare(y, [s], weight, "ccdcov", statistic, width)
    compare(y.round(1), [s.round(1)], rng.integers(0, 4, n), "sum", statistic, width)


@pytest.mark.parametrize("width", [0.0, 0.03])
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("ties", [False, True])
def test_paths_agree_on_mixed_attributes(ties, measure, statistic, width):
    rng = np.random.default_rng(1)
    blocks = mixed_blocks(rng, 540, ties)
    y = dependent_predictions(rng, blocks, ties)
    compare(y, blocks, rng.integers(0, 3, 540), measure, statistic, width)


@pytest.mark.slow
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("measure", MEASURES)
def test_paths_agree_on_many_rows(measure, statistic):
    rng = np.random.default_rng(2)
    n = 1600  # three tiles, also without the third of the rows that have no weight
    blocks = [1e6 + rng.normal(size=n), rng.integers(18, 90, n) / 72, rng.integers(0, 2, n)]
    y = 1e6 + blocks[2] * blocks[1] + rng.gamma(2, size=n)
    compare(y, blocks, rng.integers(0, 3, n), measure, statistic, 0.0)
    compare(y, blocks[:1], rng.uniform(0, 3, n), measure, statistic, 1e-3)


@pytest.mark.parametrize("offset", [1e6, -1e8])
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("width", [0.0, 0.01])
def test_offsets_cost_no_digits(statistic, offset, width):
    rng = np.random.default_rng(3)
    # Multiples of 2^-20, so that adding the offset is exact.
    y, s = np.round(rng.normal(size=(2, 400)) * 2**20) / 2**20
    weight = rng.integers(0, 3, 400)
    for path in ("matrix", "tree", "cells", "dense"):
        near, far = (
            DependencePenalty([s + shift], weight, statistic=statistic, path=path)
            for shift in (0.0, offset)
        )
        value, gradient = near.value_and_gradient(y, width)
        other, slopes = far.value_and_gradient(y - 3 * offset, width)
        assert_allclose(other, value, rtol=1e-12)
        assert_allclose(slopes, gradient, rtol=0, atol=1e-12 * np.abs(gradient).max())


@pytest.mark.parametrize(("measure", "normalize"), FORMS)
@pytest.mark.parametrize("width", [0.0, 1e-9, 1e-20])
def test_close_predictions_are_told_apart(width, measure, normalize):
    # Less than a rounding of the others apart, as probabilities near 0 are.
    rng = np.random.default_rng(13)
    s = rng.normal(size=300)
    y = np.r_[np.arange(60) * 3e-10, np.arange(60) * 1e-20, rng.random(180)]
    expected, slopes = value_and_gradient(y, [s], measure=measure, normalize=normalize, width=width)
    slopes = slopes.astype(float)
    for path in paths_of(measure, [s]):
        penalty = DependencePenalty([s], measure=measure, normalize=normalize, path=path)
        value, gradient = penalty.value_and_gradient(y, width)
        assert_allclose(value, float(expected), rtol=1e-12)
        assert_allclose(gradient, slopes, rtol=0, atol=1e-12 * np.abs(slopes).max())


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("width", [1e2, 1e5, 1e9])
def test_wide_smoothing_keeps_its_digits(width, measure, statistic):
    # All pairs are inside, so what is left is quadratic in distances far below the width.
    rng = np.random.default_rng(4)
    blocks = [rng.normal(size=500)] if measure == "sum" else mixed_blocks(rng, 500)
    y = rng.normal(size=500)
    weight = rng.uniform(0, 2, 500)
    m, _ = functional(blocks, weight, measure, statistic)
    value = float(functional_value(y, m, weight, statistic, width))
    gradient = functional_gradient(y, m, weight, statistic, width).astype(float)
    for path in paths_of(measure, blocks):
        options = {"measure": measure, "statistic": statistic, "path": path}
        found, slopes = DependencePenalty(blocks, weight, **options).value_and_gradient(y, width)
        assert_allclose(found, value, rtol=1e-11)
        assert_allclose(slopes, gradient, rtol=0, atol=1e-12 * np.abs(gradient).max())


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("width", [0.0, 0.1])
@pytest.mark.parametrize(("measure", "normalize"), [form for form in FORMS if form[1]])
def test_normalised_paths_agree(measure, normalize, statistic, width):
    rng = np.random.default_rng(5)
    blocks = [rng.normal(size=450), rng.integers(0, 2, 450)]
    y = dependent_predictions(rng, blocks, ties=True)
    weight = rng.integers(0, 3, 450)
    results = []
    for path in paths_of(measure, blocks):
        penalty = DependencePenalty(
            blocks, weight, measure=measure, statistic=statistic, normalize=normalize, path=path
        )
        results.append(penalty.value_and_gradient(y, width))
    for value, gradient in results[1:]:
        assert_allclose(value, results[0][0], rtol=1e-12)
        largest = np.abs(results[0][1]).max()
        assert_allclose(gradient, results[0][1], rtol=0, atol=1e-12 * largest)


@pytest.mark.parametrize("measure", MEASURES)
def test_order_of_rows_and_blocks_is_no_matter(measure):
    rng = np.random.default_rng(6)
    n = 700
    blocks = [rng.normal(size=n), rng.integers(0, 3, n)]
    y = dependent_predictions(rng, blocks, ties=True)
    rows = rng.permutation(n)
    penalty = DependencePenalty(blocks, measure=measure)
    value, gradient = penalty.value_and_gradient(y)
    other = DependencePenalty([block[rows] for block in blocks[::-1]], measure=measure)
    shuffled, slopes = other.value_and_gradient(y[rows])
    assert_allclose(shuffled, value, rtol=1e-12)
    assert_allclose(slopes, gradient[rows], rtol=0, atol=1e-12 * np.abs(gradient).max())


@pytest.mark.parametrize("n", [60, 700])
@pytest.mark.parametrize(("measure", "normalize"), FORMS)
@pytest.mark.parametrize("statistic", STATISTICS)
def test_value_of_sorted(n, measure, normalize, statistic):
    rng = np.random.default_rng(7)
    blocks = [rng.normal(size=n), rng.integers(0, 3, n)]
    y = dependent_predictions(rng, blocks)
    options = {"measure": measure, "statistic": statistic, "normalize": normalize}
    penalty = DependencePenalty(blocks, rng.integers(1, 3, n), **options)
    order = np.argsort(y)
    assert_allclose(penalty.value_of_sorted(y[order], order), penalty.value(y), rtol=1e-13)
    shuffled = rng.permutation(order)
    moved = np.empty(n)
    moved[shuffled] = y[order]
    assert_allclose(
        penalty.value_of_sorted(y[order], shuffled), penalty.value(moved), rtol=1e-12, atol=1e-16
    )


def test_evaluations_leave_no_trace():
    rng = np.random.default_rng(8)
    blocks = [rng.normal(size=500), rng.integers(0, 3, 500)]
    y = dependent_predictions(rng, blocks)
    for path in ("matrix", "cells", "dense"):
        penalty = DependencePenalty(blocks, measure="jdcov", path=path)
        first, gradient = penalty.value_and_gradient(y, 0.1)
        penalty.value_and_gradient(-y[::-1], 5.0)
        again, slopes = penalty.value_and_gradient(y, 0.1)
        assert again == first
        assert (slopes == gradient).all()


# Which path, and what it takes.


def test_paths_by_attributes():
    rng = np.random.default_rng(9)
    numeric, levels, binary = (
        rng.normal(size=3000),
        rng.integers(0, 40, 3000),
        rng.integers(0, 2, 3000),
    )
    for blocks, measure, path in (
        ([numeric], "ccdcov", "tree"),
        ([levels], "ccdcov", "cells"),
        ([levels, binary], "ccdcov", "cells"),
        ([levels, binary], "jdcov", "cells"),
        ([numeric, binary], "ccdcov", "dense"),
        ([numeric, binary], "jdcov", "dense"),
        ([numeric, binary], "sum", "tree+cells"),
    ):
        assert DependencePenalty(blocks, measure=measure).path == path
    assert DependencePenalty([levels, binary], max_cells=50).path == "dense"
    assert DependencePenalty([numeric[:200]]).path == "matrix"


def test_tree_takes_one_column():
    with pytest.raises(ValueError, match="path='tree' takes one column, got 2"):
        DependencePenalty([np.ones((9, 2))], path="tree")


@pytest.mark.parametrize(("measure", "normalize"), [form for form in FORMS if form[0] != "sum"])
@pytest.mark.parametrize("statistic", STATISTICS)
def test_many_continuous_rows_are_warned_of_and_not_allocated(measure, normalize, statistic):
    rng = np.random.default_rng(10)
    blocks = [rng.normal(size=200_000) for _ in range(3)]
    # What is compiled or imported first does not count.
    DependencePenalty([block[:300] for block in blocks], path="dense").value(blocks[0][:300])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    start = time.process_time()
    with pytest.warns(UserWarning, match=r"takes about [\d.e+]+ seconds.*max_levels") as record:
        penalty = DependencePenalty(
            blocks, measure=measure, statistic=statistic, normalize=normalize
        )
    seconds = time.process_time() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(record) == 1
    assert penalty.path == "dense"
    assert seconds < 10
    assert peak < 100e6  # a matrix of all pairs would be 320 GB, of 2000 cells 32 MB
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < 300e6


def test_no_warning_where_it_is_fast():
    rng = np.random.default_rng(11)
    numeric, levels = rng.normal(size=100_000), rng.integers(0, 50, 100_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DependencePenalty([numeric, levels], measure="sum")
        DependencePenalty([levels, levels % 2, levels % 3])
        DependencePenalty([numeric[:20_000], levels[:20_000]])


@pytest.mark.slow
@pytest.mark.parametrize("measure", ["ccdcov", "jdcov"])
def test_dense_evaluation_takes_memory_of_rows_alone(measure):
    rng = np.random.default_rng(12)
    n = 8_000
    blocks = [rng.normal(size=n) for _ in range(3)]
    y = rng.normal(size=n)
    DependencePenalty([block[:300] for block in blocks], path="dense").value(y[:300])
    tracemalloc.start()
    penalty = DependencePenalty(blocks, measure=measure)
    assert penalty.path == "dense"
    value, gradient = penalty.value_and_gradient(y, 1e-3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * 8 * n
    # A few of its slopes by hand.
    rows = np.arange(0, n, 1600)
    columns = np.column_stack(blocks)
    if measure == "ccdcov":
        sums = np.array([np.sqrt(((columns - row) ** 2).sum(axis=1)).sum() for row in columns])
        for i in rows:
            b = np.sqrt(((columns - columns[i]) ** 2).sum(axis=1))
            m = b - sums / n - sums[i] / n + sums.sum() / n**2
            slope = 2 / n**2 * (m * np.clip((y[i] - y) / 1e-3, -1, 1)).sum()
            assert_allclose(gradient[i], slope, rtol=0, atol=1e-13)
    assert value > 0


def test_extended_precision_is_there():
    """The oracle is worth its name only with more digits than what it judges."""
    assert np.finfo(REAL).eps < 1e-18
    assert distances(np.array([0.0, 3.0]))[0, 1] == 3


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("measure", "normalize"), FORMS)
def test_pickled_penalties_go_on(path, measure, normalize):
    rng = np.random.default_rng(14)
    blocks = [rng.normal(size=300)]
    y = dependent_predictions(rng, [*blocks, rng.integers(0, 2, 300)])
    penalty = DependencePenalty(blocks, measure=measure, normalize=normalize, path=path)
    again = pickle.loads(pickle.dumps(penalty))
    assert again.value(y) == penalty.value(y)
    assert again.constant == penalty.constant
