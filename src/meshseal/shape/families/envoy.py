"""Envoy's access logs, and those of the meshes that are made of Envoys."""

from __future__ import annotations

from meshseal.shape.families.format import Format

ENVOY_ALS = "envoy_als"
"""The format of an entry of Envoy's access log service, which has no text to be recognised."""

_STAMP = r"^\\[[0-9]{4}-[0-9]{2}-[0-9]{2}T[^\\]]*\\]"
_QUOTED = r'"(?:[^"\\\\]|\\\\.)*"'

FORMATS: tuple[Format, ...] = (
    Format(
        name="istio_json",
        check="startsWith(line, '{') AND position(line, '\"response_code\"') > 0 "
        "AND position(line, '\"start_time\"') > 0",
        files=("istio_json", "envoy_access"),
        closed=True,
        mesh=True,
        title="Istio and Consul JSON access log",
        telling=('"response_code"',),
    ),
    Format(
        name="istio_text",
        check=f"startsWith(line, '[') AND match(line, '{_STAMP} {_QUOTED} "
        rf"\\S+ \\S+ \\S+ \\S+ {_QUOTED} \\S+ ')",
        files=("istio_text", "envoy_access"),
        closed=True,
        mesh=True,
        title="Istio default text access log",
        starts="[",
    ),
    Format(
        name="envoy_text",
        check=f"startsWith(line, '[') AND match(line, '{_STAMP} {_QUOTED} "
        r"[0-9]+ \\S+ [0-9]+ [0-9]+ [0-9]+ [0-9-]+ \"')",
        files=("envoy_text", "envoy_access"),
        closed=True,
        mesh=True,
        title="Envoy default text access log (also AWS App Mesh)",
        starts="[",
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
