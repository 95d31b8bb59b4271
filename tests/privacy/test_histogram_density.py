"""Kernel sums from a grid: what a row puts in, and what the grid does to a kernel."""

import numpy as np
import pytest

from skweight.privacy._histogram_density import HistogramSketch, histogram_cells
from skweight.privacy._kernels import DISTANCES, exact_sums

BOX = np.array([[-1.0], [3.0]])


def beta(n, seed=0):
    return 4 * np.random.default_rng(seed).beta(2, 5, size=(n, 1)) - 1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_row_keeps_its_number_and_its_place(dtype):
    sketch = HistogramSketch("gaussian", 0.5, BOX, dtype, 16)
    nodes = np.linspace(-1, 3, 17)
    for x in (-1.0, 3.0, 0.37, 1.0, -5.0, 9.0):
        sums = sketch.sums(np.array([[x]]))
        assert sums.sum() == 1024
        assert (sums >= 0).all()
        assert np.count_nonzero(sums) <= 2
        assert abs(sums @ nodes / 1024 - np.clip(x, -1, 3)) <= 0.25 / 2048 + 1e-6


def test_rows_alone_add_up_to_the_whole():
    sketch = HistogramSketch("gaussian", 0.5, BOX, "float64", 50)
    X, weight = beta(300), np.arange(300)
    np.testing.assert_array_equal(
        sketch.sums(X, weight), sum(sketch.sums(X[i : i + 1]) * i for i in range(300))
    )
    assert sketch.total(sketch.sums(X)) == (300.0, 51 / 1024**2)


@pytest.mark.parametrize("kernel", DISTANCES)
def test_the_grid_does_little_to_smooth_densities(kernel):
    X, Y = beta(200_000), np.linspace(-2, 4, 201)[:, None]
    exact = exact_sums(kernel, 0.4, X, Y)
    errors = []
    for n_cells in (20, 40, 80):
        sketch = HistogramSketch(kernel, 0.4, BOX, "float64", n_cells)
        errors.append(np.abs(sketch.kernel_sums(Y, sketch.sums(X)) - exact).max() / len(X))
    # Squares of the step, and fourth powers where the kernel has no kink.
    smooth = kernel in ("gaussian", "rational_sqeuclidean")
    assert errors[0] < (5e-4 if smooth else 0.02)
    assert errors[1] < errors[0] * (0.1 if smooth else 0.3)
    assert errors[2] < errors[1] * 0.3 or errors[2] < 1e-5


@pytest.mark.parametrize("kernel", ["gaussian", "exponential"])
def test_the_worst_rows_are_wrong_by_less_than_a_step(kernel):
    for n_cells in (16, 64):
        step = 4 / n_cells
        sketch = HistogramSketch(kernel, 1.0, BOX, "float64", n_cells)
        Y = np.linspace(-1, 3, 401)[:, None]
        for x in np.linspace(0, step, 9):
            X = np.array([[x]])
            wrong = np.abs(sketch.kernel_sums(Y, sketch.sums(X)) - exact_sums(kernel, 1.0, X, Y))
            assert wrong.max() < (step**2 / 10 if kernel == "gaussian" else step / 2)


@pytest.mark.parametrize("kernel", ["gaussian", "exponential"])
def test_a_window_of_nodes_answers_as_all_of_them_do(monkeypatch, kernel):
    from skweight.privacy import _histogram_density

    X, Y = beta(1000), np.linspace(-3, 5, 333)[:, None]
    sketch = HistogramSketch(kernel, 0.01, BOX, "float64", 3000)
    sums = sketch.sums(X)
    assert sketch._half_window() < 500
    narrow = sketch.kernel_sums(Y, sums), sketch.gains(Y)
    monkeypatch.setattr(_histogram_density, "_REACH", {})
    np.testing.assert_allclose(narrow[0], sketch.kernel_sums(Y, sums), atol=1e-12)
    np.testing.assert_allclose(narrow[1], sketch.gains(Y), rtol=1e-9, atol=1e-25)


def test_gains_are_the_squares_of_what_nodes_count():
    sketch = HistogramSketch("rational_euclidean", 0.5, BOX, "float64", 20)
    Y = np.linspace(-2, 4, 7)[:, None]
    counts = np.array([sketch.kernel_sums(Y, row) for row in np.eye(21, dtype=np.int64)])
    np.testing.assert_allclose((counts**2).sum(axis=0), sketch.gains(Y), rtol=1e-12)


def test_more_noise_wants_fewer_cells_and_more_rows_want_more():
    base = histogram_cells("gaussian", 0.1, 1.0, 10_000, 1.0)
    assert histogram_cells("gaussian", 0.1, 1.0, 10_000, 100.0) < base
    assert histogram_cells("gaussian", 0.1, 1.0, 1_000_000, 1.0) > base
    assert histogram_cells("gaussian", 1e-9, 1.0, 10_000, 1.0) == 1 << 16
    assert histogram_cells("gaussian", 1e9, 1.0, 10_000, 1.0) == 16
