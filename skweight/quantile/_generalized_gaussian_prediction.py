"""What is computed of the members' distributions."""

import numpy as np

from skweight.quantile._generalized_gaussian import (
    GeneralizedGaussianMixin,
    generalized_gaussian_variance,
)


class EnsembleDistributionMixin(GeneralizedGaussianMixin):
    """Predict from `_members`: locations, scales and shapes of rows by member."""

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
        variance = generalized_gaussian_variance(scale, shape) + _disagreement(members)
        return loc, np.sqrt(variance)

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


def _ensemble(members):
    """Return the distribution that stands for the members'."""
    loc, scale, shape = members
    return loc.mean(axis=1), *(np.exp(np.log(part).mean(axis=1)) for part in (scale, shape))


def _disagreement(members):
    loc, _, _ = members
    return loc.var(axis=1, ddof=1) if loc.shape[1] > 1 else np.zeros(len(loc))
