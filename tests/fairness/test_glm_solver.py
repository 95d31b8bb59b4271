"""The solver alone: coordinates, steps, starts, and optima against independent programs."""

import numpy as np
import pytest
from dependence_oracle import distances
from scipy import optimize, sparse
from sklearn.linear_model import Ridge

from skweight.fairness._glm import GLMProblem, Solution
from skweight.fairness._glm_design import MAX_WHITENED, Design
from skweight.fairness._lbfgs import minimise
from skweight.fairness._losses import Binomial, Multinomial, SquaredError, regression_loss
from skweight.fairness._penalty import DependencePenalty


def columns(n=60, p=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, p)) * 10.0 ** np.arange(p) + 50 * np.arange(p)


# -------------------------------------------------------------------- coordinates


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix, sparse.csc_array])
def test_the_null_hessian_is_the_identity(make, fit_intercept):
    X, rng = columns(), np.random.default_rng(1)
    share = rng.random(len(X))
    share /= share.sum()
    design = Design(make(X), share, 0.3, 0.01, fit_intercept)
    A = np.empty((len(X) + X.shape[1], design.size))
    for j, unit in enumerate(np.eye(design.size)):
        coef, intercept = design.split(unit)
        A[: len(X), j] = np.sqrt(0.3 * share) * design.scores(coef, intercept)
        A[len(X) :, j] = np.sqrt(0.01) * coef[:, 0]
    np.testing.assert_allclose(A.T @ A, np.eye(design.size), atol=1e-7)


def test_softmax_scores_have_the_identity_as_hessian_too():
    X, p = columns(p=3), np.array([0.5, 0.3, 0.2])
    share = np.full(len(X), 1 / len(X))
    design = Design(X, share, np.diag(p) - np.outer(p, p), 0.01, True)
    assert design.size == 2 * (1 + 3)
    root = np.linalg.cholesky(np.diag(p) - np.outer(p, p) + 1e-14 * np.eye(3))
    columns_of = []
    for unit in np.eye(design.size):
        coef, intercept = design.split(unit)
        np.testing.assert_allclose(coef.sum(axis=1), 0, atol=1e-12)
        scores = np.sqrt(share)[:, None] * design.scores(coef, intercept) @ root
        columns_of.append(np.concatenate([scores.ravel(), 0.1 * coef.ravel()]))
    A = np.column_stack(columns_of)
    np.testing.assert_allclose(A.T @ A, np.eye(design.size), atol=1e-6)


@pytest.mark.parametrize("p", [4, MAX_WHITENED + 1])
def test_splitting_and_joining_are_inverse(p):
    X, rng = columns(n=700, p=4), np.random.default_rng(2)
    X = np.hstack([X, rng.normal(size=(700, p - 4))])
    design = Design(X, np.full(700, 1 / 700), 1.0, 1e-3, True)
    z = rng.normal(size=design.size)
    np.testing.assert_allclose(design.join(*design.split(z)), z, rtol=1e-8, atol=1e-8)


def test_gradients_are_transposed_scores():
    X, rng = columns(), np.random.default_rng(3)
    for curvature, k in ((0.7, 1), (np.eye(3) - 1 / 3, 3)):
        design = Design(X, np.full(60, 1 / 60), curvature, 0.1, True)
        z, slopes = rng.normal(size=design.size), rng.normal(size=(60, k))
        pull = rng.normal(size=(4, k))
        coef, intercept = design.split(z)
        scores = design.scores(coef, intercept).reshape(60, k)
        given = slopes[:, 0] if k == 1 else slopes
        left = design.gradient(given, pull) @ z
        np.testing.assert_allclose(left, (scores * slopes).sum() + (coef * pull).sum(), rtol=1e-9)


def plain(X, y, **settings):
    return GLMProblem(X, y, np.ones(len(y)), SquaredError(), **settings).solve(0)


def test_columns_that_say_the_same_get_the_smallest_coefficients():
    X, rng = columns(), np.random.default_rng(4)
    X = np.column_stack([X, X[:, 0], 3 * X[:, 1] - X[:, 2], np.full(len(X), 7.0)])
    y = rng.normal(size=len(X)) + X[:, 0]
    solution = plain(X, y, alpha=0.0, tol=1e-10)
    centred = X - X.mean(axis=0)
    expected = np.linalg.pinv(centred, rcond=1e-10) @ (y - y.mean())
    np.testing.assert_allclose(solution.coef[:, 0], expected, rtol=1e-7, atol=1e-12)
    assert solution.coef[-1, 0] == 0
    assert solution.converged


