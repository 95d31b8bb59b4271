"""Errors of every penalty and step on rows left out, with weights that are best for them."""

from dataclasses import dataclass

import numpy as np

from skweight._core._array_api import concat, namespace, to_numpy
from skweight.distillation._leave_one_out import (
    SpectralRows,
    leave_one_out,
    pooled_squared_error,
)

# Penalties are searched in blocks that take about so many bytes.
_BLOCK_BYTES = 2**28
# Scores within this share of the highest one count as equal, and squared errors also within this
# share of the mean square of the targets, where they are rounding alone.
_SAME_SCORE = 1e-10
SAME_ERROR = 1e-24
# A chain of steps has to gain so many standard errors.
_WORTH = 0.5


class LeftOut:
    """Every row left out once, from one decomposition of all rows.

    Parameters
    ----------
    spectrum : Spectrum
        Of all rows.
    y : array of shape (n, m)
        Their targets.
    """

    def __init__(self, spectrum, y):
        self.spectrum, self.y = spectrum, y

    def bytes_per_penalty(self, n_steps):
        """Return about how much memory one penalty takes."""
        n, r = self.spectrum.vectors.shape
        return 8 * n_steps * (4 * n * self.y.shape[1] + 2 * n + 3 * r)

    def chain(self, penalties, n_steps, choose):
        """Return predictions of shape (n, n_alphas, m) by step, and weights by step."""
        by_step = namespace(penalties).stack([penalties] * n_steps)
        return leave_one_out(SpectralRows(self.spectrum, self.y, by_step), n_steps, choose)


@dataclass(frozen=True, eq=False)
class Fold:
    """Training rows in coordinates, and the way from there to other rows.

    Attributes
    ----------
    values : array of shape (r,)
        Eigenvalues.
    targets : array of shape (r, m)
        Centred targets in coordinates.
    mean : array of shape (1, m)
        Their mean, 0 without intercept.
    outward : array of shape (n_test, r)
        Maps coefficients in coordinates to predictions for the other rows, about the mean.
    """

    values: object
    targets: object
    mean: object
    outward: object

    @classmethod
    def of(cls, spectrum, y, outward):
        """Return the fold of a spectrum of training rows with targets y."""
        centred, mean = spectrum.centre(y)
        return cls(spectrum.values, spectrum.project(centred), mean, outward)

    def predict(self, coefficients):
        """Return predictions of shape (n_test, n_alphas, m)."""
        xp = namespace(coefficients)
        flat = self.outward @ xp.reshape(coefficients, (coefficients.shape[0], -1))
        return xp.reshape(flat, (-1, *coefficients.shape[1:])) + self.mean[:, None, :]


class HeldOut:
    """Rows held out by the folds of a cross-validation, from one decomposition of each.

    Parameters
    ----------
    folds : list of Fold
        The folds.
    """

    def __init__(self, folds):
        self.folds = folds

    def bytes_per_penalty(self, n_steps):
        """Return about how much memory one penalty takes."""
        rows = sum(fold.outward.shape[0] for fold in self.folds)
        coordinates = sum(fold.values.shape[0] for fold in self.folds)
        return 8 * self.folds[0].targets.shape[1] * ((n_steps + 3) * rows + 6 * coordinates)

    def chain(self, penalties, n_steps, choose):
        """Return predictions of shape (n_test, n_alphas, m) by step, and weights by step.

        The weights of a step are chosen on the rows of all folds together, before any fold goes on.
        """
        values = [fold.values[:, None, None] for fold in self.folds]
        totals = [d + penalties[None, :, None] for d in values]

        def fit(targets):
            """Return fitted values in coordinates, and predictions for the rows held out."""
            coefficients = [z / total for z, total in zip(targets, totals)]
            predicted = [fold.predict(c) for fold, c in zip(self.folds, coefficients)]
            return [d * c for d, c in zip(values, coefficients)], concat(predicted)

        first, on_first = fit([fold.targets[:, None, :] for fold in self.folds])
        fitted, predictions, weights = first, [on_first], []
        for t in range(1, n_steps):
            student, on_student = fit(fitted)
            w = choose(t, on_first, on_student)
            weights.append(w)
            predictions.append(w * on_first + (1 - w) * on_student)
            fitted = [w * one + (1 - w) * other for one, other in zip(first, student)]
        return predictions, weights


