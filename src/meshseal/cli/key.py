"""`meshseal key`."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from meshseal.access.identity import ANY_TENANT, Role
from meshseal.cli.options import config_options, data_option
from meshseal.cli.tools import ServerTools, pass_tools
from meshseal.model.identifiers import DEFAULT_TENANT, check_tenant


@click.group(name="key")
def command() -> None:
    """API keys of a data directory, for senders and readers. Works while the server runs."""


@command.command()
@data_option
@config_options
@click.option("--name", required=True, help="What the key is for, such as `promtail eu1`.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.SHIPPER.value,
    show_default=True,
    help="What the key may do; a shipper may only send.",
)
@click.option(
    "--tenant",
    default=DEFAULT_TENANT,
    show_default=True,
    help="Whose records; `*` lets each request choose.",
)
@pass_tools
def create(
    tools: ServerTools,
    data: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    name: str,
    role: str,
    tenant: str,
) -> None:
    """Create a key and print it. It is shown this once: it cannot be read back."""
    if tenant != ANY_TENANT:
        check_tenant(tenant)
    keys = tools.keys(data, config_file, assignments)
    click.echo(keys.create(name=name, role=Role(role), tenant=tenant))


@command.command(name="list")
@data_option
@config_options
@pass_tools
def list_(
    tools: ServerTools, data: Path, config_file: Path | None, assignments: tuple[str, ...]
) -> None:
    """List the keys, without their secrets."""
    for row in tools.keys(data, config_file, assignments).rows():
        created = datetime.datetime.fromtimestamp(
            int(str(row["created_unix_nano"])) / 1e9, tz=datetime.UTC
        )
        state = "revoked" if row["revoked_unix_nano"] else "active"
        click.echo(
            f"{row['id']}  {state:<8} {row['role']:<10} {row['tenant']:<16} "
            f"{created:%Y-%m-%d %H:%M}  {row['name']}"
        )


@command.command()
@data_option
@config_options
@click.argument("key_id")
@pass_tools
def revoke(
    tools: ServerTools,
    data: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    key_id: str,
) -> None:
    """Revoke a key by its id; a running server forgets it within a minute."""
    tools.keys(data, config_file, assignments).revoke(key_id)
    click.echo(f"{key_id} is revoked.")
