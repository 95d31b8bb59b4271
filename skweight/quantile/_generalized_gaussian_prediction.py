"""What one wants to know of predicted generalised Gaussian distributions."""

import numpy as np
from scipy.special import gammaln
from scipy.stats import gennorm
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d


class DistributionMixin:
    """Predictions of an ensemble, which has `_members`."""

    def predict(self, X, return_std=False):
        """Predict the outcome, and how far it may be away.

        Predictions are means of the members' locations.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        return_std : bool, default=False
            Whether to return standard deviations, too: roots of aleatoric plus epistemic variance.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Predictions.
        std : ndarray of shape (n_samples,)
            Standard deviations. Only for ``return_std=True``.

        See Also
        --------
        predict_distribution : The whole distribution.

        Examples
        --------
        >>> from skweight.quantile import GeneralizedGaussianRegressor
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [-2.0, -1.0, 1.0, 2.0]
        >>> net = GeneralizedGaussianRegressor(2, max_iter=5, tol=1.0, n_iter_no_change=2)
        >>> y, std = net.fit(X, y).predict([[0.75]], return_std=True)
        >>> y.shape, std.shape
        ((1,), (1,))
        """
        members = self._members(X)
        loc = members[0].mean(axis=1)
        if not return_std:
            return loc
        _, scale, shape = _ensemble(members)
        return loc, np.sqrt(_variance(scale, shape) + _disagreement(members))

    def predict_distribution(self, X):
        """Predict the distribution of the outcome.

        It has the mean of the members' locations, and geometric means of scales and shapes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
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
        scipy.stats.gennorm : The distribution.

        Examples
        --------
        >>> from skweight.quantile import GeneralizedGaussianRegressor
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [-2.0, -1.0, 1.0, 2.0]
        >>> net = GeneralizedGaussianRegressor(2, max_iter=5, tol=1.0, n_iter_no_change=2)
        >>> loc, scale, shape = net.fit(X, y).predict_distribution(X)
        >>> bool((scale > 0).all() and (shape > 0.2).all() and (shape < 4).all())
        True
        """
        return _ensemble(self._members(X))

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
        >>> from skweight.quantile import GeneralizedGaussianRegressor
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [-2.0, -1.0, 1.0, 2.0]
        >>> net = GeneralizedGaussianRegressor(2, max_iter=5, tol=1.0, n_iter_no_change=2)
        >>> net.fit(X, y).predict_quantile(X, [0.1, 0.9]).shape
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
        epistemic_variance : The other part.

        Examples
        --------
        >>> from skweight.quantile import GeneralizedGaussianRegressor
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [-2.0, -1.0, 1.0, 2.0]
        >>> net = GeneralizedGaussianRegressor(2, max_iter=5, tol=1.0, n_iter_no_change=2)
        >>> net.fit(X, y).aleatoric_variance(X).shape
        (4,)
        """
        _, scale, shape = _ensemble(self._members(X))
        return _variance(scale, shape)

    def epistemic_variance(self, X):
        """Return the variance of the members' locations, which is large where little was seen.

        It is the sample variance, and 0 for a single member.

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
        aleatoric_variance : The other part.

        Examples
        --------
        >>> from skweight.quantile import GeneralizedGaussianRegressor
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [-2.0, -1.0, 1.0, 2.0]
        >>> net = GeneralizedGaussianRegressor(2, max_iter=5, tol=1.0, n_iter_no_change=2)
        >>> net.fit(X, y).epistemic_variance(X).shape
        (4,)
        """
        return _disagreement(self._members(X))

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
        >>> from skweight.quantile import GeneralizedGaussianRegressor
        >>> X, y = [[-1.0], [-0.5], [0.5], [1.0]], [-2.0, -1.0, 1.0, 2.0]
        >>> net = GeneralizedGaussianRegressor(2, max_iter=5, tol=1.0, n_iter_no_change=2)
        >>> net.fit(X, y).score_samples(X, y).shape
        (4,)
        """
        loc, scale, shape = self.predict_distribution(X)
        if y is not None:
            y = column_or_1d(check_array(y, ensure_2d=False, dtype=float), warn=True)
            check_consistent_length(loc, y)
        return gennorm.logpdf(loc if y is None else y, shape, loc, scale)


def _ensemble(members):
    """Return the distribution that stands for the members'."""
    loc, scale, shape = members
    return loc.mean(axis=1), *(np.exp(np.log(part).mean(axis=1)) for part in (scale, shape))


def _variance(scale, shape):
    return scale**2 * np.exp(gammaln(3 / shape) - gammaln(1 / shape))


def _disagreement(members):
    loc, _, _ = members
    return loc.var(axis=1, ddof=1) if loc.shape[1] > 1 else np.zeros(len(loc))
