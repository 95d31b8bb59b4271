"""Carry a model to classes that arrive later."""

__all__ = []
