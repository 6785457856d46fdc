"""The API keys of a data directory, for the command line."""

from __future__ import annotations

import os
import pwd
from collections.abc import Sequence
from pathlib import Path

from meshseal.access.credentials import Credentials
from meshseal.access.identity import Role
from meshseal.access.state import migrate, open_state
from meshseal.app.config import load_config
from meshseal.app.paths import DataPaths
from meshseal.model.errors import ConfigError


class Keys:
    """API keys, as the command line handles them."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def create(self, *, name: str, role: Role, tenant: str) -> str:
        """Create a key and return it; it cannot be read back."""
        created = self._credentials.create_key(
            name=name, role=role, tenant=tenant, os_user=_os_user()
        )
        return created.token

    def rows(self) -> list[dict[str, object]]:
        """Return every key, without its secret."""
        return self._credentials.list_keys()

    def revoke(self, key_id: str) -> None:
        """Revoke a key. Raises: NotFoundError."""
        self._credentials.revoke_key(key_id, os_user=_os_user())


def _os_user() -> str:
    """Return who runs this program: the name, or the number where there is no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def open_keys(data: Path, config_file: Path | None, assignments: Sequence[str]) -> Keys:
    """Return the keys of a data directory. Raises: ConfigError when it is none."""
    paths = DataPaths(data.resolve())
    if not paths.keys.is_dir():
        raise ConfigError(f"{data} is not a data directory: start `meshseal serve` there first")
    config = load_config(config_file, assignments=assignments)
    url = config.state.url or paths.state_url
    migrate(url)
    return Keys(Credentials(open_state(url)))
