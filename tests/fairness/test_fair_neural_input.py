"""Fair networks: how attributes arrive, what is warned of, and what is refused."""

import warnings

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pandas")

import pandas as pd

pytest.importorskip("skorch")

from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skweight.fairness import (
    FairNeuralClassifier,
    FairNeuralRegressor,
    dependence_score,
    refit_within_budget,
)
from skweight.metrics import fairness_scorer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = {"hidden_layer_sizes": (5,), "random_state": 0, "max_iter": 3, "batch_size": 20}
BOTH = pytest.mark.parametrize("make", [FairNeuralClassifier, FairNeuralRegressor])


def rows(n=60):
    """Make rows, labels that serve as numbers, too, and a group."""
    rng = np.random.default_rng(0)
    group = rng.choice(["a", "b", "c"], n)
    X = rng.normal(size=(n, 3)) + (group == "a")[:, None]
    return X, (X.sum(axis=1) + rng.normal(size=n) > 0).astype(int), group


@BOTH
def test_attributes_inside_or_beside(make):
    X, y, group = rows()
    beside = make(10, **SMALL).fit(X, y, sensitive_features=group)
    frame = pd.DataFrame(X, columns=list("xyz"))
    frame.insert(1, "group", group)
    inside = make(10, sensitive_columns="group", **SMALL).fit(frame, y)
    assert_array_equal(inside.predict(frame), beside.predict(X))
    # A frame may lack the attributes, and an array hold anything in their place.
    assert_array_equal(inside.predict(frame.drop(columns="group")), beside.predict(X))
    array = frame.to_numpy()
    by_place = make(10, sensitive_columns=[1], **SMALL).fit(array, y)
    array[:, 1] = "?"
    assert_array_equal(by_place.predict(array), beside.predict(X))
    assert inside.n_features_in_ == by_place.n_features_in_ == 4
    assert list(inside.feature_names_in_) == ["x", "group", "y", "z"]
    assert inside.module_[0].in_features == 3


@BOTH
def test_the_network_may_see_attributes(make):
    X, y, _ = rows()
    seen = make(10, sensitive_columns=[0], drop_sensitive=False, **SMALL).fit(X, y)
    beside = make(10, **SMALL).fit(X, y, sensitive_features=X[:, 0])
    assert_array_equal(seen.predict(X), beside.predict(X))


@BOTH
def test_a_linear_network_has_coefficients_of_all_columns(make):
    X, y, _ = rows()
    options = SMALL | {"hidden_layer_sizes": ()}
    model = make(10, sensitive_columns=[1], **options).fit(X, y)
    coef = np.ravel(model.coef_)
    assert coef.shape == (3,)
    assert coef[1] == 0
    scores = X @ coef + model.intercept_
    expected = model.decision_function(X) if hasattr(model, "classes_") else model.predict(X)
    assert_allclose(scores, expected, rtol=1e-10, atol=1e-12)


@BOTH
def test_sparse_rows(make):
    X, y, group = rows()
    X[np.abs(X) < 0.5] = 0
    dense = make(10, **SMALL).fit(X, y, sensitive_features=group)
    model = make(10, **SMALL).fit(sparse.csr_matrix(X), y, sensitive_features=group)
    assert_allclose(model.predict(sparse.csr_matrix(X)), dense.predict(X), rtol=1e-10)
    inside = make(10, sensitive_columns=[0], **SMALL).fit(sparse.csr_matrix(X), y)
    dense = make(10, sensitive_columns=[0], **SMALL).fit(X, y)
    assert_allclose(inside.predict(sparse.csr_matrix(X)), dense.predict(X), rtol=1e-10)


@BOTH
def test_search_and_pipeline_slice_attributes(make):
    X, y, group = rows()
    pipeline = make_pipeline(StandardScaler(), make(**SMALL))
    name = pipeline.steps[-1][0]
    search = GridSearchCV(
        pipeline, {f"{name}__fairness_alpha": [0.0, 10.0]}, cv=2, error_score="raise"
    )
    search.fit(X, y, **{f"{name}__sensitive_features": group})
    assert search.predict(X).shape == y.shape


