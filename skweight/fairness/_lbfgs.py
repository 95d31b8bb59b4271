"""L-BFGS with a line search that sees functions of linear scores along a line for free."""

from collections import deque
from dataclasses import dataclass

import numpy as np

_MEMORY = 20
_MAX_TRIALS = 30
_MAX_IDLE = 20  # steps that lower neither the value nor the gradient
_STRETCH = 10  # steps over which a decrease is judged
_DECREASE, _FLATTER = 1e-4, 0.9

# Decreases below this share of the function's size are rounding.
_ROUNDING = 4e-15


@dataclass
class Minimum:
    """Where `minimise` stopped.

    `limited` says that a step went as far as it was allowed to, `stopped` that a callback asked to;
    without them and `converged` either the steps ran out or no step led lower any more.
    """

    point: object
    n_iter: int
    n_evaluations: int
    converged: bool
    limited: bool = False
    stopped: bool = False


def minimise(point, gtol, max_iter, size, on_step=None, ftol=0.0):
    """Minimise a smooth function.

    Parameters
    ----------
    point : point
        The start. A point has ``x``, ``value``, ``gradient()`` (an array like x),
        ``along(direction)``, which returns a line, and a line has ``limit`` (the longest step
        allowed), ``at(t)``, which returns value and slope, and ``point(t)`` for the last t asked.
    gtol : float
        Stop when no entry of the gradient is larger.
    max_iter : int
        Steps at the most.
    size : float
        Size of the terms that a value is the sum of, for rounding.
    on_step : callable or None, default=None
        Called with each new point; a true value stops.
    ftol : float, default=0.0
        Stop when ten steps together lower the value by less.

    Returns
    -------
    Minimum
        The lowest point found.
    """
    pairs = deque(maxlen=_MEMORY)
    gradient = point.gradient()
    n_evaluations, idle, least = 1, 0, np.inf
    values = deque([point.value], maxlen=_STRETCH + 1)
    for n_iter in range(max_iter + 1):
        largest = np.abs(gradient).max(initial=0.0)
        noise = _ROUNDING * max(abs(point.value), size)
        flat = len(values) > _STRETCH and noise < ftol > values[0] - values[-1]
        if largest <= gtol or flat:
            return Minimum(point, n_iter, n_evaluations, converged=True)
        idle = 0 if largest < 0.9 * least else idle + 1
        least = min(least, largest)
        if n_iter == max_iter or idle > _MAX_IDLE:
            break
        direction = _two_loops(pairs, -gradient)
        slope = gradient @ direction
        if not slope < 0:
            pairs.clear()
            direction = -gradient
            slope = gradient @ direction
        line = point.along(direction)
        t, trials = search(line, point.value, slope, noise)
        n_evaluations += trials
        if t is None and pairs:  # once more without what was learnt
            pairs.clear()
            direction, slope = -gradient, -(gradient @ gradient)
            line = point.along(direction)
            t, trials = search(line, point.value, slope, noise)
            n_evaluations += trials
        if t is None:
            return Minimum(point, n_iter, n_evaluations, converged=False)
        new = line.point(t)
        new_gradient = new.gradient()
        s, y = t * direction, new_gradient - gradient
        if s @ y > 1e-12 * np.sqrt((s @ s) * (y @ y)):
            pairs.append((s, y, s @ y))
        if new.value < point.value - noise:
            idle = 0
        point, gradient = new, new_gradient
        values.append(point.value)
        if on_step is not None and on_step(point):
            return Minimum(point, n_iter + 1, n_evaluations, converged=False, stopped=True)
        if t >= line.limit:
            return Minimum(point, n_iter + 1, n_evaluations, converged=False, limited=True)
    return Minimum(point, n_iter, n_evaluations, converged=False)


def search(line, value, slope, noise):
    """Find a step that decreases the function enough and flattens its slope.

    Weak Wolfe conditions by bracketing, which end at kinks too; where differences of values are
    mere rounding the slopes decide.

    Returns
    -------
    t : float or None
        The step, None if no lower point was found.
    trials : int
        Evaluations made.
    """
    low, low_value, low_slope = 0.0, value, slope
    high = high_value = high_slope = np.inf
    t = min(1.0, line.limit)
    for trials in range(1, _MAX_TRIALS + 1):
        new, new_slope = line.at(t)
        lower = new <= value + _DECREASE * t * slope
        level = new <= value + noise and new_slope <= (2 * _DECREASE - 1) * slope
        if not (np.isfinite(new) and (lower or level)):
            high, high_value, high_slope = t, new, new_slope
        elif new_slope < _FLATTER * slope and t < line.limit:
            low, low_value, low_slope = t, new, new_slope
        else:
            return t, trials
        if np.isfinite(high):
            t = low + (high - low) * _inside(
                high - low, low_value, low_slope, high_value, high_slope
            )
            if not low < t < high:
                break
        else:
            t = min(_beyond(low, low_slope, slope), line.limit)
    return (low or None), trials


def _inside(width, low_value, low_slope, high_value, high_slope):
    """Return where in a bracket the cubic through its ends is lowest, away from the ends."""
    share = 0.5
    with np.errstate(all="ignore"):
        d = low_slope + high_slope - 3 * (high_value - low_value) / width
        root = d * d - low_slope * high_slope
        if root >= 0:
            root = np.sqrt(root)
            share = 1 - (high_slope + root - d) / (high_slope - low_slope + 2 * root)
    return min(max(share, 0.1), 0.9) if np.isfinite(share) else 0.5


def _beyond(low, low_slope, slope):
    """Return a longer step: where the slope, extrapolated, is 0, but 2 to 10 times as long."""
    steeper = low_slope <= slope
    guess = np.inf if steeper else low * slope / (slope - low_slope)
    return min(max(guess, 2 * low), 10 * low)


def _two_loops(pairs, direction):
    """Multiply by the L-BFGS approximation of the inverse Hessian."""
    shares = []
    for s, y, curvature in reversed(pairs):
        shares.append((s @ direction) / curvature)
        direction = direction - shares[-1] * y
    if pairs:
        _, y, curvature = pairs[-1]
        direction = direction * (curvature / (y @ y))
    for (s, y, curvature), share in zip(pairs, reversed(shares)):
        direction = direction + (share - (y @ direction) / curvature) * s
    return direction
