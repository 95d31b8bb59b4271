"""Learn embeddings in which rows of one class are close."""

__all__ = []
