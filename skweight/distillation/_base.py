"""What the self-distilled models share: options, steps and what is kept of a fit."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skweight._core._array_api import namespace
from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.distillation._rules import TUNED, make_rule

# Constraints of the parameters that all these models share.
STEP_CONSTRAINTS = {
    "alpha": [Interval(Real, 0, None, closed="neither"), "array-like"],
    "n_steps": [Interval(Integral, 1, None, closed="left")],
    "ground_truth_weight": [
        Interval(Real, None, None, closed="neither"),
        "array-like",
        StrOptions(set(TUNED)),
    ],
    "weight_bounds": [tuple, list, None],
    "step_selection": [StrOptions({"last", "loo"})],
    "tol": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left"), None],
    "store_loo": ["boolean"],
}


class BaseSelfDistilled(BaseEstimator):
    """A linear or kernel ridge model of several steps.

    A subclass fits, stores `_path` (coefficients of each step, shape (n_steps, ..., m)) through
    `_set_steps`, and predicts from one of them.
    """

    def _rule(self, n_targets, validation):
        """Return the rule of the weights and the penalties of the steps."""
        rule, penalties = make_rule(
            self.ground_truth_weight,
            self.alpha,
            self.n_steps,
            n_targets,
            self.weight_bounds,
            getattr(self, "weight_per_target", False),  # the columns of a classifier share them
        )
        if rule.kind == "validation" and validation is None:
            raise ValueError(
                "ground_truth_weight='validation' needs X_val and y_val in fit, got none."
            )
        if rule.kind != "validation" and validation is not None:
            raise ValueError(
                "X_val and y_val are for ground_truth_weight='validation', got "
                f"{self.ground_truth_weight!r}."
            )
        if self.step_selection == "loo" and rule.kind == "loo-joint":
            raise ValueError(
                "step_selection must be 'last' with ground_truth_weight='loo-joint', whose earlier "
                "steps mean nothing, got 'loo'."
            )
        return rule, penalties

    def _wants_loo(self, rule):
        """Tell whether leave-one-out predictions have to be there after the fit."""
        return self.store_loo or self.step_selection == "loo" or rule.kind in ("loo", "loo-joint")

    def _set_steps(self, rule, penalties, distilled):
        """Set the attributes that say which steps there are."""
        weights = distilled.weights
        _warn_of_growth(weights)
        self.ground_truth_weights_ = weights
        self.best_step_ = self.n_steps
        for name in ("loo_predictions_", "loo_mse_", "limit_alpha_"):
            self.__dict__.pop(name, None)
        if distilled.loo_mse is not None:
            self.loo_mse_ = distilled.loo_mse
            if self.step_selection == "loo":
                self.best_step_ = int(np.argmin(distilled.loo_mse)) + 1
        limit_alpha = self._limit_penalty(penalties)
        if limit_alpha is not None:
            self.limit_alpha_ = limit_alpha

    def _limit_penalty(self, penalties):
        """Return the penalty that infinitely many steps amount to, or None without a limit."""
        weight = _one_weight(self.ground_truth_weight)
        if weight is None or not 0 < weight <= 2 or (penalties != penalties[0]).any():
            return None
        return float(penalties[0] / weight)

    def _index_of(self, step):
        """Return the place of a step in the path, or infinity."""
        if step is None:
            step = self.best_step_
        if isinstance(step, Real) and step == np.inf:
            if not hasattr(self, "limit_alpha_"):
                raise ValueError(
                    "step=inf needs one ground_truth_weight above 0 and at most 2 and one alpha "
                    "for all steps, got ground_truth_weight="
                    f"{self.ground_truth_weight!r} and alpha={self.alpha!r}."
                )
            return np.inf
        whole = isinstance(step, Integral) and not isinstance(step, bool)
        if not (whole and 1 <= step <= self.n_steps):
            raise ValueError(
                f"step must be None, inf or a whole number from 1 to n_steps={self.n_steps}, got "
                f"{step!r}."
            )
        if isinstance(self.ground_truth_weight, str) and self.ground_truth_weight == "loo-joint":
            if step != self.n_steps:
                raise ValueError(
                    "step must be None or the last one with ground_truth_weight='loo-joint', whose "
                    f"earlier steps mean nothing, got {step!r}."
                )
            return 0
        return int(step) - 1

    def predict(self, X, step=None):
        """Predict targets.

        Every step of the fit can predict, and so can the limit of infinitely many steps, where
        there is one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; with a precomputed kernel their kernel with the training rows.
        step : int or float or None, default=None
            Step from 1 to `n_steps`, or infinity for the limit. None means `best_step_`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions.

        Raises
        ------
        ValueError
            If there is no such step.
        """
        check_is_fitted(self)
        return self._decide(X, [self._index_of(step)])[0]

    def staged_predict(self, X):
        """Predict targets by every step in turn.

        All steps share one pass over the rows, so that this costs little more than `predict`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; with a precomputed kernel their kernel with the training rows.

        Yields
        ------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions of the steps 1 to `n_steps`.
        """
        check_is_fitted(self)
        yield from self._decide(X, [self._index_of(step) for step in range(1, self.n_steps + 1)])


def _one_weight(ground_truth_weight):
    """Return the weight that all steps share, or None if it is tuned or varies."""
    if isinstance(ground_truth_weight, str):
        return None
    weights = np.unique(np.asarray(ground_truth_weight, dtype=float))
    return float(weights[0]) if len(weights) == 1 else None


def _warn_of_growth(weights):
    """Warn where steps multiply rounding errors."""
    growth = np.prod(np.abs(1 - weights), axis=0).max() if len(weights) else 1.0
    if growth > 1e6:
        warnings.warn(
            f"The weights of the ground truth multiply rounding errors by {growth:.1e}: keep "
            "ground_truth_weight between 0 and 2, or take fewer steps.",
            UserWarning,
            stacklevel=4,
        )


def matrix_of(y):
    """Return targets as a matrix."""
    xp = namespace(y)
    return xp.reshape(y, (-1, 1)) if y.ndim == 1 else y
