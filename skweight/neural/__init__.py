"""Networks as estimators of scikit-learn: the bridge to torch and skorch."""

from skweight.neural._classifier import NeuralClassifier
from skweight.neural._regressor import NeuralRegressor

__all__ = ["NeuralClassifier", "NeuralRegressor"]
