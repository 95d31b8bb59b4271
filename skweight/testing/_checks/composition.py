"""Inside scikit-learn's own tools: Pipeline, GridSearchCV, workers, representations."""

import numpy as np
from joblib import parallel_backend
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from skweight.testing._data import (
    assert_same_outputs,
    is_transformer,
    outputs,
    toy_problem,
)
from skweight.testing._registry import common_check


def small_grid(estimator):
    """Two values of the first parameter that is a positive float, or nothing to search."""
    for name, value in sorted(estimator.get_params(deep=False).items()):
        if type(value) is float and value > 0:
            return {name: [value, value / 2]}
    return {}


def search(estimator, X, y, grid, n_jobs=None, **metadata):
    """Search a grid, raising whatever a fit raises."""
    model = GridSearchCV(clone(estimator), grid, cv=3, n_jobs=n_jobs, error_score="raise")
    return model.fit(X, y, **metadata)


@common_check(applies=lambda e: hasattr(e, "score"))
def check_grid_search_in_workers(estimator):
    """GridSearchCV finds the same scores to 1e-9 in this process and in two workers."""
    X, y = toy_problem(estimator)
    grid = small_grid(estimator)
    alone, together = (search(estimator, X, y, grid, n_jobs=n) for n in (1, 2))
    for split in range(3):
        key = f"split{split}_test_score"
        np.testing.assert_allclose(together.cv_results_[key], alone.cv_results_[key], atol=1e-9)
    assert np.isfinite(alone.cv_results_["mean_test_score"]).all()
    assert together.best_params_ == alone.best_params_
    assert_same_outputs(
        outputs(together.best_estimator_, X), outputs(alone.best_estimator_, X), "the best model"
    )


@common_check(applies=lambda e: "n_jobs" in e.get_params(deep=False))
def check_own_workers(estimator):
    """``n_jobs`` changes the time a fit takes, nothing else."""
    X, y = toy_problem(estimator)
    alone, together = (outputs(clone(estimator).set_params(n_jobs=n).fit(X, y), X) for n in (1, 2))
    assert_same_outputs(together, alone, "n_jobs=2", rtol=1e-9, atol=1e-12)


@common_check()
def check_pipeline(estimator):
    """As the last step of a Pipeline an estimator does what it does by hand."""
    X, y = toy_problem(estimator)
    X_scaled = StandardScaler().fit_transform(X)
    expected = outputs(clone(estimator).fit(X_scaled, y), X_scaled)
    pipeline = make_pipeline(StandardScaler(), estimator).fit(X, y)
    through = {
        name: np.asarray(getattr(pipeline, name)(X)) for name in expected if hasattr(pipeline, name)
    }
    assert "predict" not in expected or "predict" in through
    assert_same_outputs(through, {name: expected[name] for name in through}, "in a Pipeline")
    step = pipeline.steps[-1][0]
    for name, value in estimator.get_params(deep=False).items():
        assert pipeline.get_params()[f"{step}__{name}"] is value


@common_check(applies=lambda e: hasattr(e, "score") and not is_transformer(e))
def check_threads(estimator):
    """Fits that run in two threads at once do not disturb each other."""
    X, y = toy_problem(estimator)
    alone = cross_val_score(clone(estimator), X, y, cv=4, error_score="raise")
    with parallel_backend("threading", n_jobs=2):  # parallel_config came with joblib 1.3
        together = cross_val_score(clone(estimator), X, y, cv=4, error_score="raise")
    np.testing.assert_allclose(together, alone, atol=1e-9)


@common_check()
def check_representations(estimator):
    """``repr`` and the HTML diagram name the class, before and after fit."""
    name = type(estimator).__name__
    for state in ("unfitted", "fitted"):
        assert repr(estimator).startswith(f"{name}("), f"repr of the {state} estimator."
        assert name in estimator_html_repr(estimator), f"HTML of the {state} estimator."
        estimator.fit(*toy_problem(estimator))
