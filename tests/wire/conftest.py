"""The decoder of the tests of shapes, for captures."""

from __future__ import annotations

from tests.shape.conftest import decoder

__all__ = ["decoder"]
