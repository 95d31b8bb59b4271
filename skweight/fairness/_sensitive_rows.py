"""Rows of estimators that keep protected attributes apart from what they predict by."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length, validate_data

from skweight._core._attributes import attributes_of, drop_columns, select_attributes
from skweight._core._sklearn_compat import check_sample_weight


@dataclass
class FitRows:
    """The rows of a fit, those of weight 0 left out.

    Attributes
    ----------
    X : {ndarray, CSR matrix} of shape (n, n_columns)
        The columns that enter the model.
    y : ndarray of shape (n,)
        Targets as they were given: numbers, or labels.
    weight : ndarray of shape (n,)
        Weights, above 0.
    attributes : list of Attribute or None
        The protected attributes of the same rows.
    used : ndarray of bool of shape (n_features_in_,)
        Which columns of the user's X enter the model.
    """

    X: object
    y: np.ndarray
    weight: np.ndarray
    attributes: list | None
    used: np.ndarray

    def warn_of_target(self, stacklevel):
        """Warn if an attribute is what has to be predicted."""
        for attribute in self.attributes:
            if attribute.values.ndim == 1 and _same(attribute, self.y):
                warnings.warn(
                    f"The attribute {attribute.name!r} is the target y: predictions can only be "
                    "independent of it by saying nothing about y.",
                    UserWarning,
                    stacklevel=stacklevel + 1,
                )


class SensitiveRows:
    """Check rows whose protected attributes are columns of X, or come beside it.

    A subclass has the parameters `sensitive_columns` and `drop_sensitive`, and a method
    `_checked_target`.
    """

    # What enters the model, as `check_array` wants it.
    _x_format = {"accept_sparse": "csr", "dtype": np.float64}

    def _fit_rows(self, X, y, sample_weight, sensitive_features, reset=True):
        """Check the input of fit, set the number and names of features, drop rows of weight 0."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        if sensitive_features is not None and self.sensitive_columns is not None:
            raise ValueError(
                "sensitive_features must be None where sensitive_columns names columns of X, got "
                "both."
            )
        attributes = None
        if self.sensitive_columns is None:
            X = validate_data(self, X, reset=reset, **self._x_format)
            used = np.ones(X.shape[1], dtype=bool)
            if sensitive_features is not None:
                attributes = attributes_of(sensitive_features)
        else:
            X, attributes, used = self._split_off(X, reset)
        y = self._checked_target(y)
        check_consistent_length(X, y)
        for attribute in attributes or ():
            if len(attribute.values) != X.shape[0]:
                raise ValueError(
                    f"sensitive_features must have one row for each of the {X.shape[0]} rows of "
                    f"X, got {len(attribute.values)}."
                )
        weight = check_sample_weight(sample_weight, X)
        kept = weight > 0
        if not kept.all():
            X, y, weight = X[kept], y[kept], weight[kept]
            attributes = attributes and [attribute.take(kept) for attribute in attributes]
        return FitRows(X, y, weight, attributes, used)

    def _split_off(self, X, reset):
        """Return the columns that enter the model, the attributes among X, and which entered."""
        if not _is_frame(X):
            X = check_array(
                _as_array(X),
                accept_sparse=self._x_format["accept_sparse"],
                dtype=None,
                ensure_all_finite=False,
                estimator=self,
                input_name="X",
            )
        validate_data(self, X, reset=reset, skip_check_array=True)
        attributes, mask = select_attributes(X, self.sensitive_columns)
        used = ~mask if self.drop_sensitive else np.ones(len(mask), dtype=bool)
        if not used.any():
            raise ValueError(
                "sensitive_columns must leave a column of X to predict from, got all of its "
                f"{len(mask)} feature(s)."
            )
        if not used.all():
            X = drop_columns(X, mask)
        return self._numeric(X), attributes, used

    def _numeric(self, X):
        return check_array(X, estimator=self, input_name="X", **self._x_format)

    def _prediction_columns(self, X):
        """Return checked columns, and which of the features they are where some are left out."""
        used = self._used_columns
        frame = _is_frame(X)
        if used.all() or not (frame or _is_text(X)):
            options = self._x_format
            if options["accept_sparse"]:
                options = {**options, "accept_sparse": ["csr", "csc"]}
            return validate_data(self, X, reset=False, **options), None
        if frame and _columns_are(X, getattr(self, "feature_names_in_", None), used):
            return self._numeric(X), used
        if not frame:
            X = check_array(
                _as_array(X), dtype=None, ensure_all_finite=False, estimator=self, input_name="X"
            )
        validate_data(self, X, reset=False, skip_check_array=True)
        return self._numeric(drop_columns(X, ~used)), used


def _is_frame(X):
    return hasattr(X, "columns") and hasattr(X, "shape")


def _is_text(X):
    """Tell whether an array may hold text, in columns that are not used."""
    return not sparse.issparse(X) and np.asarray(X).dtype.kind in "OUS"


def _as_array(X):
    """Return lists as an array in which text does not turn numbers into text."""
    if hasattr(X, "dtype"):
        return X
    array = np.asarray(X)
    return np.array(X, dtype=object) if array.dtype.kind in "US" else array


def _columns_are(X, names, used):
    return names is not None and list(X.columns) == list(names[used])


def _same(attribute, y):
    """Tell whether an attribute holds the values of the target, under whatever names if nominal."""
    values = attribute.values
    if attribute.kind == "numeric":
        return y.dtype.kind in "biuf" and np.array_equal(values, y)
    pairs = set(zip(values.tolist(), y.tolist()))
    one_to_one = len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    return one_to_one and 1 < len(pairs) < len(y)
