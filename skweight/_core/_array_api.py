"""Arrays of other libraries (torch, CuPy), through scikit-learn's experimental dispatch.

With ``sklearn.config_context(array_api_dispatch=True)`` an estimator that computes through the
functions here keeps the arrays of its user: tensors in, tensors out, on their own device. Without
it everything is numpy, as it always was. Functions differ between libraries only where the Array
API standard leaves something out, and those differences live here.
"""

import numpy as np
from scipy import linalg, sparse

from skweight._core._sklearn_compat import (
    check_same_namespace,
    get_namespace_and_device,
    max_precision_float_dtype,
    move_to,
)

__all__ = [
    "SUPPORTED",
    "as_type",
    "check_same_namespace",
    "concat",
    "copy_of",
    "eigh",
    "factorise",
    "float64_of",
    "float_types",
    "follow",
    "inverse_of",
    "is_numpy",
    "namespace",
    "svd",
    "take",
    "to_numpy",
    "zeros",
]

# Whether this scikit-learn can dispatch as it is needed here.
SUPPORTED = move_to is not None


def namespace(*arrays):
    """Return the namespace of the arrays: numpy, unless dispatch is on and they are of another."""
    if not SUPPORTED:
        return np
    xp, is_array_api, _ = get_namespace_and_device(*arrays)
    return xp if is_array_api and not is_numpy(xp) else np


def is_numpy(xp):
    """Tell whether a namespace is that of numpy."""
    return (
        xp is np
        or xp.__name__ in ("numpy", "array_api_compat.numpy")
        or (xp.__name__.endswith("array_api_compat.numpy"))
    )


def float_types(X):
    """Return float64 and float32 as validation wants them, in the namespace of X."""
    xp = namespace(X)
    return [xp.float64, xp.float32]


def _is_torch(xp):
    return xp.__name__.endswith("torch")


def follow(leader, *arrays):
    """Return arrays in the namespace and on the device of the first one; None stays None."""
    xp = namespace(leader)
    if xp is np:
        return [None if array is None else to_numpy(array) for array in arrays]
    _, _, device = get_namespace_and_device(leader)
    moved = move_to(*arrays, xp=xp, device=device)
    return [moved] if len(arrays) == 1 else list(moved)


def to_numpy(array):
    """Return any array, or sequence, as one of numpy; sparse matrices and None as they are."""
    if array is None or sparse.issparse(array) or isinstance(array, np.ndarray):
        return array
    if hasattr(array, "__dlpack__") and namespace(array) is not np:
        return move_to(array, xp=np, device="cpu")
    return np.asarray(array)


def zeros(shape, like):
    """Return zeros of a shape, with the type and device of another array."""
    xp = namespace(like)
    if xp is np:
        return np.zeros(shape, dtype=like.dtype)
    return xp.zeros(shape, dtype=like.dtype, device=like.device)


def concat(arrays, axis=0):
    """Return arrays one after the other."""
    xp = namespace(*arrays)
    return np.concatenate(arrays, axis=axis) if xp is np else xp.concat(arrays, axis=axis)


def take(array, places, axis=0):
    """Return rows, or columns, by places; of sparse matrices rows alone."""
    if sparse.issparse(array):
        return array[places]
    return namespace(array).take(array, places, axis=axis)


def copy_of(array):
    """Return a copy of an array."""
    xp = namespace(array)
    return array.copy() if xp is np else xp.asarray(array, copy=True)


def as_type(array, dtype):
    """Return an array in a type of its own namespace, itself if it has that already."""
    xp = namespace(array)
    return array.astype(dtype, copy=False) if xp is np else xp.astype(array, dtype, copy=False)


def float64_of(array):
    """Return an array in float64, or in the finest type that its device has."""
    xp = namespace(array)
    if xp is np:
        return np.asarray(array, dtype=np.float64)
    return as_type(array, max_precision_float_dtype(xp, array.device))


def eigh(matrix, overwrite=False):
    """Return eigenvalues, ascending, and eigenvectors of a symmetric matrix."""
    xp = namespace(matrix)
    if xp is not np:
        values, vectors = xp.linalg.eigh(matrix)
        return values, vectors
    # The transpose of a symmetric matrix in rows is the same one in columns, as LAPACK wants it.
    return linalg.eigh(matrix.T, overwrite_a=overwrite, check_finite=False)


def svd(matrix):
    """Return the thin singular value decomposition U, s, Vt."""
    xp = namespace(matrix)
    if xp is not np:
        U, s, Vt = xp.linalg.svd(matrix, full_matrices=False)
        return U, s, Vt
    return linalg.svd(matrix, full_matrices=False, check_finite=False)


def factorise(matrix, overwrite=False):
    """Factorise a positive definite matrix and return a function that solves with it.

    Parameters
    ----------
    matrix : array of shape (n, n)
        Symmetric and positive definite.
    overwrite : bool, default=False
        Whether the matrix may be lost.

    Returns
    -------
    callable
        Takes an array of shape (n, m) and returns the solution of the same shape.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite in floating point.
    """
    xp = namespace(matrix)
    if xp is np:
        factor = _cholesky(matrix, overwrite)
        return lambda right: linalg.cho_solve((factor, True), right, check_finite=False)
    try:
        factor = xp.linalg.cholesky(matrix)
    except RuntimeError as error:  # torch's LinAlgError is one
        raise np.linalg.LinAlgError(str(error)) from error
    if _is_torch(xp):
        import torch

        return lambda right: torch.cholesky_solve(right, factor)
    # The standard has no triangular solve.
    return lambda right: xp.linalg.solve(factor.T, xp.linalg.solve(factor, right))


def inverse_of(matrix, overwrite=False):
    """Return the inverse of a positive definite matrix.

    Parameters
    ----------
    matrix : array of shape (n, n)
        Symmetric and positive definite.
    overwrite : bool, default=False
        Whether the matrix may be lost.

    Returns
    -------
    array of shape (n, n)
        The inverse, symmetric to the last digit in numpy.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite in floating point.
    """
    xp = namespace(matrix)
    if xp is not np:
        solve = factorise(matrix, overwrite)
        return solve(xp.eye(matrix.shape[0], dtype=matrix.dtype, device=matrix.device))
    below, info = linalg.lapack.dpotri(_cholesky(matrix, overwrite), lower=True, overwrite_c=True)
    if info:
        raise np.linalg.LinAlgError("The matrix has no inverse in floating point.")
    _mirror(below)
    return below


def _cholesky(matrix, overwrite):
    """Return the factor in the lower triangle; what is above has no meaning."""
    # The transpose of a symmetric matrix in rows is the same one in columns, as LAPACK wants it.
    factor, _ = linalg.cho_factor(matrix.T, lower=True, overwrite_a=overwrite, check_finite=False)
    return factor


def _mirror(matrix, size=256):
    """Copy the lower triangle to the upper one, in place, by blocks that stay in the cache."""
    n = len(matrix)
    for start in range(0, n, size):
        stop = min(n, start + size)
        corner = matrix[start:stop, start:stop]
        corner[...] = np.tril(corner) + np.tril(corner, -1).T
        matrix[start:stop, stop:] = matrix[stop:, start:stop].T
