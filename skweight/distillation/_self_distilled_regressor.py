"""Self-distillation of networks that predict numbers."""

import numpy as np
from sklearn.utils.validation import column_or_1d

from skweight._core._callbacks import with_callbacks
from skweight._core._sklearn_compat import _fit_context
from skweight.distillation._self_distilled_net import SelfDistilledNet
from skweight.neural._base import checked_rows
from skweight.neural._docs import documented
from skweight.neural._parameters import store_parameters
from skweight.neural._regressor import TargetsMixin


@documented
class SelfDistilledMLPRegressor(TargetsMixin, SelfDistilledNet):
    r"""Predict numbers by a network that learns from targets and from another one's predictions.

    The first network is trained on the targets, each later one on a mixture of the targets and the
    predictions of the one before [1]_. How much the targets weigh is found on rows that no network
    is trained on, by a formula that is exact for kernel methods and an estimate for networks: one
    more network for each step, instead of one for each weight of a grid.

    Parameters
    ----------
    n_steps : int, default=2
        Networks, at least 1; the first is the ordinary fit.
    ground_truth_weight : "auto", float or array-like of shape (n_steps - 1,), default="auto"
        Weight of the targets in the second step and later ones, any number; "auto" finds it.
    weight_bounds : tuple of (float, float) or None, default=(0.0, 1.0)
        Lowest and highest weight that "auto" may find. None means any.
    validation_fraction : float, default=0.1
        Share of the rows on which weights are found, between 0 and 1.
    cv : splitter, iterable or None, default=None
        Its first split says which rows these are, such as ``PredefinedSplit(...)``. None draws
        `validation_fraction`.
    {neural_parameters}

    Attributes
    ----------
    ground_truth_weights_ : ndarray of shape (n_steps - 1,)
        Weights of the targets in the second step and later ones.
    validation_errors_ : ndarray of shape (n_steps,) or None
        Mean squared error of each step on the rows held out, in units of the variance of the
        targets; None if there are none.
    {neural_attributes}

    See Also
    --------
    SelfDistilledMLPClassifier : The same for labels.
    SelfDistillation : Of any estimator.
    SelfDistilledKernelRidgeCV : Of kernel methods, at the price of one.
    self_distillation_weights : The formula.

    Notes
    -----
    What is said of :class:`SelfDistilledMLPClassifier` about weights and random numbers holds here.
    Several targets have one weight.

    References
    ----------
    .. [1] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skweight.distillation import SelfDistilledMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = SelfDistilledMLPRegressor(learning_rate_init=0.01, max_iter=20, random_state=0)
    >>> model = make_pipeline(StandardScaler(), net).fit(X, y)
    >>> model[-1].ground_truth_weights_.shape
    (1,)
    >>> model.score(X, y) > 0.4
    True
    """

    _parameter_constraints: dict = {**SelfDistilledNet._parameter_constraints}

    def __init__(
        self,
        n_steps=2,
        *,
        ground_truth_weight="auto",
        weight_bounds=(0.0, 1.0),
        validation_fraction=0.1,
        cv=None,
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

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train one network after the other.

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
        SelfDistilledMLPRegressor
            The fitted estimator.

        See Also
        --------
        predict : Predictions by the last network.

        Examples
        --------
        >>> from skweight.distillation import SelfDistilledMLPRegressor
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [-2.0, -1.0, 1.0, 2.0]
        >>> net = SelfDistilledMLPRegressor(
        ...     ground_truth_weight=0.5, learning_rate_init=0.1, tol=0.01, random_state=0
        ... )
        >>> bool(net.fit(X, y).predict([[1.0]])[0] > 1)
        True
        """
        self._forget()
        X, y, weight = checked_rows(
            self, X, y, sample_weight, reset=True, multi_output=True, y_numeric=True
        )
        y = np.asarray(y, dtype=float)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        kept, held = self._places_to_use(X, weight, None)
        used = np.concatenate([kept, held])
        X, y, weight = X[used], y[used], None if weight is None else weight[used]
        Z = self._standardised(y, weight)
        return self._distil(X, Z, weight, len(kept), seen=(X, y, weight))
