"""Networks whose weights are a bounded function of what is trained."""

from functools import partial
from numbers import Real

import numpy as np

from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.neural._base import BaseNeural
from skweight.neural._classifier import NeuralClassifier, NeuralClassifierMixin
from skweight.neural._docs import documented
from skweight.neural._parameters import NEURAL_CONSTRAINTS, store_parameters
from skweight.neural._regressor import NeuralRegressor, NeuralRegressorMixin

_CONSTRAINTS = {
    **NEURAL_CONSTRAINTS,
    "a": [Interval(Real, 0, None, closed="neither")],
    "b": [Interval(Real, 0, None, closed="neither")],
    "learn_compander": ["boolean"],
    "compander_learning_rate_init": [Interval(Real, 0, None, closed="neither"), None],
}
del _CONSTRAINTS["module"], _CONSTRAINTS["categorical_features"]


class _Companded:
    """The network, its weights, and a step size for their function."""

    module = None
    _made_by = (*BaseNeural._made_by, "a", "b", "learn_compander")

    @property
    def coefs_(self):
        """Weights of the layers.

        They are folded: what the network multiplies by.

        See Also
        --------
        intercepts_ : The biases.

        Examples
        --------
        >>> from skweight.optim import CompandedMLPClassifier
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [0, 0, 1, 1]
        >>> net = CompandedMLPClassifier((3,), a=2.0, tol=1.0, random_state=0).fit(X, y)
        >>> [weights.shape for weights in net.coefs_]
        [(1, 3), (3, 2)]
        """
        return [layer.folded().numpy().T.copy() for layer in self._layers("coefs_")]

    @property
    def intercepts_(self):
        """Biases of the layers.

        They are plain ones.

        See Also
        --------
        coefs_ : The weights.

        Examples
        --------
        >>> from skweight.optim import CompandedMLPClassifier
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [0, 0, 1, 1]
        >>> net = CompandedMLPClassifier((3,), a=2.0, tol=1.0, random_state=0).fit(X, y)
        >>> [biases.shape for biases in net.intercepts_]
        [(3,), (2,)]
        """
        return [layer.bias.numpy().copy() for layer in self._layers("intercepts_")]

    @property
    def compander_a_(self):
        """Heights of the function, by layer.

        They are `a`, unless they were learned.

        See Also
        --------
        compander_b_ : The widths.

        Examples
        --------
        >>> from skweight.optim import CompandedMLPClassifier
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [0, 0, 1, 1]
        >>> net = CompandedMLPClassifier((3,), a=2.0, tol=1.0, random_state=0).fit(X, y)
        >>> net.compander_a_
        array([2., 2.])
        """
        return np.array([float(layer.compander.a) for layer in self._layers("compander_a_")])

    @property
    def compander_b_(self):
        """Widths of the function, by layer.

        They are `b`, unless they were learned.

        See Also
        --------
        compander_a_ : The heights.

        Examples
        --------
        >>> from skweight.optim import CompandedMLPClassifier
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [0, 0, 1, 1]
        >>> net = CompandedMLPClassifier((3,), a=2.0, tol=1.0, random_state=0).fit(X, y)
        >>> net.compander_b_
        array([1., 1.])
        """
        return np.array([float(layer.compander.b) for layer in self._layers("compander_b_")])

    def _layers(self, name):
        """Return the layers in float64, as they predict."""
        if not hasattr(self, "net_"):
            raise AttributeError(f"{type(self).__name__} has {name} once fitted.")
        return self.net_.in_double().requires_grad_(False).companded_layers()

    def _module(self):
        from skweight.optim._compander_torch import CompandedMLP

        return partial(CompandedMLP, a=self.a, b=self.b, learnable=self.learn_compander)

    def _optimizer(self, torch):
        optimizer, options = super()._optimizer(torch)
        if self.learn_compander:
            rate = self.compander_learning_rate_init or self.learning_rate_init / 100
            own = ("*.compander.log_?", {"lr": rate, "weight_decay": 0.0})
            groups = options.get("optimizer__param_groups", ())
            options["optimizer__param_groups"] = [own, *groups]
        return optimizer, options


