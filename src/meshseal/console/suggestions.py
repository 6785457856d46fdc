"""Completes the query bar: what can be typed, and of it what there is."""

from __future__ import annotations

from typing import Any

from meshseal.console.completion import (
    STAGES,
    Offer,
    Place,
    Wanted,
    matchings,
    offers,
    operations,
    operators,
    place_of,
    query_starts,
)
from meshseal.console.edits import quoted
from meshseal.query.labels import COLUMN_LABELS
from meshseal.query.reader import Reader
from meshseal.query.render_logs import TimeRange
from meshseal.query.tree import LogQuery, Matcher, MatchOp


async def suggestions(
    reader: Reader, text: str, cursor: int, *, tenant: str, times: TimeRange
) -> dict[str, Any]:
    """Return what can be typed at a cursor, for the script: where it goes, and the offers.

    Raises: QueryError, EngineError.
    """
    place = place_of(text, cursor)
    found = offers(place, await _candidates(reader, place, text, tenant=tenant, times=times))
    return {
        "start": place.start,
        "end": place.end,
        "offers": [
            {"text": o.text, "insert": o.insert, "kind": o.kind, "back": o.back} for o in found
        ],
    }


async def _candidates(
    reader: Reader, place: Place, text: str, *, tenant: str, times: TimeRange
) -> list[Offer]:
    match place.wanted:
        case Wanted.QUERY:
            return query_starts()
        case Wanted.RIGHT:
            return [*matchings(), *query_starts()]
        case Wanted.OPERATION:
            # Only once a word is begun: whoever closes a parenthesis may well be done.
            return operations() if place.prefix else []
        case Wanted.MATCHER | Wanted.LABEL:
            return await _labels(reader, tenant, times)
        case Wanted.STAGE:
            parsers = [Offer(stage, stage, "stage") for stage in STAGES]
            return [*parsers, *await _labels(reader, tenant, times)]
        case Wanted.OPERATOR:
            return operators(in_selector=_in_braces(text[: place.start]))
        case Wanted.VALUE:
            return await _values(reader, place, tenant, times)
        case _:
            return []


async def _labels(reader: Reader, tenant: str, times: TimeRange) -> list[Offer]:
    streams = set(await reader.labels(tenant=tenant, times=times))
    others = {*await reader.attribute_names(tenant=tenant), *COLUMN_LABELS} - streams
    return [
        *(Offer(name, name, "stream") for name in streams),
        *(Offer(name, name, "record") for name in others),
    ]


async def _values(reader: Reader, place: Place, tenant: str, times: TimeRange) -> list[Offer]:
    matchers = tuple(
        Matcher(label, MatchOp.EQUAL, value) for label, value in place.equal if label != place.label
    )
    values = await reader.label_values(
        place.label, tenant=tenant, times=times, query=LogQuery(matchers)
    )
    return [Offer(value, quoted(value), "value") for value in values]


def _in_braces(text: str) -> bool:
    return text.rfind("{") > text.rfind("}")
