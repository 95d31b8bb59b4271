"""Save, load, copy: the same bits come back, and no training data go with them."""

import pickle
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
from sklearn.base import clone

from skweight.testing import _tables
from skweight.testing._data import (
    assert_same_outputs,
    outputs,
    takes_weights,
    toy_problem,
)
from skweight.testing._registry import common_check


@common_check()
def check_pickle_round_trip(estimator):
    """A pickled and loaded model predicts the same bits, in every protocol in use."""
    X, y = toy_problem(estimator)
    expected = outputs(estimator.fit(X, y), X)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        loaded = pickle.loads(pickle.dumps(estimator, protocol=protocol))
        assert_same_outputs(outputs(loaded, X), expected, f"pickle protocol {protocol}")
        assert_same_outputs(outputs(estimator, X), expected, "the original after pickling")


@common_check()
def check_joblib_round_trip(estimator):
    """A model dumped by joblib predicts the same bits, also compressed or memory-mapped."""
    X, y = toy_problem(estimator)
    expected = outputs(estimator.fit(X, y), X)
    buffer = BytesIO()
    joblib.dump(estimator, buffer, compress=3)
    buffer.seek(0)
    assert_same_outputs(outputs(joblib.load(buffer), X), expected, "joblib, compressed")
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "model.joblib"
        joblib.dump(estimator, path)
        mapped = joblib.load(path, mmap_mode="r")
        assert_same_outputs(outputs(mapped, X), expected, "joblib, memory-mapped")


@common_check()
def check_clone(estimator):
    """A clone of a fitted model has its parameters, nothing fitted, and fits to the same bits."""
    X, y = toy_problem(estimator)
    expected = outputs(estimator.fit(X, y), X)
    copy = clone(estimator)
    fitted = [name for name in vars(copy) if name.endswith("_") and not name.startswith("_")]
    assert not fitted, f"the clone holds the fitted attributes {fitted}."
    assert copy.get_params(deep=False).keys() == estimator.get_params(deep=False).keys()
    assert_same_outputs(outputs(copy.fit(X, y), X), expected, "a refitted clone")


@common_check()
def check_refit_forgets(estimator):
    """A second fit on other data leaves nothing of the first behind."""
    X, y = toy_problem(estimator)
    expected = outputs(clone(estimator).fit(X, y), X)
    estimator.fit(*toy_problem(estimator, n_samples=90, seed=5))
    if "warm_start" in estimator.get_params(deep=False):
        estimator.set_params(warm_start=False)
    assert_same_outputs(outputs(estimator.fit(X, y), X), expected, "a second fit")


@common_check(applies=lambda e: type(e).__name__ not in _tables.KEEPS_TRAINING_ROWS)
def check_pickle_size_does_not_grow(estimator):
    """A pickle holds no training rows: ten times the same rows pickle to the same size.

    Repeating the rows keeps the solution, so that only kept rows (or anything computed for each
    of them) can change the size. One byte a row would show.
    """
    X, y = toy_problem(estimator, n_samples=300)
    sizes = []
    for repeats in (1, 10):
        weights = {}
        if takes_weights(estimator):
            weights["sample_weight"] = np.ones(len(y) * repeats)
        model = clone(estimator).fit(np.tile(X, (repeats, 1)), np.tile(y, repeats), **weights)
        sizes.append(len(pickle.dumps(model)))
    growth = sizes[1] - sizes[0]
    assert growth <= 256, (
        f"the pickle grows by {growth} bytes from 300 to 3000 rows ({sizes[0]} to {sizes[1]}): "
        "training rows are kept; if prediction needs them, declare it in KEEPS_TRAINING_ROWS."
    )
