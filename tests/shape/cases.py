"""What tables of lines and expected records are made of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from meshseal.model.envelope import Payload
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder, Row, envelope, nanos

RECEIVED = str(RECEIVED_UNIX_NANO)


@dataclass(frozen=True, slots=True)
class Case:
    """One line and the record it must give, apart from its body, which is the line.

    `at` is the record's time, `YYYY-MM-DDTHH:MM:SS[.fraction]` in UTC; without it, the time of
    receipt. `other` are the attributes without a column of their own.
    """

    id: str
    line: str | bytes
    format: str
    columns: dict[str, str] = field(default_factory=dict)
    at: str = ""
    other: dict[str, str] = field(default_factory=dict)
    hint: str = ""
    service: str = "unknown_service"
    resource: dict[str, str] = field(default_factory=dict)

    def expected(self) -> Row:
        """Return the whole row."""
        line = self.line if isinstance(self.line, bytes) else self.line.encode()
        row: Row = {
            "Timestamp": nanos(self.at) if self.at else RECEIVED,
            "ServiceName": self.service,
            "Format": self.format,
            "Body": line.decode(errors="surrogateescape"),
            **self.columns,
        }
        if self.other:
            row["OtherAttributes"] = self.other
        return row | {"ResourceAttributes": self.resource} if self.resource else row


def decode_all(decoder: Decoder, cases: list[Case]) -> dict[str, Row]:
    """Return the row of each case, all decoded in one pass."""
    dropped = ("Tenant", "Source", "Batch", "Seq", "RetentionDays", "ObservedTimestamp", "Door")
    envelopes = []
    for case in cases:
        line = case.line if isinstance(case.line, bytes) else case.line.encode()
        envelopes.append(replace(envelope(Payload.LINES, line, 1), format=case.hint))
    rows = [decoded.row() for decoded in decoder.decode(*envelopes)]
    assert len(rows) == len(cases)
    return {
        case.id: {name: value for name, value in row.items() if name not in dropped}
        for case, row in zip(cases, rows, strict=True)
    }
