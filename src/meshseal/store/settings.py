"""Settings of the store."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class EngineSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The embedded storage engine."""

    max_memory_bytes: Annotated[
        int,
        Meta(ge=0, description="Most memory the engine may use; 0: a quarter of the machine's."),
    ] = 0
    query_handles: Annotated[
        int, Meta(ge=1, le=64, description="Queries that may run at one time.")
    ] = 6
    mill_workers: Annotated[
        int, Meta(ge=1, le=16, description="Segments that are milled at one time.")
    ] = 2
    merge_threads: Annotated[
        int, Meta(ge=1, le=16, description="Threads that merge the parts of tables.")
    ] = 2
    hang_timeout_seconds: Annotated[
        float, Meta(gt=0, description="An engine that has not answered for so long is replaced.")
    ] = 10.0


class QuerySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one read."""

    max_seconds: Annotated[
        float, Meta(gt=0, description="A query that runs longer is stopped.")
    ] = 30.0
    max_memory_bytes: Annotated[
        int, Meta(ge=1 << 20, description="Most memory one query may use.")
    ] = 1 << 30
    max_entries: Annotated[int, Meta(ge=1, description="Most records one query may return.")] = 5000
    max_series: Annotated[int, Meta(ge=1, description="Most series one query may return.")] = 500
    max_points: Annotated[
        int, Meta(ge=1, description="Most steps of time one query may ask for.")
    ] = 11_000
    max_query_bytes: Annotated[int, Meta(ge=64, description="Longest query text.")] = 128 * 1024


class CompletenessSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a source counts as silent, and when records that did not arrive count as lost."""

    silent_seconds: Annotated[
        float, Meta(ge=1, description="No source is silent before this many seconds.")
    ] = 60.0
    rhythm_factor: Annotated[
        float,
        Meta(ge=1, description="How much longer than its own usual pauses a source is silent."),
    ] = 2.0
    learn_minutes: Annotated[
        float,
        Meta(ge=0, description="A source has no rhythm before it has been known for so long."),
    ] = 10.0
    settle_seconds: Annotated[
        float,
        Meta(ge=0, description="Records that an emitter counts may be on their way for so long."),
    ] = 15.0


class RetentionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long records are kept."""

    days: Annotated[
        int, Meta(ge=1, le=36_500, description="Days that new records are to be kept.")
    ] = 365
