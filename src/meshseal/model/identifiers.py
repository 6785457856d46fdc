"""Names and numbers that identify things: tenants, batches, semantic-convention labels."""

from __future__ import annotations

import re

from meshseal.model.errors import PayloadError

PLATFORM_TENANT = "_platform"
"""The tenant of Meshseal's own audit trail. No door may write to it."""

DEFAULT_TENANT = "default"

TENANT_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_NOT_LABEL = re.compile(r"[^A-Za-z0-9_]")

# A batch number holds, from the high bits down: the node, the segment on it, the batch in it.
_ORDINAL_BITS = 12
_SEGMENT_BITS = 40
_BATCHES_PER_TENANT = 2  # its logs and its spans
MAX_TENANTS_PER_SEGMENT = (1 << _ORDINAL_BITS) // _BATCHES_PER_TENANT


def check_tenant(name: str) -> str:
    """Return a tenant name that doors may use.

    Raises: PayloadError when the name has characters outside `A-Za-z0-9._-`, starts with anything
        but a letter or digit, or is longer than 63 characters.
    """
    if not TENANT_PATTERN.fullmatch(name):
        raise PayloadError(
            f"{name[:80]!r} is not a tenant name: use 1 to 63 letters, digits, '.', '_' or '-', "
            "starting with a letter or digit"
        )
    return name


def batch_id(segment: int, ordinal: int, *, node: int = 0) -> int:
    """Return the number of the batch that a tenant's logs, or spans, of one segment form."""
    if not 0 <= ordinal < 1 << _ORDINAL_BITS or not 0 <= segment < 1 << _SEGMENT_BITS:
        raise ValueError(f"no batch id for segment {segment}, ordinal {ordinal}")
    return (node << (_SEGMENT_BITS + _ORDINAL_BITS)) | (segment << _ORDINAL_BITS) | ordinal


def segment_of_batch(batch: int) -> int:
    """Return the segment number inside a batch number."""
    return (batch >> _ORDINAL_BITS) & ((1 << _SEGMENT_BITS) - 1)


def label_name(attribute: str) -> str:
    """Return an attribute key as a label of the query languages: `k8s.pod.name` -> `k8s_pod_name`.

    Source: Loki's OTLP ingestion replaces every character outside `[A-Za-z0-9_]` by `_`.
    """
    name = _NOT_LABEL.sub("_", attribute)
    return f"_{name}" if name[:1].isdigit() else name
