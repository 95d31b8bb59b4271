"""The toy of self-distillation: its points reproduce the table of the paper's example."""

import sys

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from skweight.datasets import load_self_distillation_toy

# Mean squared error on the grid after steps 1 to 6 and in the limit, by weight of ground truth.
TABLE = {
    0.0: [0.16477, 0.15076, 0.14915, 0.15561, 0.16735, 0.18251],
    0.25: [0.16477, 0.15309, 0.14958, 0.14903, 0.14946, 0.15011, 0.15250],
    0.35: [0.16477, 0.15424, 0.15089, 0.14983, 0.14954, 0.14948, 0.14959],
}


@pytest.mark.parametrize("weight", TABLE)
def test_refits_reproduce_the_published_errors(weight):
    toy = load_self_distillation_toy()

    def refit(alpha, targets):
        return KernelRidge(alpha=alpha, kernel="rbf", gamma=toy.gamma).fit(toy.data, targets)

    def error(model):
        return ((model.predict(toy.grid) - toy.truth) ** 2).mean()

    model = refit(toy.alpha, toy.target)
    errors = [error(model)]
    for _ in range(5):
        fitted = model.predict(toy.data)
        model = refit(toy.alpha, weight * toy.target + (1 - weight) * fitted)
        errors.append(error(model))
    if weight > 0:
        errors.append(error(refit(toy.alpha / weight, toy.target)))
    np.testing.assert_allclose(errors, TABLE[weight], atol=5e-6)


def test_arrays():
    toy = load_self_distillation_toy()
    np.testing.assert_allclose(toy.data, np.arange(11)[:, None] / 10)
    np.testing.assert_allclose(toy.grid, np.arange(101)[:, None] / 100)
    np.testing.assert_allclose(toy.truth, np.sin(2 * np.pi * toy.grid[:, 0]))
    assert toy.target.shape == (11,)
    assert toy.data.dtype == toy.target.dtype == np.float64
    assert toy.frame is toy.sample_weight is toy.groups is None
    assert (toy.feature_names, toy.target_names) == (["x"], ["y"])
    for word in ("Source:", ":Target:", ":Features: 1", "11", "2002.05715"):
        assert word in toy.DESCR
    X, y = load_self_distillation_toy(return_X_y=True)
    np.testing.assert_array_equal(X, toy.data)
    np.testing.assert_array_equal(y, toy.target)
    toy.target[:] = 0  # a copy: the next caller gets the points
    assert load_self_distillation_toy().target.any()


def test_frames():
    pytest.importorskip("pandas")
    toy, arrays = load_self_distillation_toy(as_frame=True), load_self_distillation_toy()
    assert list(toy.frame.columns) == ["x", "y"]
    assert list(toy.data.columns) == list(toy.grid.columns) == ["x"]
    assert toy.target.name == "y"
    np.testing.assert_array_equal(toy.frame, np.column_stack([arrays.data, arrays.target]))
    X, y = load_self_distillation_toy(return_X_y=True, as_frame=True)
    assert X.equals(toy.data)
    assert y.equals(toy.target)


def test_frame_without_pandas_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"as_frame=True.*pandas.*skweight\[data\]"):
        load_self_distillation_toy(as_frame=True)
