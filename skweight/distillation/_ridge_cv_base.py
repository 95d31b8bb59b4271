"""Linear ridge models of several steps that search penalty, step and weights."""

from skweight._core._array_api import concat, zeros
from skweight.distillation._cholesky import add_to_diagonal
from skweight.distillation._cv_base import CV_CONSTRAINTS, BaseSelfDistilledCV
from skweight.distillation._cv_scores import Fold
from skweight.distillation._ridge_base import BaseRidgeSelfDistilled
from skweight.distillation._ridge_rows import RidgeRows, products
from skweight.distillation._rows import pick

RIDGE_CV_CONSTRAINTS = {"fit_intercept": ["boolean"], **CV_CONSTRAINTS}
# Numbers of a part of the coefficients of all coordinates.
_BLOCK = 8 * 2**20


class BaseRidgeSelfDistilledCV(BaseSelfDistilledCV, BaseRidgeSelfDistilled):
    """Decompose the rows, all of them and the training rows of folds."""

    _decomposing = "svd"

    def _weighted_rows(self, X, y, weight):
        return RidgeRows(X, y, weight, self.fit_intercept)

    def _decomposed(self, rows):
        return rows.spectrum()

    def _outward(self, rows, spectrum, to_coefficients, X):
        rank = spectrum.values.shape[0]
        identity = add_to_diagonal(zeros((rank, rank), like=rows.y), 1.0)
        size = max(1, _BLOCK // X.shape[1])
        parts = []
        for start in range(0, max(rank, 1), size):  # rows that are all the same have rank 0
            coef = to_coefficients(identity[:, start : min(start + size, rank)])
            part = products(X, coef)
            parts.append(part if rows.mean is None else part - rows.mean @ coef)
        return concat(parts, axis=1)

    def _folds(self, rows, y, splits):
        for train, test in splits:
            weight = None if rows.weight is None else pick(rows.weight, train)
            part = RidgeRows(pick(rows.X, train), pick(y, train), weight, self.fit_intercept)
            spectrum, to_coefficients = part.spectrum()
            outward = self._outward(part, spectrum, to_coefficients, pick(rows.X, test))
            yield Fold.of(spectrum, part.y, outward)
