"""Models whose predictions do not depend on protected attributes, nor on their intersections."""

__all__ = []
