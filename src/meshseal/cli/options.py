"""Options and helpers that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from meshseal.agent.client import Client

_F = TypeVar("_F", bound=Callable[..., Any])
DEFAULT_SERVER = "http://127.0.0.1:8080"


def data_option(function: _F) -> _F:
    """Add `--data`."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        required=True,
        envvar="MESHSEAL_DATA",
        show_envvar=True,
        help="The data directory.",
    )(function)


def config_options(function: _F) -> _F:
    """Add `--config` and `--set`."""
    function = click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="SECTION.KEY=VALUE",
        help="Set one key; may be repeated, and wins over everything else.",
    )(function)
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A TOML file; `meshseal config reference` explains its keys.",
    )(function)


def server_options(function: _F) -> _F:
    """Add what it takes to speak to a server."""
    for option in (
        click.option(
            "--ca",
            "ca_file",
            type=click.Path(path_type=Path, dir_okay=False, exists=True),
            envvar="MESHSEAL_CA",
            show_envvar=True,
            help="PEM file of the authority that signed the server's certificate.",
        ),
        click.option(
            "--tenant",
            envvar="MESHSEAL_TENANT",
            show_envvar=True,
            help="The tenant, where your key may choose one.",
        ),
        click.option(
            "--key",
            envvar="MESHSEAL_KEY",
            show_envvar=True,
            help="Your API key; safer in the variable than on the command line.",
        ),
        click.option(
            "--server",
            default=DEFAULT_SERVER,
            show_default=True,
            envvar="MESHSEAL_SERVER",
            show_envvar=True,
            help="The server's address.",
        ),
    ):
        function = option(function)
    return function


def client_of(server: str, key: str | None, tenant: str | None, ca_file: Path | None) -> Client:
    """Return a client for the shared options."""
    return Client(server, key=key, tenant=tenant, ca_file=ca_file)


def is_terminal() -> bool:
    """Say whether progress can be shown."""
    return os.isatty(2)