def test_more_columns_than_rows():
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(20, 50)), rng.normal(size=20)
    solution = plain(X, y, alpha=0.0, tol=1e-10)
    expected = np.linalg.pinv(X - X.mean(axis=0)) @ (y - y.mean())
    np.testing.assert_allclose(solution.coef[:, 0], expected, rtol=1e-8, atol=1e-10)
    assert solution.loss < 1e-16


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_many_columns_are_only_scaled(make):
    rng = np.random.default_rng(6)
    X = rng.normal(size=(900, MAX_WHITENED + 20)) * (rng.random((900, MAX_WHITENED + 20)) < 0.2)
    X[:, 0] = 0.0
    y = X[:, 1] - X[:, 2] + rng.normal(size=900) + 3
    solution = plain(make(X), y, alpha=1e-2, tol=1e-11)
    ridge = Ridge(alpha=1e-2 * 900, tol=1e-12).fit(X, y)
    np.testing.assert_allclose(solution.coef[:, 0], ridge.coef_, rtol=1e-6, atol=1e-9)
    assert solution.coef[0, 0] == 0


def test_sparse_columns_far_from_zero():
    rng = np.random.default_rng(7)
    X = np.column_stack([1e8 + rng.normal(size=80), rng.normal(size=80)])
    y = X[:, 0] - 1e8 + X[:, 1] + 0.1 * rng.normal(size=80)
    dense, thin = plain(X, y, tol=1e-8), plain(sparse.csr_matrix(X), y, tol=1e-8)
    np.testing.assert_allclose(thin.coef, dense.coef, rtol=1e-6)


# -------------------------------------------------------------------- steps


class Plane:
    """A function of a vector as `minimise` wants it."""

    def __init__(self, f, x, limit=np.inf):
        self.f, self.x, self.limit = f, x, limit
        self.value, self.slopes = f(x)

    def gradient(self):
        return self.slopes

    def along(self, direction):
        return Ray(self, direction)


class Ray:
    def __init__(self, start, direction):
        self.start, self.direction, self.limit = start, direction, start.limit

    def at(self, t):
        value, slopes = self.start.f(self.start.x + t * self.direction)
        return value, slopes @ self.direction

    def point(self, t):
        return Plane(self.start.f, self.start.x + t * self.direction, self.limit)


def rosenbrock(x):
    return optimize.rosen(x), optimize.rosen_der(x)


def test_a_curved_valley():
    end = minimise(Plane(rosenbrock, np.array([-1.2, 1.0, 0.5])), 1e-9, 200, 1.0)
    np.testing.assert_allclose(end.point.x, 1, atol=1e-8)
    assert end.converged
    assert end.n_evaluations < 120


def test_steps_run_out():
    end = minimise(Plane(rosenbrock, np.array([-1.2, 1.0])), 1e-9, 3, 1.0)
    assert (end.n_iter, end.converged) == (3, False)


def test_an_infinite_wall_is_not_entered():
    def wall(x):
        if x[0] <= 0:
            return np.inf, np.array([np.nan])
        return x[0] - np.log(x[0]), 1 - 1 / x

    end = minimise(Plane(wall, np.array([30.0])), 1e-8, 100, 1.0)
    np.testing.assert_allclose(end.point.x, 1, atol=1e-7)


def test_a_kink_ends_the_search_and_is_reported():
    def kink(x):
        return np.abs(x).sum(), np.sign(x)

    end = minimise(Plane(kink, np.array([1.0, -0.3])), 1e-8, 1000, 1.0)
    assert end.n_iter < 1000
    assert end.point.value < 1e-3


def test_a_limit_on_steps():
    end = minimise(Plane(lambda x: (-x.sum(), -np.ones(2)), np.zeros(2), limit=5.0), 1e-8, 50, 1.0)
    assert end.limited
    assert not end.converged


