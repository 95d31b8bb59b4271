"""Leave-one-out predictions of every step, as a function of arrays."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel

from skweight.distillation import SelfDistilledKernelRidge, self_distillation_loo

N = 30
WEIGHTS = [0.4, -0.3]


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 3))
    return rbf_kernel(X, gamma=0.3), X[:, 0] + rng.normal(size=N), rng.exponential(size=N) + 0.1


def chain_without(K, y, weight, penalties, i):
    """Predict row i by refits of scikit-learn to the other rows."""
    kept = np.arange(len(y)) != i
    inner, outer = K[np.ix_(kept, kept)], K[i : i + 1, kept]
    fitted, predictions = y[kept], []
    for w, penalty in zip([1.0, *WEIGHTS], penalties):
        target = w * y[kept] + (1 - w) * fitted
        model = KernelRidge(alpha=penalty, kernel="precomputed")
        model.fit(inner, target, sample_weight=weight[kept])
        fitted = model.predict(inner)
        predictions.append(model.predict(outer)[0])
    return predictions


@pytest.mark.parametrize("penalties", [[0.2, 0.2, 0.2], [0.2, 0.05, 1.0]])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_deletion(rows, penalties, weighted):
    K, y, weight = rows
    weight = weight if weighted else np.ones(N)
    wanted = np.array([chain_without(K, y, weight, penalties, i) for i in range(N)]).T
    got = self_distillation_loo(K, y, penalties, WEIGHTS, sample_weight=weight)
    np.testing.assert_allclose(got, wanted, atol=1e-12)


def test_equals_the_estimator_with_several_targets(rows):
    K, y, _ = rows
    Y = np.column_stack([y, y**2])
    model = SelfDistilledKernelRidge(
        0.2, kernel="precomputed", n_steps=3, ground_truth_weight=WEIGHTS, store_loo=True
    ).fit(K, Y)
    got = self_distillation_loo(K, Y, 0.2, WEIGHTS)
    assert got.shape == (3, N, 2)
    np.testing.assert_allclose(got, model.loo_predictions_, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"K": np.ones((3, 2))}, "K must be a square kernel matrix"),
        ({"K": np.array([[1.0, 0.5], [0.2, 1.0]]), "y": [0, 1]}, "K must be a symmetric"),
        ({"K": np.full((2, 2), np.nan)}, "K must be a matrix of finite numbers"),
        ({"y": [1.0]}, "y must have finite numbers for each of the 30 rows"),
        ({"K": [[1.0]], "y": [1.0]}, "n_samples=1"),
        ({"alpha": 0.0}, "alpha must be above 0, got 0"),
        ({"sample_weight": np.r_[0.0, np.ones(N - 1)]}, "sample_weight must be above 0"),
        ({"sample_weight": [1.0]}, "sample_weight must be 30 finite numbers"),
    ],
)
def test_bad_input(rows, change, message):
    K, y, _ = rows
    given = {"K": K, "y": y, "alpha": 0.2, "ground_truth_weight": WEIGHTS, **change}
    with pytest.raises(ValueError, match=message):
        self_distillation_loo(**given)
