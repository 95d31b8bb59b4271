"""Generalised linear models whose predictions pay for depending on attributes.

The objective is ``sum_i w_i l(y_i, eta_i) / N + alpha / 2 |coef|^2 + fairness_alpha P``, with P a
dependence of the predictions on the attributes. P is neither convex nor smooth. Smoothed over more
than the range of the predictions, though, it is ``-kappa y'My / width``, which is convex for the V
statistic: a fit begins there and narrows the smoothing step by step. The minimum that it ends in
hardly depends on where it began, and is rarely a bad one. The exact objective decides between
several runs, and between them and the null model.
"""

from dataclasses import dataclass, replace

import numpy as np

from skweight.fairness._glm_design import Design
from skweight.fairness._glm_point import Point
from skweight.fairness._lbfgs import minimise

# Widths of the smoothing that a fit comes down through, in standard deviations of the predictions
# at strength 0, and the tolerances with which it goes on to the next.
_WIDTHS = (3.0, 0.3, 0.03, 0.003, 0.0003)
_LOOSE_GRADIENT, _LOOSE_DECREASE = 1e-3, 1e-5


@dataclass(frozen=True)
class Solution:
    """A fitted model.

    Attributes
    ----------
    coef : ndarray of shape (n_columns, n_scores)
        Coefficients.
    intercept : ndarray of shape (n_scores,)
        Intercepts.
    objective : float
        The exact objective, without smoothing, the penalty's constant included.
    loss : float
        The weighted mean loss in it.
    penalty : float
        The exact penalty, without its constant and not multiplied by its strength.
    n_iter : int
        Steps of the run that found it.
    n_evaluations : int
        Evaluations of the objective in that run.
    converged, collapsed, diverged, stopped : bool
        Whether the tolerance was reached, whether it is the null model because nothing better was
        found, whether a score passed the limit of log links, whether a callback stopped it.
    """

    coef: np.ndarray
    intercept: np.ndarray
    objective: float
    loss: float
    penalty: float
    n_iter: int = 0
    n_evaluations: int = 0
    converged: bool = True
    collapsed: bool = False
    diverged: bool = False
    stopped: bool = False


