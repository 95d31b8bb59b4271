"""Ordering of quantiles as a step of a Pipeline."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import validate_data

from skweight._core._sklearn_compat import StrOptions, _fit_context
from skweight.quantile._noncross import find_anchor, order_rows


class NonCrossingTransformer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Put crossing quantiles into order, row by row.

    Columns are the quantiles of one forecast, lowest level first. Nothing is learned: `fit` checks
    the parameters, and `transform` works without it.

    Parameters
    ----------
    method : {"sort", "isotonic", "minmax"}, default="sort"
        Sorting each row, the nearest ordered row by least squares, or running extremes outward
        from the middle of the row. The first two never raise the pinball loss summed over levels;
        the third keeps every interval around the middle at least as wide as it was.
    quantiles : array-like of shape (n_quantiles,) or None, default=None
        The levels of the columns, strictly increasing in (0, 1). Only "minmax" needs them: it
        starts from the first level of at least 0.5 (the last level if there is none), and from
        column ``n_quantiles // 2`` where they are None.
    n_jobs : int or None, default=None
        Number of threads of "isotonic", None for one, -1 for as many as there are processors. The
        result does not depend on it.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Their names, where all of them are strings.

    See Also
    --------
    noncross_sort, noncross_isotonic, noncross_minmax : The same as functions, which allow infinite
        values too.

    Notes
    -----
    float32 stays float32. Infinite values and NaN are refused.

    References
    ----------
    .. [1] R. Fakoor, T. Kim, J. Mueller, A. J. Smola, R. J. Tibshirani, "Flexible Model
       Aggregation for Quantile Regression", Journal of Machine Learning Research 24(162), 2023.

    Examples
    --------
    >>> from skweight.quantile import NonCrossingTransformer
    >>> NonCrossingTransformer("isotonic").fit_transform([[1.0, 3.0, 2.0]])
    array([[1. , 2.5, 2.5]])
    """

    _parameter_constraints: dict = {
        "method": [StrOptions({"sort", "isotonic", "minmax"})],
        "quantiles": ["array-like", None],
        "n_jobs": [Integral, None],
    }

    def __init__(self, method="sort", quantiles=None, n_jobs=None):
        self.method = method
        self.quantiles = quantiles
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the parameters and the number of columns.

        Nothing is learned from `X`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_quantiles)
            Quantiles, lowest level first.
        y : None
            Ignored.

        Returns
        -------
        NonCrossingTransformer
            The transformer itself.

        Raises
        ------
        ValueError
            If `quantiles` are no levels, or not as many as the columns of `X`.

        See Also
        --------
        transform : What puts rows into order.

        Examples
        --------
        >>> from skweight.quantile import NonCrossingTransformer
        >>> NonCrossingTransformer().fit([[1.0, 3.0, 2.0]]).n_features_in_
        3
        """
        X = self._validate(X, reset=True)
        find_anchor(X.shape[1], self.quantiles)
        return self

    def transform(self, X):
        """Put each row into order.

        The input is never written to.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_quantiles)
            Quantiles, lowest level first.

        Returns
        -------
        ndarray of shape (n_samples, n_quantiles)
            The same with non-decreasing rows.

        See Also
        --------
        noncross_sort, noncross_isotonic, noncross_minmax : The functions behind it.

        Examples
        --------
        >>> from skweight.quantile import NonCrossingTransformer
        >>> NonCrossingTransformer("minmax").transform([[1.0, 3.0, 2.0]])
        array([[1., 3., 3.]])
        """
        X = self._validate(X, reset=False)
        return order_rows(X, self.method, self.quantiles, self.n_jobs)

    def _validate(self, X, reset):
        return validate_data(self, X, dtype=[np.float64, np.float32], reset=reset)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
