"""The net of skorch that every neural estimator contains."""

import inspect
import threading

import torch
from skorch import NeuralNet
from torch import nn

from skweight.neural._modules import WeightedBatchNorm1d


# torch has one global generator for all threads.
_GLOBAL_GENERATOR = threading.Lock()
# Attributes of a net while it trains.
_TRANSIENT = ("_weighted_parts", "_matrices", "_sums")


class RowMean(nn.Module):
    """The weighted mean over rows of a loss that torch computes for each.

    Parameters
    ----------
    loss : callable
        Takes outputs and targets, returns a loss for each row.
    """

    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def forward(self, output, *targets, weight=None):
        """Return the loss of a batch: divided by the sum of its weights, not by its rows."""
        losses = self.loss(output, *targets)
        if losses.ndim > 1:
            losses = losses.mean(dim=tuple(range(1, losses.ndim)))
        if weight is None:
            return losses.mean()
        return (weight * losses).sum() / weight.sum()


class Net(NeuralNet):
    """skorch's net for batches of (rows, (targets, weights)), with the penalty of `MLPClassifier`.

    A criterion is called with outputs, all targets and ``weight=``, and returns one number. The
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

    def __getstate__(self):
        # What refers to parts of the module would come back as copies of them.
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name not in _TRANSIENT}

    def begin(self, device):
        """Get ready to train on a device."""
        move(self, device)
        self._weighted_parts = [
            p for p in self.module_.modules() if isinstance(p, WeightedBatchNorm1d)
        ]
        self._matrices = [p for p in self.module_.parameters() if p.ndim > 1]

    def end(self):
        """Leave nothing of the training rows behind, and come back to the CPU."""
        for name in _TRANSIENT:
            self.__dict__.pop(name, None)
        self.optimizer_.zero_grad(set_to_none=True)
        self._drop_batches()
        if self.compile:
            self.module_ = getattr(self.module_, "_orig_mod", self.module_)
        move(self, "cpu")

    def epoch_loss(self, training):
        """Return the mean loss of the epoch's batches, by their weight, penalty included."""
        total, size = self._sums[training]
        return float(total) / float(size)

    def get_split_datasets(self, X, y=None, **fit_params):
        """Return the rows to train on and those held out, which come as a pair."""
        return X

    def infer(self, x, **fit_params):
        """Return the module's outputs for rows, in lower precision where that was asked for."""
        if not self.amp:
            return self.module_(x)
        kind = self.device.partition(":")[0] if isinstance(self.device, str) else self.device.type
        dtype = torch.float16 if kind == "cuda" else torch.bfloat16
        with torch.autocast(kind, dtype=dtype):
            output = self.module_(x)
        return output.float()

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the loss of a batch."""
        targets, *weight = y_true
        return self.criterion_(y_pred, *targets, weight=weight[0] if weight else None)

    def train_step_single(self, batch, **fit_params):
        """Compute a batch's loss and its gradients, those of the penalty added."""
        if not self.module_.training:
            self._set_training(True)
        X, (targets, *weight) = batch
        weight = weight[0] if weight else None
        for part in self._weighted_parts:
            part.sample_weight = weight
        size = len(X) if weight is None else weight.sum()
        output = self.infer(X)
        loss = self.get_loss(output, batch[1], X=X, training=True)
        loss.backward()
        loss = loss.detach()
        if self.alpha > 0:
            loss = loss + self._add_penalty(size)
        self._count(loss, size, training=True)
        for part in self._weighted_parts:
            part.sample_weight = None
        return {"loss": loss, "y_pred": output}

    def validation_step(self, batch, **fit_params):
        """Compute the loss of a batch held out."""
        step = super().validation_step(batch, **fit_params)
        X, (_, *weight) = batch
        self._count(step["loss"], weight[0].sum() if weight else len(X), training=False)
        return step

    def _count(self, loss, size, training):
        total, sizes = self._sums[training]
        self._sums[training] = total + loss * size, sizes + size

    @torch.no_grad()
    def _add_penalty(self, total):
        """Add the gradients of the penalty, and return its value."""
        share = self.alpha / total
        value = 0.0
        for matrix in self._matrices:
            if isinstance(share, float):
                matrix.grad.add_(matrix, alpha=share)
            else:
                matrix.grad.addcmul_(matrix, share)
            flat = matrix.view(-1)
            value = value + flat.dot(flat)
        return share / 2 * value

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Begin an epoch, after what its callbacks needed of the batches before is dropped."""
        self._drop_batches()
        self._sums = {True: (0.0, 0), False: (0.0, 0)}
        super().on_epoch_begin(net, dataset_train, dataset_valid, **kwargs)

    def _drop_batches(self):
        # Their number grows with that of the rows.
        if self.history:
            self.history[-1]["batches"] = []


def move(net, device):
    """Move a net, and what its optimiser remembers, to a device."""
    net.device = device
    net.module_.to(device)
    net.criterion_.to(device)
    for state in net.optimizer_.state.values():
        for key, value in state.items():
            if isinstance(value, torch.Tensor) and key != "step":
                state[key] = value.to(device)


def build_module(module, n_in, n_out, generator, dtype):
    """Build a module by a class or function that takes some of these arguments.

    One that takes no generator draws from the global one, which is set aside for that time.
    """
    available = {"generator": generator, "dtype": dtype}
    parameters = inspect.signature(module).parameters
    named = {name: value for name, value in available.items() if name in parameters}
    if "generator" in named:
        built = module(n_in, n_out, **named)
    else:
        with _GLOBAL_GENERATOR, torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**31 - 1, (), generator=generator)))
            built = module(n_in, n_out, **named)
    return built.to(dtype)
