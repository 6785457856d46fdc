"""The table of the mesh's edges: which service called which, how often, how well, how safely.

`edges` is fed with every batch of logs (`mill/edges.py`), so that a question about a month of a
mesh reads no record. It has each edge five times, by a minute, ten minutes, an hour, six hours and
a day, told apart by `Resolution`, in seconds. What lies inside a range of time is read from days,
what is left at its ends from steps of six hours, and so on.

All figures of a row can be added up; its latencies are a sketch (DDSketch) that can be merged, and
merged sketches are exactly the sketch of all records together.

Rows without a tenant say which batches have been counted. Each is written in the same part as what
it tells of, so that both are there, or neither: a batch is never counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from meshseal.model.own_format import FLOW_MESH
from meshseal.shape.assemble import UNKNOWN_SERVICE
from meshseal.shape.formats import OTLP, UNPARSED
from meshseal.store.completeness import Definition

EDGES = "edges"

SHORT = MINUTE, TEN_MINUTES = (60, 600)
LONG = HOUR, SIX_HOURS, DAY = (3600, 21_600, 86_400)
RESOLUTIONS = (*SHORT, *LONG)
"""In seconds; each is a multiple of the one before."""

LATENCY = "quantilesDD(0.01, 0.5, 0.95, 0.99)"
"""The sketch of latencies, in nanoseconds: p50, p95 and p99, each true to one in a hundred."""

_KEYWORD = "LowCardinality(String)"
_SUM = "SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1))"
_FLAGS = "SimpleAggregateFunction(sumMap, Map(String, UInt64)) CODEC(ZSTD(1))"
_TIME = "DateTime64(9, 'UTC')"

KEYS: dict[str, str] = {
    "Tenant": _KEYWORD,
    "Resolution": "UInt32 CODEC(Delta, ZSTD(1))",
    "Start": "DateTime('UTC') CODEC(Delta, ZSTD(1))",
    "Source": _KEYWORD,
    "Destination": _KEYWORD,
    "SourceNamespace": _KEYWORD,
    "DestinationNamespace": _KEYWORD,
    "Reporter": _KEYWORD,
    "Mesh": _KEYWORD,
    "Cluster": _KEYWORD,
    "Protocol": _KEYWORD,
    "Batch": "UInt64 CODEC(Delta, ZSTD(1))",
}
"""What a row is of. An end without a name is what is outside of all that is known by name."""

FIGURES: dict[str, str] = {
    "Requests": _SUM,
    "Errors4xx": _SUM,
    "Errors5xx": _SUM,
    "Failed": _SUM,
    "RequestBytes": _SUM,
    "ResponseBytes": _SUM,
    "Mutual": _SUM,
    "Plaintext": _SUM,
    "Unknown": _SUM,
    "Retries": _SUM,
    "Latency": f"AggregateFunction({LATENCY}, UInt64) CODEC(ZSTD(1))",
    "Flags": _FLAGS,
    "FirstSeen": f"SimpleAggregateFunction(min, {_TIME}) CODEC(ZSTD(1))",
    "LastSeen": f"SimpleAggregateFunction(max, {_TIME}) CODEC(ZSTD(1))",
}
"""What it says. `Failed` are those that got no answer: no status, and a flag or an error."""

COLUMNS = {**KEYS, **FIGURES}

DEFINITION = Definition(
    EDGES,
    [f"{name} {type_}" for name, type_ in COLUMNS.items()],
    engine="AggregatingMergeTree",
    # Short steps by day, for they are many; long ones by month, so that few parts are looked into.
    partition=f"if(Resolution < {HOUR}, toYYYYMMDD(Start), toYYYYMM(Start))",
    order=f"({', '.join(KEYS)})",
)

ACCESS_FORMATS = (
    "aws_alb", "aws_nlb", "aws_vpc_lattice", "envoy_als", "envoy_text", "haproxy_http",
    "haproxy_https", "haproxy_tcp", "ingress_nginx", "istio_json", "istio_text", "istio_text_old",
    "kuma_http", "kuma_tcp", "linkerd_access", "linkerd_access_json", "meshseal_access",
    "nginx_combined", "traefik_clf", "traefik_json", "ztunnel_json",
)  # fmt: skip
"""The formats whose every record is a call, even if it names one end only."""

OTHER_FORMATS = ("aws_vpc_flow", "k8s_audit", "linkerd_proxy", "nginx_error")
"""Those of which none is, though they say who reports: packets, a proxy's own log, what its access
log tells too, and the API server's stages."""

