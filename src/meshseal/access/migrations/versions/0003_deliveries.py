"""Named deliveries that are stored, so that one sent again is not stored again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "deliveries",
        sa.Column("digest", sa.LargeBinary(16), primary_key=True),
        sa.Column("stored_unix_nano", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_deliveries_stored_unix_nano", "deliveries", ["stored_unix_nano"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("deliveries")
