"""Combine, order and calibrate quantile forecasts."""

from skweight.quantile._noncross import noncross_isotonic, noncross_minmax, noncross_sort

__all__ = [
    "noncross_isotonic",
    "noncross_minmax",
    "noncross_sort",
]
