"""What the linear regressors with a dependence penalty share: targets, shapes, warm starts."""

import numpy as np
from sklearn.base import RegressorMixin

from skweight.fairness._glm_base import BaseDistanceCovariance
from skweight.fairness._losses import regression_loss
from skweight.fairness._means import PredictsMeans


class BaseDistanceCovarianceRegressor(PredictsMeans, RegressorMixin, BaseDistanceCovariance):
    """Regress by a generalised linear model with a dependence penalty."""

    def _target(self, rows):
        loss = regression_loss(self.loss, self.power, self.link)
        loss.check_target(rows.y, np.average(rows.y, weights=rows.weight))
        return loss, rows.y

    def _shaped(self, coef, intercept):
        return coef[:, 0], float(intercept[0])

    def _previous(self, rows):
        """Return the last fit's coefficients and intercept as the solver wants them."""
        coef = getattr(self, "coef_", None)
        if coef is None or coef.shape != rows.used.shape:
            return None
        return coef[rows.used][:, None], np.array([self.intercept_])
