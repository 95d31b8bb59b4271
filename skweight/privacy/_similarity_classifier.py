"""Classification by similarity to the private rows of each class, released once."""

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import validate_data

from skweight.privacy._similarity_steps import SimilaritySteps


class PrivateSimilarityClassifier(ClassifierMixin, SimilaritySteps):
    """Tell classes by similarity to their private rows, published once as noisy sums.

    `fit` adds up the rows of each class, adds noise and forgets the rows. A query then gets the
    class to whose rows it is most similar. There is no gradient and no iteration, and queries are
    unlimited. The unit of privacy is one row with its label: someone with g rows has g times
    `epsilon`. A row belongs to one class, so that every class has the whole budget.

    With "sqeuclidean", rows are put into the cube from -1 to 1 by `bounds`, get one constant
    coordinate, `lift`, and are divided by their norm. The similarity of two rows is their inner
    product then, which is 1 less half of their squared distance. A kernel is estimated by random
    features. What is classified by its content, as images are, is better turned into features
    before, by a network that was trained on public data.

    Parameters
    ----------
    similarity : str, default="sqeuclidean"
        "sqeuclidean"; or a kernel, "gaussian", "exponential", "laplacian", "rational_sqeuclidean",
        "rational_euclidean" or "rational_manhattan", as in `PrivateKernelDensity`. Kernels tell
        classes apart that lie around each other; they take a small `epsilon` less well.
    epsilon : float, default=1.0
        The privacy parameter, above 0.
    delta : float, default=0.0
        Probability of failure, in [0, 1), well below one over the number of rows. 0 is pure
        differential privacy, by exact discrete Laplace noise. Above 0, Gaussian noise is
        used where that is less, which it is in more than a few dimensions.
    rule : {"direction", "average"}, default="direction"
        Whether a class is scored by the similarity of a query to the direction of its sum, which
        needs no count of rows and so leaves all of the budget to the sum; or by the mean
        similarity to its rows, as in the paper.
    count_share : float or None, default=None
        Share of the counts of rows in the budget, in [0, 1): in `epsilon`, or for Gaussian noise in
        what the inverse variances may add up to. None means 0 with "direction", and with "average"
        0.15, or 0.5 for Gaussian noise.
    classes : array-like of shape (n_classes,) or None, default=None
        The classes, which are public, at least two. Rows with any other label are left out without
        a word, and classes without a row get noise. None takes them from y, which voids the
        guarantee, and warns.
    bounds : (low, high) or None, default=None
        Public bounds of the rows, numbers or one for each feature; values outside count as the
        nearest bound. None takes them from the rows, which voids the guarantee, and warns.
    bandwidth : float, default=0.2
        Bandwidth of a kernel, above 0, as a share of the largest distance within the bounds, where
        each feature is divided by its range.
    n_features : int, default=256
        Number of random frequencies for a kernel, each of which makes two coordinates. Gaussian
        noise does not depend on it, so that more are better; pure noise grows with its square root.
    projection_seed : int, default=0
        Seed of the frequencies. They are public, and do not weaken the guarantee. Do not choose it
        by results on private rows.
    lift : float, default=0.5
        For "sqeuclidean", the constant coordinate, from 0 to 1000. With 0, rows in one direction
        from the middle of the bounds are one row. The larger, the more its distance from the middle
        tells of a row and the less its direction: much of it suits few features.
    adjacency : {"add_remove", "replace"}, default="add_remove"
        What is hidden: whether a row is there, or which row it is. With "replace" the total number
        of rows is public, the numbers in classes are not.
    n_hint : int, default=10_000
        About how many rows there are, as a public guess; a `delta` that is not well below one over
        it gives a warning.
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
        All that is kept of the rows: noisy "sums" of shape (n_classes, n_coordinates), and noisy
        "counts" of shape (n_classes,) if they have a share.
    noise_scale_ : dict of float
        Scale of the noise in each of them: of the discrete Laplace law, or the standard deviation
        of the Gaussian one.
    noisy_n_ : ndarray of shape (n_classes,) or None
        Noisy numbers of rows, or sums of their weights; None where they have no share.
    privacy_spent_ : PrivacySpent
        What the release cost, and whether the guarantee holds.
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted.
    bounds_ : ndarray of shape (2, n_features)
        The bounds.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if the rows had any.

    See Also
    --------
    PrivateDistanceSum : Sums of distances to private rows.
    PrivacyAccountant : One budget for several releases.

    Notes
    -----
    Over d features, sums of similarities have noise of standard deviation about
    ``sqrt(2 * d) / epsilon``, or z with Gaussian noise, where z is the deviation that `epsilon` and
    `delta` ask of a count: with many features, a small `delta` is worth a lot. With a kernel the
    former is ``2 * sqrt(n_features) / epsilon``. With ``adjacency="replace"`` all of them double.

    Scores take no account of how many rows classes have.

    References
    ----------
    .. [1] A. Backurs, Z. Lin, S. Mahabadi, S. Silwal and J. Tarnawski, "Efficiently Computing
       Similarities to Private Datasets", ICLR 2024, arXiv 2403.08917.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skweight.privacy import PrivateSimilarityClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = PrivateSimilarityClassifier(
    ...     epsilon=1.0, delta=1e-5, bounds=(0, 16), classes=range(10)
    ... )
    >>> model = model.fit(X[:1200], y[:1200])
    >>> bool(model.score(X[1200:], y[1200:]) > 0.75)
    True
    >>> model.privacy_spent_.valid
    True
    """

    def __init__(
        self,
        similarity="sqeuclidean",
        *,
        epsilon=1.0,
        delta=0.0,
        rule="direction",
        count_share=None,
        classes=None,
        bounds=None,
        bandwidth=0.2,
        n_features=256,
        projection_seed=0,
        lift=0.5,
        adjacency="add_remove",
        n_hint=10_000,
        max_weight=None,
        nonfinite="error",
        compute_dtype="float64",
        accountant=None,
        random_state=None,
    ):
        self.similarity = similarity
        self.epsilon = epsilon
        self.delta = delta
        self.rule = rule
        self.count_share = count_share
        self.classes = classes
        self.bounds = bounds
        self.bandwidth = bandwidth
        self.n_features = n_features
        self.projection_seed = projection_seed
        self.lift = lift
        self.adjacency = adjacency
        self.n_hint = n_hint
        self.max_weight = max_weight
        self.nonfinite = nonfinite
        self.compute_dtype = compute_dtype
        self.accountant = accountant
        self.random_state = random_state

    def similarity_sum(self, X):
        """Return the sum of similarities to the private rows of each class.

        It can be read for any number of queries.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Queries, which are public. With "sqeuclidean" values outside of the bounds count as the
            nearest bound.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Noisy sums.

        See Also
        --------
        similarity_mean : The same divided by noisy numbers of rows.
        standard_error : How much noise there is in it.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.privacy import PrivateSimilarityClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = PrivateSimilarityClassifier(bounds=(0, 8), classes=[0, 1, 2]).fit(X, y)
        >>> model.similarity_sum(X[:2]).shape
        (2, 3)
        """
        X = self._checked_queries(X)
        queries = self._rows_.queries(X)
        return queries @ (self.release_["sums"] * self._unit).T

    def similarity_mean(self, X):
        """Return the mean similarity to the private rows of each class.

        It is the noisy sum, divided by the noisy number of rows or by 1 if that is less.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Queries, as in `similarity_sum`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Noisy means.

        Raises
        ------
        ValueError
            If the counts had no share in the budget.

        See Also
        --------
        similarity_sum : The sums.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.privacy import PrivateSimilarityClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = PrivateSimilarityClassifier(
        ...     bounds=(0, 8), classes=[0, 1, 2], rule="average"
        ... ).fit(X, y)
        >>> model.similarity_mean(X[:2]).shape
        (2, 3)
        """
        sums = self.similarity_sum(X)
        if self.noisy_n_ is None:
            raise ValueError("similarity_mean needs counts, but count_share was 0.")
        return sums / np.maximum(self.noisy_n_, 1.0)

    def standard_error(self, X):
        """Return the standard deviation of `similarity_sum` that comes from noise.

        It is exact, follows from public quantities alone, and so costs no privacy.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Queries, as in `similarity_sum`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Standard deviations, which are those of every class.

        See Also
        --------
        similarity_sum : What they are of.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.privacy import PrivateSimilarityClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = PrivateSimilarityClassifier(bounds=(0, 8), classes=[0, 1, 2]).fit(X, y)
        >>> model.standard_error(X[:2]).round(2)
        array([3.16, 3.16])
        """
        X = self._checked_queries(X)
        return self._rows_.query_norms(X) * self._deviation

    def decision_function(self, X):
        """Return the score of each class.

        The class with the largest one is predicted.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Queries, as in `similarity_sum`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples,)
            Cosines of the angles between queries and the noisy sums, or noisy mean similarities
            with ``rule="average"``. With two classes, the score of the second less that of the
            first.

        See Also
        --------
        predict : The class with the largest score.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.privacy import PrivateSimilarityClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = PrivateSimilarityClassifier(bounds=(0, 8), classes=[0, 1, 2]).fit(X, y)
        >>> model.decision_function(X[:2]).shape
        (2, 3)
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def predict(self, X):
        """Return the class with the largest score.

        Queries are public, and as many as one likes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Queries, as in `similarity_sum`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.

        See Also
        --------
        decision_function : The scores.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.privacy import PrivateSimilarityClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = PrivateSimilarityClassifier(bounds=(0, 8), classes=[0, 1, 2]).fit(X, y)
        >>> model.predict(X[:2]).shape
        (2,)
        """
        scores = self._scores(X)
        return self.classes_[scores.argmax(axis=1)]

    def predict_proba(self, X):
        """Return the softmax of the scores, which is no probability.

        It is between 0 and 1, sums to 1 over classes, and ranks them; but how often a prediction is
        right cannot be read from it. Calibrate scores on rows that are public, or pay for it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Queries, as in `similarity_sum`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Softmax of the scores.

        See Also
        --------
        decision_function : The scores.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skweight.privacy import PrivateSimilarityClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = PrivateSimilarityClassifier(bounds=(0, 8), classes=[0, 1, 2]).fit(X, y)
        >>> model.predict_proba(X[:2]).sum(axis=1).round(6)
        array([1., 1.])
        """
        return softmax(self._scores(X), axis=1)

    def _scores(self, X):
        X = self._checked_queries(X)
        queries = self._rows_.queries(X)
        return queries @ self._directions.T

    def _checked_queries(self, X):
        self._check_released()
        return validate_data(self, X, dtype=np.float64, reset=False)
