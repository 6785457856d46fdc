"""The map of a mesh: its figures are those of a full scan, whatever the range of time."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.ingest import drain
from bench.mesh import Call, Traffic, request
from bench.mesh_check import differences
from meshseal.query.logql import parse
from meshseal.query.mesh import MOST_EDGES, Filter, Mesh
from meshseal.query.mesh_names import End, Pair, edge_query, ends_of, pairs_of
from meshseal.query.mesh_sql import REPORTERS, SUMS, Span, cover, span_of
from meshseal.query.tree import LogQuery
from meshseal.store.client import Rows, Store
from meshseal.store.mesh import DAY, HOUR, MINUTE, SIX_HOURS, TEN_MINUTES
from tests.server import ServerProcess

SECOND = 10**9

# ---- Ranges of time ------------------------------------------------------------------------

SPANS = {
    "within an hour": (
        Span(7 * 60, 52 * 60),
        [(MINUTE, 7, 10), (TEN_MINUTES, 10, 50), (MINUTE, 50, 52)],
    ),
    "within ten minutes": (Span(60, 240), [(MINUTE, 1, 4)]),
    "from hour to hour": (Span(HOUR, 3 * HOUR), [(HOUR, 60, 180)]),
    "over an hour's end": (Span(HOUR - 60, HOUR + 60), [(MINUTE, 59, 61)]),
    "a day and some": (
        Span(DAY - 7 * HOUR - 660, 2 * DAY + HOUR + 120),
        [
            (MINUTE, 1009, 1010),
            (TEN_MINUTES, 1010, 1020),
            (HOUR, 1020, 1080),
            (SIX_HOURS, 1080, 1440),
            (DAY, 1440, 2880),
            (HOUR, 2880, 2940),
            (MINUTE, 2940, 2942),
        ],
    ),
}


@pytest.mark.parametrize(("span", "expected"), SPANS.values(), ids=SPANS)
def test_a_range_is_read_in_the_largest_steps(
    span: Span, expected: list[tuple[int, int, int]]
) -> None:
    found = [(one.resolution, one.start // 60, one.end // 60) for one in cover(span)]
    assert found == expected


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_pieces_are_the_whole_range_and_nothing_else(first: int, length: int) -> None:
    span = span_of(first, first + length)
    assert span.start < span.end < 2**32
    pieces = cover(span)
    assert [one.end for one in pieces[:-1]] == [one.start for one in pieces[1:]]
    assert (pieces[0].start, pieces[-1].end) == (span.start, span.end)
    assert len(pieces) <= 9
    for piece in pieces:
        assert piece.start % piece.resolution == piece.end % piece.resolution == 0
        assert piece.start < piece.end
    if first + length < 2**31 * SECOND:
        assert span.start * SECOND <= first
        assert first + length <= span.end * SECOND


# ---- Names ---------------------------------------------------------------------------------

NAME = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["outside", "a/b", "x>y", "/", ">", 'q"\\', "web"]
)
END = st.builds(lambda namespace, name: End(namespace if name else "", name), NAME, NAME)


@given(END, END)
def test_an_id_can_be_read_again(source: End, destination: End) -> None:
    assert source in ends_of(source.id)
    assert Pair(source, destination) in pairs_of(Pair(source, destination).id)


def test_the_end_without_a_name_is_no_service_of_its_name() -> None:
    assert (End("", "").id, End("", "outside").id) == ("outside", "/outside")
    assert ends_of("outside") == [End("", "")]
    assert pairs_of("no edge") == pairs_of(">") == []
    assert ends_of("") == []


@given(st.sampled_from(REPORTERS), st.lists(END, min_size=1), st.lists(END, min_size=1))
def test_the_query_of_an_edge_is_one_that_we_read(
    reporter: str, sources: list[End], destinations: list[End]
) -> None:
    assert isinstance(parse(edge_query(reporter, sources, destinations)), LogQuery)


# ---- More than a map can show --------------------------------------------------------------


class Crowded:
    """A store in whose last hour there are many edges, and as many others in the hour before."""

    def __init__(self, now: int, before: int) -> None:
        self._answers = [self._rows("now", now), self._rows("before", before), []]

    async def query(self, _sql: str, _parameters: object) -> Rows:
        return Rows((), self._answers.pop(0))

    @staticmethod
    def _rows(name: str, count: int) -> list[list[Any]]:
        return [
            [0, ["", f"{name}-{n}", "", "cart"], "outbound", [["", "a"]], [["", "b"]], "", [""] * 4]
            + [count - n] * len(SUMS)
            + [[], {}, 1, 2]
            for n in range(count)
        ]


@pytest.mark.parametrize(
    ("now", "before", "shown", "truncated"),
    [
        pytest.param(MOST_EDGES, 0, (MOST_EDGES, 0), False, id="as many as can be"),
        pytest.param(MOST_EDGES + 1, 9, (MOST_EDGES, 0), True, id="one too many"),
        pytest.param(MOST_EDGES - 2, 9, (MOST_EDGES - 2, 2), True, id="and some that are gone"),
        pytest.param(2, 3, (2, 3), False, id="few"),
    ],
)
async def test_the_map_has_a_limit(
    now: int, before: int, shown: tuple[int, int], truncated: bool
) -> None:
    mesh = Mesh(cast("Store", Crowded(now, before)))
    found = await mesh.map(Span(HOUR, 2 * HOUR), tenant="a", wanted=Filter(), seconds=HOUR)
    states = Counter(edge["state"] for edge in found["edges"])
    assert (states["new"], states["vanished"]) == shown
    assert found.get("truncated", False) is truncated
    assert found["edges"][0]["requests"] == now
    assert len(found["services"]) == sum(shown) + 1


# ---- Figures -------------------------------------------------------------------------------

CALLS = 6000
TENANT = "acme"
HEADERS = {"X-Scope-OrgID": TENANT}


class World:
    """A mesh whose records are all stored."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.traffic = Traffic(30, 120, seed=9)
        # From within a day, over days, to now.
        self.last = time.time_ns()
        self.first = self.last - 75 * 3600 * SECOND
        span = self.last - self.first
        self.calls = list(self.traffic.calls(CALLS, first_unix_nano=self.first, span_nanos=span))
        made = iter(self.calls)
        while part := list(islice(made, 500)):
            answer = server.post(
                "/v1/logs",
                request(part),
                headers={"Content-Type": "application/x-protobuf", **HEADERS},
            )
            assert answer.status_code == 200, answer.text
        records = sum(call.records for call in self.calls)
        count = 'sum(count_over_time({service_name=~".+"}[100h]))'
        server.wait_for_count(records, count, tenant=TENANT)
        drain(server)

    def get(self, what: str, **parameters: Any) -> Any:
        answer = self.server.get(f"/meshseal/v1/mesh/{what}", parameters, headers=HEADERS)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ServerProcess(tmp_path_factory.mktemp("mesh") / "data") as server:
        yield World(server)