def test_a_callback_stops():
    seen = []

    def on_step(point):
        seen.append(point.value)
        return len(seen) == 2

    end = minimise(Plane(rosenbrock, np.array([-1.2, 1.0])), 1e-9, 100, 1.0, on_step)
    assert end.stopped
    assert (len(seen), end.n_iter) == (2, 2)
    assert seen[1] < seen[0]


# -------------------------------------------------------------------- objective


def problems(n=50, seed=8, **settings):
    """One problem of each loss, with mixed attributes and unequal weights."""
    rng = np.random.default_rng(seed)
    s, g = rng.normal(size=n), np.eye(3)[rng.integers(0, 3, n)]
    X = np.column_stack([s + rng.normal(size=n), rng.normal(size=n), g[:, 0] - s])
    eta = X @ [0.5, -0.3, 0.4]
    weight = rng.integers(1, 4, n).astype(float)
    codes = rng.integers(0, 3, n)
    targets = [
        (SquaredError(), eta + rng.normal(size=n)),
        (regression_loss("poisson"), rng.poisson(np.exp(eta)).astype(float)),
        (regression_loss("gamma"), rng.gamma(2, np.exp(eta)) + 0.01),
        (regression_loss("tweedie", 1.5), rng.poisson(np.exp(eta)) * rng.gamma(2, 1, n)),
        (regression_loss("squared_error", link="log"), rng.gamma(2, np.exp(eta))),
        (Binomial(), (eta + rng.logistic(size=n) > 0).astype(float)),
        (Multinomial(3), np.eye(3)[codes]),
    ]
    penalty = {name: settings.pop(name) for name in ("measure", "statistic") if name in settings}
    for loss, y in targets:
        dependence = DependencePenalty([s, g], weight, **penalty)
        yield GLMProblem(X, y, weight, loss, penalty=dependence, **settings), [s, g]


def dense_penalty(mu, blocks, weight):
    """The concatenated V statistic by its definition, with weights."""
    w = weight / weight.sum()

    def centre(D):
        rows = D @ w
        return D - rows[:, None] - rows + w @ D @ w

    S = distances(np.column_stack(blocks)).astype(float)
    A = np.abs(mu[:, None] - mu)
    return w @ (centre(A) * centre(S)) @ w


@pytest.mark.parametrize("penalize", ["response", "linear"])
def test_objective_is_what_it_says(penalize):
    rng = np.random.default_rng(9)
    for problem, blocks in problems(alpha=0.3, penalize=penalize):
        k = problem.loss.n_scores
        coef, intercept = 0.2 * rng.normal(size=(3, k)), 0.1 * rng.normal(size=k)
        weight = problem.penalty.weight
        eta = problem.design.X @ coef + intercept
        mu = eta if penalize == "linear" else problem.loss.mean(eta)
        penalty = sum(dense_penalty(column, blocks, weight) for column in mu.T)
        loss = np.average(
            problem.loss.value(problem.y, eta if k > 1 else eta[:, 0]), weights=weight
        )
        solution = problem._solution(coef, intercept, 7.0)
        expected = loss + 0.15 * (coef**2).sum() + 7 * penalty
        np.testing.assert_allclose(solution.objective, expected, rtol=1e-12)
        np.testing.assert_allclose(solution.penalty, penalty, rtol=1e-10)


@pytest.mark.parametrize("penalize", ["response", "linear"])
@pytest.mark.parametrize("measure", ["ccdcov", "jdcov", "sum"])
def test_gradient_in_scores_is_differences(measure, penalize):
    rng, h = np.random.default_rng(10), 1e-6
    for problem, _ in problems(measure=measure, penalize=penalize):
        shape = (50,) if problem.loss.n_scores == 1 else (50, 3)
        eta, direction = 0.5 * rng.normal(size=shape), rng.normal(size=shape)
        for width in (0.0, 0.05):
            _, slopes = problem.evaluate(eta, 3.0, width)
            up, _ = problem.evaluate(eta + h * direction, 3.0, width)
            down, _ = problem.evaluate(eta - h * direction, 3.0, width)
            np.testing.assert_allclose(
                np.vdot(slopes, direction), (up - down) / (2 * h), rtol=1e-5, atol=1e-8
            )


# -------------------------------------------------------------------- optima


