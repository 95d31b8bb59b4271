"""Regression by networks."""

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import column_or_1d

from skweight._core._callbacks import with_callbacks
from skweight._core._moments import root_mean_square
from skweight._core._sklearn_compat import _fit_context
from skweight.neural._base import BaseNeural, checked_rows, positive_rows
from skweight.neural._docs import documented
from skweight.neural._linear import LinearNetMixin
from skweight.neural._parameters import NEURAL_CONSTRAINTS, store_parameters


class TargetsMixin(MultiOutputMixin, RegressorMixin):
    """Targets in units of their standard deviation on the way in, in their own on the way out."""

    def _scaled(self, X, y, sample_weight, reset=True):
        """Return rows of positive weight, their targets, these standardised, and weights."""
        X, y, weight = checked_rows(
            self, X, y, sample_weight, reset=reset, multi_output=True, y_numeric=True
        )
        y = np.asarray(y, dtype=float)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        X, weight, y = positive_rows(self, X, weight, y)
        return X, y, self._standardised(y, weight, reset), weight

    def _standardised(self, y, weight, reset=True):
        """Return targets, one column each, in units of their deviations; set these."""
        Y = y.reshape(len(y), -1)
        if reset and not (self.warm_start and hasattr(self, "net_")):
            mean = np.average(Y, axis=0, weights=weight)
            largest = np.abs(Y - mean).max(axis=0)
            constant = largest <= 10 * np.finfo(float).eps * np.abs(mean)
            scale = np.where(constant, 1.0, root_mean_square(Y - mean, weight))
            self._moments = mean, scale, y.ndim == 1
        mean, scale, _ = self._moments
        if Y.shape[1] != len(mean):
            raise ValueError(
                f"y must have {len(mean)} target(s) as before, got {Y.shape[1]}: set "
                "warm_start=False."
            )
        return (Y - mean) / scale

    def predict(self, X):
        """Predict targets.

        They are in the unit of those of `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions.

        See Also
        --------
        fit : Train a network.

        Examples
        --------
        >>> from skweight.neural import NeuralRegressor
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [-2.0, -1.0, 1.0, 2.0]
        >>> net = NeuralRegressor((), learning_rate_init=0.05, n_iter_no_change=50, random_state=0)
        >>> net.fit(X, y).predict([[0.75]]).round(1)
        array([1.5])
        """
        outputs = self._outputs(self._checked_X(X))
        mean, scale, flat = self._moments
        values = mean + scale * outputs
        return values[:, 0] if flat else values

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class NeuralRegressorMixin(TargetsMixin):
    """Training on targets, at once or pass by pass."""

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train a network.

        Targets are standardised inside. Rows are used as they are: scale them in a Pipeline.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means 1 for all.

        Returns
        -------
        estimator
            The fitted estimator.

        See Also
        --------
        partial_fit : Train for one pass more.

        Examples
        --------
        >>> from skweight.neural import NeuralRegressor
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [-2.0, -1.0, 1.0, 2.0]
        >>> net = NeuralRegressor((), learning_rate_init=0.05, n_iter_no_change=50, random_state=0)
        >>> float(net.fit(X, y).predict([[0.75]])[0].round(1))
        1.5
        """
        if not self.warm_start:
            self._forget()
        X, y, Z, weight = self._scaled(X, y, sample_weight)
        return self._train(X, [Z], weight, Z.shape[1], seen=(X, y, weight))

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one pass over the rows, on top of what was learned before.

        The unit of the targets is that of the first call.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0.

        Returns
        -------
        estimator
            The fitted estimator.

        See Also
        --------
        fit : Train until the loss stops falling.

        Examples
        --------
        >>> from skweight.neural import NeuralRegressor
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [-2.0, -1.0, 1.0, 2.0]
        >>> net = NeuralRegressor((), learning_rate_init=0.05, n_iter_no_change=50, random_state=0)
        >>> for _ in range(20):
        ...     net = net.partial_fit(X, y)
        >>> net.n_iter_
        20
        """
        X, y, Z, weight = self._scaled(X, y, sample_weight, reset=not hasattr(self, "net_"))
        return self._train(X, [Z], weight, Z.shape[1], seen=(X, y, weight), incremental=True)


@documented
class NeuralRegressor(LinearNetMixin, NeuralRegressorMixin, BaseNeural):
    """Predict numbers by a network of torch, trained by skorch.

    It has the words of :class:`~sklearn.neural_network.MLPRegressor`, and what that lacks: sample
    weights, a GPU, networks and optimisers of one's own, categorical features, and early stopping
    on rows of one's choice. The loss is the squared error, in units of the targets' weighted
    standard deviation, so that step size and penalty mean the same whatever the unit. Integer
    weights equal repeated rows, exactly so in float64 with all rows in one batch.

    Parameters
    ----------
    {neural_parameters}

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Weights of a linear network. Only for ``hidden_layer_sizes=()``.
    intercept_ : float or ndarray of shape (n_targets,)
        Its biases. Only for ``hidden_layer_sizes=()``.
    {neural_attributes}

    See Also
    --------
    NeuralClassifier : The same for labels.
    skweight.neural.ResidualMLP : A deeper network for its `module`.
    sklearn.neural_network.MLPRegressor : Without torch.

    Notes
    -----
    What is said of :class:`NeuralClassifier` about pickles, random numbers and threads holds here.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skweight.neural import NeuralRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = NeuralRegressor(max_iter=30, early_stopping=True, random_state=0)
    >>> model = make_pipeline(StandardScaler(), net).fit(X, y)
    >>> model.score(X, y) > 0.4
    True
    """

    _parameter_constraints: dict = {**NEURAL_CONSTRAINTS}

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        *,
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
        module=None,
        categorical_features=None,
        iterator_train=None,
        callbacks=None,
    ):
        store_parameters(self, locals())

    def _criterion(self):
        from torch.nn import functional

        from skweight.neural._net import RowMean

        return RowMean(functional.mse_loss)
