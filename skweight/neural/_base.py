"""What all neural estimators share: the net, its training, its predictions."""

import copy
import inspect
import warnings
from functools import partial

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skweight._core._callbacks import CallbackSupportMixin, FitTask
from skweight._core._optional import import_optional
from skweight._core._sklearn_compat import check_sample_weight
from skweight.neural._hold_out import hold_out
from skweight.neural._parameters import (
    FUSED,
    NEURAL_CONSTRAINTS,
    OPTIMIZERS,
    categorical_places,
    layer_sizes,
    store_parameters,
)

__all__ = ["NEURAL_CONSTRAINTS", "BaseNeural", "checked_rows", "positive_rows", "store_parameters"]

# What `fit` keeps beside attributes that end in "_".
_PRIVATE = ("_begun_with", "_hold_out_seed", "_moments", "_progress", "_shape")


class BaseNeural(CallbackSupportMixin, BaseEstimator):
    """An estimator that contains a net of skorch, built in `fit`.

    A subclass says what the net is trained on by hooks: `_criterion`, and where it differs from a
    perceptron on shuffled batches, `_module` and `_batches`. Its `fit` ends in `_train`, its
    `predict` begins with `_outputs`.
    """

    _parameter_constraints: dict = {**NEURAL_CONSTRAINTS}
    # What a warning says of a training that did not settle, and what to raise then.
    _unsettled = "The loss still fell", "max_iter, learning_rate_init or tol"
    # Parameters that a net is made by besides the sizes of its layers.
    _made_by = ("activation", "optimizer_params")
    # For subclasses without the parameter.
    categorical_features = None
    # Whether `fit` needs torch, which the checks ask where it is missing.
    _needs_torch = True
    # Whether `cv` says which rows early stopping holds out.
    _cv_stops = True
    # Whether a loss that no longer falls ends the training.
    _stops_by_loss = True
    # Rows of a batch when the loss of rows held out is computed; -1 means all.
    _valid_batch_rows = 4096

    # ---------------------------------------------------------------- for subclasses

    def _criterion(self):
        """Return a module that takes outputs, targets and ``weight=``, and returns one number.

        The number is a mean over rows: what it sums is divided by the sum of the weights.
        """
        raise NotImplementedError

    def _module(self):
        """Return what builds the network, of the form that the parameter `module` wants."""
        from skweight.neural._modules import MLP

        return MLP

    def _batches(self):
        """Return the class of the training batches."""
        from skweight.neural._rows import TensorBatches

        return TensorBatches

    def _renew(self):
        """Give a net that goes on what may differ from the fit before."""

    def _after_epoch(self, epoch, rows):
        """Do what is to be done between epochs, and return True to end the training.

        Parameters
        ----------
        epoch : int
            Epochs of this call of `fit` so far.
        rows : tuple of (TensorRows, TensorRows or None)
            Rows to train on and rows held out, whose targets may be changed in place.
        """
        return False

    # ---------------------------------------------------------------- training

    def _train(self, X, targets, weight, n_out, *, stratify=None, seen=None, incremental=False):
        """Train the net, which is built unless training goes on with an old one.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n, p)
            Checked rows.
        targets : list of ndarray
            What the criterion compares outputs with; floats get the type of the net.
        weight : ndarray of shape (n,) or None
            Weights of the rows, all above 0.
        n_out : int
            Outputs of the net.
        stratify : ndarray of shape (n,) or None, default=None
            Classes, each of which the rows held out have their share of.
        seen : tuple of (X, y, sample_weight) or None, default=None
            What callbacks get.
        incremental : bool, default=False
            Whether this is one pass of `partial_fit`.

        Returns
        -------
        estimator
            Itself.
        """
        goes_on = hasattr(self, "net_") and (incremental or self.warm_start)
        try:
            torch = import_torch(self)
            self._check_options(incremental)
            shape = (X.shape[1], n_out, layer_sizes(self.hidden_layer_sizes))
            device = self._device(torch)
            if goes_on:
                self._check_same(shape)
                self.net_.go_on(self._optimizer(torch)[0], self.learning_rate_init, self.alpha)
            else:
                self._build(torch, X, n_out)
                self._shape = shape
            rows, held_out = self._rows(torch, X, targets, weight, device), None
            if self.early_stopping and not incremental:
                kept, held = hold_out(self, X, stratify, self._hold_out_seed)
                rows, held_out = rows.some(kept), rows.some(held)
            if goes_on:
                self._renew()
            self._run((rows, held_out), device, seen or (X, None, None), incremental)
        except BaseException:
            if not goes_on:
                self._forget()
            raise
        return self

    def _run(self, rows, device, seen, incremental):
        """Run one epoch or many, the net being ready for it meanwhile."""
        net = self.net_
        net.iterator_train__batch_size = self._batch_rows(len(rows[0]))
        net.begin(device)
        try:
            if incremental:
                self._epochs(rows, 1, None)
                return
            X, y, weight = seen
            metadata = None if weight is None else {"sample_weight": weight}
            with FitTask.root(self, X, y, metadata, max_subtasks=self.max_iter) as task:
                self._epochs(rows, self.max_iter, task)
        finally:
            net.end()

    def _epochs(self, rows, epochs, task):
        """Run epochs, and set the attributes that tell of them."""
        from skweight.neural._training import train

        net, progress = self.net_, self._progress

        def after_epoch(epoch):
            settled = self._after_epoch(epoch, rows)
            if task is None or not task.listened:
                return settled
            net._set_training(False)
            stop = task.iteration("epoch", self._reconstruction)
            net._set_training(True)
            return stop or settled

        patience = self.n_iter_no_change if self._stops_by_loss else np.inf
        n_iter, settled = train(net, rows, progress, epochs, self.tol, patience, after_epoch)
        self.n_iter_ = n_iter if task is not None else getattr(self, "n_iter_", 0) + n_iter
        self.n_outputs_ = self._shape[1]
        self.t_ = getattr(self, "t_", 0) + n_iter * len(rows[0])
        self.loss_curve_ = list(progress.losses)
        self.loss_ = progress.losses[-1]
        self.validation_scores_ = list(progress.scores) or None
        self.best_loss_ = progress.best
        if not settled and task is not None:
            what, advice = self._unsettled
            warnings.warn(
                f"{what} after max_iter={self.max_iter} epochs: raise {advice}.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _build(self, torch, X, n_out):
        """Build the net."""
        from skweight.neural._net import Net
        from skweight.neural._rows import TensorBatches
        from skweight.neural._training import Progress

        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=3)
        start, order = (torch.Generator().manual_seed(int(seed)) for seed in seeds[:2])
        self._hold_out_seed = int(seeds[2])
        dtype = self._torch_dtype(torch, X)
        optimizer, options = self._optimizer(torch)
        batches = self.iterator_train or self._batches()
        if "generator" in inspect.signature(batches).parameters:
            options["iterator_train__generator"] = order
        self.net_ = Net(
            self._builder(X, n_out, start, dtype),
            partial(_same, self._criterion().to(dtype)),
            optimizer=optimizer,
            lr=self.learning_rate_init,
            alpha=self.alpha,
            amp=self.amp,
            compile=self.compile,
            iterator_train=batches,
            iterator_train__shuffle=self.shuffle,
            iterator_valid=TensorBatches,
            iterator_valid__batch_size=self._valid_batch_rows,
            train_split=None,
            callbacks=[copy.deepcopy(part) for part in _as_list(self.callbacks)],
            verbose=0,
            **options,
        ).initialize()
        self._progress = Progress()
        self._begun_with = {name: getattr(self, name) for name in self._made_by}
        for name in ("t_", "n_iter_"):
            self.__dict__.pop(name, None)

    def _builder(self, X, n_out, generator, dtype):
        """Return a function without arguments that makes the module."""
        from skweight.neural._embedding import Embedded, count_categories
        from skweight.neural._net import build_module

        build = partial(
            build_module,
            self._module() if self.module is None else self.module,
            n_out=n_out,
            options={
                "hidden_layer_sizes": layer_sizes(self.hidden_layer_sizes),
                "activation": self.activation,
            },
            generator=generator,
            dtype=dtype,
        )
        names = getattr(self, "feature_names_in_", None)
        places = categorical_places(self.categorical_features, names, X.shape[1])
        if not len(places):
            return partial(build, X.shape[1])
        counts = count_categories(X, places)
        return partial(Embedded, build, places, counts, X.shape[1], generator, dtype)

    def _optimizer(self, torch):
        """Return the class of the optimiser and its options as skorch wants them."""
        name, options = self.optimizer, {}
        if isinstance(name, str):
            if name == "sgd":
                options = {"momentum": 0.9, "nesterov": True}
            if name in FUSED:
                options["fused"] = True
            name = getattr(torch.optim, OPTIMIZERS[name])
        options.update(self.optimizer_params or {})
        return name, {f"optimizer__{key}": value for key, value in options.items()}

    def _rows(self, torch, X, targets, weight, device):
        """Return rows as tensors of the net's type, copies of what the user holds."""
        from skweight.neural._rows import SparseRows, TensorRows

        dtype = next(self.net_.module_.parameters()).dtype

        def tensor(values):
            values = np.ascontiguousarray(values)
            return torch.tensor(values, dtype=dtype if values.dtype.kind == "f" else None)

        rows = SparseRows(X, dtype) if hasattr(X, "tocsr") else tensor(np.asarray(X)).to(dtype)
        weight = None if weight is None else tensor(np.asarray(weight, dtype=float))
        return TensorRows(rows, [tensor(part) for part in targets], weight).to(device)

    def _reconstruction(self):
        """Return the attributes with which a copy could predict now."""
        names = ("net_", "classes_", "n_features_in_", "feature_names_in_", "_shape", "_moments")
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def _forget(self):
        """Drop everything fitted."""
        for name in list(vars(self)):
            if (name.endswith("_") and not name.startswith("_")) or name in _PRIVATE:
                delattr(self, name)

    # ---------------------------------------------------------------- options

    def _batch_rows(self, n):
        if self.batch_size is None:
            return n
        return min(200 if self.batch_size == "auto" else self.batch_size, n)

    def _device(self, torch):
        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        try:
            torch.empty(0, device=self.device)
        except Exception as error:
            raise ValueError(
                f"device={self.device!r} is not available here: {str(error).splitlines()[0]}"
            ) from error
        return self.device

    def _torch_dtype(self, torch, X):
        name = self.dtype
        if name == "auto":
            name = "float32" if X.dtype == np.float32 or self.amp else "float64"
        return getattr(torch, name)

    def _check_options(self, incremental):
        """Raise if a combination of parameters has no meaning."""
        if self._cv_stops and self.cv is not None and not self.early_stopping:
            warnings.warn(
                "cv chooses the rows held out for early_stopping=True and is not used with "
                "early_stopping=False.",
                UserWarning,
                stacklevel=2,
            )
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True.")
        if self.amp and self.dtype == "float64":
            raise ValueError("amp=True trains in lower precision, got dtype='float64'.")
        if hasattr(self.module, "forward") and not isinstance(self.module, type):
            raise ValueError(
                "module must be a class or a function that builds a module, got an instance of "
                f"{type(self.module).__name__}."
            )

    def _check_same(self, shape):
        names = ("features", "outputs", "hidden_layer_sizes")
        for what, now, before in zip(names, shape, self._shape, strict=True):
            if now != before:
                raise ValueError(
                    f"warm_start and partial_fit go on with a net whose {what} are {before}, got "
                    f"{now}: set warm_start=False."
                )
        for name, before in self._begun_with.items():
            if getattr(self, name) != before:
                raise ValueError(
                    f"warm_start and partial_fit go on with a net that began with {name}="
                    f"{before!r}, got {getattr(self, name)!r}: set warm_start=False."
                )

    # ---------------------------------------------------------------- prediction

    @property
    def module_(self):
        """Module of torch that was trained, on the CPU.

        It is that of `net_`, and is trained further by `partial_fit`.

        See Also
        --------
        sklearn.base.clone : A copy of an estimator that is not trained.

        Examples
        --------
        >>> from skweight.neural import NeuralRegressor
        >>> net = NeuralRegressor((3,), tol=1.0, random_state=0).fit([[0.0], [1.0]], [0.0, 1.0])
        >>> net.module_
        MLP(
          (0): Linear(in_features=1, out_features=3, bias=True)
          (1): ReLU(inplace=True)
          (2): Linear(in_features=3, out_features=1, bias=True)
        )
        """
        # Never a second attribute: a pickle would make two networks of it.
        return self.net_.module_

    def _checked_X(self, X):
        """Return rows to predict for, checked."""
        check_is_fitted(self)
        return validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False
        )

    def _outputs(self, X, part=None):
        """Return outputs of the net, or of a part of its module, for checked rows in float64."""
        from skweight.neural._forward import outputs

        check_is_fitted(self)
        double = self.net_.in_double()
        double = double if part is None else getattr(double, part)
        return outputs(double, X, self._device(import_torch(self)))

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_") and hasattr(self, "n_features_in_")


def import_torch(estimator):
    """Return torch, or say which extra brings it; skorch is imported, too."""
    purpose = f"{type(estimator).__name__}.fit"
    torch = import_optional("torch", purpose)
    import_optional("skorch", purpose)
    return torch


def _same(criterion):
    return criterion


def _as_list(callbacks):
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def checked_rows(estimator, X, y, sample_weight, *, reset, **options):
    """Return checked rows, targets and weights (None if none were given)."""
    X, y = validate_data(
        estimator,
        X,
        y,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        reset=reset,
        **options,
    )
    weight = None if sample_weight is None else check_sample_weight(sample_weight, X)
    return X, y, weight


def positive_rows(estimator, X, weight, *others):
    """Return rows of positive weight, and of everything that belongs to them."""
    if weight is None or weight.all():
        return X, weight, *others
    if estimator.early_stopping and estimator.cv is not None:
        raise ValueError(
            "cv holds out rows by their places, which do not fit once those of sample_weight=0 are "
            "left out: leave them out before."
        )
    kept = np.flatnonzero(weight)
    return X[kept], weight[kept], *(None if part is None else part[kept] for part in others)
