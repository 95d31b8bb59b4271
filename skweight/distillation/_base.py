"""What the self-distilled models share: options, steps and what is kept of a fit."""

import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from skweight._core._array_api import check_same_namespace, float_types, follow, namespace, to_numpy
from skweight._core._callbacks import CallbackSupportMixin
from skweight._core._sklearn_compat import Interval, StrOptions, check_sample_weight
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


# Attributes that a fit has or has not.
_OPTIONAL = ("loo_predictions_", "loo_mse_", "limit_alpha_", "cv_results_")
# What checking X and y sets, and prediction needs.
_OF_INPUT = ("n_features_in_", "feature_names_in_", "classes_", "_flat")


class BaseSelfDistilled(CallbackSupportMixin, BaseEstimator):
    """A linear or kernel ridge model of several steps.

    A subclass fits inside a `FitTask`: it collects its fitted attributes, those of
    `_step_attributes` among them, as they are up to some last step, and sets them by `_replace`.
    Its ``_decide(X, places)`` returns the values of some places of the path, each of shape
    (n_samples, m). A mixin for regression or classification makes targets of y in ``_checked`` and
    ``_held_out_targets``, and sets `_flat` where the only column of targets is to be dropped again.
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

    def _step_attributes(self, penalties, distilled, last=None):
        """Return the attributes that say which steps there are, up to a last one.

        Parameters
        ----------
        penalties : ndarray of shape (n_steps,)
            Penalty of each step.
        distilled : Distilled
            All steps.
        last : int or None, default=None
            The last step, from 1, where a callback stopped the fit; None means `n_steps`.

        Returns
        -------
        dict
            Fitted attributes.
        """
        last = self.n_steps if last is None else last
        first = self.n_steps - distilled.coefficients.shape[0] + 1
        attributes = {
            "ground_truth_weights_": distilled.weights[: last - 1],
            "best_step_": last if distilled.best_step is None else min(distilled.best_step, last),
            "_first_step": first,
            "_last_step": last,
            **{name: getattr(self, name) for name in _OF_INPUT if hasattr(self, name)},
        }
        if distilled.loo_mse is not None:
            attributes["loo_mse_"] = distilled.loo_mse[:last]
            if self.step_selection == "loo":
                attributes["best_step_"] = int(np.argmin(distilled.loo_mse[:last])) + 1
        limit_alpha = self._limit_penalty(penalties)
        if limit_alpha is not None:
            attributes["limit_alpha_"] = limit_alpha
        return attributes

    def _report_steps(self, task, attributes, first=1):
        """Tell callbacks of every step; return the last one, or that at which one of them stops.

        ``attributes(last)`` returns the fitted attributes up to some step.
        """
        for step in range(first, self.n_steps + 1):
            if task.iteration("step", partial(attributes, step)):
                break
        return step

    def _replace(self, attributes):
        """Set the fitted attributes, and forget those that only the last fit had."""
        for name in _OPTIONAL:
            self.__dict__.pop(name, None)
        for name, value in attributes.items():
            setattr(self, name, value)

    def _limit_penalty(self, penalties):
        """Return the penalty that infinitely many steps amount to, or None without a limit."""
        weight = _one_weight(self.ground_truth_weight)
        if weight is None or not 0 < weight <= 2 or (penalties != penalties[0]).any():
            return None
        return float(penalties[0]) / weight

    def _index_of(self, step):
        """Return the place of a step in the path, or infinity."""
        if step is None:
            step = self.best_step_
        if isinstance(step, Real) and step == np.inf:
            if not hasattr(self, "limit_alpha_"):
                names = [name for name in ("ground_truth_weight", "alpha") if hasattr(self, name)]
                given = " and ".join(f"{name}={getattr(self, name)!r}" for name in names)
                raise ValueError(
                    "step=inf needs one ground_truth_weight above 0 and at most 2 and one alpha "
                    f"for all steps, got {given}."
                )
            return np.inf
        first, last = self._first_step, self._last_step
        whole = isinstance(step, Integral) and not isinstance(step, bool)
        if not (whole and 1 <= step <= last):
            raise ValueError(
                f"step must be None, inf or a whole number from 1 to {last}, the number of steps, "
                f"got {step!r}."
            )
        if step < first:
            raise ValueError(
                f"step must be None or the last one, {last}, with ground_truth_weight='loo-joint', "
                f"whose earlier steps mean nothing, got {step!r}."
            )
        return int(step) - first

    def _at_step(self, X, step, method):
        """Return the values of a step, in the shape of the targets, for a method of the user's."""
        check_is_fitted(self)
        check_same_namespace(X, self, attribute="ground_truth_weights_", method=method)
        return self._shaped(self._decide(X, [self._index_of(step)])[0])

    def _at_every_step(self, X, method):
        """Yield the values of every step in turn."""
        check_is_fitted(self)
        check_same_namespace(X, self, attribute="ground_truth_weights_", method=method)
        places = range(self._last_step - self._first_step + 1)
        for values in self._decide(X, places):
            yield self._shaped(values)

    def _shaped(self, values):
        """Return values of shape (..., m) in the shape of the targets."""
        return values[..., 0] if self._flat else values

    _formats = ("csr", "csc")  # of sparse rows

    def _checked_rows(self, X):
        """Return checked rows of the features that were fitted."""
        return validate_data(
            self, X, accept_sparse=self._formats, dtype=float_types(X), reset=False
        )

    def _checked_validation(self, X_val, y_val, sample_weight_val, n_targets):
        """Return data held out, checked like the others, or None."""
        if X_val is None and y_val is None and sample_weight_val is None:
            return None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val must be given together, got one of them alone.")
        X_val = self._checked_rows(X_val)
        y_val = self._held_out_targets(X_val, y_val, n_targets)
        if sample_weight_val is not None:
            weight = check_sample_weight(
                to_numpy(sample_weight_val), to_numpy(y_val), "sample_weight_val"
            )
            (sample_weight_val,) = follow(y_val, weight)
        return X_val, y_val, sample_weight_val


def _one_weight(ground_truth_weight):
    """Return the weight that all steps share, or None if it is tuned or varies."""
    if isinstance(ground_truth_weight, str):
        return None
    weights = np.unique(np.asarray(ground_truth_weight, dtype=float))
    return float(weights[0]) if len(weights) == 1 else None


def warn_of_growth(weights):
    """Warn where steps multiply rounding errors."""
    growth = np.prod(np.abs(1 - weights), axis=0).max() if len(weights) else 1.0
    if growth > 1e6:
        warnings.warn(
            f"The weights of the ground truth multiply rounding errors by {growth:.1e}: keep "
            "them between 0 and 2, by weight_bounds=(0, 2) where they are found one by one, or "
            "take fewer steps.",
            UserWarning,
            stacklevel=4,
        )


def matrix_of(y):
    """Return targets as a matrix."""
    xp = namespace(y)
    return xp.reshape(y, (-1, 1)) if y.ndim == 1 else y