def test_search_within_a_budget():
    X, y, group = rows(150)
    frame = pd.DataFrame(X, columns=list("xyz")).assign(group=group)
    options = SMALL | {"max_iter": 30, "learning_rate_init": 0.02}
    search = GridSearchCV(
        FairNeuralClassifier(sensitive_columns="group", **options),
        {"fairness_alpha": [0, 50]},
        scoring={
            "loss": "neg_log_loss",
            "dependence": fairness_scorer(dependence_score, sensitive_columns="group"),
        },
        refit=refit_within_budget("loss", "dependence", fairness_budget=0.5),
        cv=2,
        error_score="raise",
    ).fit(frame, y)
    dependence = -search.cv_results_["mean_test_dependence"]
    assert dependence[1] < 0.5 * dependence[0]
    assert search.best_params_ == {"fairness_alpha": 50}


@BOTH
def test_routing(make):
    X, y, group = rows()
    with config_context(enable_metadata_routing=True):
        model = make(10, **SMALL).set_fit_request(sensitive_features=True)
        model.set_partial_fit_request(sensitive_features=True)
        pipeline = make_pipeline(StandardScaler(), model)
        scores = cross_val_score(
            pipeline, X, y, cv=2, params={"sensitive_features": group}, error_score="raise"
        )
        search = GridSearchCV(pipeline, {}, cv=2).fit(X, y, sensitive_features=group)
    assert np.isfinite(scores).all()
    assert search.best_estimator_[-1].sensitive_encoder_.kinds_ == ["nominal"]


def more(make):
    """Return what the first call of partial_fit needs."""
    return {"classes": [0, 1]} if make is FairNeuralClassifier else {}


@BOTH
def test_one_pass_is_one_epoch(make):
    X, y, group = rows()
    model = make(10, **SMALL).partial_fit(X, y, **more(make), sensitive_features=group)
    other = make(10, **SMALL).set_params(max_iter=1).fit(X, y, sensitive_features=group)
    assert_array_equal(model.predict(X), other.predict(X))
    assert model.loss_curve_ == other.loss_curve_


@BOTH
def test_later_passes_keep_levels_and_scales(make):
    X, y, group = rows()
    model = make(10, **SMALL).partial_fit(X, y, **more(make), sensitive_features=group)
    encoder = model.sensitive_encoder_
    with pytest.warns(UserWarning, match=r"levels that were not there in the fit, \['new'\]"):
        model.partial_fit(X, y, sensitive_features=np.where(group == "a", "new", group))
    assert model.sensitive_encoder_ is encoder
    assert encoder.levels_ == [["a", "b", "c"]]
    model = make(10, sensitive_columns=[0], **SMALL).partial_fit(X, y, **more(make))
    model.set_params(sensitive_columns=[1])
    with pytest.raises(ValueError, match="sensitive_columns must select the same columns"):
        model.partial_fit(X, y)


@BOTH
def test_warm_start_with_another_strength(make):
    X, y, group = rows()
    options = SMALL | {"batch_size": None, "learning_rate_init": 1e-300, "alpha": 0.0}
    model = make(0, warm_start=True, **options).fit(X, y, sensitive_features=group)
    losses = []
    for strength in (0, 10, 20):
        model.set_params(fairness_alpha=strength).fit(X, y, sensitive_features=group)
        losses.append(model.loss_)
    # Steps of no length: the loss is linear in the strength.
    assert losses[1] != losses[0]
    assert_allclose(losses[2] - losses[1], losses[1] - losses[0], rtol=1e-8)


@BOTH
def test_rows_held_out(make):
    X, y, group = rows()
    model = make(10, early_stopping=True, **SMALL).fit(X, y, sensitive_features=group)
    assert len(model.validation_scores_) == model.n_iter_


@BOTH
def test_without_attributes_one_warning(make):
    X, y, _ = rows()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        warnings.simplefilter("ignore", category=Warning)
        warnings.filterwarnings("always", message=".*knows no protected attributes")
        model = make(10, **SMALL).fit(X, y)
    assert len(caught) == 1
    assert model.sensitive_encoder_ is None
    with pytest.warns(UserWarning, match="knows no protected attributes"):
        assert make(10, **SMALL).partial_fit(X, y, **more(make)).sensitive_encoder_ is None