OPEN_FORMATS = ("app_text", "app_trace", "hubble", "json", "logfmt", OTLP, UNPARSED, "ztunnel")
"""Those of which a record is a call if it names both ends or says who reports."""

_FLOW = "OtherAttributes['hubble.l7.type']"
_HUBBLE = (
    f"{_FLOW} = 'RESPONSE'"
    f" OR ({_FLOW} = '' AND OtherAttributes['hubble.tcp.flags'] = 'SYN'"
    " AND startsWith(OtherAttributes['hubble.event_type'], '4'))"
    " OR (OtherAttributes['hubble.verdict'] = 'DROPPED'"
    f" AND ({_FLOW} = 'REQUEST' OR startsWith(OtherAttributes['hubble.event_type'], '1'))"
    " AND OtherAttributes['hubble.is_reply'] != 'true')"
)
"""Of Hubble's flows, which are packets, those that are calls: answers, the first packet of a
connection where it is traced (and not where the policy has its say), and what was dropped."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one INSERT writes: rows of these resolutions, and notes of it beside them."""

    resolutions: tuple[int, ...]
    notes: tuple[int, ...]


OF_DAYS, OF_MONTHS = Share(SHORT, (MINUTE,)), Share(LONG, (HOUR,))
"""The two lie in partitions of their own, and each has its notes there."""
ALL = Share(RESOLUTIONS, (MINUTE, HOUR))


def is_edge() -> str:
    """Return the SQL condition under which a record of `logs` is a call between two ends."""
    named = f"ServiceName NOT IN ('', '{UNKNOWN_SERVICE}')"
    # A format that is not built in was made from an Envoy's access log, or is of a flow log.
    known = _texts(sorted({*ACCESS_FORMATS, *OTHER_FORMATS, *OPEN_FORMATS}))
    return (
        f"(Format NOT IN {_texts(OTHER_FORMATS)}"
        f" AND (Format IN {known} OR OtherAttributes['mesh.kind'] != '{FLOW_MESH}')"
        f" AND ((PeerService != '' AND {named})"
        f" OR ((PeerService != '' OR {named})"
        " AND (Reporter IN ('inbound', 'outbound', 'gateway')"
        f" OR Format IN {_texts(ACCESS_FORMATS)} OR Format NOT IN {known})))"
        f" AND (Format != 'hubble' OR {_HUBBLE}))"
    )


def edges_insert(source: str, share: Share, *, where: Iterable[str] = ()) -> str:
    """Return the INSERT of the edges of records that lie in a table as `logs` has them.

    Args:
        source: The table.
        share: Which rows to write.
        where: Conditions that its records must meet beside being of an edge.
    """
    return f"INSERT INTO {EDGES} ({', '.join(COLUMNS)})\n" + _select().replace(
        "$resolutions", _array(share.resolutions)
    ).replace("$noted", _array(share.notes)).replace("$source", source).replace(
        "$where", " AND ".join((is_edge(), *where))
    )


def _array(numbers: Sequence[int]) -> str:
    return f"CAST({list(numbers)}, 'Array(UInt32)')"


@cache
def _select() -> str:
    text = resources.files("meshseal.store").joinpath("edges.sql").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    state = LATENCY.replace("(", "StateIf(", 1)
    return (
        "\n".join(lines)
        .strip()
        .replace("$columns", ", ".join(COLUMNS))
        .replace("$latency", f"{state}(assumeNotNull(DurationNanos), isNotNull(DurationNanos))")
        .replace("$unknown", f"'{UNKNOWN_SERVICE}'")
    )


def _texts(names: Sequence[str]) -> str:
    return f"({', '.join(repr(name) for name in names)})"
