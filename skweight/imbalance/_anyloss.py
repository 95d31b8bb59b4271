"""Classification that is trained for a metric of the confusion matrix."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skweight._core._callbacks import FitTask
from skweight._core._sklearn_compat import Interval, StrOptions
from skweight.imbalance._anyloss_linear import LinearNet, LinearRows
from skweight.losses._confusion_metrics import METRICS, check_metric, metric_function
from skweight.neural._base import BaseNeural
from skweight.neural._classifier import NeuralClassifierMixin
from skweight.neural._docs import documented
from skweight.neural._parameters import (
    NEURAL_CONSTRAINTS,
    OPTIMIZERS,
    layer_sizes,
    store_parameters,
)
from skweight.neural._training import Progress

# What a linear model, which torch has no part in, can do with the parameters of networks.
_LINEAR_OPTIONS = {
    "optimizer": ("auto", "sgd", "adam"),
    "optimizer_params": (None,),
    "early_stopping": (False,),
    "device": ("auto", "cpu"),
    "dtype": ("auto", "float64"),
    "compile": (False,),
    "amp": (False,),
    "iterator_train": (None,),
    "callbacks": (None,),
}


@documented
class AnyLossClassifier(NeuralClassifierMixin, BaseNeural):
    """Classify by a model that is trained for F1, the G-mean or another metric.

    The metric is computed from soft decisions, which have a gradient [1]_. One fit does what
    otherwise takes class weights or a search for a threshold. The model is linear, and then needs
    no torch, or a network.

    Parameters
    ----------
    metric : str or callable, default="f1"
        What to maximise: "accuracy", "balanced_accuracy" (mean recall), "f1", "fbeta", "gmean"
        (geometric mean of the recalls), "jaccard" or "mcc" (Matthews' correlation). For more than
        two classes "f1", "fbeta" and "jaccard" are means over classes. A callable takes true
        positives, false negatives, false positives and true negatives, which are numbers for two
        classes, else with an entry for each class, and returns a number; it may use arithmetic
        only, which numpy and, for networks, torch understand. A model with a lambda cannot be
        pickled.
    beta : float, default=1.0
        Of "fbeta": how many times as important recall is as precision, at least 0.
    amplification : float, default=73.0
        Steepness of the soft decisions, above 0.
    pos_label : label or None, default=None
        The positive class of two. None means ``classes_[1]``.
    fit_intercept : bool, default=True
        Whether a linear model has a constant.
    hidden_layer_sizes : tuple of int or int, default=()
        Units of the hidden layers; () is a linear model, fitted without torch.
    optimizer : {"auto", "adam", "adamw", "sgd", "rmsprop", "nadam", "radam"} or Optimizer class, \
default="auto"
        How the weights are moved. "auto" is "sgd" for a linear model, "adam" for a network. Linear
        models know these two, "sgd" as plain gradient descent; in networks it has Nesterov's
        momentum of .9.
    batch_size : int or None, default=None
        Rows of a step; None means all rows, which is what the metric is about. Smaller batches are
        stratified. They are fewer, and larger, where a class would not have a row in each.
    {neural_parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights of a linear model. Only for ``hidden_layer_sizes=()``.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Its constants. Only for ``hidden_layer_sizes=()``.
    {neural_attributes}

    See Also
    --------
    skweight.losses.anyloss : The loss, for arrays.
    skweight.losses.AnyLoss : The loss as a module of torch.
    sklearn.model_selection.TunedThresholdClassifierCV : Search for a threshold instead.

    Notes
    -----
    Probabilities p are the sigmoid or softmax of scores. The soft decision for the second of two
    classes is ``1 / (1 + exp(-L (p - 1/2)))``, for more classes the softmax of ``L p / 2``, where L
    is the amplification. The loss is 1 minus the metric of their sums. ``alpha / 2 * ||W||^2`` over
    the sum of weights is added.

    Rows of which the model is sure have no gradient, also where they are wrong. So training starts
    near equal probabilities (a `module` must see to that itself), and features need a common
    scale: put a `StandardScaler` before it. The loss is not convex, and where it ends depends on
    the steps: those of Adam, at first equally long in all coordinates, often lead a linear model
    astray. Nothing in the loss rewards calibrated probabilities: where they matter, wrap the model
    in a `CalibratedClassifierCV`.

    Linear models are fitted in float64 and take of the networks' parameters those that mean
    something without torch; others must be left as they are. Their `net_` and `module_` are an
    object of numpy. `class_weight` multiplies the weights of rows, and so changes the metric.

    References
    ----------
    .. [1] D. Han, N. Moniz and N. V. Chawla, "AnyLoss: Transforming Classification Metrics into
       Loss Functions", 2024, arXiv 2405.14745.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.metrics import f1_score
    >>> from skweight.imbalance import AnyLossClassifier
    >>> X, y = make_classification(500, weights=[0.9], flip_y=0.1, random_state=1)
    >>> for model in (LogisticRegression(), AnyLossClassifier("f1")):
    ...     print(round(f1_score(y, model.fit(X, y).predict(X)), 2))
    0.59
    0.68
    """

    _parameter_constraints: dict = {
        **NEURAL_CONSTRAINTS,
        "metric": [StrOptions(set(METRICS)), callable],
        "beta": [Interval(Real, 0, None, closed="left")],
        "amplification": [Interval(Real, 0, None, closed="neither")],
        "pos_label": [Real, str, "boolean", None],
        "fit_intercept": ["boolean"],
        "optimizer": [StrOptions({"auto", *OPTIMIZERS}), callable],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }
    del _parameter_constraints["categorical_features"]
    # A metric of all rows held out is no mean over batches.
    _valid_batch_rows = -1

    def __init__(
        self,
        metric="f1",
        *,
        beta=1.0,
        amplification=73.0,
        pos_label=None,
        fit_intercept=True,
        hidden_layer_sizes=(),
        optimizer="auto",
        batch_size=None,
        activation="relu",
        optimizer_params=None,
        alpha=0.0,
        learning_rate_init=0.02,
        max_iter=2000,
        shuffle=True,
        tol=1e-5,
        n_iter_no_change=50,
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
        module=None,
        iterator_train=None,
        callbacks=None,
    ):
        store_parameters(self, locals())

    @property
    def coef_(self):
        """Weights of a linear model.

        They have the shape that those of scikit-learn's linear models have.

        See Also
        --------
        intercept_ : The constants.

        Examples
        --------
        >>> from skweight.imbalance import AnyLossClassifier
        >>> model = AnyLossClassifier("gmean").fit([[-1.0], [0.0], [1.0]], [0, 0, 1])
        >>> model.coef_.shape
        (1, 1)
        """
        return self._linear_net("coef_").coef

    @property
    def intercept_(self):
        """Constants of a linear model.

        They have the shape that those of scikit-learn's linear models have.

        See Also
        --------
        coef_ : The weights.

        Examples
        --------
        >>> from skweight.imbalance import AnyLossClassifier
        >>> model = AnyLossClassifier(fit_intercept=False)
        >>> model.fit([[-1.0], [0.5], [1.0]], [0, 0, 1]).intercept_
        array([0.])
        """
        return self._linear_net("intercept_").intercept

    # ---------------------------------------------------------------- training

    @property
    def _needs_torch(self):
        """Whether it is a network: a linear model is one of numpy."""
        return self.module is not None or layer_sizes(self.hidden_layer_sizes) != ()

    def _train_classes(self, X, y, places, weight, *, incremental=False):
        check_metric(self.metric, self.beta, self.amplification)
        self._check_batch_size()
        if not incremental:
            self._check_weights(places, weight)
        linear = not self._needs_torch
        goes_on = hasattr(self, "net_") and (incremental or self.warm_start)
        if goes_on and isinstance(self.net_, LinearNet) != linear:
            raise ValueError(
                "warm_start and partial_fit go on with a linear model or with a network, got "
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} and module={self.module!r} for "
                "the other: set warm_start=False."
            )
        if not linear:
            if not self.fit_intercept:
                raise ValueError(
                    "fit_intercept=False is for linear models, got hidden_layer_sizes="
                    f"{self.hidden_layer_sizes!r} and module={self.module!r}."
                )
            return super()._train_classes(X, y, places, weight, incremental=incremental)
        self._check_options(incremental)
        self._check_linear_options()
        shape = (X.shape[1], len(self.classes_), ())
        if goes_on:
            self._check_same(shape)
            self.net_.go_on(self.optimizer == "adam", self.learning_rate_init, self.alpha)
        else:
            self._build_linear(shape)
        try:
            self._train_linear(X, y, LinearRows(X, places, weight), incremental)
        except BaseException:
            if not goes_on:
                self._forget()
            raise
        return self

    def _train_linear(self, X, y, rows, incremental):
        if incremental:
            self._epochs((rows, None), 1, None)
            return
        metadata = None if rows.weight is None else {"sample_weight": rows.weight}
        with FitTask.root(self, X, y, metadata, max_subtasks=self.max_iter) as task:
            self._epochs((rows, None), self.max_iter, task)
        start = self.loss_curve_[-self.n_iter_]
        if self.loss_ >= start and self.net_.is_stuck(rows.X):
            warnings.warn(
                "No row moves the loss any more, which is not below its start: scale X, or lower "
                f"learning_rate_init={self.learning_rate_init}.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _build_linear(self, shape):
        n_features, n_classes, _ = shape
        self.net_ = LinearNet(
            n_features,
            n_classes,
            metric=metric_function(self.metric, self.beta, self._positive()),
            amplification=self.amplification,
            alpha=self.alpha,
            adam=self.optimizer == "adam",
            learning_rate=self.learning_rate_init,
            fit_intercept=self.fit_intercept,
            batch_size=self.batch_size,
            shuffle=self.shuffle,
            seed=check_random_state(self.random_state).randint(2**31 - 1),
        )
        self._shape = shape
        self._progress, self._begun_with = Progress(), {}
        for name in ("t_", "n_iter_"):
            self.__dict__.pop(name, None)

    def _criterion(self):
        from skweight.losses import AnyLoss

        return AnyLoss(
            self.metric,
            beta=self.beta,
            amplification=self.amplification,
            pos_label=self._positive(),
        )

    def _batches(self):
        from skweight.imbalance._anyloss_torch import StratifiedBatches

        return StratifiedBatches

    def _module(self):
        from skweight.imbalance._anyloss_torch import undecided_mlp

        return undecided_mlp

    def _optimizer(self, torch):
        if self.optimizer != "auto":
            return super()._optimizer(torch)
        options = {"fused": True, **(self.optimizer_params or {})}
        return torch.optim.Adam, {f"optimizer__{key}": value for key, value in options.items()}

    # ---------------------------------------------------------------- options

    def _positive(self):
        """Return the place of the positive class of two."""
        if self.pos_label is None:
            return 1
        if len(self.classes_) > 2:
            raise ValueError(
                f"pos_label is for two classes, got {self.pos_label!r} with {len(self.classes_)}."
            )
        (found,) = np.nonzero(self.classes_ == self.pos_label)
        if not len(found):
            raise ValueError(
                f"pos_label={self.pos_label!r} is none of the classes {self.classes_}."
            )
        return int(found[0])

    def _check_linear_options(self):
        for name, allowed in _LINEAR_OPTIONS.items():
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(
                    f"{name}={value!r} is for networks: with hidden_layer_sizes=() it must be "
                    f"{' or '.join(map(repr, allowed))}."
                )

    def _check_batch_size(self):
        K = len(self.classes_)
        if self.batch_size is not None and self.batch_size < K:
            raise ValueError(
                f"batch_size must be at least the number of classes, {K}, so that batches have "
                f"rows of each, got {self.batch_size}."
            )

    def _check_weights(self, places, weight):
        sums = np.bincount(places, weight, minlength=len(self.classes_))
        if not sums.all():
            raise ValueError(
                "class_weight must give every class a weight above 0, got 0 for "
                f"{self.classes_[sums == 0]}."
            )

    # ---------------------------------------------------------------- prediction

    def _linear_net(self, name):
        net = self.__dict__.get("net_")
        if not isinstance(net, LinearNet):
            raise AttributeError(
                f"{type(self).__name__} has {name} once fitted with hidden_layer_sizes=() and "
                "without module."
            )
        return net

    def _outputs(self, X):
        check_is_fitted(self)
        if not isinstance(self.net_, LinearNet):
            return super()._outputs(X)
        scores = self.net_.scores(X.astype(np.float64, copy=False))
        return scores if scores.shape[1] > 1 else np.column_stack([np.zeros(len(scores)), scores])
