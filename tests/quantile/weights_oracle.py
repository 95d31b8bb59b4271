"""The linear programme of quantile stacking written down whole, for tests of the weight engine.

Nothing here comes from the engine: the programme is dense, solved by HiGHS, and its value and its
bound are computed again from the weights and multipliers found.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.optimize import linprog


@dataclass(frozen=True)
class Case:
    """Forecasts, outcomes and what is asked of the weights.

    Attributes
    ----------
    Q : ndarray of shape (n, p, m)
        Forecasts.
    y : ndarray of shape (n,)
        Outcomes.
    levels : ndarray of shape (m,)
        Quantile levels.
    weighting, level_groups, constraint, fit_intercept, noncrossing, sample_weight
        As in `quantile_stacking_weights`.
    """

    Q: np.ndarray
    y: np.ndarray
    levels: np.ndarray
    weighting: str = "medium"
    level_groups: object = None
    constraint: str = "simplex"
    fit_intercept: bool = False
    noncrossing: bool = False
    sample_weight: object = None

    @property
    def options(self):
        """Return the keyword arguments of `quantile_stacking_weights`."""
        return {
            "weighting": self.weighting,
            "level_groups": self.level_groups,
            "constraint": self.constraint,
            "fit_intercept": self.fit_intercept,
            "noncrossing": self.noncrossing,
            "sample_weight": self.sample_weight,
        }

    def but(self, **changes):
        """Return the case with some fields changed."""
        return replace(self, **changes)

    @property
    def shares(self):
        """Return each row's share of the weight."""
        s = np.ones(len(self.y)) if self.sample_weight is None else np.asarray(self.sample_weight)
        return s / s.sum()

    @property
    def scale(self):
        """Return the scale of y: its mean distance from 0, or from its mean where that cancels."""
        shifts = self.constraint == "simplex" or self.fit_intercept
        center = self.shares @ self.y if shifts else 0.0
        spread, size = self.shares @ np.abs(self.y - center), np.abs(self.y).max()
        return spread if spread > 1e-9 * size else size or 1.0

    @property
    def group_of(self):
        """Return the group of weights of each level."""
        if self.weighting == "coarse":
            return np.zeros(len(self.levels), dtype=int)
        if self.level_groups is None:
            return np.arange(len(self.levels))
        labels = list(self.level_groups)
        return np.array([labels.index(label) for label in labels])


@dataclass(frozen=True)
class Optimum:
    """What the oracle finds.

    Attributes
    ----------
    status : int
        Of `linprog`: 0 solved, 2 infeasible.
    value : float
        The objective of its weights, an upper bound of the optimum.
    bound : float
        The lower bound of its multipliers.
    weights, intercept : ndarray
        As the engine returns them.
    a, lam : ndarray
        Multipliers (m, n) of the observations and (m - 1, n) of the rows that must not cross.
    """

    status: int
    value: float = np.nan
    bound: float = np.nan
    weights: object = None
    intercept: object = None
    a: object = None
    lam: object = None


def objective(case, weights, intercept):
    """Return the mean over rows and levels of twice the pinball loss, by loops."""
    total = 0.0
    for k, tau in enumerate(case.levels):
        residual = case.y - line(case, weights, k) - intercept[k]
        total += case.shares @ np.where(residual > 0, tau * residual, (tau - 1) * residual)
    return 2.0 * total / len(case.levels)


def line(case, weights, k):
    """Return level k of the ensemble without its intercept, (n,)."""
    if weights.ndim == 1:
        return case.Q[:, :, k].astype(float) @ weights
    if weights.ndim == 2:
        return case.Q[:, :, k].astype(float) @ weights[k]
    return (case.Q.astype(float) * weights[k]).sum(axis=(1, 2))


def crossing(case, weights, intercept):
    """Return by how much neighbouring levels cross at the most, at rows of positive weight."""
    lines = np.stack([line(case, weights, k) + intercept[k] for k in range(len(case.levels))])
    return np.diff(lines, axis=0)[:, case.shares > 0].min(initial=0.0) * -1.0


def designs(case):
    """Return the columns D_k (n, d) of each level, an intercept last."""
    n = len(case.y)
    out = []
    for k in range(len(case.levels)):
        D = case.Q.reshape(n, -1) if case.weighting == "fine" else case.Q[:, :, k]
        out.append(np.column_stack([D, np.ones(n)]) if case.fit_intercept else np.array(D))
    return [D.astype(float) for D in out]


