"""`meshseal proof`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from meshseal.cli.options import client_of, server_options


@click.command(name="proof")
@server_options
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Where to write it; `-` for standard output. Default: meshseal-proof-BATCH-SEQ.json.",
)
@click.argument("batch", type=click.IntRange(min=0))
@click.argument("seq", type=click.IntRange(min=0))
def command(
    server: str,
    key: str | None,
    tenant: str | None,
    ca_file: Path | None,
    output: Path | None,
    batch: int,
    seq: int,
) -> None:
    """Fetch the proof of one record.

    BATCH and SEQ are `meshseal_batch` and `meshseal_seq` in every query result. The file holds the
    record, and everything that it takes to check it: `meshseal verify FILE --key KEY`.
    """
    client = client_of(server, key, tenant, ca_file)
    content = client.get("/meshseal/v1/proof", {"batch": batch, "seq": seq})
    target = output or Path(f"meshseal-proof-{batch}-{seq}.json")
    if str(target) == "-":
        sys.stdout.buffer.write(content)
        return
    target.write_bytes(content)
    click.echo(f"{target}: {len(content)} bytes")
