"""Asks the store: the one place where a query's tree, a tenant and the engine come together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshseal.model.errors import QueryError
from meshseal.model.identifiers import label_name
from meshseal.model.register import Register
from meshseal.query.asking import ask, check_regexes
from meshseal.query.derived import DERIVED, MESH, MESH_KIND, UNKNOWN_OF_STREAMS
from meshseal.query.derived_values import derived_names, derived_values, stream_times
from meshseal.query.labels import Key, Keys
from meshseal.query.render_logs import Place, TimeRange, render_logs
from meshseal.query.render_metrics import Steps, render_metrics
from meshseal.query.resolved import (
    REGISTER,
    SERVICE,
    resolved_labels,
    stream_label,
    stream_values,
)
from meshseal.query.sql import Binder, Sql
from meshseal.query.tree import LogQuery, Matcher, MatchOp, Metric, Query, kept_labels, label_names
from meshseal.store.client import Store
from meshseal.store.schema import ATTRIBUTE_KEYS, STREAMS
from meshseal.store.settings import QuerySettings

_SECOND = 10**9
_KEYS_SECONDS = 2.0
_KEYS_LIMIT = 10_000
_LABELS_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Record:
    """One record that a log query returned. Labels are under their names in query languages."""

    time_unix_nano: int
    line: str
    batch: int
    seq: int
    level: str
    stream: Mapping[str, str]
    metadata: Mapping[str, str]
    parsed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a metric query: (step, value)."""

    labels: Mapping[str, str]
    points: Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Volume:
    """How much there is."""

    streams: int
    records: int
    bytes: int


