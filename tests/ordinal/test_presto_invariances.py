"""What must not change the fit, what must change it in a known way, and where the path starts."""

import warnings

import numpy as np
import pytest
from oracles import Problem, make_ordinal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skweight.ordinal import PrestoClassifier, presto_path

pytestmark = pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
FAMILIES = ["cumulative", "continuation", "stopping", "adjacent"]


def fit(X, y, w=None, **options):
    return PrestoClassifier(**{"alpha": 0.01, "tol": 1e-10, **options}).fit(X, y, sample_weight=w)


def assert_same(a, b, atol=1e-7):
    np.testing.assert_allclose(a.coef_, b.coef_, atol=atol)
    np.testing.assert_allclose(a.intercept_, b.intercept_, atol=atol)
    assert a.objective_ == pytest.approx(b.objective_, abs=1e-9)
    assert a.alpha_max_ == pytest.approx(b.alpha_max_, rel=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"l1_ratio": 0.4},
        {"penalty": "group"},
        {"base_penalty": 0.0},
        {"base_penalty": 0.3, "standardize": False},
        {"penalty_factor": np.array([0.5, 1.0, 3.0, 1.0])},
        {"penalty_factor": np.array([0.0, 1.0, 3.0, 1.0])},
        {"link": "cloglog"},
    ],
    ids=lambda o: "-".join(f"{k}" for k in o) or "default",
)
def test_deltas_vanish_at_alpha_max_and_not_below(family, options):
    if family == "adjacent" and "link" in options:
        pytest.skip("the adjacent family has the logit link only")
    X, y, w = make_ordinal(50, n=90, p=4, K=4, weighted=True)
    problem = Problem(X, y, w, family=family, **options)
    top = problem.alpha_max()
    above = fit(X, y, w, family=family, alpha=1.001 * top, **options)
    assert above.alpha_max_ == pytest.approx(top, rel=1e-7)
    penalised = problem.pf > 0
    assert np.all(above.delta_coef_[penalised] == 0)
    below = fit(X, y, w, family=family, alpha=0.99 * top, **options)
    assert np.any(below.delta_coef_[penalised] != 0)
    if penalised.all():
        frequencies = np.bincount(y, w) / w.sum()
        expected = np.tile(frequencies, (len(y), 1))
        np.testing.assert_allclose(above.predict_proba(X), expected, atol=1e-10)


def test_alpha_none_means_a_tenth_of_alpha_max():
    X, y, w = make_ordinal(51, weighted=True)
    model = fit(X, y, w, alpha=None)
    assert model.alpha is None
    assert model.alpha_ == pytest.approx(0.1 * model.alpha_max_, rel=1e-12)


def test_ridge_scale_of_alpha_max():
    X, y, _ = make_ordinal(51)
    lasso = fit(X, y, l1_ratio=1.0).alpha_max_
    assert fit(X, y, l1_ratio=0.25).alpha_max_ == pytest.approx(4 * lasso)
    assert fit(X, y, l1_ratio=0.0).alpha_max_ == pytest.approx(100 * lasso)
    assert (fit(X, y, l1_ratio=0.0).delta_coef_ != 0).all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("monotone", ["observed", "train", "box"])
def test_integer_weights_equal_repeated_rows(family, monotone):
    X, y, _ = make_ordinal(52, n=60, p=3, K=4, wild=1.0)
    w = np.random.default_rng(0).integers(0, 4, size=60)
    w[:4] = 1
    a = fit(X, y, w, family=family, monotone=monotone)
    rows = np.repeat(np.arange(60), w)
    assert_same(a, fit(X[rows], y[rows], family=family, monotone=monotone))


@pytest.mark.parametrize("factor", [1e-6, 3.7, 1e6])
@pytest.mark.parametrize("monotone", ["observed", "train", "box"])
def test_scale_of_the_weights_does_not_matter(factor, monotone):
    X, y, w = make_ordinal(53, n=70, p=3, K=4, wild=1.0, weighted=True)
    assert_same(fit(X, y, w, monotone=monotone), fit(X, y, factor * w, monotone=monotone))


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("alpha", [None, 0.01])
def test_rows_of_weight_zero_are_dropped(container, alpha):
    X, y, w = make_ordinal(54, n=70, p=3, K=4, wild=1.0, weighted=True)
    w[-20:] = 0
    X[-20:] *= 10  # would move means, standard deviations, the box and alpha_max
    a = fit(container(X), y, w, alpha=alpha)
    b = fit(container(X[:-20]), y[:-20], w[:-20], alpha=alpha)
    assert_same(a, b, atol=1e-9)
    np.testing.assert_allclose(a.crossing_margin_, b.crossing_margin_, atol=1e-9)
    assert a.n_crossed_ == b.n_crossed_


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("monotone", ["observed", "train", "box"])
def test_affine_change_of_a_column_changes_no_prediction(family, monotone):
    X, y, w = make_ordinal(55, n=70, p=3, K=4, wild=1.0, weighted=True)
    moved = X.copy()
    moved[:, 0] = 1e3 * X[:, 0] - 40
    moved[:, 1] = -0.02 * X[:, 1] + 7
    a = fit(X, y, w, family=family, monotone=monotone)
    b = fit(moved, y, w, family=family, monotone=monotone)
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(moved), atol=1e-7)
    np.testing.assert_allclose(a.coef_, b.coef_ * [1e3, -0.02, 1], atol=1e-6)
    np.testing.assert_allclose(a.crossing_margin_, b.crossing_margin_, atol=1e-6)


