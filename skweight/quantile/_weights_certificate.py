"""A lower bound of the optimum from any multipliers, so that a gap means what it says."""

import numpy as np

# Share of a column's costs by which its stationarity may be missed through rounding.
_ROUNDING = 1e-9

# By how much multipliers are pulled inward where nothing else gives a bound.
_INWARD = (1e-3, 1e-2, 1e-1)

# Corrections of the multipliers.
_CORRECTIONS = 4


def dual_bound(band, a, w, signed, unit_sum, crossing=None, lam=None):
    """Return a lower bound of the objective over all weights, minus infinity if none is known.

    With h = D a (less the pull of crossing rows), weak duality gives ``y'a - max h`` per group
    under the simplex, and ``y'a`` where h is 0 in free columns and at most 0 in signed ones.
    Where it is not quite, a is corrected along the observations that have room in their box, and
    shrunk into it.

    Parameters
    ----------
    band : Band
        The observations.
    a : ndarray of shape (m, r)
        Multipliers, from the solver; clipped to their box.
    w : ndarray of shape (n_groups, d)
        Weights at hand: what rounding leaves of h is charged at their size.
    signed : ndarray of bool of shape (d,)
        Columns whose weights must not be negative.
    unit_sum : bool
        Whether the signed weights of each group sum to 1.
    crossing : Crossing or None, default=None
        Rows that must not cross.
    lam : ndarray of shape (n_crossing,) or None, default=None
        Their multipliers, at least 0.

    Returns
    -------
    bound : float
        In the units of the band's costs.
    a : ndarray of shape (m, r)
        The corrected multipliers.
    """
    up = band.cost * band.levels[:, None]
    down = band.cost - up
    a = np.clip(a, -down, up)
    coupled = crossing is not None and len(crossing.pair) > 0
    lam = np.maximum(lam, 0.0) if coupled else np.empty(0)
    exact = ~signed if unit_sum else np.ones_like(signed)  # columns whose h has a sign to keep

    def pull(a, lam):
        h = _products(band, a) + band.linear
        return h - crossing.pull(lam, band.group_of, w.shape) if coupled else h

    def correct(a, lam, wrong, power=2):
        """Take off h what it misses, by moving what has room to move."""
        room = np.maximum(np.minimum(up - a, a + down), 0.0) ** power
        if not coupled or unit_sum:
            return a - _correction(band, room, wrong, signed, reference), lam
        change = _joint_solution(band, crossing, room, lam**2, wrong)
        a = a - room * _fitted(band, change)
        return a, np.maximum(lam + lam**2 * crossing.excess(change, band.group_of), 0.0)

    def missed(h):
        """By how much h misses its sign, and, under the simplex, its level where w > 0."""
        if not unit_sum:
            return np.where(signed, np.maximum(h, 0.0), h)
        level = h[np.arange(len(h)), reference][:, None]
        counts = (w > 1e-7) | (h > level)
        return np.where(signed, np.where(counts, h - level, 0.0), h)

    # Under the simplex only differences of h matter: to that of the largest weight.
    reference = np.argmax(np.where(signed, w, -np.inf), axis=1) if unit_sum else None
    size = np.zeros(w.shape)
    np.add.at(size, band.group_of, _absolute_sums(band))
    best = -np.inf, a

    def judge(a, h):
        """Return the bound of multipliers, shrunk into their box where h must keep signs."""
        shrink = 1.0
        if exact.any():
            with np.errstate(divide="ignore", invalid="ignore"):
                limit = np.where(a > 0, up / a, np.where(a < 0, -down / a, np.inf))
            shrink = min(1.0, float(limit.min()))
        bound = float((band.y * a).sum()) + float(band.constant.sum())
        if unit_sum:
            bound -= float(h[:, signed].max(axis=1).sum())
        if exact.any():
            left = np.abs(missed(h))[:, exact]
            if not (left <= _ROUNDING * size[:, exact]).all():
                return best
            bound -= float((left * (1.0 + np.abs(w[:, exact]))).sum())
        return max(best, (shrink * bound, shrink * a), key=lambda found: found[0])

    h = pull(a, lam)
    first, first_lam = a, lam
    hoped = float((band.y * a).sum() + band.constant.sum())
    hoped -= float(h[:, signed].max(axis=1).sum()) if unit_sum else 0.0
    for _ in range(_CORRECTIONS):
        best = judge(a, h)
        wrong = missed(h)
        if (np.abs(wrong) <= 1e-15 * size).all():
            return best
        a, lam = correct(a, lam, wrong)
        if exact.any():  # outside of the box, for once: `judge` shrinks it
            best = judge(a, pull(a, lam))
        a = np.clip(a, -down, up)
        h = pull(a, lam)
    best = judge(a, h)
    if not exact.any() or best[0] >= (1 - 1e-6) * hoped:
        return best
    # Multipliers of a rough solution have no room: further inside their box they have.
    for share in _INWARD:
        a, lam = (1 - share) * first, (1 - share) * first_lam
        a, lam = correct(a, lam, missed(pull(a, lam)), power=2)
        best = judge(a, pull(a, lam))
    return best


