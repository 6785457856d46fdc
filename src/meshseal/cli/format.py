"""`meshseal format`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import click

from meshseal.cli.options import client_of, server_options
from meshseal.model.errors import QueryError

_API = "/meshseal/v1/formats"
_MOST_LINES = 1000


def _definition_options(function: Any) -> Any:
    for option in (
        click.option("--mesh", help="Which mesh the records come from, such as istio."),
        click.option(
            "--envoy-json",
            "json_file",
            type=click.File("r"),
            help="A file with the object of a `json_format`; `-` is standard input.",
        ),
        click.option("--envoy", "text", help="The text of a `text_format`."),
        click.option(
            "--aws-vpc-flow",
            "fields",
            help="The fields of an AWS flow log in their order: '${version} ${account-id} ...'.",
        ),
    ):
        function = option(function)
    return function


@click.group(name="format")
def command() -> None:
    """Formats of your own: what your Envoys and your AWS flow logs are configured to write.

    A format counts for records that arrive after it; lines of another are read as before.
    """


@command.command()
@server_options
@_definition_options
@click.argument("name")
def add(
    server: str,
    key: str | None,
    tenant: str | None,
    ca_file: Path | None,
    text: str | None,
    json_file: IO[str] | None,
    fields: str | None,
    mesh: str | None,
    name: str,
) -> None:
    """Add a format, or define it anew.

    \b
    meshseal format add edge --envoy '[%START_TIME%] "%REQ(:METHOD)%" %RESPONSE_CODE% %DURATION%'
    meshseal format add mesh --envoy-json format.json --mesh istio
    meshseal format add flows --aws-vpc-flow '${start} ${srcaddr} ${dstaddr} ${bytes} ${action}'
    """  # noqa: D301  (click wants the character itself)
    content = _definition(text, json_file, fields, mesh)
    if not content:
        raise QueryError("give the definition with --envoy, --envoy-json or --aws-vpc-flow")
    client_of(server, key, tenant, ca_file).send_json("PUT", _path(name), content)
    click.echo(f"{name} is read from now on.")


@command.command(name="list")
@server_options
@click.option("--all", "everything", is_flag=True, help="Also those built in.")
def list_(
    server: str, key: str | None, tenant: str | None, ca_file: Path | None, *, everything: bool
) -> None:
    """List the formats."""
    for row in client_of(server, key, tenant, ca_file).get_json(_API)["formats"]:
        if row["source"] != "built in":
            refused = f"  REFUSED: {row['refused']}" if "refused" in row else ""
            click.echo(f"{row['name']:<24} {row['source']:<14} {row['mesh']}{refused}")
        elif everything:
            click.echo(f"{row['name']:<24} {row['source']:<14} {row['title']}")


@command.command()
@server_options
@click.argument("name")
def show(server: str, key: str | None, tenant: str | None, ca_file: Path | None, name: str) -> None:
    """Show a format's definition."""
    row = client_of(server, key, tenant, ca_file).get_json(_path(name))
    click.echo(json.dumps(row, indent=1, ensure_ascii=False))


@command.command()
@server_options
@click.argument("name")
def remove(
    server: str, key: str | None, tenant: str | None, ca_file: Path | None, name: str
) -> None:
    """Remove a format. Records that were read by it stay as they are."""
    client_of(server, key, tenant, ca_file).send_json("DELETE", _path(name))
    click.echo(f"{name} is removed.")


@command.command()
@server_options
@_definition_options
@click.argument("name")
@click.argument("file", type=click.File("r", errors="replace"), default="-")
def test(
    server: str,
    key: str | None,
    tenant: str | None,
    ca_file: Path | None,
    text: str | None,
    json_file: IO[str] | None,
    fields: str | None,
    mesh: str | None,
    name: str,
    file: IO[str],
) -> None:
    """Show how lines would be read: those of a file, or of standard input.

    With a definition, as if the format were defined so; nothing is stored.
    """
    lines = [line for line in file.read().splitlines() if line][:_MOST_LINES]
    content = {"lines": lines, **_definition(text, json_file, fields, mesh)}
    client = client_of(server, key, tenant, ca_file)
    rows = client.send_json("POST", f"{_path(name)}/test", content)["rows"]
    for row in rows:
        click.echo(json.dumps(row, ensure_ascii=False))
    fitting = sum(row["format"] == name for row in rows)
    click.echo(f"{fitting} of {len(rows)} lines are {name}", err=True)


def _definition(
    text: str | None, json_file: IO[str] | None, fields: str | None, mesh: str | None
) -> dict[str, str]:
    given = {
        "envoy": text,
        "envoy_json": json_file.read() if json_file else None,
        "aws_vpc_flow": fields,
        "mesh": mesh,
    }
    return {name: value for name, value in given.items() if value is not None}


def _path(name: str) -> str:
    return f"{_API}/{quote(name, safe='')}"