@BOTH
def test_too_few_rows_in_a_batch(make):
    X, y, group = rows(30)
    options = SMALL | {"batch_size": 3}
    with pytest.warns(UserWarning, match="weights that sum to more than 3 in a batch, got 3"):
        few = make(10, **options).fit(X, y, sensitive_features=group)
    plain = make(0, **options).fit(X, y, sensitive_features=group)
    assert_array_equal(few.predict(X), plain.predict(X))


@BOTH
@pytest.mark.parametrize("weight", [np.full(60, 0.7), np.full(60, 1 / 60)])
def test_weights_that_count_no_rows(make, weight):
    X, y, group = rows()
    options = SMALL | {"alpha": 0.0}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="statistic='U'")
        model = make(10, **options).fit(X, y, weight, sensitive_features=group)
    equal = make(10, **options).fit(X, y, sensitive_features=group)
    assert_allclose(model.predict(X), equal.predict(X), rtol=1e-8)


@BOTH
def test_an_attribute_that_is_the_target(make):
    X, y, _ = rows()
    with pytest.warns(UserWarning, match="'attribute_0' is the target y"):
        make(1, sensitive_types={"attribute_0": "nominal"}, **SMALL).fit(X, y, sensitive_features=y)


@pytest.mark.parametrize(
    ("parameters", "given", "message"),
    [
        ({"fairness_alpha": -1.0}, {}, "'fairness_alpha' parameter"),
        ({"measure": "dcov"}, {}, "'measure' parameter"),
        ({"statistic": "W"}, {}, "'statistic' parameter"),
        ({"c": 0.0}, {}, "'c' parameter"),
        ({"scale": "range"}, {}, "'scale' parameter"),
        ({"sensitive_columns": [0]}, {"sensitive_features": np.ones(60)}, "got both"),
        ({"sensitive_columns": [0, 1, 2]}, {}, r"got all of its 3 feature\(s\)"),
        ({"sensitive_columns": "age"}, {}, "has no column names"),
        ({}, {"sensitive_features": np.ones(59)}, "one row for each of the 60 rows of X, got 59"),
        ({}, {"sensitive_features": np.r_[np.nan, np.ones(59)]}, "is missing"),
        ({"sensitive_types": {"sex": "nominal"}}, {"sensitive_features": np.ones(60)}, "'sex'"),
    ],
)
@BOTH
def test_what_means_nothing(make, parameters, given, message):
    X, y, _ = rows()
    with pytest.raises(ValueError, match=message):
        make(**{**SMALL, **parameters}).fit(X, y, **given)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"loss": "gamma"}, "y must be above 0, got 0"),
        ({"loss": "poisson", "power": 1.5}, "power belongs to loss='tweedie'"),
        ({"loss": "tweedie"}, "must be a number"),
        ({"loss": "poisson", "link": "identity"}, "link must be 'log' or 'auto'"),
        ({"loss": "huber"}, "'loss' parameter"),
    ],
)
def test_losses_that_mean_nothing(parameters, message):
    X, y, group = rows()
    with pytest.raises(ValueError, match=message):
        FairNeuralRegressor(**parameters, **SMALL).fit(X, y, sensitive_features=group)


def test_training_goes_on_with_the_same_loss():
    X, y, group = rows()
    model = FairNeuralRegressor(loss="poisson", **SMALL)
    model.partial_fit(X, y, sensitive_features=group)
    # A batch without a claim has no mean to take the logarithm of, and needs none.
    model.partial_fit(X, 0 * y, sensitive_features=group)
    with pytest.raises(ValueError, match=r"go on with .*poisson.* got .*squared_error"):
        model.set_params(loss="squared_error").partial_fit(X, y, sensitive_features=group)


def test_targets_of_one_column():
    X, y, group = rows()
    with pytest.raises(ValueError, match="1d array"):
        FairNeuralRegressor(**SMALL).fit(X, np.column_stack([y, y]), sensitive_features=group)
