"""Bad input, degenerate data, labels and their order."""

import tracemalloc
import warnings

import numpy as np
import pytest
from oracles import make_ordinal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.feature_selection import SelectFromModel

from skweight.ordinal import PrestoClassifier, PrestoClassifierCV, presto_path

DATA = make_ordinal(70, n=80, p=3, K=3, weighted=True)


def fit(X, y, w=None, **options):
    return PrestoClassifier(**{"alpha": 0.02, **options}).fit(X, y, sample_weight=w)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"alpha": -1.0}, "alpha"),
        ({"alpha": np.nan}, "alpha"),
        ({"alpha": "big"}, "alpha"),
        ({"l1_ratio": -0.1}, "l1_ratio"),
        ({"l1_ratio": 1.1}, "l1_ratio"),
        ({"base_penalty": -1.0}, "base_penalty"),
        ({"family": "sequential"}, "family"),
        ({"link": "cauchit"}, "link"),
        ({"penalty": "l2"}, "penalty"),
        ({"monotone": "always"}, "monotone"),
        ({"crossing": "ignore"}, "crossing"),
        ({"penalty_factor": [1.0, 1.0]}, "penalty_factor"),
        ({"penalty_factor": [1.0, -1.0, 1.0]}, "penalty_factor"),
        ({"penalty_factor": [1.0, np.inf, 1.0]}, "penalty_factor"),
        ({"penalty_factor": np.ones((3, 2))}, "penalty_factor"),
        ({"penalty": "group", "penalty_factor": np.ones((2, 3))}, "penalty_factor"),
        ({"adaptive": -1.0}, "adaptive"),
        ({"tol": -1e-3}, "tol"),
        ({"max_iter": 0}, "max_iter"),
        ({"solver": "magic"}, "solver"),
        ({"fit_intercept": False}, "fit_intercept"),
        ({"standardize": "yes"}, "standardize"),
        ({"positive": "yes"}, "positive"),
    ],
    ids=lambda v: "-".join(f"{k}" for k in v) if isinstance(v, dict) else "",
)
def test_a_bad_parameter_is_named(options, name):
    X, y, _ = DATA
    with pytest.raises((ValueError, TypeError), match=name):
        fit(X, y, **options)


@pytest.mark.parametrize("family", ["continuation", "stopping", "adjacent"])
def test_no_intercept_is_allowed_where_it_makes_sense(family):
    X, y, w = DATA
    model = fit(X, y, w, family=family, fit_intercept=False)
    np.testing.assert_array_equal(model.intercept_, 0)
    binary = fit(X, y > 0, w, fit_intercept=False)
    np.testing.assert_array_equal(binary.intercept_, 0)


def test_one_class_is_an_error():
    X, y, _ = DATA
    with pytest.raises(ValueError, match="class"):
        fit(X, np.zeros_like(y))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_input_is_an_error(bad):
    X, y, w = make_ordinal(70, n=40, p=3, K=3, weighted=True)
    X[3, 1] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity|inf"):
        fit(X, y)
    X[3, 1], w[2] = 0.0, bad
    with pytest.raises(ValueError, match=r"NaN|infinity|inf"):
        fit(X, y, w)


def test_bad_weights_are_errors():
    X, y, w = DATA
    with pytest.raises(ValueError, match=r"sample_weight|weight"):
        fit(X, y, np.zeros_like(w))
    with pytest.raises(ValueError, match=r"sample_weight|[Nn]egative"):
        fit(X, y, np.where(np.arange(len(y)) == 3, -1.0, w))
    with pytest.raises(ValueError, match="class"):
        fit(X, y, np.where(y == 1, 0.0, w))


def test_not_fitted():
    with pytest.raises(NotFittedError):
        PrestoClassifier().predict(DATA[0])