# Hours before the last call, as (start, end).
RANGES = {
    "everything": (76, 0),
    "the last hour": (1, 0),
    "within an hour": (30.41, 30.02),
    "hours, and parts of them": (20.3, 9.7),
    "days, and parts of them": (60.77, 2.19),
    "a day": (48, 24),
    "nothing": (2000, 1990),
}


@pytest.mark.e2e
@pytest.mark.parametrize(("start", "end"), RANGES.values(), ids=RANGES)
def test_the_map_is_a_full_scan(world: World, start: float, end: float) -> None:
    first, last = (world.last - int(hours * 3600 * SECOND) for hours in (start, end))
    answer = world.get("map", start=first, end=last)
    assert int(answer["start"]) <= first
    assert int(answer["end"]) >= last
    assert int(answer["end"]) - int(answer["start"]) <= last - first + 120 * SECOND
    assert differences(world.server, answer, tenant=TENANT) == []
    calls = [
        call for call in world.calls if int(answer["start"]) <= call.unix_nano < int(answer["end"])
    ]
    made = Counter(_id(call) for call in calls)
    found = {edge["id"]: edge["requests"] for edge in answer["edges"] if edge["requests"]}
    assert found == made
    _check_against_what_was_made(answer, calls)


def _check_against_what_was_made(answer: dict[str, Any], calls: list[Call]) -> None:
    durations: dict[str, list[int]] = defaultdict(list)
    for call in calls:
        durations[_id(call)].append(call.duration)
    seconds = (int(answer["end"]) - int(answer["start"])) / SECOND
    for edge in answer["edges"]:
        exact = sorted(durations[edge["id"]])
        if not exact:
            continue
        for figure, share in (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)):
            # Of few calls, the sketch may take the neighbor of the one in the middle.
            low, high = (exact[int(edge_of(share * (len(exact) - 1)))] for edge_of in _ROUNDS)
            assert low * 0.989 <= edge[figure] <= high * 1.011, (edge["id"], figure, exact)
        assert edge["error_share"] == pytest.approx(
            (edge["errors_5xx"] + edge["failed"]) / edge["requests"], abs=1e-6
        )
        assert edge["rate_per_second"] == pytest.approx(edge["requests"] / seconds, rel=0.05)


_ROUNDS = (math.floor, math.ceil)


