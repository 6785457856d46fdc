"""What the commands of the server part need, and the floor above gives them.

The command line may not know how a server is put together; `meshseal.app.main` hands it these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import click

from meshseal.access.identity import Role
from meshseal.seal.note import Verifier


class VerifyReport(Protocol):
    """What a check of a data directory gave, in words."""

    @property
    def checked(self) -> Sequence[str]:
        """What was checked."""

    @property
    def findings(self) -> Sequence[object]:
        """What does not hold; nothing, if all is well."""


class KeyTools(Protocol):
    """The API keys of a data directory."""

    def create(self, *, name: str, role: Role, tenant: str) -> str:
        """Create a key and return it."""

    def rows(self) -> list[dict[str, object]]:
        """Return every key, without its secret."""

    def revoke(self, key_id: str) -> None:
        """Revoke a key."""


class ServerTools(Protocol):
    """The server part. Every method raises ConfigError when the configuration cannot be used."""

    def serve(
        self, data: Path, config_file: Path | None, assignments: Sequence[str], *, trial: bool
    ) -> None:
        """Run a server until it is told to stop."""

    def explain_config(self, config_file: Path | None, assignments: Sequence[str]) -> list[str]:
        """Return every key with its value."""

    def config_reference(self) -> str:
        """Return what every key means, as Markdown."""

    def keys(self, data: Path, config_file: Path | None, assignments: Sequence[str]) -> KeyTools:
        """Return the API keys of a data directory."""

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

    def list_aside(
        self, data: Path, config_file: Path | None, assignments: Sequence[str]
    ) -> list[str]:
        """Return the segments that were set aside, a line each."""

    def replay_aside(
        self,
        data: Path,
        names: Sequence[str],
        config_file: Path | None,
        assignments: Sequence[str],
    ) -> list[str]:
        """Put segments that were set aside back into the spool; returns what was done."""


pass_tools = click.pass_obj
"""Gives a command the `ServerTools` that the root was called with."""
