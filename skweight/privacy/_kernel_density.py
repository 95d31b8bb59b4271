"""Kernel sums and densities over private rows, released once."""

import math

import numpy as np
from sklearn.base import DensityMixin

from skweight.privacy._kernel_density_steps import KernelDensitySteps

# Far from a grid not even noise is left.
_TINY = 1e-300


class PrivateKernelDensity(DensityMixin, KernelDensitySteps):
    """Publish sums of kernels over private rows, to be read for any number of queries.

    `fit` spends (`epsilon`, `delta`) of differential privacy once and keeps noisy sums alone. From
    them ``sum(k(x, y) for x in X)``, its mean and the log density are read for any y, for ever,
    with no further cost. Whoever holds the fitted object learns next to nothing about any single
    row: the unit of privacy is one row, and someone with g rows has g times `epsilon`.

    Parameters
    ----------
    kernel : str, default="gaussian"
        The kernel of ``u = x - y``, with the bandwidth h:

        - "gaussian": ``exp(-||u||_2 ** 2 / (2 h ** 2))``;
        - "exponential": ``exp(-||u||_2 / h)``;
        - "laplacian": ``exp(-||u||_1 / h)``;
        - "rational_sqeuclidean": ``1 / (1 + ||u||_2 ** 2 / h ** 2)``;
        - "rational_euclidean": ``1 / (1 + ||u||_2 / h)``;
        - "rational_manhattan": ``1 / (1 + ||u||_1 / h)``.

        The first two are those of ``sklearn.neighbors.KernelDensity``.
    bandwidth : float or {"scott", "silverman"}, default=1.0
        The bandwidth h, above 0, or one of scikit-learn's rules, with `n_hint` rows.
    epsilon : float, default=1.0
        The privacy parameter, above 0.
    delta : float, default=0.0
        Probability of failure, in [0, 1), well below one over the number of rows. 0 is pure
        differential privacy, by exact discrete Laplace noise. Above 0, Gaussian noise is used
        where that is less, which with random features it nearly always is.
    bounds : (low, high) or None, default=None
        Public bounds of the rows, numbers or one for each feature; values outside count as the
        nearest bound. None takes them from the rows, which voids the guarantee, and warns.
    adjacency : {"add_remove", "replace"}, default="add_remove"
        What is hidden: whether a row is there, or which row it is. With "replace" the number of
        rows is public, and the noise on sums is up to twice as large.
    algorithm : {"auto", "histogram", "features", "bernstein", "race"}, default="auto"
        What is released:

        - "histogram", for one feature: noisy numbers of rows on a grid, added up with the kernel.
        - "features": sums of cosines and sines at random frequencies that average to the kernel.
          The random error is ``n / sqrt(2 * n_features)`` at the most, about, and much less for few
          features of rows, since frequencies are spread evenly.
        - "bernstein", for up to three features: kernel sums on a lattice, with iterated Bernstein
          polynomials between them.
        - "race", for "laplacian" and "rational_manhattan": counts in buckets of random hashes that
          collide as the kernel says. It is the better one where the kernel is small.

        "auto" is "histogram" for one feature and "features" for more.
    n_features : int or None, default=None
        Number of random frequencies, or of hashes. Gaussian noise does not depend on it, so that
        more are better, up to the time they take. Pure noise grows with its square root. None takes
        as many as help, from 16 to 4096, by `n_hint` and points that are made up within `bounds`.
    count_share : float, default=0.1
        Share of the budget that goes to the number of rows, which means and densities are divided
        by, in [0, 1): of `epsilon` with pure noise; with Gaussian noise, the deviation on sums
        grows by ``sqrt(1 + count_share)``. With 0 there are only sums. The histogram tells the
        number of rows by itself, and "replace" makes it public.
    n_components : int or None, default=None
        Number of random directions that rows are projected to before, for "features" and kernels of
        the Euclidean distance. Distances are wrong by about ``1 / sqrt(n_components)``.
    structured : bool, default=False
        Whether frequencies are products of Hadamard matrices, for kernels of the Euclidean
        distance: several times as fast where rows have many features, and unbiased as well.
    rational_terms : "random" or int, default="random"
        For the rational kernels, whether they are a random mixture of exponentials, or a fixed sum
        of 2 to 40 of them as in the paper, which is off by 7e-4 at most with 10.
    bernstein_degree : int or None, default=None
        Degree of the polynomials. None chooses it by `n_hint`, `epsilon`, `delta` and `bounds`.
    density_floor : float or None, default=None
        What densities are at the least, above 0. None takes the density whose kernel sum is the
        noise's standard deviation.
    n_hint : int, default=10_000
        About how many rows there are, as a public guess. A wrong one costs accuracy and never
        privacy. Do not count private rows for it.
    projection_seed : int, default=0
        Seed of frequencies, hashes and directions. They are public, and do not weaken the
        guarantee. Do not choose it by results on private rows.
    max_weight : float or None, default=None
        Public bound on `sample_weight`, above 0; weights are clipped to it and rounded down to a
        multiple of ``max_weight / 1024``, and noise is in proportion to it. None refuses weights.
    nonfinite : {"error", "clip"}, default="error"
        Whether NaN and infinity in rows are refused, which tells that there are any, or taken for
        the middle of the bounds and for a bound.
    compute_dtype : {"float64", "float32"}, default="float64"
        Type in which the integers of a row are computed. "float32" is up to twice as fast, and
        right as long as differences within the bounds are below a thousand bandwidths.
    n_jobs : int or None, default=None
        Number of threads that random features are computed in. Results are the same to the bit.
    accountant : PrivacyAccountant or None, default=None
        The budget to spend from.
    random_state : int, RandomState instance or None, default=None
        None draws noise that nobody can repeat. Anything else voids the guarantee, and warns: it
        is for tests.

    Attributes
    ----------
    release_ : dict of ndarray of int64
        The noisy sums: "cells", "features", "values" or "buckets", and "count" where it is needed.
    noise_scale_ : dict of float
        Scale of the noise in each of them: of the discrete Laplace law, or the standard deviation
        of the Gaussian one.
    noisy_n_ : float or None
        Estimated number of rows, or sum of their weights; with ``adjacency="replace"`` and without
        `max_weight`, the number of rows. None where nothing was spent on it.
    privacy_spent_ : PrivacySpent
        What the release cost, and whether the guarantee holds.
    algorithm_ : str
        What was released.
    bandwidth_ : float
        The bandwidth.
    bounds_ : ndarray of shape (2, n_features)
        The bounds.
    n_features_in_ : int
        Number of features of rows.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if the rows had any.

    See Also
    --------
    SketchKernelDensity : The same without noise, and without privacy.
    PrivateDistanceSum : Sums of distances.
    sklearn.neighbors.KernelDensity : Exact densities, without privacy.

    Notes
    -----
    With q random frequencies a row moves each pair of a cosine and a sine by a vector of length 1.
    The deviation of a kernel sum is ``2 * sqrt(q) / epsilon`` with pure noise, and z with Gaussian
    noise, whatever q is, where z is the deviation that `epsilon` and `delta` ask of a count.

    A row becomes integers that depend on that row alone, to the bit, and whose norm is checked;
    noise is added to sums of integers, by exact mechanisms. So nothing is lost to floating point:
    the guarantee is as good as the operating system's random numbers and the ChaCha20 cipher.

    Time and memory of `fit` tell how many rows there are to whoever can measure them.

    References
    ----------
    .. [1] A. Backurs, Z. Lin, S. Mahabadi, S. Silwal and J. Tarnawski, "Efficiently Computing
       Similarities to Private Datasets", ICLR 2024, arXiv 2403.08917.
    .. [2] A. Rahimi and B. Recht, "Random Features for Large-Scale Kernel Machines", NeurIPS 2007.
    .. [3] R. Hall, A. Rinaldo and L. Wasserman, "Differential Privacy for Functions and Functional
       Data", JMLR 14, 2013.
    .. [4] F. Alda and B. I. P. Rubinstein, "The Bernstein Mechanism", AAAI 2017.
    .. [5] B. Coleman and A. Shrivastava, "A One-Pass Distributed and Private Sketch for Kernel Sums
       with Applications to Machine Learning at Scale", CCS 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from skweight.privacy import PrivateKernelDensity
    >>> X = np.random.default_rng(0).normal(0.5, 0.1, size=(20_000, 1))
    >>> model = PrivateKernelDensity(bandwidth=0.05, epsilon=1.0, bounds=(0, 1)).fit(X)
    >>> density = np.exp(model.score_samples([[0.5], [0.7]]))
    >>> bool(np.abs(density - [3.57, 0.72]).max() < 0.15)
    True
    """

    def __init__(
        self,
        kernel="gaussian",
        bandwidth=1.0,
        *,
        epsilon=1.0,
        delta=0.0,
        bounds=None,
        adjacency="add_remove",
        algorithm="auto",
        n_features=None,
        count_share=0.1,
        n_components=None,
        structured=False,
        rational_terms="random",
        bernstein_degree=None,
        density_floor=None,
        n_hint=10_000,
        projection_seed=0,
        max_weight=None,
        nonfinite="error",
        compute_dtype="float64",
        n_jobs=None,
        accountant=None,
        random_state=None,
    ):
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.epsilon = epsilon
        self.delta = delta
        self.bounds = bounds
        self.adjacency = adjacency
        self.algorithm = algorithm
        self.n_features = n_features
        self.count_share = count_share
        self.n_components = n_components
        self.structured = structured
        self.rational_terms = rational_terms
        self.bernstein_degree = bernstein_degree
        self.density_floor = density_floor
        self.n_hint = n_hint
        self.projection_seed = projection_seed
        self.max_weight = max_weight
        self.nonfinite = nonfinite
        self.compute_dtype = compute_dtype
        self.n_jobs = n_jobs
        self.accountant = accountant
        self.random_state = random_state

    def kernel_sum(self, Y):
        """Return the sum of kernels between all rows and each query.

        It is unbiased as far as noise and random features go.

        Parameters
        ----------
        Y : {array-like, sparse matrix} of shape (n_queries, n_features)
            Queries, which are public. With "bernstein", those outside of `bounds` are answered as
            at the nearest point of them, with a warning.

        Returns
        -------
        ndarray of shape (n_queries,)
            Noisy sums; small ones may come out negative.

        See Also
        --------
        kernel_mean : The same divided by the noisy number of rows.
        standard_error : How much noise there is in it.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateKernelDensity
        >>> X = np.random.default_rng(0).uniform(size=(20_000, 2))
        >>> model = PrivateKernelDensity(bandwidth=0.5, delta=1e-6, bounds=(0, 1)).fit(X)
        >>> bool(abs(model.kernel_sum([[0.5, 0.5]])[0] / 20_000 - 0.73) < 0.02)
        True
        """
        return self._kernel_sum(self._checked_queries(Y))

    def kernel_mean(self, Y):
        """Return the mean kernel between the rows and each query.

        It is the noisy sum, divided by the noisy number of rows or by 1 if that is less.

        Parameters
        ----------
        Y : {array-like, sparse matrix} of shape (n_queries, n_features)
            Queries, as in `kernel_sum`.

        Returns
        -------
        ndarray of shape (n_queries,)
            Noisy means; small ones may come out negative.

        Raises
        ------
        ValueError
            If nothing was spent on the number of rows.

        See Also
        --------
        kernel_sum : The sums.
        score_samples : Log densities.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateKernelDensity
        >>> X = np.random.default_rng(0).uniform(size=(20_000, 2))
        >>> model = PrivateKernelDensity(bandwidth=0.5, delta=1e-6, bounds=(0, 1)).fit(X)
        >>> bool(abs(model.kernel_mean([[0.5, 0.5]])[0] - 0.73) < 0.02)
        True
        """
        Y = self._checked_queries(Y)
        return self._kernel_sum(Y) / self._divisor("kernel_mean")

    def score_samples(self, Y):
        """Return the logarithm of the density at each query, with a floor.

        For "gaussian", "exponential" and "laplacian" the kernel is divided by its integral, as in
        scikit-learn's ``KernelDensity``, and so is "rational_sqeuclidean" in one dimension. The
        integral of the others is infinite: for them it is the logarithm of `kernel_mean`.

        Parameters
        ----------
        Y : {array-like, sparse matrix} of shape (n_queries, n_features)
            Queries, as in `kernel_sum`.

        Returns
        -------
        ndarray of shape (n_queries,)
            Log densities.

        Raises
        ------
        ValueError
            If nothing was spent on the number of rows.

        See Also
        --------
        score : Their sum.
        kernel_mean : Means, without normalisation, logarithm and floor.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateKernelDensity
        >>> X = np.random.default_rng(0).uniform(size=(20_000, 2))
        >>> model = PrivateKernelDensity(bandwidth=0.1, delta=1e-6, bounds=(0, 1)).fit(X)
        >>> inside, outside = model.score_samples([[0.5, 0.5], [3.0, 3.0]])
        >>> bool(inside > outside)
        True
        """
        Y = self._checked_queries(Y)
        divisor = self._divisor("score_samples")
        mean = self._kernel_sum(Y) / divisor
        if self._floor is None:
            error = np.maximum(self._standard_error(Y) / divisor, _TINY)
            least = np.log(error) - self._log_normaliser
        else:
            least = math.log(self._floor)
        with np.errstate(divide="ignore"):
            return np.maximum(np.log(np.maximum(mean, 0.0)) - self._log_normaliser, least)

    def score(self, Y, y=None):
        """Return the sum of log densities of queries.

        The larger, the better the density describes them.

        Parameters
        ----------
        Y : {array-like, sparse matrix} of shape (n_queries, n_features)
            Queries, as in `kernel_sum`. Private rows among them are not protected.
        y : None
            Ignored.

        Returns
        -------
        float
            The sum.

        See Also
        --------
        score_samples : Log densities.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateKernelDensity
        >>> X = np.random.default_rng(0).uniform(size=(20_000, 2))
        >>> model = PrivateKernelDensity(bandwidth=0.1, delta=1e-6, bounds=(0, 1)).fit(X)
        >>> bool(model.score([[0.5, 0.5], [0.2, 0.6]]) < 1)
        True
        """
        return float(np.sum(self.score_samples(Y)))

    def standard_error(self, Y):
        """Return the standard deviation of `kernel_sum` that comes from noise.

        It is exact, follows from public quantities alone, and so costs no privacy. Not in it are
        the steps of a grid, the error of polynomials, and that of random features.

        Parameters
        ----------
        Y : {array-like, sparse matrix} of shape (n_queries, n_features)
            Queries, as in `kernel_sum`.

        Returns
        -------
        ndarray of shape (n_queries,)
            Standard deviations.

        See Also
        --------
        kernel_sum : What they are of.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateKernelDensity
        >>> X = np.random.default_rng(0).uniform(size=(1000, 2))
        >>> model = PrivateKernelDensity(n_features=100, count_share=0.0, bounds=(0, 1)).fit(X)
        >>> model.standard_error([[0.5, 0.5]]).round(3)  # 2 sqrt(100) / epsilon
        array([20.])
        """
        return self._standard_error(self._checked_queries(Y))