@documented
class CompandedMLPClassifier(_Companded, NeuralClassifierMixin, BaseNeural):
    r"""Classify by a network whose weights are bounded, as a function of what is trained.

    Every weight is :math:`a \arctan(v / b)` of a trained number v [1]_: none leaves
    :math:`\pm a \pi / 2`, and with a / b above 1 those near zero move faster.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int or int, default=(100,)
        Units of the hidden layers; () is a linear model.
    a : float, default=1.0
        Height of the function, above 0: weights are below ``a * pi / 2`` in absolute value. First
        weights beyond it are clipped, with a warning.
    b : float, default=1.0
        Its width, above 0; ``a / b`` is its slope at 0.
    learn_compander : bool, default=False
        Whether each layer learns its own a and b, beginning with these.
    compander_learning_rate_init : float or None, default=None
        Step size of that, above 0; None is a hundredth of `learning_rate_init`. Once a network is
        trained further, it changes in proportion to that.
    {neural_parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    coefs_ : list of ndarray of shape (n_inputs, n_outputs)
        Weights of the layers, as :class:`~sklearn.neural_network.MLPClassifier` has
        them. The last layer has an output for each class.
    intercepts_ : list of ndarray of shape (n_outputs,)
        Biases of the layers.
    compander_a_ : ndarray of shape (n_layers,)
        Heights by layer.
    compander_b_ : ndarray of shape (n_layers,)
        Widths by layer.
    {neural_attributes}

    See Also
    --------
    CompandedMLPRegressor : The same for numbers.
    WeightCompander : The function, with what is known of the paper.
    add_weight_compander : For a network of one's own.
    sklearn.neural_network.MLPClassifier : Without bounds.

    Notes
    -----
    All layers are companded, the last one, too; biases are not. `alpha` acts on v. Learned a and b
    have a group of parameters of their own, without decay, and stay positive.

    References
    ----------
    .. [1] R. Cakaj, J. Mehnert and B. Yang, "Weight Compander: A Simple Weight Reparameterization
       for Regularization", 2023, arXiv 2306.16993.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skweight.optim import CompandedMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = CompandedMLPClassifier((20,), a=0.6, b=0.3, learning_rate_init=0.02, tol=1e-3)
    >>> net.set_params(random_state=0).fit(X, y).score(X, y) > 0.95
    True
    >>> all((np.abs(weights) < 0.6 * np.pi / 2).all() for weights in net.coefs_)
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
        a=1.0,
        b=1.0,
        learn_compander=False,
        compander_learning_rate_init=None,
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
        class_weight=None,
        device="auto",
        dtype="auto",
        compile=False,
        amp=False,
        iterator_train=None,
        callbacks=None,
    ):
        store_parameters(self, locals())

    _criterion = NeuralClassifier._criterion


@documented
class CompandedMLPRegressor(_Companded, NeuralRegressorMixin, BaseNeural):
    r"""Predict numbers by a network whose weights are bounded, as a function of what is trained.

    Every weight is :math:`a \arctan(v / b)` of a trained number v [1]_: none leaves
    :math:`\pm a \pi / 2`, and with a / b above 1 those near zero move faster. Targets are
    standardised inside.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int or int, default=(100,)
        Units of the hidden layers; () is a linear model.
    a : float, default=1.0
        Height of the function, above 0: weights are below ``a * pi / 2`` in absolute value. First
        weights beyond it are clipped, with a warning.
    b : float, default=1.0
        Its width, above 0; ``a / b`` is its slope at 0.
    learn_compander : bool, default=False
        Whether each layer learns its own a and b, beginning with these.
    compander_learning_rate_init : float or None, default=None
        Step size of that, above 0; None is a hundredth of `learning_rate_init`. Once a network is
        trained further, it changes in proportion to that.
    {neural_parameters}

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_inputs, n_outputs)
        Weights of the layers, as :class:`~sklearn.neural_network.MLPRegressor` has
        them. Outputs are in standard deviations of y from its mean.
    intercepts_ : list of ndarray of shape (n_outputs,)
        Biases of the layers.
    compander_a_ : ndarray of shape (n_layers,)
        Heights by layer.
    compander_b_ : ndarray of shape (n_layers,)
        Widths by layer.
    {neural_attributes}

    See Also
    --------
    CompandedMLPClassifier : The same for labels.
    WeightCompander : The function, with what is known of the paper.
    add_weight_compander : For a network of one's own.
    sklearn.neural_network.MLPRegressor : Without bounds.

    Notes
    -----
    All layers are companded, the last one, too; biases are not. `alpha` acts on v. Learned a and b
    have a group of parameters of their own, without decay, and stay positive.

    References
    ----------
    .. [1] R. Cakaj, J. Mehnert and B. Yang, "Weight Compander: A Simple Weight Reparameterization
       for Regularization", 2023, arXiv 2306.16993.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skweight.optim import CompandedMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = CompandedMLPRegressor((20,), learning_rate_init=0.02, tol=0.01, random_state=0)
    >>> net.fit(X, y).score(X, y) > 0.4
    True
    """

    _parameter_constraints: dict = {**_CONSTRAINTS}

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        *,
        a=1.0,
        b=1.0,
        learn_compander=False,
        compander_learning_rate_init=None,
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

    _criterion = NeuralRegressor._criterion
