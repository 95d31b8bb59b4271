"""Negative log-likelihoods of ordinal models, row by row, with two derivatives.

Classes are coded 0..q and boundary k lies between the classes k and k + 1, so there are q
boundaries. Each boundary has a predictor z_k = intercept_k + coef_k . x that pushes towards
HIGHER classes in every family:

- cumulative: P(y <= k) = F(-z_k);
- continuation: P(y > k | y >= k) = F(z_k);
- stopping: P(y = k | y >= k) = F(-z_k);
- adjacent: log(p_{k+1} / p_k) = z_k (logit only).

A row of class c sees only the boundaries `touched(family, c, q)`, and all functions here take the
predictors of those alone, as an array of shape (number touched, number of rows of class c).
Rows sorted by class therefore need no masks, and a rare boundary costs next to nothing.
"""

import numpy as np

from skweight.ordinal._links import LINKS

FAMILIES = ("cumulative", "continuation", "stopping", "adjacent")


def touched(family, c, q):
    """Return the range of boundaries that enter the likelihood of a row of class c."""
    if family == "cumulative":
        return range(max(c - 1, 0), min(c, q - 1) + 1)
    if family == "adjacent":
        return range(q)
    return range(min(c, q - 1) + 1)


def class_terms(family, link, c, q, z, order=2):
    """Compute the loss of rows of one class and its derivatives.

    Parameters
    ----------
    family, link : str
        The model.
    c : int
        The class of the rows, 0..q.
    q : int
        Number of boundaries.
    z : ndarray of shape (t, n)
        Predictors of the touched boundaries.
    order : {0, 1, 2}, default=2
        Highest derivative wanted; with 1, those second derivatives that cost extra are left out.

    Returns
    -------
    loss : ndarray of shape (n,)
        Minus the log-likelihood of each row; inf where boundaries cross.
    gradient : ndarray of shape (t, n) or None
        First derivatives in z.
    hessian : dict of (int, int) to ndarray of shape (n,), or None
        Second derivatives in z for the pairs (i, j), i <= j, that are not identically 0.
    """
    if family == "cumulative":
        if 0 < c < q:
            middle = _middle_logit if link == "logit" else _middle
            return middle(LINKS[link], z[0], z[1], order)
        return _one_sided(link, z, [c == 0], order, upper_is_cdf=False)
    if family == "adjacent":
        return _adjacent(c, q, z, order)
    # Stays at each boundary passed, leaves at its own; the last class passes all of them.
    leaves = [k == c for k in touched(family, c, q)]
    return _one_sided(link, z, leaves, order, upper_is_cdf=family == "continuation")


def _one_sided(link, z, below, order, upper_is_cdf):
    """Sum over boundaries of -log P(below boundary) or -log P(above it).

    ``upper_is_cdf`` says whether P(above) = F(z) (continuation) or 1 - F(-z) (the others).
    """
    loss = np.zeros(z.shape[1])
    gradient = np.empty_like(z) if order else None
    hessian = {} if order else None
    for i, is_below in enumerate(below):
        sign = 1.0 if upper_is_cdf else -1.0
        use_cdf = is_below != upper_is_cdf
        value, first, second = _tail(link, sign * z[i], use_cdf, order)
        loss += value
        if order:
            gradient[i] = sign * first
            hessian[i, i] = second
    return loss, gradient, hessian


def _tail(link, t, use_cdf, order):
    """Compute -log F(t) or -log(1 - F(t)) with two derivatives in t."""
    if link == "logit":
        s = t if use_cdf else -t
        e = np.exp(-np.abs(s))
        value = np.maximum(-s, 0) + np.log1p(e)
        if not order:
            return value, None, None
        complement = np.where(s > 0, e, 1.0) / (1 + e)  # F(-s)
        return value, -complement if use_cdf else complement, e / (1 + e) ** 2
    functions = LINKS[link]
    with np.errstate(over="ignore"):
        log_tail = (functions.log_cdf if use_cdf else functions.log_sf)(t)
        if not order:
            return -log_tail, None, None
        hazard = np.exp(functions.log_pdf(t) - log_tail)
        score = functions.score(t)
    if use_cdf:
        return -log_tail, -hazard, _curvature(hazard, -score)
    return -log_tail, hazard, _curvature(hazard, score)


