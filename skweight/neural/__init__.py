"""Networks as estimators of scikit-learn: the bridge to torch and skorch.

Fitting needs torch (``pip install "skweight[neural]"``). The modules, which are torch's, are
imported when the first of them is asked for.
"""

from skweight._core._optional import lazy_attributes
from skweight.neural._classifier import NeuralClassifier
from skweight.neural._regressor import NeuralRegressor
from skweight.neural._transformer import NeuralTransformer

# Class -> the file that holds it, and that imports torch.
_MODULES = {
    "Dropout": "_modules",
    "MLP": "_modules",
    "ResidualMLP": "_modules",
    "WeightedBatchNorm1d": "_modules",
}

__getattr__ = lazy_attributes(__name__, _MODULES)

__all__ = [
    "MLP",
    "Dropout",
    "NeuralClassifier",
    "NeuralRegressor",
    "NeuralTransformer",
    "ResidualMLP",
    "WeightedBatchNorm1d",
]


def __dir__():
    return __all__
