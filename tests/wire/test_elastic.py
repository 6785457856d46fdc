"""Elasticsearch's door: bulk requests, their answers, single documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.model.errors import MeshsealError, PayloadError, TooLargeError
from meshseal.wire.elastic import BULK, MAX_LINES, refuse
from meshseal.wire.elastic_reply import Filter, parse_filter
from meshseal.wire.protocol import Decoded
from tests.wire.elastic_requests import ask, bulk


def items(decoded: Decoded) -> list[dict[str, Any]]:
    assert decoded.reply.status == 200
    return list(json.loads(decoded.reply.body)["items"])


# ---- Bulk requests -----------------------------------------------------------------------------

INDEX = '{"index":{"_index":"a"}}'
CREATE = '{"create":{"_index":"logs-x-y","_id":"1"}}'
SOURCE = '{"message":"m"}'
_STORED = {"status": 201, "result": "created", "_version": 1}
_STORED["_shards"] = {"total": 1, "successful": 1, "failed": 0}


def test_an_item_for_each_action_in_its_order() -> None:
    update = '{"update":{"_index":"a","_id":"7"}}\n{"doc":{},"doc_as_upsert":true}'
    delete = '{"delete":{"_index":"a","_id":"8"}}'
    decoded = bulk(f"{INDEX}\n{SOURCE}\n{update}\n{delete}\n{CREATE}\n{SOURCE}\n")
    index, updated, deleted, created = items(decoded)
    assert index["index"].pop("_id")
    assert index == {"index": {"_index": "a", **_STORED}}
    assert created == {"create": {"_index": "logs-x-y", "_id": "1", **_STORED}}
    for item, verb, name in ((updated, "update", "7"), (deleted, "delete", "8")):
        assert list(item) == [verb]
        assert (item[verb]["_index"], item[verb]["_id"], item[verb]["status"]) == ("a", name, 400)
        assert item[verb]["error"]["type"] == "illegal_argument_exception"
        assert "append-only" in item[verb]["error"]["reason"]
    assert (decoded.records, decoded.refused) == (2, 1)
    (envelope,) = decoded.envelopes
    assert envelope.kind is Payload.ELASTIC_DOCUMENTS
    assert envelope.content == f"{INDEX}\n{SOURCE}\n{CREATE}\n{SOURCE}".encode()


def test_answers_are_compact_for_those_who_search_their_text() -> None:
    assert (
        b'{"took":0,"errors":false,"items":[{"index":{' in bulk(f"{INDEX}\n{SOURCE}\n").reply.body
    )
    assert b'"errors":true,"items":[{"index":' in bulk(f"{INDEX}\n[]\n").reply.body


CONTENTS = {
    "as it came": (f"{INDEX}\n{SOURCE}\n", f"{INDEX}\n{SOURCE}\n"),
    "without an end": (f"{INDEX}\n{SOURCE}", f"{INDEX}\n{SOURCE}"),
    "CRLF": (f"{INDEX}\r\n{SOURCE}\r\n", f"{INDEX}\r\n{SOURCE}\r\n"),
    "rsyslog's empty lines": (
        f"{INDEX}\n{SOURCE}\n\n{INDEX}\n{SOURCE}\n\n\n",
        f"{INDEX}\n{SOURCE}\n{INDEX}\n{SOURCE}",
    ),
    "empty lines with CRLF": (f"\r\n{INDEX}\r\n{SOURCE}\r\n\r\n", f"{INDEX}\r\n{SOURCE}\r"),
    "empty lines in front": (f"\n\n\n{INDEX}\n{SOURCE}\n", f"{INDEX}\n{SOURCE}"),
    "an empty source": (f"{INDEX}\n\n{INDEX}\n{SOURCE}\n", f"{INDEX}\n{SOURCE}"),
    "an empty source that looks like a pair": (f"{INDEX}\n\n{CREATE}\n\n", ""),
    "a source that is cut": (f'{INDEX}\n{{"a":\n{INDEX}\n{SOURCE}\n', f"{INDEX}\n{SOURCE}"),
    "a source on several lines": (
        f'{INDEX}\n{{"x":\n{INDEX}\n}}\n{INDEX}\n{SOURCE}\n',
        f"{INDEX}\n{SOURCE}",
    ),
    "half a surrogate": (f'{INDEX}\n{{"a":"\\ud800"}}\n', f'{INDEX}\n{{"a":"\\ud800"}}'),
    "no number": (f'{INDEX}\n{{"a":NaN}}\n', f'{INDEX}\n{{"a":NaN}}'),
    "no object": (f"{INDEX}\n5\n{INDEX}\n{SOURCE}\n", f"{INDEX}\n{SOURCE}"),
}


@pytest.mark.parametrize(("body", "content"), CONTENTS.values(), ids=CONTENTS)
def test_what_is_stored(body: str, content: str) -> None:
    decoded = bulk(body)
    assert [bytes(one.content).decode() for one in decoded.envelopes] == [content] * bool(content)
    pairs = [line for line in content.split("\n") if line.strip()]
    assert decoded.records == len(pairs) // 2
    failed = [one for item in items(decoded) for one in item.values() if one["status"] == 400]
    assert decoded.refused == len(failed) == len(items(decoded)) - decoded.records
    assert all(one["error"]["type"] == "mapper_parsing_exception" for one in failed)
    assert json.loads(decoded.reply.body)["errors"] == bool(failed)


BAD = {
    "nothing": ("", "request body is required"),
    "empty lines only": ("\n\r\n", "no requests added"),
    "no JSON": (f"{INDEX}\n{SOURCE}\nnonsense\n{SOURCE}\n", r"line \[3\]"),
    "no object": (f"[]\n{SOURCE}\n", r"line \[1\]"),
    "no verb": (f"{{}}\n{SOURCE}\n", "create, index, update and delete"),
    "two verbs": (f'{{"index":{{}},"create":{{}}}}\n{SOURCE}\n', r"line \[1\]"),
    "another verb": (f'{{"upsert":{{"_index":"a"}}}}\n{SOURCE}\n', r"line \[1\]"),
    "an index that is no text": (f'{{"index":{{"_index":5}}}}\n{SOURCE}\n', r"line \[1\]"),
    "no index": (f'{{"index":{{}}}}\n{SOURCE}\n', "index is missing"),
    "no source": (f"{INDEX}\n{SOURCE}\n{INDEX}\n", r"line \[3\] has no source"),
    "a name without end": (f'{{"index":{{"_index":"{"a" * 600}"}}}}\n{SOURCE}\n', "longer than"),
    "an id without end": (
        f'{{"index":{{"_index":"a","_id":"{"i" * 600}"}}}}\n{SOURCE}\n',
        "longer than",
    ),
    "no UTF-8": (b'{"index":{"_index":"\xff"}}\n{}\n', r"line \[1\]"),
}


@pytest.mark.parametrize(("body", "reason"), BAD.values(), ids=BAD)
def test_what_is_no_bulk_request_is_refused_whole(body: str | bytes, reason: str) -> None:
    with pytest.raises(PayloadError, match=reason):
        bulk(body)


def test_a_request_of_too_many_lines_is_too_large() -> None:
    assert bulk("\n" * (MAX_LINES - 2) + f"{INDEX}\n{SOURCE}\n").records == 1
    with pytest.raises(TooLargeError, match="at most 400000 lines"):
        bulk("\n" * (MAX_LINES - 1) + f"{INDEX}\n{SOURCE}\n")


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("target", ["/shop/_bulk", "/shop/_doc/_bulk", "/shop/_bulk/"])
def test_the_index_of_the_path(method: str, target: str) -> None:
    body = f'{{"index":{{}}}}\n{SOURCE}\n{INDEX}\n{SOURCE}\n'.encode()
    decoded = ask(method, target + "?pipeline=p&refresh=true&timeout=60s", body)
    assert [one["index"]["_index"] for one in items(decoded)] == ["shop", "a"]
    (envelope,) = decoded.envelopes
    assert envelope.labels == {"elasticsearch.index": "shop", "elasticsearch.pipeline": "p"}


def test_ids_are_given_back_or_made() -> None:
    body = "".join(
        f'{{"create":{{"_index":"a"{name}}}}}\n{SOURCE}\n'
        for name in ('"', ',"_id":"é\\""', ',"_id":7', ',"_id":null', ',"_id":""')
    ).replace('"a""', '"a"')
    first, second = items(bulk(body)), items(bulk(body))
    names = [one["create"]["_id"] for one in first]
    assert names[1:3] == ['é"', "7"]
    assert [len(name) for name in names] == [20, 2, 1, 20, 20]
    assert len(set(names)) == 5
    assert first == second
    assert items(bulk(body + f"{INDEX}\n{SOURCE}\n"))[0]["create"]["_id"] != names[0]


def test_a_request_of_named_documents_has_a_name() -> None:
    def delivery(body: str, target: str = "/_bulk") -> str:
        (envelope,) = bulk(body, target).envelopes
        return envelope.delivery

    named = f"{CREATE}\n{SOURCE}\n"
    assert delivery(named) == delivery(named)
    others = [delivery(named + named), delivery(named, "/b/_bulk"), delivery(named[:-1] + " ")]
    assert len({delivery(named), *others}) == 4
    assert delivery(named + f"{INDEX}\n{SOURCE}\n") == ""
    assert delivery(f"{INDEX}\n{SOURCE}\n") == ""
    assert delivery(named + f'{INDEX}\n{SOURCE}\n{{"delete":{{"_index":"a"}}}}\n') == ""
    # What is refused does not count: only the documents that are stored need names.
    assert delivery(named + '{"delete":{"_index":"a"}}\n') != ""


# ---- filter_path -------------------------------------------------------------------------------

_MIXED = f'{CREATE}\n{SOURCE}\n{INDEX}\n5\n{{"delete":{{"_index":"a","_id":"9"}}}}\n'
FILTERS = {
    "Beats and Logstash": (
        "errors,items.*.error,items.*.status",
        {
            "errors": True,
            "items": [
                {"create": {"status": 201}},
                {"index": {"status": 400, "error": {"type": "mapper_parsing_exception"}}},
                {"delete": {"status": 400, "error": {"type": "illegal_argument_exception"}}},
            ],
        },
    ),
    "failures only": (
        "items.*.error.type",
        {
            "items": [
                {"index": {"error": {"type": "mapper_parsing_exception"}}},
                {"delete": {"error": {"type": "illegal_argument_exception"}}},
            ]
        },
    ),
    "no items": ("took,errors", {"took": 0, "errors": True}),
    "one verb": (
        "items.create._id,items.cr*e._shards.t*",
        {"items": [{"create": {"_id": "1", "_shards": {"total": 1}}}]},
    ),
    "at any depth": ("**.failed", {"items": [{"create": {"_shards": {"failed": 0}}}]}),
    "all but": (
        "-took,-items.*._*,-items.*.error,-items.*.result",
        {
            "errors": True,
            "items": [
                {"create": {"status": 201}},
                {"index": {"status": 400}},
                {"delete": {"status": 400}},
            ],
        },
    ),
    "nothing": ("no.such.path", {}),
}


def without_reasons(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_reasons(one) for name, one in value.items() if name != "reason"}
    return [without_reasons(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("path", "wanted"), FILTERS.values(), ids=FILTERS)
def test_filter_path(path: str, wanted: dict[str, Any]) -> None:
    found = json.loads(bulk(_MIXED, f"/_bulk?filter_path={path}").reply.body)
    assert without_reasons(found) == wanted


def pruned(value: Any, kept: Filter, *path: str) -> Any:
    """What a filter leaves of a document, read plainly; None for nothing."""
    if isinstance(value, dict):
        rest = {name: pruned(one, kept, *path, name) for name, one in value.items()}
        return {name: one for name, one in rest.items() if one is not None} or None
    if isinstance(value, list):
        return [one for one in (pruned(one, kept, *path) for one in value) if one] or None
    return value if kept.keeps(*path) else None


_NAMES = st.sampled_from(
    [
        "took",
        "errors",
        "items",
        "create",
        "index",
        "*",
        "**",
        "status",
        "error",
        "_id",
        "_*",
        "re*t",
    ]
)
_PATHS = st.lists(
    st.tuples(st.sampled_from(["", "", "-"]), st.lists(_NAMES, min_size=1, max_size=4)), max_size=4
)


@given(paths=_PATHS)
def test_a_filter_leaves_what_a_plain_reading_leaves(
    paths: list[tuple[str, list[str]]],
) -> None:
    text = ",".join(sign + ".".join(names) for sign, names in paths)
    whole = json.loads(bulk(_MIXED).reply.body)
    found = json.loads(bulk(_MIXED, f"/_bulk?filter_path={text}").reply.body)
    assert found == (pruned(whole, parse_filter(text)) or {})


@pytest.mark.parametrize("path", [",".join("a" * 65), ".".join("a" * 17)])
def test_a_filter_is_bounded(path: str) -> None:
    with pytest.raises(PayloadError, match="filter_path"):
        bulk(_MIXED, f"/_bulk?filter_path={path}")


# ---- Any operations, any bytes -----------------------------------------------------------------

_VERBS = st.sampled_from(["create", "index", "update", "delete"])
_SOURCES = st.sampled_from(['{"a":1}', "{ }", '{"a":"\\ud800"}', "[]", "{", "", " ", "null"])
_OPERATIONS = st.lists(
    st.tuples(
        _VERBS, _SOURCES, st.sampled_from(["", "1", "2"]), st.sampled_from(["", "\n", " \n"])
    ),
    min_size=1,
    max_size=6,
)


@given(operations=_OPERATIONS, end=st.sampled_from(["\n", "\r\n"]))
def test_bulk_does_what_a_plain_reading_does(
    operations: list[tuple[str, str, str, str]], end: str
) -> None:
    body, wanted, kept = "", [], []
    for verb, source, name, blank in operations:
        meta = {"_index": "a"} | ({"_id": name} if name else {})
        action = json.dumps({verb: meta})
        body += blank + action + end
        good = False
        if verb != "delete":
            body += source + end
            good = verb != "update" and source in ('{"a":1}', "{ }", '{"a":"\\ud800"}')
        wanted.append((verb, 201 if good else 400))
        kept += [action, source] if good else []
    decoded = bulk(body)
    found = [(verb, one["status"]) for item in items(decoded) for verb, one in item.items()]
    assert found == wanted
    content = b"".join(bytes(one.content) for one in decoded.envelopes).decode()
    assert [line.rstrip("\r") for line in content.split("\n") if line.strip()] == kept
    assert decoded.records == len(kept) // 2
    assert decoded.refused == sum(status == 400 and verb != "delete" for verb, status in wanted)


_BODIES = st.binary(max_size=200) | st.lists(
    st.sampled_from([INDEX, CREATE, SOURCE, '{"delete":{"_index":"a"}}', "", "\r", "{", "\xff"]),
    max_size=8,
).map(lambda lines: "\n".join(lines).encode("latin-1"))
_TARGETS = st.sampled_from(["/_bulk", "/shop/_bulk", "/shop/_doc", "/shop/_doc/1", "/", "/_search"])


@given(body=_BODIES, target=_TARGETS, method=st.sampled_from(BULK.methods))
def test_any_request_is_taken_or_refused_in_words(body: bytes, target: str, method: str) -> None:
    try:
        decoded = ask(method, target, body)
    except MeshsealError as error:
        reply = refuse(error, {})
        assert reply.status == 400
        assert json.loads(reply.body)["status"] == 400
        return
    assert decoded.reply.status in (200, 201)
    assert len(decoded.envelopes) == (1 if decoded.records else 0)
    for envelope in decoded.envelopes:
        lines = bytes(envelope.content).rstrip(b"\n").split(b"\n")
        assert len(lines) == 2 * decoded.records
        assert all(line.strip().startswith(b"{") for line in lines)


# ---- Single documents --------------------------------------------------------------------------

DOCUMENTS = {
    "POST /shop/_doc": ("shop", None),
    "POST /shop/_doc?timeout=1m": ("shop", None),
    "PUT /shop/_doc/7": ("shop", "7"),
    "PUT /shop/_create/7": ("shop", "7"),
    "POST /syslog/events": ("syslog", None),
}


@pytest.mark.parametrize(("line", "wanted"), DOCUMENTS.items(), ids=DOCUMENTS)
def test_a_single_document(line: str, wanted: tuple[str, str | None]) -> None:
    method, _, target = line.partition(" ")
    decoded = ask(method, target, b'{\n  "a": "b\\n c",\n  "n": [1, 2]\n}\n')
    assert decoded.reply.status == 201
    reply = json.loads(decoded.reply.body)
    assert (reply["_index"], reply["result"]) == (wanted[0], "created")
    assert reply["_id"] == wanted[1] if wanted[1] else len(reply["_id"]) == 20
    (envelope,) = decoded.envelopes
    action, source = bytes(envelope.content).split(b"\n")
    meta = {"_index": wanted[0]} | ({"_id": wanted[1]} if wanted[1] else {})
    assert json.loads(action) == {"create": meta}
    assert source == b'{"a":"b\\n c","n":[1,2]}'
    assert bool(envelope.delivery) == bool(wanted[1])
    assert envelope.records == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"text"', b'{"a":1}{"b":2}'])
def test_a_single_document_that_is_none(body: bytes) -> None:
    with pytest.raises(PayloadError, match="failed to parse"):
        ask("POST", "/shop/_doc", body)
