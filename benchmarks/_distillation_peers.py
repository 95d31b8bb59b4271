"""What else fits the models of ``python -m benchmarks.distillation``, as a user calls it."""

import importlib.util

import numpy as np
from scipy import linalg
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel

KERNEL_RIDGE, GAUSSIAN_PROCESS, GPYTORCH = "KernelRidge", "GaussianProcessRegressor", "gpytorch"


def refit_peers(alpha, gamma):
    """Return the regressors that can be refitted, by name, those that are installed.

    All of them predict the same: the mean of a Gaussian process with noise `alpha` is kernel ridge
    regression.
    """
    scale = float(np.sqrt(0.5 / gamma))
    peers = {
        KERNEL_RIDGE: KernelRidge(alpha=alpha, kernel="rbf", gamma=gamma),
        GAUSSIAN_PROCESS: GaussianProcessRegressor(RBF(scale), alpha=alpha, optimizer=None),
    }
    if importlib.util.find_spec("gpytorch"):
        peers[GPYTORCH] = ExactGP(alpha, scale)
    return peers


class ExactGP:
    """An exact Gaussian process of gpytorch with given hyperparameters, by Cholesky.

    Parameters
    ----------
    noise : float
        Variance of the noise.
    scale : float
        Length scale of the kernel.
    """

    def __init__(self, noise, scale):
        self.noise, self.scale = noise, scale

    def fit(self, X, y):
        """Fit to rows: gpytorch solves when it first predicts, so that is done here."""
        import gpytorch
        import torch

        torch.set_num_threads(1)

        class Model(gpytorch.models.ExactGP):
            def __init__(self, X, y, likelihood):
                super().__init__(X, y, likelihood)
                self.mean, self.kernel = gpytorch.means.ZeroMean(), gpytorch.kernels.RBFKernel()

            def forward(self, X):
                return gpytorch.distributions.MultivariateNormal(self.mean(X), self.kernel(X))

        X, y = (torch.from_numpy(np.ascontiguousarray(array)) for array in (X, y))
        likelihood = gpytorch.likelihoods.GaussianLikelihood(
            noise_constraint=gpytorch.constraints.GreaterThan(self.noise / 10)
        )
        self.model = Model(X, y, likelihood).double().eval()
        self.model.likelihood.noise = torch.tensor(self.noise, dtype=torch.float64)
        self.model.kernel.lengthscale = torch.tensor(self.scale, dtype=torch.float64)
        self.predict(X[:1].numpy())
        return self

    def predict(self, X):
        """Return the means for rows."""
        import torch
        from gpytorch import settings

        exact = settings.fast_computations(
            covar_root_decomposition=False, log_prob=False, solves=False
        )
        skip = settings.skip_posterior_variances(True)
        with torch.no_grad(), exact, skip, settings.debug(False):
            return self.model(torch.from_numpy(np.ascontiguousarray(X))).mean.numpy()


def himalaya_cv(alphas, gamma, folds=5):
    """Return himalaya's search for the penalty of kernel ridge, None if it is not installed."""
    if not importlib.util.find_spec("himalaya"):
        return None
    from himalaya.kernel_ridge import KernelRidgeCV

    return KernelRidgeCV(alphas, kernel="rbf", kernel_params={"gamma": gamma}, cv=folds, warn=False)


class KernelRidgeLOO:
    """KernelRidge with the penalty of the smallest exact leave-one-out error.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,)
        Penalties to try.
    gamma : float
        Of the RBF kernel.

    Attributes
    ----------
    mse_ : ndarray of shape (n_alphas,)
        Mean squared leave-one-out errors.
    alpha_ : float
        The penalty chosen, the first of the best.
    """

    def __init__(self, alphas, gamma):
        self.alphas, self.gamma = alphas, gamma

    def fit(self, X, y):
        """Choose the penalty and fit to all rows."""
        values, V = linalg.eigh(rbf_kernel(X, gamma=self.gamma))
        values = np.maximum(values, 0)
        projected, squares = V.T @ y.reshape(len(y), -1), V * V
        errors = []
        for alpha in self.alphas:
            inverse = 1 / (values + alpha)[:, None]
            errors.append((V @ (inverse * projected)) / (squares @ inverse))
        self.mse_ = (np.array(errors) ** 2).mean(axis=(1, 2))
        self.alpha_ = float(self.alphas[int(np.argmin(self.mse_))])
        self.model_ = KernelRidge(alpha=self.alpha_, kernel="rbf", gamma=self.gamma).fit(X, y)
        return self

    def predict(self, X):
        """Return predictions."""
        return self.model_.predict(X)
