"""Self-distillation of networks that classify."""

import numpy as np
from scipy.special import softmax
from sklearn.utils.validation import column_or_1d

from skweight._core._callbacks import with_callbacks
from skweight._core._sklearn_compat import StrOptions, _fit_context
from skweight.distillation._self_distilled_net import SelfDistilledNet
from skweight.neural._base import checked_rows
from skweight.neural._classifier import LogitsMixin, NeuralClassifierMixin
from skweight.neural._docs import documented
from skweight.neural._parameters import store_parameters


@documented
class SelfDistilledMLPClassifier(LogitsMixin, SelfDistilledNet):
    r"""Classify by a network that learns from labels and from another one's probabilities.

    The first network is trained on the labels, each later one on a mixture of the labels and the
    probabilities of the one before [1]_. How much the labels weigh is found on rows that no network
    is trained on, by a formula that is exact for kernel methods and an estimate for networks: one
    more network for each step, instead of one for each weight of a grid.

    Parameters
    ----------
    n_steps : int, default=2
        Networks, at least 1; the first is the ordinary fit.
    ground_truth_weight : "auto", float or array-like of shape (n_steps - 1,), default="auto"
        Weight of the labels in the second step and later ones; "auto" finds it.
    weight_bounds : tuple of (float, float) or None, default=(0.0, 1.0)
        Lowest and highest weight that "auto" may find. None means any that the loss can do with.
    loss : {"squared_error", "log_loss"}, default="squared_error"
        What is trained: the squared error of probabilities, as in the paper, which takes any
        weights, or the cross-entropy, which takes those from 0 to 1.
    validation_fraction : float, default=0.1
        Share of the rows on which weights are found, between 0 and 1; every class has its share
        if there are enough rows.
    cv : splitter, iterable or None, default=None
        Its first split says which rows these are, such as ``PredefinedSplit(...)``. None draws
        `validation_fraction`.
    {neural_parameters}

    Attributes
    ----------
    ground_truth_weights_ : ndarray of shape (n_steps - 1,)
        Weights of the labels in the second step and later ones.
    validation_errors_ : ndarray of shape (n_steps,) or None
        Mean squared error of each step's probabilities on the rows held out; None if there are
        none.
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    {neural_attributes}

    See Also
    --------
    SelfDistilledMLPRegressor : The same for numbers.
    SelfDistillation : Of any estimator.
    SelfDistilledKernelRidgeClassifierCV : Of kernel methods, at the price of one.
    self_distillation_weights : The formula.

    Notes
    -----
    No rows are held out where weights are given. Then integer weights equal repeated rows, exactly
    so in float64 with all rows in one batch; where the weights of the labels are found, copies of a
    row may be on both sides. With an int as `random_state` all networks begin with the same
    weights.

    References
    ----------
    .. [1] K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance: Ground-Truth Targets Dampen
       Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skweight.distillation import SelfDistilledMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = SelfDistilledMLPClassifier(learning_rate_init=0.02, max_iter=40, random_state=0)
    >>> model = make_pipeline(StandardScaler(), net).fit(X, y)
    >>> model[-1].ground_truth_weights_.shape
    (1,)
    >>> model.score(X, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **SelfDistilledNet._parameter_constraints,
        "loss": [StrOptions({"squared_error", "log_loss"})],
    }

    def __init__(
        self,
        n_steps=2,
        *,
        ground_truth_weight="auto",
        weight_bounds=(0.0, 1.0),
        loss="squared_error",
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

    _places = NeuralClassifierMixin._places
    _logits = NeuralClassifierMixin._logits

    @property
    def _allowed(self):
        return (0.0, 1.0) if self.loss == "log_loss" else (-np.inf, np.inf)

    def _answers(self, X):
        return softmax(self._outputs(X), axis=1)

    def _criterion(self):
        from torch.nn import functional

        from skweight.losses._distillation_mse_torch import squared_error_of_probabilities
        from skweight.neural._net import RowMean

        squared = self.loss == "squared_error"
        return RowMean(squared_error_of_probabilities if squared else functional.cross_entropy)

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train one network after the other.

        Rows are used as they are: scale them in a Pipeline.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Labels of any type, two or more distinct ones.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means 1 for all.

        Returns
        -------
        SelfDistilledMLPClassifier
            The fitted estimator.

        See Also
        --------
        predict_proba : Probabilities by the last network.

        Examples
        --------
        >>> from skweight.distillation import SelfDistilledMLPClassifier
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], ["no", "no", "yes", "yes"]
        >>> net = SelfDistilledMLPClassifier(
        ...     ground_truth_weight=0.5, learning_rate_init=0.1, tol=0.01, random_state=0
        ... )
        >>> net.fit(X, y).predict([[2.0]])
        array(['yes'], dtype='<U3')
        """
        self._forget()
        X, y, weight = checked_rows(self, X, y, sample_weight, reset=True)
        y = column_or_1d(y, warn=True)
        positive = slice(None) if weight is None else weight > 0
        self._places(y[positive], None)
        kept, held = self._places_to_use(X, weight, y)
        used = np.concatenate([kept, held])
        X, y, weight = X[used], y[used], None if weight is None else weight[used]
        Z = np.eye(len(self.classes_))[np.searchsorted(self.classes_, y)]
        return self._distil(X, Z, weight, len(kept), seen=(X, y, weight))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
