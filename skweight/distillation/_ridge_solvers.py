"""The solvers of linear models of several steps."""

from functools import partial

import numpy as np
from scipy import sparse

from skweight._core._array_api import float64_of
from skweight.distillation._cholesky import Factorised
from skweight.distillation._golub_kahan import golub_kahan
from skweight.distillation._iterative import solve_in_basis
from skweight.distillation._problem import fit_from, fit_of
from skweight.distillation._rules import distil_rule, distil_spectrum


def solve_cholesky(rows, problem):
    """Solve by one factorisation for each penalty, of features or of rows: what is fewer."""
    if rows.is_wide:
        gram, targets, to_features = rows.scaled_kernel(), rows.targets, rows.back
    else:
        (gram, targets), to_features = rows.gram(), lambda coefficients: coefficients
    limit_alpha = problem.limit_alpha
    penalties = [*problem.penalties, *([] if limit_alpha is None else [limit_alpha])]
    system = Factorised(gram, penalties, overwrite=True)
    distilled = distil_rule(
        system, targets, problem.penalties, problem.rule, problem.validation(to_features)
    )
    # Nothing of the rows is kept, so that the limit is found now.
    limit = None if limit_alpha is None else system.solve(targets, limit_alpha)
    return fit_from(distilled, limit, to_features)


def solve_svd(rows, problem):
    """Solve by singular values, in which all steps, penalties and leave-one-out are diagonal."""
    spectrum, to_features = rows.spectrum()
    distilled = distil_spectrum(
        spectrum,
        rows.y,
        rows.weight,
        problem.penalties,
        problem.rule,
        problem.want_loo,
        problem.validation(to_features),
    )
    return fit_of(spectrum, rows.y, distilled, to_features, problem.limit_alpha)


def solve_lsqr(rows, problem):
    """Solve by products with the rows, which stay as they are."""
    X = rows.X.astype(np.float64) if sparse.issparse(rows.X) else float64_of(rows.X)
    build = partial(golub_kahan, X, rows.targets, scale=rows.root, mean=rows.mean)
    return solve_in_basis(build, problem, lambda basis, part: basis.coef(part), "cholesky")


SOLVERS = {"cholesky": solve_cholesky, "svd": solve_svd, "lsqr": solve_lsqr}
