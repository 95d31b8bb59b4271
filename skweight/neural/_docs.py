"""Docstrings of what all neural estimators share, written once."""

import inspect
import textwrap

_PARAMETERS = {
    "hidden_layer_sizes": """
        tuple of int or int, default=(100,)
        Units of the hidden layers; () is a linear model.""",
    "activation": """
        {"relu", "tanh", "logistic", "elu", "gelu", "silu", "identity"}, default="relu"
        Function between layers.""",
    "optimizer": """
        {"adam", "adamw", "sgd", "rmsprop", "nadam", "radam"} or Optimizer class, default="adam"
        How the weights are moved: a name or a class of ``torch.optim``. "sgd" has Nesterov's
        momentum of .9.""",
    "optimizer_params": """
        dict or None, default=None
        More arguments of the optimizer, such as ``{"betas": (0.9, 0.99)}``.""",
    "alpha": """
        float, default=1e-4
        Strength of the penalty on the squared weights, at least 0, as in `MLPClassifier`:
        ``alpha / 2 * ||W||^2`` over the sum of a batch's sample weights is added to the mean loss;
        biases are free.""",
    "batch_size": """
        int, "auto" or None, default="auto"
        Rows of a step, at least 1; "auto" means ``min(200, n_samples)``, None all rows.""",
    "learning_rate_init": """
        float, default=1e-3
        Step size, above 0. Give a scheduler of skorch in `callbacks` to change it on the way.""",
    "max_iter": """
        int, default=200
        Passes over the rows at the most (epochs).""",
    "shuffle": """
        bool, default=True
        Whether every epoch has a new order of the rows; a single batch of all rows never has.""",
    "tol": """
        float, default=1e-4
        An epoch that does not lower the loss by this much is one without improvement.""",
    "n_iter_no_change": """
        int, default=10
        Training ends after more than so many epochs in a row without improvement.""",
    "early_stopping": """
        bool, default=False
        Whether rows are held out, whose loss decides when to end; the weights of the best epoch
        are restored.""",
    "validation_fraction": """
        float, default=0.1
        Share of the rows held out, between 0 and 1; every class has its share.""",
    "cv": """
        splitter, iterable or None, default=None
        With ``early_stopping=True``: its first split says which rows are held out, such as
        ``PredefinedSplit(...)`` or ``TimeSeriesSplit()``. None draws `validation_fraction`.""",
    "warm_start": """
        bool, default=False
        Whether `fit` goes on with the network of the last call, and with its best loss of rows held
        out: give the same data.""",
    "random_state": """
        int, RandomState instance or None, default=None
        Source of the initial weights, the orders of the rows and the rows held out. With an int
        the same machine and number of threads give the same bits.""",
    "class_weight": """
        dict, "balanced" or None, default=None
        Weights of the classes, which multiply `sample_weight`.""",
    "device": """
        str, default="auto"
        Where to train, such as "cpu" or "cuda:0"; "auto" takes a GPU of CUDA if there is one. The
        fitted network is on the CPU.""",
    "dtype": """
        {"auto", "float32", "float64"}, default="auto"
        Precision of training; "auto" is that of X (float64 if it has another type). Predictions
        are computed in float64.""",
    "compile": """
        bool, default=False
        Whether ``torch.compile`` compiles the module, which takes a while and pays for large
        ones.""",
    "amp": """
        bool, default=False
        Whether to compute the layers in bfloat16, the loss and the weights in float32.""",
    "module": """
        callable or None, default=None
        Class or function that builds the network from the numbers of features and outputs. Those
        of `hidden_layer_sizes`, `activation`, `generator` and `dtype` that it takes by name are
        given, too, see :class:`~skweight.neural.ResidualMLP`. None is
        :class:`~skweight.neural.MLP`. What pickle cannot find by name, such as a lambda, makes an
        estimator that cannot be pickled.""",
    "categorical_features": """
        array-like of bool, int or str, or None, default=None
        Columns of X that hold categories, as whole numbers from 0 on (an `OrdinalEncoder` makes
        them). Each category becomes a learned vector; one that training did not see, such as -1,
        is "another".""",
    "iterator_train": """
        callable or None, default=None
        Makes batches, as skorch's parameter of the same name does, such as
        ``torch.utils.data.DataLoader``. None takes slices of whole tensors, which is several times
        as fast.""",
    "callbacks": """
        list of skorch.callbacks.Callback or None, default=None
        Callbacks of skorch, which are copied: schedulers, checkpoints, freezing. Those of
        scikit-learn go to `set_callbacks`.""",
}

_ATTRIBUTES = """
net_ : skorch.NeuralNet
    The net, with its optimiser and history.
module_ : torch.nn.Module
    The trained network, on the CPU.
n_iter_ : int
    Epochs of the last call of `fit`, and one for every call of `partial_fit` since.
t_ : int
    Rows seen in training.
loss_ : float
    Loss of the last epoch, penalty included.
loss_curve_ : list of float
    Loss of every epoch: the mean of its batches by their weight.
best_loss_ : float
    The smallest loss of an epoch, of the rows held out if there are any.
validation_scores_ : list of float or None
    Minus the loss of the rows held out for every epoch; None without ``early_stopping``.
n_outputs_ : int
    Outputs of the network.
n_features_in_ : int
    Number of features.
feature_names_in_ : ndarray of shape (n_features_in_,)
    Names of the features. Only for X with names that are strings.
"""


def documented(cls):
    """Fill what neural estimators share into a class's docstring.

    ``{neural_parameters}`` and ``{neural_attributes}`` stand on lines of their own, at the end of
    their sections. Parameters that the docstring describes itself are left out.
    """
    doc = inspect.cleandoc(cls.__doc__)
    entries = []
    for name in inspect.signature(cls.__init__).parameters:
        if name in _PARAMETERS and f"\n{name} : " not in doc:
            kind, _, text = inspect.cleandoc(_PARAMETERS[name]).partition("\n")
            entries.append(
                f"{name} : {_with_default(cls, name, kind)}\n{textwrap.indent(text, '    ')}"
            )
    doc = doc.replace("{neural_parameters}", "\n".join(entries))
    cls.__doc__ = doc.replace("{neural_attributes}", _ATTRIBUTES.strip()) + "\n"
    return cls


def _with_default(cls, name, kind):
    """Return a parameter's type with the default that the class has."""
    default = inspect.signature(cls.__init__).parameters[name].default
    text = f'"{default}"' if isinstance(default, str) else str(default)
    if f"default={text}" in kind or isinstance(default, float):
        known = kind.rpartition("default=")[2]
        if f"default={text}" in kind or float(known) == default:
            return kind
    return f"{kind.rpartition('default=')[0]}default={text}"
