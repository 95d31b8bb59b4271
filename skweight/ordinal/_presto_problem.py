"""From a user's rows and parameters to the problem the solver sees, and back."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skweight.ordinal._prediction import crossed_rows
from skweight.ordinal._presto_constraints import Gaps, Signs
from skweight.ordinal._presto_penalty import Penalty
from skweight.ordinal._presto_rows import Rows
from skweight.ordinal._presto_solver import NOTHING_KNOWN, SEPARATED, Objective, solve

# The gradient of an l1 price vanishes with l1_ratio; below this share alpha_max is only a scale.
_SMALLEST_L1_RATIO = 0.01


class PrestoProblem:
    """One training set with everything but the strength of the penalty.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, p), float64
        All rows.
    codes : ndarray of shape (n,)
        Classes 0..K-1 in rank order.
    sample_weight : ndarray of shape (n,)
        Weights; rows of weight 0 are dropped.
    n_classes : int
        K.
    params : mapping
        The constructor parameters of `PrestoClassifier`.

    Attributes
    ----------
    rows : Rows
        The solver's rows.
    factors : ndarray of shape (K - 1, p)
        Price of each step of the coefficients, times alpha.
    null_theta : ndarray of shape (K - 1, p + 1)
        The fit without any penalised coefficient.
    alpha_max : float
        The smallest alpha at which every penalised coefficient is 0.
    """

    def __init__(self, X, codes, sample_weight, n_classes, params):
        self.params = params
        q = n_classes - 1
        used = sample_weight > 0
        if not used.all():
            X, codes, sample_weight = X[used], codes[used], sample_weight[used]
        if params["family"] == "cumulative" and q > 1 and not params["fit_intercept"]:
            raise ValueError(
                "fit_intercept must be True for family='cumulative' with three or more classes, "
                "got False: without intercepts all boundaries coincide."
            )
        if params["family"] == "adjacent" and params["link"] != "logit":
            raise ValueError(
                f"link must be 'logit' for family='adjacent', got {params['link']!r}: with another "
                "link the likelihood is not log-concave."
            )
        self.rows = Rows(
            X,
            codes,
            sample_weight,
            q,
            params["family"],
            params["link"],
            standardize=params["standardize"],
            center=params["fit_intercept"],
        )
        self.grouped = params["penalty"] == "group"
        self.factors = self._penalty_factors(X.shape[1])
        self.frozen = np.zeros((q, X.shape[1] + 1), dtype=bool)
        self.frozen[:, 0] = not params["fit_intercept"]
        self.frozen[:, 1:] = self.rows.constant
        if params["adaptive"] > 0:
            self._adapt(params["adaptive"])
        self.null_theta, self.alpha_max = self._null_fit(params["l1_ratio"])

    def _penalty_factors(self, p):
        q, given = self.rows.q, self.params["penalty_factor"]
        factors = np.ones((q, p))
        if given is not None:
            given = np.asarray(given, dtype=float)
            shapes = [(p,)] if self.grouped else [(p,), (q, p)]
            if given.shape not in shapes:
                raise ValueError(
                    f"penalty_factor must have shape {' or '.join(map(str, shapes))}, "
                    f"got {given.shape}."
                )
            if not (np.isfinite(given).all() and (given >= 0).all()):
                raise ValueError(
                    "penalty_factor must hold finite values of at least 0, got values from "
                    f"{given.min()} to {given.max()}."
                )
            factors *= given
        factors[0] *= self.params["base_penalty"]
        return factors

    def _adapt(self, power):
        """Divide the prices by powers of the coefficients of a first ridge fit."""
        theta, scale = self._null_fit(l1_ratio=0.0)
        penalty = self.penalty(_SMALLEST_L1_RATIO * scale, l1_ratio=0.0)
        first = solve(Objective(self.rows, penalty), theta, 1e-9, self.params["max_iter"])
        size = np.abs(first.theta[:, 1:])
        if self.grouped:
            size[1:] = np.sqrt((size[1:] ** 2).sum(axis=0))
        largest = size.max()
        if largest > 0:
            self.factors = self.factors / np.maximum(size, 1e-6 * largest) ** power

    def penalty(self, alpha, l1_ratio=None):
        """Return the solver's prices for a strength alpha."""
        l1_ratio = self.params["l1_ratio"] if l1_ratio is None else l1_ratio
        shape = self.frozen.shape
        l1, ridge, group = np.zeros(shape), np.zeros(shape), np.zeros(shape[1])
        l1[:, 1:] = alpha * l1_ratio * self.factors
        ridge[:, 1:] = alpha * (1.0 - l1_ratio) * self.factors
        if self.grouped:
            # With a single boundary there are no differences to group.
            group[1:] = l1[-1, 1:] if len(l1) > 1 else 0.0
            l1[1:] = 0.0
        return Penalty(l1, ridge, group, self.frozen)

    def _null_fit(self, l1_ratio):
        theta = self.rows.null_theta(self.params["fit_intercept"])
        free = ~self.frozen
        free[:, 1:] &= self.factors == 0
        if free[:, 1:].any():
            zeros = np.zeros(theta.shape)
            only_free = Penalty(zeros, zeros, zeros[0], ~free)
            found = solve(Objective(self.rows, only_free), theta, 1e-10, 50)
            if not found.converged:
                warnings.warn(
                    "The features without a penalty (base_penalty=0 or penalty_factor=0) separate "
                    "the classes, so there is no finite fit at which alpha_max_ could be taken; "
                    "raise base_penalty or penalty_factor above 0.",
                    ConvergenceWarning,
                    stacklevel=4,
                )
            theta = found.theta
        z = self.rows.predictors(theta)
        self._null = z, self.rows.evaluate(z)
        G = np.abs(self.rows.gradient(self._null[1][1]))
        G[self.frozen] = 0.0
        return theta, self._largest_price(G[:, 1:]) / max(l1_ratio, _SMALLEST_L1_RATIO)

    def _largest_price(self, G):
        """Return the alpha at which the last penalised gradient is absorbed."""
        factors = self.factors
        if self.grouped and len(G) > 1:
            G = np.vstack([G[:1], np.sqrt((G[1:] ** 2).sum(axis=0))])
            factors = factors[:2]
        priced = factors > 0
        return float((G[priced] / factors[priced]).max(initial=0.0))

    def alpha_grid(self, n_alphas, eps):
        """Return n_alphas decreasing strengths from alpha_max to eps * alpha_max."""
        if self.alpha_max <= 1e-15:
            return np.full(n_alphas, 1e-15)
        return np.geomspace(self.alpha_max, self.alpha_max * eps, n_alphas)

    def solve(self, alpha, theta=None, on_iteration=None, gaps=None):
        """Fit at one alpha from a start (the null fit by default).

        `gaps` are those of a solution close by: its binding constraints are tried first.
        """
        params = self.params
        monotone = params["monotone"] if params["family"] == "cumulative" else "observed"
        soft = ()
        if gaps is None and monotone != "observed" and self.rows.q > 1:
            gaps = Gaps(self.rows, box=monotone == "box")
        if params["positive"]:
            soft = (Signs(~self.frozen.all(axis=0), self.rows.q),)
        if theta is None or not np.isfinite(self.rows.evaluate(self.rows.predictors(theta), 0)[0]):
            theta = self.null_theta
        # The first fit that starts there takes what `_null_fit` computed, and nobody keeps it.
        known, self._null = self._null if theta is self.null_theta else NOTHING_KNOWN, NOTHING_KNOWN
        objective = Objective(self.rows, self.penalty(alpha), gaps, soft, params["solver"])
        solution = solve(objective, theta, params["tol"], params["max_iter"], on_iteration, known)
        if not solution.converged:
            warnings.warn(self._complaint(solution, alpha), ConvergenceWarning, stacklevel=4)
        return solution

    def _complaint(self, solution, alpha):
        """Say why a solution is not an optimum, and what to change."""
        if solution.status == SEPARATED:
            return (
                "Features without a penalty separate the classes, so coefficients would grow "
                f"without end; they were stopped after {solution.n_iter} iterations: raise alpha "
                f"(now {alpha:.3g}), base_penalty (now {self.params['base_penalty']:.3g}) or "
                "penalty_factor above 0."
            )
        return (
            f"PRESTO stopped at a duality gap of {solution.gap:.2g} after {solution.n_iter} "
            f"iterations, above tol={self.params['tol']:.2g}: raise max_iter (now "
            f"{self.params['max_iter']}), tol or alpha (now {alpha:.3g})."
        )

    def coefficients(self, theta):
        """Return coef (q, p), intercept (q,) and delta (q, p) on the raw scale."""
        delta = theta[:, 1:] / self.rows.scale
        coef = np.cumsum(delta, axis=0)
        if self.params["positive"]:
            np.maximum(coef, 0.0, out=coef)  # a sum of steps may end at -1e-17
        intercept = np.cumsum(theta[:, 0]) - coef @ self.rows.shift
        return coef, intercept, delta

    def theta_of(self, coef, intercept):
        """Return the solver's parameters of raw coefficients."""
        full = np.column_stack([intercept + coef @ self.rows.shift, coef * self.rows.scale])
        return np.where(self.frozen, 0.0, np.diff(full, axis=0, prepend=0.0))

    def n_crossed(self, theta):
        """Count the training rows at which boundaries cross."""
        if self.params["family"] != "cumulative" or self.rows.q < 2:
            return 0
        beta, Z = np.cumsum(theta, axis=0), self.rows.Z
        blocks = (Z[i : i + 8192] for i in range(0, Z.shape[0], 8192))
        times = (lambda Z: Z @ beta.T) if self.rows.sparse else (lambda Z: (beta @ Z.T).T)
        return int(sum(crossed_rows(times(block)).sum() for block in blocks))

    def crossing_margin(self, theta):
        """Return the smallest gap of each pair of neighbouring boundaries over the box, (q-1,)."""
        low, high = self.rows.low, self.rows.high
        psi = theta[1:, 1:]
        return -theta[1:, 0] - np.maximum(psi * low, psi * high).sum(axis=1)
