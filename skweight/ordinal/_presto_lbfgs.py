"""Come close to the optimum without second derivatives, where their matrix would be large."""

import numpy as np
from scipy.optimize import minimize


def lbfgs_approach(rows, penalty, theta, rtol, max_iter=1000):
    """Minimise the penalised mean loss by L-BFGS-B on positive and negative parts.

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
    """
    used = ~penalty.frozen
    priced = used & (penalty.l1 > 0)
    plain = used & ~priced
    n_priced = int(priced.sum())
    prices = penalty.l1[priced]
    ridge = penalty.ridge

    def unpack(v):
        theta = np.zeros(used.shape)
        theta[priced] = v[:n_priced] - v[n_priced : 2 * n_priced]
        theta[plain] = v[2 * n_priced :]
        return theta

    worst = [1.0]

    def value_and_gradient(v):
        theta = unpack(v)
        loss, terms = rows.evaluate(rows.predictors(theta))
        if not np.isfinite(loss):
            # Beyond the barrier: any large number makes the line search turn back.
            return 10.0 * worst[0], np.zeros_like(v)
        G = rows.gradient(terms) + ridge * theta
        split = v[: 2 * n_priced]
        value = loss + 0.5 * float((ridge * theta**2).sum())
        value += float(prices @ (split[:n_priced] + split[n_priced:]))
        worst[0] = max(worst[0], abs(value))
        return value, np.concatenate([G[priced] + prices, prices - G[priced], G[plain]])

    start = np.concatenate(
        [np.maximum(theta[priced], 0.0), np.maximum(-theta[priced], 0.0), theta[plain]]
    )
    bounds = [(0.0, None)] * (2 * n_priced) + [(None, None)] * int(plain.sum())
    found = minimize(
        value_and_gradient,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": max_iter, "ftol": rtol, "gtol": 0.0, "maxcor": 10},
    )
    return unpack(found.x)