def _products(band, a):
    """Return D a summed over the lines of each group, (n_groups, d)."""
    out = np.zeros_like(band.linear)
    lines = a @ band.D[0].T if band.shared else np.matmul(band.D, a[:, :, None])[:, :, 0]
    np.add.at(out, band.group_of, lines)
    return out


def _fitted(band, w):
    """Return D w of each line, (m, r)."""
    w = w[band.group_of]
    return w @ band.D[0] if band.shared else np.matmul(w[:, None, :], band.D)[:, 0]


def _absolute_sums(band):
    """Return the sum of c |D| of each line, (m, d)."""
    D = np.abs(band.D)
    if band.shared:
        return band.cost @ D[0].T
    return np.matmul(D, np.asarray(band.cost)[:, :, None])[:, :, 0]


def _correction(band, room, missed, signed, reference):
    """Return the change of a, within its room, that takes off h what it misses."""
    out = np.zeros(room.shape)
    for g in np.flatnonzero(missed.any(axis=1)):
        lines = np.flatnonzero(band.group_of == g)
        columns = missed[g] != 0
        gram = np.zeros((columns.sum(), columns.sum()))
        parts = []
        for k in lines:
            D = band.D[0] if band.shared else band.D[k]
            base = 0.0 if reference is None else np.where(signed[columns, None], D[reference[g]], 0)
            D = D[columns] - base
            parts.append(D)
            gram += (D * room[k]) @ D.T
        scale = 1.0 / np.sqrt(np.maximum(np.diag(gram), np.finfo(float).tiny))
        gram = gram * scale * scale[:, None]
        solution = scale * _least_squares(gram, scale * missed[g, columns])
        for k, D in zip(lines, parts):
            out[k] = room[k] * (solution @ D)
    return out


def _joint_solution(band, crossing, room, room_of_rows, missed):
    """Return x with D room D'x + A'room A x = missed: groups that crossing rows couple."""
    G, d = missed.shape
    gram = np.zeros((G, d, G, d))
    for k, g in enumerate(band.group_of):
        D = band.D[0] if band.shared else band.D[k]
        gram[g, :, g] += (D * room[k]) @ D.T
    crossing.add_curvature(gram, room_of_rows, band.group_of)
    gram = gram.reshape(G * d, G * d)
    scale = 1.0 / np.sqrt(np.maximum(np.diag(gram), np.finfo(float).tiny))
    gram = gram * scale * scale[:, None]
    solution = scale * _least_squares(gram, scale * missed.ravel())
    return solution.reshape(G, d)


def _least_squares(gram, missed):
    """Return the shortest solution of a system, zeros where it overflows."""
    if not np.isfinite(gram).all():
        return np.zeros(len(missed))  # columns beyond all scales
    return np.linalg.lstsq(gram, missed, rcond=1e-14)[0]
