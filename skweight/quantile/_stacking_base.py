"""What the two stacking estimators share: parameters, the weights' fit, and its readings."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.quantile._noncross import order_rows
from skweight.quantile._prediction import QuantileRegressorMixin
from skweight.quantile._weights import quantile_stacking_weights

WEIGHT_CONSTRAINTS = {
    "quantiles": ["array-like"],
    "weighting": [StrOptions({"coarse", "medium", "fine"})],
    "level_groups": ["array-like", None],
    "constraint": [StrOptions({"simplex", "nonneg", "none"})],
    "fit_intercept": ["boolean"],
    "noncrossing": [StrOptions({"sort", "isotonic", "minmax", "constrain"}), None],
    "sort_base": ["boolean"],
    "solver": [StrOptions({"auto", "ipm", "first-order", "highs"})],
    "tol": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
}

# Levels that cross by less than this share of the spread of y are rounding.
_CROSSING = 1e-9


class BaseQuantileStacking(QuantileRegressorMixin):
    """Fit weights of ready base quantiles, and combine by them."""

    def _fit_weights(self, Q, y, weight, levels, task, more):
        """Fit the weights and set their attributes.

        Parameters
        ----------
        Q : ndarray of shape (n, p, m)
            Base quantiles, sorted if they are to be.
        y, weight : ndarray of shape (n,)
            Outcomes and weights of the same rows.
        levels : ndarray of shape (m,)
            The quantile levels.
        task : FitTask
            Hears of every iteration.
        more : callable
            Returns the other fitted attributes that prediction needs.
        """

        def attributes(weights, intercept):
            found = {"weights_": weights, "intercept_": intercept, "quantiles_": levels}
            return {**found, **more()}

        def on_iteration(weights, intercept):
            # A copy: the engine may go on in the same arrays.
            found = attributes(np.array(weights), np.array(intercept))
            return task.iteration("weights", lambda: found)

        result = quantile_stacking_weights(
            Q,
            y,
            levels,
            weighting=self.weighting,
            level_groups=self.level_groups,
            constraint=self.constraint,
            fit_intercept=self.fit_intercept,
            noncrossing=self.noncrossing == "constrain",
            sample_weight=weight,
            solver=self.solver,
            tol=self.tol,
            max_iter=self.max_iter,
            on_iteration=on_iteration if task.listened else None,
        )
        if not (result.converged or result.stopped):
            warnings.warn(
                f"The weights have not converged after {result.n_iter} iterations: they are within "
                f"{result.dual_gap:.3g} of the optimum, on an objective of {result.objective:.3g}. "
                "Raise max_iter or tol.",
                ConvergenceWarning,
                stacklevel=4,
            )
        for name, value in attributes(result.weights, result.intercept).items():
            setattr(self, name, value)
        self.objective_, self.dual_gap_ = result.objective, result.dual_gap
        self.n_iter_ = result.n_iter

    def _set_crossing_rates(self, Q, forecast, y, weight):
        """Set the shares of rows at which the ensemble and each base model cross."""
        slack = _CROSSING * np.ptp(y[weight > 0])
        self.crossing_rate_ = _crossing_rate(forecast, weight, slack)
        self.base_crossing_rate_ = np.array(
            [_crossing_rate(Q[:, j], weight, slack) for j in range(Q.shape[1])]
        )

    def _ordered(self, forecast):
        return order_rows(forecast, self.noncrossing, self.quantiles_)


def _crossing_rate(forecast, weight, slack):
    """Return the weighted share of rows without NaN that have a level above the next one."""
    weight = np.where(np.isnan(forecast).any(axis=1), 0.0, weight)
    crosses = (forecast[:, :-1] > forecast[:, 1:] + slack).any(axis=1)
    return float(weight[crosses].sum() / weight.sum()) if weight.any() else 0.0


def sorted_base(Q, sort_base):
    """Sort the levels of each model in each row, if asked to."""
    return np.sort(Q, axis=2) if sort_base else Q
