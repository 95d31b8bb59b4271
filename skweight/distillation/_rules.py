"""How the weights of the ground truth are found, and all steps with them, on one system."""

from dataclasses import dataclass

import numpy as np

from skweight._core._array_api import follow, namespace, to_numpy
from skweight.distillation._leave_one_out import (
    SpectralRows,
    check_enough_rows,
    leave_one_out,
    pooled_squared_error,
)
from skweight.distillation._steps import check_steps, run_steps
from skweight.distillation._weights import (
    GCV_MOVE,
    best_weight,
    check_bounds,
    gcv_weight,
    joint_self_distillation_weights,
    warn_of_small_move,
)

TUNED = ("loo", "gcv", "loo-joint", "validation")


@dataclass(frozen=True, eq=False)
class Rule:
    """How the weights of the ground truth are found.

    Attributes
    ----------
    kind : {"fixed", "loo", "gcv", "loo-joint", "validation", "auto"}
        Given numbers, or which data they are fitted to; "auto" is for searches.
    weights : ndarray of shape (n_steps - 1,) or (n_steps - 1, n_targets), or None
        The numbers of "fixed".
    bounds : tuple of (float, float)
        Lowest and highest weight.
    per_target : bool
        Whether each target gets weights of its own.
    """

    kind: str
    weights: np.ndarray | None = None
    bounds: tuple = (-np.inf, np.inf)
    per_target: bool = False

    def clip(self, weight):
        """Return a weight within the bounds."""
        low, high = self.bounds
        if (low, high) == (-np.inf, np.inf):
            return weight
        return namespace(weight).clip(weight, low, high)

    def given(self, t, like):
        """Return the number of the step t (from 1)."""
        weight = self.weights[t - 1]
        return follow(like, weight)[0] if np.ndim(weight) else float(weight)

    def always(self, like):
        """Return the choice that takes the given numbers."""
        return lambda t, first, student: self.given(t, like)

    def by_predictions(self, y, weight):
        """Return the choice from predictions of shape (n, ..., m) for y of shape (n, m)."""
        xp = namespace(y)
        weight = xp.ones_like(y[:, :1]) if weight is None else weight[:, None]

        def choose(t, first, student):
            return self.clip(best_weight(y, first, student, weight, self.per_target))

        return choose


@dataclass(eq=False)
class Distilled:
    """All steps of one penalty.

    Attributes
    ----------
    coefficients : array of shape (n_steps, r, m)
        Coefficients in the coordinates of the system; with "loo-joint" the last step alone, of
        shape (1, r, m).
    weights : ndarray of shape (n_steps - 1,) or (n_steps - 1, m)
        Weights of the ground truth.
    loo : array of shape (n_steps, n, m) or None
        Leave-one-out predictions, where wanted.
    loo_mse : ndarray of shape (n_steps,) or None
        Their mean squared errors.
    best_step : int or None
        The step that predicts, from 1, where a search has chosen it.
    """

    coefficients: object
    weights: np.ndarray
    loo: object = None
    loo_mse: np.ndarray | None = None
    best_step: int | None = None


def make_rule(ground_truth_weight, alpha, n_steps, n_targets, bounds=None, per_target=False):
    """Return the rule and the penalties of all steps, after checking both.

    Raises
    ------
    ValueError
        If a value, or a combination of them, has no meaning.
    """
    bounds = check_bounds(bounds)
    if isinstance(ground_truth_weight, str):
        if ground_truth_weight not in TUNED:
            raise ValueError(
                "ground_truth_weight must be a number, an array of them or one of "
                f"{list(TUNED)}, got {ground_truth_weight!r}."
            )
        _, penalties = check_steps(1.0, alpha, n_steps)
        if ground_truth_weight == "loo-joint" and (per_target or bounds != (-np.inf, np.inf)):
            raise ValueError(
                "ground_truth_weight='loo-joint' has one weight for all targets and no bounds: "
                "weight_per_target must be False and weight_bounds None."
            )
        if ground_truth_weight in ("loo-joint", "gcv") and (penalties != penalties[0]).any():
            raise ValueError(
                f"ground_truth_weight={ground_truth_weight!r} needs one alpha for all steps, got "
                f"{alpha!r}."
            )
        return Rule(ground_truth_weight, None, bounds, per_target), penalties
    weights, penalties = check_steps(ground_truth_weight, alpha, n_steps, n_targets)
    return Rule("fixed", weights, bounds, per_target), penalties


def distil(system, targets, penalties, choose):
    """Run all steps on a system, and return them with their weights."""
    same = bool((penalties == penalties[0]).all())
    return run_steps(targets, system.response(penalties), len(penalties), choose, same)


def distil_rule(system, targets, penalties, rule, validation=None):
    """Run all steps on a system with weights that are given, or found on data held out."""
    if rule.kind == "fixed":
        coefficients, _ = distil(system, targets, penalties, rule.always(targets))
        return Distilled(coefficients, rule.weights)
    coefficients, weights = distil(system, targets, penalties, validation)
    return Distilled(coefficients, stack_weights(weights, rule.per_target))


def by_validation(rule, y_val, weight_val, evaluate):
    """Return the choice of a step from data held out, given predictions from coefficients."""
    choose = rule.by_predictions(y_val, weight_val)
    return lambda t, first, student: choose(t, evaluate(first[0]), evaluate(student[0]))


