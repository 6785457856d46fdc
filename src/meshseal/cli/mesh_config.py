"""`meshseal mesh config`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from meshseal.cli.meshes import check
from meshseal.cli.meshes.destination import Destination, Request, parse_labels, read_key
from meshseal.cli.meshes.register import MESHES, configure


@click.command(name="config")
@click.argument("mesh", type=click.Choice(list(MESHES)))
@click.option(
    "--to",
    required=True,
    metavar="URL",
    help="The server: https://meshseal.example, with a port where it is not the protocol's own; "
    "http:// without TLS.",
)
@click.option(
    "--transport",
    help="Which of its ways to send; `--help` of this command lists them. Default: the first.",
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Put the API key of this file into the configuration, which is then a secret.",
)
@click.option(
    "--key-env",
    metavar="NAME",
    help="Have the shipper read the API key from this variable of its environment.",
)
@click.option("--tenant", default="", help="The tenant, where the key may choose one.")
@click.option(
    "--labels",
    multiple=True,
    metavar="KEY=VALUE",
    help="A resource attribute of every record, such as service.name; may be repeated.",
)
@click.option(
    "--ca-file",
    default="/etc/meshseal/ca.pem",
    show_default=True,
    help="Where the authority of the server's certificate is, on the proxy's machine.",
)
@click.option(
    "--reporter",
    type=click.Choice(["inbound", "outbound", "gateway"]),
    help="Which side of a call the proxy is on, where its cluster names do not tell.",
)
@click.option("--explain", is_flag=True, help="Say of each field what it is for.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file; only its owner may read it where a key is in it.",
)
@click.option("--check", "checked", is_flag=True, help="Have the proxy's own validator read it.")
def command(
    mesh: str,
    to: str,
    transport: str | None,
    key_file: Path | None,
    key_env: str | None,
    tenant: str,
    labels: tuple[str, ...],
    ca_file: str,
    reporter: str | None,
    output: Path | None,
    *,
    explain: bool,
    checked: bool,
) -> None:
    """Print what makes a mesh log every field that the control tests need, and send it here.

    \b
    istio    otlp, als, file            envoy    otlp, als, fluentd, file
    linkerd  file                       nginx    syslog, file
    consul   file                       haproxy  syslog, syslog-udp
    kuma     otlp, tcp, file            traefik  otlp, file
    hubble   file

    \b
    meshseal mesh config istio --to https://meshseal.example --explain
    meshseal mesh config envoy --to https://meshseal.example --key-file key -o envoy.yaml --check
    """  # noqa: D301  (click wants the character itself)
    if key_file and key_env:
        raise click.UsageError("give --key-file or --key-env, not both")
    request = Request(
        mesh=mesh,
        transport=transport or MESHES[mesh].transports[0],
        to=Destination.parse(to),
        key=_key(mesh, transport or MESHES[mesh].transports[0], key_file, key_env),
        tenant=tenant,
        labels=parse_labels(labels),
        ca_file=ca_file,
        reporter=reporter or "",
        explain=explain,
    )
    text = configure(request)
    if checked:
        click.echo(check.check(mesh, text), err=True)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text, secret=key_file is not None)


def _key(mesh: str, transport: str, key_file: Path | None, key_env: str | None) -> str:
    """Return the key, or what the shipper reads in its place.

    Envoy takes `%ENVIRONMENT(NAME)%` in a gRPC service's metadata, and sends it as it stands.
    """
    if key_file is not None:
        return read_key(key_file)
    if not key_env:
        return ""
    if not key_env.isidentifier():
        raise click.UsageError("--key-env takes the name of a variable")
    if transport != "file":
        raise click.UsageError(
            f"{MESHES[mesh].title} reads no variables where a key would be: use --key-file"
        )
    return f"${{{key_env}}}"


def _write(path: Path, text: str, *, secret: bool) -> None:
    """Write a file; where it holds a key, its owner alone may read it."""
    mode = 0o600 if secret else 0o644
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