def costs(case):
    """Return c (m, n): 2 s / (m sum s)."""
    return np.tile(2.0 / len(case.levels) * case.shares, (len(case.levels), 1))


def dual_bound(case, a, lam=None):
    """Return the bound of multipliers a (m, n) in their box and lambda (m - 1, n) >= 0.

    Parameters
    ----------
    case : Case
        The problem.
    a : ndarray of shape (m, n)
        Multipliers of the observations.
    lam : ndarray of shape (m - 1, n) or None, default=None
        Multipliers of the rows that must not cross.

    Returns
    -------
    float
        y'a less the largest h of each group under the simplex, y'a otherwise.
    ndarray of shape (n_groups, d)
        h, which must be 0 in free columns, and at most 0 where weights are only non-negative.
    """
    D, groups = designs(case), case.group_of
    names = np.unique(groups)
    h = np.zeros((len(names), D[0].shape[1]))
    for k in range(len(case.levels)):
        h[np.searchsorted(names, groups[k])] += D[k].T @ a[k]
    if lam is not None:
        for k in range(len(case.levels) - 1):
            h[np.searchsorted(names, groups[k])] -= D[k].T @ lam[k]
            h[np.searchsorted(names, groups[k + 1])] += D[k + 1].T @ lam[k]
    bound = float((a @ case.y).sum())
    if case.constraint == "simplex":
        models = h.shape[1] - case.fit_intercept
        bound -= h[:, :models].max(axis=1).sum()
    return bound, h


