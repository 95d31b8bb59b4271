"""Whether the rows nearest to a row are of its class."""

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.preprocessing import normalize
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from skweight._core._sklearn_compat import check_sample_weight

_METRICS = ("cosine", "euclidean")
# Similarities of a block of queries take 32 MB.
_BLOCK_NUMBERS = 2**22


def recall_at_k(X, y, X_query=None, y_query=None, *, k=1, metric="cosine", sample_weight=None):
    """Compute the share of rows that have one of their class among the k nearest.

    This is how retrieval is judged [1]_: something of the kind that was looked for should be among
    the first k results. Without queries every row is looked for among all others.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows to look among.
    y : array-like of shape (n_samples,)
        Their classes.
    X_query : array-like of shape (n_queries, n_features) or None, default=None
        Rows to look for. None means those of `X`, each without itself.
    y_query : array-like of shape (n_queries,) or None, default=None
        Their classes.
    k : int or array-like of int, default=1
        How many of the nearest rows count, at least 1.
    metric : {"cosine", "euclidean"}, default="cosine"
        What is near: a small angle, or a small distance.
    sample_weight : array-like of shape (n_queries,) or None, default=None
        Weights of the queries, at least 0. None means 1 for all.

    Returns
    -------
    float or ndarray of float
        The share, between 0 and 1, for each k. Queries of which no other row has the class are left
        out; of equally near rows the first is taken first.

    Raises
    ------
    ValueError
        If an argument is not as described, or no query has a row of its class to find.

    See Also
    --------
    mean_average_precision_at_r : Whether all the nearest rows are of the class.
    skweight.representation.MultiSimilarityEmbedding : Moves rows of one class together.

    References
    ----------
    .. [1] H. Jegou, M. Douze and C. Schmid, "Product quantization for nearest neighbor search",
       IEEE Transactions on Pattern Analysis and Machine Intelligence 33, 2011.

    Examples
    --------
    >>> from skweight.metrics import recall_at_k
    >>> X = [[1.0, 0.0], [1.0, 0.3], [0.3, 1.0], [0.0, 1.0], [1.0, 0.2]]
    >>> y = ["a", "a", "b", "b", "b"]
    >>> recall_at_k(X, y, k=[1, 2, 4]).tolist()
    [0.4, 0.8, 1.0]
    """
    k_values = np.asarray(k)
    if k_values.dtype.kind not in "iu" or k_values.ndim > 1 or not (k_values >= 1).all():
        raise ValueError(f"k must hold whole numbers, 1 or more, got {k!r}.")

    def places(near, relevant):
        """Return how many rows of other classes come before the first of the class."""
        first = np.where(relevant, near, -np.inf).argmax(axis=1)[:, None]
        best = np.take_along_axis(near, first, axis=1)
        return ((near > best) | ((near == best) & (np.arange(near.shape[1]) < first))).sum(axis=1)

    place, weight = _by_query(places, X, y, X_query, y_query, metric, sample_weight)
    shares = [float(np.average(place < each, weights=weight)) for each in np.atleast_1d(k_values)]
    return np.array(shares) if k_values.ndim else shares[0]


