"""A linear model whose errors are generalised Gaussian."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from skweight._core._callbacks import CallbackSupportMixin, FitTask, with_callbacks
from skweight._core._moments import root_mean_square
from skweight._core._sklearn_compat import Interval, _fit_context, check_sample_weight
from skweight.quantile._generalized_gaussian import GeneralizedGaussianMixin, check_shape_bounds
from skweight.quantile._generalized_gaussian_solve import PowerProblem, merge_rows


class GeneralizedGaussianLinearRegressor(
    CallbackSupportMixin, GeneralizedGaussianMixin, BaseEstimator
):
    r"""Fit a line, and the scale and shape of the errors around it, by maximum likelihood.

    The density of errors falls as :math:`\exp(-(|e|/\text{scale})^{\text{shape}})` [1]_. A shape of
    2 is least squares, 1 is least absolute deviations, and the shape of the largest likelihood is
    found. All rows have the same scale and shape.

    Parameters
    ----------
    shape_bounds : tuple of (float, float), default=(1.0, 4.0)
        Least and largest shape, above 0 and at most 20; two equal ones fix the shape. Below 1 the
        sum of powers is not convex: the local optimum at, or next to, the line of a shape of 1 is
        found.
    alpha : float, default=0.0
        Penalty, at least 0, of the squared coefficients, without the intercept.
    fit_intercept : bool, default=True
        Whether the line has an intercept.
    tol : float, default=1e-8
        How large the gradient may be, above 0, relative to the sum of the absolute values of its
        terms.
    max_iter : int, default=200
        Largest number of steps for one shape.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features_in_,)
        Coefficients.
    intercept_ : float
        Intercept, 0 where there is none.
    scale_ : float
        Scale of the errors, in the unit of y.
    shape_ : float
        Shape of the errors.
    n_iter_ : int
        Steps over all shapes that were tried.
    converged_ : bool
        Whether the coefficients are optimal for the shape.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if they have any.

    See Also
    --------
    skweight.losses.ggd_nll : The loss of each row.
    QuantileMLPRegressor : Quantiles without the form of a distribution.

    Notes
    -----
    For a shape :math:`b` and weights :math:`s` of rows, coefficients :math:`w` and the intercept
    minimise

    .. math:: \left(\frac{\sum_i s_i |r_i|^b}{\sum_i s_i}\right)^{2/b} + \alpha \|w\|^2 ,

    in which the first term is the mean square for :math:`b = 2`: there it is ridge regression with
    a penalty of alpha times the sum of weights. The scale is :math:`a^b = b \sum_i s_i |r_i|^b /
    \sum_i s_i`, and the shape that of the largest likelihood of these residuals, the penalty left
    out. Steps are Newton's, the weighted least squares with weights :math:`|r|^{b-2}` divided by
    :math:`b - 1`, shortened where they are too long. Below 2 the rows nearest to the line, as many
    as there are coefficients, enter by the slopes that the others ask of them, as there the
    residual is the smoother function. A shape of 1 without a penalty is a linear programme. Below
    1, every line that meets as many rows as it has coefficients is a local optimum, and that of
    shape 1 is kept. Residuals below 1e-9 of the typical one count as 0: whether a line is optimal
    then depends on whether some slopes of these rows make it so. Integer weights equal repeated
    rows.

    References
    ----------
    .. [1] S. Kim, J. Lee, N. Cho, S. Han and W. Hwang, "Generalized Gaussian Temporal Difference
       Error for Uncertainty-aware Reinforcement Learning", 2024, arXiv 2408.02295.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skweight.quantile import GeneralizedGaussianLinearRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GeneralizedGaussianLinearRegressor().fit(X, y)
    >>> bool(2 < model.shape_ < 4)  # lighter tails than normal errors
    True
    """

    _parameter_constraints: dict = {
        "shape_bounds": ["array-like"],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, shape_bounds=(1.0, 4.0), alpha=0.0, fit_intercept=True, tol=1e-8, max_iter=200
    ):
        self.shape_bounds = shape_bounds
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit coefficients, scale and shape.

        Computations are in float64, whatever the rows are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Outcomes.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, at least 0. None means 1 for all.

        Returns
        -------
        GeneralizedGaussianLinearRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If the bounds of the shape have no meaning.

        See Also
        --------
        predict_distribution : Location, scale and shape of rows.

        Examples
        --------
        >>> from skweight.quantile import GeneralizedGaussianLinearRegressor
        >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0]], [0.0, 1.0, 2.0, 3.0, 9.0]
        >>> GeneralizedGaussianLinearRegressor(shape_bounds=(1, 1)).fit(X, y).coef_.round(6)
        array([1.])
        """
        lower, upper = check_shape_bounds(self.shape_bounds)
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        weight = check_sample_weight(sample_weight, X)
        seen = weight > 0
        given = {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}}
        X, y, weight = merge_rows(X[seen], y[seen].astype(np.float64), weight[seen])
        centre = np.average(y, weights=weight) if self.fit_intercept else 0.0
        unit = root_mean_square(y - centre, weight)
        constant = np.ptp(y) == 0 and (self.fit_intercept or not y.any())
        if constant or unit == 0:
            unit = 1.0
        # Centred and of one size, columns are added to ones without loss of digits.
        middle = np.average(X, axis=0, weights=weight) if self.fit_intercept else 0.0
        spread = root_mean_square(X - middle, weight)
        spread[spread <= 1e-14 * np.abs(X).max(axis=0, initial=1e-300)] = 1.0
        rows = (X - middle) / spread
        penalty = self.alpha / spread**2
        if self.fit_intercept:
            rows = np.column_stack([rows, np.ones(len(rows))])
            penalty = np.r_[penalty, 0.0]
        problem = PowerProblem(rows, (y - centre) / unit, weight, penalty, self.tol, self.max_iter)

        def fitted(coef, shape, converged):
            slopes = unit * coef[: X.shape[1]] / spread
            shift = coef[-1] if self.fit_intercept else 0.0
            scale = unit * problem.scale(problem.y - rows @ coef, shape)
            return {
                "coef_": slopes,
                "intercept_": float(centre + unit * shift - np.sum(middle * slopes)),
                # Of rows that are met exactly it would be 0.
                "scale_": float(max(scale, np.finfo(np.float64).eps * unit)),
                "shape_": float(shape),
                "converged_": bool(converged),
                "n_iter_": max(problem.n_iter, 1),
            }

        with FitTask.root(self, **given) as task:
            if constant:
                best = np.zeros(rows.shape[1]), upper, True
                warnings.warn("y is constant: the shape says nothing.", UserWarning, stacklevel=2)
            else:
                best = problem.profile(
                    lower,
                    upper,
                    lambda *found: task.iteration(
                        "shape", reconstruction_attributes=lambda: fitted(*found)
                    ),
                )
            self.__dict__.update(fitted(*best))
        self._warn(lower, upper, constant)
        return self

    def _warn(self, lower, upper, constant):
        if not self.converged_:
            warnings.warn(
                f"The coefficients are not optimal after {self.max_iter} steps: raise max_iter or "
                "tol.",
                ConvergenceWarning,
                stacklevel=3,
            )
        near = [end for end in (lower, upper) if abs(self.shape_ - end) < 1e-5]
        if near and lower < upper and not constant:
            warnings.warn(
                f"The shape is on its bound {near[0]:g}: the likelihood may grow beyond it. Set "
                "shape_bounds.",
                UserWarning,
                stacklevel=3,
            )

    def predict(self, X):
        """Predict the outcome.

        It is the location of the distribution, its mean and its median.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,)
            Predictions.

        See Also
        --------
        predict_distribution : Scale and shape, too.

        Examples
        --------
        >>> from skweight.quantile import GeneralizedGaussianLinearRegressor
        >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0]], [0.0, 1.0, 2.0, 3.0, 9.0]
        >>> model = GeneralizedGaussianLinearRegressor(shape_bounds=(1, 1)).fit(X, y)
        >>> model.predict([[5.0]]).round(6)
        array([5.])
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return X @ self.coef_ + self.intercept_

    def predict_distribution(self, X):
        """Predict the distribution of the outcome.

        Scale and shape are the same for all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        loc : ndarray of shape (n_samples,)
            Locations, which are what `predict` returns.
        scale : ndarray of shape (n_samples,)
            Scales, in the unit of y.
        shape : ndarray of shape (n_samples,)
            Shapes.

        See Also
        --------
        predict_quantile : Quantiles of it.

        Examples
        --------
        >>> from skweight.quantile import GeneralizedGaussianLinearRegressor
        >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0]], [0.0, 1.0, 2.0, 3.0, 9.0]
        >>> model = GeneralizedGaussianLinearRegressor(shape_bounds=(1, 1)).fit(X, y)
        >>> loc, scale, shape = model.predict_distribution([[4.0]])
        >>> scale.round(6), shape
        (array([1.]), array([1.]))
        """
        loc = self.predict(X)
        return loc, np.full_like(loc, self.scale_), np.full_like(loc, self.shape_)