@pytest.mark.parametrize("monotone", ["observed", "train", "box"])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_constant_columns_get_exactly_zero(monotone, standardize, container):
    X, y, w = DATA
    X = np.column_stack([X, np.full(len(y), 0.1), np.zeros(len(y))])
    model = fit(container(X), y, w, monotone=monotone, standardize=standardize)
    assert np.all(model.coef_[:, 3:] == 0)
    assert np.all(model.delta_coef_[:, 3:] == 0)
    assert not model.support_[3:].any()
    without = fit(container(X[:, :3]), y, w, monotone=monotone, standardize=standardize)
    np.testing.assert_allclose(model.coef_[:, :3], without.coef_, atol=1e-6)
    assert model.alpha_max_ == pytest.approx(without.alpha_max_)


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"base_penalty": 0.0}])
def test_constant_columns_stay_zero_where_nothing_holds_them(options):
    X, y, w = make_ordinal(71, n=120, p=2, K=3, noise=2.0, weighted=True)
    X = np.column_stack([X, np.full(len(y), 7.3)])
    model = fit(X, y, w, **options)
    assert np.all(model.coef_[:, 2] == 0)


def test_no_signal_fills_the_grid():
    y = np.tile([0, 1, 2], 10)
    X = np.ones((30, 2))
    path = presto_path(X, y, n_alphas=5)
    np.testing.assert_allclose(path.alphas, 1e-15)
    assert np.all(path.coef_path == 0)
    model = fit(X, y, alpha=None)
    np.testing.assert_allclose(model.predict_proba(X), 1 / 3, atol=1e-10)


def _separable(p=2):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, p))
    return X, np.digitize(X[:, 0], [-0.5, 0.5])


@pytest.mark.parametrize("family", ["cumulative", "continuation", "stopping", "adjacent"])
@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"alpha": 0.05, "base_penalty": 0.0}])
def test_separation_warns_and_stays_finite(family, options):
    X, y = _separable()
    with pytest.warns(ConvergenceWarning):
        model = fit(X, y, family=family, **options)
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_).all()
    P = model.predict_proba(X)
    assert np.isfinite(P).all()
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-12)
    assert np.isfinite(model.decision_function(X)).all()
    assert np.mean(model.predict(X) == y) > 0.95


def test_a_penalty_settles_separable_data():
    X, y = _separable()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(X, y, alpha=0.01, tol=1e-9)
    assert model.dual_gap_ <= 1e-9


def test_stopping_early_warns():
    X, y, w = make_ordinal(72, n=100, p=6, K=5, wild=0.8, weighted=True)
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        fit(X, y, w, alpha=1e-3, max_iter=1, tol=1e-10)


@pytest.mark.parametrize("monotone", ["observed", "train", "box"])
def test_more_columns_than_rows(monotone):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 80)), np.arange(30) % 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(X, y, alpha=None, monotone=monotone, tol=1e-8)
    assert model.dual_gap_ <= 1e-8
    assert 0 < model.support_.sum() < 30


def test_free_slopes_with_more_columns_than_rows_stay_finite():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(15, 30)), np.arange(15) % 3
    with pytest.warns(ConvergenceWarning):
        model = fit(X, y, base_penalty=0.0)
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.predict_proba(X)).all()


def test_duplicate_rows_and_columns_are_fine():
    X, y, w = DATA
    model = fit(np.column_stack([X, X[:, 0]]), y, w, tol=1e-9)
    single = fit(X, y, w, tol=1e-9)
    np.testing.assert_allclose(model.objective_, single.objective_, atol=1e-8)
    total = model.coef_[:, 0] + model.coef_[:, 3]
    np.testing.assert_allclose(total, single.coef_[:, 0], atol=1e-5)