def mean_average_precision_at_r(
    X, y, X_query=None, y_query=None, *, metric="cosine", sample_weight=None
):
    r"""Compute how purely the nearest rows are of a row's class, the nearest first.

    With R rows of the class of a query, its R nearest rows count [1]_. It is 1 where they are those
    of the class, and unlike the recall of one neighbour it sees whether classes hold together.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows to look among.
    y : array-like of shape (n_samples,)
        Their classes.
    X_query : array-like of shape (n_queries, n_features) or None, default=None
        Rows to look for. None means those of `X`, each without itself.
    y_query : array-like of shape (n_queries,) or None, default=None
        Their classes.
    metric : {"cosine", "euclidean"}, default="cosine"
        What is near: a small angle, or a small distance.
    sample_weight : array-like of shape (n_queries,) or None, default=None
        Weights of the queries, at least 0. None means 1 for all.

    Returns
    -------
    float
        The mean over queries of :math:`\frac1R \sum_{i \le R} P(i)\, r(i)`, where r(i) says whether
        the i-th nearest row is of the class, and P(i) is the share of such among the first i. It is
        between 0 and 1. Queries of which no other row has the class are left out; of equally near
        rows the first is taken first.

    Raises
    ------
    ValueError
        If an argument is not as described, or no query has a row of its class to find.

    See Also
    --------
    recall_at_k : Whether one of the nearest rows is of the class.
    skweight.representation.MultiSimilarityEmbedding : Moves rows of one class together.

    References
    ----------
    .. [1] K. Musgrave, S. Belongie and S.-N. Lim, "A Metric Learning Reality Check", ECCV 2020,
       arXiv 2003.08505.

    Examples
    --------
    >>> from skweight.metrics import mean_average_precision_at_r
    >>> X = [[1.0, 0.0], [1.0, 0.3], [0.3, 1.0], [0.0, 1.0], [1.0, 0.2]]
    >>> mean_average_precision_at_r(X, ["a", "a", "b", "b", "b"])
    0.2
    """

    def precisions(near, relevant):
        n_relevant = relevant.sum(axis=1, keepdims=True)
        most = n_relevant.max()
        order = np.argsort(-near, axis=1, kind="stable")[:, :most]
        found = np.take_along_axis(relevant, order, axis=1)
        rank = np.arange(1, most + 1)
        hits = found & (rank <= n_relevant)
        return (hits * found.cumsum(axis=1) / rank).sum(axis=1) / n_relevant[:, 0]

    values, weight = _by_query(precisions, X, y, X_query, y_query, metric, sample_weight)
    return float(np.average(values, weights=weight))


def _by_query(score, X, y, X_query, y_query, metric, sample_weight):
    """Return scores of the queries that have something to find, and their weights.

    Parameters
    ----------
    score : callable
        Takes nearness and a mask of rows of the class, of a block of queries by all rows, and
        returns a score for each query.
    X, y, X_query, y_query, metric, sample_weight
        Arguments of the metrics.

    Returns
    -------
    scores : ndarray of shape (n_found,)
        Of queries with a row of their class.
    weight : ndarray of shape (n_found,)
        Weights of these.
    """
    if not (isinstance(metric, str) and metric in _METRICS):
        raise ValueError(f"metric must be one of {_METRICS}, got {metric!r}.")
    if (X_query is None) != (y_query is None):
        raise ValueError("X_query and y_query must be given both or neither, got one of them.")
    X, y = _checked(X, y, "X", metric)
    alone = X_query is None
    rows, labels = (X, y) if alone else _checked(X_query, y_query, "X_query", metric)
    if rows.shape[1] != X.shape[1]:
        raise ValueError(f"X_query must have {X.shape[1]} columns as X has, got {rows.shape[1]}.")
    weight = check_sample_weight(sample_weight, rows)
    codes = np.unique(np.concatenate([y, labels]), return_inverse=True)[1]
    codes, wanted = codes[: len(y)], codes[len(y) :]
    counts = np.bincount(codes, minlength=wanted.max() + 1)[wanted] - alone
    queries = np.flatnonzero((counts > 0) & (weight > 0))
    if not len(queries):
        raise ValueError("No query has a row of its class to find: some class needs two rows.")
    size = max(1, _BLOCK_NUMBERS // len(X))
    scores = []
    for start in range(0, len(queries), size):
        block = queries[start : start + size]
        near = _nearness(rows[block], X, metric)
        relevant = wanted[block, None] == codes
        if alone:
            itself = np.arange(len(block)), block
            near[itself], relevant[itself] = -np.inf, False
        scores.append(score(near, relevant))
    return np.concatenate(scores), weight[queries]


def _nearness(rows, X, metric):
    """Return numbers that are larger for nearer rows; `X` is of unit length for "cosine"."""
    return rows @ X.T if metric == "cosine" else -euclidean_distances(rows, X, squared=True)


def _checked(X, y, name, metric):
    """Return rows, of unit length where angles count, and labels."""
    X = check_array(X, dtype=np.float64, input_name=name)
    y = column_or_1d(y)
    check_consistent_length(X, y)
    if metric == "cosine":
        X = normalize(X)
    return X, y
