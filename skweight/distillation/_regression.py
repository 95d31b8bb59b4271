"""What regressors of several steps do with targets of one or two dimensions."""

from scipy import sparse
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skweight._core._array_api import float64_of, float_types, follow
from skweight.distillation._base import matrix_of


class SelfDistilledRegressorMixin(MultiOutputMixin, RegressorMixin):
    """Check targets on the way in, and predict them on the way out."""

    def _checked(self, X, y, sample_weight, accept_sparse):
        """Return checked rows, targets in float64 of shape (n, m), and weights of the rows."""
        if sparse.issparse(y):
            raise TypeError("y must be dense, got a sparse matrix; y.toarray() makes it so.")
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=accept_sparse,
            dtype=float_types(X),
            multi_output=True,
            y_numeric=True,
        )
        (y,) = follow(X, y)
        self._flat = y.ndim == 1
        return X, matrix_of(float64_of(y)), sample_weight

    def _held_out_targets(self, X_val, y_val, n_targets):
        """Return the targets of rows held out, shape (n_val, m)."""
        y_val = check_array(y_val, ensure_2d=False, dtype=float_types(y_val), input_name="y_val")
        (y_val,) = follow(X_val, y_val)
        y_val = matrix_of(float64_of(y_val))
        if y_val.shape != (X_val.shape[0], n_targets):
            raise ValueError(
                f"y_val must have {n_targets} target(s) for each of the {X_val.shape[0]} rows of "
                f"X_val, got shape {tuple(y_val.shape)}."
            )
        return y_val

    def predict(self, X, step=None):
        """Predict targets.

        Every step of the fit can predict, and so can the limit of infinitely many steps, where
        there is one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; with a precomputed kernel their kernel with the training rows.
        step : int or float or None, default=None
            Step from 1 to `n_steps`, or infinity for the limit. None means `best_step_`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions.

        Raises
        ------
        ValueError
            If there is no such step.

        See Also
        --------
        staged_predict : Predict targets by every step in turn.

        Examples
        --------
        >>> from skweight.distillation import SelfDistilledRidge
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
        >>> model = SelfDistilledRidge(alpha=1.0, n_steps=3, ground_truth_weight=0.5).fit(X, y)
        >>> steps = (1, 2, 3, float("inf"))
        >>> [float(model.predict([[3.0]], step=step)[0].round(2)) for step in steps]
        [2.75, 2.65, 2.6, 2.57]
        """
        return self._at_step(X, step, "predict")

    def staged_predict(self, X):
        """Predict targets by every step in turn.

        All steps share one pass over the rows, so that this costs little more than `predict`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; with a precomputed kernel their kernel with the training rows.

        Yields
        ------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions of the steps 1 to `n_steps`; of the last one alone, with "loo-joint".

        See Also
        --------
        predict : Predict targets by one step.

        Examples
        --------
        >>> from skweight.distillation import SelfDistilledRidge
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
        >>> model = SelfDistilledRidge(alpha=1.0, n_steps=3, ground_truth_weight=0.5).fit(X, y)
        >>> [float(values[0].round(2)) for values in model.staged_predict([[3.0]])]
        [2.75, 2.65, 2.6]
        """
        yield from self._at_every_step(X, "staged_predict")
