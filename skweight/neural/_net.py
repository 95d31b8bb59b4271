"""The net of skorch that every neural estimator contains."""

import inspect
import threading

import torch
from skorch import NeuralNet
from torch import nn

from skweight.neural._forward import double_of
from skweight.neural._modules import WeightedBatchNorm1d

# torch has one global generator for all threads.
_GLOBAL_GENERATOR = threading.Lock()
# Attributes of a net while it trains.
_TRANSIENT = ("_weighted_parts", "_parameters", "_matrices", "_sums", "_after_step")


class RowMean(nn.Module):
    """The weighted mean over rows of a loss that is known for each.

    Parameters
    ----------
    loss : callable
        Takes outputs, targets and ``reduction="none"|"mean"``, as the functions of
        ``torch.nn.functional`` do.
    """

    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def forward(self, output, *targets, weight=None):
        """Return the loss of a batch: divided by the sum of its weights, not by its rows."""
        if weight is None:
            return self.loss(output, *targets, reduction="mean")
        losses = self.loss(output, *targets, reduction="none")
        if losses.ndim > 1:
            losses = losses.flatten(1).mean(dim=1)
        return weight.dot(losses) / weight.sum()


class Net(NeuralNet):
    """skorch's net for batches of (rows, (targets, weights)), with the penalty of `MLPClassifier`.

    A criterion is called with outputs, all targets and ``weight=``, and returns one number. A
    module with a method ``after_step`` has it called after every step of the optimiser. The
    penalty ``alpha / 2 * |W|^2 / (sum of the batch's weights)`` of all weight matrices enters by
    its gradient, since in the graph it costs as much as the layers.
    """

    def __init__(self, *args, alpha=0.0, amp=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.alpha = alpha
        self.amp = amp

    @property
    def _default_callbacks(self):
        return []

    def initialize_optimizer(self, *args, **kwargs):
        """Make the optimiser, and note how groups of parameters share the learning rate."""
        super().initialize_optimizer(*args, **kwargs)
        for group in self.optimizer_.param_groups:
            group["share"] = group["lr"] / self.lr
        return self

    def __getstate__(self):
        # What refers to parts of the module would come back as copies of them.
        left_out = (*_TRANSIENT, "_double")
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name not in left_out}

    def begin(self, device):
        """Get ready to train on a device."""
        self.__dict__.pop("_double", None)
        if self.compile and not hasattr(self.module_, "_orig_mod"):
            self.module_ = self.torch_compile(self.module_, "module")
        move(self, device)
        self._weighted_parts = [
            p for p in self.module_.modules() if isinstance(p, WeightedBatchNorm1d)
        ]
        self._after_step = getattr(self.module_, "after_step", None)
        self._parameters = list(self.module_.parameters())
        matrices = [p for p in self._parameters if p.ndim > 1]
        # Each with its values outside the graph.
        self._matrices = [(p, p.detach()) for p in matrices] if self.alpha > 0 else []

    def go_on(self, optimizer, lr, alpha):
        """Take over what may differ from one fit to the next, and refuse what may not."""
        if optimizer != self.optimizer:
            raise ValueError(
                f"warm_start and partial_fit go on with the optimizer {self.optimizer.__name__}, "
                f"got {optimizer.__name__}: set warm_start=False."
            )
        self.alpha = alpha
        if lr != self.lr:
            self.lr = lr
            for group in self.optimizer_.param_groups:
                group["lr"] = lr * group["share"]

    def end(self):
        """Leave nothing of the training rows behind, ready to predict on the CPU."""
        for name in _TRANSIENT:
            self.__dict__.pop(name, None)
        self.optimizer_.zero_grad(set_to_none=True)
        self._drop_batches()
        if self.compile:
            self.module_ = getattr(self.module_, "_orig_mod", self.module_)
        self._set_training(False)
        move(self, "cpu")

    def in_double(self):
        """Return a copy of the module that computes in float64, kept until training goes on."""
        double = self.__dict__.get("_double")
        if double is None:
            double = double_of(self.module_)
            if not hasattr(self, "_parameters"):  # else a callback asks, and the next is another
                self.__dict__["_double"] = double  # skorch would register a plain attribute
        return double

    def epoch_loss(self, training):
        """Return the mean loss of the epoch's batches, by their weight, penalty included."""
        total, size = self._sums[training]
        return total / size

    def get_split_datasets(self, X, y=None, **fit_params):
        """Return the rows to train on and those held out, which come as a pair."""
        return X

    def infer(self, x, **fit_params):
        """Return the module's outputs for rows, in lower precision where that was asked for."""
        if not self.amp:
            return self.module_(x)
        # bfloat16 has the exponents of float32: unlike float16 it needs no scaling of gradients.
        with torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16):
            output = self.module_(x)
        return output.float()

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the loss of a batch."""
        targets, *weight = y_true
        return self.criterion_(y_pred, *targets, weight=weight[0] if weight else None)

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run over batches once, without the records that only callbacks read if there are none."""
        if self.callbacks_:
            super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)
        else:
            for batch in iterator or ():
                step_fn(batch, **fit_params)

    def train_step(self, batch, **fit_params):
        """Take one step of the optimiser."""
        if self.callbacks_:
            step = super().train_step(batch, **fit_params)
        else:
            step = self._step(batch, **fit_params)
        if self._after_step is not None:
            with torch.no_grad():
                self._after_step()
        # Of the first evaluation, where the optimiser asks for several.
        self._count(step["loss"], step["size"], training=True)
        return step

    def _step(self, batch, **fit_params):
        """Do what skorch does, without the records that only callbacks read."""
        steps = []

        def step():
            for parameter in self._parameters:
                parameter.grad = None
            steps.append(self.train_step_single(batch, **fit_params))
            return steps[-1]["loss"]

        self.optimizer_.step(step)
        return steps[0]

    def train_step_single(self, batch, **fit_params):
        """Compute a batch's loss and its gradients, those of the penalty added."""
        if not self.module_.training:
            self._set_training(True)
        X, (targets, *weight) = batch
        weight = weight[0] if weight else None
        for part in self._weighted_parts:
            part.sample_weight = weight
        output = self.infer(X)
        loss = self.criterion_(output, *targets, weight=weight)
        loss.backward()
        for part in self._weighted_parts:
            part.sample_weight = None
        loss = loss.detach()
        size = len(X) if weight is None else weight.sum().item()
        if self._matrices:
            loss = loss + self._add_penalty(self.alpha / size)
        return {"loss": loss, "y_pred": output, "size": size}

    def validation_step(self, batch, **fit_params):
        """Compute the loss of a batch held out."""
        step = super().validation_step(batch, **fit_params)
        X, (_, *weight) = batch
        self._count(step["loss"], weight[0].sum().item() if weight else len(X), training=False)
        return step

    def _count(self, loss, size, training):
        total, sizes = self._sums[training]
        self._sums[training] = total + loss.item() * size, sizes + size

    def _add_penalty(self, share):
        """Add the gradients of the penalty, and return its value."""
        value = 0.0
        for matrix, values in self._matrices:
            if matrix.grad is not None:
                matrix.grad.add_(values, alpha=share)
                flat = values.flatten()
                value += flat.dot(flat).item()
        return share / 2 * value

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Begin an epoch, after what its callbacks needed of the batches before is dropped."""
        self._drop_batches()
        self._sums = {True: (0.0, 0), False: (0.0, 0)}
        super().on_epoch_begin(net, dataset_train, dataset_valid, **kwargs)

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Record the losses of the epoch, under the names that callbacks of skorch monitor."""
        for name, training in (("train_loss", True), ("valid_loss", False)):
            if not self.callbacks_ or (not training and dataset_valid is None):
                continue
            loss = self.epoch_loss(training)
            before = [row[name] for row in self.history[:-1] if name in row]
            self.history.record(name, loss)
            self.history.record(f"{name}_best", loss < min(before, default=float("inf")))
        super().on_epoch_end(net, dataset_train, dataset_valid, **kwargs)

    def _drop_batches(self):
        # Their number grows with that of the rows.
        if self.history:
            self.history[-1]["batches"] = []


def move(net, device):
    """Move a net, and what its optimiser remembers, to a device."""
    if net.device == device:
        return
    net.device = device
    net.module_.to(device)
    net.criterion_.to(device)
    # Loading sends everything to where the parameters are, except for what belongs on the CPU.
    net.optimizer_.load_state_dict(net.optimizer_.state_dict())


def build_module(factory, n_in, n_out, options, generator, dtype):
    """Build a module by a class or function that takes some of what is on offer.

    One that takes no generator draws from torch's global one, which is set aside for that time.
    """
    offered = {**options, "generator": generator, "dtype": dtype}
    wanted = inspect.signature(factory).parameters
    named = {name: value for name, value in offered.items() if name in wanted}
    if "generator" in named:
        built = factory(n_in, n_out, **named)
    else:
        with _GLOBAL_GENERATOR, torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**31 - 1, (), generator=generator)))
            built = factory(n_in, n_out, **named)
    if not isinstance(built, nn.Module):
        raise TypeError(f"module must build a torch.nn.Module, got a {type(built).__name__}.")
    return built.to(dtype)
