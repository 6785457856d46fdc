"""What clouds and Kubernetes itself write."""

from __future__ import annotations

from meshseal.shape.families.format import Format

FORMATS: tuple[Format, ...] = ()
