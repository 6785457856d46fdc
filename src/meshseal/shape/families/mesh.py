"""Meshes that are not made of Envoys: Linkerd, Istio ambient, Cilium."""

from __future__ import annotations

from meshseal.shape.families.format import Format

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"

FORMATS: tuple[Format, ...] = (
    Format(
        name="ztunnel_json",
        check="startsWith(line, '{') AND position(line, '\"scope\"') > 0",
        files=("ztunnel_json",),
        closed=True,
        mesh=True,
        title="Istio ambient: ztunnel's connections, JSON",
        telling=('"src.addr"',),
        resource=True,
    ),
    Format(
        name="linkerd_access_json",
        check="startsWith(line, '{') AND position(line, '\"method\"') > 0 "
        "AND position(line, '\"version\"') > 0",
        files=("linkerd_access_json", "proxy_access", "linkerd_peer"),
        closed=True,
        mesh=True,
        title="Linkerd access log, JSON",
        telling=('"client.id"',),
    ),
    Format(
        name="linkerd_proxy",
        check=r"match(line, '^(\\[ *[0-9]+[.][0-9]+s\\] +[A-Z]+ ThreadId\\([0-9]+\\) "
        r"|\\{.*\"timestamp\": ?\")')",
        files=("linkerd_proxy",),
        closed=True,
        mesh=True,
        title="Linkerd proxy log, text and JSON",
        telling=(" ThreadId(", '"ThreadId('),
    ),
    Format(
        name="hubble",
        check="startsWith(line, '{') AND match(line, "
        '\'"(verdict|num_events_lost|agent_event|debug_event)": ?["{0-9]\')',
        files=("hubble",),
        closed=True,
        mesh=True,
        title="Cilium Hubble: flows, lost events, agent events",
        telling=('"flow":', '"lost_events":', '"agent_event":', '"debug_event":'),
        resource=True,
        silent=True,
    ),
    Format(
        name="linkerd_access",
        check=r"match(line, '^[0-9a-fA-F.:\\[\\]]+:[0-9]+ [^ ]+ - "
        rf"\\[{_DATE}T[0-9:.]+Z\\] \"[A-Z]+ [^ ]+ HTTP/[0-9.]+\"')",
        files=("linkerd_access", "proxy_access", "linkerd_peer"),
        closed=True,
        mesh=True,
        title="Linkerd access log, apache",
        starts="0123456789[",
    ),
    Format(
        name="ztunnel",
        check=rf"match(line, '^{_DATE}T[0-9:.]+Z(\\t[a-z]+\\t[^\\t]+(\\t|$)"
        r"| +[A-Z]+ access: .*src[.]addr=)')",
        files=("ztunnel",),
        closed=True,
        mesh=True,
        title="Istio ambient: ztunnel's connections; log lines of Istio's components",
        starts="0123456789",
        resource=True,
    ),
)
