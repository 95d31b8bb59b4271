"""What regressors of several steps do with targets of one or two dimensions."""

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skweight._core._array_api import float64_of, follow, namespace
from skweight._core._sklearn_compat import check_sample_weight

FLOATS = [np.float64, np.float32]


def matrix_of(y):
    """Return targets as a matrix."""
    xp = namespace(y)
    return xp.reshape(y, (-1, 1)) if y.ndim == 1 else y


class SelfDistilledRegressorMixin(MultiOutputMixin, RegressorMixin):
    """Check targets on the way in, and give predictions their shape on the way out."""

    def _checked(self, X, y, accept_sparse):
        """Return checked rows, and targets in float64 of shape (n, m)."""
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=accept_sparse,
            dtype=FLOATS,
            multi_output=True,
            y_numeric=True,
        )
        (y,) = follow(X, y)
        self._flat = y.ndim == 1
        return X, matrix_of(float64_of(y))

    def _checked_validation(self, X_val, y_val, sample_weight_val, n_targets, accept_sparse):
        """Return data held out, checked like the others, or None."""
        if X_val is None and y_val is None and sample_weight_val is None:
            return None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val must be given together, got one of them alone.")
        X_val = validate_data(self, X_val, accept_sparse=accept_sparse, dtype=FLOATS, reset=False)
        y_val = check_array(y_val, ensure_2d=False, dtype=FLOATS, input_name="y_val")
        (y_val,) = follow(X_val, y_val)
        y_val = matrix_of(float64_of(y_val))
        if y_val.shape != (X_val.shape[0], n_targets):
            raise ValueError(
                f"y_val must have {n_targets} target(s) for each of the {X_val.shape[0]} rows of "
                f"X_val, got shape {tuple(y_val.shape)}."
            )
        if sample_weight_val is not None:
            (sample_weight_val,) = follow(y_val, check_sample_weight(sample_weight_val, X_val))
        return X_val, y_val, sample_weight_val

    def _shaped(self, values):
        """Return values of shape (..., m) as the targets were given."""
        return values[..., 0] if self._flat else values

    def _decide(self, X, places):
        return [self._shaped(values) for values in super()._decide(X, places)]
