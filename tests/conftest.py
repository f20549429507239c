"""Splits the CPU before any test module can touch a device."""

from tests import replicas

__all__ = ["replicas"]
