"""`meshseal verify`."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import click

from meshseal.cli.options import config_options, is_terminal
from meshseal.cli.tools import ServerTools, pass_tools
from meshseal.model.errors import ConfigError
from meshseal.seal.note import Verifier
from meshseal.seal.proof import Proof, Verified


@click.command(name="verify")
@config_options
@click.option("--key", "key_text", metavar="VKEY", help="The log's verifier key.")
@click.option(
    "--checkpoint",
    "checkpoint_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="An older checkpoint of the log: show that nothing before it was changed.",
)
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@pass_tools
def command(
    tools: ServerTools,
    config_file: Path | None,
    assignments: tuple[str, ...],
    key_text: str | None,
    checkpoint_file: Path | None,
    path: Path,
) -> None:
    """Check a data directory, or one proof file. Exits with 0 if everything holds, or 1.

    A proof file (PATH is a file) is checked with the log's verifier key alone: no server, no
    account, no network. Get the key from whoever runs the server, by another way than the proof.

    A data directory (PATH is a directory) is checked whole: every record's hash is computed anew
    from the store, every tree, every manifest, every tile, and the signed checkpoint. What does not
    hold is named, the first batch and record of each fault.

    \b
    meshseal verify meshseal-proof-4096-1.json --key "$(meshseal ledger key --data ./data)"
    meshseal verify ./data
    """  # noqa: D301  (click wants the character itself)
    verifier = Verifier.parse(key_text) if key_text else None
    if path.is_dir():
        older = checkpoint_file.read_text() if checkpoint_file else None
        _verify_directory(tools, path, config_file, assignments, verifier, older)
    elif verifier is None:
        raise ConfigError("a proof is checked with --key: `meshseal ledger key` prints it")
    else:
        _show(path, Proof.decode(path.read_bytes()).verify(verifier))


def _verify_directory(
    tools: ServerTools,
    path: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    verifier: Verifier | None,
    older: str | None,
) -> None:
    report = tools.verify(
        path,
        config_file,
        assignments,
        verifier=verifier,
        older_checkpoint=older,
        on_progress=_progress if is_terminal() else lambda *_: None,
    )
    for line in report.checked:
        click.echo(f"checked  {line}")
    for finding in report.findings:
        click.secho(f"FAILED   {finding}", fg="red")
    if report.findings:
        click.echo(f"{len(report.findings)} faults: what is stored is not what was sealed.")
        sys.exit(1)
    click.echo("Everything holds.")


def _progress(what: str, done: int, total: int) -> None:
    end = "\n" if done >= total else ""
    click.echo(f"\r{what}: {done:,} of {total:,}{end}", err=True, nl=False)


def _show(path: Path, verified: Verified) -> None:
    """Print what a proof shows."""
    record, manifest = verified.record, verified.manifest
    stamp = record["Timestamp"]
    body = record["Body"] if "Body" in record else record["SpanName"]
    assert isinstance(stamp, bytes)
    assert isinstance(body, bytes)
    seconds = int(stamp) // 10**9
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
    seq = record["Seq"]
    assert isinstance(seq, bytes)
    click.echo(f"record      {body.decode(errors='replace')}")
    click.echo(f"time        {moment:%Y-%m-%dT%H:%M:%SZ}")
    click.echo(f"tenant      {manifest.tenant}")
    click.echo(f"batch       {manifest.batch}: position {seq.decode()} of {manifest.count}")
    click.echo(f"log         {verified.checkpoint.origin}, {verified.checkpoint.size} entries")
    click.echo(f"{path}: the record is in the log that this checkpoint signs. Everything holds.")
