"""A shipper for what is written to files: Fluent Bit, over OpenTelemetry's protocol (HTTP).

Source: Fluent Bit's manual, "Tail", "OpenTelemetry" (output), "Multiline parsing".
"""

from __future__ import annotations

from meshseal.cli.meshes import render
from meshseal.cli.meshes.destination import Request

PORT = 4318


def fluent_bit(request: Request, *, path: str, container: bool = False) -> str:
    """Return its configuration for files; those of containers have a runtime's wrapper."""
    headers = [f"Authorization Bearer {request.key}"] if request.key else []
    headers += [f"X-Scope-OrgID {request.tenant}"] if request.tenant else []
    rows = [f"  - {header}" for header in headers]
    tls = [
        f"tls: {'on' if request.to.tls else 'off'}",
        *([f"tls.ca_file: {request.ca_file}"] if request.to.tls else []),
    ]
    values = {
        "path": path,
        "multiline": "multiline.parser: docker, cri" if container else "",
        "host": request.to.host,
        "port": str(request.to.port or PORT),
        "header": "\n".join(["header:", *rows]) if rows else "",
        "tls": "\n".join(tls),
    }
    return render.fill("fluent-bit.yaml", values)
