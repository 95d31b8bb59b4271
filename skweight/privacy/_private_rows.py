"""Check private rows and weights, without a word about what is in them.

Messages of scikit-learn and numpy may quote values, and how many rows there are. What reaches a
user from here names what is wrong, and is not chained to the message that says more.
"""

import re

import numpy as np
from sklearn.utils.validation import validate_data

# Messages that tell of columns, containers and parameters alone, and are passed on.
_HARMLESS = re.compile(
    r"X has \d+ features, but|The feature names should match|Feature names (are|must)"
    r"|Sparse data was passed|Found array with dim \d|np\.matrix is not supported"
)

# What a message is about, and what is said of it.
_SAYING = {
    "contains NaN": "Input X contains NaN. nonfinite='clip' takes it for the middle of the bounds.",
    "contains infinity": "Input X contains infinity or a value too large for a float: "
    "nonfinite='clip' takes it for the bound.",
    "Complex data": "Complex data not supported: X must hold real numbers.",
    "0 feature(s)": "Found array with 0 feature(s) (shape=(, 0)) while a minimum of 1 is required.",
    "0 sample(s)": "Found array with 0 sample(s): without rows, whatever is taken from rows must "
    "be given, as bounds.",
    "got 1D array": "Expected 2D array, got 1D array instead: X must have rows and columns.",
    "got scalar array": "Expected 2D array, got scalar array instead: X needs rows and columns.",
    "argument must be": "X must hold numbers: an argument must be a string or a real number.",
}
_ANY = "X must be a two-dimensional array of numbers."


def private_rows(estimator, X, *, reset, finite, accept_sparse=False, min_samples=1):
    """Return checked rows as an array of float64 or float32.

    Parameters
    ----------
    estimator : estimator
        Learns, or compares, the number and names of columns.
    X : array-like of shape (n_samples, n_features)
        Private rows.
    reset : bool
        Whether the columns are new.
    finite : bool
        Whether NaN and infinity are refused.
    accept_sparse : bool or str, default=False
        Sparse formats let pass.
    min_samples : int, default=1
        Fewest rows.

    Returns
    -------
    {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows.

    Raises
    ------
    ValueError or TypeError
        If they are no such array; the message tells nothing of any row.
    """
    refused = None
    try:
        # Large values overflow in a sum that is looked at for NaN, and numpy would warn of them.
        with np.errstate(all="ignore"):
            return validate_data(
                estimator,
                X,
                reset=reset,
                dtype=[np.float64, np.float32],
                accept_sparse=accept_sparse,
                ensure_all_finite=finite,
                ensure_min_samples=min_samples,
            )
    except (ValueError, TypeError, OverflowError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        refused = kind(_harmless(str(error)))
    # Outside of the handler: nothing is chained to it.
    raise refused


def _harmless(message):
    if _HARMLESS.match(message):
        return message
    return next((said for about, said in _SAYING.items() if about in message), _ANY)


def integer_weights(sample_weight, n_samples, max_weight, units, *, finite):
    """Return weights in units of ``max_weight / units``, rounded down.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or None
        Private weights, 1 each where None is given; they are clipped to between 0 and `max_weight`.
    n_samples : int
        Number of rows.
    max_weight : float
        The largest weight a row may have.
    units : int
        What the largest weight becomes.
    finite : bool
        Whether NaN and infinity are refused.

    Returns
    -------
    ndarray of int64 of shape (n_samples,)
        Weights from 0 to `units`.

    Raises
    ------
    ValueError
        If they are no such array; the message tells nothing of any row.
    """
    if sample_weight is None:
        weight = np.ones(n_samples)
    else:
        try:
            weight = np.asarray(sample_weight, dtype=np.float64)
        except (ValueError, TypeError):
            weight = None
        if weight is None or weight.shape != (n_samples,):
            raise ValueError("sample_weight must be one number for each row of X.")
    if finite and not np.isfinite(weight).all():
        raise ValueError("sample_weight must be finite.")
    # Elementwise, so that the integer of a row depends on no other row.
    weight = np.clip(np.nan_to_num(weight, nan=0.0, posinf=max_weight, neginf=0.0), 0, max_weight)
    return np.floor(weight / max_weight * units).astype(np.int64)
