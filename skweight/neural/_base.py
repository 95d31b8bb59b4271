"""What all neural estimators share: parameters, rows, the net and its training."""

import copy
import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skweight._core._callbacks import CallbackSupportMixin, FitTask
from skweight._core._optional import import_optional
from skweight._core._sklearn_compat import HasMethods, Interval, StrOptions, check_sample_weight
from skweight.neural._hold_out import hold_out

ACTIVATION_NAMES = {"relu", "tanh", "logistic", "elu", "gelu", "silu", "identity"}
# Constraints of the parameters that all neural estimators share.
NEURAL_CONSTRAINTS = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(ACTIVATION_NAMES)],
    "optimizer": [StrOptions({"adam", "adamw", "sgd", "rmsprop", "nadam", "radam"}), callable],
    "optimizer_params": [dict, None],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), None],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "cv": ["cv_object", None],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "device": [str],
    "dtype": [StrOptions({"auto", "float32", "float64"})],
    "compile": ["boolean"],
    "amp": ["boolean"],
    "module": [callable, None],
    "iterator_train": [callable, None],
    "callbacks": [list, tuple, HasMethods(["on_epoch_end"]), None],
}
OPTIMIZERS = {
    "adam": "Adam",
    "adamw": "AdamW",
    "sgd": "SGD",
    "rmsprop": "RMSprop",
    "nadam": "NAdam",
    "radam": "RAdam",
}


def import_torch(estimator):
    """Return torch, or say which extra brings it; skorch is imported, too."""
    purpose = f"{type(estimator).__name__}.fit"
    torch = import_optional("torch", purpose)
    import_optional("skorch", purpose)
    return torch


