"""Combine, order and calibrate quantile forecasts."""

from skweight.quantile._aggregator import QuantileAggregator
from skweight.quantile._conformal import ConformalQuantileRegressor
from skweight.quantile._crossing_display import CrossingDisplay
from skweight.quantile._crossing_penalty import crossing_margins, crossing_penalty
from skweight.quantile._fan_display import QuantileFanDisplay
from skweight.quantile._generalized_gaussian_linear import GeneralizedGaussianLinearRegressor
from skweight.quantile._generalized_gaussian_net import GeneralizedGaussianRegressor
from skweight.quantile._generalized_gaussian_td import GeneralizedGaussianTDRegressor
from skweight.quantile._levelwise import LevelwiseQuantileRegressor
from skweight.quantile._local_stacking import LocalQuantileStackingRegressor
from skweight.quantile._nets import QuantileMLPRegressor
from skweight.quantile._noncross import noncross_isotonic, noncross_minmax, noncross_sort
from skweight.quantile._noncross_gradient import noncross_vjp
from skweight.quantile._noncross_transformer import NonCrossingTransformer
from skweight.quantile._reliability_display import QuantileReliabilityDisplay
from skweight.quantile._residual import ResidualQuantileRegressor
from skweight.quantile._stacking import QuantileStackingRegressor
from skweight.quantile._weights import quantile_stacking_weights
from skweight.quantile._weights_display import StackingWeightsDisplay
from skweight.quantile._width_display import IntervalWidthDisplay

__all__ = [
    "ConformalQuantileRegressor",
    "CrossingDisplay",
    "GeneralizedGaussianLinearRegressor",
    "GeneralizedGaussianRegressor",
    "GeneralizedGaussianTDRegressor",
    "IntervalWidthDisplay",
    "LevelwiseQuantileRegressor",
    "LocalQuantileStackingRegressor",
    "NonCrossingTransformer",
    "QuantileAggregator",
    "QuantileFanDisplay",
    "QuantileMLPRegressor",
    "QuantileReliabilityDisplay",
    "QuantileStackingRegressor",
    "ResidualQuantileRegressor",
    "StackingWeightsDisplay",
    "crossing_margins",
    "crossing_penalty",
    "noncross_isotonic",
    "noncross_minmax",
    "noncross_sort",
    "noncross_vjp",
    "quantile_stacking_weights",
]
