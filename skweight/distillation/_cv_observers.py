"""What becomes of predictions for rows left out, beside their mean squared error."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from skweight._core._array_api import concat, namespace, to_numpy


class GivenPredictions(RegressorMixin, BaseEstimator):
    """Hand predictions to a scorer, as a regressor that gets them in place of X."""

    def predict(self, predictions):
        """Return the predictions."""
        return predictions


class GivenScores(ClassifierMixin, BaseEstimator):
    """Hand scores of classes to a scorer, as a classifier that gets them in place of X."""

    def __init__(self, classes):
        self.classes_ = classes

    def decision_function(self, scores):
        """Return the scores."""
        return scores

    def predict(self, scores):
        """Return the class of the highest score, or for two classes that of the sign."""
        places = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[places]


class Scores:
    """Scores by a scorer, of every penalty and step.

    Parameters
    ----------
    score : callable
        Takes predictions of shape (n, m) and returns a number.
    n_alphas, n_steps : int
        How many there are.
    """

    def __init__(self, score, n_alphas, n_steps):
        self.score = score
        self.values = np.empty((n_alphas, n_steps))

    def __call__(self, places, predictions):
        for t, part in enumerate(predictions):
            part = to_numpy(part)
            for j, place in enumerate(range(places.start, places.stop)):
                self.values[place, t] = self.score(part[:, j, :])


class SquaredErrors:
    """Squared errors of every row, target, penalty and step.

    Parameters
    ----------
    y : array of shape (n, m)
        Targets of the rows.
    """

    def __init__(self, y):
        self.y, self.blocks = y, []

    def __call__(self, places, predictions):
        xp = namespace(self.y)
        errors = [(self.y[:, None, :] - part) ** 2 for part in predictions]
        self.blocks.append(xp.moveaxis(xp.stack(errors), 1, 2))

    @property
    def values(self):
        """Squared errors, shape (n_steps, n_alphas, n, m)."""
        return concat(self.blocks, axis=1)
