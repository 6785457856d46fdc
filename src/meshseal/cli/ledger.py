"""`meshseal ledger`."""

from __future__ import annotations

from pathlib import Path

import click

from meshseal.cli.options import data_option
from meshseal.model.errors import ConfigError
from meshseal.seal.signing_key import load_verifier


@click.group(name="ledger")
def command() -> None:
    """The transparency log of a data directory."""


@command.command()
@data_option
def key(data: Path) -> None:
    """Print the log's verifier key: give it to whoever checks proofs.

    The key is public. An auditor who got it from you by another way than the proof needs nothing
    else to check one: `meshseal verify PROOF --key KEY`.
    """
    click.echo(str(load_verifier(data / "keys" / "ledger.key")))


@command.command()
@data_option
def checkpoint(data: Path) -> None:
    """Print the newest signed checkpoint: keep a copy where the server cannot reach it.

    `meshseal verify DIR --checkpoint COPY` shows later that nothing before it was changed.
    """
    path = data / "ledger" / "checkpoint"
    try:
        click.echo(path.read_text(), nl=False)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
