"""Datadog's logs, one by one, and what each becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Log:
    """One log as the Agent sends it, and what it becomes.

    `expected` are the columns that say something; without `Timestamp`, the time of receipt.
    """

    id: str
    log: dict[str, Any]
    expected: dict[str, Any]
    labels: dict[str, str] = field(default_factory=dict)


AT, AT_NANOS = 1_789_899_072_123, "1789899072123000000"
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"

LOGS = [
    Log(
        "the Agent's seven fields",
        {
            "message": "order 7 placed",
            "status": "warn",
            "timestamp": AT,
            "hostname": "ip-10-0-0-7",
            "service": "checkout",
            "ddsource": "python",
            "ddtags": "env:prod,version:1.4.2,team:payments",
        },
        {
            "Timestamp": AT_NANOS,
            "SeverityText": "warn",
            "SeverityNumber": "13",
            "ServiceName": "checkout",
            "Body": "order 7 placed",
            "ResourceAttributes": {
                "host.name": "ip-10-0-0-7",
                "service.name": "checkout",
                "datadog.log.source": "python",
                "deployment.environment.name": "prod",
                "service.version": "1.4.2",
            },
            "OtherAttributes": {"team": "payments"},
        },
    ),
    Log(
        "tags of containers and Kubernetes",
        {
            "message": "m",
            "ddtags": "kube_namespace:shop,pod_name:cart-7d,kube_deployment:cart,container_id:ab12,"
            "container_name:cart,image_name:r/cart,image_tag:2,kube_cluster_name:eu1,"
            "kube_node:n1,region:eu-west-1,availability-zone:eu-west-1a,host:h1",
        },
        {
            "ServiceName": "cart",
            "Body": "m",
            "ResourceAttributes": {
                "k8s.namespace.name": "shop",
                "k8s.pod.name": "cart-7d",
                "k8s.deployment.name": "cart",
                "container.id": "ab12",
                "container.name": "cart",
                "container.image.name": "r/cart",
                "container.image.tags": "2",
                "k8s.cluster.name": "eu1",
                "k8s.node.name": "n1",
                "cloud.region": "eu-west-1",
                "cloud.availability_zone": "eu-west-1a",
                "host.name": "h1",
            },
        },
    ),
    Log(
        "tags: without a key, with a colon in the value, twice, spaced, empty, no value",
        {"message": "m", "ddtags": "canary, url:http://a:80 ,kube_service:a,kube_service:b,,:x,e:"},
        {
            "ServiceName": "unknown_service",
            "Body": "m",
            "OtherAttributes": {
                "datadog.tags": "canary,:x",
                "url": "http://a:80",
                "kube_service": "a,b",
                "e": "",
            },
        },
    ),
    Log(
        "tags as an array",
        {"message": "m", "ddtags": ["env:prod", "team:web"]},
        {
            "ServiceName": "unknown_service",
            "Body": "m",
            "ResourceAttributes": {"deployment.environment.name": "prod"},
            "OtherAttributes": {"team": "web"},
        },
    ),
    Log(
        "a tag that says otherwise than a field",
        {"message": "m", "service": "cart", "ddtags": "service:basket", "team": "a"},
        {
            "ServiceName": "cart",
            "Body": "m",
            "ResourceAttributes": {"service.name": "cart"},
            "OtherAttributes": {"service": "basket", "team": "a"},
        },
    ),
    Log(
        "a tag with the name of a field of the log",
        {"message": "m", "team": "a", "ddtags": "team:b"},
        {
            "ServiceName": "unknown_service",
            "Body": "m",
            "OtherAttributes": {"team": "a", "ddtags.team": "b"},
        },
    ),
    Log(
        "the service is a tag, or a member of dd",
        {"message": "m", "dd": {"service": "cart", "env": "prod"}},
        {
            "ServiceName": "cart",
            "Body": "m",
            "ResourceAttributes": {"service.name": "cart"},
            "OtherAttributes": {"dd.service": "cart", "dd.env": "prod"},
        },
    ),
    Log(
        "the message of a serverless extension",
        {
            "message": {
                "message": "START",
                "lambda": {"arn": "arn:aws:lambda:eu-west-1:1:function:f", "request_id": "r-1"},
            },
            "status": "info",
            "timestamp": AT,
            "service": "f",
        },
        {
            "Timestamp": AT_NANOS,
            "SeverityText": "info",
            "SeverityNumber": "9",
            "ServiceName": "f",
            "Body": "START",
            "ResourceAttributes": {
                "service.name": "f",
                "cloud.resource_id": "arn:aws:lambda:eu-west-1:1:function:f",
            },
            "OtherAttributes": {"faas.invocation_id": "r-1"},
        },
    ),
    Log(
        "a message that is an object",
        {"message": {"a": 1}, "status": "ok"},
        {
            "SeverityText": "ok",
            "SeverityNumber": "9",
            "ServiceName": "unknown_service",
            "Body": '{"a":1}',
            "Format": "json",
            "OtherAttributes": {"a": "1"},
        },
    ),
    Log(
        "a message that is text with an object in it",
        {"message": '{ "message": "x", "a": 1 }'},
        {
            "ServiceName": "unknown_service",
            "Body": '{ "message": "x", "a": 1 }',
            "Format": "json",
            "OtherAttributes": {"message": "x", "a": "1"},
        },
    ),
    Log(
        "a message that is a number",
        {"message": 5},
        {"ServiceName": "unknown_service", "Body": "5"},
    ),
    Log(
        "no message",
        {"msg": "hello", "level": "error", "service": "cart", "ddtags": "env:prod"},
        {
            "SeverityText": "error",
            "SeverityNumber": "17",
            "ServiceName": "cart",
            "Body": '{"msg":"hello","level":"error","service":"cart","ddtags":"env:prod"}',
            "Format": "json",
            "ResourceAttributes": {"service.name": "cart", "deployment.environment.name": "prod"},
            "OtherAttributes": {
                "msg": "hello",
                "level": "error",
                "service": "cart",
                "ddtags": "env:prod",
            },
        },
    ),
    Log(
        "nothing at all",
        {},
        {"ServiceName": "unknown_service", "Body": "{}", "Format": "json"},
    ),
    Log(
        "other members, standard ones in OpenTelemetry's names",
        {
            "message": "m",
            "http": {"method": "GET", "status_code": 502, "url_details": {"path": "/a"}},
            "network": {"client": {"ip": "1.2.3.4"}},
            "error": {"kind": "Timeout", "message": "late", "stack": "at f"},
            "usr": {"id": "u1"},
            "logger": {"name": "shop"},
            "n": 1.5,
            "list": [1, {"a": 2}],
            "none": None,
            "empty": "",
        },
        {
            "ServiceName": "unknown_service",
            "Body": "m",
            "HttpRequestMethod": "GET",
            "HttpResponseStatusCode": "502",
            "UrlPath": "/a",
            "ClientAddress": "1.2.3.4",
            "ErrorType": "Timeout",
            "OtherAttributes": {
                "exception.message": "late",
                "exception.stacktrace": "at f",
                "user.id": "u1",
                "logger.name": "shop",
                "n": "1.5",
                "list": '[1,{"a":2}]',
                "empty": "",
            },
        },
    ),
    Log(
        "the ids of a trace in members, 128 bits",
        {"message": "m", "dd": {"trace_id": TRACE.upper(), "span_id": SPAN}},
        {
            "TraceId": TRACE,
            "SpanId": SPAN,
            "ServiceName": "unknown_service",
            "Body": "m",
            "OtherAttributes": {"dd.trace_id": TRACE.upper(), "dd.span_id": SPAN},
        },
    ),
    Log(
        "the ids of a trace in members, 64 bits in decimal",
        {"message": "m", "dd.trace_id": "1234567890123456789", "dd.span_id": 77},
        {
            "TraceId": "0000000000000000112210f47de98115",
            "SpanId": "000000000000004d",
            "ServiceName": "unknown_service",
            "Body": "m",
            "OtherAttributes": {"dd.trace_id": "1234567890123456789", "dd.span_id": "77"},
        },
    ),
    Log(
        "the ids of a trace in the text",
        {"message": f"[dd.service=a dd.trace_id={TRACE} dd.span_id=255] hello"},
        {
            "TraceId": TRACE,
            "SpanId": "00000000000000ff",
            "ServiceName": "unknown_service",
            "Body": f"[dd.service=a dd.trace_id={TRACE} dd.span_id=255] hello",
        },
    ),
    Log(
        "the ids of a trace in a message of JSON",
        {"message": '{"msg":"x","dd":{"env":"p","trace_id":"255","span_id":"16"}}'},
        {
            "TraceId": "000000000000000000000000000000ff",
            "SpanId": "0000000000000010",
            "ServiceName": "unknown_service",
            "Body": '{"msg":"x","dd":{"env":"p","trace_id":"255","span_id":"16"}}',
            "Format": "json",
            "OtherAttributes": {
                "msg": "x",
                "dd.env": "p",
                "dd.trace_id": "255",
                "dd.span_id": "16",
            },
        },
    ),
    Log(
        "ids that are none",
        {"message": "m", "dd.trace_id": "0", "dd.span_id": "zz"},
        {
            "ServiceName": "unknown_service",
            "Body": "m",
            "OtherAttributes": {"dd.trace_id": "0", "dd.span_id": "zz"},
        },
    ),
    Log(
        "a level in a message of JSON goes before the Agent's own",
        {"message": '{"level":"error","n":1}', "status": "info"},
        {
            "SeverityText": "error",
            "SeverityNumber": "17",
            "ServiceName": "unknown_service",
            "Body": '{"level":"error","n":1}',
            "Format": "json",
            "OtherAttributes": {"status": "info", "level": "error", "n": "1"},
        },
    ),
    Log(
        "a status that is a number of syslog",
        {"message": "m", "status": 3},
        {
            "SeverityText": "3",
            "SeverityNumber": "17",
            "ServiceName": "unknown_service",
            "Body": "m",
        },
    ),
    Log(
        "a time in seconds",
        {"message": "m", "timestamp": 1_789_899_072},
        {
            "Timestamp": "1789899072000000000",
            "ServiceName": "unknown_service",
            "Body": "m",
            "OtherAttributes": {"timestamp": "1789899072"},
        },
    ),
    Log(
        "a time in words",
        {"message": "m", "@timestamp": "2026-09-20T10:11:12.345Z"},
        {
            "Timestamp": "1789899072345000000",
            "ServiceName": "unknown_service",
            "Body": "m",
            "OtherAttributes": {"@timestamp": "2026-09-20T10:11:12.345Z"},
        },
    ),
    Log(
        "a time that is none",
        {"message": "m", "timestamp": "soon"},
        {"ServiceName": "unknown_service", "Body": "m", "OtherAttributes": {"timestamp": "soon"}},
    ),
    Log(
        "fields of other types",
        {"message": True, "service": {"a": 1}, "hostname": 7, "ddsource": [1], "status": None},
        {
            "ServiceName": '{"a":1}',
            "Body": "true",
            "ResourceAttributes": {
                "host.name": "7",
                "service.name": '{"a":1}',
                "datadog.log.source": "[1]",
            },
        },
    ),
    Log(
        "what the query says holds where the log says nothing",
        {"message": "m", "service": "cart", "ddtags": "a:b"},
        {
            "ServiceName": "cart",
            "Body": "m",
            "ResourceAttributes": {
                "host.name": "h1",
                "service.name": "cart",
                "datadog.log.source": "nodejs",
                "deployment.environment.name": "prod",
            },
            "OtherAttributes": {"a": "b"},
        },
        {"hostname": "h1", "service": "web", "ddsource": "nodejs", "ddtags": "env:prod"},
    ),
    Log(
        "an access log",
        {
            "message": '[2026-09-20T10:11:12.345Z] "GET /cart HTTP/1.1" 503 UF upstream_reset - '
            '"-" 0 91 12 - "1.2.3.4" "curl/8.0" "r-1" "cart:8080" "10.0.0.1:8080" '
            "outbound|8080||cart 10.0.0.2:1 10.0.0.3:8080 10.0.0.2:2 - default",
            "service": "web",
            "ddsource": "envoy",
        },
        {
            "Timestamp": "1789899072345000000",
            "ServiceName": "web",
            "Format": "istio_text",
            "HttpRequestMethod": "GET",
            "HttpResponseStatusCode": "503",
        },
    ),
]
