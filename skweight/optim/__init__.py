"""Optimisers and parametrisations of networks, and networks trained with them."""

__all__ = []
