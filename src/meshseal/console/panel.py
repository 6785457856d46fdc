"""One record: all its fields, what a click on them asks for, and its proof, verified now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from meshseal.console.edits import with_condition
from meshseal.console.highlight import Needle, Piece, needles, pieces, visible
from meshseal.console.pretty import laid_out
from meshseal.console.results import shown_moment
from meshseal.console.view import View
from meshseal.model.errors import EngineError, IntegrityError, NotFoundError, OverloadedError
from meshseal.query.proofs import ProofMaker
from meshseal.query.reader import Reader, Record
from meshseal.query.render_logs import Place, TimeRange
from meshseal.query.tree import LogQuery, Query
from meshseal.seal.note import Verifier
from meshseal.seal.proof import Verified

_LONGEST_FILTER = 1000


@dataclass(frozen=True, slots=True)
class Field:
    """A label, and the addresses that ask for records with or without its value."""

    name: str
    value: str
    with_url: str
    without_url: str


@dataclass(frozen=True, slots=True)
class Group:
    """Fields of one origin."""

    title: str
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of the laid-out line: its kind, and its text in pieces."""

    kind: str
    pieces: list[Piece]


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is known about a record's proof.

    Attributes:
        state: `verified`, `pending`, `broken` or `unknown`.
        message: What does not hold, or why nothing is known.
        batch: The batch.
        seq: The record's position in it.
        count: How many records the batch has.
        entry: The batch's place in the log.
        origin: The log's name.
        size: How many entries the checkpoint stands for.
        root: The log's root there, in hexadecimal digits.
        url: Where the proof's file is.
    """

    state: str
    batch: int
    seq: int
    url: str
    message: str = ""
    count: int = 0
    entry: int = 0
    origin: str = ""
    size: int = 0
    root: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A record, ready to be shown."""

    place: Place
    day: str
    time: str
    level: str
    service: str
    chunks: list[Chunk]
    is_json: bool
    groups: list[Group]
    sealed: Sealed
    close_url: str
    around_url: str


async def open_record(
    reader: Reader,
    proofs: ProofMaker,
    verifier: Verifier,
    view: View,
    query: Query | None,
    *,
    tenant: str,
) -> Panel:
    """Return the panel of the view's record.

    Raises: NotFoundError when the tenant has no such record; QueryError, EngineError.
    """
    assert view.record is not None
    log_query = query if isinstance(query, LogQuery) else LogQuery(())
    record = await _record(reader, log_query, view.record, tenant)
    sealed = await seal_of(proofs, verifier, record, tenant=tenant, view=view)
    wanted = needles(log_query)
    day, moment = shown_moment(record.time_unix_nano)
    tokens = laid_out(record.line)
    minute = 60 * 10**9
    near = TimeRange(
        max(0, record.time_unix_nano - minute), min(2**63 - 1, record.time_unix_nano + minute)
    )
    service = record.stream.get("service_name", "")
    return Panel(
        place=view.record,
        day=day,
        time=moment,
        level=record.level,
        service=service,
        chunks=[Chunk(t.kind, _pieces(t.text, wanted)) for t in tokens]
        or [Chunk("plain", _pieces(record.line, wanted))],
        is_json=bool(tokens),
        groups=_groups(record, view),
        sealed=sealed,
        close_url=view.url(record=None),
        around_url=view.at(near).url(
            query=with_condition("{}", "service_name", "=", service), cursor=None
        ),
    )


async def _record(reader: Reader, query: LogQuery, place: Place, tenant: str) -> Record:
    """Return a record with the fields that a query's parsers find, if the query finds it."""
    queries = [query, LogQuery(())] if query != LogQuery(()) else [query]
    for attempt in queries:
        found = await reader.logs(
            attempt,
            tenant=tenant,
            times=TimeRange(place.time_unix_nano, place.time_unix_nano + 1),
            limit=1,
            newest_first=False,
            batches=(place.batch,),
            after=Place(place.time_unix_nano, place.batch, place.seq - 1),
        )
        if found and found[0].seq == place.seq:
            return found[0]
    raise NotFoundError("there is no such record: it may have been deleted, or never was")


async def seal_of(
    proofs: ProofMaker, verifier: Verifier, record: Record, *, tenant: str, view: View
) -> Sealed:
    """Make a record's proof and verify it, as `meshseal verify` does."""
    parameters = {"batch": str(record.batch), "seq": str(record.seq)}
    if view.tenant:
        parameters["tenant"] = view.tenant
    url = f"/meshseal/v1/proof?{urlencode(parameters)}"
    if not await proofs.is_sealed(record.batch):
        return Sealed("pending", record.batch, record.seq, url)
    try:
        proof = await proofs.proof(tenant=tenant, batch=record.batch, seq=record.seq)
        verified = proof.verify(verifier)
        _compare(record, verified)
    except (IntegrityError, NotFoundError) as error:
        return Sealed("broken", record.batch, record.seq, url, str(error))
    except (EngineError, OverloadedError) as error:
        return Sealed("unknown", record.batch, record.seq, url, str(error))
    return Sealed(
        "verified",
        record.batch,
        record.seq,
        url,
        count=verified.manifest.count,
        entry=proof.log.index,
        origin=verified.checkpoint.origin,
        size=verified.checkpoint.size,
        root=verified.checkpoint.root.hex(),
    )


def _compare(record: Record, verified: Verified) -> None:
    """Hold what is shown against what is proven. Raises: IntegrityError."""
    sealed_time, body = verified.record["Timestamp"], verified.record["Body"]
    assert isinstance(body, bytes)
    if sealed_time != str(record.time_unix_nano).encode():
        raise IntegrityError("the time that is shown is not the one that was sealed")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return  # What is shown is what can be shown of it.
    if text != record.line:
        raise IntegrityError("the line that is shown is not the one that was sealed")


def _pieces(text: str, wanted: Sequence[Needle]) -> list[Piece]:
    return pieces(text, wanted, limit=len(text))


def _groups(record: Record, view: View) -> list[Group]:
    groups = (
        ("Stream", record.stream, False),
        ("Attributes", record.metadata, False),
        ("Parsed from the line", record.parsed, True),
    )
    return [
        Group(title, _fields(labels, view, parsed=parsed))
        for title, labels, parsed in groups
        if labels
    ]


def _fields(labels: Mapping[str, str], view: View, *, parsed: bool) -> list[Field]:
    fields = []
    for name, value in sorted(labels.items()):
        if len(value) > _LONGEST_FILTER:
            fields.append(Field(name, visible(value), "", ""))
            continue
        urls = [
            view.url(
                query=with_condition(view.query, name, op, value, parsed=parsed),
                record=None,
                cursor=None,
            )
            for op in ("=", "!=")
        ]
        fields.append(Field(name, visible(value), *urls))
    return fields
