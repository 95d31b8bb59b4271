"""Transformation by networks: an autoencoder."""

from functools import partial
from numbers import Integral

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skweight._core._callbacks import with_callbacks
from skweight._core._sklearn_compat import Interval, _fit_context, check_sample_weight
from skweight.neural._base import BaseNeural, positive_rows
from skweight.neural._docs import documented
from skweight.neural._parameters import NEURAL_CONSTRAINTS, store_parameters


@documented
class NeuralTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseNeural):
    """Learn a few numbers for each row, from which the row can be rebuilt: an autoencoder.

    An encoder with the given hidden layers leads to `n_components` numbers, a decoder with the
    same layers in reverse leads back; both learn by the squared error of what comes out [1]_.
    Without hidden layers the code spans the space of the first principal components. Integer
    weights equal repeated rows, exactly so in float64 with all rows in one batch.

    Parameters
    ----------
    n_components : int, default=2
        Numbers of the code, at least 1.
    {neural_parameters}

    Attributes
    ----------
    {neural_attributes}

    See Also
    --------
    NeuralRegressor : Networks that predict numbers.
    sklearn.decomposition.PCA : The best linear code, exactly.

    Notes
    -----
    Rows are used as they are: scale them in a Pipeline. What is said of :class:`NeuralClassifier`
    about pickles, random numbers and threads holds here.

    References
    ----------
    .. [1] G. E. Hinton and R. R. Salakhutdinov, "Reducing the Dimensionality of Data with Neural
       Networks", Science 313, 504-507, 2006.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skweight.neural import NeuralTransformer
    >>> X = StandardScaler().fit_transform(load_iris().data)
    >>> encoder = NeuralTransformer(2, learning_rate_init=0.01, random_state=0).fit(X)
    >>> encoder.transform(X).shape
    (150, 2)
    >>> float(((encoder.inverse_transform(encoder.transform(X)) - X) ** 2).mean()) < 0.1
    True
    """

    _parameter_constraints: dict = {
        **NEURAL_CONSTRAINTS,
        "n_components": [Interval(Integral, 1, None, closed="left")],
    }
    # The parameters of its encoder are those of its decoder.
    del _parameter_constraints["module"], _parameter_constraints["categorical_features"]
    module = None

    def __init__(
        self,
        n_components=2,
        *,
        hidden_layer_sizes=(100,),
        activation="relu",
        optimizer="adam",
        optimizer_params=None,
        alpha=1e-4,
        batch_size="auto",
        learning_rate_init=1e-3,
        max_iter=200,
        shuffle=True,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        cv=None,
        warm_start=False,
        random_state=None,
        device="auto",
        dtype="auto",
        compile=False,
        amp=False,
        iterator_train=None,
        callbacks=None,
    ):
        store_parameters(self, locals())

    def _criterion(self):
        from torch.nn import functional

        from skweight.neural._net import RowMean

        return RowMean(functional.mse_loss)

    def _module(self):
        from skweight.neural._modules import Autoencoder

        return partial(Autoencoder, n_components=self.n_components)

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Train the encoder and the decoder.

        Labels are not used.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means 1 for all.

        Returns
        -------
        NeuralTransformer
            The fitted estimator.

        See Also
        --------
        partial_fit : Train for one pass more.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.neural import NeuralTransformer
        >>> X = load_iris().data
        >>> encoder = NeuralTransformer(2, max_iter=30, tol=0.1, random_state=0)
        >>> encoder.fit(X).n_features_in_
        4
        """
        if not self.warm_start:
            self._forget()
        return self._train_rows(X, sample_weight, reset=True)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Train for one pass over the rows, on top of what was learned before.

        There is no stopping rule here: the caller decides how often to call it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0.

        Returns
        -------
        NeuralTransformer
            The fitted estimator.

        See Also
        --------
        fit : Train until the loss stops falling.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.neural import NeuralTransformer
        >>> X = load_iris().data
        >>> encoder = NeuralTransformer(2, max_iter=30, tol=0.1, random_state=0)
        >>> encoder.partial_fit(X).partial_fit(X).n_iter_
        2
        """
        return self._train_rows(X, sample_weight, reset=not hasattr(self, "net_"), incremental=True)

    def _train_rows(self, X, sample_weight, reset, incremental=False):
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=reset)
        weight = None if sample_weight is None else check_sample_weight(sample_weight, X)
        X, weight = positive_rows(self, X, weight)
        targets = [X.toarray() if hasattr(X, "toarray") else X]
        return self._train(
            X, targets, weight, X.shape[1], seen=(X, None, weight), incremental=incremental
        )

    def transform(self, X):
        """Return the codes of rows.

        They are computed in float64, in blocks of bounded memory.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Codes.

        See Also
        --------
        inverse_transform : From codes to rows.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.neural import NeuralTransformer
        >>> X = load_iris().data
        >>> encoder = NeuralTransformer(2, max_iter=30, tol=0.1, random_state=0)
        >>> encoder.fit(X).transform(X).shape
        (150, 2)
        """
        return self._outputs(self._checked_X(X), part="encoder")

    def inverse_transform(self, X):
        """Rebuild rows from their codes.

        It is the decoder alone.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            What the rows may have been.

        See Also
        --------
        transform : From rows to codes.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.neural import NeuralTransformer
        >>> X = load_iris().data
        >>> encoder = NeuralTransformer(2, max_iter=30, tol=0.1, random_state=0)
        >>> encoder.fit(X).inverse_transform([[0.0, 0.0]]).shape
        (1, 4)
        """
        check_is_fitted(self)
        X = check_array(X, dtype=[np.float64, np.float32])
        if X.shape[1] != self._n_features_out:
            raise ValueError(
                f"X must hold codes of {self._n_features_out} number(s), got {X.shape[1]}."
            )
        return self._outputs(X, part="decoder")

    @property
    def _n_features_out(self):
        return self.module_.encoder[-1].out_features

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = []
        return tags
