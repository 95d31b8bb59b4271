"""All steps from a Krylov basis: the same for kernels and features."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skweight.distillation._krylov import convergence_message
from skweight.distillation._problem import Fit
from skweight.distillation._rules import distil_rule


def solve_in_basis(build, problem, coefficients, exact):
    """Solve by iterations, and warn if there were too few.

    Parameters
    ----------
    build : callable
        ``build(penalties, weights, tol, max_iter, on_iteration)`` returns a `KrylovBasis`.
    problem : Problem
        What is to be solved; weights are given, or found on data held out.
    coefficients : callable
        ``coefficients(basis, part)`` returns those of the model, shape (n, m), for coordinates.
    exact : str
        The solver to name to a user for whom the iterations are too few.

    Returns
    -------
    Fit
        All steps.
    """
    rule, penalties, limit_alpha = problem.rule, problem.penalties, problem.limit_alpha

    def fit_in(basis):
        validation = problem.validation(lambda part: coefficients(basis, part))
        distilled = distil_rule(basis, basis.targets, problem.penalties, rule, validation)
        limit = None
        if limit_alpha is not None:
            limit = coefficients(basis, basis.targets / (basis.values + limit_alpha))
        return Fit(distilled, basis.path(distilled.coefficients), limit, basis.n_iter)

    weights = rule.weights
    if limit_alpha is not None:
        # The limit is a step with a penalty of its own and the original targets alone.
        penalties = np.append(penalties, limit_alpha)
        weights = np.concatenate([weights, np.ones((1, *weights.shape[1:]))])
    on_iteration = None
    if problem.on_iteration is not None:
        on_iteration = lambda k, basis: problem.on_iteration(lambda: fit_in(basis()))  # noqa: E731
    basis = build(penalties, weights, problem.tol, problem.max_iter, on_iteration=on_iteration)
    if not (basis.converged or basis.stopped):
        message = convergence_message(
            basis, problem.penalties, problem.max_iter, problem.tol, exact
        )
        warnings.warn(message, ConvergenceWarning, stacklevel=6)
    return fit_in(basis)
