"""Envoy's access logs, and those of the meshes that are made of Envoys.

Each is made from its format string.

Sources: envoyproxy/envoy, source/common/formatter/substitution_format_string.cc; istio/istio,
pilot/pkg/model/telemetry_logging.go, and before 1.9 pilot/pkg/networking/core/v1alpha3/listener.go;
kumahq/kuma, pkg/plugins/policies/meshaccesslog/plugin/xds/configurer.go; hashicorp/consul,
agent/xds/accesslogs/accesslogs.go (its text format is whatever its user gives).
"""

from __future__ import annotations

from dataclasses import replace

from meshseal.shape.envoy_formats.compile import of_document, of_text
from meshseal.shape.envoy_formats.grammar import parse
from meshseal.shape.families.format import Format

ENVOY_ALS = "envoy_als"
"""The format of an entry of Envoy's access log service, which has no text to be recognised."""

_REQUEST = '"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% '
_FIGURES = (
    "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
    '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
)
_HOST = '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"'
_ENDS = (
    " %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% "
    "%DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME%"
)
_REASON = '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" '
_POLICY = '"%DYNAMIC_METADATA(istio.mixer:status)%" '

ENVOY_TEXT = f"[%START_TIME%] {_REQUEST}%RESPONSE_FLAGS% {_FIGURES}{_HOST}"
ISTIO_TEXT = (
    f"[%START_TIME%] {_REQUEST}%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% "
    f"%CONNECTION_TERMINATION_DETAILS% {_REASON}{_FIGURES}{_HOST}{_ENDS} %ROUTE_NAME%"
)
OLD_ISTIO_TEXTS = (
    f"[%START_TIME%] {_REQUEST}%RESPONSE_FLAGS% {_POLICY}{_REASON}{_FIGURES}{_HOST}{_ENDS} "
    "%ROUTE_NAME%",
    f"[%START_TIME%] {_REQUEST}%RESPONSE_FLAGS% {_POLICY}{_REASON}{_FIGURES}{_HOST}{_ENDS}",
    f"[%START_TIME%] {_REQUEST}%RESPONSE_FLAGS% {_POLICY}{_FIGURES}{_HOST}{_ENDS}",
)
"""Of Istio 1.3 to 1.8, and of the versions before; the last had no reason of a failure either."""

_KUMA_SERVICES = (
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%KUMA_SOURCE_SERVICE%" '
    '"%KUMA_DESTINATION_SERVICE%" "%KUMA_SOURCE_ADDRESS_WITHOUT_PORT%" "%UPSTREAM_HOST%"'
)
KUMA_HTTP_TEXTS = (
    f"[%START_TIME%] %KUMA_MESH% {_REQUEST}%RESPONSE_FLAGS% {_FIGURES}"
    f'"%REQ(X-B3-TRACEID?X-DATADOG-TRACEID)%" {_KUMA_SERVICES}',
    f"[%START_TIME%] %KUMA_MESH% {_REQUEST}%RESPONSE_FLAGS% {_FIGURES}{_KUMA_SERVICES}",
)
"""Today's, and the one before it had traces."""

KUMA_TCP_TEXT = (
    "[%START_TIME%] %RESPONSE_FLAGS% %KUMA_MESH% "
    "%KUMA_SOURCE_ADDRESS_WITHOUT_PORT%(%KUMA_SOURCE_SERVICE%)"
    "->%UPSTREAM_HOST%(%KUMA_DESTINATION_SERVICE%) took %DURATION%ms, "
    "sent %BYTES_SENT% bytes, received: %BYTES_RECEIVED% bytes"
)

ISTIO_JSON: dict[str, str] = {
    "start_time": "%START_TIME%",
    "route_name": "%ROUTE_NAME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration": "%DURATION%",
    "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "authority": "%REQ(:AUTHORITY)%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
}
"""Consul's too, which writes `%UPSTREAM_CLUSTER%`."""

_STAMP = r"^\\[[0-9]{4}-[0-9]{2}-[0-9]{2}T[^\\] ]*\\]"
_ASKED = r'"\\S+ .*? \\S+" [0-9-]+ \\S+'
_COUNTED = r"[0-9]+ [0-9]+ [0-9]+ \\S+ \""


def _text(name: str, templates: tuple[str, ...], rest: str, title: str) -> Format:
    row = of_text(name, [parse(template) for template in templates], title=title)
    check = f"startsWith(line, '[') AND match(line, '{_STAMP} {rest}')"
    return replace(row, check=check, hinted="", starts="[")


FORMATS: tuple[Format, ...] = (
    replace(
        of_document("istio_json", ISTIO_JSON, title="Istio and Consul JSON access log"),
        check="startsWith(line, '{') AND position(line, '\"response_code\"') > 0 "
        "AND position(line, '\"start_time\"') > 0",
        hinted="",
        telling=('"response_code"',),
    ),
    _text(
        "istio_text",
        (ISTIO_TEXT,),
        rf'{_ASKED} \\S+ \\S+ ".*?" {_COUNTED}',
        "Istio default text access log",
    ),
    _text(
        "istio_text_old",
        OLD_ISTIO_TEXTS,
        rf'{_ASKED} ".*?" {_COUNTED}',
        "Istio default text access log, before 1.9",
    ),
    _text(
        "envoy_text",
        (ENVOY_TEXT,),
        f"{_ASKED} {_COUNTED}",
        "Envoy default text access log (also AWS App Mesh)",
    ),
    _text(
        "kuma_http",
        KUMA_HTTP_TEXTS,
        rf"\\S+ {_ASKED} {_COUNTED}",
        "Kuma default access log, HTTP",
    ),
    _text(
        "kuma_tcp",
        (KUMA_TCP_TEXT,),
        r"\\S+ \\S+ \\S+->\\S+ took [0-9]+ms, sent [0-9]+ bytes, received: [0-9]+ bytes$",
        "Kuma default access log, TCP",
    ),
)

ENTRY = Format(
    name=ENVOY_ALS,
    check="false",
    files=("envoy_als", "envoy_access", "envoy_als_peer"),
    closed=True,
    mesh=False,
    title="Envoy access log service",
    positional=28,
)
