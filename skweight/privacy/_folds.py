"""Folds in which a row's place depends on that row alone."""

import hashlib
import struct
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.model_selection import BaseCrossValidator

# Sparse rows that are made dense at a time.
_BLOCK = 1024


class PrivateKFold(BaseCrossValidator):
    """Cross-validate with folds that no row shifts for another.

    The fold of a row is a hash of its values, or of its group, under a public key. So a row that
    is added or removed changes the other rows of no fold, and one row's influence on each fit is
    what its `epsilon` says. With ``KFold`` a row that is added moves others across folds, so that a
    fit sees several rows changed, and stratified folds move by labels: only ``KFold`` without
    shuffling, and only with ``adjacency="replace"``, keeps the guarantee as stated.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    key : int, str or bytes, default=0
        Which folds. It is public, and must not be chosen by looking at scores.

    See Also
    --------
    PrivacyAccountant : The budget that all fits of a search draw on.
    sklearn.model_selection.KFold : Folds of equal size, which depend on the number of rows.

    Notes
    -----
    Folds have sizes that differ at random, and small data may leave one empty. Equal rows are in
    one fold. Pass as ``groups`` an identifier of the person where one person has several rows:
    then all of them are in one fold.

    Scores that cross-validation computes from private rows are outputs that nothing protects.
    Publishing them, or the parameters that they select, is not covered by any epsilon.

    References
    ----------
    .. [1] A. Backurs, Z. Lin, S. Mahabadi, S. Silwal and J. Tarnawski, "Efficiently Computing
       Similarities to Private Datasets", ICLR 2024, arXiv 2403.08917.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.privacy import PrivateKFold
    >>> X = np.arange(20.0).reshape(10, 2)
    >>> folds = PrivateKFold(2)
    >>> for train, test in folds.split(X):
    ...     print(len(train), len(test))
    4 6
    6 4
    """

    # What `groups` are for is this splitter's business, not the estimator's.
    __metadata_request__split = {"groups": True}

    def __init__(self, n_splits=5, *, key=0):
        if not isinstance(n_splits, Integral) or n_splits < 2:
            raise ValueError(f"n_splits must be an integer of at least 2, got {n_splits!r}.")
        if not isinstance(key, Integral | str | bytes):
            raise ValueError(f"key must be an int, a str or bytes, got {key!r}.")
        self.n_splits = n_splits
        self.key = key

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of folds.

        It depends on nothing but `n_splits`.

        Parameters
        ----------
        X : object, default=None
            Ignored.
        y : object, default=None
            Ignored.
        groups : object, default=None
            Ignored.

        Returns
        -------
        int
            The number.

        See Also
        --------
        assign : The fold of each row.

        Examples
        --------
        >>> from skweight.privacy import PrivateKFold
        >>> PrivateKFold(3).get_n_splits()
        3
        """
        return self.n_splits

    def assign(self, X, groups=None):
        """Return the fold that each row is in.

        A row gets the same fold in any data, on any machine.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows, of numbers, strings or both.
        groups : array-like of shape (n_samples,) or None, default=None
            Identifiers that are hashed in place of the rows.

        Returns
        -------
        ndarray of int of shape (n_samples,)
            Folds, counted from 0.

        See Also
        --------
        get_n_splits : The number of folds.

        Examples
        --------
        >>> from skweight.privacy import PrivateKFold
        >>> PrivateKFold(3).assign([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
        array([2, 1, 0])
        """
        rows = _row_bytes(X) if groups is None else map(_cell_bytes, groups)
        key = self.key if isinstance(self.key, bytes) else str(self.key).encode()
        # A key of any length: its own hash is 64 bytes.
        start = hashlib.blake2b(key=hashlib.blake2b(key).digest(), digest_size=8)
        folds = []
        for row in rows:
            digest = start.copy()
            digest.update(row)
            folds.append(int.from_bytes(digest.digest(), "little") % self.n_splits)
        return np.array(folds, dtype=np.intp)

    def _iter_test_masks(self, X=None, y=None, groups=None):
        folds = self.assign(X, groups)
        for fold in range(self.n_splits):
            yield folds == fold


def _row_bytes(X):
    """Yield each row as bytes, the same whatever the other rows and the container are."""
    if sparse.issparse(X):
        X = X.tocsr()
        for start in range(0, X.shape[0], _BLOCK):
            yield from _row_bytes(X[start : start + _BLOCK].toarray())
        return
    if hasattr(X, "dtype") and X.dtype.kind in "biuf":
        values = np.asarray(X).astype("<f8")  # a copy, which is ours to write to
        values += 0.0  # -0.0 is 0.0
        values[np.isnan(values)] = np.nan
        yield from (np.ascontiguousarray(row).tobytes() for row in values)
        return
    # A list of numbers becomes another type of array once another row holds a string.
    rows = X.to_numpy(dtype=object) if hasattr(X, "to_numpy") else np.asarray(X, dtype=object)
    for row in rows:
        yield b"".join(_cell_bytes(cell) for cell in np.atleast_1d(row))


def _cell_bytes(cell):
    if isinstance(cell, Real | np.bool_):
        value = float(cell) + 0.0
        return struct.pack("<d", value if value == value else np.nan)
    kind = "str" if isinstance(cell, str) else type(cell).__name__
    return hashlib.blake2b(f"{kind}:{cell}".encode(), digest_size=8).digest()
