"""The numbering of segments."""

from __future__ import annotations

from sqlalchemy import Engine, func, select

from meshseal.access.state import BATCHES, SEGMENTS
from meshseal.model.identifiers import segment_of_batch


def next_segment(state: Engine) -> int:
    """Return a segment number above every one that the state has heard of."""
    with state.connect() as connection:
        batch = connection.execute(select(func.max(BATCHES.c.batch))).scalar()
        aside = connection.execute(select(func.max(SEGMENTS.c.number))).scalar()
    return max(segment_of_batch(batch or 0), aside or 0) + 1
