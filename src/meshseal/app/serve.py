"""Runs a server in the foreground, until a signal."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import uvloop

from meshseal.app.config import Config, load_config
from meshseal.app.logs import configure_logs
from meshseal.app.server import Server
from meshseal.model.errors import MeshsealError


def serve(data: Path, config_file: Path | None, assignments: Sequence[str], *, trial: bool) -> None:
    """Run a server until SIGINT or SIGTERM. Raises: ConfigError, IntegrityError."""
    config = load_config(config_file, assignments=assignments)
    as_json = config.log.format == "json" or (
        config.log.format == "auto" and not sys.stderr.isatty()
    )
    configure_logs(level=config.log.level, as_json=as_json, process="server")
    uvloop.run(_serve(data, config, trial=trial))


async def _serve(data: Path, config: Config, *, trial: bool) -> None:
    server = Server(data, config, trial=trial)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        await server.start()
        await _say_where(server)
        await stopped.wait()
        click.echo("Stopping: what was received is being stored.", err=True)
    except MeshsealError:
        await server.stop()
        raise
    else:
        await server.stop()


async def _say_where(server: Server) -> None:
    """Tell the operator where everything is, on standard output."""
    host, port = server.addresses["main"]
    scheme = "https" if server.config.tls.certificate_file else "http"
    url = server.config.main.public_url or f"{scheme}://{host}:{port}"
    click.echo(f"Meshseal listens at {url}/")
    width = max(map(len, server.addresses))
    for name, (door_host, door_port) in server.addresses.items():
        if name != "main":
            click.echo(f"  {name:<{width}} {door_host}:{door_port}")
    if server.trial:
        click.echo("TRIAL MODE: everybody on this machine may send and read. Not for real data.")
        return
    token = await asyncio.to_thread(server.credentials.create_first_admin)
    if token:
        click.echo("No administrator has a password yet. Set it, once, within a day, at")
        click.echo(f"  {url}/setup?token={token}")