def _id(call: Call) -> str:
    source, destination = call.edge.source, call.edge.destination
    return f"{source.namespace}/{source.name}>{destination.namespace}/{destination.name}"


@pytest.mark.e2e
def test_what_is_new_and_what_is_gone(world: World) -> None:
    first, last = world.last - 2 * 3600 * SECOND, world.last - 3600 * SECOND
    answer = world.get("map", start=first, end=last)
    start, end = int(answer["start"]), int(answer["end"])
    now, before = set(), set()
    for call in world.calls:
        if start <= call.unix_nano < end:
            now.add(_id(call))
        elif 2 * start - end <= call.unix_nano < start:
            before.add(_id(call))
    states = {edge["id"]: edge["state"] for edge in answer["edges"]}
    assert {id_ for id_, state in states.items() if state == "new"} == now - before
    assert {id_ for id_, state in states.items() if state == "steady"} == now & before
    assert {id_ for id_, state in states.items() if state == "vanished"} == before - now
    assert now - before
    assert before - now
    earlier = world.get("map", start=2 * start - end, end=start)
    known = {edge["id"]: edge for edge in earlier["edges"]}
    for edge in answer["edges"]:
        if edge["state"] == "vanished":
            assert edge["requests"] == 0
            assert edge["p50_ms"] is None
            assert edge["before"]["requests"] > 0
            for name, value in edge["before"].items():
                assert known[edge["id"]][name] == value, name
        else:
            assert "before" not in edge


@pytest.mark.e2e
def test_the_course_adds_up_to_the_map(world: World) -> None:
    for hours, step in ((2, MINUTE), (20, TEN_MINUTES), (72, HOUR)):
        end = world.last // (HOUR * SECOND) * HOUR * SECOND
        times = {"start": end - hours * HOUR * SECOND, "end": end}
        answer = world.get("map", **times)
        whole = world.get("timeline", **times)
        assert (whole["step_seconds"], len(whole["points"])) == (step, hours * HOUR // step)
        sums = [sum(point[name] for point in whole["points"]) for name in ("requests", "errors")]
        services = answer["services"]
        assert sums == [sum(one[name] for one in services) for name in ("requests", "errors")]
        assert sums[0] == sum(edge["requests"] for edge in answer["edges"])
        busiest, service = answer["edges"][0], services[0]
        for of, expected in (("edge", busiest), ("service", service)):
            points = world.get("timeline", **times, **{of: expected["id"]})["points"]
            assert sum(point["requests"] for point in points) == expected["requests"]
            assert sum(point["plaintext"] for point in points) == expected["plaintext"]
            assert [p["p50_ms"] is not None for p in points] == [p["requests"] > 0 for p in points]
            assert len({point["time"] for point in points}) == len(points)
    day = world.get("timeline", start=world.last - 60 * DAY * SECOND, end=world.last)
    assert day["step_seconds"] == DAY
    assert sum(point["requests"] for point in day["points"]) == CALLS


@pytest.mark.e2e
def test_an_edge_s_query_lists_its_records(world: World) -> None:
    answer = world.get("map", since="76h")
    for edge in answer["edges"][:10]:
        records = world.server.records(
            edge["query"], tenant=TENANT, start=answer["start"], end=answer["end"], limit=5000
        )
        own = [one for one in records if edge["source"] != edge["destination"]]
        assert len(own) == edge["requests"], edge["query"]


@pytest.mark.e2e
def test_parts_of_the_map(world: World) -> None:
    whole = world.get("map", since="76h")
    service = whole["services"][0]
    near = world.get("map", since="76h", service=service["id"])
    assert {edge["id"] for edge in near["edges"]} == {
        edge["id"] for edge in whole["edges"] if service["id"] in edge["id"].split(">")
    }
    assert service in near["services"]
    within = world.get("map", since="76h", namespace=service["namespace"])
    assert {edge["id"] for edge in within["edges"]} == {
        edge["id"] for edge in whole["edges"] if f"{service['namespace']}/" in edge["id"]
    }
    clusters = {
        cluster: world.get("map", since="76h", cluster=cluster) for cluster in ("eu-1", "us-1")
    }
    assert clusters["eu-1"]["edges"] != clusters["us-1"]["edges"]
    for cluster, part in clusters.items():
        homes = {one.host: one.cluster for one in world.traffic.services}
        for edge in part["edges"]:
            end = edge["source" if edge["reporter"] == "outbound" else "destination"]
            namespace, name = end.split("/")
            assert homes[f"{name}.{namespace}.svc.cluster.local"] == cluster
    assert world.get("map", since="76h", namespace="nowhere")["edges"] == []
