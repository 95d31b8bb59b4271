"""Distance sums over private rows, released once."""

import warnings

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import validate_data

from skweight.privacy._bounds import row_blocks
from skweight.privacy._distance_frames import BoxFrame
from skweight.privacy._distance_steps import DistanceSteps

# Numbers in a block of queries.
_ROOM = 1 << 15


class PrivateDistanceSum(ClassNamePrefixFeaturesOutMixin, TransformerMixin, DistanceSteps):
    """Publish sums of distances to private rows, to be read for any number of queries.

    `fit` spends (`epsilon`, `delta`) of differential privacy once and keeps noisy sums alone. From
    them ``sum(dist(x, y) for x in X)`` is read for any y, for ever, with no further cost. Whoever
    holds the fitted object learns next to nothing about any single row: the unit of privacy is one
    row, and someone with g rows has g times `epsilon`.

    Parameters
    ----------
    metric : {"manhattan", "minkowski_power", "sqeuclidean", "euclidean"}, default="manhattan"
        The distance: sum over features of ``|x - y|`` or of its power `p`; the squared Euclidean
        distance; or the Euclidean one, by random projections, whose error relative to the sum is
        about ``0.76 / sqrt(n_projections)`` besides the noise.
    p : float or None, default=None
        The power, at least 1, for the first two metrics: ``p=1.5`` gives sums of
        ``|x - y| ** 1.5``. None means 1 for "manhattan" and 2 for "minkowski_power".
    epsilon : float, default=1.0
        The privacy parameter, above 0.
    delta : float, default=0.0
        Probability of failure, in [0, 1), well below one over the number of rows. 0 is pure
        differential privacy, by exact discrete Laplace noise. Above 0, Gaussian noise is
        used where that is less, which it is in many dimensions.
    bounds : (low, high) or None, default=None
        Public bounds of the rows, numbers or one for each feature; values outside count as the
        nearest bound. None takes them from the rows, which voids the guarantee, and warns.
    norm_bound : float or None, default=None
        For the Euclidean metrics, a public bound on the distance of rows from the middle of
        `bounds`, or from the origin without `bounds`; rows farther away are moved to it. None
        means half of the diagonal of `bounds`.
    adjacency : {"add_remove", "replace"}, default="add_remove"
        What is hidden: whether a row is there, or which row it is. With "replace" the number of
        rows is public.
    method : {"integrated", "sums", "rings"}, default="integrated"
        What is made of the noisy counts on the levels of a tree for each feature: a table of
        distance sums, which has the least noise and the fastest queries; answers from counts and
        sums of offsets; or, as in the paper, counts in rings around the query.
    alpha : float, default=0.1
        Relative error of the rings, above 0.
    consistency : bool, default=True
        Whether the counts of "integrated" are made consistent over levels and features, which
        never makes an answer worse.
    isotonic : bool, default=False
        Whether they are then made to be at least 0 as well. Answers are convex in y then, and
        biased, and `standard_error` is that without it.
    depth : int or None, default=None
        Number of levels, from 6 to 16: a feature has ``2 ** depth`` cells. None chooses it by
        `n_hint`, `epsilon`, `delta` and `bounds`.
    n_hint : int, default=10_000
        About how many rows there are, as a public guess. A wrong one costs accuracy and never
        privacy. Do not count private rows for it.
    n_projections : int, default=64
        Number of projections for "euclidean".
    projection_seed : int, default=0
        Seed of the projections. They are public, and do not weaken the guarantee.
    max_weight : float or None, default=None
        Public bound on `sample_weight`, above 0; weights are clipped to it and rounded down to a
        multiple of ``max_weight / 1024``, and noise is in proportion to it. None refuses weights.
    nonfinite : {"error", "clip"}, default="error"
        Whether NaN and infinity in rows are refused, which tells that there are any, or taken for
        the middle of the bounds and for a bound.
    compute_dtype : {"float64", "float32"}, default="float64"
        Type in which the integers of a row are computed.
    accountant : PrivacyAccountant or None, default=None
        The budget to spend from.
    random_state : int, RandomState instance or None, default=None
        None draws noise that nobody can repeat. Anything else voids the guarantee, and warns: it
        is for tests.

    Attributes
    ----------
    release_ : dict of ndarray of int64
        The noisy sums, by name: counts (and offsets) on levels of trees, of shape (n_coordinates,
        n_nodes), or moments.
    noise_scale_ : dict of ndarray
        Scale of the noise in each of them, for each coordinate: of the discrete Laplace law, or
        the standard deviation of the Gaussian one.
    noisy_n_ : float
        Estimated number of rows, or sum of their weights; with ``adjacency="replace"`` and
        without `max_weight`, the number of rows.
    privacy_spent_ : PrivacySpent
        What the release cost, and whether the guarantee holds.
    bounds_ : ndarray of shape (2, n_features)
        The bounds.
    depth_ : int or None
        Number of levels; None where there is no tree.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if the rows had any.

    See Also
    --------
    PrivacyAccountant : One budget for several releases.
    PrivateKFold : Folds with which one row changes each fit by one row.

    Notes
    -----
    Neighbouring data sets differ in one row. Noise is added to integers, by exact mechanisms, so
    that nothing is lost to floating point; the guarantee is as good as the operating system's
    random numbers and the ChaCha20 cipher.

    With ``method="integrated"`` every row counts as spread over its cell, and the standard
    deviation of the noise in one feature of range R is at most about ``4.5 * R / epsilon``, or
    ``1.5 * z * R`` with Gaussian noise, where z is the deviation that `epsilon` and `delta` ask of
    a count; it does not grow with the number of rows. Over d features of one range it is
    ``d ** 1.5`` times the former, or d times the latter.

    Time and memory of `fit` tell how many rows there are to whoever can measure them.

    References
    ----------
    .. [1] A. Backurs, Z. Lin, S. Mahabadi, S. Silwal and J. Tarnawski, "Efficiently Computing
       Similarities to Private Datasets", ICLR 2024, arXiv 2403.08917.
    .. [2] E. Liu, J. Y.-C. Hu, A. Reneau, Z. Song and H. Liu, "Differentially Private Kernel
       Density Estimation", arXiv 2409.01688.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.privacy import PrivateDistanceSum
    >>> X = np.random.default_rng(0).uniform(size=(20_000, 2))
    >>> model = PrivateDistanceSum(epsilon=1.0, bounds=(0, 1), n_hint=20_000).fit(X)
    >>> mean = model.distance_mean([[0.5, 0.5], [0.0, 0.0]])
    >>> bool(np.abs(mean - [0.5, 1.0]).max() < 0.02)
    True
    """

    def __init__(
        self,
        metric="manhattan",
        p=None,
        *,
        epsilon=1.0,
        delta=0.0,
        bounds=None,
        norm_bound=None,
        adjacency="add_remove",
        method="integrated",
        alpha=0.1,
        consistency=True,
        isotonic=False,
        depth=None,
        n_hint=10_000,
        n_projections=64,
        projection_seed=0,
        max_weight=None,
        nonfinite="error",
        compute_dtype="float64",
        accountant=None,
        random_state=None,
    ):
        self.metric = metric
        self.p = p
        self.epsilon = epsilon
        self.delta = delta
        self.bounds = bounds
        self.norm_bound = norm_bound
        self.adjacency = adjacency
        self.method = method
        self.alpha = alpha
        self.consistency = consistency
        self.isotonic = isotonic
        self.depth = depth
        self.n_hint = n_hint
        self.n_projections = n_projections
        self.projection_seed = projection_seed
        self.max_weight = max_weight
        self.nonfinite = nonfinite
        self.compute_dtype = compute_dtype
        self.accountant = accountant
        self.random_state = random_state

    def distance_sum(self, Y):
        """Return the sum of distances from all rows to each query.

        It costs no privacy, however many queries there are.

        Parameters
        ----------
        Y : array-like of shape (n_queries, n_features)
            Queries, which are public. Outside of `bounds`, "manhattan" answers with the distance
            to the bounds added for every row, and other powers with the answer at the bounds.

        Returns
        -------
        ndarray of shape (n_queries,)
            Noisy sums; small ones may come out negative.

        Warns
        -----
        UserWarning
            If a query is outside of bounds that matter to its answer.

        See Also
        --------
        distance_mean : The same divided by the noisy number of rows.
        standard_error : How much noise there is in it.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateDistanceSum
        >>> X = np.random.default_rng(0).uniform(size=(20_000, 2))
        >>> model = PrivateDistanceSum(epsilon=1.0, bounds=(0, 1)).fit(X)
        >>> bool(abs(model.distance_sum([[0.5, 0.5]])[0] / 10_000 - 1) < 0.02)
        True
        """
        Y = self._checked_queries(Y)
        return self._answered(self._answer.sums, Y) * (self._frame.factor * self._unit)

    def distance_mean(self, Y):
        """Return the mean distance from the rows to each query.

        It is the noisy sum, divided by the noisy number of rows or by 1 if that is less.

        Parameters
        ----------
        Y : array-like of shape (n_queries, n_features)
            Queries, as in `distance_sum`.

        Returns
        -------
        ndarray of shape (n_queries,)
            Noisy means.

        See Also
        --------
        distance_sum : The sums.
        score_samples : The same with its sign changed.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateDistanceSum
        >>> X = np.random.default_rng(0).uniform(size=(20_000, 2))
        >>> model = PrivateDistanceSum(epsilon=1.0, bounds=(0, 1)).fit(X)
        >>> bool(abs(model.distance_mean([[0.5, 0.5]])[0] - 0.5) < 0.02)
        True
        """
        return self.distance_sum(Y) / max(self.noisy_n_, 1.0)

    def score_samples(self, Y):
        """Return how close queries are to the rows: the mean distance with its sign changed.

        The larger, the more a query lies among the rows.

        Parameters
        ----------
        Y : array-like of shape (n_queries, n_features)
            Queries, as in `distance_sum`.

        Returns
        -------
        ndarray of shape (n_queries,)
            Scores.

        See Also
        --------
        distance_mean : The same with the other sign.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateDistanceSum
        >>> X = np.random.default_rng(0).uniform(size=(20_000, 2))
        >>> model = PrivateDistanceSum(epsilon=1.0, bounds=(0, 1)).fit(X)
        >>> middle, corner = model.score_samples([[0.5, 0.5], [0.0, 0.0]])
        >>> bool(middle > corner)
        True
        """
        return -self.distance_mean(Y)

    def transform(self, X):
        """Return the mean distance to the private rows as a column.

        So a release can be a step of a pipeline, a feature that says how far out a row is.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
            Queries, as in `distance_sum`.

        Returns
        -------
        ndarray of shape (n_queries, 1)
            Noisy means.

        See Also
        --------
        distance_mean : The same as a vector.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateDistanceSum
        >>> X = np.random.default_rng(0).uniform(size=(20_000, 2))
        >>> model = PrivateDistanceSum(epsilon=1.0, bounds=(0, 1)).fit(X)
        >>> model.transform(X[:3]).shape
        (3, 1)
        """
        return self.distance_mean(X)[:, None]

    def standard_error(self, Y):
        """Return the standard deviation of `distance_sum` that comes from noise.

        It is exact, follows from public quantities alone, and so costs no privacy. Not in it are
        the width of cells, the error of rings, and that of random projections.

        Parameters
        ----------
        Y : array-like of shape (n_queries, n_features)
            Queries, as in `distance_sum`.

        Returns
        -------
        ndarray of shape (n_queries,)
            Standard deviations.

        See Also
        --------
        distance_sum : What they are of.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateDistanceSum
        >>> X = np.random.default_rng(0).uniform(size=(1000, 1))
        >>> model = PrivateDistanceSum(epsilon=1.0, bounds=(0, 1), depth=10).fit(X)
        >>> model.standard_error([[0.5], [1.0]]).round(2)
        array([2.87, 4.05])
        """
        Y = self._checked_queries(Y)
        factor = self._frame.factor * self._unit * np.sqrt(self._n_releases)
        return self._answered(self._answer.std, Y) * factor

    def _answered(self, answer, Y):
        # Blocks whose intermediate arrays stay in a processor's cache.
        blocks = row_blocks(len(Y), max(1, _ROOM // Y.shape[1]))
        return np.concatenate([answer(self._frame.positions(Y[rows])) for rows in blocks])

    def _checked_queries(self, Y):
        self._check_released()
        Y = validate_data(self, Y, dtype=np.float64, reset=False)
        if isinstance(self._frame, BoxFrame) and (
            (self.bounds_[0] > Y).any() or (self.bounds_[1] < Y).any()
        ):
            power = self._frame.p
            told = "taken to grow linearly" if power == 1 else "taken to be those at the bounds"
            warnings.warn(
                f"Some queries are outside of the bounds; distance sums there are {told}.",
                UserWarning,
                stacklevel=3,
            )
        return Y

    @property
    def _n_features_out(self):
        return 1
