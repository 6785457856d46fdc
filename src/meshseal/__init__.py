"""Meshseal: logs and traces of every service mesh, encrypted, provable and answerable.

The packages of this tree are floors of one house, listed from the ground up in
`docs/explanation/architecture.md`; an import points only down, and the linter holds it.
"""

__version__ = "0.1.0"