class Reader:
    """Reads for one tenant at a time.

    Args:
        store: Where records are.
        settings: Limits of one read.
        register: Gives the register of services as it is now.
    """

    def __init__(
        self,
        store: Store,
        settings: QuerySettings,
        *,
        register: Callable[[], Register] = Register,
    ) -> None:
        self._register = register
        self._store = store
        self._settings = settings
        self._keys: dict[str, tuple[float, Keys]] = {}

    async def logs(
        self,
        query: LogQuery,
        *,
        tenant: str,
        times: TimeRange,
        limit: int,
        newest_first: bool = True,
        batches: tuple[int, ...] = (),
        after: Place | None = None,
    ) -> list[Record]:
        """Return the records of a log query, as `render_logs` has it.

        Raises: QueryError, EngineError.
        """
        if not 0 < limit <= self._settings.max_entries:
            raise QueryError(f"the limit must be between 1 and {self._settings.max_entries}")
        keys = await self._keys_of(tenant, query)
        kept = kept_labels(query)

        async def found(within: TimeRange) -> list[Record]:
            sql = render_logs(
                query,
                tenant=tenant,
                times=within,
                limit=limit,
                newest_first=newest_first,
                keys=keys,
                batches=batches,
                after=after,
            )
            register = self._register()
            return [_record(row, kept, register, tenant) for row in await self._rows(sql)]

        newest = _newest(times)
        if newest_first and newest and not (query.stages or batches or after):
            # Whoever asks for a service's latest records finds them at the end of a long range,
            # and most parts of the store need not be looked into.
            records = await found(newest)
            if len(records) == limit:
                return records
        return await found(times)

    async def metrics(self, query: Metric, *, tenant: str, steps: Steps) -> list[Series]:
        """Return the series of a metric query. Raises: QueryError, EngineError."""
        most = self._settings.max_series
        await check_regexes(self._store, query)
        sql = render_metrics(
            query,
            tenant=tenant,
            steps=steps,
            keys=await self._keys_of(tenant, query),
            limit=most + 1,
        )
        rows = await self._rows(sql)
        if len(rows) > most:
            raise QueryError(f"the query returns more than {most} series: group by fewer labels")
        return [
            Series(labels, list(zip(steps_, amounts, strict=True)))
            for labels, steps_, amounts in rows
        ]

    async def labels(self, *, tenant: str, times: TimeRange) -> list[str]:
        """Return the names of the labels that streams have."""
        maps = await self._streams(tenant, times, ())
        names = {label_name(key) for labels, _ in maps for key in labels}
        register = self._register()
        if maps:
            names |= await self._derived_names(tenant, times)
        if maps and register.services(tenant):
            names |= {SERVICE, *register.label_names(tenant)}
        return sorted(names | {"service_name"} if maps else names)

    async def label_values(
        self, name: str, *, tenant: str, times: TimeRange, query: LogQuery | None = None
    ) -> list[str]:
        """Return the values that a label has in streams.

        Of a label that no stream has, those of the newest records. With a query, only of the
        streams it selects.
        """
        matchers = query.matchers if query else ()
        found = {
            value
            for labels, service in await self._streams(tenant, times, matchers)
            for value in stream_values(name, labels, service, self._register(), tenant)
        }
        if name in DERIVED:
            keys = await self._keys_of(tenant, LogQuery(tuple(matchers)))
            for sql in derived_values(
                name, tenant=tenant, times=times, matchers=matchers, keys=keys
            ):
                found |= {value for (value,) in await self._rows(sql)}
        elif not found:
            found = set(await self._record_values(name, tenant, times, matchers))
        return sorted(found - {""})

    async def series(
        self, queries: Sequence[LogQuery], *, tenant: str, times: TimeRange
    ) -> list[dict[str, str]]:
        """Return the streams that any of the queries selects, each as its labels."""
        found: dict[tuple[tuple[str, str], ...], None] = {}
        for query in queries:
            for labels, service in await self._streams(tenant, times, query.matchers):
                found[tuple(sorted(stream_labels(labels, service).items()))] = None
        return [dict(labels) for labels in found]

    async def volume(self, query: LogQuery | None, *, tenant: str, times: TimeRange) -> Volume:
        """Return how much the streams of a selector hold, by whole hours."""
        binder = Binder()
        rows = await self._rows(
            Sql(
                "SELECT uniqExact(ServiceName, Labels), sum(Records), sum(Bytes)\n"
                f"FROM {STREAMS}\n"
                f"WHERE {_stream_where(binder, tenant, times, query, self._register())}",
                binder.parameters,
            )
        )
        streams, records, size = rows[0]
        return Volume(streams, records, size)

    async def attribute_names(self, *, tenant: str) -> list[str]:
        """Return the labels that records' attributes give, for completion."""
        return sorted(await self._all_keys(tenant))

    # ---- Inside ----------------------------------------------------------------------------

    async def _streams(
        self, tenant: str, times: TimeRange, matchers: Sequence[Matcher]
    ) -> list[tuple[dict[str, str], str]]:
        """Return (resource attributes, service) of the streams that matchers select."""
        binder = Binder()
        query = LogQuery(tuple(matchers))
        rows = await self._rows(
            Sql(
                "SELECT JSONExtract(Labels, 'Map(String, String)') AS resource, "
                "toString(ServiceName) AS service\n"
                f"FROM {STREAMS}\n"
                f"WHERE {_stream_where(binder, tenant, times, query, self._register())}\n"
                f"GROUP BY resource, service\nLIMIT {_LABELS_LIMIT}",
                binder.parameters,
            )
        )
        return [(resource, service) for resource, service in rows]

    async def _derived_names(self, tenant: str, times: TimeRange) -> set[str]:
        """Return the labels that every mesh's records have in common, of which there are values."""
        found = {MESH} if MESH_KIND in await self._stored_keys(tenant) else set()
        for names, sql in derived_names(tenant=tenant, times=times):
            (row,) = await self._rows(sql)
            found |= {name for name, there in zip(names, row, strict=True) if there}
        return found

    async def _record_values(
        self, name: str, tenant: str, times: TimeRange, matchers: Sequence[Matcher]
    ) -> list[str]:
        query = LogQuery((*matchers, Matcher(name, MatchOp.NOT_EQUAL, "")))
        records = await self.logs(
            query, tenant=tenant, times=times, limit=min(1000, self._settings.max_entries)
        )
        return [record.metadata.get(name, "") for record in records]

    async def _keys_of(self, tenant: str, query: Query) -> Keys:
        known = await self._all_keys(tenant)
        return {name: known[name] for name in label_names(query) if name in known}

    async def _all_keys(self, tenant: str) -> Keys:
        """Return what every label of a tenant stands for: attributes, then the register."""
        names = self._register().label_names(tenant)
        stored = await self._stored_keys(tenant)
        if not names:
            return stored
        return {
            **stored,
            **{name: [*stored.get(name, ()), Key(REGISTER, name)] for name in names},
        }

    async def _stored_keys(self, tenant: str) -> Keys:
        """Return the attributes that labels of a tenant stand for, as of a moment ago."""
        cached = self._keys.get(tenant)
        if cached and cached[0] > time.monotonic():
            return cached[1]
        binder = Binder()
        rows = await self._rows(
            Sql(
                "SELECT toString(Scope) AS scope, Key\n"
                f"FROM {ATTRIBUTE_KEYS}\nWHERE Tenant = {binder.text(tenant)}\n"
                f"GROUP BY scope, Key\nORDER BY scope, Key\nLIMIT {_KEYS_LIMIT}",
                binder.parameters,
            )
        )
        keys: dict[str, list[Key]] = {}
        for scope, key in sorted(rows, key=lambda row: _SCOPE_ORDER.get(row[0], 9)):
            keys.setdefault(label_name(key), []).append(Key(scope, key))
        self._keys[tenant] = (time.monotonic() + _KEYS_SECONDS, keys)
        return keys

    async def _rows(self, sql: Sql) -> Sequence[Sequence[Any]]:
        return await ask(self._store, sql)