def distil_spectrum(spectrum, y, weight, penalties, rule, want_loo=False, validation=None):
    """Run all steps on a spectrum, with weights by any rule.

    Parameters
    ----------
    spectrum : Spectrum
        Of the rows.
    y : array of shape (n, m)
        Targets.
    weight : array of shape (n,) or None
        Weights of the rows.
    penalties : ndarray of shape (n_steps,)
        Penalty of each step.
    rule : Rule
        How weights are found.
    want_loo : bool, default=False
        Whether leave-one-out predictions are wanted, if the rule does not need them anyhow.
    validation : callable or None, default=None
        For the rule "validation" what `by_validation` returned.

    Returns
    -------
    Distilled
        All steps.
    """
    n_steps = len(penalties)
    centred, _ = spectrum.centre(y)
    targets = spectrum.project(centred)
    rows = None
    if want_loo or rule.kind in ("loo", "loo-joint"):
        check_enough_rows(spectrum.n_rows)
        (by_step,) = follow(y, penalties[:, None])
        rows = SpectralRows(spectrum, y, by_step)
    if rule.kind == "loo-joint":
        return _joint(spectrum, rows, targets, y, weight, penalties)
    loo = None
    if rule.kind == "loo":
        choose = rule.by_predictions(y, weight)
        loo, weights = leave_one_out(rows, n_steps, choose)
        rule = Rule("fixed", stack_weights(weights, rule.per_target))
    if rule.kind == "gcv":
        validation = _gcv(spectrum, targets, spectrum.beyond(centred, targets), penalties, rule)
    distilled = distil_rule(spectrum, targets, penalties, rule, validation)
    if rows is not None and loo is None:
        fixed = Rule("fixed", distilled.weights)
        loo, _ = leave_one_out(rows, n_steps, fixed.always(y))
    return add_loo(distilled, loo, y, weight)


def add_loo(distilled, loo, y, weight):
    """Return the steps with leave-one-out predictions of `leave_one_out`, if there are any."""
    if loo is not None:
        xp = namespace(y)
        distilled.loo = xp.stack([part[:, 0, :] for part in loo])
        distilled.loo_mse = np.array(
            [float(pooled_squared_error(y, part, weight)[0]) for part in loo]
        )
    return distilled


def stack_weights(weights, per_target):
    """Return weights of shape (..., 1) or (..., m) by step as one array of numpy."""
    if not weights:
        return np.empty(0)
    stacked = np.stack([np.atleast_1d(to_numpy(w)) for w in weights])
    stacked = stacked.reshape(len(weights), -1)
    return stacked if per_target else stacked[:, 0]


def _joint(spectrum, rows, targets, y, weight, penalties):
    """Return the last step alone, with the weights of all steps that are best for it."""
    n_steps = len(penalties)
    loo, _ = leave_one_out(rows, n_steps, lambda t, first, student: 0.0)
    weights, mixture, _ = joint_self_distillation_weights(
        to_numpy(y), [to_numpy(part[:, 0, :]) for part in loo], sample_weight=to_numpy(weight)
    )
    students, _ = distil(spectrum, targets, penalties, lambda t, first, student: 0.0)
    last = sum(float(v) * students[t, ...] for t, v in enumerate(mixture))
    combined = sum(float(v) * part[:, 0, :] for v, part in zip(mixture, loo))
    xp = namespace(y)
    mse = np.full(n_steps, np.nan)
    mse[-1] = float(pooled_squared_error(y, combined, weight))
    return Distilled(last[None, ...], weights, xp.stack([combined]), mse)


def _gcv(spectrum, targets, beyond, penalties, rule):
    """Return the choice of a step by generalised cross-validation, in coordinates."""
    xp = namespace(targets)
    values = spectrum.values[:, None]
    a = values / (values + float(penalties[0]))
    constant = 0.0
    if beyond is not None:
        constant = xp.sum(spectrum._scaled(beyond) ** 2, axis=0)
    intercept = 0.0 if spectrum.share is None else 1.0
    n = spectrum.n_rows
    smoother = a  # filters of the last step: of all targets, or of each
    d1 = (float(xp.sum(a)) + intercept) / n

    def choose(t, first, student):
        nonlocal smoother
        r0, r1 = targets - first[1], targets - student[1]
        inner = [xp.sum(u * v, axis=0) + constant for u, v in ((r0, r0), (r0, r1), (r1, r1))]
        move, size = (xp.sum(u**2, axis=0) for u in (student[1] - first[1], first[1]))
        d2 = (xp.sum(a * smoother, axis=0) + intercept) / n
        inner, move, size, d2 = (to_numpy(part) for part in (xp.stack(inner), move, size, d2))
        weight = gcv_step(t, inner, move, size, d1, d2, rule)
        (w,) = follow(targets, weight)
        smoother = a * (w + (1 - w) * smoother)
        return w

    return choose


def gcv_step(t, inner, move, size, d1, d2, rule):
    """Return the weight of one step, shape (1,) or (m,), from sums by target."""
    if not rule.per_target:
        inner, move, size = (part.sum(axis=-1, keepdims=True) for part in (inner, move, size))
    stays = move < GCV_MOVE**2 * size
    if stays.any():
        warn_of_small_move(t + 1)
    return rule.clip(np.where(stays, 1.0, gcv_weight(inner, d1, d2)))
