"""What clouds and Kubernetes itself write."""

from __future__ import annotations

from dataclasses import replace

from meshseal.shape.families.format import Format
from meshseal.shape.flow_logs import built_in, starts

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+"

FORMATS: tuple[Format, ...] = (
    Format(
        name="k8s_audit",
        check="startsWith(line, '{') AND position(line, '\"auditID\"') > 0",
        files=("k8s_audit",),
        closed=True,
        mesh=True,
        title="Kubernetes audit log",
        telling=('"audit.k8s.io/',),
        extra=True,
    ),
    Format(
        name="aws_vpc_lattice",
        check="startsWith(line, '{') AND position(line, '\"startTime\"') > 0",
        files=("aws_vpc_lattice", "proxy_access"),
        closed=True,
        mesh=True,
        title="AWS VPC Lattice access log",
        telling=('"serviceNetworkArn"',),
        resource=True,
    ),
    Format(
        name="aws_alb",
        check=f"match(line, '^(https?|h2|grpcs?|wss?) {_DATE}Z app/[^ ]+ [^ ]+:[0-9]+ [^ ]+ "
        "[0-9.-]+ [0-9.-]+ [0-9.-]+ ')",
        files=("aws_alb", "proxy_access"),
        closed=True,
        mesh=True,
        title="AWS Application Load Balancer access log",
        starts="hgw",
        resource=True,
    ),
    Format(
        name="aws_nlb",
        check=f"match(line, '^tls [0-9.]+ {_DATE} net/[^ ]+ ')",
        files=("aws_nlb", "proxy_access"),
        closed=True,
        mesh=True,
        title="AWS Network Load Balancer access log (TLS)",
        starts="t",
        resource=True,
    ),
    replace(
        built_in("aws_vpc_flow", "AWS VPC flow log, its fields in AWS's order"), starts=starts()
    ),
)
