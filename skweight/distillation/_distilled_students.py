"""The student of a distilled classifier: a linear model or a network."""

import inspect
import warnings

from sklearn.exceptions import ConvergenceWarning

from skweight._core._callbacks import FitTask
from skweight.distillation._distilled_linear import LinearStudent
from skweight.distillation._distilled_losses import array_loss, loss_targets
from skweight.distillation._distilled_net import StudentNet
from skweight.neural._parameters import layer_sizes

_FOR_BOTH = ("hidden_layer_sizes", "alpha", "max_iter", "random_state", "module")
_FOR_NETS = (
    "activation",
    "optimizer",
    "optimizer_params",
    "batch_size",
    "learning_rate_init",
    "shuffle",
    "n_iter_no_change",
    "early_stopping",
    "validation_fraction",
    "device",
    "dtype",
    "callbacks",
)
# Parameters that go to the network as they are.
OF_THE_NET = (*_FOR_BOTH, *_FOR_NETS)
# What else than the default a linear student can do.
_AS_GOOD = {"device": "cpu", "dtype": "float64"}


def is_linear(estimator):
    """Tell whether the student is a linear model, which torch has no part in."""
    return estimator.module is None and layer_sizes(estimator.hidden_layer_sizes) == ()


def check_student(estimator):
    """Raise if a parameter of networks was given for a linear student."""
    if not is_linear(estimator):
        return
    defaults = inspect.signature(type(estimator).__init__).parameters
    for name in _FOR_NETS:
        value, default = getattr(estimator, name), defaults[name].default
        if value != default and value != _AS_GOOD.get(name, default):
            raise ValueError(
                f"{name}={value!r} is for networks: with hidden_layer_sizes=() it must be "
                f"{default!r}."
            )


def fit_student(estimator, rows, places, logits, seen):
    """Fit the student, and set its attributes.

    Parameters
    ----------
    estimator : DistilledClassifier
        With parameters and `classes_`.
    rows : tuple of (X, used, weight)
        Checked rows, the places of those to be used, and the weights of all or None.
    places : ndarray of int
        True classes of the rows to be used.
    logits : ndarray or None
        The teacher's logits for them.
    seen : tuple of (X, y, sample_weight)
        What callbacks get.
    """
    X, used, weight = rows
    X, weight = X[used], None if weight is None else weight[used]
    targets = loss_targets(estimator.loss, logits, places, estimator.temperature)
    loss = estimator.loss, estimator.temperature, estimator.label_weight
    X_seen, y_seen, weight_seen = seen
    metadata = None if weight_seen is None else {"sample_weight": weight_seen}
    fit = _fit_linear if is_linear(estimator) else _fit_net
    with FitTask.root(estimator, X_seen, y_seen, metadata, max_subtasks=estimator.max_iter) as task:
        fit(estimator, X, targets, weight, places, loss, task)


def _fit_linear(estimator, X, targets, weight, places, loss, task):
    name, *options = loss
    K, tol = len(estimator.classes_), 1e-6 if estimator.tol == "auto" else estimator.tol

    def compare(scores):
        return array_loss(name, scores, targets, *options)

    model = LinearStudent(X, compare, weight, K, estimator.alpha)

    def state():
        return {
            **_needed_to_predict(estimator),
            "coef_": model.coef,
            "intercept_": model.intercept,
            "loss_curve_": list(model.losses),
        }

    settled = model.minimise(estimator.max_iter, tol, lambda: task.iteration("iteration", state))
    estimator.coef_, estimator.intercept_ = model.coef, model.intercept
    estimator.loss_curve_, estimator.n_iter_ = model.losses, len(model.losses)
    if not settled:
        warnings.warn(
            f"The gradient's largest entry is {model.steepest:.1e} after {estimator.n_iter_} "
            f"iterations and was to be at most tol={tol:.1e}: scale X, or raise "
            f"max_iter={estimator.max_iter}, alpha={estimator.alpha} or tol.",
            ConvergenceWarning,
            stacklevel=2,
        )


def _fit_net(estimator, X, targets, weight, places, loss, task):
    parameters = {name: getattr(estimator, name) for name in OF_THE_NET}
    parameters["tol"] = 1e-4 if estimator.tol == "auto" else estimator.tol
    net = StudentNet(loss, **parameters)

    def state(net):
        curve = list(net._progress.losses)
        return {**_needed_to_predict(estimator), "net_": net, "loss_curve_": curve}

    estimator.net_ = net.fit(X, targets, weight, places, len(estimator.classes_), task, state)
    estimator.n_iter_, estimator.loss_curve_ = net.n_iter_, net.loss_curve_


def _needed_to_predict(estimator):
    names = ("classes_", "n_features_in_", "feature_names_in_", "teacher_")
    return {name: getattr(estimator, name) for name in names if hasattr(estimator, name)}
