"""Detection of outliers among private rows, released once."""

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import validate_data

from skweight._core._sklearn_compat import _fit_context
from skweight.privacy._outlier_steps import OutlierSteps, if_offset_is_public


class PrivateOutlierDetector(OutlierMixin, OutlierSteps):
    """Score how far points lie from private rows, which were published once as noisy sums.

    `fit` spends (`epsilon`, `delta`) of differential privacy once and keeps noisy sums alone. From
    them the mean similarity of any point to the rows is read, for ever, with no further cost, and a
    point that is less similar than the `offset` is an outlier. The unit of privacy is one row:
    someone with g rows has g times `epsilon`.

    There is no parameter `contamination`: it asks for an exact number of outliers among the private
    rows, which is what no private release can give. Give an `offset` that is public, or let a part
    of the budget buy a noisy `quantile` of the scores of the private rows.

    Parameters
    ----------
    similarity : str, default="manhattan"
        What scores are means of, over rows, with each feature in units of the range between its
        bounds: "manhattan", the distance summed over features, or "sqeuclidean", the squared one,
        either over the number of features and with its sign changed, so that scores in the bounds
        are in [-1, 0]; or a kernel, "gaussian", "exponential", "laplacian", "rational_sqeuclidean",
        "rational_euclidean" or "rational_manhattan", as in `PrivateKernelDensity`, with scores in
        [0, 1] but for noise. Kernels see points between clusters, and take more rows.
    epsilon : float, default=1.0
        The privacy parameter, above 0, for the sums and the offset together.
    delta : float, default=0.0
        Probability of failure, in [0, 1), well below one over the number of rows. 0 is pure
        differential privacy, by exact discrete Laplace noise. Above 0, Gaussian noise is
        used where that is less.
    offset : float or None, default=None
        Scores below it are outliers. A number is public and free. None buys a noisy `quantile` of
        the scores of the private rows; this reads them twice, so that there is no `partial_fit`.
    quantile : float, default=0.05
        Share of the private rows whose score is below the offset that is bought, in (0, 1).
    offset_share : float, default=0.3
        Share of the budget that buys the offset, in (0, 1): of `epsilon`, or for Gaussian noise of
        what the inverse variances may add up to.
    bandwidth : float, default=0.2
        Bandwidth of a kernel, above 0, as a share of the largest distance within the bounds.
    n_features : int, default=256
        Number of random frequencies for a kernel.
    projection_seed : int, default=0
        Seed of the frequencies. They are public, and do not weaken the guarantee.
    bounds : (low, high) or None, default=None
        Public bounds of the rows, numbers or one for each feature; values outside count as the
        nearest bound. None takes them from the rows, which voids the guarantee, and warns.
    adjacency : {"add_remove", "replace"}, default="add_remove"
        What is hidden: whether a row is there, or which row it is. With "replace" the number of
        rows is public.
    n_hint : int, default=10_000
        About how many rows there are, as a public guess. A wrong one costs accuracy and never
        privacy. Do not count private rows for it.
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
    offset_ : float
        What `decision_function` subtracts from scores.
    release_ : dict of ndarray of int64
        All that is kept of the rows: noisy sums, by name; those of the offset begin with "offset".
    noise_scale_ : dict
        Scale of the noise in each of them: of the discrete Laplace law, or the standard deviation
        of the Gaussian one.
    noisy_n_ : float
        Estimated number of rows; with ``adjacency="replace"``, the number of rows.
    privacy_spent_ : PrivacySpent
        What the release cost, and whether the guarantee holds.
    bounds_ : ndarray of shape (2, n_features)
        The bounds.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if the rows had any.

    See Also
    --------
    PrivateDistanceSum : The sums of distances themselves.
    PrivateKernelDensity : The sums of kernels themselves.
    sklearn.ensemble.IsolationForest : Outliers without privacy.

    Notes
    -----
    A private offset is a second release whose input, the scores, depends on the first. Both are
    differentially private for whatever the other one is, and what they cost adds up: epsilons, or
    for Gaussian noise the inverse variances. The offset is read from noisy counts of scores on
    three levels of a tree with 512 cells. With n rows and pure noise, the share of the private rows
    below it is off by about ``10 / (n * epsilon * offset_share)``.

    References
    ----------
    .. [1] A. Backurs, Z. Lin, S. Mahabadi, S. Silwal and J. Tarnawski, "Efficiently Computing
       Similarities to Private Datasets", ICLR 2024, arXiv 2403.08917.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.privacy import PrivateOutlierDetector
    >>> X = np.random.default_rng(0).normal(size=(20_000, 2))
    >>> model = PrivateOutlierDetector(epsilon=1.0, bounds=(-5, 5), n_hint=20_000).fit(X)
    >>> model.predict([[0.0, 0.0], [4.0, -4.0]])
    array([ 1, -1])
    >>> bool(abs(np.mean(model.predict(X) == -1) - 0.05) < 0.02)
    True
    """

    def __init__(
        self,
        similarity="manhattan",
        *,
        epsilon=1.0,
        delta=0.0,
        offset=None,
        quantile=0.05,
        offset_share=0.3,
        bandwidth=0.2,
        n_features=256,
        projection_seed=0,
        bounds=None,
        adjacency="add_remove",
        n_hint=10_000,
        nonfinite="error",
        compute_dtype="float64",
        accountant=None,
        random_state=None,
    ):
        self.similarity = similarity
        self.epsilon = epsilon
        self.delta = delta
        self.offset = offset
        self.quantile = quantile
        self.offset_share = offset_share
        self.bandwidth = bandwidth
        self.n_features = n_features
        self.projection_seed = projection_seed
        self.bounds = bounds
        self.adjacency = adjacency
        self.n_hint = n_hint
        self.nonfinite = nonfinite
        self.compute_dtype = compute_dtype
        self.accountant = accountant
        self.random_state = random_state

    def fit(self, X, y=None):
        """Add up private rows, add noise and release the sums, and then the offset.

        The budget is spent before a row is read, and stays spent if fitting fails.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Private rows; values outside `bounds` count as the nearest bound.
        y : None
            Ignored.

        Returns
        -------
        PrivateOutlierDetector
            The fitted estimator, which holds noisy sums and no rows.

        Raises
        ------
        ValueError
            If a parameter means nothing, or the input is not finite.
        BudgetExceededError
            If `accountant` has less left than the release costs.

        Warns
        -----
        PrivacyLeakWarning
            If bounds are taken from the rows, or the noise is seeded.

        See Also
        --------
        partial_fit : Add up rows that come in blocks, with a public offset.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateOutlierDetector
        >>> X = np.random.default_rng(0).uniform(size=(1000, 2))
        >>> PrivateOutlierDetector(bounds=(0, 1)).fit(X).n_features_in_
        2
        """
        super().fit(X)
        if self.offset is None:
            self._pay_for_offset(X)
        return self

    @if_offset_is_public
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, *, block_id=None):
        """Add up more private rows; nothing is spent or can be queried before `release`.

        It is there with a public `offset` only. Until the release the estimator holds raw sums, and
        its pickle or copy is raw private data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Private rows. Pass each row once: passed twice, it has twice the influence that
            `epsilon` allows, and nothing notices.
        y : None
            Ignored.
        block_id : hashable or None, default=None
            A name of these rows: a second block of that name is refused, also by `merge`.

        Returns
        -------
        PrivateOutlierDetector
            Itself, holding raw sums until `release`.

        Raises
        ------
        ValueError
            If it has been released, a block comes twice, or a parameter changed.

        Warns
        -----
        PrivacyLeakWarning
            If bounds are taken from the rows, which are those of the first call.

        See Also
        --------
        merge : Add up what several estimators hold.
        release : Release what was added up.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateOutlierDetector
        >>> rng = np.random.default_rng(0)
        >>> model = PrivateOutlierDetector(bounds=(0, 1), offset=-0.4)
        >>> for k in range(3):
        ...     model = model.partial_fit(rng.uniform(size=(1000, 2)), block_id=k)
        >>> model.release().predict([[0.5, 0.5], [0.0, 1.0]])
        array([ 1, -1])
        """
        return super().partial_fit(X, block_id=block_id)

    def score_samples(self, X):
        """Return the mean similarity of points to the private rows.

        It is the noisy sum, divided by the noisy number of rows or by 1 if that is less. The
        larger, the more a point lies among the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points, which are public. They may lie outside of the bounds.

        Returns
        -------
        ndarray of shape (n_samples,)
            Noisy scores.

        See Also
        --------
        decision_function : Scores less the offset.
        standard_error : How much noise there is in it.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateOutlierDetector
        >>> X = np.random.default_rng(0).uniform(size=(20_000, 2))
        >>> model = PrivateOutlierDetector(bounds=(0, 1)).fit(X)
        >>> model.score_samples([[0.5, 0.5]]).round(1)
        array([-0.2])
        """
        return self._scores(self._checked_queries(X))

    def standard_error(self, X):
        """Return the standard deviation of `score_samples` that comes from noise in the sums.

        It follows from public quantities and the noisy number of rows, and so costs no privacy. Not
        in it is the noise of that number itself.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points, as in `score_samples`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Standard deviations.

        See Also
        --------
        score_samples : What they are of.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateOutlierDetector
        >>> X = np.random.default_rng(0).uniform(size=(20_000, 2))
        >>> model = PrivateOutlierDetector(bounds=(0, 1)).fit(X)
        >>> bool(model.standard_error([[0.5, 0.5]])[0] < 0.001)
        True
        """
        X = self._checked_queries(X)
        return self._score_errors(X)

    def decision_function(self, X):
        """Return scores less the offset.

        Negative ones are outliers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points, as in `score_samples`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Scores less `offset_`.

        See Also
        --------
        predict : The sign of it.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateOutlierDetector
        >>> X = np.random.default_rng(0).uniform(size=(20_000, 2))
        >>> model = PrivateOutlierDetector(bounds=(0, 1), offset=-0.4).fit(X)
        >>> model.decision_function([[0.5, 0.5]]).round(2)
        array([0.15])
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """Return -1 for outliers and 1 for all other points.

        An outlier has a score below the offset.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points, as in `score_samples`.

        Returns
        -------
        ndarray of int of shape (n_samples,)
            -1 or 1.

        See Also
        --------
        decision_function : By how much they are on that side.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateOutlierDetector
        >>> X = np.random.default_rng(0).uniform(size=(20_000, 2))
        >>> model = PrivateOutlierDetector(bounds=(0, 1), offset=-0.4).fit(X)
        >>> model.predict([[0.5, 0.5], [0.0, 1.0]])
        array([ 1, -1])
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _checked_queries(self, X):
        self._check_released()
        return validate_data(self, X, dtype=np.float64, reset=False)