def test_sparse_input_is_never_densified():
    rng = np.random.default_rng(0)
    n, p = 2000, 1500
    X = sparse.random(n, p, density=0.002, format="csr", random_state=0)
    signal = np.asarray(X[:, :40].sum(axis=1)).ravel()
    y = np.digitize(signal + 0.3 * rng.normal(size=n), [0.2, 0.5])
    alpha = 0.5 * fit(X, y, alpha=1.0).alpha_max_
    for monotone in ("train", "box", "observed"):
        tracemalloc.start()
        model = fit(X, y, alpha=alpha, monotone=monotone)
        model.predict_proba(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert model.support_.any()
        assert peak < 0.5 * n * p * 8, f"{monotone}: {peak / 1e6:.0f} MB"


def test_warm_start_survives_other_data():
    model = PrestoClassifier(alpha=0.02, warm_start=True, tol=1e-9)
    for seed, p, K in ((0, 3, 3), (1, 5, 3), (2, 5, 4), (3, 2, 2), (4, 2, 3)):
        X, y, w = make_ordinal(seed, n=60, p=p, K=K, wild=0.8, weighted=True)
        model.fit(X, y, w)
        np.testing.assert_allclose(model.coef_, fit(X, y, w, tol=1e-9).coef_, atol=1e-6)


def test_fit_leaves_its_input_alone():
    X, y, w = DATA
    for container in (np.array, np.asfortranarray, sparse.csr_matrix, sparse.csc_matrix):
        data, labels, weight = container(X), y.copy(), w.copy()
        for array in (labels, weight, data.data if sparse.issparse(data) else data):
            array.setflags(write=False)
        factor = np.ones(3)
        factor.setflags(write=False)
        model = fit(data, labels, weight, penalty_factor=factor)
        assert model.penalty_factor is factor


def test_unseen_labels_in_score_count_as_wrong():
    X, y, w = DATA
    model = fit(X, y, w)
    assert model.score(X, np.full(len(y), 99)) == 0


def test_score_is_weighted_accuracy():
    X, y, w = DATA
    model = fit(X, y, w)
    hit = model.predict(X) == y
    assert model.score(X, y) == pytest.approx(hit.mean())
    assert model.score(X, y, sample_weight=w) == pytest.approx(np.average(hit, weights=w))


def test_log_probabilities_are_clipped():
    X, y, w = DATA
    far = 1e6 * np.array([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]])
    for family in ("cumulative", "continuation", "stopping", "adjacent"):
        log_proba = fit(X, y, w, family=family).decision_function(far)
        assert np.isfinite(log_proba).all()
        assert log_proba.min() == pytest.approx(np.log(np.finfo(float).tiny), abs=1e-9)


def test_prediction_rules():
    X, y, w = DATA
    model = fit(X, y, w)
    P = model.predict_proba(X)
    np.testing.assert_array_equal(model.predict(X), model.classes_[P.argmax(axis=1)])
    # The median is the lowest class whose cumulative probability reaches one half.
    median = (np.cumsum(P, axis=1) < 0.5).sum(axis=1)
    np.testing.assert_array_equal(model.predict_median(X), model.class_order_[median])
    assert model.decision_function(X).shape == P.shape
    assert model.predict_exceedance(X).shape == (len(y), 2)
    empty = fit(X, y, w, alpha=10.0)
    lowest = np.bincount(y, w).argmax()
    np.testing.assert_array_equal(empty.predict(X), lowest)


def test_two_classes_in_reverse_order():
    X, y, w = make_ordinal(73, n=80, p=3, K=2, weighted=True)
    model = fit(X, y, w, class_order=[1, 0])
    np.testing.assert_array_equal(model.classes_, [0, 1])
    np.testing.assert_array_equal(model.class_order_, [1, 0])
    decision = model.decision_function(X)
    assert decision.shape == (len(y),)
    np.testing.assert_array_equal(model.predict(X), (decision > 0).astype(int))
    np.testing.assert_allclose(decision, -(model.intercept_ + X @ model.coef_[0]), atol=1e-12)
    P = model.predict_proba(X)
    np.testing.assert_allclose(P[:, 1], 1 / (1 + np.exp(-decision)), atol=1e-12)
    np.testing.assert_allclose(P[:, 0], model.predict_exceedance(X)[:, 0], atol=1e-12)
    assert model.crossing_margin_.shape == (0,)
    assert model.n_crossed_ == 0


