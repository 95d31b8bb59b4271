"""Kernel densities from sketches, without privacy."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skweight._core._sklearn_compat import (
    Interval,
    StrOptions,
    _fit_context,
    check_sample_weight,
)
from skweight.privacy._density_options import DensityOptions, check_options
from skweight.privacy._kernel_density_steps import (
    SKETCH_CONSTRAINTS,
    check_sketch_parameters,
    number_of_bandwidth,
)
from skweight.privacy._kernels import exact_log_sums, log_normaliser
from skweight.privacy._sketch_groups import SketchGroups

_TINY = 1e-300


class SketchKernelDensity(DensityMixin, BaseEstimator):
    """Estimate a kernel density in a time that does not depend on the number of rows.

    Rows are added up in a sketch, of random features or of a grid, and queries are answered from
    the sketch. Several independent sketches tell how wrong they are: where that is more than `rtol`
    of an answer, which it is where few rows are near, the query goes to the rows themselves. There
    is no noise and no privacy; see `PrivateKernelDensity` for that.

    Parameters
    ----------
    kernel : str, default="gaussian"
        "gaussian", "exponential", "laplacian", "rational_sqeuclidean", "rational_euclidean" or
        "rational_manhattan", as in `PrivateKernelDensity`. The first two are those of
        ``sklearn.neighbors.KernelDensity``.
    bandwidth : float or {"scott", "silverman"}, default=1.0
        The bandwidth, above 0, or one of scikit-learn's rules.
    rtol : float or None, default=0.05
        Error allowed, relative to the density, with 95 % confidence for each query. None answers
        from the sketch alone, and keeps no rows.
    algorithm : {"auto", "histogram", "features", "race"}, default="auto"
        The sketch: a fine grid, for one feature; random features; or, for "laplacian" and
        "rational_manhattan", buckets of random hashes, whose error is smaller than that of features
        where the kernel is small. "auto" is "histogram" for one feature and "features" for more.
    n_features : int, default=4096
        Number of random features, or of hashes, in all sketches.
    n_components : int or None, default=None
        Number of random directions that rows are projected to before, for "features" and kernels of
        the Euclidean distance.
    structured : bool, default=False
        Whether frequencies are products of Hadamard matrices, for kernels of the Euclidean
        distance: several times as fast where rows have many features.
    rational_terms : "random" or int, default="random"
        For the rational kernels, whether they are a random mixture of exponentials, or a fixed sum
        of 2 to 40 of them.
    n_jobs : int or None, default=None
        Number of threads that features of rows are computed in.
    random_state : int, RandomState instance or None, default=None
        Randomness of the sketches.

    Attributes
    ----------
    algorithm_ : str
        The sketch that was made.
    bandwidth_ : float
        The bandwidth.
    n_features_in_ : int
        Number of features of rows.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if the rows had any.

    See Also
    --------
    PrivateKernelDensity : Noisy sketches, which protect the rows.
    sklearn.neighbors.KernelDensity : Exact densities, by trees.

    Notes
    -----
    With q random features a mean kernel is wrong by ``sqrt(1 / (2 q))`` at the most, about, and by
    much less with few features of rows, since frequencies are spread evenly.

    References
    ----------
    .. [1] A. Backurs, Z. Lin, S. Mahabadi, S. Silwal and J. Tarnawski, "Efficiently Computing
       Similarities to Private Datasets", ICLR 2024, arXiv 2403.08917.
    .. [2] A. Rahimi and B. Recht, "Random Features for Large-Scale Kernel Machines", NeurIPS 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KernelDensity
    >>> from skweight.privacy import SketchKernelDensity
    >>> X = np.random.default_rng(0).normal(size=(5000, 3))
    >>> sketch = SketchKernelDensity(bandwidth=0.5, random_state=0).fit(X)
    >>> exact = KernelDensity(bandwidth=0.5).fit(X)
    >>> bool(np.abs(sketch.score_samples(X[:99]) - exact.score_samples(X[:99])).max() < 0.1)
    True
    """

    _parameter_constraints: dict = {
        **SKETCH_CONSTRAINTS,
        "rtol": [Interval(Real, 0, None, closed="neither"), None],
        "algorithm": [StrOptions({"auto", "histogram", "features", "race"})],
        "n_features": [Interval(Integral, SketchGroups.n_groups, None, closed="left")],
        "random_state": ["random_state"],
    }
    del _parameter_constraints["projection_seed"]

    def __init__(
        self,
        kernel="gaussian",
        bandwidth=1.0,
        *,
        rtol=0.05,
        algorithm="auto",
        n_features=4096,
        n_components=None,
        structured=False,
        rational_terms="random",
        n_jobs=None,
        random_state=None,
    ):
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.rtol = rtol
        self.algorithm = algorithm
        self.n_features = n_features
        self.n_components = n_components
        self.structured = structured
        self.rational_terms = rational_terms
        self.n_jobs = n_jobs
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Add up rows in sketches.

        It takes one pass over the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0 and not all 0.

        Returns
        -------
        SketchKernelDensity
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter means nothing, or the input is not finite.

        See Also
        --------
        score_samples : Log densities.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import SketchKernelDensity
        >>> X = np.random.default_rng(0).normal(size=(1000, 3))
        >>> SketchKernelDensity(random_state=0).fit(X).algorithm_
        'features'
        """
        check_sketch_parameters(self)
        X = validate_data(self, X, dtype=np.float64, accept_sparse="csr")
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, X)
            X, sample_weight = X[sample_weight > 0], sample_weight[sample_weight > 0]
        n_rows, n_columns = X.shape
        options = DensityOptions(
            kernel=self.kernel,
            bandwidth=number_of_bandwidth(self.bandwidth, n_rows, n_columns),
            algorithm=self.algorithm,
            n_features=self.n_features,
            n_components=self.n_components,
            structured=bool(self.structured),
            rational_terms=self.rational_terms,
        )
        self.algorithm_ = check_options(options, n_columns)
        self.bandwidth_ = options.bandwidth
        seeds = check_random_state(self.random_state).randint(2**32, size=99, dtype=np.uint32)
        self._sketch = SketchGroups(options, X, sample_weight, seeds.tolist(), self.n_jobs)
        self._kernel, self._rtol = self.kernel, self.rtol
        self._log_normaliser = log_normaliser(self.kernel, self.bandwidth_, n_columns)
        self._rows, self._weight = (None, None) if self.rtol is None else (X, sample_weight)
        return self

    def kernel_mean(self, Y):
        """Return the mean kernel between the rows and each query.

        It is the density before normalisation.

        Parameters
        ----------
        Y : {array-like, sparse matrix} of shape (n_queries, n_features)
            Queries.

        Returns
        -------
        ndarray of shape (n_queries,)
            Means; with ``rtol=None`` small ones may come out negative.

        See Also
        --------
        score_samples : Log densities.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import SketchKernelDensity
        >>> X = np.random.default_rng(0).uniform(size=(1000, 1))
        >>> model = SketchKernelDensity(bandwidth=0.5, random_state=0).fit(X)
        >>> model.kernel_mean([[0.5]]).round(2)
        array([0.86])
        """
        return self._answers(Y)[0]

    def standard_error(self, Y):
        """Return the estimated standard deviation of `kernel_mean`.

        It comes from how far independent sketches differ, and is 0 where the rows themselves, or a
        grid, gave the answer.

        Parameters
        ----------
        Y : {array-like, sparse matrix} of shape (n_queries, n_features)
            Queries.

        Returns
        -------
        ndarray of shape (n_queries,)
            Standard deviations.

        See Also
        --------
        kernel_mean : What they are of.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import SketchKernelDensity
        >>> X = np.random.default_rng(0).uniform(size=(1000, 3))
        >>> model = SketchKernelDensity(bandwidth=0.5, random_state=0).fit(X)
        >>> bool(model.standard_error([[0.5, 0.5, 0.5]])[0] < 0.01)
        True
        """
        return self._answers(Y)[1]

    def score_samples(self, Y):
        """Return the logarithm of the density at each query.

        Kernels with an infinite integral are not normalised, as in `PrivateKernelDensity`.

        Parameters
        ----------
        Y : {array-like, sparse matrix} of shape (n_queries, n_features)
            Queries.

        Returns
        -------
        ndarray of shape (n_queries,)
            Log densities; with ``rtol=None`` they have a floor at the error of the sketch.

        See Also
        --------
        kernel_mean : Means, without normalisation and logarithm.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import SketchKernelDensity
        >>> X = np.random.default_rng(0).uniform(size=(1000, 1))
        >>> model = SketchKernelDensity(bandwidth=0.1, random_state=0).fit(X)
        >>> bool(abs(model.score_samples([[0.5]])[0]) < 0.1)
        True
        """
        return self._answers(Y)[2] - self._log_normaliser

    def score(self, Y, y=None, sample_weight=None):
        """Return the sum of log densities of queries.

        The larger, the better the density describes them.

        Parameters
        ----------
        Y : {array-like, sparse matrix} of shape (n_queries, n_features)
            Queries.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_queries,) or None, default=None
            Weights of the queries in the sum.

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
        >>> from skweight.privacy import SketchKernelDensity
        >>> X = np.random.default_rng(0).uniform(size=(1000, 1))
        >>> model = SketchKernelDensity(bandwidth=0.1, random_state=0).fit(X)
        >>> bool(model.score([[0.5], [0.4]]) < 1)
        True
        """
        density = self.score_samples(Y)
        if sample_weight is not None:
            density = density * np.asarray(sample_weight, dtype=np.float64)
        return float(density.sum())

    def _answers(self, Y):
        """Return mean kernels, their standard errors, and their logarithms."""
        check_is_fitted(self)
        Y = validate_data(self, Y, dtype=np.float64, reset=False, accept_sparse="csr")
        mean, error, wrong = self._sketch.means(Y, self._rtol)
        log_mean = np.log(np.maximum(np.maximum(mean, error), _TINY))
        if self._rtol is not None and wrong.any():
            total = self._rows.shape[0] if self._weight is None else self._weight.sum()
            exact = self._kernel, self.bandwidth_, self._rows, Y[wrong], self._weight
            log_mean[wrong] = exact_log_sums(*exact) - np.log(total)
            mean[wrong], error[wrong] = np.exp(log_mean[wrong]), 0.0
        return mean, error, log_mean
