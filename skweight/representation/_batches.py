"""Batches with several rows of each of several classes."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state, column_or_1d

# So many classes are in a batch where nothing else was asked for.
_MOST_CLASSES = 16


class BalancedBatchSampler:
    """Draw batches that hold some rows of each of some classes.

    Losses of pairs need rows of the same class in a batch, of which a plain batch has few where
    there are many classes. It can be the ``batch_sampler`` of a loader of torch, and needs no torch
    itself.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Classes, of which one at least has two rows.
    n_classes_per_batch : int or None, default=None
        Classes in a batch, at least 2. More than have two rows means these; None means these, 16 at
        the most.
    n_per_class : int, default=5
        Rows of each class in a batch, at least 2.
    random_state : int, RandomState instance or None, default=None
        Source of the draws. Every pass has new ones.

    Attributes
    ----------
    n_batches_ : int
        Batches of a pass: as many as it takes to hold as many rows as there are.

    See Also
    --------
    MultiSimilarityEmbedding : Draws its batches so.

    Notes
    -----
    Classes are drawn with equal probability. Rows of a class are shuffled and dealt in groups of
    `n_per_class`; those left over are not dealt, and all are shuffled again. A class with fewer
    rows is repeated within a batch. Classes with one row can be no positive pair: each of their
    rows is added to one batch of a pass. Where a single batch would have a place for every row, it
    holds all rows once, in their order.

    Examples
    --------
    >>> from skweight.representation import BalancedBatchSampler
    >>> y = ["a"] * 6 + ["b"] * 4 + ["c"] * 2
    >>> sampler = BalancedBatchSampler(y, n_classes_per_batch=2, n_per_class=3, random_state=0)
    >>> len(sampler)
    2
    >>> for batch in sampler:
    ...     print([y[i] for i in batch])
    ['a', 'a', 'a', 'c', 'c', 'c']
    ['b', 'b', 'b', 'a', 'a', 'a']

    A loader wants no ``batch_size`` beside it; nets of skorch give one, which must be 1 then:
    ``NeuralNet(..., iterator_train__batch_sampler=sampler, iterator_train__batch_size=1)``.
    """

    def __init__(self, y, n_classes_per_batch=None, n_per_class=5, random_state=None):
        wanted = _MOST_CLASSES if n_classes_per_batch is None else n_classes_per_batch
        for name, value, least in (
            ("n_classes_per_batch", wanted, 2),
            ("n_per_class", n_per_class, 2),
        ):
            if not isinstance(value, Integral) or value < least:
                raise ValueError(f"{name} must be a whole number, {least} or more, got {value!r}.")
        _, codes = np.unique(column_or_1d(y), return_inverse=True)
        counts = np.bincount(codes)
        rows = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
        self._classes = [part for part in rows if len(part) > 1]
        if not self._classes:
            raise ValueError(f"y must have a class with two rows, got {len(counts)} with one each.")
        self._single = np.array([part[0] for part in rows if len(part) == 1], dtype=int)
        self._n_rows = len(codes)
        self._n_chosen = min(wanted, len(self._classes))
        self._n_per_class = int(n_per_class)
        self._random = check_random_state(random_state)
        self.n_batches_ = -(-self._n_rows // (self._n_chosen * self._n_per_class))

    def __len__(self):
        return self.n_batches_

    def __iter__(self):
        if self.n_batches_ == 1:
            yield list(range(self._n_rows))
            return
        # Row b of it: the classes of batch b.
        chances = self._random.random_sample((self.n_batches_, len(self._classes)))
        chosen = chances.argsort(axis=1)[:, : self._n_chosen]
        groups = np.empty((*chosen.shape, self._n_per_class), dtype=int)
        for k, rows in enumerate(self._classes):
            here = chosen == k
            groups[here] = self._deal(rows, here.sum())
        single = np.array_split(self._random.permutation(self._single), self.n_batches_)
        for dealt, more in zip(groups, single, strict=True):
            yield [*dealt.ravel().tolist(), *more.tolist()]

    def _deal(self, rows, n_groups):
        """Return groups of rows: within a shuffle of all rows none comes twice, if it can be."""
        n_each = self._n_per_class
        per_shuffle = max(1, len(rows) // n_each)
        shape = (-(-n_groups // per_shuffle), len(rows))
        shuffled = rows[self._random.random_sample(shape).argsort(axis=1)]
        places = np.arange(per_shuffle * n_each) % len(rows)
        return shuffled[:, places].reshape(-1, n_each)[:n_groups]
