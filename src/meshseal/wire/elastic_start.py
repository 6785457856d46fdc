"""The conversation around Elasticsearch's bulk requests: what senders ask before they send.

They want to know which version they speak to, that it has a licence, and that templates, policies
and data streams are there. Meshseal needs none of these: it says that all are there, and
acknowledges what is put. What asks for stored documents, or would change them, gets an error: an
empty success would be a lie.

Source: elastic/mock-es, `pkg/api/api.go`, Elastic's own stand-in for tests of Beats (Apache-2.0);
VictoriaMetrics/VictoriaLogs, `app/vlinsert/elasticsearch` (Apache-2.0); elastic/beats,
`libbeat/esleg/eslegclient/connection.go`; logstash-plugins/logstash-output-elasticsearch,
`lib/logstash/outputs/elasticsearch/http_client/pool.rb`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from meshseal.model.errors import PayloadError
from meshseal.wire.elastic_reply import PRODUCT, answer
from meshseal.wire.protocol import Reply, Request

CLUSTER_UUID = "TWVzaHNlYWwtY2x1c3Rlcg"
DEFAULT_VERSION = "8.19.0"
_CLUSTER_NAME = "meshseal"

# Senders of Elastic's name their own version, and ask for a server that is not older.
_OWN_VERSION = re.compile(r"elastic[^/ ]*/([789]\.\d{1,3}\.\d{1,3})", re.IGNORECASE)
_LUCENE = {"7": "8.11.1", "8": "9.12.0", "9": "10.2.2"}
_WIRE = {"7": "6.8.0", "8": "7.17.0", "9": "8.19.0"}
_INDEX = {"7": "6.0.0-beta1", "8": "7.0.0", "9": "8.0.0"}
_ADDRESS = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\]):\d{1,5}")

_LICENSE = {
    "uid": "6d657368-7365-416c-8000-000000000000",
    "type": "basic",
    "mode": "basic",
    "status": "active",
    "issued_to": _CLUSTER_NAME,
    "issuer": _CLUSTER_NAME,
    "expiry_date_in_millis": 4_000_000_000_000,
}
_HEALTH = {
    "cluster_name": _CLUSTER_NAME,
    "status": "green",
    "timed_out": False,
    "number_of_nodes": 1,
    "number_of_data_nodes": 1,
    "active_primary_shards": 1,
    "active_shards": 1,
    "relocating_shards": 0,
    "initializing_shards": 0,
    "unassigned_shards": 0,
    "active_shards_percent_as_number": 100.0,
}
_CAT_HEALTH = b"meshseal green 1 1 1 1 0 0 0 0 - 100.0%\n"
_HAS_ILM = {"ilm": {"available": True, "enabled": True}}
_SHARDS = {"_shards": {"total": 1, "successful": 1, "failed": 0}}
_ACKNOWLEDGED = {"acknowledged": True}

READS = frozenset(
    {
        "_async_search",
        "_count",
        "_eql",
        "_explain",
        "_field_caps",
        "_graph",
        "_knn_search",
        "_mget",
        "_msearch",
        "_mtermvectors",
        "_mvt",
        "_pit",
        "_query",
        "_rank_eval",
        "_render",
        "_resolve",
        "_rollup_search",
        "_search",
        "_search_shards",
        "_source",
        "_sql",
        "_termvectors",
        "_terms_enum",
        "_transform",
        "_validate",
    }
)
"""What asks for stored documents."""

CHANGES = frozenset({"_update", "_update_by_query", "_delete_by_query", "_reindex", "_bulk"})
"""What changes stored documents, and `_bulk` in a method that it does not have."""

_NO_READS = (
    "Meshseal takes Elasticsearch's bulk requests and answers no Elasticsearch searches: "
    "ask in LogQL at /loki/api/v1"
)
NO_CHANGES = "Meshseal keeps an append-only log: a document can be created, not changed or deleted"


def converse(request: Request) -> Reply:
    """Answer a request that brings no documents.

    Raises: PayloadError for what asks for stored documents or would change them.
    """
    name, rest = _name_of(request.path)
    _refuse_reads(request.method, name, rest)
    if request.method == "HEAD":
        return answer(200, b"", request.headers)
    if name == "_cat":
        return Reply(200, _CAT_HEALTH, "text/plain; charset=UTF-8", PRODUCT)
    content = _content(request, name, rest)
    return answer(200, msgspec.json.encode(content), request.headers)


def version_for(headers: Mapping[str, str]) -> str:
    """Return the version to be: the sender's own, if it is one of Elastic's clients."""
    found = _OWN_VERSION.match(headers.get("user-agent", ""))
    return found[1] if found else DEFAULT_VERSION


def _name_of(path: str) -> tuple[str, list[str]]:
    """Return the first part of a path with an underscore, and what stands behind it.

    Without one, the name is '' and the rest is the whole path.
    """
    parts = [part for part in path.split("/") if part]
    for position, part in enumerate(parts):
        if part.startswith("_") and part != "_all":
            return part, parts[position + 1 :]
    return "", parts


def _refuse_reads(method: str, name: str, rest: list[str]) -> None:
    documents = name in ("_doc", "_create") or (not name and len(rest) > 1)
    if name in CHANGES or (method == "DELETE" and (documents or (not name and rest))):
        raise PayloadError(NO_CHANGES)
    if name in READS or documents or (name == "_cat" and rest[:1] != ["health"]):
        raise PayloadError(_NO_READS)


def _content(request: Request, name: str, rest: list[str]) -> object:
    """Return the JSON of an answer."""
    method = request.method
    if not name:
        return _about_index(method, rest, request.headers)
    if name in ("_refresh", "_flush", "_forcemerge"):
        return _SHARDS
    if method != "GET":
        return _ACKNOWLEDGED
    if name == "_nodes":
        return _nodes(request.headers)
    if name == "_cluster":
        return _HEALTH if rest[:1] == ["health"] else {"persistent": {}, "transient": {}}
    if name == "_license" or (name == "_xpack" and rest == ["license"]):
        return {"license": _LICENSE}
    if name == "_xpack":
        return {"license": _LICENSE, "features": _HAS_ILM}
    return {}


def _about_index(method: str, rest: list[str], headers: Mapping[str, str]) -> object:
    if not rest:
        return _about(headers)
    if method == "GET":
        return {}
    return {**_ACKNOWLEDGED, "shards_acknowledged": True, "index": rest[0]}


def _about(headers: Mapping[str, str]) -> object:
    version = version_for(headers)
    major = version[0]
    return {
        "name": _CLUSTER_NAME,
        "cluster_name": _CLUSTER_NAME,
        "cluster_uuid": CLUSTER_UUID,
        "version": {
            "number": version,
            "build_flavor": "default",
            "build_type": "tar",
            "build_hash": "0" * 40,
            "build_date": "2026-01-01T00:00:00.000000000Z",
            "build_snapshot": False,
            "lucene_version": _LUCENE[major],
            "minimum_wire_compatibility_version": _WIRE[major],
            "minimum_index_compatibility_version": _INDEX[major],
        },
        "tagline": "You Know, for Search",
    }


def _nodes(headers: Mapping[str, str]) -> object:
    """Tell a sender that looks for other nodes that there is one: the one it speaks to."""
    address = headers.get("host", "")
    if not _ADDRESS.fullmatch(address):
        return {"cluster_name": _CLUSTER_NAME, "nodes": {}}
    node = {
        "name": _CLUSTER_NAME,
        "version": version_for(headers),
        "roles": ["data", "ingest", "master"],
        "http": {"bound_address": [address], "publish_address": address},
    }
    return {"cluster_name": _CLUSTER_NAME, "nodes": {CLUSTER_UUID: node}}
