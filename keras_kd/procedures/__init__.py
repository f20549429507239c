"""Ways to distil that take more than one `fit`."""

__all__ = []
