"""What is computed of predicted generalised Gaussian distributions."""

import numpy as np
from scipy.special import gammaln
from scipy.stats import gennorm
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d

# Powers of larger shapes overflow.
LARGEST_SHAPE = 20.0


def check_shape_bounds(bounds):
    """Return the least and the largest shape, or say what is wrong with them."""
    try:
        lower, upper = map(float, bounds)
    except (TypeError, ValueError):
        lower = upper = np.nan
    if not 0 < lower <= upper <= LARGEST_SHAPE:
        raise ValueError(
            f"shape_bounds must be two numbers above 0 and at most {LARGEST_SHAPE:g}, the lower "
            f"one first, got {bounds!r}."
        )
    return lower, upper


def generalized_gaussian_variance(scale, shape):
    """Return variances of distributions."""
    return scale**2 * np.exp(gammaln(3 / shape) - gammaln(1 / shape))


class GeneralizedGaussianMixin(RegressorMixin):
    """Predict from a method ``predict_distribution(X)`` that returns locations, scales, shapes."""

    def predict_quantile(self, X, q):
        """Predict quantiles of the outcome.

        They are those of `predict_distribution`, and never cross.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        q : float or array-like of shape (n_quantiles,)
            Levels in (0, 1).

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_quantiles)
            Quantiles, with a column for each level if `q` is an array.

        Raises
        ------
        ValueError
            If a level is not in (0, 1).

        See Also
        --------
        predict_distribution : Parameters of the distribution.

        Examples
        --------
        >>> from skweight.quantile import GeneralizedGaussianLinearRegressor
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [-2.0, -1.1, 1.3, 1.9]
        >>> model = GeneralizedGaussianLinearRegressor(shape_bounds=(2, 2))
        >>> model.fit(X, y).predict_quantile(X, [0.1, 0.9]).shape
        (4, 2)
        """
        levels = np.asarray(q, dtype=float)
        if levels.ndim > 1 or not ((levels > 0) & (levels < 1)).all():
            raise ValueError(f"q must be a level in (0, 1) or an array of levels, got {q!r}.")
        loc, scale, shape = self.predict_distribution(X)
        quantiles = gennorm.ppf(np.atleast_1d(levels), shape[:, None], loc[:, None], scale[:, None])
        return quantiles if levels.ndim else quantiles[:, 0]

    def aleatoric_variance(self, X):
        """Return the variance of the predicted distribution, which more rows do not lower.

        It is ``scale**2 * gamma(3 / shape) / gamma(1 / shape)``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,)
            Variances.

        See Also
        --------
        predict_distribution : Location, scale and shape.

        Examples
        --------
        >>> from skweight.quantile import GeneralizedGaussianLinearRegressor
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [-2.0, -1.1, 1.3, 1.9]
        >>> model = GeneralizedGaussianLinearRegressor(shape_bounds=(2, 2))
        >>> model.fit(X, y).aleatoric_variance(X).shape
        (4,)
        """
        _, scale, shape = self.predict_distribution(X)
        return generalized_gaussian_variance(scale, shape)

    def score_samples(self, X, y=None):
        """Return log densities of outcomes.

        Their mean over rows that were not trained on says how good the distributions are.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or None, default=None
            Outcomes. None takes the predictions: then the numbers say how sure these are.

        Returns
        -------
        ndarray of shape (n_samples,)
            Log densities.

        See Also
        --------
        score : Share of the variance that predictions explain.

        Examples
        --------
        >>> from skweight.quantile import GeneralizedGaussianLinearRegressor
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [-2.0, -1.1, 1.3, 1.9]
        >>> model = GeneralizedGaussianLinearRegressor(shape_bounds=(2, 2))
        >>> model.fit(X, y).score_samples(X, y).shape
        (4,)
        """
        loc, scale, shape = self.predict_distribution(X)
        if y is not None:
            y = column_or_1d(check_array(y, ensure_2d=False, dtype=float), warn=True)
            check_consistent_length(loc, y)
        return gennorm.logpdf(loc if y is None else y, shape, loc, scale)
