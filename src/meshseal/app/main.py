"""The program: the command line, with the server part behind it where that is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

from meshseal.cli.root import root
from meshseal.model.errors import ConfigError, MeshsealError

if TYPE_CHECKING:
    from meshseal.cli.tools import KeyTools, VerifyReport
    from meshseal.seal.note import Verifier

_NEEDS_SERVER = "this needs the server part: pip install 'meshseal[server]'"


class Tools:
    """The server part, each piece imported when it is asked for."""

    def serve(
        self, data: Path, config_file: Path | None, assignments: Sequence[str], *, trial: bool
    ) -> None:
        """Run a server until it is told to stop."""
        _part("serve").serve(data, config_file, assignments, trial=trial)

    def explain_config(self, config_file: Path | None, assignments: Sequence[str]) -> list[str]:
        """Return every key with its value."""
        config = _part("config").load_config(config_file, assignments=assignments)
        return cast("list[str]", _part("config").explained(config))

    def config_reference(self) -> str:
        """Return what every key means, as Markdown."""
        return cast("str", _part("reference").config_reference())

    def keys(self, data: Path, config_file: Path | None, assignments: Sequence[str]) -> KeyTools:
        """Return the API keys of a data directory."""
        return cast("KeyTools", _part("keys").open_keys(data, config_file, assignments))

    def verify(
        self,
        data: Path,
        config_file: Path | None,
        assignments: Sequence[str],
        *,
        verifier: Verifier | None,
        older_checkpoint: str | None,
        on_progress: Callable[[str, int, int], None],
    ) -> VerifyReport:
        """Check a data directory."""
        config = _part("config").load_config(config_file, assignments=assignments)
        report = _part("verification").run(
            data,
            config,
            verifier=verifier,
            older_checkpoint=older_checkpoint,
            on_progress=on_progress,
        )
        return cast("VerifyReport", report)

    def list_aside(
        self, data: Path, config_file: Path | None, assignments: Sequence[str]
    ) -> list[str]:
        """Return the segments that were set aside, a line each."""
        return cast("list[str]", _part("aside").list_aside(data, config_file, assignments))

    def replay_aside(
        self,
        data: Path,
        names: Sequence[str],
        config_file: Path | None,
        assignments: Sequence[str],
    ) -> list[str]:
        """Put segments that were set aside back into the spool."""
        done = _part("aside").replay_aside(data, names, config_file, assignments)
        return cast("list[str]", done)


def main() -> None:
    """Run the command line; errors of the house become one line and exit status 1."""
    try:
        root(obj=Tools())
    except MeshsealError as error:
        print(f"meshseal: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


def _part(name: str) -> ModuleType:
    """Return a module of the server part. Raises: ConfigError when that is not installed."""
    try:
        return import_module(f"meshseal.app.{name}")
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("meshseal"):
            raise
        raise ConfigError(f"{_NEEDS_SERVER} (missing: {error.name})") from error


if __name__ == "__main__":
    main()
