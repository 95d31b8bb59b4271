"""Networks with normalised layers, trained by optimisers that know of it."""

from functools import partial

from skweight._core._sklearn_compat import StrOptions
from skweight.neural._base import BaseNeural
from skweight.neural._classifier import NeuralClassifier
from skweight.neural._docs import documented
from skweight.neural._parameters import NEURAL_CONSTRAINTS, OPTIMIZERS, store_parameters
from skweight.neural._regressor import NeuralRegressor

_CONSTRAINTS = {
    **NEURAL_CONSTRAINTS,
    "norm": [StrOptions({"batch", "layer"}), None],
    "optimizer": [StrOptions({"adamp", "sgdp", *OPTIMIZERS}), callable],
}
del _CONSTRAINTS["module"]


class _Normalized:
    """The network and the optimisers."""

    module = None
    _made_by = (*BaseNeural._made_by, "norm")

    def _module(self):
        if self.norm is None:
            return super()._module()
        from skweight.optim._normalized_torch import normalized_mlp

        return partial(normalized_mlp, norm=self.norm)

    def _optimizer(self, torch):
        if self.optimizer not in ("adamp", "sgdp"):
            return super()._optimizer(torch)
        from skweight.optim._adamp_torch import SGDP, AdamP

        options = {} if self.optimizer == "adamp" else {"momentum": 0.9, "nesterov": True}
        options.update(self.optimizer_params or {})
        optimizer = AdamP if self.optimizer == "adamp" else SGDP
        return optimizer, {f"optimizer__{key}": value for key, value in options.items()}


@documented
class NormalizedMLPClassifier(_Normalized, NeuralClassifier):
    """Classify by a network with normalised layers, trained by AdamP or SGDP.

    Hidden layers are linear maps without biases, normalised before the activation; the last layer
    is plain. The norms of normalised layers' weights do not matter, but slow training down where
    they grow, which these optimisers prevent [1]_.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int or int, default=(100,)
        Units of the hidden layers; () is a linear model.
    norm : {"batch", "layer"} or None, default="batch"
        What follows the linear map of a hidden layer: batch normalisation with weighted moments
        (:class:`~skweight.neural.WeightedBatchNorm1d`), layer normalisation, or None, which is a
        plain network.
    optimizer : {"adamp", "sgdp", "adam", "adamw", "sgd", "rmsprop", "nadam", "radam"} or \
Optimizer class, default="adamp"
        How the weights are moved: :class:`AdamP`, :class:`SGDP`, or as in
        :class:`~skweight.neural.NeuralClassifier`. "sgdp" and "sgd" have Nesterov's momentum of .9.
    optimizer_params : dict or None, default=None
        More arguments of the optimizer, such as ``{"delta": 0.2, "weight_decay": 1e-2}``; this
        decay is decoupled, unlike `alpha`.
    {neural_parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights of a linear network. Only for ``hidden_layer_sizes=()``.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Its biases. Only for ``hidden_layer_sizes=()``.
    {neural_attributes}

    See Also
    --------
    NormalizedMLPRegressor : The same for numbers.
    EffectiveLearningRate : A callback that tells how norms and step lengths develop.
    skweight.neural.NeuralClassifier : With a module of one's own.

    Notes
    -----
    Integer weights equal repeated rows, exactly so in float64 with all rows in one batch, also with
    batch normalisation, whose moments are weighted. At prediction it uses running moments, of which
    a batch makes up a tenth: a few steps are not enough for them.

    References
    ----------
    .. [1] B. Heo, S. Chun, S. J. Oh, D. Han, S. Yun, G. Kim, Y. Uh and J.-W. Ha, "AdamP: Slowing
       Down the Slowdown for Momentum Optimizers on Scale-invariant Weights", ICLR 2021,
       arXiv 2006.08217.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skweight.optim import NormalizedMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NormalizedMLPClassifier((20,), learning_rate_init=0.02, tol=1e-3, random_state=0)
    >>> net.fit(X, y).score(X, y) > 0.95
    True
    """

    _parameter_constraints: dict = {
        **_CONSTRAINTS,
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        *,
        norm="batch",
        optimizer="adamp",
        optimizer_params=None,
        activation="relu",
        alpha=0.0,
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
        class_weight=None,
        device="auto",
        dtype="auto",
        compile=False,
        amp=False,
        categorical_features=None,
        iterator_train=None,
        callbacks=None,
    ):
        store_parameters(self, locals())


@documented
class NormalizedMLPRegressor(_Normalized, NeuralRegressor):
    """Predict numbers by a network with normalised layers, trained by AdamP or SGDP.

    Hidden layers are linear maps without biases, normalised before the activation; the last layer
    is plain. The norms of normalised layers' weights do not matter, but slow training down where
    they grow, which these optimisers prevent [1]_. Targets are standardised inside.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int or int, default=(100,)
        Units of the hidden layers; () is a linear model.
    norm : {"batch", "layer"} or None, default="batch"
        What follows the linear map of a hidden layer: batch normalisation with weighted moments
        (:class:`~skweight.neural.WeightedBatchNorm1d`), layer normalisation, or None, which is a
        plain network.
    optimizer : {"adamp", "sgdp", "adam", "adamw", "sgd", "rmsprop", "nadam", "radam"} or \
Optimizer class, default="adamp"
        How the weights are moved: :class:`AdamP`, :class:`SGDP`, or as in
        :class:`~skweight.neural.NeuralRegressor`. "sgdp" and "sgd" have Nesterov's momentum of .9.
    optimizer_params : dict or None, default=None
        More arguments of the optimizer, such as ``{"delta": 0.2, "weight_decay": 1e-2}``; this
        decay is decoupled, unlike `alpha`.
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
    NormalizedMLPClassifier : The same for labels.
    EffectiveLearningRate : A callback that tells how norms and step lengths develop.
    skweight.neural.NeuralRegressor : With a module of one's own.

    Notes
    -----
    What is said of :class:`NormalizedMLPClassifier` about weights and running moments holds here.

    References
    ----------
    .. [1] B. Heo, S. Chun, S. J. Oh, D. Han, S. Yun, G. Kim, Y. Uh and J.-W. Ha, "AdamP: Slowing
       Down the Slowdown for Momentum Optimizers on Scale-invariant Weights", ICLR 2021,
       arXiv 2006.08217.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skweight.optim import NormalizedMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = NormalizedMLPRegressor((20,), learning_rate_init=0.01, tol=0.01, random_state=0)
    >>> net.fit(X, y).score(X, y) > 0.4
    True
    """

    _parameter_constraints: dict = {**_CONSTRAINTS}

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        *,
        norm="batch",
        optimizer="adamp",
        optimizer_params=None,
        activation="relu",
        alpha=0.0,
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
        categorical_features=None,
        iterator_train=None,
        callbacks=None,
    ):
        store_parameters(self, locals())
