"""The solvers of kernel ridge models of several steps."""

from dataclasses import dataclass

import numpy as np

from skweight.distillation._cholesky import Factorised, distil_inverse
from skweight.distillation._rules import by_validation, distil_rule, distil_spectrum
from skweight.distillation._spectrum import kernel_spectrum


@dataclass(frozen=True, eq=False)
class KernelProblem:
    """What is to be solved for given rows.

    Attributes
    ----------
    rule : Rule
        How the weights of the ground truth are found.
    penalties : ndarray of shape (n_steps,)
        Penalty of each step.
    want_loo : bool
        Whether leave-one-out predictions are wanted.
    held_out : tuple of (kernel, y, weight) or None
        For the rule "validation" the kernel of other rows with those of the fit, their targets
        and weights.
    limit_alpha : float or None
        Penalty of the limit of infinitely many steps, where there is one.
    tol, max_iter : float, int or None
        For the iterative solver.
    """

    rule: object
    penalties: np.ndarray
    want_loo: bool = False
    held_out: tuple | None = None
    limit_alpha: float | None = None
    tol: float = 1e-8
    max_iter: int | None = None

    def validation(self, dual):
        """Return the choice of weights on data held out, given the way to dual coefficients."""
        if self.held_out is None:
            return None
        kernel, y, weight = self.held_out
        return by_validation(self.rule, y, weight, lambda part: kernel @ dual(part))


@dataclass(eq=False)
class KernelFit:
    """All steps.

    Attributes
    ----------
    distilled : Distilled
        The steps in coordinates of the solver.
    dual : array of shape (n_steps, n, m)
        Their dual coefficients.
    limit : array of shape (n, m) or None
        Those of the limit, where they cost nothing.
    n_iter : int or None
        Iterations, if the solver has any.
    """

    distilled: object
    dual: object
    limit: object = None
    n_iter: int | None = None


def solve_cholesky(rows, y, problem):
    """Solve by one factorisation for each penalty."""
    K, owned = rows.scaled_kernel()
    system = Factorised(K, problem.penalties, owned)
    distilled = distil_rule(
        system, rows.scale(y), problem.penalties, problem.rule, problem.validation(rows.scale)
    )
    return KernelFit(distilled, rows.scale(distilled.coefficients))


def solve_inverse(rows, y, problem):
    """Solve two steps, with the diagonals they need, by the inverse."""
    K, owned = rows.scaled_kernel()
    distilled = distil_inverse(K, y, rows.weight, problem.penalties, problem.rule, owned)
    return KernelFit(distilled, rows.scale(distilled.coefficients))


def solve_eigh(rows, y, problem):
    """Solve by eigenvalues, in which all steps, penalties and leave-one-out are diagonal."""
    K, owned = rows.kernel()
    spectrum = kernel_spectrum(K, rows.weight, owned)
    distilled = distil_spectrum(
        spectrum,
        y,
        rows.weight,
        problem.penalties,
        problem.rule,
        problem.want_loo,
        problem.validation(spectrum.dual),
    )
    dual = spectrum.path(distilled.coefficients)
    limit = None
    if problem.limit_alpha is not None:
        targets = spectrum.project(y)
        limit = spectrum.dual(targets / (spectrum.values[:, None] + problem.limit_alpha))
    return KernelFit(distilled, dual, limit)


SOLVERS = {"cholesky": solve_cholesky, "inverse": solve_inverse, "eigh": solve_eigh}
