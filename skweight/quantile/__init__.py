"""Combine, order and calibrate quantile forecasts."""

from skweight.quantile._crossing_penalty import crossing_margins, crossing_penalty
from skweight.quantile._noncross import noncross_isotonic, noncross_minmax, noncross_sort
from skweight.quantile._noncross_gradient import noncross_vjp
from skweight.quantile._noncross_transformer import NonCrossingTransformer

__all__ = [
    "NonCrossingTransformer",
    "crossing_margins",
    "crossing_penalty",
    "noncross_isotonic",
    "noncross_minmax",
    "noncross_sort",
    "noncross_vjp",
]
