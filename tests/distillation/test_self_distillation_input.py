"""Input that self-distillation by refits cannot use is refused in one sentence."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge, SGDClassifier
from sklearn.model_selection import KFold, ShuffleSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import LinearSVC

from skweight.distillation import SelfDistillation


def iris(n=90):
    X, y = load_iris(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(y))[:n]
    return X[rows], y[rows]


BAD = {
    "clusters": ({"estimator": KMeans()}, "estimator must be a regressor or a classifier"),
    "no probabilities": ({"estimator": LinearSVC()}, "estimator must have predict_proba"),
    "hinge": ({"estimator": SGDClassifier()}, "estimator must have predict_proba"),
    "no weights": ({"estimator": KNeighborsClassifier()}, "estimator must take sample_weight"),
    "negative": (
        {"estimator": GaussianNB(), "ground_truth_weight": -0.1},
        "ground_truth_weight must be between 0 and 1",
    ),
    "above 1": (
        {"estimator": GaussianNB(), "ground_truth_weight": [0.5, 1.2], "n_steps": 3},
        "ground_truth_weight must be between 0 and 1",
    ),
    "bounds apart": (
        {"estimator": GaussianNB(), "weight_bounds": (1.5, 2.0)},
        "weight_bounds must meet [0, 1]",
    ),
    "bounds swapped": ({"weight_bounds": (1.0, 0.0)}, "weight_bounds must have low <= high"),
    "three bounds": ({"weight_bounds": (0, 1, 2)}, "weight_bounds must be a pair"),
    "too many": ({"ground_truth_weight": [0.1, 0.2]}, "ground_truth_weight must be a number or"),
    "NaN": ({"ground_truth_weight": [np.nan]}, "ground_truth_weight must be finite"),
    "word": ({"ground_truth_weight": "loo"}, "The 'ground_truth_weight' parameter"),
    "steps": ({"n_steps": 0}, "The 'n_steps' parameter"),
    "teacher": ({"teacher_predictions": "none"}, "The 'teacher_predictions' parameter"),
    "not all held out": (
        {"teacher_predictions": "out-of-fold", "cv": ShuffleSplit(1), "ground_truth_weight": 0.5},
        "cv must hold out every row exactly once",
    ),
    "two folds": (
        {"teacher_predictions": "out-of-fold", "cv": KFold(2)},
        "cv must give at least three folds",
    ),
    "no held-out rows": ({"cv": [(np.arange(60), [])]}, "cv must hold out some rows"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_parameters(name):
    parameters, words = BAD[name]
    X, y = iris(60)
    with pytest.raises(ValueError, match=f"^{re.escape(words)}") as caught:
        SelfDistillation(**parameters).fit(X, y)
    assert str(caught.value).endswith(".")


def test_frozen_models_and_kernels_of_classifiers():
    X, y = iris()
    with pytest.raises(ValueError, match=r"^estimator must not be frozen"):
        SelfDistillation(FrozenEstimator(Ridge().fit(X, y))).fit(X, y)

    class KernelBayes(GaussianNB):
        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            tags.input_tags.pairwise = True
            return tags

    with pytest.raises(ValueError, match=r"^estimator must not be a classifier of precomputed"):
        SelfDistillation(KernelBayes()).fit(X @ X.T, y)


def test_bad_rows():
    X, y = iris()
    model = SelfDistillation(GaussianNB(), ground_truth_weight=0.5)
    with pytest.raises(ValueError, match="only 1 class"):
        model.fit(X, np.zeros(len(y)))
    with pytest.raises(ValueError, match="only 1 class"):
        model.fit(X, y, sample_weight=(y == 1).astype(float))
    with pytest.raises(ValueError, match="y should be a 1d array"):
        model.fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="n_samples=1"):
        SelfDistillation().fit(X[:1], y[:1])
    one = SelfDistillation(ground_truth_weight=0.5).fit(X[:1], y[:1])
    assert_allclose(one.predict(X[:1]), y[:1])


class Runaway(Ridge):
    def predict(self, X):
        return np.full(len(X), np.inf)


def test_teachers_must_say_numbers():
    X, y = iris()
    with pytest.raises(ValueError, match=r"^estimator must predict finite numbers.* Runaway"):
        SelfDistillation(Runaway(), ground_truth_weight=0.5).fit(X, y)


@pytest.mark.parametrize("step", [0, 3, -1, 1.5, np.inf, True, "last"])
def test_steps_that_are_not_there(step):
    X, y = iris()
    for inner, method in ((Ridge(), "predict"), (GaussianNB(), "predict_proba")):
        model = SelfDistillation(inner).fit(X, y)
        with pytest.raises(ValueError, match=r"^step must be None or a whole number from 1 to 2"):
            getattr(model, method)(X, step=step)


def test_nothing_is_predicted_before_a_fit():
    X, _ = iris()
    with pytest.raises(NotFittedError):
        next(SelfDistillation().staged_predict(X))


def test_weights_must_be_taken():
    X, y = iris()
    model = SelfDistillation(KNeighborsRegressor(), ground_truth_weight=0.5).fit(X, y)
    with pytest.raises(ValueError, match=r"^sample_weight must be None .* KNeighborsRegressor\.$"):
        model.fit(X, y, sample_weight=np.ones(len(y)))


def test_weights_held_out_must_not_all_be_zero():
    X, y = iris()
    weight = (np.arange(len(y)) < 40).astype(float)
    splits = [(np.arange(40), np.arange(40, 90))]
    with pytest.raises(ValueError, match=r"^sample_weight must give some row that cv holds out"):
        SelfDistillation(cv=splits).fit(X, y, sample_weight=weight)
