"""The formats of an installation's own, made ready for the mill."""

from __future__ import annotations

from dataclasses import replace

from meshseal.model.own_format import OwnFormat
from meshseal.shape.custom import compile_flow_log, compile_format
from meshseal.shape.families.format import Format


def compiled(own: OwnFormat) -> Format:
    """Return the format that a definition stands for. Raises: FormatError."""
    if own.flow:
        row = compile_flow_log(own.name, str(own.definition))
    else:
        row = compile_format(own.name, own.definition)
    return replace(row, kind=own.mesh)
