"""Epochs: when to stop, and which weights to keep."""

import numpy as np


class Progress:
    """What is known of the epochs of one estimator, over several calls of its fit.

    Attributes
    ----------
    losses : list of float
        Of the training rows by epoch, penalty included.
    scores : list of float
        Of the rows held out by epoch: minus their loss.
    best : float
        The smallest loss that counts, of the rows held out if there are any.
    """

    def __init__(self):
        self.losses = []
        self.scores = []
        self.best = np.inf


def train(net, rows, progress, max_iter, tol, n_iter_no_change, after_epoch):
    """Train a net by epochs until its loss stops falling.

    Parameters
    ----------
    net : Net
        Ready to train.
    rows : tuple of (TensorRows, TensorRows or None)
        Rows to train on and rows held out.
    progress : Progress
        Grows.
    max_iter : int
        Epochs at the most.
    tol : float
        An epoch improves if its loss is smaller than the best so far by this much.
    n_iter_no_change : int
        Stop after more epochs in a row than this without improvement.
    after_epoch : callable
        Takes the number of epochs so far and returns True to stop.

    Returns
    -------
    n_iter : int
        Epochs.
    settled : bool
        Whether training stopped before it had to.
    """
    held_out = rows[1] is not None
    best_state = copy_state(net.module_) if held_out else None
    without = 0
    net.notify("on_train_begin", X=None, y=None)
    try:
        for epoch in range(1, max_iter + 1):
            interrupted = _run_epoch(net, rows)
            progress.losses.append(net.epoch_loss(training=True))
            loss = progress.losses[-1]
            if held_out:
                loss = net.epoch_loss(training=False)
                progress.scores.append(-loss)
            if not np.isfinite(loss):
                raise ValueError(
                    f"The loss is {loss} after {epoch} epoch(s): scale X, lower "
                    "learning_rate_init, or look for extreme values."
                )
            without = without + 1 if loss > progress.best - tol else 0
            if loss < progress.best:
                progress.best = loss
                if held_out:
                    best_state = copy_state(net.module_)
            if after_epoch(epoch) or interrupted or without > n_iter_no_change:
                return epoch, True
    finally:
        net.notify("on_train_end", X=None, y=None)
        if held_out:
            net.module_.load_state_dict(best_state)
    return epoch, False


def _run_epoch(net, rows):
    """Run an epoch, and return whether a callback of skorch ends the training."""
    try:
        net.fit_loop(rows, epochs=1)
    except KeyboardInterrupt:  # this is how they do it
        if not net.callbacks_ or net.history[-1].get("train_batch_count") is None:
            raise
        return True
    return False


def copy_state(module):
    """Return a module's state, as copies that further training leaves alone."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
