"""The losses of a student, as functions of tensors."""

from functools import partial

from torch.nn import functional

from skweight.losses._plackett_luce_torch import ranking_losses


def tensor_loss(loss, temperature, label_weight):
    """Return a loss of outputs and the targets of `loss_targets`, with ``reduction=``.

    Parameters
    ----------
    loss : {"plackett_luce", "kl", "cross_entropy"}
        The loss.
    temperature, label_weight : float
        Of "kl".

    Returns
    -------
    callable
        The function.
    """
    if loss == "plackett_luce":
        return _ranking
    if loss == "kl":
        return partial(_mixture, temperature=temperature, label_weight=label_weight)
    return functional.cross_entropy


def _ranking(output, order, weights, reduction):
    losses = ranking_losses(output, order, weights)
    return losses.mean() if reduction == "mean" else losses


def _mixture(output, places, shares, reduction, temperature, label_weight):
    logs = functional.log_softmax(output / temperature, dim=1)
    away = functional.kl_div(logs, shares, reduction="none").sum(dim=1)
    away = away.mean() if reduction == "mean" else away
    labels = functional.cross_entropy(output, places, reduction=reduction)
    return label_weight * labels + (1 - label_weight) * temperature**2 * away
