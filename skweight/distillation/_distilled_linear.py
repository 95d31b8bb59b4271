"""A student that is a linear model, by L-BFGS."""

import numpy as np
from scipy.optimize import minimize
from sklearn.utils.extmath import safe_sparse_dot

# Steps that L-BFGS remembers.
_MEMORY = 20


class _Stopped(Exception):
    """A callback has asked to stop."""


class LinearStudent:
    """The penalised mean loss of a linear model, and its minimisation.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n, p)
        Rows.
    loss : callable
        Takes scores of shape (n, n_classes), and returns the loss of each row and its derivatives
        in the scores.
    weight : ndarray of shape (n,) or None
        Weights of the rows; None counts every row once.
    n_classes : int
        Number of classes.
    alpha : float
        Strength of the penalty: half of it, over the sum of weights, times the squared
        coefficients.
    """

    def __init__(self, X, loss, weight, n_classes, alpha):
        self.X = X.astype(np.float64, copy=False)
        self.loss = loss
        total = X.shape[0] if weight is None else weight.sum()
        self.weight = np.full(X.shape[0], 1 / total) if weight is None else weight / total
        self.alpha = alpha / total
        # The last column holds the intercepts.
        self.theta = np.zeros((n_classes, X.shape[1] + 1))
        self.losses = []
        self.steepest = np.inf

    @property
    def coef(self):
        """Weights; those of two classes are one row, the second's less the first's."""
        return self._of_classes(self.theta[:, :-1])

    @property
    def intercept(self):
        """Constants, likewise."""
        return self._of_classes(self.theta[:, -1])

    @staticmethod
    def _of_classes(values):
        return np.diff(values, axis=0) if len(values) == 2 else values.copy()

    def objective(self, flat):
        """Return the objective and its gradient."""
        theta = flat.reshape(self.theta.shape)
        coef = theta[:, :-1]
        losses, slopes = self.loss(safe_sparse_dot(self.X, coef.T) + theta[:, -1])
        slopes *= self.weight[:, None]
        gradient = np.empty_like(theta)
        gradient[:, :-1] = safe_sparse_dot(self.X.T, slopes).T + self.alpha * coef
        gradient[:, -1] = slopes.sum(axis=0)
        self._value = self.weight @ losses + self.alpha / 2 * (coef**2).sum()
        self._steepest = np.abs(gradient).max()
        return self._value, gradient.ravel()

    def minimise(self, max_iter, tol, after_iteration):
        """Iterate until the largest entry of the gradient is at most `tol`.

        Parameters
        ----------
        max_iter : int
            Iterations at the most.
        tol : float
            The bound.
        after_iteration : callable
            Returns True to stop.

        Returns
        -------
        bool
            Whether the bound was reached, or a callback ended the iterations.
        """

        def record(flat):
            # What was evaluated last is where the line search ended.
            self.theta = flat.reshape(self.theta.shape).copy()
            self.losses.append(float(self._value))
            self.steepest = self._steepest
            if after_iteration():
                raise _Stopped

        try:
            found = minimize(
                self.objective,
                self.theta.ravel(),
                jac=True,
                method="L-BFGS-B",
                callback=record,
                options={
                    "maxiter": max_iter,
                    "maxfun": 50 * max_iter,
                    "maxcor": _MEMORY,
                    "gtol": tol,
                    "ftol": 0.0,
                },
            )
        except _Stopped:
            return True
        self.theta = found.x.reshape(self.theta.shape)
        self.steepest = np.abs(found.jac).max()
        return bool(self.steepest <= tol)
