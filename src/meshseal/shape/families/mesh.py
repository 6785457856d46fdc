"""Meshes that are not made of Envoys: Linkerd, Istio ambient, Cilium."""

from __future__ import annotations

from meshseal.shape.families.format import Format

FORMATS: tuple[Format, ...] = ()
