"""What the sweeps over sorted predictions share: their windows, and centring afterwards.

A sweep goes through predictions z in increasing order. To row i, the rows below its window count
with the sign +1, those above with -1, and those in the window ``|z_i - z_j| < width`` with
``(z_i - z_j) / width``. With a width of 0 the ties of z_i are its window, and count nothing.

Compiled functions call none of another file, and take its constants as arguments: a cache on disk
is made anew when the function's own file changes, not when that of one it calls does.
"""

import numpy as np
from numba import njit

# A window is summed from a base that moves on once the window is this many widths away.
REBASE = 10.0


@njit(cache=True, nogil=True)
def window_bounds(z, width):
    """Return for each of the sorted z where its window begins and ends (exclusive)."""
    n = len(z)
    lo, hi = np.empty(n, np.int64), np.empty(n, np.int64)
    left = right = 0
    for i in range(n):
        while z[i] - z[left] >= width and z[left] < z[i]:
            left += 1
        right = max(right, i + 1)
        while right < n and (z[right] - z[i] < width or z[right] == z[i]):
            right += 1
        lo[i], hi[i] = left, right
    return lo, hi


@njit(cache=True, nogil=True)
def _sides(z, f, lo, hi, width):
    """Sum f below less above the window, f clip over the window, and f over the window."""
    n = len(z)
    outer, inner, window = np.empty(n), np.zeros(n), np.empty(n)
    total = 0.0
    for j in range(n):
        total += f[j]
    below = near = product = 0.0
    left = right = 0
    base = z[0]
    for i in range(n):
        if z[i] - base > REBASE * width:  # fresh sums from a base nearby, without drift
            for j in range(left, lo[i]):
                below += f[j]
            left = right = lo[i]
            base, near, product = z[i], 0.0, 0.0
        while right < hi[i]:
            near += f[right]
            product += f[right] * (z[right] - base)
            right += 1
        while left < lo[i]:
            below += f[left]
            near -= f[left]
            product -= f[left] * (z[left] - base)
            left += 1
        outer[i] = below - (total - below - near)
        window[i] = near
        if width > 0:
            inner[i] = ((z[i] - base) * near - product) / width
    return outer, inner, window


@njit(cache=True, nogil=True)
def assemble(z, weight, row_sums, diagonal, a, b, lo, hi, width, outer, inner, window):
    """Centre the raw sums of a sweep, in place of the matrix.

    Parameters
    ----------
    z, weight : ndarray of shape (n,)
        Predictions, sorted, and weights.
    row_sums, diagonal : ndarray of shape (n,)
        Row sums of K to centre with, and what they leave out of the row's own.
    a, b : float
        The constants of `Centring`.
    lo, hi : ndarray of shape (n,)
        What `window_bounds` returned.
    width : float
        Half the width of the window.
    outer : ndarray of shape (n,)
        Sum of w_j K_ij below the window, less that above it.
    inner : ndarray of shape (n,)
        Sum of w_j K_ij (z_i - z_j) / width over the window.
    window : ndarray of shape (n,)
        Sum of w_j K_ij over the window, the row itself included.

    Returns
    -------
    value : float
        Sum over pairs of w_i w_j M_ij h(z_i - z_j).
    slopes : ndarray of shape (n,)
        Sum over j of w_j M_ij clip((z_i - z_j) / width, -1, 1).
    """
    n = len(z)
    total = all_sums = centre = 0.0
    for i in range(n):
        total += weight[i]
        centre += weight[i] * z[i]
        all_sums += weight[i] * row_sums[i]
    ones_outer, ones_inner, ones_window = _sides(z, weight, lo, hi, width)
    rows_outer, rows_inner, rows_window = _sides(z, weight * row_sums, lo, hi, width)
    # Only the value takes predictions near 0: small differences would lose digits by a shift.
    centre /= total
    value, slopes = 0.0, np.empty(n)
    for i in range(n):
        r = row_sums[i]
        far = outer[i] - a * (r * ones_outer[i] + rows_outer[i]) + b * all_sums * ones_outer[i]
        near = inner[i] - a * (r * ones_inner[i] + rows_inner[i]) + b * all_sums * ones_inner[i]
        if hi[i] - lo[i] == n:  # exactly, for rounding is not small beside what is left
            far = 0.0
        slopes[i] = far + near
        term = (z[i] - centre) * (2 * far + near)
        if width > 0 and hi[i] - lo[i] < n:
            kept = window[i] - a * (r * ones_window[i] + rows_window[i])
            kept += b * all_sums * ones_window[i]
            whole = r + diagonal[i] - a * (r * total + all_sums) + b * all_sums * total
            term -= 0.5 * width * (whole - kept)
        value += weight[i] * term
    return value, slopes
