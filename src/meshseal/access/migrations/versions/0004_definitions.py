"""What users define while the server runs: formats of their own, and the register of services."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "formats",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("mesh", sa.String(64), nullable=False),
        sa.Column("changed_unix_nano", sa.BigInteger, nullable=False),
        sa.Column("changed_by", sa.String(64), nullable=False),
    )
    op.create_table(
        "services",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("namespace", sa.String(255), nullable=False),
        sa.Column("aliases", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("changed_unix_nano", sa.BigInteger, nullable=False),
        sa.Column("changed_by", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("services")
    op.drop_table("formats")
