"""Linear models of least sums of powers of residuals, and the power of the largest likelihood."""

import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import linprog, minimize_scalar
from scipy.special import gammaln

# Rows whose residuals are below this part of the typical one are met: there, near a shape of 1, the
# slope depends on the last digits, and can be any up to that at the end of the part.
_MET = 1e-9
# Rows whose residuals are below this part of the typical one may end next to 0.
_NEAR = 3e-4


class PowerProblem:
    """Rows, outcomes and weights that sum to 1, of which sums of powers are minimised.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Rows, with a column of ones last where there is an intercept.
    y : ndarray of shape (n,)
        Outcomes.
    weight : ndarray of shape (n,)
        Weights above 0.
    penalty : ndarray of shape (p,)
        Factors of the squared coefficients.
    """

    def __init__(self, X, y, weight, penalty, tol, max_iter):
        self.X, self.y, self.weight = X, y, weight / weight.sum()
        self.penalty, self.tol, self.max_iter = penalty, tol, max_iter
        self.n_iter, self._line = 0, None

    def least_squares(self):
        """Return the coefficients for a shape of 2."""
        root = np.sqrt(self.weight)
        X = np.vstack([root[:, None] * self.X, np.diag(np.sqrt(self.penalty))])
        y = np.r_[root * self.y, np.zeros(len(self.penalty))]
        return np.linalg.lstsq(X, y, rcond=None)[0]

    def norm(self, residual, shape):
        """Return the weighted mean of the powers of residuals, to 1 / shape."""
        largest = np.abs(residual).max()
        if largest == 0:
            return 0.0
        return largest * (self.weight @ (np.abs(residual) / largest) ** shape) ** (1 / shape)

    def objective(self, coef, shape):
        """Return half of the squared norm of the residuals plus the penalty."""
        norm = self.norm(self.y - self.X @ coef, shape)
        return (norm**2 + self.penalty @ coef**2) / 2

    def scale(self, residual, shape):
        """Return the scale of the largest likelihood."""
        return shape ** (1 / shape) * self.norm(residual, shape)

    def loss(self, coef, shape):
        """Return the mean of minus the log density with the best scale."""
        scale = max(self.scale(self.y - self.X @ coef, shape), np.finfo(np.float64).tiny)
        return 1 / shape + np.log(2 * scale / shape) + gammaln(1 / shape)

    def solve(self, coef, shape):
        """Return the coefficients for a shape, from others, and whether they are optimal."""
        if shape <= 1 and not self.penalty.any():
            # Below 1 every line that meets as many rows as it has coefficients is a local optimum.
            return self._least_absolute()
        if shape < 1:
            coef, _ = self.solve(coef, 1)
        value = self.objective(coef, shape)
        for _ in range(self.max_iter):
            gradient, weights, terms = self._derivatives(coef, shape)
            if self._optimal(coef, shape, gradient, terms):
                return coef, True
            self.n_iter += 1
            better = None
            if 1 < shape < 2:
                models = self._slopes_of_nearest_rows(coef, shape, gradient, weights)
                better = self._descend(coef, value, gradient, shape, *models, halvings=8)
            if better is None:
                better = self._descend(coef, value, gradient, shape, gradient, weights)
            if better is None:  # nothing is left but rounding
                decrease = gradient @ self._system(weights, gradient)
                return coef, bool(decrease <= 1e-12 * value)
            coef, value = better
        return coef, False

    def _descend(self, coef, value, gradient, shape, slope, weights, halvings=40):
        """Return coefficients with a lower objective, and it, by a step that a quadratic proposes.

        `slope` is the quadratic's gradient. Return None where no such step is found.
        """
        direction = -self._system(weights, slope)
        expected = gradient @ direction
        if expected >= 0:
            return None
        for step in 0.5 ** np.arange(halvings):
            trial = coef + step * direction
            found = self.objective(trial, shape)
            if found < value + 1e-4 * step * expected:
                return trial, found
        return None

    def _derivatives(self, coef, shape):
        """Return the gradient, weights of the rows in the quadratic, and the size of its terms."""
        residual = self.y - self.X @ coef
        norm = self.norm(residual, shape)
        if norm == 0:
            zero = np.zeros_like(coef)
            return self.penalty * coef, self.weight, zero + self.penalty * np.abs(coef)
        distance = np.abs(residual) / norm
        slopes = norm * self.weight * distance ** (shape - 1)
        if shape < 1:  # no slope of a row that is met
            slopes[distance < _MET] = 0
        weights = self.weight * np.maximum(distance, _MET) ** (shape - 2)
        # These are of a quadratic majoriser. Second derivatives are (shape - 1) times as large,
        # which serves rows that do not cross 0.
        if shape > 1:
            weights[(distance > _MET) | (shape > 2)] *= shape - 1
        gradient = self.penalty * coef - self.X.T @ (slopes * np.sign(residual))
        return gradient, weights, np.abs(self.X).T @ slopes + self.penalty * np.abs(coef)

    def _slopes_of_nearest_rows(self, coef, shape, gradient, weights):
        """Return gradient and weights of a quadratic that aims at residuals by their slopes.

        As a function of its residual, the slope of a row is next to a jump at 0 where the shape is
        next to 1; the residual is a smooth function of the slope. So that of as many rows as there
        are coefficients, the nearest, is what makes the gradient 0, and their residuals follow.
        """
        residual = self.y - self.X @ coef
        norm = self.norm(residual, shape)
        if norm == 0:
            return gradient, weights
        relative = residual / norm
        near = np.argsort(np.abs(relative))[: len(coef)]
        near = near[np.abs(relative[near]) < _NEAR]
        rows, distance, largest = self.X[near].T, relative[near], norm * self.weight[near]
        now = np.abs(distance) ** (shape - 1) * np.sign(distance)
        others = gradient + rows @ (largest * now)
        wanted = np.linalg.lstsq(rows, others, rcond=None)[0] / largest
        # Rows that would need a larger slope are let go, with little curvature.
        stay = np.abs(wanted) < _NEAR ** (shape - 1)
        aim = np.where(stay, np.sign(wanted), 0) * np.minimum(np.abs(wanted), 1) ** (
            1 / (shape - 1)
        )
        from_zero = np.where(stay, np.maximum(np.abs(aim), _MET), _NEAR)
        curvature = (shape - 1) * from_zero ** (shape - 2)
        slopes = np.where(stay, wanted + curvature * (distance - aim), now)
        weights = weights.copy()
        weights[near] = self.weight[near] * curvature
        return others - rows @ (largest * slopes), weights

    def _optimal(self, coef, shape, gradient, terms):
        """Return whether the gradient is 0 with slopes of the rows that are met as they must be."""
        if (np.abs(gradient) <= self.tol * terms).all():
            return True
        residual = self.y - self.X @ coef
        norm = self.norm(residual, shape)
        met = np.abs(residual) < _MET * norm
        if shape >= 2 or not met.any():
            return False
        rows, largest = self.X[met].T, norm * self.weight[met]
        slopes = largest * (np.abs(residual[met]) / norm) ** (shape - 1) * np.sign(residual[met])
        others = gradient + rows @ slopes
        wanted = np.linalg.lstsq(rows, others, rcond=None)[0]
        within = shape < 1 or (np.abs(wanted) <= largest * _MET ** (shape - 1)).all()
        return within and (np.abs(others - rows @ wanted) <= self.tol * terms).all()

    def _system(self, weights, gradient):
        matrix = (self.X.T * weights) @ self.X
        matrix.flat[:: len(matrix) + 1] += self.penalty
        try:
            return cho_solve(cho_factor(matrix), gradient)
        except LinAlgError:
            return np.linalg.lstsq(matrix, gradient, rcond=None)[0]

    def _least_absolute(self):
        if self._line is None:
            self._line = self._linear_programme()
        return self._line

    def _linear_programme(self):
        n, p = self.X.shape
        cost = np.r_[np.zeros(p), self.weight, self.weight]
        unit = sparse.eye(n, format="csc")
        equal = sparse.hstack([sparse.csc_matrix(self.X), unit, -unit], format="csc")
        bounds = [(None, None)] * p + [(0, None)] * (2 * n)
        found = linprog(cost, A_eq=equal, b_eq=self.y, bounds=bounds, method="highs")
        self.n_iter += max(int(found.nit), 1)
        if found.x is None:
            return self.least_squares(), False
        return found.x[:p], found.status == 0

    def profile(self, lower, upper, report):
        """Return coefficients, shape and whether they are optimal, by a search over shapes.

        `report` is given these three of every shape that was tried, and tells whether to stop.
        """
        coef = self.least_squares()
        self.n_iter += 1
        found = {}

        def loss(shape):
            nonlocal coef
            coef, converged = self.solve(coef, shape)
            found[shape] = coef, shape, converged
            if report(*found[shape]):
                raise _Stopped
            return self.loss(coef, shape)

        try:
            if lower == upper:
                loss(lower)
            else:
                options = {"xatol": 1e-7}
                best = minimize_scalar(
                    loss, bounds=(lower, upper), method="bounded", options=options
                ).x
                for end in (lower, upper):
                    if abs(best - end) < 0.02 * (upper - lower):
                        loss(end)
        except _Stopped:
            pass
        return min(found.values(), key=lambda three: self.loss(*three[:2]))


def merge_rows(X, y, weight):
    """Return each row once, with the sum of the weights of its copies.

    Next to a shape of 1 a line meets as many rows as it has coefficients, which copies cannot be.
    """
    if len(np.unique(y)) == len(y):
        return X, y, weight
    table, place = np.unique(np.column_stack([X, y]), axis=0, return_inverse=True)
    return table[:, :-1], table[:, -1], np.bincount(place.ravel(), weight)


class _Stopped(Exception):
    """A callback asked to stop."""
