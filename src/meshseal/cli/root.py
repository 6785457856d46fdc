"""The root of the command line, and how its commands are found."""

from __future__ import annotations

import click

from meshseal import __version__
from meshseal.cli.lazy import LazyGroup

_COMMANDS = {
    "serve": "Receive, keep, prove and answer: run the server.",
    "ship": "Send files of log lines to a server, resumably.",
    "query": "Ask a server with LogQL.",
    "tail": "Follow a LogQL query as records arrive.",
    "trace": "Show the spans of a trace.",
    "completeness": "Whether everything arrived: silent sources, lost records.",
    "mesh": "The mesh: the map of its services.",
    "verify": "Check a data directory, or one proof file.",
    "proof": "Fetch the proof of one record.",
    "ledger": "The transparency log: its key, its checkpoint.",
    "service": "The register of services: names, aliases, teams.",
    "format": "Formats of your own: of Envoys and AWS flow logs.",
    "key": "API keys: create, list, revoke.",
    "config": "Check and explain the configuration.",
    "spool": "Segments that were set aside: list, replay.",
}


@click.group(
    cls=LazyGroup,
    rows=_COMMANDS,
    module="meshseal.cli.{name}",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `meshseal serve --data ./data --trial`, then open http://127.0.0.1:8080/.",
)
@click.version_option(__version__, "-V", "--version", message="meshseal %(version)s")
def root() -> None:
    """Meshseal: logs and traces of every service mesh, encrypted, provable and answerable."""