class GLMProblem:
    """A model to be fitted at one or several strengths of the penalty.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, n_columns)
        The columns, float64; never copied or written to.
    y : ndarray of shape (n,), or (n, n_scores) for several scores
        The target, labels as 0 and 1.
    weight : ndarray of shape (n,)
        Weights of the rows, above 0.
    loss : SquaredError, LogLink, Binomial or Multinomial
        The loss.
    alpha : float, default=1e-4
        Strength of the ridge penalty.
    fit_intercept : bool, default=True
        Whether there is an intercept.
    penalty : DependencePenalty or None, default=None
        Dependence on the attributes; None for a plain model.
    penalize : {"response", "linear"}, default="response"
        Whether predicted means or scores should be independent.
    smoothing : float, default=1e-4
        Width within which two predictions count as nearly tied, in standard deviations of the
        predictions at strength 0.
    tol : float, default=1e-6
        Largest entry of the gradient at which to stop, in coordinates where the null model's
        Hessian is the identity, in units of the root of half the null model's mean deviance; or
        stop where ten steps lower the objective by less than ``(100 * tol)**2`` of the latter.
    max_iter : int, default=500
        Steps of one run at the most.

    Attributes
    ----------
    null : Solution
        The model without columns.
    null_scores : ndarray of shape (n_scores,)
        Its scores, equal for all rows.
    """

    def __init__(
        self,
        X,
        y,
        weight,
        loss,
        *,
        alpha=1e-4,
        fit_intercept=True,
        penalty=None,
        penalize="response",
        smoothing=1e-4,
        tol=1e-6,
        max_iter=500,
    ):
        self.y, self.loss = y, loss
        self.alpha, self.penalty = float(alpha), penalty
        self.linear, self.smoothing = penalize == "linear", float(smoothing)
        self.max_iter = int(max_iter)
        self.share = weight / weight.sum()
        mean = self.share @ y
        self.design = Design(X, self.share, loss.curvature(mean), self.alpha, fit_intercept)
        intercept = np.atleast_1d(loss.link(mean) if fit_intercept else np.zeros_like(mean))
        self.null_scores = intercept
        self.null = self._solution(np.zeros((X.shape[1], loss.n_scores)), intercept, 0.0)
        deviance = self.null.loss - self.share @ loss.saturated(y)
        # Half of what the mean of y rounds to: below it a gradient means nothing.
        rounding = 4e-16 * float(np.max(self.share @ np.abs(y) / np.sqrt(loss.variance(mean))))
        deviance = max(float(deviance), 0.0)
        self.gtol = float(tol) * np.sqrt(deviance) + rounding
        self.ftol = (100 * float(tol)) ** 2 * deviance
        self._loose = _LOOSE_GRADIENT * np.sqrt(deviance), _LOOSE_DECREASE * deviance
        self.size = float(self.share @ np.abs(loss.value(y, self._scores_of(self.null))))
        self._baseline = None
        self._width = self._spread = None

    # ---------------------------------------------------------------- objective

    def evaluate(self, eta, strength, width):
        """Return loss plus penalty, smoothed by `width`, and the gradient in the scores."""
        loss, slopes = self.loss.value_and_slope(self.y, eta)
        value = self.share @ loss
        slopes = slopes * (self.share if slopes.ndim == 1 else self.share[:, None])
        if strength:
            mu = self.predictions(eta)
            penalty, pull = self._penalty(mu, width)
            value += strength * penalty
            slopes += strength * (pull if self.linear else self.loss.to_scores(mu, pull))
        return value, slopes

    def predictions(self, eta):
        """Return what should not depend on the attributes."""
        return eta if self.linear else self.loss.mean(eta)

    def _penalty(self, mu, width):
        if mu.ndim == 1:
            return self.penalty.value_and_gradient(mu, width)
        parts = [self.penalty.value_and_gradient(column, width) for column in mu.T.copy()]
        return sum(value for value, _ in parts), np.column_stack([slope for _, slope in parts])

    def exact(self, coef, intercept):
        """Return the weighted mean loss and the exact penalty without its constant."""
        eta = self.design.scores(coef, intercept)
        loss = float(self.share @ self.loss.value(self.y, eta))
        if self.penalty is None or not coef.any():
            return loss, 0.0
        mu = self.predictions(eta).reshape(len(self.share), -1)
        return loss, float(sum(self.penalty.value(column) for column in mu.T.copy()))

    @property
    def constant(self):
        """The part of the penalty that no prediction changes, for all scores together."""
        return 0.0 if self.penalty is None else self.loss.n_scores * self.penalty.constant

    def _solution(self, coef, intercept, strength, **status):
        loss, penalty = self.exact(coef, intercept)
        objective = loss + 0.5 * self.alpha * float((coef**2).sum())
        objective += strength * (penalty + self.constant)
        return Solution(coef, intercept, objective, loss, penalty, **status)

    def _scores_of(self, solution):
        return self.design.scores(solution.coef, solution.intercept)

    # ---------------------------------------------------------------- fits

    def baseline(self, on_step=None):
        """Return the fit at strength 0, made once."""
        if self._baseline is None:
            self._baseline = self._run(self.null, 0.0, 0.0, on_step)
        return self._baseline

    @property
    def width(self):
        """The absolute width of the smoothing, the same for every strength."""
        if self._width is None:
            mu = self.predictions(self._scores_of(self.baseline()))
            mean = self.share @ mu
            spread = np.sqrt(np.mean(self.share @ (mu - mean) ** 2))
            if spread <= 1e-13 * np.max(np.abs(mean)):
                spread = 0.0
            self._spread, self._width = float(spread), self.smoothing * float(spread)
        return self._width

    def solve(self, fairness_alpha, *, start=None, n_init=1, rng=None, on_step=None, narrow=False):
        """Fit at one strength.

        Parameters
        ----------
        fairness_alpha : float
            Strength of the penalty, at least 0.
        start : Solution, pair of coef and intercept, or None, default=None
            Where the first run starts; None for the fit at strength 0.
        n_init : int, default=1
            Number of runs: from `start`, from the null model, then from coefficients of the fit at
            strength 0 times draws of a normal distribution with mean 1 and standard deviation .5.
            The first comes down from wide smoothing, the others stay near where they start.
        rng : numpy.random.RandomState or None, default=None
            Source of the draws.
        on_step : callable or None, default=None
            Called with coefficients and intercepts after each step; a true value stops the fit.
        narrow : bool, default=False
            Whether the first run stays near its start too.

        Returns
        -------
        Solution
            The run with the lowest exact objective, or the null model.
        """
        strength = float(fairness_alpha)
        if strength == 0 or self.penalty is None:
            if start is None:
                return self.baseline(on_step)
            return self._run(start, 0.0, 0.0, on_step)
        first = self.baseline(on_step)
        if first.stopped or first.diverged:
            return self._at(first, strength)
        width = self.width
        null = self._at(self.null, strength)
        if self._spread == 0:
            return replace(null, collapsed=True)
        best = None
        for begin in self._starts(start, n_init, rng):
            wide = best is None and not narrow
            run = self._run(begin, strength, width, on_step, wide)
            if best is None or run.objective < best.objective:
                best = run
            if run.stopped:
                return run
        objective = best.objective - strength * self.constant
        slack = 1e-12 + 1e-9 * abs(objective)
        if null.objective <= best.objective + slack:
            return replace(
                null,
                collapsed=True,
                converged=best.converged,
                n_iter=best.n_iter,
                n_evaluations=best.n_evaluations,
            )
        return best

    def _at(self, solution, strength):
        """Return a solution with the objective that it has at another strength."""
        return self._solution(
            solution.coef,
            solution.intercept,
            strength,
            n_iter=solution.n_iter,
            n_evaluations=solution.n_evaluations,
            converged=solution.converged,
            diverged=solution.diverged,
            stopped=solution.stopped,
        )

    def _starts(self, start, n_init, rng):
        yield self.baseline() if start is None else start
        if n_init > 1:
            yield self.null
        coef, intercept = self.baseline().coef, self.baseline().intercept
        centre = intercept + self.design.shift @ coef
        for _ in range(n_init - 2):
            drawn = coef * rng.normal(1.0, 0.5, size=coef.shape)
            yield drawn, centre - self.design.shift @ drawn

    def _run(self, start, strength, width, on_step, wide=False):
        """Minimise from a start, coming down from wide smoothing if `wide`."""
        listener = None
        if on_step is not None:

            def listener(point):
                return on_step(point.coef, point.intercept)

        begin = (start.coef, start.intercept) if isinstance(start, Solution) else start
        place, n_iter, n_evaluations = begin, 0, 0
        for stage in (*self._wider(width), width) if wide else (width,):
            last = stage == width
            gtol, ftol = (0.0, 0.0) if last else self._loose
            end = minimise(
                Point.start(self, strength, stage, *place),
                max(gtol, self.gtol),
                self.max_iter - n_iter,
                self.size,
                listener,
                max(ftol, self.ftol),
            )
            n_iter, n_evaluations = n_iter + end.n_iter, n_evaluations + end.n_evaluations
            place = (end.point.coef, end.point.intercept)
            if end.stopped:
                break
            if end.limited and not last:
                place = begin
        return self._solution(
            *place,
            strength,
            n_iter=n_iter,
            n_evaluations=n_evaluations,
            converged=end.converged,
            diverged=end.limited,
            stopped=end.stopped,
        )

    def _wider(self, width):
        """Return the widths to come down through before the final one."""
        return [self._spread * step for step in _WIDTHS if step > 3.2 * self.smoothing]
