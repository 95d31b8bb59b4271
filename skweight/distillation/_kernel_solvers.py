"""The solvers of kernel ridge models of several steps."""

from functools import partial

from skweight.distillation._cholesky import Factorised, distil_inverse
from skweight.distillation._iterative import solve_in_basis
from skweight.distillation._kernel_products import KernelProduct
from skweight.distillation._lanczos import lanczos
from skweight.distillation._problem import Fit, fit_of
from skweight.distillation._rules import distil_rule, distil_spectrum


def solve_cholesky(rows, y, problem):
    """Solve by one factorisation for each penalty."""
    K, owned = rows.scaled_kernel()
    system = Factorised(K, problem.penalties, owned)
    distilled = distil_rule(
        system, rows.scale(y), problem.penalties, problem.rule, problem.validation(rows.scale)
    )
    return Fit(distilled, rows.scale(distilled.coefficients))


def solve_inverse(rows, y, problem):
    """Solve two steps, with the diagonals they need, by the inverse."""
    K, owned = rows.scaled_kernel()
    distilled = distil_inverse(
        K, y, rows.weight, problem.penalties, problem.rule, problem.want_loo, owned
    )
    return Fit(distilled, rows.scale(distilled.coefficients))


def solve_eigh(rows, y, problem):
    """Solve by eigenvalues, in which all steps, penalties and leave-one-out are diagonal."""
    spectrum = rows.spectrum()
    distilled = distil_spectrum(
        spectrum,
        y,
        rows.weight,
        problem.penalties,
        problem.rule,
        problem.want_loo,
        problem.validation(spectrum.dual),
    )
    return fit_of(spectrum, y, distilled, spectrum.dual, problem.limit_alpha)


def solve_lanczos(rows, y, problem):
    """Solve by products with the kernel matrix, which need not fit in memory."""
    product = KernelProduct(rows.block, y.shape[0], rows.root)
    build = partial(lanczos, product, rows.scale(y), scale=rows.root)
    return solve_in_basis(build, problem, lambda basis, part: basis.dual(part), "cholesky")


SOLVERS = {
    "cholesky": solve_cholesky,
    "inverse": solve_inverse,
    "eigh": solve_eigh,
    "lanczos": solve_lanczos,
}
