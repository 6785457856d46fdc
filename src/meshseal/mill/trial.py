"""Reads lines for whoever wants to see how they would be read, and tries formats before they count.

Nothing of it is stored: it has a table of its own, in memory.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from meshseal.model.columns import LOGS
from meshseal.model.errors import EngineError, FormatError
from meshseal.shape.assemble import record_select
from meshseal.shape.families.format import Format
from meshseal.shape.formats import OTLP, UNPARSED, Formats
from meshseal.shape.recognise import condition
from meshseal.store.engine import WORK_DATABASE, Handle
from meshseal.store.schema import log_attributes_expression, raw_columns

_TABLE = f"{WORK_DATABASE}.raw_trial"
_LIMITS = "SETTINGS max_execution_time = 20, max_threads = 1"
_PROBES = ("", "{", "[", '"', "- - -", "\\", "{}", "a" * 5000, "\x00\x7f", '{"a":"\\u0000","b":[]}')
"""Lines that no format may fail on."""


class Trial:
    """A place to try formats.

    Args:
        handle: A connection of its own to the engine.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        handle.execute(f"CREATE DATABASE IF NOT EXISTS {WORK_DATABASE} ENGINE = Memory")
        handle.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} ({raw_columns(LOGS)}) ENGINE = Memory")

    def probe(self, row: Format) -> None:
        """Let the engine read lines by a format. Raises: FormatError with what it says."""
        formats = Formats([row])
        self._fill(_PROBES)
        try:
            self._recognised(row)
            for own in (False, True):
                self._select(row.name, formats, range(len(_PROBES)), own_attributes=own)
        except EngineError as error:
            raise FormatError(f"the engine refuses the format: {str(error)[:500]}") from error

    def read(self, lines: Sequence[str], row: Format | None, formats: Formats) -> list[Any]:
        """Return how lines would be read, each as its record's `format`, time and attributes.

        Args:
            lines: The lines.
            row: A format to take before all others, as if the sender had named it.
            formats: The formats that the engine knows.
        """
        known = formats
        if row and row.name not in formats:
            known = Formats([*formats.custom, row])
        elif row:
            known = Formats([row if one.name == row.name else one for one in formats.custom])
        self._fill(lines)
        of_format: dict[str, list[int]] = {}
        for number, name in enumerate(self._recognised(row)):
            of_format.setdefault(name, []).append(number)
        rows = [
            each
            for name, numbers in of_format.items()
            for each in self._select(name, known, numbers, own_attributes=False)
        ]
        return sorted(rows, key=lambda each: int(each.pop("number")))

    def _fill(self, lines: Sequence[str]) -> None:
        now = time.time_ns()
        rows = (
            {"Seq": number, "Body": line, "ReceivedUnixNano": now, "ObservedUnixNano": now}
            for number, line in enumerate(lines)
        )
        self._handle.execute(f"TRUNCATE TABLE {_TABLE}")
        data = "\n".join(map(json.dumps, rows)).encode()
        if data:
            self._handle.insert(f"INSERT INTO {_TABLE}", data, format_name="JSONEachRow")

    def _recognised(self, row: Format | None) -> list[str]:
        """Return the format of every line."""
        found = "meshseal_recognise(line, '')"
        if row:
            found = f"if({condition(row)}, '{row.name}', {found})"
        sql = f"SELECT {found} FROM (SELECT Seq, Body AS line FROM {_TABLE}) ORDER BY Seq {_LIMITS}"
        return self._handle.execute(sql).decode().split()

    def _select(
        self, name: str, formats: Formats, numbers: Sequence[int], *, own_attributes: bool
    ) -> list[dict[str, Any]]:
        if name not in (OTLP, UNPARSED) and name not in formats:
            name = UNPARSED
        listed = ", ".join(str(int(number)) for number in numbers)
        select = record_select(
            name, own_attributes=own_attributes, retention_days=1, formats=formats
        ).replace("FROM raw", f"FROM {_TABLE} WHERE Seq IN ({listed})")
        sql = (
            "SELECT Seq AS number, toValidUTF8(Body) AS line, toString(Format) AS format, "
            "toString(toUnixTimestamp64Nano(Timestamp)) AS time_unix_nano, "
            "toString(SeverityText) AS severity, toString(ServiceName) AS service, "
            "TraceId AS trace_id, SpanId AS span_id, "
            f"meshseal_shown({log_attributes_expression()}) AS attributes\nFROM (\n{select}\n) "
            f"{_LIMITS}"
        )
        text = self._handle.execute(sql, output="JSONEachRow").decode()
        return [json.loads(line) for line in text.splitlines()]
