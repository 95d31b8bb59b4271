"""Independent oracles for the fused ordinal regression: slow, dense and written from the formulas.

Nothing here imports the package's mathematics.  A `Problem` holds one training problem on the
axes of the solver as a plain convex programme,

    minimise  sum_i w_i loss(y_i, A_i theta) + penalty(theta)   subject to  C theta >= 0,

with ``theta = (intercepts, deltas)`` in the P(y > k) orientation, so that every oracle (cvxpy,
scipy's trust-constr, the optimality conditions) is a few lines on the same dense arrays.
"""

from itertools import product

import numpy as np
from scipy import sparse
from scipy.optimize import lsq_linear
from scipy.special import log_ndtr, ndtri


def _log1mexp(x):
    """Return log(1 - exp(-x)) for x > 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(x < 0.693, np.log(-np.expm1(-x)), np.log1p(-np.exp(-x)))


# For each link: log F, log (1 - F), log f, (log f)', F^-1.
LINKS = {
    "logit": (
        lambda t: -np.logaddexp(0, -t),
        lambda t: -np.logaddexp(0, t),
        lambda t: -np.logaddexp(0, -t) - np.logaddexp(0, t),
        lambda t: -np.tanh(t / 2),
        lambda u: np.log(u) - np.log1p(-u),
    ),
    "probit": (
        log_ndtr,
        lambda t: log_ndtr(-t),
        lambda t: -(t**2) / 2 - np.log(2 * np.pi) / 2,
        lambda t: -t,
        ndtri,
    ),
    "cloglog": (
        lambda t: _log1mexp(np.exp(t)),
        lambda t: -np.exp(t),
        lambda t: t - np.exp(t),
        lambda t: 1 - np.exp(t),
        lambda u: np.log(-np.log1p(-u)),
    ),
    "loglog": (
        lambda t: -np.exp(-t),
        lambda t: _log1mexp(np.exp(-t)),
        lambda t: -t - np.exp(-t),
        lambda t: np.exp(-t) - 1,
        lambda u: -np.log(-np.log(u)),
    ),
}


def row_losses(z, y, family="cumulative", link="logit"):
    """Return minus log-likelihood (n,), gradient (n, q) and Hessian (n, q, q) in the scores z."""
    n, q = z.shape
    log_cdf, log_sf, log_pdf, dlog_pdf, _ = LINKS[link]
    rows = np.arange(n)
    if family == "adjacent":
        logits = np.column_stack([np.zeros(n), np.cumsum(z, axis=1)])
        top = logits.max(axis=1, keepdims=True)
        log_norm = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
        prob = np.exp(logits - log_norm[:, None])
        tail = 1 - np.cumsum(prob, axis=1)[:, :-1]
        above = y[:, None] > np.arange(q)
        upper = np.minimum(tail[:, :, None], tail[:, None, :])
        hess = upper - tail[:, :, None] * tail[:, None, :]
        return log_norm - logits[rows, y], tail - above, hess

    loss, grad, hess = np.zeros(n), np.zeros((n, q)), np.zeros((n, q, q))
    if family in ("continuation", "stopping"):
        # One binary likelihood per boundary, on the rows that reached it.
        sign = 1 if family == "continuation" else -1
        for k in range(q):
            for outcome in (False, True):
                sel = (y > k) if outcome else (y == k)
                t = sign * z[sel, k]
                log_p = log_cdf(t) if (outcome == (sign == 1)) else log_sf(t)
                ratio = np.exp(log_pdf(t) - log_p) * (1 if (outcome == (sign == 1)) else -1)
                loss[sel] -= log_p
                grad[sel, k] = -sign * ratio
                hess[sel, k, k] = ratio**2 - ratio * dlog_pdf(t)
        return loss, grad, hess

    first, last = y == 0, y == q
    middle = ~first & ~last
    log_p = np.empty(n)
    log_p[first] = log_cdf(-z[first, 0])
    log_p[last] = log_sf(-z[last, q - 1])
    a, b = -z[rows[middle], y[middle] - 1], -z[rows[middle], y[middle]]
    with np.errstate(invalid="ignore"):
        log_p[middle] = np.where(
            log_cdf(a) < log_sf(a),
            log_cdf(b) + _log1mexp(log_cdf(b) - log_cdf(a)),
            log_sf(a) + _log1mexp(log_sf(a) - log_sf(b)),
        )
    log_p[middle] = np.where(b > a, log_p[middle], -np.inf)
    for sel, shift, sign in ((~first, -1, 1.0), (~last, 0, -1.0)):
        k = y[sel] + shift
        t = -z[rows[sel], k]
        with np.errstate(over="ignore", invalid="ignore"):
            ratio = sign * np.exp(log_pdf(t) - log_p[sel])
            grad[rows[sel], k] = -ratio
            hess[rows[sel], k, k] = ratio**2 + ratio * dlog_pdf(t)
    k = y[middle]
    both = grad[rows[middle], k - 1] * grad[rows[middle], k]
    hess[rows[middle], k - 1, k] = hess[rows[middle], k, k - 1] = both
    return -log_p, grad, hess


def class_probabilities(z, family="cumulative", link="logit"):
    """Return the raw class probabilities (n, K) of scores z, negative where boundaries cross."""
    n = len(z)
    log_cdf, log_sf = LINKS[link][:2]
    if family == "adjacent":
        logits = np.column_stack([np.zeros(n), np.cumsum(z, axis=1)])
        expo = np.exp(logits - logits.max(axis=1, keepdims=True))
        return expo / expo.sum(axis=1, keepdims=True)
    if family == "cumulative":
        below = np.column_stack([np.zeros(n), np.exp(log_cdf(-z)), np.ones(n)])
        return np.diff(below, axis=1)
    go_on = np.exp(log_cdf(z) if family == "continuation" else log_sf(-z))
    reached = np.column_stack([np.ones(n), np.cumprod(go_on, axis=1)])
    return reached * np.column_stack([1 - go_on, np.ones(n)])


OPTIONS = ["l1_ratio", "base_penalty", "family", "link", "penalty", "monotone"]
OPTIONS += ["standardize", "penalty_factor", "positive", "fit_intercept"]


class Problem:
    """One penalised ordinal regression, from ranks y in 0..K-1, as dense arrays."""

    def __init__(
        self,
        X,
        y,
        sample_weight=None,
        *,
        n_classes=None,
        alpha=0.0,
        l1_ratio=1.0,
        base_penalty=1.0,
        family="cumulative",
        link="logit",
        penalty="l1",
        monotone="train",
        standardize=True,
        penalty_factor=None,
        positive=False,
        fit_intercept=True,
    ):
        X = np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=float)
        w = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, float)
        X, y, w = X[w > 0], np.asarray(y)[w > 0], w[w > 0]
        self.y, self.w = y, w / w.sum()
        self.q = q = (n_classes or y.max() + 1) - 1
        self.p = p = X.shape[1]
        self.family, self.link, self.penalty = family, link, penalty
        self.alpha, self.l1_ratio, self.fit_intercept = alpha, l1_ratio, fit_intercept
        self.mean, self.sd = np.zeros(p), np.ones(p)
        constant = X.min(axis=0) == X.max(axis=0)
        if standardize:
            centre = self.w @ X
            sd = np.sqrt(self.w @ (X - centre) ** 2)
            self.sd = np.where(constant, 1.0, sd)
            if fit_intercept:
                self.mean = centre
        self.constant = constant
        self.Z = Z = (X - self.mean) / self.sd
        Z[:, constant] = 0.0
        factor = np.ones(p) if penalty_factor is None else np.asarray(penalty_factor, float)
        self.pf = np.broadcast_to(factor, (q, p)).copy()
        self.pf[0] *= base_penalty
        # Row i, boundary k: z_ik = intercept_k + sum_{m <= k} delta_m . Z_i.
        self.n_b = q if fit_intercept else 0
        self.A = self._design(Z)
        blocks = [np.zeros((0, self.A.shape[2]))]
        if family == "cumulative" and q > 1 and monotone != "observed":
            A = self.A
            if monotone == "box":
                lo, hi = Z.min(axis=0), Z.max(axis=0)
                A = self._design(np.array(list(product(*zip(lo, hi)))))
            blocks.append((A[:, :-1] - A[:, 1:]).reshape(-1, A.shape[2]))
        if positive:
            cumulate = np.kron(np.tri(q), np.eye(p))
            blocks.append(np.column_stack([np.zeros((q * p, self.n_b)), cumulate]))
        self.C = np.unique(np.vstack(blocks), axis=0)

    def _design(self, Z):
        q = self.q
        tri = np.tri(q)
        slopes = np.einsum("km,ij->ikmj", tri, Z).reshape(len(Z), q, -1)
        intercepts = np.broadcast_to(np.eye(q), (len(Z), q, q))[:, :, : self.n_b]
        return np.concatenate([intercepts, slopes], axis=2)

    @classmethod
    def of(cls, estimator, X, y, sample_weight=None, **changes):
        """Return the problem that a fitted estimator should have solved, and its solution.

        The deltas come from `delta_coef_`, whose zeros are exact.
        """
        order = {label: rank for rank, label in enumerate(estimator.class_order_)}
        ranks = np.array([order[label] for label in np.asarray(y)])
        options = {name: getattr(estimator, name) for name in OPTIONS}
        options.update({"alpha": estimator.alpha_, **changes})
        problem = cls(X, ranks, sample_weight, n_classes=len(order), **options)
        intercept = estimator.intercept_ + estimator.coef_ @ problem.mean
        deltas = estimator.delta_coef_ * problem.sd
        return problem, np.concatenate([intercept[: problem.n_b], deltas.ravel()])

    def deltas(self, theta):
        return theta[self.n_b :].reshape(self.q, self.p)

    def loss(self, theta):
        return self.w @ row_losses(self.A @ theta, self.y, self.family, self.link)[0]

    def loss_gradient(self, theta):
        grad = row_losses(self.A @ theta, self.y, self.family, self.link)[1]
        return np.einsum("i,ik,ikt->t", self.w, grad, self.A)

    def loss_hessian(self, theta):
        hess = row_losses(self.A @ theta, self.y, self.family, self.link)[2]
        return np.einsum("ikt,ikm,imu->tu", self.A, self.w[:, None, None] * hess, self.A)

    def penalty_value(self, theta):
        D = self.deltas(theta)
        ridge = (1 - self.l1_ratio) / 2 * np.sum(self.pf * D**2)
        if self.penalty == "group":
            lasso = self.pf[0] @ np.abs(D[0])
            if self.q > 1:
                lasso += self.pf[1] @ np.sqrt((D[1:] ** 2).sum(axis=0))
        else:
            lasso = np.sum(self.pf * np.abs(D))
        return self.alpha * (self.l1_ratio * lasso + ridge)

    def objective(self, theta):
        return self.loss(theta) + self.penalty_value(theta)

    def min_gap(self, theta):
        """Return the smallest value of C theta (inf without constraints)."""
        return np.min(self.C @ theta, initial=np.inf)

    def null_intercepts(self):
        """Return the intercepts of the fit without features: the class frequencies."""
        freq = np.bincount(self.y, self.w, minlength=self.q + 1)
        tail = 1 - np.cumsum(freq)[:-1]
        if self.family == "cumulative":
            return -LINKS[self.link][4](1 - tail)
        if self.family == "adjacent":
            return np.log(freq[1:] / freq[:-1])
        go_on = tail / (tail + freq[:-1])
        inverse = LINKS[self.link][4]
        return inverse(go_on) if self.family == "continuation" else -inverse(1 - go_on)

    def null_fit(self, steps=60):
        """Return theta with all penalised deltas zero and the rest at its maximum likelihood."""
        theta = np.zeros(self.A.shape[2])
        theta[: self.n_b] = self.null_intercepts()[: self.n_b]
        free = np.concatenate([np.ones(self.n_b, bool), self.pf.ravel() == 0])
        free[self.n_b :] &= ~np.tile(self.constant, self.q)
        for _ in range(steps if free.any() else 0):
            hessian = self.loss_hessian(theta)[np.ix_(free, free)]
            step = np.linalg.lstsq(hessian, self.loss_gradient(theta)[free], rcond=None)[0]
            size, value = 1.0, self.loss(theta)
            while size > 1e-12:
                trial = theta.copy()
                trial[free] -= size * step
                if self.loss(trial) <= value + 1e-15:
                    break
                size /= 2
            theta = trial
        return theta

    def alpha_max(self):
        """Return the smallest alpha at which every penalised delta is zero."""
        G = np.abs(self.loss_gradient(self.null_fit())[self.n_b :].reshape(self.q, self.p))
        if self.penalty == "group" and self.q > 1:
            G[1] = np.sqrt((G[1:] ** 2).sum(axis=0))
            G[2:] = 0.0
        ratios = np.divide(G, self.pf, out=np.zeros_like(G), where=self.pf > 0)
        return ratios.max() / max(self.l1_ratio, 0.01)

    def kkt_residual(self, theta, active=1e-8, zero=0.0):
        """Return the norm of the smallest violation of stationarity over all multipliers.

        Subgradients of zero deltas are free in [-1, 1] and multipliers of active constraints in
        [0, inf): a bounded least-squares problem, solved exactly.  A group whose norm is zero
        has its subgradient in a ball, which the projection below handles (no constraints then).
        """
        D = self.deltas(theta)
        grad = self.loss_gradient(theta).copy()
        lam = self.alpha * self.pf * self.l1_ratio
        grad[self.n_b :] += (self.alpha * (1 - self.l1_ratio) * self.pf * D).ravel()
        G = grad[self.n_b :].reshape(self.q, self.p)
        free = np.abs(D) <= zero
        if self.penalty == "group" and self.q > 1:
            norm = np.sqrt((D[1:] ** 2).sum(axis=0))
            for j in range(self.p):
                if norm[j] > 0:
                    G[1:, j] += lam[1, j] * D[1:, j] / norm[j]
                else:
                    size = np.sqrt((G[1:, j] ** 2).sum())
                    G[1:, j] *= max(0.0, 1 - lam[1, j] / size) if size > 0 else 0.0
            free[1:] = False
            lam = np.where(np.arange(self.q)[:, None] == 0, lam, 0.0)
        G += np.where(free, 0.0, lam * np.sign(D))
        grad[self.n_b :] = G.ravel()
        near = self.C[self.C @ theta <= active]
        index = self.n_b + np.flatnonzero((free & (lam > 0)).ravel())
        sub = np.zeros((len(theta), len(index)))
        sub[index, np.arange(len(index))] = lam.ravel()[index - self.n_b]
        M = np.column_stack([sub, -near.T])
        if M.shape[1] == 0:
            return np.linalg.norm(grad)
        lower = np.r_[-np.ones(len(index)), np.zeros(len(near))]
        upper = np.r_[np.ones(len(index)), np.full(len(near), np.inf)]
        found = lsq_linear(M, -grad, (lower, upper), method="bvls", tol=1e-15, max_iter=1000)
        return np.linalg.norm(M @ found.x + grad)


def make_ordinal(seed, n=80, p=4, K=4, *, wild=0.5, noise=1.0, weighted=False):
    """Return X, ranks y with every class present, and weights (None if not weighted).

    `wild` sets how far the boundaries' slopes differ: large values make boundaries cross.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * rng.uniform(0.5, 2.0, size=p) + rng.normal(size=p)
    base = rng.normal(size=p) * (rng.random(p) < 0.7)
    latent = (X - X.mean(axis=0)) @ base + noise * rng.logistic(size=n)
    cuts = np.quantile(latent, np.linspace(0, 1, K + 1)[1:-1] ** 0.8)
    tilt = wild * rng.normal(size=(K - 1, p))
    y = (latent[:, None] + (X - X.mean(axis=0)) @ tilt.T > cuts).sum(axis=1)
    y[:K] = np.arange(K)
    w = rng.uniform(0.2, 3.0, size=n) if weighted else None
    return X, y, w
