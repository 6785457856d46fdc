"""Reads the SQL files of this floor and puts SELECTs into one another.

A file's `FROM envelopes`, `FROM raw` or `FROM fields` names what stands below it; the renderer
writes that in its place. Nothing from outside ever becomes SQL here: all text is from these files.
"""

from __future__ import annotations

import functools
import re
from importlib import resources

from meshseal.model.columns import ATTRIBUTE_COLUMN
from meshseal.shape import datadog

_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)
_COLUMN = re.compile(r"^    (?:.* AS )?(\w+),?$", re.MULTILINE)
_ATTRIBUTE = re.compile(r"AS `([^`]+)`")

_ENVOY_NAMES = (
    "start_time",
    "method",
    "path",
    "protocol",
    "response_code",
    "response_flags",
    "response_code_details",
    "connection_termination_details",
    "upstream_transport_failure_reason",
    "bytes_received",
    "bytes_sent",
    "duration",
    "upstream_service_time",
    "x_forwarded_for",
    "user_agent",
    "request_id",
    "authority",
    "upstream_host",
    "upstream_cluster",
    "upstream_local_address",
    "downstream_local_address",
    "downstream_remote_address",
    "requested_server_name",
    "route_name",
)
_ENVOY_FIELDS = ", ".join(f"{name} String" for name in _ENVOY_NAMES)


@functools.cache
def load(name: str) -> str:
    """Return the text of a file of `sql/`, such as `format/json.sql`, without its comments."""
    text = resources.files("meshseal.shape").joinpath("sql", name).read_text()
    for placeholder, type_ in datadog.TYPES.items():
        text = text.replace(placeholder, type_)
    text = text.replace("$envoy_names", str(list(_ENVOY_NAMES)))
    text = text.replace("$promoted", str(sorted(ATTRIBUTE_COLUMN)))
    return _COMMENT.sub("", text).replace("$envoy_fields", f"Tuple({_ENVOY_FIELDS})").strip()


def statements(name: str) -> list[str]:
    """Return the statements of a file that holds several."""
    return [part.strip() for part in re.split(r";\s*(?:\n|$)", load(name)) if part.strip()]


def over(name: str, below: str, select: str) -> str:
    """Return the SELECT of a file with `select` in the place of its source `below`."""
    text = load(name)
    if text.count(f"FROM {below}") != 1:
        raise ValueError(f"{name} must have exactly one FROM {below}")
    return text.replace(f"FROM {below}", f"FROM (\n{select}\n)")


def attributes(name: str) -> list[str]:
    """Return the attribute keys that a file's SELECT gives, in its order."""
    return _ATTRIBUTE.findall(load(name))


def columns(name: str) -> list[str]:
    """Return the plain names of the columns that a file's outermost SELECT gives."""
    return _COLUMN.findall(load(name).split("\nFROM", 1)[0])
