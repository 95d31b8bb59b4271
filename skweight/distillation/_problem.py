"""What is to be solved for some rows, and what comes out: the same for kernels and features."""

from dataclasses import dataclass

import numpy as np

from skweight._core._array_api import concat, namespace
from skweight.distillation._rules import by_validation


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be solved for given rows.

    Attributes
    ----------
    rule : Rule
        How the weights of the ground truth are found.
    penalties : ndarray of shape (n_steps,)
        Penalty of each step.
    want_loo : bool
        Whether leave-one-out predictions are wanted.
    held_out : tuple of (callable, y, weight) or None
        For the rule "validation" what predicts other rows from coefficients, and the targets and
        weights of these rows.
    limit_alpha : float or None
        Penalty of the limit of infinitely many steps, where there is one.
    tol, max_iter : float, int or None
        For the iterative solver.
    on_iteration : callable or None
        Called by that after each iteration with a function that returns the `Fit` so far; a true
        value stops it.
    """

    rule: object
    penalties: np.ndarray
    want_loo: bool = False
    held_out: tuple | None = None
    limit_alpha: float | None = None
    tol: float = 1e-8
    max_iter: int | None = None
    on_iteration: object = None

    def validation(self, coefficients):
        """Return the choice of weights on data held out.

        Given is the way from a solver's coordinates to the coefficients of the model.
        """
        if self.held_out is None:
            return None
        predict, y, weight = self.held_out
        return by_validation(self.rule, y, weight, lambda part: predict(coefficients(part)))


@dataclass(eq=False)
class Fit:
    """All steps.

    Attributes
    ----------
    distilled : Distilled
        The steps in coordinates of the solver.
    path : array of shape (n_steps, n, m)
        Their coefficients: dual ones of n rows, or those of n features.
    limit : array of shape (n, m) or None
        Those of the limit, where they are known.
    n_iter : int
        Iterations; 1 for a solver that has none.
    """

    distilled: object
    path: object
    limit: object = None
    n_iter: int = 1


def fit_of(spectrum, y, distilled, to_coefficients, limit_alpha=None):
    """Return the fit whose steps are known in the coordinates of a spectrum.

    Parameters
    ----------
    spectrum : Spectrum
        Of the rows.
    y : array of shape (n, m)
        Targets.
    distilled : Distilled
        All steps.
    to_coefficients : callable
        Takes coordinates of shape (r, m) and returns coefficients of the model.
    limit_alpha : float or None, default=None
        Penalty of the limit of infinitely many steps, where there is one.

    Returns
    -------
    Fit
        All steps, and the limit.
    """
    limit = None
    if limit_alpha is not None:
        targets = spectrum.project(spectrum.centre(y)[0])
        limit = targets / (spectrum.values[:, None] + limit_alpha)
    return fit_from(distilled, limit, to_coefficients)


def fit_from(distilled, limit, to_coefficients):
    """Return the fit whose steps, and limit or None, are known in any coordinates."""
    steps = distilled.coefficients
    if limit is not None:
        steps = concat([steps, limit[None, ...]])
    xp = namespace(steps)
    n_steps, r, m = steps.shape
    # One product for all, which may be one pass over the rows.
    flat = to_coefficients(xp.reshape(xp.moveaxis(steps, 0, 1), (r, n_steps * m)))
    path = xp.moveaxis(xp.reshape(flat, (-1, n_steps, m)), 1, 0)
    return Fit(distilled, path) if limit is None else Fit(distilled, path[:-1, ...], path[-1, ...])
