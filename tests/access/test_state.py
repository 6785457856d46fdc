"""The state: migrations make the tables that the code uses, and several processes share them."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from meshseal.access.state import METADATA, migrate, open_state, sqlite_url


def test_migrations_from_nothing_make_the_declared_tables(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "state with % in it.db")
    migrate(url)
    migrate(url)
    engine = open_state(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert set(inspect(connection).get_table_names()) == {*METADATA.tables, "alembic_version"}
    engine.dispose()


def test_sqlite_is_durable_and_shared(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "state.db")
    migrate(url)
    engine = open_state(url)
    with engine.connect() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
    }
