"""The life of private kernel densities: merged to the bit, spent once, and no row left behind."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from skweight.privacy import (
    BudgetExceededError,
    PrivacyAccountant,
    PrivacyLeakWarning,
    PrivateKernelDensity,
)

ALGORITHMS = [
    ("histogram", "gaussian", 1),
    ("features", "gaussian", 2),
    ("bernstein", "gaussian", 2),
    ("race", "laplacian", 2),
]


def clusters(n, d, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0.2, 0.8, size=(10, d))
    return np.clip(centres[rng.integers(0, 10, n)] + 0.1 * rng.normal(size=(n, d)), 0, 1)


@pytest.mark.parametrize(("algorithm", "kernel", "d"), ALGORITHMS)
def test_merging_is_the_whole_to_the_bit_in_any_order(algorithm, kernel, d):
    X = clusters(300, d)
    model = PrivateKernelDensity(
        kernel, algorithm=algorithm, n_features=40, bounds=(0, 1), random_state=3
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyLeakWarning)
        whole = clone(model).fit(X)
        for cuts in ([100, 200], [1, 299]):
            parts = np.split(X[np.random.default_rng(0).permutation(300)], cuts)
            first, *others = (clone(model).partial_fit(part) for part in parts[::-1])
            for other in others:
                first.merge(other)
            first.release()
            assert first.release_.keys() == whole.release_.keys()
            for name, sums in whole.release_.items():
                np.testing.assert_array_equal(first.release_[name], sums)


@pytest.mark.parametrize(
    "other",
    [
        {"projection_seed": 1},
        {"bandwidth": 0.9},
        {"kernel": "exponential"},
        {"compute_dtype": "float32"},
        {"n_features": 41},
        {"structured": True},
        {"bounds": (0, 2)},
        {"epsilon": 2.0},
        {"adjacency": "replace"},
    ],
)
def test_what_differs_is_not_merged(other):
    X = clusters(20, 2)
    model = PrivateKernelDensity(n_features=40, bounds=(0, 1))
    one = clone(model).partial_fit(X)
    two = clone(model).set_params(**other).partial_fit(X)
    name = next(iter(other))
    if name == "n_features":  # in the life of private estimators that is the number of columns
        name = "frequencies"
    with pytest.raises(ValueError, match=f"^{name} must be the same in all that is added up"):
        one.merge(two)


def test_threads_may_differ_in_a_merge():
    X = clusters(20, 2)
    model = PrivateKernelDensity(n_features=40, bounds=(0, 1))
    one, two = (clone(model).set_params(n_jobs=n).partial_fit(X) for n in (1, 2))
    one.merge(two).set_params(n_jobs=None).release()
    assert set(one.release_) == {"features", "count"}


def test_parameters_set_after_a_release_do_not_relabel_it():
    X = clusters(200, 2)
    model = PrivateKernelDensity(n_features=40, bounds=(0, 1)).fit(X)
    before = model.score_samples(X), model.standard_error(X), model.privacy_spent_
    model.set_params(epsilon=9.0, bandwidth=9.0, kernel="exponential", density_floor=1e3)
    np.testing.assert_array_equal(model.score_samples(X), before[0])
    np.testing.assert_array_equal(model.standard_error(X), before[1])
    assert model.privacy_spent_ is before[2]


def test_the_budget_is_spent_once_and_before_rows_are_read():
    accountant = PrivacyAccountant(epsilon=1.0)
    model = PrivateKernelDensity(
        epsilon=0.6, n_features=16, bounds=(0, 1), accountant=accountant
    ).fit(clusters(20, 2))
    assert accountant.spent == (0.6, 0.0)
    model.score_samples(clusters(9, 2))
    with pytest.raises(BudgetExceededError):
        clone(model).fit("not even rows")
    with pytest.raises(BudgetExceededError):
        clone(model).fit(clusters(20, 2))


@pytest.mark.parametrize(("algorithm", "kernel", "d"), ALGORITHMS)
@pytest.mark.parametrize("n", [0, 1])
def test_no_row_and_one_row_are_released(algorithm, kernel, d, n):
    shared = {"algorithm": algorithm, "n_features": 40, "bounds": (0, 1)}
    few = PrivateKernelDensity(kernel, **shared).fit(clusters(n, d))
    many = PrivateKernelDensity(kernel, **shared).fit(clusters(99, d))
    assert {k: (v.shape, v.dtype) for k, v in few.release_.items()} == {
        k: (v.shape, v.dtype) for k, v in many.release_.items()
    }
    assert few.score_samples(clusters(5, d)).shape == (5,)


def walk(value, seen=None):
    """Yield all arrays, numbers and strings that an object holds."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        parts = [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = value
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        parts = vars(value).values()
    else:
        yield value
        return
    for part in parts:
        yield from walk(part, seen)


@pytest.mark.parametrize(("algorithm", "kernel", "d"), ALGORITHMS)
def test_nothing_of_rows_is_left_behind(algorithm, kernel, d):
    sizes = {}
    for n in (317, 1801):
        X = clusters(n, d, seed=n)
        model = PrivateKernelDensity(kernel, algorithm=algorithm, n_features=40, bounds=(0, 1)).fit(
            X
        )
        numbers = set()
        for value in walk(model):
            if isinstance(value, np.ndarray):
                assert n not in value.shape
                if value.size < 10_000:
                    numbers.update(np.ravel(value).tolist())
            elif isinstance(value, (int, float)):
                numbers.add(value)
        assert not numbers.intersection(set(X.ravel().tolist()) - {0.0, 1.0})
        # A noisy number of rows may be the right one by chance.
        others = {k: v for k, v in vars(model).items() if k not in ("release_", "noisy_n_")}
        assert all(value != n for value in walk(others) if isinstance(value, (int, float)))
        sizes[n] = len(pickle.dumps(model))
        assert str(n) not in repr(model)
    assert abs(sizes[317] - sizes[1801]) < 64