def solve(case, method="highs-ds"):
    """Solve the whole programme with HiGHS.

    Parameters
    ----------
    case : Case
        The problem; rows of weight 0 are dropped.
    method : str, default="highs-ds"
        Of `linprog`.

    Returns
    -------
    Optimum
        Its status, value and bound.
    """
    original = case
    keep = case.shares > 0
    case = case.but(Q=case.Q[keep].astype(float), y=case.y[keep], sample_weight=case.shares[keep])
    scale = case.scale
    shift = case.shares @ case.y if case.constraint == "simplex" or case.fit_intercept else 0.0
    case = case.but(Q=(case.Q - shift) / scale, y=(case.y - shift) / scale)
    n, m = len(case.y), len(case.levels)
    D, groups = designs(case), case.group_of
    names = np.unique(groups)
    G, d = len(names), D[0].shape[1]
    models = d - case.fit_intercept
    at = [np.searchsorted(names, g) * d for g in groups]
    A = np.zeros((n * m, G * d))
    for k in range(m):
        A[k * n : (k + 1) * n, at[k] : at[k] + d] = D[k]
    eye = sparse.identity(n * m)
    A_eq, b_eq = [sparse.hstack([sparse.csr_matrix(A), eye, -eye])], [np.tile(case.y, m)]
    if case.constraint == "simplex":
        sums = np.zeros((G, G * d + 2 * n * m))
        for g in range(G):
            sums[g, g * d : g * d + models] = 1.0
        A_eq.append(sparse.csr_matrix(sums))
        b_eq.append(np.ones(G))
    A_ub = b_ub = None
    if case.noncrossing and m > 1:
        A_ub = np.zeros((n * (m - 1), G * d + 2 * n * m))
        for k in range(m - 1):
            rows = slice(k * n, (k + 1) * n)
            A_ub[rows, at[k] : at[k] + d] += D[k]
            A_ub[rows, at[k + 1] : at[k + 1] + d] -= D[k + 1]
        b_ub = np.zeros(len(A_ub))
    c, tau = costs(case) * (n * m / 2), case.levels[:, None]
    lower = np.full((G, d), -np.inf if case.constraint == "none" else 0.0)
    lower[:, models:] = -np.inf
    bounds = np.full((G * d + 2 * n * m, 2), np.inf)
    bounds[:, 0] = np.concatenate([lower.ravel(), np.zeros(2 * n * m)])
    found = linprog(
        np.concatenate([np.zeros(G * d), (tau * c).ravel(), ((1 - tau) * c).ravel()]),
        A_ub=A_ub,
        b_ub=b_ub,
        A_eq=sparse.vstack(A_eq).tocsr(),
        b_eq=np.concatenate(b_eq),
        bounds=bounds,
        method=method,
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if found.status != 0:
        return Optimum(found.status)
    w = found.x[: G * d].reshape(G, d)
    weights = w[:, :models]
    if case.constraint != "none":
        weights = np.maximum(weights, 0.0)
    if case.constraint == "simplex":
        weights = weights / weights.sum(axis=1, keepdims=True)
    intercept = np.zeros(m)
    if case.fit_intercept:
        intercept = scale * w[:, models] + shift * (1 - weights.sum(axis=1))
        intercept = intercept[np.searchsorted(names, groups)]
    if case.weighting == "coarse":
        weights = weights[0]
    else:
        weights = weights[np.searchsorted(names, groups)]
        if case.weighting == "fine":
            weights = weights.reshape(m, -1, m)
    unit = n * m / 2
    a = np.clip(
        found.eqlin.marginals[: n * m].reshape(m, n) / unit,
        -costs(case) * (1 - tau),
        costs(case) * tau,
    )
    lam = None
    if A_ub is not None:
        lam = np.maximum(-found.ineqlin.marginals, 0.0).reshape(m - 1, n) / unit
    bound, _ = dual_bound(case, a, lam)
    value = objective(original, weights, intercept)
    return Optimum(0, value, bound * scale, weights, intercept, a, lam)


KINDS = (
    "plain",
    "plain",
    "sorted",
    "duplicates",
    "constant",
    "perfect",
    "equal",
    "ties",
    "integer",
    "offset",
    "small",
    "large",
    "heavy",
    "flat",
    "zeros",
    "half",
    "family",
)


def random_forecasts(rng, n, p, m, kind):
    """Return Q (n, p, m), y and levels of one kind."""
    tau = np.sort(rng.choice(np.arange(1, 200), m, replace=False)) / 200
    mean, spread = rng.normal(size=n), rng.uniform(0.3, 2.0, size=n)
    noise = rng.standard_cauchy(n) if kind == "heavy" else rng.normal(size=n)
    y = mean + spread * noise
    z = np.log(tau / (1 - tau)) / 1.7
    Q = (mean[:, None] + 0.7 * rng.normal(size=(n, p)))[:, :, None]
    Q = Q + (spread[:, None] * rng.uniform(0.4, 2.0, size=p))[:, :, None] * z
    if kind != "family":  # whose levels are combinations of two columns
        Q = Q + rng.choice([0.05, 0.1, 0.5]) * rng.normal(size=Q.shape)
    if kind in ("sorted", "heavy"):
        Q = np.sort(Q, axis=2)
    elif kind == "duplicates":
        Q[:, p // 2 :] = Q[:, : p - p // 2]
    elif kind == "constant":
        y = np.full(n, rng.choice([0.0, 1.0, -7.3]))
    elif kind == "perfect":
        Q[:, rng.integers(p)] = y[:, None]
    elif kind == "equal":
        Q[:] = np.sort(Q[:, :1], axis=2)
    elif kind == "ties":
        Q = np.sort(np.round(Q), axis=2)
        y = np.round(y)
    elif kind == "integer":
        y = np.round(3 * y)
        Q = np.round(3 * Q)
    elif kind == "offset":
        Q, y = Q + 1e6, y + 1e6
    elif kind == "small":
        Q, y = Q * 1e-6, y * 1e-6
    elif kind == "large":
        Q, y = Q * 1e8, y * 1e8
    elif kind == "flat":
        Q[:, 0] = np.quantile(y, tau)
        Q[:, -1] = 1.0
    elif kind == "zeros":
        Q[:, 0] = 0.0
        y = np.where(rng.random(n) < 0.6, 0.0, np.abs(y))
    elif kind == "half":  # a model without spread, as regressors of the mean are
        Q[:, 0] = mean[:, None]
    return Q, y, tau


def random_case(seed, most_rows=40, noncrossing=None):
    """Return a case of random shape, data and options."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice([1, 2, 3, 5, most_rows // 2, most_rows]))
    p, m = int(rng.integers(1, 6)), int(rng.integers(1, 7))
    kind = str(rng.choice(KINDS))
    Q, y, tau = random_forecasts(rng, n, p, m, kind)
    weighting = str(rng.choice(["coarse", "medium", "tied", "fine"]))
    groups = None
    if weighting == "tied":
        groups = rng.integers(0, 3, size=m)
        if rng.random() < 0.5:
            groups = np.sort(groups)
    sample_weight = None
    if rng.random() < 0.4:
        sample_weight = rng.choice([0.0, 1.0, 2.0, 0.37], size=n)
        sample_weight[rng.integers(n)] = 1.0
    return kind, Case(
        Q,
        y,
        tau,
        "medium" if weighting == "tied" else weighting,
        groups,
        str(rng.choice(["simplex", "nonneg", "none"])),
        bool(rng.random() < 0.4),
        bool(rng.random() < 0.5) if noncrossing is None else noncrossing,
        sample_weight,
    )
