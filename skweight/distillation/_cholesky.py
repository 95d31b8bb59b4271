"""Steps by Cholesky factorisations, and by an inverse where two steps need their diagonals."""

import numpy as np

from skweight._core._array_api import copy_of, factorise, follow, inverse_of, namespace, to_numpy
from skweight.distillation._leave_one_out import InverseRows, check_enough_rows, leave_one_out
from skweight.distillation._rules import Distilled, Rule, add_loo, gcv_step, stack_weights


class Factorised:
    """Ridge fits in coordinates where what a fit leaves of its targets is alpha times itself.

    That holds for a scaled kernel matrix and targets, whose fits are dual coefficients, and for a
    Gram matrix of features and ``X.T @ y``, whose fits are coefficients. No product with the matrix
    is needed: a step costs one solve.

    Parameters
    ----------
    gram : array of shape (r, r)
        Symmetric, positive semi-definite.
    penalties : ndarray of shape (n_steps,)
        Penalty of each step.
    overwrite : bool, default=False
        Whether the matrix may be lost.
    """

    def __init__(self, gram, penalties, overwrite=False):
        self.gram = gram
        self.overwrite = overwrite and len(np.unique(penalties)) == 1
        self.penalty = self.solver = None

    def solve(self, targets, penalty):
        """Return the fit to targets with one of the penalties.

        One factorisation is kept at a time.

        Raises
        ------
        numpy.linalg.LinAlgError
            If the matrix is not positive definite with the penalty on its diagonal, in floating
            point.
        """
        if penalty != self.penalty:
            self.penalty, self.solver = penalty, None
            H = self.gram if self.overwrite else copy_of(self.gram)
            self.solver = factorise(add_to_diagonal(H, penalty), overwrite=True)
        return self.solver(targets)

    def response(self, penalties):
        """Return the function that `run_steps` wants."""

        def respond(t, targets):
            coefficients = self.solve(targets, penalties[t])
            return coefficients, targets - float(penalties[t]) * coefficients

        return respond


def add_to_diagonal(matrix, value):
    """Add a number to the diagonal of a matrix, in place, and return it."""
    n = matrix.shape[0]
    if isinstance(matrix, np.ndarray):
        matrix.flat[:: n + 1] += value
        return matrix
    xp = namespace(matrix)
    return matrix + float(value) * xp.eye(n, dtype=matrix.dtype, device=matrix.device)


def distil_inverse(K, y, weight, penalties, rule, want_loo=False, overwrite=False):
    """Run two steps at the most, with leave-one-out or generalised cross-validation.

    Parameters
    ----------
    K : array of shape (n, n)
        Scaled kernel matrix.
    y : array of shape (n, m)
        Targets.
    weight : array of shape (n,) or None
        Weights of the rows.
    penalties : ndarray of shape (n_steps,)
        The same penalty for each step.
    rule : Rule
        How the weight is found: "fixed", "loo" or "gcv".
    want_loo : bool, default=False
        Whether leave-one-out predictions are wanted, if the rule does not need them anyhow.
    overwrite : bool, default=False
        Whether the matrix may be lost.

    Returns
    -------
    Distilled
        All steps, with dual coefficients of the scaled kernel.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite with the penalty on its diagonal.
    """
    xp = namespace(K)
    want_loo = want_loo or rule.kind == "loo"
    if want_loo:
        check_enough_rows(K.shape[0])
    n_steps, penalty = len(penalties), float(penalties[0])
    scale = None if weight is None else xp.sqrt(weight)[:, None]
    K = K if overwrite else copy_of(K)
    rows = InverseRows(inverse_of(add_to_diagonal(K, penalty), overwrite=True), y, penalty, scale)
    if rule.kind == "gcv":
        weights = [_gcv_weight(rows, rule)] if n_steps == 2 else []
        rule = Rule("fixed", stack_weights(weights, rule.per_target))
    loo = None
    if want_loo:
        tuned = rule.kind == "loo"
        choose = rule.by_predictions(y, weight) if tuned else rule.always(y)
        loo, weights = leave_one_out(rows, n_steps, choose)
        if tuned:
            rule = Rule("fixed", stack_weights(weights, rule.per_target))
    first = rows.inverse @ rows.targets[:, 0, :]
    steps = [first]
    if n_steps == 2:
        w = rule.given(1, y)
        steps.append(w * first + (1 - w) * (first - penalty * (rows.inverse @ first)))
    return add_loo(Distilled(xp.stack(steps), rule.weights), loo, y, weight)


def _gcv_weight(rows, rule):
    """Return the weight of the second step by generalised cross-validation."""
    xp = namespace(rows.inverse)
    targets = rows.targets[:, 0, :]
    residuals = rows.penalty * (rows.inverse @ targets)
    # A leaves y - r of its targets y, with the residuals r; A^2 takes A off the residuals again.
    left = rows.penalty * (rows.inverse @ residuals)
    r1 = 2 * residuals - left
    _, through = rows.diagonals(0, None)
    _, twice = rows.diagonals(0, 1)
    n = targets.shape[0]
    sums = [(residuals, residuals), (residuals, r1), (r1, r1)]
    inner = to_numpy(xp.stack([xp.sum(u * v, axis=0) for u, v in sums]))
    fitted, moved = targets - residuals, residuals - left
    move, size = (to_numpy(xp.sum(part**2, axis=0)) for part in (moved, fitted))
    d1, d2 = float(xp.sum(through)) / n, float(xp.sum(twice)) / n
    return follow(targets, gcv_step(1, inner, move, size, d1, d2, rule))[0]
