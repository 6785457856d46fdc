"""Settings of the spool."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

_MEBIBYTE = 1 << 20


class SpoolSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What waits to be stored, and how much of it may."""

    segment_bytes: Annotated[
        int, Meta(ge=64 * 1024, le=1 << 30, description="A segment is closed at this size.")
    ] = 32 * _MEBIBYTE
    segment_age_seconds: Annotated[
        float, Meta(gt=0, le=60, description="A segment is closed at this age.")
    ] = 0.75
    max_bytes: Annotated[
        int,
        Meta(
            ge=_MEBIBYTE,
            description="When this much waits to be stored, senders are asked to try again later.",
        ),
    ] = 4096 * _MEBIBYTE
    max_age_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="When something has waited this long to be stored, senders are asked to "
            "try again later.",
        ),
    ] = 24 * 3600.0
    min_free_bytes: Annotated[
        int,
        Meta(
            ge=0,
            description="Disk space kept free for the store: below it, senders are asked to try "
            "again later. Never more than a twentieth of the file system.",
        ),
    ] = 256 * _MEBIBYTE
    audit_reserve_bytes: Annotated[
        int,
        Meta(
            ge=0,
            description="Space on disk that is set aside for audit records, so that reads go on "
            "when the disk is full.",
        ),
    ] = 8 * _MEBIBYTE
