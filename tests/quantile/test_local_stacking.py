"""Local weights: what they combine, where they start, what they learn, and what they refuse."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import ndtri
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import QuantileRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

torch = pytest.importorskip("torch")

from skweight.metrics import weighted_interval_score  # noqa: E402
from skweight.quantile import (  # noqa: E402
    ConformalQuantileRegressor,
    LocalQuantileStackingRegressor,
    QuantileAggregator,
    QuantileStackingRegressor,
)

LEVELS = (0.1, 0.5, 0.9)
SHAPES = {"coarse": (2,), "medium": (3, 2), "fine": (3, 2, 3)}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Half(RegressorMixin, BaseEstimator):
    """Know the mean where the first feature has one sign, and be `error` too high elsewhere."""

    def __init__(self, sign=1.0, error=3.0):
        self.sign, self.error = sign, error

    def fit(self, X, y, sample_weight=None):
        self.n_features_in_ = np.shape(X)[1]
        return self

    def predict_quantiles(self, X, quantiles):
        X = np.asarray(X, dtype=float)
        wrong = self.error * (self.sign * X[:, 0] < 0)
        return (X[:, 1] + wrong)[:, None] + ndtri(quantiles)


HALVES = [("right", Half(1.0)), ("left", Half(-1.0))]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    return X, X[:, 1] + rng.normal(size=200)


def local(estimators=HALVES, **options):
    """Return a small stack that trains on all rows at once, in double precision."""
    options = {
        "hidden_layer_sizes": (8,),
        "learning_rate_init": 0.02,
        "max_iter": 30,
        "batch_size": None,
        "early_stopping": False,
        "random_state": 0,
        **options,
    }
    return LocalQuantileStackingRegressor(estimators, LEVELS, **options)


@pytest.mark.parametrize("weighting", SHAPES)
def test_forecasts_are_the_weights_times_the_base_quantiles(data, weighting):
    X, y = data
    model = local(weighting=weighting, noncrossing=None).fit(X, y)
    weights = model.local_weights(X)
    assert weights.shape == (200, *SHAPES[weighting])
    over = {"coarse": 1, "medium": 2, "fine": (2, 3)}[weighting]
    assert_allclose(weights.sum(axis=over), 1, rtol=1e-12)
    assert weights.min() >= 0
    assert weights.std(axis=0).max() > 1e-3  # they are local
    Q = np.stack([e.predict_quantiles(X, LEVELS) for _, e in HALVES], axis=1)
    formula = {"coarse": "ij,ijk->ik", "medium": "ikj,ijk->ik", "fine": "ikjl,ijl->ik"}[weighting]
    assert_allclose(model.predict_quantiles(X), np.einsum(formula, weights, Q), atol=1e-12)
    assert_allclose(model.weights_, weights.mean(axis=0), atol=1e-12)


@pytest.mark.parametrize("weighting", SHAPES)
def test_the_start_is_the_best_of_the_weights_that_are_the_same_everywhere(data, weighting):
    X, y = data
    bases = [("linear", QuantileRegressor(alpha=0.0)), ("shrunk", QuantileRegressor(alpha=0.3))]
    still = {"learning_rate_init": 1e-12, "max_iter": 1, "sort_base": False}
    model = local(bases, weighting=weighting, store_oof=True, **still).fit(X, y)
    exact = QuantileAggregator(LEVELS, weighting=weighting)
    exact.fit(model.oof_quantiles_.reshape(200, -1), y)
    equal = 1 / np.prod(SHAPES[weighting][-1 if weighting != "fine" else 1 :])
    expected = 0.95 * exact.weights_ + 0.05 * equal
    assert_allclose(model.weights_, expected, atol=1e-3)
    assert_allclose(
        model.local_weights(X), np.broadcast_to(model.weights_, (200, *SHAPES[weighting]))
    )
    model = local(bases, weighting=weighting, init="equal", **still).fit(X, y)
    assert_allclose(model.weights_, equal, atol=1e-9)


# The corners of the simplex, where fine weights are best, are far from equal ones for a softmax.
@pytest.mark.parametrize(
    ("weighting", "rtol"), [("coarse", 1e-5), ("medium", 5e-4), ("fine", 2e-3)]
)
def test_without_features_training_reaches_the_exact_optimum(data, weighting, rtol):
    from skorch.callbacks import LRScheduler

    X, y = data[0][:100], data[1][:100]
    bases = [("linear", QuantileRegressor(alpha=0.0)), ("shrunk", QuantileRegressor(alpha=0.3))]
    model = local(
        bases,
        weighting=weighting,
        init="equal",
        hidden_layer_sizes=(),
        passthrough_features=[],
        crossing_weight=0.0,
        sort_base=False,
        noncrossing=None,
        store_oof=True,
        learning_rate_init=0.3,
        max_iter=500,
        tol=0.0,
        n_iter_no_change=500,
        callbacks=[LRScheduler(torch.optim.lr_scheduler.ExponentialLR, gamma=0.99)],
    ).fit(X, y)
    Q = model.oof_quantiles_
    exact = QuantileAggregator(LEVELS, weighting=weighting).fit(Q.reshape(100, -1), y)
    found = weighted_interval_score(y, model.net_.combine(Q, X), quantiles=LEVELS)
    assert found >= exact.objective_ - exact.dual_gap_ - 1e-12
    assert found <= exact.objective_ * (1 + rtol)


def test_weights_go_where_a_model_is_right(data):
    X, y = data
    model = local(weighting="coarse", max_iter=200, learning_rate_init=0.05).fit(X, y)
    weights = model.local_weights([[1.5, 0.0, 0.0], [-1.5, 0.0, 0.0]])
    assert weights[0, 0] > 0.95
    assert weights[1, 1] > 0.95
    rng = np.random.default_rng(1)
    X_new = rng.normal(size=(500, 3))
    y_new = X_new[:, 1] + rng.normal(size=500)
    constant = QuantileStackingRegressor(HALVES, LEVELS, weighting="coarse").fit(X, y)
    scores = [
        weighted_interval_score(y_new, each.predict_quantiles(X_new), quantiles=LEVELS)
        for each in (model, constant)
    ]
    assert scores[0] < 0.7 * scores[1]
    assert model.score(X_new, y_new) > constant.score(X_new, y_new) + 0.1


def test_weights_depend_on_the_chosen_columns_only(data):
    pd = pytest.importorskip("pandas")
    X, y = data
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    by_place = local(passthrough_features=[0]).fit(X, y)
    by_name = local(passthrough_features=["a"]).fit(frame, y)
    assert_array_equal(by_place.predict_quantiles(X), by_name.predict_quantiles(frame))
    moved = X + np.array([0.0, 5.0, -3.0])
    assert_array_equal(by_place.local_weights(moved), by_place.local_weights(X))
    assert by_place.local_weights(X).std(axis=0).max() > 1e-3
    # A column of text is no obstacle where the base models do not mind it.
    frame["d"] = "text"
    with pytest.raises(ValueError, match="could not convert"):
        local(passthrough_features=["d"], estimators=[("one", Blind())]).fit(frame, y)
    assert local(passthrough_features=["a"], estimators=[("one", Blind())]).fit(frame, y).n_iter_


class Blind(RegressorMixin, BaseEstimator):
    """Look at the number of rows only."""

    def fit(self, X, y):
        return self

    def predict_quantiles(self, X, quantiles):
        return np.tile(ndtri(quantiles), (len(X), 1))


def test_units_of_outcome_and_features_do_not_matter(data):
    X, y = data
    bases = [("linear", QuantileRegressor(alpha=0.0)), ("median", Marginal())]
    plain = local(bases).fit(X, y)
    scaled = local(bases).fit(_moved(X), 16 * y + 5)
    found = scaled.local_weights(_moved(X))
    assert_allclose(found, plain.local_weights(X), atol=1e-5)


def _moved(X):
    return X * np.array([1.0, 8.0, 0.25]) + np.array([3.0, 0.0, 1.0])


class Marginal(RegressorMixin, BaseEstimator):
    """Predict the quantiles of the outcomes."""

    def fit(self, X, y):
        self.found_ = np.sort(y)
        return self

    def predict_quantiles(self, X, quantiles):
        return np.tile(np.quantile(self.found_, quantiles), (len(X), 1))


@pytest.mark.parametrize("weighting", SHAPES)
def test_integer_weights_equal_repeated_rows(data, weighting):
    X, y = data[0][:60], data[1][:60]
    weight = np.random.default_rng(0).integers(0, 4, size=60)
    repeated = np.repeat(np.arange(60), weight)
    # A margin that no pair has exactly: at a kink the last bit of a sum would choose the side.
    options = {"weighting": weighting, "init": "equal", "alpha": 0.1, "crossing_margin": 0.0123}
    weighted = local(**options).set_params(cv=[(np.arange(60), np.arange(60))])
    weighted.fit(X, y, sample_weight=weight.astype(float))
    n = len(repeated)
    copies = local(**options).set_params(cv=[(np.arange(n), np.arange(n))])
    copies.fit(X[repeated], y[repeated])
    assert_allclose(weighted.local_weights(X), copies.local_weights(X), rtol=1e-7)
    assert_allclose(weighted.crossing_rate_, copies.crossing_rate_)


def test_early_stopping_restores_the_best_network(data):
    X, y = data
    model = local(early_stopping=True, max_iter=60, learning_rate_init=0.3, n_iter_no_change=5)
    model.fit(X, y)
    scores = model.validation_scores_
    assert len(scores) == model.n_iter_ < 60
    best = int(np.argmax(scores))
    assert best < model.n_iter_ - 1
    # The same epochs without the ones after the best.
    short = clone(model).set_params(max_iter=best + 1).fit(X, y)
    assert_array_equal(short.local_weights(X), model.local_weights(X))


def test_the_penalty_keeps_levels_apart(data):
    X, y = data
    crossing = [("up", Half(1.0)), ("wild", Wild())]
    rates = []
    for weight in (0.0, 100.0):
        options = {"crossing_weight": weight, "sort_base": False, "max_iter": 150}
        model = local(crossing, noncrossing=None, init="equal", **options).fit(X, y)
        forecast = model.predict_quantiles(X)
        rates.append((np.diff(forecast, axis=1) < 0).any(axis=1).mean())
        assert_allclose(model.crossing_rate_, rates[-1])
    assert rates[1] < 0.5 * rates[0]
    ordered = model.set_params(noncrossing="sort").predict_quantiles(X)
    assert_array_equal(ordered, np.sort(forecast, axis=1))


class Wild(RegressorMixin, BaseEstimator):
    """Predict levels of which two always cross, nearer to the outcome than those of others."""

    def fit(self, X, y):
        return self

    def predict_quantiles(self, X, quantiles):
        X = np.asarray(X)
        offsets = np.column_stack([-0.5 + X[:, 2], np.zeros(len(X)), 0.5 - X[:, 2]])
        return X[:, 1:2] + offsets


def test_same_seed_same_bits_and_global_generators_are_left_alone(data):
    X, y = data
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    state, np_state = torch.random.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    options = {"batch_size": 32, "early_stopping": True, "max_iter": 3}
    first, second = (local(**options).fit(X, y).predict_quantiles(X) for _ in range(2))
    assert_array_equal(first, second)
    assert (
        local(**options).set_params(random_state=1).fit(X, y).predict_quantiles(X) != first
    ).any()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert_array_equal(np.random.get_state()[1], np_state)  # noqa: NPY002


def test_pickle_pipeline_search_and_single_precision(data):
    X, y = data
    bases = [("linear", QuantileRegressor(alpha=0.0)), ("median", Marginal())]
    model = make_pipeline(StandardScaler(), local(bases, max_iter=3, cv=3)).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict(X), model.predict(X))
    search = GridSearchCV(
        local(bases, max_iter=3, cv=3),
        {"weighting": ["coarse", "fine"], "linear__alpha": [0.0, 1.0]},
        cv=2,
    ).fit(X, y)
    assert search.best_params_["linear__alpha"] == 0.0
    assert search.best_estimator_.predict_interval(X[:2], 0.8).shape == (2, 2)
    # What a network with hidden layers begins with differs between the precisions.
    single = local(bases, hidden_layer_sizes=()).fit(X.astype(np.float32), y)
    assert next(single.net_.module_.parameters()).dtype == torch.float32
    double = local(bases, hidden_layer_sizes=()).fit(X.astype(np.float32).astype(float), y)
    assert_allclose(single.predict_quantiles(X), double.predict_quantiles(X), atol=1e-3)


def test_size_does_not_grow_with_the_rows(data):
    X, y = data
    sizes = []
    for n in (60, 200):
        model = local(max_iter=2).fit(X[:n], y[:n])
        sizes.append(len(pickle.dumps(model)))
    assert abs(sizes[1] - sizes[0]) < 1000


def test_a_network_of_ones_own(data):
    X, y = data
    model = local(module=torch.nn.Linear, max_iter=2).fit(X, y)
    assert isinstance(model.net_.module_.weights.network, torch.nn.Linear)


def test_intervals_are_calibrated_around_the_stack(data):
    X, y = data
    stack = local(weighting="coarse", max_iter=2, cv=3)
    for method in ("split", "nested-cv+"):
        cv = None if method == "split" else 3
        model = ConformalQuantileRegressor(stack, method=method, cv=cv, random_state=0).fit(X, y)
        low, high = model.predict_interval(X, coverage=0.8).T
        assert ((low <= y) & (y <= high)).mean() > 0.7


def test_too_few_epochs_are_told(data):
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        local(max_iter=2).fit(*data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"passthrough_features": ["a"]}, "passthrough_features"),
        ({"passthrough_features": [7]}, "passthrough_features"),
        ({"crossing_margin": np.zeros((2, 2))}, "margin has 2 rows"),
        ({"crossing_weight": -1.0}, "'crossing_weight' parameter"),
        ({"crossing_share": 1.0}, "'crossing_share' parameter"),
        ({"weighting": "local"}, "'weighting' parameter"),
        ({"noncrossing": "constrain"}, "'noncrossing' parameter"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
    ],
)
def test_bad_input_is_named(data, options, message):
    with pytest.raises(ValueError, match=message):
        local(**options).fit(*data)