@pytest.mark.parametrize("strength", [0.0, 0.5, 5.0])
def test_no_other_program_finds_a_lower_objective_nearby(strength):
    for problem, _ in problems(alpha=0.01, smoothing=1e-6, max_iter=5000):
        solution = problem.solve(strength)
        assert solution.converged
        k = problem.loss.n_scores

        def objective(x, problem=problem, k=k):
            coef, intercept = x[: 3 * k].reshape(3, k), x[3 * k :]
            return problem._solution(coef, intercept, strength).objective

        x = np.concatenate([solution.coef.ravel(), solution.intercept])
        other = optimize.minimize(objective, x, method="Nelder-Mead", options={"maxfev": 600})
        assert solution.objective <= other.fun + 1e-7 * max(1, abs(other.fun))


def u_shaped(n=2000):
    """A proxy that is uncorrelated with the attribute but depends on it."""
    rng = np.random.default_rng(0)
    s = rng.uniform(-1, 1, n)
    x1 = 3 * s**2 - 1 + 0.3 * rng.normal(size=n)
    x2 = rng.normal(size=n)
    y = x1 + x2 + 0.5 * rng.normal(size=n)
    return np.column_stack([x1, x2]), y, s


@pytest.mark.parametrize(
    ("strength", "coef", "objective"),
    [
        (0, [0.97432, 1.00681], 0.128734),
        (10, [0.53776, 1.09027], 0.338027),
        (100, [0.07127, 0.98453], 0.574610),
    ],
)
def test_u_shaped_proxy(strength, coef, objective):
    X, y, s = u_shaped()
    problem = GLMProblem(
        X, y, np.ones(len(y)), SquaredError(), alpha=0.0, penalty=DependencePenalty([s])
    )
    for n_init in (1, 4):
        rng = np.random.RandomState(0)
        solution = problem.solve(strength, n_init=n_init, rng=rng)
        np.testing.assert_allclose(solution.coef[:, 0], coef, atol=6e-5)
        np.testing.assert_allclose(solution.objective, objective, atol=1e-6)


def balanced():
    S = np.array([[a, b] for a in (0.0, 1.0) for b in (0.0, 1.0)] * 25)
    return S, 2 * S[:, 1] + S[:, 0]


@pytest.mark.parametrize("strength", [1e2, 1e4])
def test_a_direction_without_dependence_does_not_collapse(strength):
    S, y = balanced()
    penalty = DependencePenalty([S[:, 0]])
    problem = GLMProblem(S, y, np.ones(100), SquaredError(), alpha=0.0, penalty=penalty)
    solution = problem.solve(strength)
    np.testing.assert_allclose(solution.coef[:, 0], [0, 2], atol=1e-5)
    # Within the width of the smoothing the coefficient of S1 is not quite 0.
    np.testing.assert_allclose(solution.objective, 0.125, atol=4e-5)
    assert not solution.collapsed
    assert solution.converged


def test_strong_penalties_collapse_to_exact_zeros():
    X, y, s = u_shaped(300)
    for fit_intercept in (True, False):
        problem = GLMProblem(
            X,
            y + 1,
            np.ones(300),
            SquaredError(),
            fit_intercept=fit_intercept,
            penalty=DependencePenalty([s]),
        )
        solution = problem.solve(1e4)
        assert solution.collapsed
        assert solution.converged
        assert not solution.coef.any()
        np.testing.assert_allclose(solution.intercept, y.mean() + 1 if fit_intercept else 0.0)
        assert solution.penalty == 0
        np.testing.assert_allclose(solution.objective, problem.null.loss)


def test_constant_predictions_need_no_fit():
    X = np.ones((30, 2))
    y, s = np.random.default_rng(0).normal(size=(2, 30))
    problem = GLMProblem(X, y, np.ones(30), SquaredError(), penalty=DependencePenalty([s]))
    solution = problem.solve(5.0)
    assert problem.width == 0
    assert solution.collapsed


def test_the_first_run_does_not_depend_on_its_start():
    X, y, s = u_shaped(400)
    X = np.column_stack([X, X[:, 0] * X[:, 1], s + 0.5 * X[:, 1]])
    problem = GLMProblem(X, y, np.ones(400), SquaredError(), penalty=DependencePenalty([s]))
    reference = problem.solve(20.0)
    rng = np.random.default_rng(0)
    for _ in range(5):
        start = (rng.normal(size=(4, 1)), rng.normal(size=1))
        other = problem.solve(20.0, start=start)
        np.testing.assert_allclose(other.objective, reference.objective, rtol=1e-9)


