"""Come close to the optimum without second derivatives, where their matrix would be large."""

from collections import deque

import numpy as np

_MEMORY = 10
_MAX_HALVINGS = 30


def lbfgs_approach(rows, penalty, theta, rtol, max_iter=1000):
    """Minimise the penalised mean loss by orthant-wise L-BFGS.

    The l1 penalty is linear as long as no coefficient changes its sign: each step stays in one
    orthant, and a coefficient that would leave it stops at an exact zero [1]_.

    Parameters
    ----------
    rows : Rows
        Training rows.
    penalty : Penalty
        Prices, without groups.
    theta : ndarray of shape (q, p + 1)
        Start, with finite loss.
    rtol : float
        Relative decrease of the objective in one iteration at which to stop.
    max_iter : int, default=1000
        Iterations at the most.

    Returns
    -------
    ndarray of shape (q, p + 1)
        A point close to the optimum, zeros exact.

    References
    ----------
    .. [1] G. Andrew and J. Gao, "Scalable Training of L1-Regularized Log-Linear Models",
       Proceedings of the 24th International Conference on Machine Learning, 2007.
    """
    prices, used = penalty.l1, ~penalty.frozen

    def evaluate(theta):
        loss, terms = rows.evaluate(rows.predictors(theta), order=1)
        if terms is None:
            return np.inf, None
        value = loss + 0.5 * float((penalty.ridge * theta**2).sum())
        value += float((prices * np.abs(theta)).sum())
        return value, (rows.gradient(terms) + penalty.ridge * theta) * used

    value, G = evaluate(theta)
    pairs = deque(maxlen=_MEMORY)
    for _ in range(max_iter):
        pull = np.where(
            theta != 0,
            G + prices * np.sign(theta),
            np.sign(G) * np.maximum(np.abs(G) - prices, 0.0),
        )
        direction = _two_loops(pairs, -pull)
        direction[(direction * pull >= 0) & (prices > 0)] = 0.0
        orthant = np.where(theta != 0, np.sign(theta), -np.sign(pull))
        t = 1.0 if pairs else 1.0 / max(1.0, float(np.abs(pull).sum()))
        for _ in range(_MAX_HALVINGS):
            new = theta + t * direction
            new[(prices > 0) & (new * orthant <= 0)] = 0.0
            new_value, new_G = evaluate(new)
            if new_value <= value + 1e-4 * np.vdot(pull, new - theta):
                break
            t *= 0.5
        else:
            return theta
        s, y = new - theta, new_G - G
        curvature = np.vdot(s, y)
        if curvature > max(1e-12 * np.vdot(y, y), 1e-200):
            pairs.append((s, y, curvature))
        small = value - new_value <= rtol * abs(new_value)
        theta, value, G = new, new_value, new_G
        if small:
            break
    return theta


def _two_loops(pairs, direction):
    """Multiply by the L-BFGS approximation of the inverse Hessian, in place."""
    shares = []
    for s, y, curvature in reversed(pairs):
        shares.append(np.vdot(s, direction) / curvature)
        direction -= shares[-1] * y
    if pairs:
        _, y, curvature = pairs[-1]
        direction *= curvature / np.vdot(y, y)
    for (s, y, curvature), share in zip(pairs, reversed(shares)):
        direction += (share - np.vdot(y, direction) / curvature) * s
    return direction
