"""Effective degrees of freedom of every step."""

import itertools

import numpy as np

from skweight.distillation._display_common import axes_for, draw_steps, name_each, number_names
from skweight.distillation._display_models import (
    chosen_step,
    eigenvalues_of,
    filters_of,
    limit_filter,
    named_models,
)
from skweight.distillation._steps import self_distillation_filters


class EffectiveDegreesOfFreedomDisplay:
    """Show how flexible each step is: the trace of the matrix that maps targets to fitted values.

    It is the sum of the filter factors, one more with an intercept: between 0 and the number of
    rows for weights of the ground truth from 0 to 1, and the number of coefficients for a fit
    without penalty. Steps without ground truth lose degrees of freedom until none is left; with
    ground truth they settle at those of another penalty, drawn dashed.

    Parameters
    ----------
    degrees : dict of str to array-like of shape (n_steps,)
        Degrees of freedom of each step, by name of the model.
    limits : dict of str to float or None, default=None
        Degrees of freedom after infinitely many steps, of models that have a limit.
    chosen : dict of str to int or None, default=None
        Step to mark, from 1, of models that chose one.
    in_order : bool, default=False
        Whether the lines have an order, which their colours then show.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    lines_ : list of matplotlib Line2D
        A line for each model.
    limits_ : list of matplotlib Line2D
        The limits.
    marks_ : list of matplotlib Line2D
        The rings around chosen steps.

    See Also
    --------
    FilterFactorsDisplay : The factors whose sum it is.
    StepErrorDisplay : The error of each step.

    Examples
    --------
    >>> from skweight.distillation import EffectiveDegreesOfFreedomDisplay
    >>> display = EffectiveDegreesOfFreedomDisplay.from_eigenvalues([3.0, 1.0], 1.0, 0.0, 3)
    >>> display.degrees["alpha 1, weight 0"]
    array([1.25      , 0.8125    , 0.546875])
    """

    def __init__(self, degrees, limits=None, chosen=None, in_order=False):
        self.degrees = degrees
        self.limits = limits
        self.chosen = chosen
        self.in_order = in_order

    @classmethod
    def from_eigenvalues(
        cls, eigenvalues, alpha, ground_truth_weight, n_steps, *, fit_intercept=False, ax=None
    ):
        """Plot one or several penalties and weights of the ground truth.

        There is a line for each pair of a penalty and a weight.

        Parameters
        ----------
        eigenvalues : array-like of shape (n_eigenvalues,)
            Eigenvalues of the kernel matrix, at least 0.
        alpha : float or array-like of shape (n_alphas,)
            Ridge penalties, above 0.
        ground_truth_weight : float or array-like of shape (n_weights,)
            Weights of the original targets, each for all steps after the first.
        n_steps : int
            Number of steps, at least 1.
        fit_intercept : bool, default=False
            Whether there is an intercept besides, and the eigenvalues are those of centred rows.
        ax : matplotlib Axes or None, default=None
            Where to plot, beside lines that are there already; None makes a figure.

        Returns
        -------
        EffectiveDegreesOfFreedomDisplay
            The display.

        Raises
        ------
        ValueError
            If a value is out of its range.

        See Also
        --------
        from_filters : The same for steps of any kind.
        from_estimator : The same from fitted estimators.

        Examples
        --------
        >>> from skweight.distillation import EffectiveDegreesOfFreedomDisplay
        >>> display = EffectiveDegreesOfFreedomDisplay.from_eigenvalues(
        ...     [3.0, 1.0], alpha=1.0, ground_truth_weight=[0.0, 0.5], n_steps=3
        ... )
        >>> list(display.degrees), display.limits
        (['weight 0', 'weight 0.5'], {'weight 0.5': 0.933...})
        """
        alphas, weights = np.atleast_1d(alpha), np.atleast_1d(ground_truth_weight)
        told = len(alphas) > 1, len(weights) > 1
        told = told if any(told) else (True, True)
        names = itertools.product(number_names("alpha", alphas), number_names("weight", weights))
        degrees, limits = {}, {}
        for parts, (a, w) in zip(names, itertools.product(alphas, weights)):
            name = ", ".join(itertools.compress(parts, told))
            filters = self_distillation_filters(eigenvalues, a, w, n_steps)
            degrees[name] = _traces(filters, fit_intercept)
            if 0 < w <= 2:
                limits[name] = float(_traces(limit_filter(eigenvalues, a / w), fit_intercept))
        return cls(degrees, limits, in_order=sum(told) == 1).plot(ax)

    @classmethod
    def from_filters(cls, filters, *, fit_intercept=False, name=None, ax=None):
        """Plot the sums of filter factors at hand.

        It serves steps of any kind, also with a weight or penalty of its own for each step.

        Parameters
        ----------
        filters : array-like of shape (n_steps, n_eigenvalues) or dict of str to array-like
            What `self_distillation_filters` returns, or several of these by name.
        fit_intercept : bool, default=False
            Whether there is an intercept besides.
        name : str or None, default=None
            Name of a single one for the legend; None means "steps".
        ax : matplotlib Axes or None, default=None
            Where to plot, beside lines that are there already; None makes a figure.

        Returns
        -------
        EffectiveDegreesOfFreedomDisplay
            The display.

        Raises
        ------
        ValueError
            If the filters have not two dimensions.

        See Also
        --------
        from_eigenvalues : From penalties and weights.
        from_estimator : The same from fitted estimators.

        Examples
        --------
        >>> from skweight.distillation import EffectiveDegreesOfFreedomDisplay
        >>> from skweight.distillation import self_distillation_filters
        >>> filters = self_distillation_filters([3.0, 1.0], [1.0, 0.1], 0.0)
        >>> EffectiveDegreesOfFreedomDisplay.from_filters(filters).degrees["steps"].round(2)
        array([1.25, 1.18])
        """
        degrees = {}
        for label, each in name_each(filters, name, "steps", "filters").items():
            if np.ndim(each) != 2:
                raise ValueError(
                    "filters must have the shape (n_steps, n_eigenvalues), got "
                    f"{np.shape(each)} for {label!r}."
                )
            degrees[label] = _traces(np.asarray(each, dtype=np.float64), fit_intercept)
        return cls(degrees).plot(ax)

    @classmethod
    def from_estimator(cls, estimator, X=None, *, sample_weight=None, name=None, ax=None):
        """Plot one or several fitted estimators.

        Models keep no eigenvalues: they are computed anew, which takes about the time of a fit.

        Parameters
        ----------
        estimator : estimator or dict of str to estimator
            Fitted self-distilled ridge or kernel ridge models, classifiers or searches; also at the
            end of a Pipeline. Targets with weights of their own have a line each.
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or None, default=None
            The rows of the fit, or their kernel matrix if it is precomputed. None takes the rows,
            with their weights, that kernel models keep.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows of X, those of classes included.
        name : str or None, default=None
            Name of a single estimator for the legend; None means its class.
        ax : matplotlib Axes or None, default=None
            Where to plot, beside lines that are there already; None makes a figure.

        Returns
        -------
        EffectiveDegreesOfFreedomDisplay
            The display.

        Raises
        ------
        TypeError
            If an estimator's steps are not filters of eigenvalues.
        ValueError
            If X is missing for a linear model.

        See Also
        --------
        from_eigenvalues : The same from eigenvalues.

        Examples
        --------
        >>> from skweight.datasets import load_self_distillation_toy
        >>> from skweight.distillation import EffectiveDegreesOfFreedomDisplay
        >>> from skweight.distillation import SelfDistilledKernelRidge
        >>> toy = load_self_distillation_toy()
        >>> model = SelfDistilledKernelRidge(alpha=0.2, gamma=80, n_steps=3, ground_truth_weight=0)
        >>> model = model.fit(toy.data, toy.target)
        >>> display = EffectiveDegreesOfFreedomDisplay.from_estimator(model, toy.data, name="toy")
        >>> display.degrees["toy"].round(2)
        array([8.48, 6.74, 5.48])
        """
        degrees, limits, chosen = {}, {}, {}
        for label, (model, rows) in named_models(estimator, X, name).items():
            values = eigenvalues_of(model, rows, sample_weight)
            limit = limit_filter(values, getattr(model, "limit_alpha_", None))
            intercept = getattr(model, "fit_intercept", False)
            by_target = filters_of(model, values)
            for j, filters in enumerate(by_target):
                key = label if len(by_target) == 1 else f"{label}, target {j}"
                degrees[key] = _traces(filters, intercept)
                if chosen_step(model) is not None:
                    chosen[key] = chosen_step(model)
                if limit is not None:
                    limits[key] = float(_traces(limit, intercept))
        return cls(degrees, limits, chosen).plot(ax)

    def plot(self, ax=None):
        """Draw a line for each model, its limit dashed and a ring around its chosen step.

        Given axes that hold other lines, it takes the next colours.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot, beside lines that are there already; None makes a figure.

        Returns
        -------
        EffectiveDegreesOfFreedomDisplay
            The display itself.

        See Also
        --------
        from_estimator : Build and plot in one step.

        Examples
        --------
        >>> from skweight.distillation import EffectiveDegreesOfFreedomDisplay
        >>> display = EffectiveDegreesOfFreedomDisplay({"a": [8.5, 6.7]}, chosen={"a": 2}).plot()
        >>> display.marks_[0].get_xydata().tolist()
        [[2.0, 6.7]]
        """
        ax = axes_for(ax, "EffectiveDegreesOfFreedomDisplay.plot", (5.6, 4.0))
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_, self.limits_, self.marks_ = draw_steps(
            ax, self.degrees, self.limits, self.chosen, self.in_order
        )
        ax.set_ylabel("effective degrees of freedom")
        return self


def _traces(filters, fit_intercept):
    """Return the traces of smoothers, from their filters."""
    return filters.sum(axis=-1) + bool(fit_intercept)
