"""The first schema: tenants, people, keys, batches and what arrived."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TABLES = ("tenants", "users", "api_keys", "sessions", "setup_links", "segments", "batches")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "tenants",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("created_unix_nano", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False, unique=True),
        sa.Column("password_hash", sa.Text),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("created_unix_nano", sa.BigInteger, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("secret_hash", sa.Text, nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("created_unix_nano", sa.BigInteger, nullable=False),
        sa.Column("revoked_unix_nano", sa.BigInteger),
    )
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.LargeBinary, primary_key=True),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("created_unix_nano", sa.BigInteger, nullable=False),
        sa.Column("expires_unix_nano", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "setup_links",
        sa.Column("token_sha256", sa.LargeBinary, primary_key=True),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("expires_unix_nano", sa.BigInteger, nullable=False),
        sa.Column("used_unix_nano", sa.BigInteger),
    )
    _create_arrivals()


def _create_arrivals() -> None:
    op.create_table(
        "segments",
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "batches",
        sa.Column("batch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("entry", sa.BigInteger, unique=True),
    )
    op.create_index("ix_batches_tenant", "batches", ["tenant"])
    op.create_table(
        "chunks",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("agent", sa.String(255), primary_key=True),
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("next_sequence", sa.BigInteger, nullable=False),
        sa.Column("beyond", sa.Text, nullable=False),
        sa.Column("touched_unix_nano", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("chunks", *reversed(_TABLES)):
        op.drop_table(table)
