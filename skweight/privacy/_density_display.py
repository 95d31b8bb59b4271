"""A released density beside the exact one."""

import warnings

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skweight.privacy._display_common import COLORS, axes_for, tidy
from skweight.privacy._kernels import exact_sums, log_normaliser

# Kernels that have no integral, whatever the number of features.
_ENDLESS = ("rational_euclidean", "rational_manhattan")


class ReleasedDensityDisplay:
    """Show the density that a release gives in one dimension, and how much noise is in it.

    The band is two standard errors of the noise each way. It is known before a row is read, and
    where it is wide, the curve tells little. The width of cells, the error of random features and
    the noise in the number of rows are not in it.

    The exact density, if it is drawn, is computed from the rows and protected by nothing: it is for
    the eyes of their owner.

    Parameters
    ----------
    points : array-like of shape (n_points,)
        Places along the horizontal axis, in order.
    density : array-like of shape (n_points,)
        Released density.
    error : array-like of shape (n_points,) or None, default=None
        Its standard error.
    exact : array-like of shape (n_points,) or None, default=None
        Exact density.
    name : str or None, default=None
        Name of the release for the legend.
    x_name : str, default="x"
        Label of the horizontal axis.
    y_name : str, default="density"
        Label of the vertical axis.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    line_ : matplotlib Line2D
        The released density.
    band_ : matplotlib PolyCollection or None
        Two standard errors around it.
    exact_ : matplotlib Line2D or None
        The exact density.

    See Also
    --------
    PrivateKernelDensity : The release.
    PrivacyErrorDisplay : Errors of many releases, for several epsilons.

    Examples
    --------
    >>> from skweight.privacy import ReleasedDensityDisplay
    >>> display = ReleasedDensityDisplay([0.0, 0.5, 1.0], [0.4, 1.5, 0.6], [0.2, 0.2, 0.2]).plot()
    >>> display.line_.get_ydata().tolist()
    [0.4, 1.5, 0.6]
    """

    def __init__(
        self, points, density, error=None, exact=None, name=None, x_name="x", y_name="density"
    ):
        self.points = points
        self.density = density
        self.error = error
        self.exact = exact
        self.name = name
        self.x_name = x_name
        self.y_name = y_name

    @classmethod
    def from_estimator(
        cls, estimator, X=None, *, limits=None, grid_resolution=200, name=None, ax=None
    ):
        """Plot what a fitted estimator has released.

        Without `X` it costs no privacy, and anybody who has the estimator can do it.

        Parameters
        ----------
        estimator : PrivateKernelDensity
            Fitted to one feature. Negative densities are shown as 0.
        X : array-like of shape (n_samples, 1) or None, default=None
            The rows it was fitted to, for the exact density with the same kernel; None for none.
        limits : (low, high) or None, default=None
            Range of the horizontal axis; None means the bounds of the rows.
        grid_resolution : int, default=200
            Number of points, at least 2.
        name : str or None, default=None
            Name of the release for the legend; None says its epsilon and delta.
        ax : matplotlib Axes or None, default=None
            Where to plot, beside releases that are there already; None makes a figure.

        Returns
        -------
        ReleasedDensityDisplay
            The display.

        Raises
        ------
        ValueError
            If there is more than one feature, or nothing was spent on the number of rows.
        TypeError
            If the estimator is not of this kind.

        See Also
        --------
        plot : Draw it again.

        Examples
        --------
        >>> import numpy as np
        >>> from skweight.privacy import PrivateKernelDensity, ReleasedDensityDisplay
        >>> X = np.random.default_rng(0).normal(0.5, 0.1, size=(2000, 1))
        >>> model = PrivateKernelDensity(bandwidth=0.05, epsilon=1.0, bounds=(0, 1)).fit(X)
        >>> display = ReleasedDensityDisplay.from_estimator(model, X)
        >>> bool(np.abs(display.density - display.exact).max() < 1)
        True
        """
        if not (hasattr(estimator, "kernel_mean") and hasattr(estimator, "standard_error")):
            raise TypeError(
                f"estimator must be a PrivateKernelDensity, got {type(estimator).__name__}."
            )
        check_is_fitted(estimator)
        if estimator.n_features_in_ != 1:
            raise ValueError(
                f"estimator must be fitted to one feature, got {estimator.n_features_in_}."
            )
        if grid_resolution < 2:
            raise ValueError(f"grid_resolution must be at least 2, got {grid_resolution}.")
        low, high = estimator.bounds_[:, 0] if limits is None else limits
        points = np.linspace(low, high, grid_resolution)
        kernel, bandwidth = estimator.kernel, estimator.bandwidth_
        unit = np.exp(-log_normaliser(kernel, bandwidth, 1))
        queries = points[:, None]
        with warnings.catch_warnings():  # points have no feature names where rows had some
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            mean, error = estimator.kernel_mean(queries), estimator.standard_error(queries)
        density = np.maximum(mean, 0.0) * unit
        error = error / estimator._divisor("ReleasedDensityDisplay") * unit
        exact = None
        if X is not None:
            X = np.asarray(X, dtype=np.float64).reshape(-1, 1)
            exact = exact_sums(kernel, bandwidth, X, queries) / max(len(X), 1) * unit
        if name is None:
            spent = estimator.privacy_spent_
            name = f"released, epsilon {spent.epsilon:g}"
            name += f", delta {spent.delta:g}" if spent.delta else ""
        x_name = str(getattr(estimator, "feature_names_in_", ["x"])[0])
        y_name = "mean kernel" if kernel in _ENDLESS else "density"
        return cls(points, density, error, exact, name, x_name, y_name).plot(ax)

    def plot(self, ax=None):
        """Draw the densities and the band.

        Given axes that hold other releases, it takes the next colour.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot, beside releases that are there already; None makes a figure.

        Returns
        -------
        ReleasedDensityDisplay
            The display itself.

        See Also
        --------
        from_estimator : Build and plot in one step.

        Examples
        --------
        >>> from skweight.privacy import ReleasedDensityDisplay
        >>> ReleasedDensityDisplay([0.0, 1.0], [1.0, 1.0]).plot().band_ is None
        True
        """
        ax = axes_for(ax, "ReleasedDensityDisplay.plot", (6.0, 3.8))
        self.ax_, self.figure_ = ax, ax.figure
        before = sum(line.get_gid() == "released" for line in ax.lines)
        color = COLORS[before % len(COLORS)]
        density = np.asarray(self.density, dtype=np.float64)
        self.band_ = None
        if self.error is not None:
            wide = 2 * np.asarray(self.error, dtype=np.float64)
            self.band_ = ax.fill_between(
                self.points, np.maximum(density - wide, 0), density + wide, color=color,
                alpha=0.22, lw=0, zorder=1,
                label="_band" if before else "two standard errors of the noise",
            )  # fmt: skip
        (self.line_,) = ax.plot(
            self.points, density, color=color, lw=1.8, gid="released", zorder=3,
            label="released" if self.name is None else self.name,
        )  # fmt: skip
        self.exact_ = None
        if self.exact is not None:
            (self.exact_,) = ax.plot(
                self.points, self.exact, color="black", lw=1.3, ls=(0, (4, 2)), zorder=4,
                label="exact, not private",
            )  # fmt: skip
        ax.set_xlim(np.min(self.points), np.max(self.points))
        ax.set_ylim(bottom=0)
        ax.set_xlabel(self.x_name)
        ax.set_ylabel(self.y_name)
        ax.legend(fontsize="small", frameon=False)
        tidy(ax)
        return self
