"""Optimisers and parametrisations of networks, and networks trained with them.

The optimisers and modules need torch (``pip install "skweight[neural]"``), which is imported when
the first of them is asked for.
"""

from skweight._core._optional import lazy_attributes
from skweight.optim._companded import CompandedMLPClassifier, CompandedMLPRegressor
from skweight.optim._normalized import NormalizedMLPClassifier, NormalizedMLPRegressor

# Class or function -> the file that holds it, and that imports torch.
_MODULES = {
    "AdamP": "_adamp_torch",
    "EffectiveLearningRate": "_effective_torch",
    "SGDP": "_adamp_torch",
    "WeightCompander": "_compander_torch",
    "add_weight_compander": "_compander_torch",
    "remove_weight_compander": "_compander_torch",
}

__getattr__ = lazy_attributes(__name__, _MODULES)

__all__ = [
    *_MODULES,
    "CompandedMLPClassifier",
    "CompandedMLPRegressor",
    "NormalizedMLPClassifier",
    "NormalizedMLPRegressor",
]


def __dir__():
    return __all__
