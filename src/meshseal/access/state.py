"""The state: everything that is neither a log record nor part of the ledger.

SQLite in write-ahead mode beside the data, opened by the server, by its engine process and by the
command line; PostgreSQL where several nodes share it. The schema moves with Alembic migrations.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import alembic.command
import alembic.config
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
)

METADATA = MetaData()

_ID = String(64)

TENANTS = Table(
    "tenants",
    METADATA,
    Column("name", _ID, primary_key=True),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("created_unix_nano", BigInteger, nullable=False),
)

USERS = Table(
    "users",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("password_hash", Text),
    Column("role", String(32), nullable=False),
    Column("tenant", _ID, nullable=False),
    Column("created_unix_nano", BigInteger, nullable=False),
    Column("disabled", Boolean, nullable=False, default=False),
)

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("secret_hash", Text, nullable=False),
    Column("role", String(32), nullable=False),
    Column("tenant", _ID, nullable=False),
    Column("created_unix_nano", BigInteger, nullable=False),
    Column("revoked_unix_nano", BigInteger),
)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("token_sha256", LargeBinary, primary_key=True),
    Column("user_id", _ID, nullable=False),
    Column("created_unix_nano", BigInteger, nullable=False),
    Column("expires_unix_nano", BigInteger, nullable=False),
)

SETUP_LINKS = Table(
    "setup_links",
    METADATA,
    Column("token_sha256", LargeBinary, primary_key=True),
    Column("user_id", _ID, nullable=False),
    Column("expires_unix_nano", BigInteger, nullable=False),
    Column("used_unix_nano", BigInteger),
)

SEGMENTS = Table(
    "segments",
    METADATA,
    Column("number", BigInteger, primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)

BATCHES = Table(
    "batches",
    METADATA,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant", _ID, nullable=False, index=True),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("entry", BigInteger, unique=True),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("digest", LargeBinary(16), primary_key=True),
    Column("stored_unix_nano", BigInteger, nullable=False, index=True),
)

CHUNKS = Table(
    "chunks",
    METADATA,
    Column("tenant", _ID, primary_key=True),
    Column("agent", String(255), primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("next_sequence", BigInteger, nullable=False),
    Column("beyond", Text, nullable=False),
    Column("touched_unix_nano", BigInteger, nullable=False),
)

PENDING_AUDIT = Table(
    "pending_audit",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("principal", _ID, nullable=False),
    Column("document", LargeBinary, nullable=False),
)

FORMATS = Table(
    "formats",
    METADATA,
    Column("name", _ID, primary_key=True),
    Column("definition", Text, nullable=False),
    Column("mesh", _ID, nullable=False),
    Column("changed_unix_nano", BigInteger, nullable=False),
    Column("changed_by", _ID, nullable=False),
)

SERVICES = Table(
    "services",
    METADATA,
    Column("tenant", _ID, primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("namespace", String(255), nullable=False),
    Column("aliases", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("changed_unix_nano", BigInteger, nullable=False),
    Column("changed_by", _ID, nullable=False),
)


def sqlite_url(path: Path) -> str:
    """Return the SQLAlchemy URL of a SQLite file."""
    return f"sqlite:///{path}"


def open_state(url: str) -> Engine:
    """Open the state. Writers of several processes wait for one another for up to ten seconds."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": 10})

    @event.listens_for(engine, "connect")
    def _configure(connection, _record):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit is on disk when it returns, also after a power cut.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    return engine


def migrate(url: str) -> None:
    """Bring the schema up to this version of the program."""
    config = alembic.config.Config()
    config.set_main_option(
        "script_location", str(resources.files("meshseal.access").joinpath("migrations"))
    )
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    alembic.command.upgrade(config, "head")
