"""Pool adjacent violators, across the rows of a matrix."""

from functools import cache

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

# Values up to which the interpreter is quicker than loading the compiled function.
_SMALL = 20_000
# Rows at a time: a thread's share, and the same whatever their number.
_BLOCK = 4096
_LARGEST = float(np.finfo(np.float64).max)


def project_rows(forecast, n_jobs=None):
    """Return the isotonic regression of each row.

    Parameters
    ----------
    forecast : ndarray of shape (n, m)
        The rows, without NaN; floats. Means are made in float64 and rounded to its precision,
        which keeps the order.
    n_jobs : int or None, default=None
        Threads.

    Returns
    -------
    ndarray of shape (n, m)
        The ordered rows, a new array.
    """
    n, m = forecast.shape
    if n * m <= _SMALL or m == 1:
        return _project_few(forecast)
    out = np.empty((n, m), dtype=forecast.dtype)
    pool = _compiled()
    blocks = [slice(start, start + _BLOCK) for start in range(0, n, _BLOCK)]
    Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(_project_block)(pool, forecast[rows], out[rows]) for rows in blocks
    )
    return out


def _project_block(pool, forecast, out):
    """Fill one block of rows, on a thread of its own."""
    m = forecast.shape[1]
    scratch = np.empty(m), np.empty(m), np.empty(m, dtype=np.int64)
    if forecast.dtype == np.float16:  # the compiler knows no halves
        wide = forecast.astype(np.float64)
        pool(wide, *scratch)
        out[...] = wide
    else:
        out[...] = forecast  # the compiler would treat a read-only input as another type
        pool(out, *scratch)


def _project_few(forecast):
    """Do the same without a compiler; lists are what the interpreter is quick with."""
    out = np.array(forecast, order="C")
    crossed = (out[:, :-1] > out[:, 1:]).any(axis=1)
    if crossed.any():
        m = out.shape[1]
        rows = out[crossed].astype(np.float64).tolist()
        _pool_rows(rows, [0.0] * m, [0.0] * m, [0] * m)
        out[crossed] = rows
    return out


def _pool_rows(rows, means, totals, counts):
    """Pool adjacent violators in each row, in place; means, totals and counts are for scratch."""
    m = len(means)
    for row in rows:
        crossed = False
        for k in range(m - 1):
            if row[k] > row[k + 1]:
                crossed = True
                break
        if not crossed:
            continue
        last = -1
        for k in range(m):
            last += 1
            means[last], totals[last], counts[last] = row[k], row[k], 1
            # Only means that are strictly out of order are pooled, as they will be written: what
            # comes out is in order to the last bit.
            while last > 0 and means[last - 1] > means[last]:
                last -= 1
                totals[last] += totals[last + 1]
                counts[last] += counts[last + 1]
                if abs(totals[last]) <= _LARGEST:
                    means[last] = totals[last] / counts[last]
                else:  # the sum overflowed, the mean does not
                    share = counts[last + 1] / counts[last]
                    means[last] = (1 - share) * means[last] + share * means[last + 1]
        k = 0
        for block in range(last + 1):
            for _ in range(counts[block]):
                row[k] = means[block]
                k += 1


@cache
def _compiled():
    """Return the compiled loop; numba waits for the first call that needs it."""
    from numba import njit

    # One function without closures: what it refers to would be part of the cache's key.
    return njit(cache=True, nogil=True)(_pool_rows)