def test_class_order_must_match_the_labels():
    X, y, _ = DATA
    labels = np.array(["a", "b", "c"])[y]
    with pytest.raises(ValueError, match=r"class_order.*c|c.*class_order"):
        fit(X, labels, class_order=["a", "b"])
    with pytest.raises(ValueError, match="class_order"):
        fit(X, labels, class_order=["a", "b", "c", "c"])
    with pytest.warns(UserWarning, match="d"):
        model = fit(X, labels, class_order=["c", "d", "a", "b"])
    np.testing.assert_array_equal(model.class_order_, ["c", "a", "b"])
    np.testing.assert_array_equal(model.classes_, ["a", "b", "c"])


def test_unordered_text_labels_warn_once():
    X, y, _ = make_ordinal(70, n=80, p=3, K=3)
    labels = np.array(["low", "mid", "high"])[y]
    for estimator in (PrestoClassifier(), PrestoClassifierCV(n_alphas=3, cv=2)):
        with pytest.warns(UserWarning, match="class_order") as caught:
            estimator.fit(X, labels)
        assert sum("class_order" in str(one.message) for one in caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PrestoClassifier(class_order=["low", "mid", "high"]).fit(X, labels)
        PrestoClassifier().fit(X, y)
        PrestoClassifier().fit(X, np.array(["no", "yes"])[(y > 0).astype(int)])


def test_order_comes_from_pandas_categories():
    pd = pytest.importorskip("pandas", reason="pandas comes with the 'data' extra")
    X, y, w = DATA
    names = ["low", "mid", "high"]
    categories = ["none", *names]
    target = pd.Series(
        pd.Categorical(np.array(names)[y], categories=categories, ordered=True), name="t"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(pd.DataFrame(X, columns=["a", "b", "c"]), target, w)
    np.testing.assert_array_equal(model.class_order_, names)
    np.testing.assert_array_equal(model.classes_, sorted(names))
    np.testing.assert_array_equal(model.feature_names_in_, ["a", "b", "c"])
    np.testing.assert_allclose(model.coef_, fit(X, y, w).coef_, atol=1e-10)
    explicit = fit(X, target, w, class_order=names[::-1])
    np.testing.assert_array_equal(explicit.class_order_, names[::-1])


def test_order_comes_from_a_polars_enum():
    pl = pytest.importorskip("polars", reason="polars comes with the 'test' extra")
    X, y, w = DATA
    names = ["low", "mid", "high"]
    target = pl.Series("t", np.array(names)[y].tolist(), dtype=pl.Enum(["none", *names]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(pl.DataFrame(X, schema=["a", "b", "c"]), target, w)
    np.testing.assert_array_equal(model.class_order_, names)
    np.testing.assert_array_equal(model.classes_, sorted(names))
    np.testing.assert_allclose(model.coef_, fit(X, y, w).coef_, atol=1e-10)


def test_support_goes_through_select_from_model():
    X, y, w = make_ordinal(74, n=100, p=6, K=4, weighted=True)
    model = fit(X, y, w, alpha=0.06)
    assert 0 < model.support_.sum() < 6
    selector = SelectFromModel(model, prefit=True, threshold=1e-12)
    np.testing.assert_array_equal(selector.get_support(), model.support_)
    assert selector.transform(X).shape == (100, model.support_.sum())


def test_fitted_shapes():
    X, y, w = make_ordinal(75, n=80, p=3, K=5, weighted=True)
    model = fit(X, y, w)
    assert model.coef_.shape == model.delta_coef_.shape == (4, 3)
    assert model.intercept_.shape == model.thresholds_.shape == (4,)
    assert model.support_.shape == model.varying_.shape == (3,)
    assert model.support_.dtype == model.varying_.dtype == bool
    assert model.crossing_margin_.shape == (3,)
    assert model.n_features_in_ == 3
    assert isinstance(model.n_iter_, (int, np.integer))
    assert isinstance(model.n_crossed_, (int, np.integer))
    assert 1 <= model.n_iter_ <= model.max_iter
