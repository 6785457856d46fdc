"""Datadog's spans, one by one, and what each becomes."""

from __future__ import annotations

import json
from typing import Any

AT = 1_789_899_072_123_456_789
TRACE, UPPER = 0x03D269B633813FC60C % 2**64, "5b8efff798038103"
BASE: dict[str, Any] = {"trace_id": TRACE, "span_id": 0xEEE19B7EC3C1B174, "start": AT}
ALWAYS: dict[str, Any] = {
    "Timestamp": str(AT),
    "TraceId": f"0000000000000000{TRACE:016x}",
    "SpanId": "eee19b7ec3c1b174",
    "SpanKind": "Unspecified",
    "ServiceName": "unknown_service",
    "ResourceAttributes": {"telemetry.sdk.name": "Datadog"},
    "ScopeName": "Datadog",
    "StatusCode": "Unset",
}

SPANS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing but ids and a start": ({}, {}),
    "names": (
        {"service": "cart", "name": "web.request", "resource": "GET /cart", "type": "web"},
        {
            "ServiceName": "cart",
            "SpanName": "web.request",
            "SpanKind": "Server",
            "ResourceAttributes": {"service.name": "cart", "telemetry.sdk.name": "Datadog"},
            "SpanAttributes": {"dd.span.Resource": "GET /cart", "span.type": "web"},
        },
    ),
    "a parent and a duration": (
        {"parent_id": 255, "duration": 1500},
        {"ParentSpanId": "00000000000000ff", "Duration": "1500"},
    ),
    "a trace id of 128 bits": (
        {"meta": {"_dd.p.tid": UPPER}},
        {"TraceId": f"{UPPER}{TRACE:016x}"},
    ),
    "an upper half that is none": ({"meta": {"_dd.p.tid": "zz"}}, {}),
    "what the span's tags say of its resource": (
        {
            "meta": {
                "env": "prod",
                "version": "1.2",
                "language": "python",
                "runtime-id": "r-1",
                "kube_namespace": "shop",
                "service": "other",
            },
            "service": "cart",
            "metrics": {"process_id": 77},
        },
        {
            "ServiceName": "cart",
            "ResourceAttributes": {
                "service.name": "cart",
                "deployment.environment.name": "prod",
                "service.version": "1.2",
                "telemetry.sdk.language": "python",
                "telemetry.sdk.name": "Datadog",
                "service.instance.id": "r-1",
                "k8s.namespace.name": "shop",
                "process.pid": "77",
            },
            "SpanAttributes": {"service": "other"},
        },
    ),
    "a language in OpenTelemetry's words": (
        {"meta": {"language": ".NET"}},
        {"ResourceAttributes": {"telemetry.sdk.name": "Datadog",
                                "telemetry.sdk.language": "dotnet"}},
    ),
    "other tags, known ones in OpenTelemetry's names": (
        {
            "meta": {
                "http.method": "GET",
                "http.status_code": "200",
                "http.url": "http://a/b",
                "http.request.headers.x-id": "7",
                "out.host": "db",
                "component": "flask",
            },
            "metrics": {"network.destination.port": 5432, "_sampling_priority_v1": 2, "x": 0.5},
        },
        {
            "SpanAttributes": {
                "http.request.method": "GET",
                "http.response.status_code": "200",
                "url.full": "http://a/b",
                "http.request.header.x-id": "7",
                "server.address": "db",
                "component": "flask",
                "network.peer.port": "5432",
                "sampling.priority": "2",
                "x": "0.5",
            },
        },
    ),
    "a kind": ({"meta": {"span.kind": "Producer"}, "type": "web"}, {
        "SpanKind": "Producer", "SpanAttributes": {"span.type": "web"},
    }),
    "a call of an HTTP client": (
        {"type": "http"}, {"SpanKind": "Client", "SpanAttributes": {"span.type": "http"}}
    ),
    "an error with all that is known of it": (
        {
            "error": 1,
            "duration": 10,
            "meta": {"error.type": "ValueError", "error.message": "bad", "error.stack": "at f"},
        },
        {
            "Duration": "10",
            "StatusCode": "Error",
            "StatusMessage": "bad",
            "Events.Timestamp": [str(AT + 10)],
            "Events.Name": ["exception"],
            "Events.Attributes": [{
                "exception.type": "ValueError",
                "exception.message": "bad",
                "exception.stacktrace": "at f",
            }],
            "SpanAttributes": {"error.type": "ValueError"},
        },
    ),
    "an error of which nothing is known": ({"error": 1}, {"StatusCode": "Error"}),
    "an error's tags without an error": (
        {"meta": {"error.message": "bad", "error.type": "T"}},
        {"SpanAttributes": {"exception.message": "bad", "error.type": "T"}},
    ),
    "an error that its own event tells": (
        {
            "error": 1,
            "meta": {"error.msg": "bad"},
            "span_events": [{"time_unix_nano": AT, "name": "exception"}],
        },
        {
            "StatusCode": "Error",
            "StatusMessage": "bad",
            "Events.Timestamp": [str(AT)],
            "Events.Name": ["exception"],
            "Events.Attributes": [{}],
            "SpanAttributes": {"exception.message": "bad"},
        },
    ),
    "events": (
        {"span_events": [{"time_unix_nano": AT + 5, "name": "e", "attributes": {
            "s": {"type": 0, "string_value": "x"},
            "b": {"type": 1, "bool_value": True},
            "i": {"type": 2, "int_value": -3},
            "d": {"type": 3, "double_value": 0.25},
            "l": {"type": 4, "array_value": {"values": [
                {"type": 0, "string_value": 'q"'}, {"type": 3, "double_value": 1.5},
            ]}},
        }}]},
        {
            "Events.Timestamp": [str(AT + 5)],
            "Events.Name": ["e"],
            "Events.Attributes": [
                {"s": "x", "b": "true", "i": "-3", "d": "0.25", "l": '["q\\"",1.5]'}
            ],
        },
    ),
    "events in a tag": (
        {"meta": {"events": json.dumps([{"name": "e", "time_unix_nano": AT, "attributes": {
            "s": "x", "l": [1]}}])}},
        {
            "Events.Timestamp": [str(AT)],
            "Events.Name": ["e"],
            "Events.Attributes": [{"s": "x", "l": "[1]"}],
        },
    ),
    "links": (
        {"span_links": [{"trace_id": TRACE, "trace_id_high": int(UPPER, 16), "span_id": 255,
                         "tracestate": "a=b", "attributes": {"k": "v"}, "flags": 2**31}]},
        {
            "Links.TraceId": [f"{UPPER}{TRACE:016x}"],
            "Links.SpanId": ["00000000000000ff"],
            "Links.TraceState": ["a=b"],
            "Links.Attributes": [{"k": "v"}],
        },
    ),
    "links in a tag": (
        {"meta": {"_dd.span_links": json.dumps([
            {"trace_id": UPPER * 2, "span_id": UPPER, "tracestate": "a=b"}])}},
        {
            "Links.TraceId": [UPPER * 2],
            "Links.SpanId": [UPPER],
            "Links.TraceState": ["a=b"],
            "Links.Attributes": [{}],
        },
    ),
    "tags that are not what they are called": (
        {"meta": {"events": "soon", "_dd.span_links": "{}"}},
        {"SpanAttributes": {"events": "soon", "_dd.span_links": "{}"}},
    ),
    "a state of the trace": ({"meta": {"tracestate": "dd=s:1"}}, {"TraceState": "dd=s:1"}),
    "structs and numbers that are none": (
        {"meta_struct": {"a": b"\xff"}, "metrics": {"n": float("nan")}},
        {"SpanAttributes": {"meta_struct.a": "/w==", "n": "NaN"}},
    ),
    "no trace": ({"trace_id": 0, "span_id": 0}, {"TraceId": "", "SpanId": ""}),
}  # fmt: skip