def search(rows, y, weight, alphas, n_steps, rule, observers=()):
    """Search penalties and steps.

    Parameters
    ----------
    rows : LeftOut or HeldOut
        What is predicted.
    y : array of shape (n, m)
        Targets of the rows that are predicted.
    weight : array of shape (n,) or None
        Their weights.
    alphas : array of shape (n_alphas,)
        Penalties.
    n_steps : int
        Number of steps.
    rule : Rule
        How weights are found: "fixed", or by these predictions.
    observers : iterable of callable, default=()
        Called with a slice of the penalties and, by step, predictions of shape (n, n_alphas, m).

    Returns
    -------
    errors : ndarray of shape (n_alphas, n_steps)
        Weighted mean squared errors.
    weights : ndarray of shape (n_alphas, n_steps - 1, k)
        Weights of the ground truth, with k = 1 for one that all targets share, and k = m else.
    """
    choose = rule.always(y) if rule.kind == "fixed" else rule.by_predictions(y, weight)
    n_alphas = alphas.shape[0]
    at_once = max(1, int(_BLOCK_BYTES // rows.bytes_per_penalty(n_steps)))
    errors, weights = [], []
    for start in range(0, n_alphas, at_once):
        places = slice(start, min(start + at_once, n_alphas))
        predictions, chosen = rows.chain(alphas[places], n_steps, choose)
        by_step = [to_numpy(pooled_squared_error(y, part, weight)) for part in predictions]
        errors.append(np.stack(by_step, axis=1))
        weights.append(_by_penalty(chosen, len(by_step[0])))
        for observe in observers:
            observe(places, predictions)
    return np.concatenate(errors), np.concatenate(weights)


def _by_penalty(chosen, n_alphas):
    """Return weights by step as an array of shape (n_alphas, n_steps - 1, k)."""
    if not chosen:
        return np.empty((n_alphas, 0, 1))
    by_step = [np.atleast_1d(to_numpy(w)) for w in chosen]
    return np.stack([np.broadcast_to(w, (n_alphas, w.shape[-1])) for w in by_step], axis=1)


def given(weights):
    """Return the choice of weights that are known, of shape (n_alphas, n_steps - 1, k)."""
    return lambda t, first, student: weights[:, t - 1, :]


def count_rows(n, weight):
    """Return a number of rows, or the sum of their weights, as if they were repeated, if larger."""
    return n if weight is None else max(n, float(namespace(weight).sum(weight)))


def charged(errors, rule, n_rows, n_targets):
    """Return errors with a charge for the weights that were fitted to the same rows.

    A weight that is fitted to n numbers lowers their mean squared error by a share of about 1 / n,
    and raises that of new ones by as much, so that a chain of t steps looks better than it is by a
    share of 2 (t - 1) / n.

    Parameters
    ----------
    errors : ndarray of shape (n_alphas, n_steps)
        Mean squared errors.
    rule : Rule
        How weights are found: those that are given cost nothing.
    n_rows : float
        Number of rows.
    n_targets : int
        Number of targets, which share the weights unless the rule says otherwise.

    Returns
    -------
    ndarray of shape (n_alphas, n_steps)
        Errors to choose by.
    """
    if rule.kind == "fixed":
        return errors
    numbers = n_rows if rule.per_target else n_rows * n_targets
    return errors * (1 + 2 * np.arange(errors.shape[1]) / numbers)


def is_worth_it(y, before, after, weight, n_rows, charge):
    """Tell whether a chain gains more than half a standard error over the best ordinary fit.

    Penalty and step are the best of many, and where they differ by less, which one is better on
    new rows is a matter of chance.

    Parameters
    ----------
    y : array of shape (n, m)
        Targets.
    before, after : array of shape (n, m)
        Predictions by the ordinary fit, and by the chain.
    weight : array of shape (n,) or None
        Weights of the rows.
    n_rows : float
        Number of rows.
    charge : float
        What the chain owes for the weights that were fitted.

    Returns
    -------
    bool
        Whether the chain is taken.
    """
    xp = namespace(y)
    gains = to_numpy(xp.mean((y - before) ** 2 - (y - after) ** 2, axis=1))
    weight = to_numpy(weight)
    gain = np.average(gains, weights=weight)
    error = np.sqrt(np.average((gains - gain) ** 2, weights=weight) / n_rows)
    return bool(gain - charge > _WORTH * error)


def first_best(scores, slack=0.0):
    """Return the place of the highest score: of equal ones the first penalty, then the first step.

    Parameters
    ----------
    scores : ndarray of shape (n_alphas, n_steps)
        Scores, greater is better; NaN is worse than any.
    slack : float, default=0.0
        Difference below which scores count as equal, beside rounding.

    Returns
    -------
    tuple of (int, int)
        Row and column.
    """
    highest = np.nanmax(scores)
    among = scores >= highest - _SAME_SCORE * abs(highest) - slack
    return tuple(int(place) for place in np.unravel_index(np.argmax(among), scores.shape))
