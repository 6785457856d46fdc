"""The server's own metrics: their names, labels and meaning, declared once.

The conservation law, per door and tenant, over the life of a process:

    received = stored + refused + deduplicated + set aside + waiting in the spool

What an earlier process left in the spool counts as received when it is found. Requests that are
refused before they are decoded hold no known number of records and count as requests only.
"""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry(auto_describe=True)

_BY_DOOR = ("door", "tenant")

RECORDS_RECEIVED = Counter(
    "meshseal_records_received", "Records decoded at a door", _BY_DOOR, registry=REGISTRY
)
RECORDS_STORED = Counter(
    "meshseal_records_stored", "Records stored and sealed", _BY_DOOR, registry=REGISTRY
)
RECORDS_REFUSED = Counter(
    "meshseal_records_refused",
    "Records that could not be made durable, their sender told so",
    (*_BY_DOOR, "reason"),
    registry=REGISTRY,
)
RECORDS_DEDUPLICATED = Counter(
    "meshseal_records_deduplicated",
    "Records that were copies of records received before",
    _BY_DOOR,
    registry=REGISTRY,
)
RECORDS_ASIDE = Counter(
    "meshseal_records_set_aside",
    "Records kept aside because nothing can decode them",
    _BY_DOOR,
    registry=REGISTRY,
)
REQUESTS = Counter(
    "meshseal_requests", "Requests at a door, by outcome", ("door", "outcome"), registry=REGISTRY
)
REQUEST_BYTES = Counter(
    "meshseal_request_bytes", "Bytes of requests, unpacked", ("door",), registry=REGISTRY
)
SPOOL_RECORDS = Gauge("meshseal_spool_records", "Records that wait in the spool", registry=REGISTRY)
SPOOL_BYTES = Gauge("meshseal_spool_bytes", "Bytes that wait in the spool", registry=REGISTRY)
SPOOL_SEGMENTS = Gauge(
    "meshseal_spool_segments", "Closed segments that wait in the spool", registry=REGISTRY
)
SPOOL_OLDEST_SECONDS = Gauge(
    "meshseal_spool_oldest_seconds", "How long the oldest segment has waited", registry=REGISTRY
)
INFLIGHT_BYTES = Gauge(
    "meshseal_inflight_bytes", "Bytes of requests that are being read", registry=REGISTRY
)
SEGMENTS_ASIDE = Counter(
    "meshseal_segments_set_aside", "Segments kept aside after three tries", registry=REGISTRY
)
ENGINE_UP = Gauge("meshseal_engine_up", "1 while the storage engine answers", registry=REGISTRY)
ENGINE_RESTARTS = Counter(
    "meshseal_engine_restarts", "How often the storage engine was replaced", registry=REGISTRY
)
BATCHES_SEALED = Counter("meshseal_batches_sealed", "Batches sealed", registry=REGISTRY)
SEARCHABLE_SECONDS = Histogram(
    "meshseal_searchable_seconds",
    "From the first record's receipt in a segment until all of it can be found",
    buckets=(0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300),
    registry=REGISTRY,
)
EMITTER_FETCHES = Counter(
    "meshseal_emitter_fetches",
    "Times that an emitter's own counters were fetched, by outcome",
    ("emitter", "outcome"),
    registry=REGISTRY,
)
READS = Counter(
    "meshseal_reads", "Reads, by interface and outcome", ("api", "outcome"), registry=REGISTRY
)
READ_SECONDS = Histogram(
    "meshseal_read_seconds",
    "Time a read took",
    ("api",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
