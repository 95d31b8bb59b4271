"""Accuracy by step on digits of which four in ten labels are drawn anew."""

from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.metrics.pairwise import rbf_kernel

from skweight.distillation import SelfDistilledKernelRidge, SelfDistilledKernelRidgeClassifier

# (penalty, weight): mean accuracy over five draws, of six steps
ACCURACIES = {
    (0.1, 0.0): [0.888, 0.937, 0.949, 0.954, 0.957, 0.957],
    (0.1, 0.35): [0.888, 0.923, 0.931, 0.934, 0.935, 0.935],
    (1.0, 0.0): [0.956, 0.957, 0.950, 0.944, 0.939, 0.933],
    (10.0, 0.0): [0.943, 0.907, 0.874, 0.845, 0.816, 0.783],
}


@cache
def draw(seed):
    """Return kernel, noisy labels, and kernel and labels of the test rows."""
    X, y = load_digits(return_X_y=True)
    r = np.random.RandomState(seed)
    rows = r.permutation(len(X))
    train, test = rows[:1000], rows[1000:]
    noisy = y[train].copy()
    flipped = r.uniform(size=1000) < 0.4
    noisy[flipped] = r.randint(0, 10, flipped.sum())
    K, K_test = (rbf_kernel(X[part] / 16, X[train] / 16, gamma=0.1) for part in (train, test))
    return K, noisy, K_test, y[test]


def settings(chain):
    alpha, weight = chain
    return {"alpha": alpha, "kernel": "precomputed", "n_steps": 6, "ground_truth_weight": weight}


@pytest.mark.parametrize("chain", ACCURACIES)
def test_accuracy_by_step(chain):
    by_seed = []
    for seed in range(5):
        K, noisy, K_test, truth = draw(seed)
        model = SelfDistilledKernelRidgeClassifier(**settings(chain)).fit(K, noisy)
        by_seed.append([np.mean(labels == truth) for labels in model.staged_predict(K_test)])
    assert_allclose(np.mean(by_seed, axis=0), ACCURACIES[chain], rtol=0, atol=0.001)


@pytest.mark.parametrize("code", [(0.9, -0.1), (1.0, 0.0)])
def test_coding_of_labels_changes_no_prediction(code):
    K, noisy, K_test, _ = draw(0)
    chain = settings((0.1, 0.35))
    classifier = SelfDistilledKernelRidgeClassifier(**chain).fit(K, noisy)
    targets = np.where(noisy[:, None] == np.arange(10), *code)
    regressor = SelfDistilledKernelRidge(**chain).fit(K, targets)
    for labels, values in zip(classifier.staged_predict(K_test), regressor.staged_predict(K_test)):
        assert_array_equal(labels, values.argmax(axis=1))