def test_positive_scaling_keeps_nonnegative_fits():
    X, y, w = make_ordinal(55, n=70, p=3, K=4, wild=1.0, weighted=True)
    a = fit(X, y, w, positive=True)
    b = fit(X * [10, 0.1, 2] + 3, y, w, positive=True)
    np.testing.assert_allclose(a.coef_, b.coef_ * [10, 0.1, 2], atol=1e-6)


def test_without_standardisation_the_scale_matters():
    X, y, _ = make_ordinal(55, n=70, p=3)
    a = fit(X, y, standardize=False)
    b = fit(X * [10, 1, 1], y, standardize=False)
    assert np.abs(a.predict_proba(X) - b.predict_proba(X * [10, 1, 1])).max() > 1e-3
    # A shift does not: the intercepts are free.
    c = fit(X + np.array([5, -3, 1]), y, standardize=False)
    np.testing.assert_allclose(a.coef_, c.coef_, atol=1e-6)


@pytest.mark.parametrize("monotone", ["observed", "train", "box"])
def test_column_permutation_permutes_the_coefficients(monotone):
    X, y, w = make_ordinal(56, n=80, p=5, K=5, wild=0.9, weighted=True)
    order = [3, 0, 4, 1, 2]
    a, b = fit(X, y, w, monotone=monotone), fit(X[:, order], y, w, monotone=monotone)
    np.testing.assert_allclose(a.coef_[:, order], b.coef_, atol=1e-7)


def test_row_permutation_changes_nothing():
    X, y, w = make_ordinal(56, n=80, p=5, K=5, wild=0.9, weighted=True)
    order = np.random.default_rng(0).permutation(80)
    assert_same(fit(X, y, w), fit(X[order], y[order], w[order]))


@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize("monotone", ["observed", "train", "box"])
def test_reversal_of_the_classes(link, monotone):
    X, y, w = make_ordinal(57, n=90, p=3, K=4, wild=0.9, weighted=True)
    options = {"link": link, "monotone": monotone, "alpha": 0.02}
    a = fit(X, y, w, base_penalty=0.0, **options)
    b = fit(X, 3 - y, w, base_penalty=0.0, **options)
    np.testing.assert_allclose(a.coef_, -b.coef_[::-1], atol=1e-6)
    np.testing.assert_allclose(a.intercept_, -b.intercept_[::-1], atol=1e-6)
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X)[:, ::-1], atol=1e-7)
    # With the base penalty the first boundary is special: the rare class must come last.
    c, d = fit(X, y, w, **options), fit(X, 3 - y, w, **options)
    assert np.abs(c.predict_proba(X) - d.predict_proba(X)[:, ::-1]).max() > 1e-4


def test_class_order_is_only_a_relabelling():
    X, y, w = make_ordinal(58, n=80, p=3, K=3, weighted=True)
    labels = np.array(["low", "mid", "high"])
    a = fit(X, y, w)
    b = fit(X, labels[y], w, class_order=["low", "mid", "high"])
    np.testing.assert_array_equal(b.classes_, ["high", "low", "mid"])
    np.testing.assert_array_equal(b.class_order_, ["low", "mid", "high"])
    np.testing.assert_allclose(a.coef_, b.coef_, atol=1e-12)
    np.testing.assert_allclose(a.predict_proba(X)[:, [2, 0, 1]], b.predict_proba(X), atol=1e-12)
    np.testing.assert_allclose(a.predict_exceedance(X), b.predict_exceedance(X), atol=1e-12)
    np.testing.assert_array_equal(labels[a.predict(X)], b.predict(X))


@pytest.mark.parametrize("dtype", [np.float32, np.int64, bool])
def test_input_of_another_type_is_upcast(dtype):
    X, y, _ = make_ordinal(59, n=70, p=3)
    X = (X > 0).astype(dtype) if dtype is bool else np.round(3 * X).astype(dtype)
    model = fit(X, y)
    assert model.coef_.dtype == np.float64
    assert_same(model, fit(X.astype(float), y), atol=1e-12)
    assert model.predict_proba(X).dtype == np.float64


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
@pytest.mark.parametrize("family", FAMILIES)
def test_sparse_equals_dense(container, family):
    X, y, w = make_ordinal(60, n=80, p=4, wild=1.0, weighted=True)
    X[np.abs(X) < 0.8] = 0
    for monotone in ("observed", "train", "box") if family == "cumulative" else ("train",):
        for standardize in (True, False):
            options = {"family": family, "monotone": monotone, "standardize": standardize}
            a, b = fit(X, y, w, **options), fit(container(X), y, w, **options)
            assert_same(a, b, atol=1e-6)
            np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(container(X)), atol=1e-7)