class BaseNeural(CallbackSupportMixin, BaseEstimator):
    """An estimator that contains a net of skorch, built in `fit`.

    A subclass says what the net is trained on, by `_criterion` (a module that takes outputs,
    targets and ``weight=``, and returns one number) and, if it is no perceptron, `_module`.
    """

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
        iterator_train=None,
        callbacks=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.optimizer = optimizer
        self.optimizer_params = optimizer_params
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.cv = cv
        self.warm_start = warm_start
        self.random_state = random_state
        self.device = device
        self.dtype = dtype
        self.compile = compile
        self.amp = amp
        self.module = module
        self.iterator_train = iterator_train
        self.callbacks = callbacks

    # ---------------------------------------------------------------- for subclasses

    def _criterion(self):
        """Return the module that computes the loss of a batch."""
        raise NotImplementedError

    def _module(self):
        """Return a factory of the module, of the form that the parameter `module` wants."""
        from functools import partial

        from skweight.neural._modules import MLP

        return partial(MLP, hidden_layer_sizes=self._sizes(), activation=self.activation)

    # ---------------------------------------------------------------- fit

    def _train(self, X, targets, weight, n_out, *, stratify=None, seen=None, incremental=False):
        """Train the net, which is built unless training goes on with an old one.

        Parameters
        ----------
        X : ndarray of shape (n, p)
            Checked rows.
        targets : list of ndarray
            What the criterion compares outputs with; floats get the type of the net.
        weight : ndarray of shape (n,) or None
            Weights of the rows.
        n_out : int
            Outputs of the net.
        stratify : ndarray of shape (n,) or None, default=None
            Classes, of which the rows held out have their share.
        seen : tuple of (X, y, sample_weight) or None, default=None
            What callbacks get.
        incremental : bool, default=False
            Whether this is one pass of `partial_fit`.
        """
        torch = import_torch(self)
        self._check_options(incremental)
        rng = check_random_state(self.random_state)
        goes_on = hasattr(self, "net_") and (incremental or self.warm_start)
        if goes_on:
            self._check_same(n_out)
        else:
            self._build(torch, X, n_out, rng)
        self.__dict__.pop("_predictor", None)
        device = self._device(torch)
        rows = self._tensors(torch, X, targets, weight)
        train_rows, valid_rows = rows, None
        if self.early_stopping and not incremental:
            kept, held = hold_out(self, X, stratify, weight, rng)
            train_rows, valid_rows = self._some(rows, kept), self._some(rows, held)
        self.net_.iterator_train__batch_size = self._batch_rows(len(train_rows))
        pair = tuple(None if part is None else part.to(device) for part in (train_rows, valid_rows))
        X_seen, y_seen, weight_seen = seen or (X, None, None)
        metadata = None if weight_seen is None else {"sample_weight": weight_seen}
        epochs = 1 if incremental else self.max_iter
        self.net_.begin(device)
        try:
            if incremental:
                self._epochs(pair, epochs, None)
            else:
                with FitTask.root(self, X_seen, y_seen, metadata, max_subtasks=epochs) as task:
                    self._epochs(pair, epochs, task)
        finally:
            self.net_.end()
        return self

    def _epochs(self, pair, epochs, task):
        """Run epochs, and set what there is to say of them."""
        from skweight.neural._training import train

        net, progress = self.net_, self._progress

        def after_epoch(epoch):
            if task is None or not task.listened:
                return False
            net.module_.eval()
            stop = task.iteration("epoch", self._reconstruction)
            net.module_.train()
            return stop

        self.n_iter_, settled = train(
            net,
            pair,
            progress,
            epochs,
            self.tol,
            self.n_iter_no_change,
            after_epoch,
            patient=self.callbacks is not None,
        )
        progress.best_state = None
        self.n_outputs_ = self._n_out
        self.t_ = getattr(self, "t_", 0) + self.n_iter_ * len(pair[0])
        self.loss_curve_ = list(progress.losses)
        self.loss_ = progress.losses[-1]
        self.validation_scores_ = list(progress.scores) or None
        self.best_loss_ = progress.best
        if not settled and epochs > 1:
            warnings.warn(
                f"The loss still fell after max_iter={self.max_iter} epochs: raise max_iter, "
                "learning_rate_init or tol.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _build(self, torch, X, n_out, rng):
        """Build the net."""
        from functools import partial

        from skweight.neural._net import Net, build_module
        from skweight.neural._rows import TensorBatches
        from skweight.neural._training import Progress

        dtype = self._torch_dtype(torch, X)
        start, order = (torch.Generator().manual_seed(int(s)) for s in rng.randint(2**31 - 1, size=2))
        factory = self._module() if self.module is None else self.module
        name = self.optimizer
        optimizer = getattr(torch.optim, OPTIMIZERS[name]) if isinstance(name, str) else name
        options = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
        if isinstance(name, str) and name in ("adam", "adamw", "sgd"):
            options["fused"] = True
        options.update(self.optimizer_params or {})
        batches = self.iterator_train or TensorBatches
        ours = batches is TensorBatches
        self.net_ = Net(
            partial(build_module, factory, X.shape[1], n_out, start, dtype),
            partial(_same, self._criterion().to(dtype)),
            optimizer=optimizer,
            lr=self.learning_rate_init,
            alpha=self.alpha,
            amp=self.amp,
            iterator_train=batches,
            iterator_valid=TensorBatches,
            iterator_valid__batch_size=4096,
            iterator_train__shuffle=self.shuffle,
            **({"iterator_train__generator": order} if ours else {}),
            train_split=None,
            callbacks=[copy.deepcopy(part) for part in _as_list(self.callbacks)],
            compile=self.compile,
            verbose=0,
            **{f"optimizer__{key}": value for key, value in options.items()},
        ).initialize()
        self._n_out = n_out
        self._progress = Progress()
        self.t_ = 0

    def _tensors(self, torch, X, targets, weight):
        """Return rows as tensors in the type of the net."""
        from skweight.neural._rows import TensorRows

        dtype = next(self.net_.module_.parameters()).dtype

        def tensor(values):
            values = np.ascontiguousarray(values)
            kind = dtype if values.dtype.kind == "f" else None
            return torch.tensor(values, dtype=kind)  # a copy: nothing of the user's is shared

        weight = None if weight is None else tensor(np.asarray(weight, dtype=float))
        return TensorRows(tensor(np.asarray(X)).to(dtype), [tensor(t) for t in targets], weight)

    @staticmethod
    def _some(rows, places):
        from skweight.neural._rows import TensorRows

        weight = None if rows.weight is None else rows.weight[places]
        return TensorRows(rows.X[places], [part[places] for part in rows.targets], weight)

    def _reconstruction(self):
        """Return the attributes with which a copy could predict now."""
        names = ("net_", "classes_", "n_features_in_", "feature_names_in_", "_n_out", "_moments")
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def _forget(self):
        """Begin anew."""
        for name in ("net_", "classes_", "t_"):
            self.__dict__.pop(name, None)

    # ---------------------------------------------------------------- options

    def _sizes(self):
        return tuple(int(size) for size in np.atleast_1d(self.hidden_layer_sizes))

    def _batch_rows(self, n):
        if self.batch_size is None:
            return n
        return min(200 if self.batch_size == "auto" else self.batch_size, n)

    def _device(self, torch):
        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        return self.device

    def _torch_dtype(self, torch, X):
        name = self.dtype
        if name == "auto":
            name = "float32" if X.dtype == np.float32 else "float64"
        return getattr(torch, name)

    def _check_options(self, incremental):
        """Raise if a combination of parameters has no meaning."""
        if self.cv is not None and not self.early_stopping:
            warnings.warn(
                "cv chooses the rows held out for early_stopping=True and is not used with "
                "early_stopping=False.",
                UserWarning,
                stacklevel=5,
            )
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True.")
        if self.amp and self.dtype == "float64":
            raise ValueError("amp=True trains in lower precision, got dtype='float64'.")
        torch_module = getattr(self.module, "forward", None)
        if torch_module is not None and not isinstance(self.module, type):
            raise ValueError(
                "module must be a class or a function that builds a module, got an instance of "
                f"{type(self.module).__name__}."
            )

    def _check_same(self, n_out):
        if n_out != self._n_out:
            raise ValueError(
                f"warm_start and partial_fit go on with a net of {self._n_out} output(s), got "
                f"targets for {n_out}: set warm_start=False."
            )

    # ---------------------------------------------------------------- prediction

    @property
    def module_(self):
        """Module: the trained network, in evaluation mode on the CPU."""
        # Never a second attribute: a pickle would make two networks of it.
        return self.net_.module_

    def _outputs(self, X):
        """Return outputs of the net for checked rows, in float64."""
        from skweight.neural._forward import double_of, outputs

        check_is_fitted(self)
        module = self.__dict__.get("_predictor")
        if module is None or module[0] is not self.net_.module_:
            module = (self.net_.module_, double_of(self.net_.module_))
            if not self.net_.module_.training:
                self._predictor = module
        return outputs(module[1], X)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_") and hasattr(self, "n_features_in_")

    def __getstate__(self):
        state = super().__getstate__()
        state.pop("_predictor", None)
        return state


def _same(criterion):
    return criterion


def _as_list(callbacks):
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def positive_rows(X, weight, *others):
    """Return rows of positive weight, and of everything that belongs to them."""
    if weight is None or weight.all():
        return X, weight, *others
    kept = np.flatnonzero(weight)
    return X[kept], weight[kept], *(None if part is None else part[kept] for part in others)


def checked_rows(estimator, X, y, sample_weight, *, reset, **options):
    """Return checked rows, targets and weights (None if none were given)."""
    X, y = validate_data(
        estimator, X, y, dtype=[np.float64, np.float32], reset=reset, **options
    )
    weight = None if sample_weight is None else check_sample_weight(sample_weight, X)
    return X, y, weight
