"""What tests of the Forward protocol share: messages, and what a session makes of them."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack

from meshseal.model.envelope import Envelope, Payload
from meshseal.wire.forward import FORWARD
from meshseal.wire.protos.spool_pb2 import FluentEvents
from meshseal.wire.stream import Connection, Refuse, Say, Secrets, Sender, Session, Step, Take

CAPTURES = Path(__file__).parent / "captures" / "forward"
RECEIVED = 1_790_000_000 * 10**9
AT = 1_789_899_072
LIMIT = 1 << 20
NONCE = bytes(range(32))
KEY = Secrets(shared_key="s3cret")
USERS = Secrets(shared_key="s3cret", users={"alice": "wonder", "bob": "builder"})
Event = tuple[bytes, int, Any, Any]


def connection(secrets: Secrets | None = None, limit_bytes: int = LIMIT) -> Connection:
    return Connection(
        door="forward",
        tenant="team-a",
        sender=None if secrets else Sender("certificate:web-1", "team-a"),
        secrets=secrets or Secrets(),
        nonce=NONCE,
        host="meshseal-1",
        limit_bytes=limit_bytes,
    )


def session(secrets: Secrets | None = None, limit_bytes: int = LIMIT) -> Session:
    assert FORWARD.session is not None
    return FORWARD.session(connection(secrets, limit_bytes))


@dataclass(slots=True)
class Taken:
    """What a session made of bytes: events as (tag, nanoseconds, record, metadata), and answers."""

    events: list[Event] = field(default_factory=list)
    answers: bytes = b""
    deliveries: list[str] = field(default_factory=list)
    patient: set[bool | None] = field(default_factory=set)
    refused: list[Refuse] = field(default_factory=list)

    def step(self, step: Step) -> None:
        match step:
            case Say(data):
                self.answers += data
            case Refuse():
                self.refused.append(step)
                self.answers += step.data
            case Take():
                self.answers += step.reply
                self.patient.add(step.patient)
                for envelope in step.envelopes:
                    self.deliveries.append(envelope.delivery)
                    self.events += events_of(envelope)


def events_of(envelope: Envelope) -> list[Event]:
    assert (envelope.kind, envelope.door) == (Payload.FLUENT_EVENTS, "forward")
    found: list[Event] = []
    for group in FluentEvents.FromString(bytes(envelope.content)).groups:
        records = group.records.split(b"\n")
        metadata = group.metadata.split(b"\n") if group.metadata else [b"{}"] * len(records)
        rows = zip(group.times, records, metadata, strict=True)
        found += [(group.tag, time, json.loads(one), json.loads(own)) for time, one, own in rows]
    assert envelope.records == len(found) > 0
    return found


def talk(one: Session, *parts: bytes) -> Taken:
    taken = Taken()
    for part in parts:
        for step in one.received(part, RECEIVED):
            taken.step(step)
    assert list(one.ended(RECEIVED)) == []
    return taken


def event_time(seconds: int, nanos: int = 0) -> msgpack.ExtType:
    return msgpack.ExtType(0, struct.pack("!II", seconds, nanos))


def pack(value: Any) -> bytes:
    return bytes(msgpack.packb(value, unicode_errors="surrogateescape"))


def entries(*values: Any) -> bytes:
    return b"".join(map(pack, values))


def str32(content: bytes) -> bytes:
    """What Fluentd writes entries as: text, whatever they hold."""
    return b"\xdb" + struct.pack("!I", len(content)) + content


ENTRY = [event_time(AT, 5), {"log": "a", "n": 1}]
ONE: Event = (b"app.web", AT * 10**9 + 5, {"log": "a", "n": 1}, {})
SEVEN: Event = (b"app.web", AT * 10**9 + 7, {"log": "b"}, {})
TWO = entries(ENTRY, [event_time(AT, 7), {"log": "b"}])
TAG = pack("app.web")


def capture_folders() -> list[Path]:
    return sorted(path.parent for path in CAPTURES.glob("*/sent.bin"))


def capture_secrets(folder: Path) -> Secrets | None:
    return {"user": USERS, "key": KEY}.get(folder.name.rpartition("-")[2])