@pytest.mark.parametrize("options", [{}, {"monotone": "observed"}, {"monotone": "box"}])
def test_path_equals_cold_starts_and_is_monotone(options):
    X, y, w = make_ordinal(61, n=90, p=4, K=4, wild=0.9, weighted=True)
    path = presto_path(X, y, sample_weight=w, n_alphas=8, eps=1e-2, tol=1e-10, **options)
    alphas, coefs, intercepts = path.alphas, path.coef_path, path.intercept_path
    assert np.all(np.diff(alphas) < 0)
    assert alphas[-1] == pytest.approx(1e-2 * alphas[0])
    np.testing.assert_allclose(np.diff(np.log(alphas)), np.log(1e-2) / 7)
    cold = [fit(X, y, w, alpha=a, **options) for a in alphas]
    assert alphas[0] == pytest.approx(cold[0].alpha_max_)
    for coef, intercept, model in zip(coefs, intercepts, cold):
        np.testing.assert_allclose(coef, model.coef_, atol=1e-6)
        np.testing.assert_allclose(intercept, model.intercept_, atol=1e-6)
    assert not cold[0].support_.any()
    np.testing.assert_allclose(path.objectives, [m.objective_ for m in cold], atol=1e-9)
    assert np.all(path.dual_gaps <= 1e-10)
    objectives = np.array([m.objective_ for m in cold])
    assert np.all(np.diff(objectives) <= 1e-9), "the optimum grows with alpha"
    norms = []
    for model in cold:
        problem, theta = Problem.of(model, X, y, w)
        norms.append(np.sum(problem.pf * np.abs(problem.deltas(theta))))
    assert np.all(np.diff(norms) >= -1e-6), "the penalty shrinks with alpha"


@pytest.mark.parametrize("monotone", ["observed", "train", "box"])
def test_warm_start_equals_cold_start(monotone):
    X, y, w = make_ordinal(62, n=90, p=4, K=4, wild=0.9, weighted=True)
    warm = PrestoClassifier(alpha=0.1, monotone=monotone, tol=1e-10, warm_start=True)
    warm.fit(X, y, sample_weight=w)
    warm.set_params(alpha=0.004).fit(X, y, sample_weight=w)
    assert_same(warm, fit(X, y, w, alpha=0.004, monotone=monotone), atol=1e-6)


def test_adaptive_weights_come_from_a_ridge_fit():
    X, y, w = make_ordinal(63, n=90, p=4, K=4, weighted=True)
    base = np.array([1.0, 2.0, 0.5, 1.0])
    options = {"penalty_factor": base, "monotone": "observed"}
    scale = fit(X, y, w, l1_ratio=0.0, **options).alpha_max_
    ridge = fit(X, y, w, l1_ratio=0.0, alpha=0.01 * scale, **options)
    problem, theta = Problem.of(ridge, X, y, w)
    size = np.abs(problem.deltas(theta))
    for gamma in (0.5, 1.0):
        factor = base / np.maximum(size, 1e-6 * size.max()) ** gamma
        a = fit(X, y, w, penalty_factor=base, adaptive=gamma)
        b = fit(X, y, w, penalty_factor=factor)
        np.testing.assert_allclose(a.coef_, b.coef_, atol=1e-6)
        assert a.alpha_max_ == pytest.approx(b.alpha_max_, rel=1e-5)
    assert np.abs(a.coef_ - fit(X, y, w, penalty_factor=base).coef_).max() > 1e-3


# With alpha=0 coefficients run off, and holding gaps at them to the last digit costs objective.
@pytest.mark.parametrize("options", [{"base_penalty": 0.0}, {"alpha": 0.0, "monotone": "observed"}])
def test_weights_equal_repetition_even_where_there_is_no_finite_optimum(options):
    # More columns than rows and free slopes: separable, with a singular Hessian.
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(15, 30)), np.arange(15) % 3
    w = rng.integers(1, 4, size=15)
    rows = np.repeat(np.arange(15), w)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        a = PrestoClassifier(**options).fit(X, y, sample_weight=w)
        b = PrestoClassifier(**options).fit(X[rows], y[rows])
    # The loss goes to 0, so every row goes to its own class.
    assert max(a.objective_, b.objective_) < 1e-6
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"family": "stopping"}, {"monotone": "box"}])
def test_every_solver_reaches_the_same_optimum(options):
    X, y, w = make_ordinal(65, n=90, p=6, K=4, wild=0.9, weighted=True)
    fits = [fit(X, y, w, solver=s, **options) for s in ("auto", "newton", "lbfgs")]
    for model in fits[1:]:
        assert_same(model, fits[0], atol=1e-6)
        assert model.dual_gap_ <= 1e-10


@pytest.mark.parametrize("solver", ["auto"])
def test_repeated_fits_are_bit_equal(solver):
    X, y, w = make_ordinal(64, n=80, p=5, K=4, wild=0.9, weighted=True)
    a, b = fit(X, y, w, solver=solver), fit(X, y, w, solver=solver)
    np.testing.assert_array_equal(a.coef_, b.coef_)
    np.testing.assert_array_equal(a.intercept_, b.intercept_)
