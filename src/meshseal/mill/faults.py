"""Whose fault it is when a segment cannot be milled."""

from __future__ import annotations

import enum

from sqlalchemy.exc import OperationalError

from meshseal.model.errors import EngineError


class NotStoredError(EngineError):
    """The store did not take records that had been decoded: that is never their fault."""


class Fault(enum.StrEnum):
    """Who must change for the next try to succeed."""

    MACHINE = "machine"
    """The disk is full, say. The segment is tried again for as long as it takes."""

    MEMORY = "memory"
    """There was not enough memory. Whose fault that is shows when the segment is milled alone."""

    PAYLOAD = "payload"
    """Nothing is wrong but the segment: after three tries it is set aside."""


_MEMORY_CODES = frozenset({173, 241})
_MACHINE_CODES = frozenset(
    {
        0,  # no answer
        75,  # cannot write to file
        76,  # cannot open file
        77,  # cannot close file
        83,  # cannot fsync
        159,  # timeout
        202,  # too many queries
        236,  # aborted
        242,  # table is read-only
        243,  # not enough space
        252,  # too many parts
        394,  # cancelled
        481,  # cannot create directory
        598,  # cannot fsync
    }
)
_NO_SPACE = ("No space left on device", "errno: 28", "database or disk is full")


def fault_of(error: Exception) -> Fault:
    """Return whose fault an error of the mill is."""
    text = str(error)
    if isinstance(error, OSError | OperationalError) or any(sign in text for sign in _NO_SPACE):
        return Fault.MACHINE
    if isinstance(error, EngineError):
        if error.engine_code in _MEMORY_CODES:
            return Fault.MEMORY
        if isinstance(error, NotStoredError) or error.engine_code in _MACHINE_CODES:
            return Fault.MACHINE
    return Fault.PAYLOAD
