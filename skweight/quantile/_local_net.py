"""The network behind local weights: its rows, where it starts, and its training."""

from functools import partial

import numpy as np
from scipy import sparse
from sklearn.model_selection import ShuffleSplit
from sklearn.utils import check_array, check_random_state

from skweight._core._callbacks import with_callbacks
from skweight._core._sklearn_compat import _safe_indexing
from skweight.neural._base import BaseNeural
from skweight.quantile._weights import quantile_stacking_weights

# Share of the start that is equal weights: what begins at 0 has no gradient and stays there.
_EQUAL_SHARE = 0.05
# Gap of the global weights, which are no more than a start.
_START_TOL = 1e-6
# Weights are made for so many numbers at a time.
_BLOCK_NUMBERS = 2**22


class LocalWeightsNet(BaseNeural):
    """Learn weights of base quantiles as a function of features.

    Parameters
    ----------
    quantiles : ndarray of shape (m,)
        Levels.
    weighting : {"coarse", "medium", "fine"}
        What has a weight.
    init : {"global", "equal"}
        Weights to start from.
    crossing : tuple of float
        Weight, margin and share of `CombinationLoss`.
    passthrough_features : array-like or None
        Columns that the weights depend on.
    **parameters
        Those of `BaseNeural`.
    """

    # Parameters of the bridge that the stack does not have.
    warm_start = compile = amp = False
    iterator_train = None
    # A row has as many weights as there are: few rows at a time.
    _valid_batch_rows = 256

    def __init__(self, quantiles, weighting, init, crossing, passthrough_features, **parameters):
        self.quantiles, self.weighting, self.init = quantiles, weighting, init
        self.crossing, self.passthrough_features = crossing, passthrough_features
        self.cv = None
        for name, value in parameters.items():
            setattr(self, name, value)

    @with_callbacks
    def fit(self, Q, X, y, weight, task, attributes):
        """Train.

        Parameters
        ----------
        Q : ndarray of shape (n, p, m)
            Base quantiles of rows that the base models did not see.
        X : array-like of shape (n, n_features)
            Their features.
        y, weight : ndarray of shape (n,)
            Outcomes, and weights of the rows.
        task : FitTask
            Hears of every epoch.
        attributes : callable
            Takes the net, and returns what the stack needs to predict.

        Returns
        -------
        LocalWeightsNet
            Itself.
        """
        used = np.flatnonzero(weight)
        Z = numeric_columns(X, self.passthrough_features)[used]
        self.n_features_in_ = Z.shape[1]
        Q, y, weight = Q[used], y[used], weight[used]
        self._features = _moments(Z, weight)
        self._outcome = tuple(part[0] for part in _moments(y[:, None], weight))
        self._size = Q.shape[1:]
        kept = self._hold_out(len(y))
        self._start = self._start_weights(Q[kept], y[kept], weight[kept])
        centre, scale = self._outcome
        rows = self._rows_of_net(Z, Q)
        if self.dtype == "auto":
            rows = rows.astype(Z.dtype)
        targets = [(y - centre) / scale, (Q.mean(axis=1) - centre) / scale]
        weight = None if (weight == 1).all() else weight
        self._listener = task, attributes
        try:
            self._train(rows, targets, weight, self._start.size)
        finally:
            del self._listener, self._start
            self.cv = None
        return self

    def combine(self, Q, X):
        """Return the combined quantiles (n, m) of rows, in the unit of the outcomes."""
        rows = self._rows_of_net(numeric_columns(X, self.passthrough_features), Q)
        centre, scale = self._outcome
        return centre + scale * self._outputs(rows)

    def weights(self, X):
        """Return the weights of rows: (n, p), (n, m, p), or (n, m, p, m) for output levels m."""
        return self._weights_of(self._standardised(numeric_columns(X, self.passthrough_features)))

    def _weights_of(self, Z):
        p, m = self._size
        found = self._outputs(Z, "weights")
        return found.reshape(len(Z), m, p, m) if self.weighting == "fine" else found

    def mean_weights(self, X, weight):
        """Return the weighted mean of the weights of rows, block by block."""
        Z = self._standardised(numeric_columns(X, self.passthrough_features))
        step = max(1, _BLOCK_NUMBERS // self._shape[1])
        sums = [
            np.tensordot(weight[start : start + step], self._weights_of(Z[start : start + step]), 1)
            for start in range(0, len(Z), step)
        ]
        return sum(sums) / weight.sum()

    # ---------------------------------------------------------------- hooks of the bridge

    def _criterion(self):
        from skweight.quantile._local_torch import CombinationLoss

        return CombinationLoss(self.quantiles, *self.crossing)

    def _builder(self, X, n_out, generator, dtype):
        from skweight.quantile._local_torch import build_combination

        n_features = self.n_features_in_
        network = super()._builder(X[:, :n_features], n_out, generator, dtype)
        return partial(build_combination, network, self._start, n_features, *self._size)

    def _epochs(self, rows, epochs, task):
        super()._epochs(rows, epochs, self._listener[0])

    def _reconstruction(self):
        return self._listener[1](self)

    # ---------------------------------------------------------------- rows

    def _hold_out(self, n):
        """Return the rows to train on, and choose the others for early stopping."""
        if not self.early_stopping:
            return np.arange(n)
        if n < 2:
            raise ValueError(f"early_stopping=True needs 2 rows at least to hold one out, got {n}.")
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        splitter = ShuffleSplit(1, test_size=self.validation_fraction, random_state=seed)
        self.cv = list(splitter.split(np.empty((n, 1))))
        return self.cv[0][0]

    def _start_weights(self, Q, y, weight):
        p, m = self._size
        shape = {"coarse": (p,), "medium": (m, p), "fine": (m, p * m)}[self.weighting]
        equal = np.full(shape, 1.0 / shape[-1])
        if self.init == "equal":
            return equal
        found = quantile_stacking_weights(
            Q, y, self.quantiles, weighting=self.weighting, sample_weight=weight, tol=_START_TOL
        )
        return (1 - _EQUAL_SHARE) * found.weights.reshape(shape) + _EQUAL_SHARE * equal

    def _standardised(self, Z):
        mean, scale = self._features
        return (Z - mean) / scale

    def _rows_of_net(self, Z, Q):
        centre, scale = self._outcome
        return np.hstack([self._standardised(Z), ((Q - centre) / scale).reshape(len(Q), -1)])


def numeric_columns(X, columns):
    """Return columns of X as finite floats, in the precision of X; None means all.

    Raises
    ------
    ValueError
        If they are not there, or not numbers.
    """
    if sparse.issparse(X):
        raise TypeError(
            "Sparse data was passed for X, but local weights need dense features: use "
            "X.toarray(), or densify it in a Pipeline."
        )
    if columns is not None:
        columns = list(columns)
        if not columns:
            return np.zeros((len(X), 1))
        X = X if hasattr(X, "shape") else np.asarray(X)
        try:
            X = _safe_indexing(X, columns, axis=1)
        except (IndexError, KeyError, ValueError) as error:
            raise ValueError(
                f"passthrough_features must be None or places or names of columns of X, got "
                f"{columns!r}: {error}"
            ) from error
    return check_array(X, dtype=[np.float64, np.float32], input_name="X", ensure_min_features=1)


def _moments(values, weight):
    """Return weighted means and standard deviations of columns, 1 for constant ones."""
    values = values.astype(np.float64)
    mean = np.average(values, axis=0, weights=weight)
    scale = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))
    constant = scale <= 10 * np.finfo(float).eps * np.abs(mean)
    return mean, np.where(constant, 1.0, scale)
