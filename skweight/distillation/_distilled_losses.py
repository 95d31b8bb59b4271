"""What a student is trained for: what each loss compares scores with, and its gradient."""

import numpy as np
from scipy.special import entr, log_softmax, softmax

from skweight.losses._plackett_luce import ranking_loss, teacher_ranking


def loss_targets(loss, logits, places, temperature):
    """Return what the scores of a student are compared with, each with a row for each of theirs.

    Parameters
    ----------
    loss : {"plackett_luce", "kl", "cross_entropy"}
        The loss.
    logits : ndarray of shape (n, n_classes) or None
        The teacher's logits; None without a teacher.
    places : ndarray of int of shape (n,)
        True classes.
    temperature : float
        Of the teacher's softmax.

    Returns
    -------
    list of ndarray
        The order of the classes and the weights of the choices; or the true classes, and with a
        teacher its shares.
    """
    if loss == "plackett_luce":
        order, weights = teacher_ranking(logits, places, temperature)
        return [order, weights]
    if loss == "kl":
        return [places, softmax(logits / temperature, axis=1)]
    return [places]


def array_loss(loss, scores, targets, temperature, label_weight):
    """Return the loss of each row, and its derivatives in the scores.

    Parameters
    ----------
    loss : {"plackett_luce", "kl", "cross_entropy"}
        The loss.
    scores : ndarray of shape (n, n_classes)
        The student's logits.
    targets : list of ndarray
        As `loss_targets` returns them.
    temperature, label_weight : float
        Of "kl".

    Returns
    -------
    losses : ndarray of shape (n,)
        The losses.
    gradient : ndarray of shape (n, n_classes)
        The derivatives.
    """
    if loss == "plackett_luce":
        return ranking_loss(scores, *targets)
    places = targets[0]
    every, logs = np.arange(len(scores)), log_softmax(scores, axis=1)
    losses, gradient = -logs[every, places], np.exp(logs)
    gradient[every, places] -= 1
    if loss == "cross_entropy":
        return losses, gradient
    shares = targets[1]
    logs = log_softmax(scores / temperature, axis=1)
    away = -(shares * logs).sum(axis=1) - entr(shares).sum(axis=1)
    softened = temperature * (np.exp(logs) - shares)
    losses = label_weight * losses + (1 - label_weight) * temperature**2 * away
    return losses, label_weight * gradient + (1 - label_weight) * softened
