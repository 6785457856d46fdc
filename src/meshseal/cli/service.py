"""`meshseal service`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from meshseal.agent.client import Client
from meshseal.cli.options import client_of, server_options
from meshseal.model.errors import NotFoundError, QueryError

_API = "/meshseal/v1/services"


@click.group(name="service")
def command() -> None:
    """The register of services: what you call them, by which other names they send, whose they are.

    Records stay as they were sent. The register is looked up when they are read, so that an edit
    holds for the past too: LogQL knows the labels `service`, `peer`, and each label given here.
    """


@command.command()
@server_options
@click.option("--namespace", default="", help="Where the service belongs.")
@click.option("--alias", "aliases", multiple=True, help="Another name, or a pattern; repeatable.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="Repeatable.")
@click.option("--owner", help="The label `owner`.")
@click.option("--team", help="The label `team`.")
@click.option("--tier", help="The label `tier`.")
@click.argument("name")
def add(
    server: str,
    key: str | None,
    tenant: str | None,
    ca_file: Path | None,
    namespace: str,
    aliases: tuple[str, ...],
    labels: tuple[str, ...],
    owner: str | None,
    team: str | None,
    tier: str | None,
    name: str,
) -> None:
    """Add a service, or describe it anew.

    \b
    meshseal service add cart --namespace shop --team checkout --alias cart-v1 --alias 'cart-*'
    """  # noqa: D301  (click wants the character itself)
    given = dict(_pair(label) for label in labels)
    given |= {
        label: value for label, value in (("owner", owner), ("team", team), ("tier", tier)) if value
    }
    content = {"namespace": namespace, "aliases": list(aliases), "labels": given}
    client = client_of(server, key, tenant, ca_file)
    _show(client.send_json("PUT", _path(name), content))


@command.command(name="list")
@server_options
@click.option("--json", "as_json", is_flag=True, help="Print what the server answers.")
def list_(
    server: str, key: str | None, tenant: str | None, ca_file: Path | None, *, as_json: bool
) -> None:
    """List the services with their aliases and labels."""
    services = client_of(server, key, tenant, ca_file).get_json(_API)["services"]
    if as_json:
        click.echo(json.dumps(services, indent=1, ensure_ascii=False))
        return
    for service in services:
        labels = " ".join(f"{label}={value}" for label, value in service["labels"].items())
        where = f" ({service['namespace']})" if service["namespace"] else ""
        name = click.style(service["name"], bold=True)
        click.echo(f"{name}{where}  {labels}  {', '.join(service['aliases'])}".rstrip())
    click.echo(f"{len(services)} services", err=True)


@command.command()
@server_options
@click.argument("name")
def show(server: str, key: str | None, tenant: str | None, ca_file: Path | None, name: str) -> None:
    """Show one service."""
    _show(client_of(server, key, tenant, ca_file).get_json(_path(name)))


@command.command()
@server_options
@click.option("--remove", "removed", is_flag=True, help="Take the aliases away instead.")
@click.argument("name")
@click.argument("aliases", nargs=-1, required=True)
def alias(
    server: str,
    key: str | None,
    tenant: str | None,
    ca_file: Path | None,
    name: str,
    aliases: tuple[str, ...],
    *,
    removed: bool,
) -> None:
    """Give a service more aliases, or take some away.

    An alias is a name as it is sent, or a pattern: `*` stands for any text, `?` for one character.
    """

    def changed(there: list[str]) -> Iterable[str]:
        if not removed:
            return dict.fromkeys([*there, *aliases])
        missing = [one for one in aliases if one not in there]
        if missing:
            raise NotFoundError(f"{name} has no alias {missing[0]!r}")
        return [one for one in there if one not in aliases]

    _edit(client_of(server, key, tenant, ca_file), name, changed, create=not removed)


@command.command()
@server_options
@click.argument("name")
def remove(
    server: str, key: str | None, tenant: str | None, ca_file: Path | None, name: str
) -> None:
    """Remove a service from the register. Its records stay."""
    client_of(server, key, tenant, ca_file).send_json("DELETE", _path(name))
    click.echo(f"{name} is removed.")


def _edit(
    client: Client, name: str, changed: Callable[[list[str]], Iterable[str]], *, create: bool
) -> None:
    try:
        service = client.get_json(_path(name))
    except NotFoundError:
        if not create:
            raise
        service = {"namespace": "", "aliases": [], "labels": {}}
    content = {key: service[key] for key in ("namespace", "labels")}
    content["aliases"] = list(changed(service["aliases"]))
    _show(client.send_json("PUT", _path(name), content))


def _show(service: dict[str, Any]) -> None:
    click.echo(json.dumps(service, indent=1, ensure_ascii=False))


def _path(name: str) -> str:
    return f"{_API}/{quote(name, safe='')}"


def _pair(label: str) -> tuple[str, str]:
    name, equals, value = label.partition("=")
    if not equals:
        raise QueryError(f"--label takes NAME=VALUE, not {label!r}")
    return name, value
