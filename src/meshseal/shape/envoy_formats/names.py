"""Where the value of a command goes: its field, or its own name."""

from __future__ import annotations

import re

from meshseal.model.errors import FormatError
from meshseal.shape.envoy_formats.grammar import Command
from meshseal.shape.envoy_formats.operators import Operator, Takes, Writes

_REQUEST_FIELDS = {
    ":method": "http.request.method",
    ":path": "path",
    ":authority": "authority",
    "host": "authority",
    ":scheme": "url.scheme",
    "x-forwarded-for": "forwarded_for",
    "user-agent": "user_agent.original",
    "x-request-id": "http.request.header.x-request-id",
    "traceparent": "context",
    "b3": "context",
    "x-amzn-trace-id": "context",
    "x-b3-traceid": "trace",
    "x-b3-spanid": "span",
    "x-datadog-trace-id": "datadog_trace",
    "x-datadog-traceid": "datadog_trace",
    "x-datadog-parent-id": "datadog_span",
}
"""By the last of a header's alternatives: the one that is always there. What a `datadog_` field
holds is a decimal number; any other form is told by its own looks."""

_ENVIRONMENT_FIELDS = {
    "POD_NAME": "resource:k8s.pod.name",
    "POD_NAMESPACE": "resource:k8s.namespace.name",
    "NAMESPACE": "resource:k8s.namespace.name",
    "POD_IP": "resource:k8s.pod.ip",
    "INSTANCE_IP": "resource:k8s.pod.ip",
    "POD_UID": "resource:k8s.pod.uid",
    "NODE_NAME": "resource:k8s.node.name",
    "K8S_NODE_NAME": "resource:k8s.node.name",
    "CLUSTER_NAME": "resource:k8s.cluster.name",
    "ISTIO_META_CLUSTER_ID": "resource:k8s.cluster.name",
    "HOSTNAME": "resource:host.name",
    "SERVICE_NAME": "service",
    "OTEL_SERVICE_NAME": "service",
    "SERVICE_VERSION": "resource:service.version",
    "AWS_REGION": "resource:cloud.region",
}

_WORD_HEADERS = frozenset(
    {":method", ":authority", ":scheme", "host", "x-request-id", "x-envoy-upstream-service-time",
     "traceparent", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-parentspanid",
     "x-datadog-trace-id", "x-datadog-traceid", "x-datadog-parent-id", "grpc-status",
     "content-length", "x-forwarded-proto", "x-forwarded-port"}
)  # fmt: skip

_HEADER = re.compile(r":?[!#$&'*+.^_`|~0-9A-Za-z-]+")


def headers(command: Command, where: str = "") -> tuple[str, ...]:
    """Return the one or two headers of `X?Y`, in lower case. Raises: FormatError."""
    names = tuple(name.lower() for name in (command.argument or "").split("?"))
    place = f"at character {command.position}{where}"
    if len(names) > 2:
        raise FormatError(f"{place}: %{command.name}(X?Y)% takes one alternative, not more")
    for name in names:
        if not _HEADER.fullmatch(name):
            raise FormatError(f"{place}: {name[:60]!r} is not the name of a header")
    return names


def field(command: Command, operator: Operator, where: str = "") -> str:
    """Return where the value of a command goes. Raises: FormatError."""
    argument = command.argument
    match command.name:
        case "REQ" | "REQUEST_HEADER":
            return _request(headers(command, where)) or own_name(command)
        case "RESP" | "RESPONSE_HEADER" | "TRAILER" | "RESPONSE_TRAILER":
            return _response(headers(command, where)[-1]) or own_name(command)
        case "REQ_WITHOUT_QUERY":
            return "path_only" if headers(command, where)[-1] == ":path" else own_name(command)
        case "PATH":
            return _path(command, where)
        case "QUERY_PARAMS":
            return "query" if argument in (None, "", "ORIG") else own_name(command)
        case "REQUESTED_SERVER_NAME":
            named = argument in (None, "", "SNI_ONLY")
            return operator.field if named else own_name(command)
        case "ENVIRONMENT":
            return _ENVIRONMENT_FIELDS.get(argument or "") or own_name(command)
    if operator.field.endswith("_host") and argument:
        return own_name(command)  # An address that is masked is none.
    return operator.field or own_name(command)


def _request(names: tuple[str, ...]) -> str:
    fields = [_REQUEST_FIELDS.get(name, "") for name in names]
    if fields[-1].startswith("datadog_") and fields[0] != fields[-1]:
        return fields[-1].removeprefix("datadog_")  # Of either: the value says which.
    return fields[-1]


def _response(header: str) -> str:
    if header == "x-envoy-upstream-service-time":
        return "mesh.upstream_service_time_ms"
    return "rpc.status_code" if header == "grpc-status" else ""


def _path(command: Command, where: str) -> str:
    what, _, source = (command.argument or "").partition(":")
    if what not in ("", "WQ", "NQ") or source not in ("", "ORIG", "PATH", "ORIG_OR_PATH"):
        raise FormatError(
            f"at character {command.position}{where}: %PATH(X:Y)% takes WQ or NQ, "
            "and ORIG, PATH or ORIG_OR_PATH"
        )
    return "path_only" if what == "NQ" else "path"


def own_name(command: Command) -> str:
    """Return the attribute of a command that has no field, or whose field another one has."""
    argument = command.argument
    match command.name:
        case "REQ" | "REQUEST_HEADER" | "REQ_WITHOUT_QUERY":
            return f"http.request.header.{headers(command)[0]}"
        case "RESP" | "RESPONSE_HEADER":
            return f"http.response.header.{headers(command)[0]}"
        case "TRAILER" | "RESPONSE_TRAILER":
            return f"http.response.trailer.{headers(command)[0]}"
    name = f"envoy.{command.name.lower()}"
    return f"{name}.{argument}" if argument else name


def writes(command: Command, operator: Operator) -> Writes:
    """Return what stands in a line for a command."""
    if operator.takes is not Takes.MUST or not command.name.startswith(("REQ", "RESP", "TRAILER")):
        return operator.writes
    given = headers(command)
    if all(name in _WORD_HEADERS for name in given):
        return Writes.WORD
    return Writes.PHRASE if given == ("x-forwarded-for",) else Writes.TEXT
