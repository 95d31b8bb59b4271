"""What fair networks share: attributes of the rows, and what depending on them costs."""

import warnings
from numbers import Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skweight._core._sklearn_compat import Interval
from skweight.fairness._glm_base import SHARED_CONSTRAINTS
from skweight.fairness._held_out import counts
from skweight.fairness._sensitive import SensitiveEncoder
from skweight.fairness._sensitive_rows import SensitiveRows
from skweight.neural._parameters import NEURAL_CONSTRAINTS

FAIR_CONSTRAINTS = {
    "fairness_alpha": [Interval(Real, 0, None, closed="left")],
    **{
        name: SHARED_CONSTRAINTS[name]
        for name in (
            "measure",
            "statistic",
            "c",
            "sensitive_columns",
            "drop_sensitive",
            "sensitive_types",
            "nominal_metric",
            "missing",
            "scale",
        )
    },
    **NEURAL_CONSTRAINTS,
}
# Places of columns would be those among the columns that the network sees.
del FAIR_CONSTRAINTS["categorical_features"]


class FairNeural(SensitiveRows):
    """A network whose loss has the dependence of predictions on attributes added.

    It stands before a network of `skweight.neural`, whose criterion it extends. A subclass has
    `_response`, which makes of outputs what is to be independent, and `_unit`, what a strength is
    multiplied by since the net's loss and response have other units than the user's.
    """

    # The penalty of a block of rows takes the square of their number.
    _valid_batch_rows = 1024
    _x_format = {"accept_sparse": "csr", "dtype": [np.float64, np.float32]}

    def _rows_to_train(self, X, y, sample_weight, sensitive_features, reset):
        """Return checked rows, of which the net sees the columns that are used, and weights."""
        rows = self._fit_rows(X, y, sample_weight, sensitive_features, reset)
        if not reset and not np.array_equal(rows.used, self._used_columns):
            raise ValueError(
                "sensitive_columns must select the same columns of X in every call of partial_fit, "
                f"got {np.flatnonzero(~rows.used)} after {np.flatnonzero(~self._used_columns)}."
            )
        self._used_columns = rows.used
        return rows, None if sample_weight is None else rows.weight

    def _train_fairly(self, rows, targets, weight, n_out, *, incremental, **options):
        """Train the net, attributes being one more target."""
        self._widths = None
        if rows.attributes is None:
            warnings.warn(
                f"This {type(self).__name__} knows no protected attributes and is a plain network: "
                "give sensitive_columns, or sensitive_features to fit.",
                UserWarning,
                stacklevel=2,
            )
            if not incremental or not hasattr(self, "sensitive_encoder_"):
                self.sensitive_encoder_ = None
        else:
            blocks = self._encoded_attributes(rows, incremental)
            self._widths = [block.shape[1] for block in blocks]
            targets = [*targets, np.hstack(blocks)]
            self._count = self._count_of(weight, len(rows.y))
        return self._train(rows.X, targets, weight, n_out, incremental=incremental, **options)

    def _encoded_attributes(self, rows, incremental):
        """Return attributes as blocks of numbers; levels and scales are those of the first call."""
        if not incremental or getattr(self, "sensitive_encoder_", None) is None:
            self.sensitive_encoder_ = SensitiveEncoder(
                types=self.sensitive_types,
                nominal_metric=self.nominal_metric,
                missing=self.missing,
                scale=self.scale,
            ).fit(rows.attributes, rows.weight)
        rows.warn_of_target(stacklevel=2)
        return self.sensitive_encoder_.transform(rows.attributes)

    def _renew(self):
        self.net_.criterion_ = self._criterion()  # perhaps of another strength

    def _plain_criterion(self):
        return super()._criterion()

    def _criterion(self):
        loss = self._plain_criterion()
        if self._widths is None:
            return loss
        from skweight.fairness._neural_torch import DistanceCovarianceLoss, Penalised

        return Penalised(
            loss,
            self.fairness_alpha * self._unit(),
            DistanceCovarianceLoss(self.measure, self.statistic, self.c),
            self._response(),
            self._widths,
            self._count,
        )

    def _count_of(self, weight, n):
        """Return what weights are multiplied by to count rows; warn if batches have too few."""
        factor, rows = 1.0, n
        if weight is not None:
            counted = counts(weight).sum()
            factor, rows = counted / weight.sum(), counted
        batch = rows * self._batch_rows(n) / n
        if self.statistic == "U" and self.fairness_alpha > 0 and not batch > 3:
            warnings.warn(
                f"statistic='U' needs weights that sum to more than 3 in a batch, got {batch:.3g}, "
                "and nothing is penalised: raise batch_size.",
                UserWarning,
                stacklevel=2,
            )
        return factor

    def _checked_X(self, X):
        """Return the columns of rows to predict for that the net sees, checked."""
        check_is_fitted(self)
        X, used = self._prediction_columns(X)
        return X if used is not None or self._used_columns.all() else X[:, self._used_columns]

    @property
    def coef_(self):
        """Weights of a linear network, as the linear models of scikit-learn have them.

        They are exactly 0 for columns that were kept out.

        Returns
        -------
        ndarray of shape (n_features,), (1, n_features) or (n_classes, n_features)
            For a regressor, a classifier of two classes, and one of more.

        See Also
        --------
        intercept_ : Its biases.

        Examples
        --------
        >>> from skweight.fairness import FairNeuralRegressor
        >>> X, y = [["a", 0.0], ["b", 1.0], ["a", 2.0], ["b", 3.0]], [0.0, 1.0, 2.0, 3.0]
        >>> model = FairNeuralRegressor(hidden_layer_sizes=(), sensitive_columns=[0])
        >>> model.partial_fit(X, y).coef_.shape
        (2,)
        """
        coef = super().coef_
        full = np.zeros((*coef.shape[:-1], len(self._used_columns)))
        full[..., self._used_columns] = coef
        return full

    def _reconstruction(self):
        names = ("_used_columns", "_glm_loss")
        mine = {name: getattr(self, name) for name in names if hasattr(self, name)}
        return {**super()._reconstruction(), **mine}
