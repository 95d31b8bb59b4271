"""Error of every step, and the step that was chosen."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import mean_squared_error, zero_one_loss

from skweight._core._array_api import to_numpy
from skweight.distillation._display_common import (
    axes_for,
    draw_steps,
    log_scale,
    name_each,
    number_names,
)
from skweight.distillation._display_models import chosen_step, named_models

_METRICS = {
    "squared_error": (mean_squared_error, "mean squared error"),
    "error_rate": (zero_one_loss, "share of wrong labels"),
}


class StepErrorDisplay:
    """Show the error of every step, the chosen step and the limit of infinitely many.

    A line that falls from step 1 says that the ordinary fit gains from being taught by itself; one
    that rises from there, that its penalty is large enough already. Lines by penalty show both at
    once: what steps do for small penalties, and whether the best of them beats the ordinary fit
    with the best penalty.

    Parameters
    ----------
    errors : dict of str to array-like of shape (n_steps,)
        Error of each step, by name of the model.
    limits : dict of str to float or None, default=None
        Error after infinitely many steps, of models that have a limit.
    chosen : dict of str to int or None, default=None
        Step to mark, from 1, of models that chose one.
    error_name : str, default="mean squared error"
        Label of the vertical axis.
    in_order : bool, default=False
        Whether the lines have an order, as penalties have, which their colours then show.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    lines_ : list of matplotlib Line2D
        A line for each model or penalty.
    limits_ : list of matplotlib Line2D
        The limits.
    marks_ : list of matplotlib Line2D
        The rings around chosen steps.

    See Also
    --------
    EffectiveDegreesOfFreedomDisplay : How flexible the steps are.

    Examples
    --------
    >>> from skweight.distillation import StepErrorDisplay
    >>> display = StepErrorDisplay.from_predictions(
    ...     [1.0, 2.0], [[0.5, 1.0], [0.9, 1.8], [0.8, 1.6]], chosen=2
    ... )
    >>> display.errors["steps"]
    array([0.625, 0.025, 0.1  ])
    """

    def __init__(
        self, errors, limits=None, chosen=None, error_name="mean squared error", in_order=False
    ):
        self.errors = errors
        self.limits = limits
        self.chosen = chosen
        self.error_name = error_name
        self.in_order = in_order

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X=None,
        y=None,
        *,
        sample_weight=None,
        metric=None,
        name=None,
        yscale="linear",
        ax=None,
    ):
        """Plot one or several fitted estimators.

        With X and y the error is that of predictions for these rows, which should be others than
        those of the fit. Without, it is what the fit itself found: leave-one-out errors, for
        classifiers those of scores as fits to +1 and -1, or the scores of a search over penalties,
        a line for each penalty.

        Parameters
        ----------
        estimator : estimator or dict of str to estimator
            Fitted self-distilled models, searches or `SelfDistillation`; also at the end of a
            Pipeline. Of several searches without X each has a line for the penalty it chose.
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or None, default=None
            Rows held out.
        y : array-like of shape (n_samples,) or (n_samples, n_targets) or None, default=None
            Their targets.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows of X.
        metric : {"squared_error", "error_rate"}, callable or None, default=None
            Error of predictions for X, smaller is better: a function of ``(y, predictions)``, that
            takes `sample_weight` too if that is given. None means the share of wrong labels for
            classifiers, and the mean squared error for regressors.
        name : str or None, default=None
            Name of a single estimator for the legend; None means its class.
        yscale : {"linear", "log"}, default="linear"
            Scale of the vertical axis.
        ax : matplotlib Axes or None, default=None
            Where to plot, beside lines that are there already; None makes a figure.

        Returns
        -------
        StepErrorDisplay
            The display.

        Raises
        ------
        TypeError
            If an estimator is no self-distilled model.
        ValueError
            If X or y is missing and the fit found no errors by itself.

        See Also
        --------
        from_predictions : The same from predictions.

        Examples
        --------
        >>> from skweight.datasets import load_self_distillation_toy
        >>> from skweight.distillation import SelfDistilledKernelRidge, StepErrorDisplay
        >>> toy = load_self_distillation_toy()
        >>> model = SelfDistilledKernelRidge(alpha=0.2, gamma=80, n_steps=3, ground_truth_weight=0)
        >>> model = model.fit(toy.data, toy.target)
        >>> display = StepErrorDisplay.from_estimator(model, toy.grid, toy.truth, name="toy")
        >>> display.errors["toy"].round(5)
        array([0.16477, 0.15076, 0.14915])
        """
        if (X is None) != (y is None):
            raise ValueError("X and y must be given together, got one of them alone.")
        models = named_models(estimator, X, name)
        if X is None:
            found = _found_by_fits({label: model for label, (model, _) in models.items()})
        else:
            found = _measured(models, y, sample_weight, metric)
        return cls(*found).plot(ax, yscale=yscale)

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_pred,
        *,
        sample_weight=None,
        metric="squared_error",
        chosen=None,
        name=None,
        yscale="linear",
        ax=None,
    ):
        """Plot the error of predictions at hand, of one or several models.

        It serves models of any kind, also those of other packages.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        y_pred : iterable of n_steps array-like, each of the shape of y_true, or dict of str to such
            Predictions of each step, or those of several models by name.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.
        metric : {"squared_error", "error_rate"} or callable, default="squared_error"
            Error, smaller is better: mean over rows and targets of squares, the share of wrong
            labels, or a function of ``(y_true, y_pred)``, that takes `sample_weight` too if that is
            given.
        chosen : int or dict of str to int or None, default=None
            Step to mark, from 1; by name if `y_pred` is a dict.
        name : str or None, default=None
            Name of a single model for the legend; None means "steps".
        yscale : {"linear", "log"}, default="linear"
            Scale of the vertical axis.
        ax : matplotlib Axes or None, default=None
            Where to plot, beside lines that are there already; None makes a figure.

        Returns
        -------
        StepErrorDisplay
            The display.

        Raises
        ------
        ValueError
            If shapes do not go together, or a parameter has no meaning; the message names it.

        See Also
        --------
        from_estimator : The same from fitted estimators.

        Examples
        --------
        >>> from skweight.distillation import StepErrorDisplay
        >>> y = ["a", "b", "b"]
        >>> steps = {"soft": [["a", "a", "a"], ["a", "b", "a"]], "hard": [["a", "a", "a"]] * 2}
        >>> display = StepErrorDisplay.from_predictions(y, steps, metric="error_rate")
        >>> display.errors["soft"].round(2), display.ax_.get_ylabel()
        (array([0.67, 0.33]), 'share of wrong labels')
        """
        error, error_name = _error_of(metric)
        errors = {
            label: np.array([error(y_true, step, sample_weight) for step in each])
            for label, each in name_each(y_pred, name, "steps", "y_pred").items()
        }
        if chosen is not None and not isinstance(chosen, dict):
            chosen = dict.fromkeys(errors, chosen)
        return cls(errors, None, chosen, error_name).plot(ax, yscale=yscale)

    def plot(self, ax=None, *, yscale="linear"):
        """Draw a line for each model, its limit dashed and a ring around its chosen step.

        Given axes that hold other lines, it takes the next colours.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot, beside lines that are there already; None makes a figure.
        yscale : {"linear", "log"}, default="linear"
            Scale of the vertical axis.

        Returns
        -------
        StepErrorDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `yscale` is neither of the two, or limits or chosen steps have names without a line.

        See Also
        --------
        from_estimator : Build and plot in one step.

        Examples
        --------
        >>> from skweight.distillation import StepErrorDisplay
        >>> display = StepErrorDisplay({"model": [0.5, 0.3, 0.4]}, chosen={"model": 2})
        >>> display.plot(yscale="log").marks_[0].get_xydata().tolist()
        [[2.0, 0.3]]
        """
        if yscale not in ("linear", "log"):
            raise ValueError(f"yscale must be 'linear' or 'log', got {yscale!r}.")
        ax = axes_for(ax, "StepErrorDisplay.plot", (5.6, 4.0))
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_, self.limits_, self.marks_ = draw_steps(
            ax, self.errors, self.limits, self.chosen, self.in_order
        )
        ax.set_ylabel(self.error_name)
        if yscale == "log":
            log_scale(ax, "y")
        return self


def _error_of(metric):
    """Return a function of targets, predictions and weights or None, and its name."""
    if callable(metric):
        function, said = metric, getattr(metric, "__name__", "error").replace("_", " ")
    elif isinstance(metric, str) and metric in _METRICS:
        function, said = _METRICS[metric]
    else:
        raise ValueError(f"metric must be one of {list(_METRICS)} or a function, got {metric!r}.")

    def error(y, predictions, weight):
        given = {} if weight is None else {"sample_weight": weight}
        return float(function(y, predictions, **given))

    return error, said


def _measured(models, y, sample_weight, metric):
    """Return what a display holds, from predictions for rows that are held out."""
    errors, limits, chosen = {}, {}, {}
    for label, (model, rows) in models.items():
        if not hasattr(model, "ground_truth_weights_"):
            raise TypeError(
                f"estimator must be a self-distilled model of steps, got {type(model).__name__}."
            )
        own = metric or ("error_rate" if is_classifier(model) else "squared_error")
        error, error_name = _error_of(own)
        found = [error(y, step, sample_weight) for step in model.staged_predict(rows)]
        # Of a joint optimum the last step alone predicts.
        silent = len(model.ground_truth_weights_) + 1 - len(found)
        errors[label] = np.array([np.nan] * silent + found)
        if hasattr(model, "limit_alpha_"):
            limits[label] = error(y, model.predict(rows, step=np.inf), sample_weight)
        if chosen_step(model) is not None:
            chosen[label] = chosen_step(model)
    return errors, limits, chosen, error_name


def _found_by_fits(models):
    """Return what a display holds, from the errors that fits have found by themselves."""
    errors, chosen, said = {}, {}, set()
    for label, model in models.items():
        if hasattr(model, "scores_"):
            by_penalty, best, error_name = _of_search(model)
            if len(models) == 1:
                names = number_names("alpha", model.alphas)
                marked = {names[best]: model.best_step_}
                return dict(zip(names, by_penalty)), None, marked, error_name, True
            errors[label] = by_penalty[best]
        elif hasattr(model, "loo_mse_"):
            errors[label] = to_numpy(model.loo_mse_)
            error_name = "leave-one-out mean squared error"
        else:
            raise ValueError(
                "X and y must be given for an estimator that was fitted without store_loo=True and "
                f"is no search over penalties, got None for {type(model).__name__}."
            )
        if chosen_step(model) is not None:
            chosen[label] = chosen_step(model)
        said.add(error_name)
    if len(said) > 1:
        raise ValueError(
            "X and y must be given for estimators whose own errors differ in kind, as "
            f"{' and '.join(sorted(said))}, got None."
        )
    return errors, None, chosen, error_name


def _of_search(model):
    """Return errors by penalty and step, the place of the chosen penalty and what they are."""
    best = int(np.flatnonzero(np.asarray(model.alphas) == model.alpha_)[0])
    how = "leave-one-out" if model.cv is None else "cross-validated"
    if model.scoring is not None:
        return model.scores_, best, f"{how} score (larger is better)"
    return -model.scores_, best, f"{how} mean squared error"
