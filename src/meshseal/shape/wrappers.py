"""Takes wrappers off: renders the INSERT that puts what they hold into the `raw` table.

The recogniser finds wrapped lines as it finds formats. Their rows stay where they are, and rows of
what was inside join them, so that lines without a wrapper are not copied, and cost nothing. What a
wrapper says becomes attributes, and the line can be had back from the record: `docs/reference`
says how for each.
"""

from __future__ import annotations

from meshseal.shape import render
from meshseal.shape.assemble import RAW_COLUMNS
from meshseal.shape.families.format import Format
from meshseal.shape.families.wrappers import SYSLOG, WRAPPERS

__all__ = ["WRAPPERS", "unwrap"]

_COLUMNS = ", ".join(name for name in RAW_COLUMNS if name != "Format")
_MESSAGES = """SELECT
    tuple(*) AS raw_row,
    toUInt64(ReceivedUnixNano) AS received_unix_nano,
    toUInt32(0) AS first_seq,
    [if(startsWith(Body, '<'), Body, concat('<13>', Body))] AS syslog_messages_messages
FROM ({rows})"""


def unwrap(wrapper: Format, table: str, recognise: str) -> str:
    """Return the INSERT of what is inside the rows of a wrapper, into the table they are in.

    Args:
        wrapper: One of `WRAPPERS`.
        table: The `raw` table; the mill's own.
        recognise: The function that finds the format of a line in a payload of this kind.
    """
    rows = f"SELECT * FROM {table} WHERE Format = '{wrapper.name}'"
    (name,) = wrapper.files
    if wrapper is SYSLOG:
        # A message without a priority is given one, so that it is read as one that has it.
        messages = render.over("syslog_headers.sql", "envelopes", _MESSAGES.replace("{rows}", rows))
        select = render.over(f"wrapper/{name}.sql", "headers", messages)
    else:
        select = render.over(f"wrapper/{name}.sql", "raw", rows)
    inside = "plain" if wrapper is SYSLOG else "inside"
    return (
        f"INSERT INTO {table} ({_COLUMNS}, Format)\n"
        f"SELECT {_COLUMNS}, {recognise}_{inside}(Body, '') AS Format\nFROM (\n{select}\n)"
    )
