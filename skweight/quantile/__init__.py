"""Combine, order and calibrate quantile forecasts."""

__all__ = []
