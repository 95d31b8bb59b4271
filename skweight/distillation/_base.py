"""What the self-distilled models share: options, steps and what is kept of a fit."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from skweight._core._array_api import follow, namespace, to_numpy
from skweight._core._sklearn_compat import Interval, StrOptions, check_sample_weight
from skweight.distillation._rules import TUNED, make_rule

FLOATS = [np.float64, np.float32]

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

    A subclass fits and tells through `_set_steps` which steps there are. Its ``_decide(X, places)``
    returns the values of some of them, each of shape (n_samples, m). A mixin for regression or
    classification makes targets of y in ``_checked`` and ``_held_out_targets``, and sets `_flat`
    where the only column of the targets is to be dropped again.
    """

    def _rule(self, n_targets, validation):
        """Return the rule of the weights and the penalties of the steps."""
        # The columns of a classifier share weights: others could change which score is highest.
        shared = not hasattr(self, "weight_per_target")
        rule, penalties = make_rule(
            self.ground_truth_weight,
            self.alpha,
            self.n_steps,
            None if shared else n_targets,
            self.weight_bounds,
            False if shared else self.weight_per_target,
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

    def _at_step(self, X, step):
        """Return the values of a step, in the shape of the targets."""
        return self._shaped(self._decide(X, [self._index_of(step)])[0])

    def _at_every_step(self, X):
        """Yield the values of every step in turn."""
        places = [self._index_of(step) for step in range(1, self.n_steps + 1)]
        for values in self._decide(X, places):
            yield self._shaped(values)

    def _shaped(self, values):
        """Return values of shape (..., m) in the shape of the targets."""
        return values[..., 0] if self._flat else values

    def _checked_validation(self, X_val, y_val, sample_weight_val, n_targets, accept_sparse):
        """Return data held out, checked like the others, or None."""
        if X_val is None and y_val is None and sample_weight_val is None:
            return None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val must be given together, got one of them alone.")
        X_val = validate_data(self, X_val, accept_sparse=accept_sparse, dtype=FLOATS, reset=False)
        y_val = self._held_out_targets(X_val, y_val, n_targets)
        if sample_weight_val is not None:
            weight = check_sample_weight(to_numpy(sample_weight_val), to_numpy(y_val))
            (sample_weight_val,) = follow(y_val, weight)
        return X_val, y_val, sample_weight_val


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
