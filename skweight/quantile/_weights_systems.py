"""The symmetric systems of the interior-point method: many small ones, or one large one."""

import numpy as np
from scipy import linalg

# Columns up to which the groups' systems are solved together, by inversion and correction.
_NARROW = 32

# Size of a joint system from which its block tridiagonal form pays.
_DENSE = 256

# Corrections of each solution against the system without its ridge.
_REFINEMENTS = 2


def _unit_diagonal(H):
    """Return H scaled to a unit diagonal, and the scale."""
    diagonal = np.diagonal(H, axis1=-2, axis2=-1)
    scale = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    return H * scale[..., None] * scale[..., None, :], scale


def batched_solver(H, ridge):
    """Factor the groups' matrices (G, d, d); return a function that solves for (G, d)."""
    scaled, scale = _unit_diagonal(H)
    d = H.shape[-1]
    if d <= _NARROW:
        try:
            inverse = np.linalg.inv(scaled + ridge * d * np.eye(d))
        except np.linalg.LinAlgError:
            inverse = np.full_like(scaled, np.nan)

        def solve(b):
            b = (b * scale)[:, :, None]
            x = np.matmul(inverse, b)
            for _ in range(_REFINEMENTS):
                x = x + np.matmul(inverse, b - np.matmul(scaled, x))
            return x[:, :, 0] * scale

        return solve
    factors = [_factor(block, ridge) for block in scaled]
    return lambda b: np.stack([f(c) for f, c in zip(factors, b * scale)]) * scale


def joint_solver(H, n_groups, d, ridge, tridiagonal):
    """Factor one matrix for all groups; return a function that solves for (..., n_groups, d)."""
    scaled, scale = _unit_diagonal(H)
    banded = tridiagonal and n_groups > 4 and len(H) > _DENSE
    solve = (_factor_band if banded else _factor)(scaled, ridge, 2 * d - 1)

    def solve_groups(b):
        x = solve(b.reshape(-1, len(H)).T * scale[:, None])
        return (x * scale[:, None]).T.reshape(b.shape)

    return solve_groups


def _factor(H, ridge, _width=None):
    """Return a function that solves with a positive definite matrix; it gives NaN for others."""
    try:
        factor = linalg.cho_factor(
            H + ridge * len(H) * np.eye(len(H)), lower=True, check_finite=False
        )
    except linalg.LinAlgError:
        return lambda b: np.full_like(b, np.nan)
    return _refined(H, lambda b: linalg.cho_solve(factor, b, check_finite=False))


def _factor_band(H, ridge, width):
    """Do the same for a matrix with `width` diagonals on each side of the main one."""
    size = len(H)
    band = np.zeros((width + 1, size))
    for offset in range(width + 1):
        band[offset, : size - offset] = np.diagonal(H, -offset)
    band[0] += ridge * size
    try:
        factor = linalg.cholesky_banded(band, lower=True, check_finite=False)
    except linalg.LinAlgError:
        return lambda b: np.full_like(b, np.nan)
    return _refined(H, lambda b: linalg.cho_solve_banded((factor, True), b, check_finite=False))


def _refined(H, solve):
    """Return a function that solves and corrects against H itself."""

    def refined(b):
        x = solve(b)
        for _ in range(_REFINEMENTS):
            x = x + solve(b - H @ x)
        return x

    return refined
