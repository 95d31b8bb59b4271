"""Kernel ridge models of several steps that search penalty, step and weights."""

from skweight.distillation._cv_base import CV_CONSTRAINTS, BaseSelfDistilledCV
from skweight.distillation._cv_scores import Fold
from skweight.distillation._kernel_base import KERNEL_CONSTRAINTS, BaseKernelSelfDistilled
from skweight.distillation._kernel_rows import KernelRows, check_kernel
from skweight.distillation._rows import pick
from skweight.distillation._spectrum import kernel_spectrum

KERNEL_CV_CONSTRAINTS = {
    **{name: kinds for name, kinds in KERNEL_CONSTRAINTS.items() if name != "solver"},
    **CV_CONSTRAINTS,
}


class BaseKernelSelfDistilledCV(BaseSelfDistilledCV, BaseKernelSelfDistilled):
    """Decompose kernel matrices, of all rows and of the training rows of folds."""

    _decomposing = "eigh"

    def _weighted_rows(self, X, y, weight):
        if self.kernel == "precomputed":
            check_kernel(X)
        return KernelRows(self, X, weight, like=y)

    def _decomposed(self, rows):
        K, owned = rows.kernel()
        spectrum = kernel_spectrum(K, rows.weight, owned, rows.rounding)
        return spectrum, spectrum.dual

    def _outward(self, rows, spectrum, to_coefficients, X):
        return rows.predictor(X)(spectrum.dual_vectors)

    def _folds(self, rows, y, splits):
        K, _ = rows.kernel()
        for train, test in splits:
            weight = None if rows.weight is None else pick(rows.weight, train)
            inner = pick(pick(K, train), train, axis=1)
            spectrum = kernel_spectrum(inner, weight, True, rows.rounding)
            outward = pick(pick(K, test), train, axis=1) @ spectrum.dual_vectors
            yield Fold.of(spectrum, pick(y, train), outward)
