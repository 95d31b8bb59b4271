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
    best_state : dict or None
        The module's state at the best epoch, if rows were held out.
    """

    def __init__(self):
        self.losses = []
        self.scores = []
        self.best = np.inf
        self.best_state = None


def train(net, rows, progress, max_iter, tol, n_iter_no_change, after_epoch, patient=False):
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
    patient : bool, default=False
        Whether callbacks of skorch may stop the training, which they do by an interrupt.

    Returns
    -------
    n_iter : int
        Epochs.
    settled : bool
        Whether training stopped before it had to.
    """
    held_out = rows[1] is not None
    without = 0
    epoch = 0
    net.notify("on_train_begin", X=None, y=None)
    try:
        for epoch in range(1, max_iter + 1):
            net.fit_loop(rows, epochs=1)
            progress.losses.append(net.epoch_loss(training=True))
            loss = progress.losses[-1]
            if held_out:
                loss = net.epoch_loss(training=False)
                progress.scores.append(-loss)
            if not np.isfinite(loss):
                raise ValueError(
                    f"The loss is {loss} after {epoch} epoch(s): lower learning_rate_init, scale X, "
                    "or look at its values."
                )
            without = without + 1 if loss > progress.best - tol else 0
            if loss < progress.best:
                progress.best = loss
                if held_out:
                    progress.best_state = copy_state(net.module_)
            if after_epoch(epoch) or without > n_iter_no_change:
                return epoch, True
    except KeyboardInterrupt:
        if not patient:
            raise
        return epoch, True
    finally:
        net.notify("on_train_end", X=None, y=None)
        if held_out and progress.best_state is not None:
            net.module_.load_state_dict(progress.best_state)
    return epoch, False


def copy_state(module):
    """Return a module's state, as copies that further training leaves alone."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