def test_more_runs_never_end_higher():
    X, y, s = u_shaped(200)
    rng = np.random.default_rng(3)
    blocks = [s, np.eye(3)[rng.integers(0, 3, 200)]]
    X = np.column_stack([X, rng.normal(size=(200, 3)) + blocks[1]])
    problem = GLMProblem(
        X, y, np.ones(200), SquaredError(), penalty=DependencePenalty(blocks, measure="jdcov")
    )
    for strength in (3.0, 30.0):
        objectives = [
            problem.solve(strength, n_init=n, rng=np.random.RandomState(0)).objective
            for n in (1, 2, 6)
        ]
        assert objectives == sorted(objectives, reverse=True)


def test_a_narrow_fit_stays_at_its_start():
    X, y, s = u_shaped(400)
    problem = GLMProblem(X, y, np.ones(400), SquaredError(), penalty=DependencePenalty([s]))
    solution = problem.solve(10.0)
    again = problem.solve(10.0, start=solution, narrow=True)
    assert again.n_iter <= 1
    np.testing.assert_allclose(again.coef, solution.coef, rtol=1e-6)


def test_penalty_falls_along_strengths():
    X, y, s = u_shaped(500)
    penalty = DependencePenalty([s])
    problem = GLMProblem(X, y, np.ones(500), SquaredError(), penalty=penalty)
    penalties = [problem.solve(a).penalty for a in (0, 1, 3, 10, 30, 100, 300)]
    assert (np.diff(penalties) <= 1e-9).all()


def test_jdcov_reports_its_constant_in_the_objective():
    X, y, s = u_shaped(200)
    blocks = [s, (X[:, 1] > 0).astype(float)]
    penalty = DependencePenalty(blocks, measure="jdcov")
    problem = GLMProblem(X, y, np.ones(200), SquaredError(), alpha=0.0, penalty=penalty)
    solution = problem.solve(2.0)
    assert penalty.constant > 0
    expected = solution.loss + 2 * (solution.penalty + penalty.constant)
    np.testing.assert_allclose(solution.objective, expected, rtol=1e-12)
    probability = GLMProblem(
        X, np.eye(3)[np.arange(200) % 3], np.ones(200), Multinomial(3), penalty=penalty
    )
    np.testing.assert_allclose(probability.constant, 3 * penalty.constant)


def test_runaway_predictions_are_stopped():
    rng = np.random.default_rng(0)
    X, s = rng.normal(size=(40, 3)), rng.normal(size=40)
    y = rng.gamma(2, np.exp(0.3 * X[:, 0])) + 0.01
    penalty = DependencePenalty([s], statistic="U")
    problem = GLMProblem(X, y, np.ones(40), regression_loss("gamma"), penalty=penalty)
    solution = problem.solve(50.0)
    assert solution.diverged
    assert not solution.converged
    assert np.isfinite(solution.objective)
    eta = problem.design.scores(solution.coef, solution.intercept)
    np.testing.assert_allclose(np.abs(eta - np.log(y.mean())).max(), 30, rtol=1e-9)
    # A start that is already too far away is replaced by the null model.
    far = Solution(1e3 * np.ones((3, 1)), np.zeros(1), 0.0, 0.0, 0.0)
    assert problem.solve(0.0, start=far).converged


def test_width_is_in_units_of_the_predictions():
    X, y, s = u_shaped(300)
    problem = GLMProblem(
        X, y, np.ones(300), SquaredError(), penalty=DependencePenalty([s]), smoothing=1e-3
    )
    fitted = X @ problem.baseline().coef[:, 0]
    np.testing.assert_allclose(problem.width, 1e-3 * fitted.std(), rtol=1e-10)


def test_without_smoothing_the_objective_is_as_low():
    X, y, s = u_shaped(300)
    objectives = []
    for smoothing in (0.0, 1e-4):
        problem = GLMProblem(
            X, y, np.ones(300), SquaredError(), penalty=DependencePenalty([s]), smoothing=smoothing
        )
        objectives.append(problem.solve(10.0).objective)
    np.testing.assert_allclose(objectives[0], objectives[1], rtol=1e-6)
