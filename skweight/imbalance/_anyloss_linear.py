"""A linear model trained for a metric, in numpy."""

import numpy as np
from sklearn.utils.extmath import safe_sparse_dot

from skweight.imbalance._batches import stratified_batches
from skweight.losses._anyloss import (
    confusion,
    decisions_of_scores,
    parts,
    score_slopes,
    steepness,
)

# Numbers of a block of scores: its few temporaries then take some tens of megabytes.
_BLOCK_NUMBERS = 2**20
# Derivative of a soft decision in a score below which a row moves nothing.
_FLAT = 1e-8
# Share of the largest entry of a gradient below which an entry is a rounding error.
_NOISE = 1e-13


class LinearRows:
    """Rows, their classes and their weights.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, p)
        The rows.
    y : ndarray of int of shape (n,)
        Their classes.
    weight : ndarray of shape (n,) or None
        Their weights; None counts every row once.
    """

    def __init__(self, X, y, weight):
        self.X = X.astype(np.float64, copy=False)
        self.y = y
        self.weight = weight

    def __len__(self):
        return len(self.y)

    def some(self, places):
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[places]
        return LinearRows(self.X[places], self.y[places], weight)

    @property
    def total(self):
        """The sum of weights."""
        return len(self) if self.weight is None else self.weight.sum()


class LinearNet:
    """A linear model and its optimiser, which start from 0.

    It does what an estimator's loop over epochs asks of a net of skorch. Two classes have a single
    score, that of the second.

    Parameters
    ----------
    n_features, n_classes : int
        Sizes.
    metric : callable
        As `skweight.losses._confusion_metrics.metric_function` returns it.
    amplification : float
        Steepness of the soft decisions.
    alpha : float
        Strength of the penalty.
    adam : bool
        Whether steps are those of Adam, not of plain gradient descent.
    learning_rate : float
        Step size.
    fit_intercept : bool
        Whether there is a constant.
    batch_size : int or None
        Rows of a step; None means all.
    shuffle : bool
        Whether every epoch has new batches.
    seed : int
        Of their order.
    """

    callbacks_ = ()  # none of skorch

    def __init__(
        self,
        n_features,
        n_classes,
        *,
        metric,
        amplification,
        alpha,
        adam,
        learning_rate,
        fit_intercept,
        batch_size,
        shuffle,
        seed,
    ):
        self.metric = metric
        self.amplification = amplification
        self.alpha = alpha
        self.learning_rate = learning_rate
        self.fit_intercept = fit_intercept
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.rng = np.random.RandomState(seed)
        # The last column holds the intercepts.
        self.theta = np.zeros((1 if n_classes == 2 else n_classes, n_features + 1))
        self.moments = np.zeros((2, *self.theta.shape)) if adam else None
        self.n_steps = 0

    @property
    def module_(self):
        """The model itself: there is nothing around it."""
        return self

    @property
    def coef(self):
        """Weights, of shape (1, n_features) for two classes."""
        return self.theta[:, :-1]

    @property
    def intercept(self):
        """Constants, of shape (1,) for two classes."""
        return self.theta[:, -1]

    def scores(self, X):
        """Return scores of rows, of shape (n, 1) for two classes."""
        return safe_sparse_dot(X, self.coef.T) + self.intercept

    # ---------------------------------------------------------------- training

    def go_on(self, adam, learning_rate, alpha):
        """Take over what may differ from one fit to the next, and refuse what may not."""
        if adam != (self.moments is not None):
            raise ValueError(
                "warm_start and partial_fit go on with the same optimizer, got another: set "
                "warm_start=False."
            )
        self.learning_rate = learning_rate
        self.alpha = alpha

    def notify(self, *args, **kwargs):
        """Tell nobody: there are no callbacks."""

    def _set_training(self, training):
        """Predict at any time: there are no layers that only training has."""

    def fit_loop(self, rows, epochs=1):
        """Take a step for every batch of one epoch."""
        total = size = 0.0
        for batch in self._batches(rows[0]):
            loss, gradient = self.loss_and_gradient(batch)
            self._step(gradient)
            total, size = total + loss * batch.total, size + batch.total
        self._loss = total / size

    def epoch_loss(self, training):
        """Return the mean loss of the epoch's batches by their weight, penalty included."""
        return self._loss

    def _batches(self, rows):
        n = len(rows)
        if self.batch_size is None or self.batch_size >= n:
            return [rows]
        order = self.rng.permutation(n) if self.shuffle else np.arange(n)
        return map(rows.some, stratified_batches(rows.y, order, self.batch_size))

    def loss_and_gradient(self, rows):
        """Return the loss of a batch, penalty included, and its gradient in `theta`."""
        block = max(1, _BLOCK_NUMBERS // max(2, len(self.theta)))
        starts = range(0, len(rows), block)

        def forward(start):
            part = rows.some(slice(start, start + block))
            return part, *self._soft_of(part.X)

        # Several blocks are computed twice: the gradient wants the sums over all rows first.
        kept = [forward(0)] if len(starts) == 1 else None
        matrix = sum(
            confusion(part.y, soft, part.weight) for part, _, soft in kept or map(forward, starts)
        )
        value, by_hits, by_columns = self.metric(*parts(matrix))
        gradient = np.zeros_like(self.theta)
        for part, p, soft in kept or map(forward, starts):
            slopes = score_slopes(part.y, p, soft, by_hits, by_columns, self.amplification)
            if part.weight is not None:
                slopes = slopes * part.weight[:, None]
            gradient[:, :-1] -= safe_sparse_dot(part.X.T, slopes).T
            gradient[:, -1] -= slopes.sum(axis=0)
        share = self.alpha / rows.total
        gradient[:, :-1] += share * self.coef
        if not self.fit_intercept:
            gradient[:, -1] = 0
        return 1 - value + share / 2 * (self.coef**2).sum(), gradient

    def _soft_of(self, X):
        return decisions_of_scores(self.scores(X), self.amplification)

    def _step(self, gradient):
        self.n_steps += 1
        if self.moments is None:
            self.theta = self.theta - self.learning_rate * gradient
            return
        # At equal probabilities some metrics have no gradient in the intercepts; Adam would make
        # steps of its rounding errors that are as long as any.
        gradient = np.where(np.abs(gradient) < _NOISE * np.abs(gradient).max(), 0, gradient)
        decay = np.array([0.9, 0.999])
        news = np.stack([gradient, gradient**2])
        self.moments += (1 - decay)[:, None, None] * (news - self.moments)
        mean, square = self.moments / (1 - decay**self.n_steps)[:, None, None]
        self.theta = self.theta - self.learning_rate * mean / (np.sqrt(square) + 1e-8)

    def is_stuck(self, X):
        """Tell whether no row's soft decision moves any more with its scores."""
        p, soft = self._soft_of(X)
        return bool((steepness(p, soft, self.amplification) < _FLAT).all())