_NEWEST_SHARE = 100
_NEWEST_LEAST = 60 * _SECOND
_SEALED = frozenset({"meshseal_batch", "meshseal_seq"})
_SCOPE_ORDER = {"resource": 0, "log": 1, "scope": 2}


def _newest(times: TimeRange) -> TimeRange | None:
    """Return the last hundredth of a range; None where the whole is small."""
    span = (times.end - times.start) // _NEWEST_SHARE
    return TimeRange(times.end - span, times.end) if span >= _NEWEST_LEAST else None


def stream_labels(resource: Mapping[str, str], service: str) -> dict[str, str]:
    """Return the labels of a stream: its resource attributes, and its service."""
    return {label_name(key): value for key, value in resource.items()} | {"service_name": service}


def _stream_where(
    binder: Binder,
    tenant: str,
    times: TimeRange,
    query: LogQuery | None,
    register: Register,
) -> str:
    """Return the conditions on `streams` as one."""
    conditions = [stream_times(binder, tenant, times)]
    for matcher in query.matchers if query else ():
        if matcher.label in UNKNOWN_OF_STREAMS:
            continue
        labels = (
            "mapUpdate(meshseal_labels(JSONExtractKeysAndValues(Labels, 'String')), "
            "map('service_name', toString(ServiceName)))"
        )
        text = stream_label(binder, tenant, matcher.label, labels, register)
        conditions.append(_stream_match(binder, matcher, text))
    return "\n  AND ".join(conditions)


def _stream_match(binder: Binder, matcher: Matcher, text: str) -> str:
    if matcher.op in (MatchOp.EQUAL, MatchOp.NOT_EQUAL):
        op = "=" if matcher.op is MatchOp.EQUAL else "!="
        return f"{text} {op} {binder.text(matcher.value)}"
    found = f"match(toValidUTF8({text}), {binder.text(f'^(?-s:{matcher.value})$')})"
    return found if matcher.op is MatchOp.REGEX else f"NOT {found}"


def _record(
    row: Sequence[Any], kept: frozenset[str] | None, register: Register, tenant: str
) -> Record:
    (
        time_unix_nano,
        line,
        batch,
        seq,
        service,
        resource,
        attributes,
        level,
        trace_id,
        span_id,
        scope_name,
        format_name,
        door,
        parsed,
        error,
        dropped,
        derived,
    ) = row
    stream = stream_labels(resource, service)
    known = {
        "detected_level": level,
        "trace_id": trace_id,
        "span_id": span_id,
        "scope_name": scope_name,
        "meshseal_batch": str(batch),
        "meshseal_seq": str(seq),
        "meshseal_format": format_name,
        "meshseal_door": door,
    }
    metadata = {label_name(key): value for key, value in attributes.items()}
    metadata |= {name: value for name, value in known.items() if value}
    if register:
        metadata |= resolved_labels({**metadata, **stream}, service, register, tenant)
    others = {**stream, **metadata, **parsed}
    metadata |= {name: value for name, value in derived.items() if name not in others}
    found = {} if not error else {"__error__": error}
    for name, value in parsed.items():
        present = stream.get(name, metadata.get(name))
        if present is None:
            found[name] = value
        elif present != value:
            found[f"{name}_extracted"] = value
    if dropped or kept is not None:
        stream, metadata, found = (
            _left(labels, dropped, kept) for labels in (stream, metadata, found)
        )
    return Record(time_unix_nano, line, batch, seq, level, stream, metadata, found)


def _left(
    labels: Mapping[str, str], dropped: Sequence[str], kept: frozenset[str] | None
) -> dict[str, str]:
    """Return what `drop` and `keep` leave of labels: where the record is sealed, always."""
    return {
        name: value
        for name, value in labels.items()
        if name in _SEALED or (name not in dropped and (kept is None or name in kept))
    }
