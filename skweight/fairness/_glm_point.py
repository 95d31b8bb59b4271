"""Models on the way to a minimum: points, and lines along which scores are linear."""

import numpy as np

# With a log link a fit stops where a score is this far from that of the null model: predictions
# have gone to 1e13 times the mean, or to 1e-13 times.
SCORE_LIMIT = 30.0


class Point:
    """A model on the way, as `minimise` wants it."""

    def __init__(self, problem, strength, width, x, coef, intercept, eta, value, slopes):
        self.problem, self.strength, self.width = problem, strength, width
        self.x, self.coef, self.intercept = x, coef, intercept
        self.eta, self.value, self.slopes = eta, value, slopes

    @classmethod
    def start(cls, problem, strength, width, coef, intercept):
        """Begin at a model, or at the null model where that is too far away."""
        design = problem.design
        x = design.join(coef, intercept)
        coef, intercept = design.split(x)  # without what the data do not determine
        eta = design.scores(coef, intercept)
        if problem.loss.log_link and np.abs(eta - problem.null_scores).max() >= SCORE_LIMIT:
            null = problem.null
            return cls.start(problem, strength, width, null.coef, null.intercept)
        value, slopes = problem.evaluate(eta, strength, width)
        value += 0.5 * problem.alpha * float((coef**2).sum())
        return cls(problem, strength, width, x, coef, intercept, eta, value, slopes)

    def gradient(self):
        """Return the gradient in the design's coordinates."""
        return self.problem.design.gradient(self.slopes, self.problem.alpha * self.coef)

    def along(self, direction):
        """Return the line through this point."""
        return Line(self, direction)


class Line:
    """The objective along a direction: the scores are linear in the step."""

    def __init__(self, point, direction):
        problem = point.problem
        self.origin, self.direction = point, direction
        self.coef, self.intercept = problem.design.split(direction)
        self.eta = problem.design.scores(self.coef, self.intercept)
        self.ridge = problem.alpha * float((point.coef * self.coef).sum())
        self.curve = problem.alpha * float((self.coef**2).sum())
        self.base = 0.5 * problem.alpha * float((point.coef**2).sum())
        self.limit = np.inf
        if problem.loss.log_link and self.eta.any():
            room = SCORE_LIMIT - np.sign(self.eta) * (point.eta - problem.null_scores)
            with np.errstate(divide="ignore", over="ignore"):
                self.limit = float(np.min(room / np.abs(self.eta)))
        self.last = None

    def at(self, t):
        """Return value and slope after a step of length t."""
        start, problem = self.origin, self.origin.problem
        eta = start.eta + t * self.eta
        value, slopes = problem.evaluate(eta, start.strength, start.width)
        self.last = (t, eta, value + self.base + t * self.ridge + 0.5 * t**2 * self.curve, slopes)
        slope = float(np.vdot(slopes, self.eta)) + self.ridge + t * self.curve
        return self.last[2], slope

    def point(self, t):
        """Return the point after a step of length t."""
        if self.last is None or self.last[0] != t:
            self.at(t)
        _, eta, value, slopes = self.last
        start = self.origin
        return Point(
            start.problem,
            start.strength,
            start.width,
            start.x + t * self.direction,
            start.coef + t * self.coef,
            start.intercept + t * self.intercept,
            eta,
            value,
            slopes,
        )
