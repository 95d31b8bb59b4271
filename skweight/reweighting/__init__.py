"""Weight rows by their current loss while a model is fitted."""

__all__ = []
