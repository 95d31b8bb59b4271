"""Losses of fair networks for means, in units in which a network starts well."""

import numpy as np

from skweight.fairness._losses import regression_loss
from skweight.fairness._means import PredictsMeans
from skweight.fairness._neural_base import FairNeural
from skweight.neural import NeuralRegressor


class FairMeans(PredictsMeans, FairNeural):
    """A fair network for a loss of `regression_loss`.

    With the identity link it sees standardised targets, with the logarithmic one targets over their
    mean; the strength of the penalty is converted, so that it means what the user means.
    """

    def _in_units_of_the_net(self, rows, weight, first):
        """Return targets in units that the first call decides."""
        loss = regression_loss(self.loss, self.power, self.link)
        goes_on = hasattr(self, "net_")
        if goes_on and loss != self._glm_loss:
            raise ValueError(
                f"warm_start and partial_fit go on with {self._glm_loss}, got {loss}: set "
                "warm_start=False."
            )
        mean = self._unit_of_y if goes_on else np.average(rows.y, weights=rows.weight)
        loss.check_target(rows.y, mean)
        self._glm_loss = loss
        if not loss.log_link:
            Z = self._standardised(rows.y, weight, reset=first)
            self._unit_of_y = self._moments[1][0]
            return Z
        self._unit_of_y = mean
        self._moments = np.log([mean]), np.ones(1), True
        return rows.y[:, None] / mean

    def _unit(self):
        loss, unit = self._glm_loss, self._unit_of_y
        # The net's squared error is not halved.
        return unit ** (loss.power - 1) if loss.log_link else 2 / unit

    def _plain_criterion(self):
        if not self._glm_loss.log_link:
            return super()._plain_criterion()
        from skweight.fairness._neural_torch import Deviance
        from skweight.neural._net import RowMean

        return RowMean(Deviance(self._glm_loss.power))

    def _response(self):
        import torch

        return torch.exp if self._glm_loss.log_link else torch.nn.Identity()

    def _scores(self, X):
        """Return linear predictors: means, or their logarithms."""
        return NeuralRegressor.predict(self, X)
