"""Elasticsearch's door: the conversation around bulk requests, keys and errors."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from meshseal.model.errors import (
    AuthenticationError,
    ForbiddenError,
    MeshsealError,
    OverloadedError,
    PayloadError,
    RateLimitedError,
    TooLargeError,
    UnsupportedError,
)
from meshseal.wire.elastic import credential, refuse
from meshseal.wire.elastic_start import CHANGES, READS
from meshseal.wire.protocol import Reply
from tests.wire.elastic_requests import ask

CAPTURES = Path(__file__).parent / "captures" / "elasticsearch"


def told(method: str, target: str, **headers: str) -> Reply:
    """Return the answer to a request of the conversation."""
    decoded = ask(method, target, headers=headers)
    assert decoded.envelopes == ()
    assert ("X-Elastic-Product", "Elasticsearch") in decoded.reply.headers
    return decoded.reply


# ---- The conversation --------------------------------------------------------------------------

_YES = {"acknowledged": True}
_LICENSE_STATUS = {"license": {"status": "active", "type": "basic"}}

# What each sender asks before it sends, as far as it looks at the answer: `wire.md`, A1.
CONVERSATION: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "Beats, Logstash, Vector, Fluentd, Telegraf: who is there": (
        "GET",
        "/",
        {"version": {"build_flavor": "default"}, "tagline": "You Know, for Search"},
    ),
    "Logstash: is it alive": ("HEAD", "/", None),
    "Beats: licence": ("GET", "/_license?human=false", _LICENSE_STATUS),
    "Logstash: licence": ("GET", "/_license", _LICENSE_STATUS),
    "older Beats: licence": ("GET", "/_xpack/license", _LICENSE_STATUS),
    "Fluentd: are there policies": (
        "GET",
        "/_xpack",
        {"features": {"ilm": {"available": True, "enabled": True}}},
    ),
    "Beats: policy": ("GET", "/_ilm/policy/filebeat", {}),
    "Beats: put a policy": ("PUT", "/_ilm/policy/filebeat", _YES),
    "Logstash: is the policy there": ("HEAD", "/_ilm/policy/logstash-policy", None),
    "Beats: is the template there": ("HEAD", "/_index_template/filebeat-8.15.0", None),
    "Beats: put a template": ("PUT", "/_index_template/filebeat-8.15.0", _YES),
    "Logstash before 8: is the template there": ("HEAD", "/_template/logstash", None),
    "Logstash before 8: put a template": ("PUT", "/_template/logstash", _YES),
    "component template": ("PUT", "/_component_template/logs@custom", _YES),
    "Beats: data stream": ("GET", "/_data_stream/filebeat-8.15.0", {}),
    "Beats: put a data stream": ("PUT", "/_data_stream/filebeat-8.15.0", _YES),
    "Beats: put a pipeline": ("PUT", "/_ingest/pipeline/filebeat-8.15.0-nginx-access", _YES),
    "Beats: pipeline": ("GET", "/_ingest/pipeline/filebeat-8.15.0-nginx-access", {}),
    "Beats: alias": ("HEAD", "/_alias/filebeat-8.15.0", None),
    "Logstash: is the alias there": ("HEAD", "/logstash", None),
    "Logstash: put an index": (
        "PUT",
        "/%3Clogstash-%7Bnow%2Fd%7D-000001%3E",
        {"acknowledged": True, "shards_acknowledged": True},
    ),
    "Logstash: central management": ("GET", "/_logstash/pipeline?id=main", {}),
    "Vector: health": ("GET", "/_cluster/health", {"status": "green", "timed_out": False}),
    "settings of the cluster": ("GET", "/_cluster/settings", {"persistent": {}}),
    "nodes": ("GET", "/_nodes/http", {"nodes": {}}),
    "an index": ("GET", "/shop", {}),
    "a mapping": ("PUT", "/shop/_mapping", _YES),
    "aliases": ("POST", "/_aliases", _YES),
    "a template's end": ("DELETE", "/_index_template/old", _YES),
    "refresh": ("POST", "/shop/_refresh", {"_shards": {"failed": 0}}),
    "refresh of all": ("POST", "/_all/_refresh", {"_shards": {"failed": 0}}),
    "anything else of administration": ("GET", "/_security/_authenticate", {}),
    "a path that ends in a slash": ("GET", "/_license/", _LICENSE_STATUS),
}


def holds(found: Any, wanted: Any) -> bool:
    """Say whether everything wanted is found."""
    if isinstance(wanted, dict):
        return all(name in found and holds(found[name], one) for name, one in wanted.items())
    return bool(found == wanted)


@pytest.mark.parametrize(("method", "target", "wanted"), CONVERSATION.values(), ids=CONVERSATION)
def test_the_conversation(method: str, target: str, wanted: dict[str, Any] | None) -> None:
    reply = told(method, target)
    assert reply.status == 200
    if wanted is None:
        assert reply.body == b""
        return
    assert reply.media_type == "application/json"
    found = json.loads(reply.body)
    assert holds(found, wanted)
    assert wanted or found == {}


VERSIONS = {
    "Elastic-Filebeat/8.15.3 (linux; amd64; f0c; 2024-10-01 12:00:00 +0000 UTC)": "8.15.3",
    "Elastic-filebeat-fips/9.1.0 (linux)": "9.1.0",
    "elasticsearch-py/7.14.2 (Python 3.11.7)": "7.14.2",
    "elasticsearch-js/9.4.3 (linux; Node.js 20.20.2; Transport 9.4.0)": "9.4.3",
    "Vector/0.40.0 (x86_64-unknown-linux-gnu)": "8.19.0",
    "elasticsearch-ruby/6.8.0 (RUBY_VERSION: 2.7)": "8.19.0",
    "Fluent-Bit": "8.19.0",
    "": "8.19.0",
}


@pytest.mark.parametrize(("agent", "version"), VERSIONS.items())
def test_a_client_of_elastic_finds_its_own_version(agent: str, version: str) -> None:
    about = json.loads(told("GET", "/", **{"user-agent": agent}).body)
    assert about["version"]["number"] == version
    assert len(about["cluster_uuid"]) == 22


MEDIA_TYPES = {
    "application/vnd.elasticsearch+json; compatible-with=9": (
        "application/vnd.elasticsearch+json;compatible-with=9"
    ),
    "application/vnd.elasticsearch+json;compatible-with=8": (
        "application/vnd.elasticsearch+json;compatible-with=8"
    ),
    "application/vnd.elasticsearch+json;compatible-with=8,text/plain": (
        "application/vnd.elasticsearch+json;compatible-with=8"
    ),
    "application/json": "application/json",
    "*/*": "application/json",
    "": "application/json",
}


@pytest.mark.parametrize(("accepted", "given"), MEDIA_TYPES.items())
def test_the_media_type_that_is_accepted_is_given(accepted: str, given: str) -> None:
    assert told("GET", "/", accept=accepted).media_type == given
    body = b'{"index":{"_index":"a"}}\n{}\n'
    assert ask("PUT", "/_bulk", body, {"accept": accepted}).reply.media_type == given
    assert refuse(PayloadError("no"), {"accept": accepted}).media_type == given


NODES = {
    "logs.example:9200": ["logs.example:9200"],
    "[::1]:9200": ["[::1]:9200"],
    "": [],
    "evil.example/x:80": [],
    "a b:1": [],
}


@pytest.mark.parametrize(("host", "addresses"), NODES.items())
def test_a_sniffer_finds_the_node_it_speaks_to(host: str, addresses: list[str]) -> None:
    nodes = json.loads(told("GET", "/_nodes/_all/http", host=host).body)["nodes"]
    assert [one["http"]["publish_address"] for one in nodes.values()] == addresses


def test_health_as_text() -> None:
    reply = told("GET", "/_cat/health")
    assert reply.body.split()[:2] == [b"meshseal", b"green"]


REFUSED = {
    **{
        f"GET {name}": ("GET", f"/shop/{name}", "no Elasticsearch searches")
        for name in sorted(READS)
    },
    **{f"POST {name}": ("POST", f"/{name}", "no Elasticsearch searches") for name in sorted(READS)},
    **{f"GET {name}": ("GET", f"/shop/{name}/1", "append-only") for name in sorted(CHANGES)},
    "update": ("POST", "/shop/_update/1", "append-only"),
    "delete by query": ("POST", "/shop/_delete_by_query", "append-only"),
    "read a document": ("GET", "/shop/_doc/1", "no Elasticsearch searches"),
    "is a document there": ("HEAD", "/shop/_doc/1", "no Elasticsearch searches"),
    "delete a document": ("DELETE", "/shop/_doc/1", "append-only"),
    "delete an index": ("DELETE", "/shop", "append-only"),
    "delete all": ("DELETE", "/_all", "append-only"),
    "read a document with a type": ("GET", "/shop/order/1", "no Elasticsearch searches"),
    "list indices": ("GET", "/_cat/indices?format=json", "no Elasticsearch searches"),
}


@pytest.mark.parametrize(("method", "target", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_reads_or_changes_documents_is_refused(method: str, target: str, reason: str) -> None:
    with pytest.raises(PayloadError, match=reason):
        ask(method, target)


# ---- Keys and errors ---------------------------------------------------------------------------


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


KEYS = {
    "the key itself": ("ApiKey msk_a1_s3cret", "msk_a1_s3cret"),
    "any id and the key": (f"ApiKey {_encoded('any:msk_a1_s3cret')}", "msk_a1_s3cret"),
    "the key alone": (f"apikey {_encoded('msk_a1_s3cret')}", "msk_a1_s3cret"),
    "the key and nothing": (f"ApiKey {_encoded('msk_a1_s3cret:')}", "msk_a1_s3cret"),
    "the key's id and secret": (f"ApiKey {_encoded('a1:s3_cret')}", "msk_a1_s3_cret"),
    "no base64": ("ApiKey ???", "unreadable"),
    "no text": (f"ApiKey {base64.b64encode(bytes([255])).decode()}", "unreadable"),
    "another way": ("Bearer msk_a1_s3cret", ""),
    "basic": (f"Basic {_encoded('elastic:msk_a1_s3cret')}", ""),
    "none": ("", ""),
}


@pytest.mark.parametrize(("header", "key"), KEYS.values(), ids=KEYS)
def test_where_a_key_is(header: str, key: str) -> None:
    assert credential("/_bulk", {}, {"authorization": header} if header else {}) == key


ERRORS = {
    "payload": (PayloadError("why"), 400, "illegal_argument_exception", {}),
    "size": (TooLargeError("why"), 413, "content_too_long_exception", {}),
    "encoding": (UnsupportedError("why"), 415, "illegal_argument_exception", {}),
    "no key": (
        AuthenticationError("why"),
        401,
        "security_exception",
        {"WWW-Authenticate": "ApiKey"},
    ),
    "role": (ForbiddenError("why"), 403, "security_exception", {}),
    "no room": (
        OverloadedError("why", retry_after_seconds=3),
        503,
        "es_rejected_execution_exception",
        {"Retry-After": "3"},
    ),
    "too fast": (
        RateLimitedError("why", retry_after_seconds=9),
        429,
        "es_rejected_execution_exception",
        {"Retry-After": "9"},
    ),
}


@pytest.mark.parametrize(("error", "status", "kind", "extra"), ERRORS.values(), ids=ERRORS)
def test_errors_in_the_envelope_of_elasticsearch(
    error: MeshsealError, status: int, kind: str, extra: dict[str, str]
) -> None:
    reply = refuse(error, {})
    cause = {"type": kind, "reason": "why"}
    assert json.loads(reply.body) == {"error": {"root_cause": [cause], **cause}, "status": status}
    assert reply.status == status
    assert dict(reply.headers) == {"X-Elastic-Product": "Elasticsearch", **extra}


# ---- Captures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", sorted(CAPTURES.iterdir()), ids=lambda path: path.name)
def test_a_real_client_is_answered_as_when_it_was_recorded(case: Path) -> None:
    requests = json.loads((case / "conversation.json").read_text())
    assert [one["path"].partition("?")[0] for one in requests if one["records"]] == ["/_bulk"]
    for one in requests:
        if one["records"]:
            continue
        reply = ask(one["method"], one["path"], headers=one["headers"]).reply
        assert reply.status == one["status"] == 200
        assert ("X-Elastic-Product", "Elasticsearch") in reply.headers