def _curvature(hazard, score):
    """Multiply hazard and hazard + score, which is at least 0 but for rounding; 0 wins over inf."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(hazard > 0, np.maximum(hazard * (hazard + score), 0.0), 0.0)


def _middle_logit(_, z_low, z_high, order):
    """Compute the cumulative logit loss of a middle class: two logistic losses and a barrier."""
    width = z_low - z_high  # b - a with a = -z_low, b = -z_high
    e_low, e_high = np.exp(-np.abs(z_low)), np.exp(-np.abs(z_high))
    d_low, d_high = 1 + e_low, 1 + e_high
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gap, rest = -np.expm1(-width), np.exp(-width)  # 1 - rest, without cancellation
        # log(d_low) + log(d_high) - log(gap), whose sum has no terms of opposite signs
        loss = np.log1p((e_low * d_high + e_high + rest) / gap)
    loss += np.maximum(-z_low, 0)
    loss += np.maximum(z_high, 0)
    crossed = ~(width > 0)
    if crossed.any():
        loss[crossed] = np.inf
        return loss, None, None  # there is no derivative to speak of
    if not order:
        return loss, None, None
    r = rest / gap
    gradient = np.empty((2, len(loss)))
    gradient[0] = -np.where(z_low > 0, e_low, 1.0) / d_low - r
    gradient[1] = np.where(z_high > 0, 1.0, e_high) / d_high + r
    if order < 2:
        return loss, gradient, {}
    s = r * (1 + r)
    hessian = {(0, 0): e_low / d_low**2 + s, (0, 1): -s, (1, 1): e_high / d_high**2 + s}
    return loss, gradient, hessian


def _middle(functions, z_low, z_high, order):
    """Compute the cumulative loss of a middle class for any link."""
    a, b = -z_low, -z_high
    log_p = functions.log_interval(a, b)
    if not order:
        return -log_p, None, None
    with np.errstate(over="ignore", invalid="ignore"):
        f_a = np.exp(functions.log_pdf(a) - log_p)
        f_b = np.exp(functions.log_pdf(b) - log_p)
        hessian = {
            (0, 0): f_a * (f_a + functions.score(a)),
            (0, 1): -f_a * f_b,
            (1, 1): f_b * (f_b - functions.score(b)),
        }
    return -log_p, np.stack([-f_a, f_b]), hessian


def _adjacent(c, q, z, order):
    scores = np.vstack([np.zeros(z.shape[1]), np.cumsum(z, axis=0)])
    top = scores.max(axis=0)
    weights = np.exp(scores - top)
    total = weights.sum(axis=0)
    loss = np.log(total) + top - scores[c]
    if not order:
        return loss, None, None
    above = np.cumsum(weights[:0:-1], axis=0)[::-1] / total  # P(y > k)
    below = np.cumsum(weights[:-1], axis=0) / total
    gradient = above - (np.arange(q) < c)[:, None]
    hessian = {(k, m): below[k] * above[m] for k in range(q) for m in range(k, q)}
    return loss, gradient, hessian


def null_intercepts(family, link, frequencies):
    """Return the intercepts (q,) that reproduce the class frequencies (q + 1,)."""
    above = np.cumsum(frequencies[::-1])[::-1][1:]
    if family == "adjacent":
        return np.log(frequencies[1:] / frequencies[:-1])
    quantile = LINKS[link].quantile
    if family == "cumulative":
        return -quantile(np.cumsum(frequencies)[:-1])
    at_risk = np.cumsum(frequencies[::-1])[::-1][:-1]
    if family == "continuation":
        return quantile(above / at_risk)
    return -quantile(frequencies[:-1] / at_risk)


def exceedance(family, link, z):
    """Return P(y > k) for predictors z of shape (n, q); cumulative boundaries may cross."""
    functions = LINKS[link]
    with np.errstate(over="ignore", under="ignore"):
        if family == "cumulative":
            return np.exp(functions.log_sf(-z))
        if family == "continuation":
            return np.exp(np.cumsum(functions.log_cdf(z), axis=1))
        if family == "stopping":
            return np.exp(np.cumsum(functions.log_sf(-z), axis=1))
        return np.cumsum(class_probabilities(family, link, z)[:, :0:-1], axis=1)[:, ::-1]


def class_probabilities(family, link, z):
    """Return the class probabilities (n, q + 1) for predictors z of shape (n, q).

    Where cumulative boundaries cross, the class between them gets its (negative) raw value.
    """
    n, q = z.shape
    functions = LINKS[link]
    p = np.empty((n, q + 1))
    with np.errstate(over="ignore", under="ignore"):
        if family == "adjacent":
            scores = np.hstack([np.zeros((n, 1)), np.cumsum(z, axis=1)])
            scores -= scores.max(axis=1, keepdims=True)
            np.exp(scores, out=p)
            return p / p.sum(axis=1, keepdims=True)
        if family == "cumulative":
            p[:, 0] = np.exp(functions.log_cdf(-z[:, 0]))
            p[:, -1] = np.exp(functions.log_sf(-z[:, -1]))
            a, b = -z[:, :-1], -z[:, 1:]
            forward = np.exp(functions.log_interval(a, b))
            p[:, 1:-1] = forward - np.exp(functions.log_interval(b, a))
            return p
        if family == "continuation":
            log_stay, log_leave = functions.log_cdf(z), functions.log_sf(z)
        else:
            log_stay, log_leave = functions.log_sf(-z), functions.log_cdf(-z)
        reached = np.hstack([np.zeros((n, 1)), np.cumsum(log_stay, axis=1)])
        p[:, :-1] = np.exp(reached[:, :-1] + log_leave)
        p[:, -1] = np.exp(reached[:, -1])
    return p
