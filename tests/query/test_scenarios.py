"""LogQL as it is meant: records, queries and their answers, in `scenarios/*.yaml`.

Times in the files are seconds from a base. `lines` are the expected lines, oldest first; `labels`
what each of these records must at least be labelled with, and `absent` which labels none may have;
`vector` the values of an instant query at `time`, and `matrix` those of a range query, by labels.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.server import ServerProcess

pytestmark = [pytest.mark.e2e]

FOLDER = Path(__file__).parent / "scenarios"
SCENARIOS: dict[str, dict[str, Any]] = {
    path.stem.replace("_", "-"): yaml.safe_load(path.read_text())
    for path in sorted(FOLDER.glob("*.yaml"))
}
BASE = (int(time.time()) - 3600) // 300 * 300
_SECOND = 10**9
_ALL = 'sum(count_over_time({app=~".+"}[2h]))'


def nanos(at: float | str) -> int:
    """Return a file's time: seconds as a number, or as text `<seconds>+<nanoseconds>`."""
    seconds, _, rest = str(at).partition("+")
    return BASE * _SECOND + round(float(seconds) * 1000) * 10**6 + int(rest or 0)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server with the records of every file, each for a tenant of its own."""
    with ServerProcess(tmp_path_factory.mktemp("scenarios") / "data") as server:
        for tenant, scenario in SCENARIOS.items():
            streams = [
                {
                    "stream": {"app": "web", **record.get("labels", {})},
                    "values": [[str(nanos(record["at"])), record["line"]]],
                }
                for record in scenario["records"]
            ]
            response = server.post(
                "/loki/api/v1/push",
                json.dumps({"streams": streams}).encode(),
                headers={"Content-Type": "application/json", "X-Scope-OrgID": tenant},
            )
            assert response.status_code == 204, response.text
        for tenant, scenario in SCENARIOS.items():
            server.wait_for_count(len(scenario["records"]), _ALL, tenant=tenant)
        yield server


def cases() -> Iterator[Any]:
    for tenant, scenario in SCENARIOS.items():
        for case in scenario["cases"]:
            name = case.get("name") or case["query"]
            yield pytest.param(tenant, case, id=f"{tenant}: {name}")


@pytest.mark.parametrize(("tenant", "case"), list(cases()))
def test_scenario(loaded: ServerProcess, tenant: str, case: dict[str, Any]) -> None:
    if "vector" in case:
        assert vector(loaded, tenant, case) == readable(case["vector"])
    elif "matrix" in case:
        assert matrix(loaded, tenant, case) == {
            key: {float(at): str(value) for at, value in points.items()}
            for key, points in case["matrix"].items()
        }
    else:
        check_records(loaded, tenant, case)


def check_records(server: ServerProcess, tenant: str, case: dict[str, Any]) -> None:
    answer = ask(
        server,
        tenant,
        "query_range",
        case,
        start=nanos(case.get("start", 0)),
        end=nanos(case.get("end", 600)),
        direction=case.get("direction", "forward"),
        limit=case.get("limit", 1000),
    )
    assert answer["resultType"] == "streams"
    entries = [
        (int(at), line, stream["stream"])
        for stream in answer["result"]
        for at, line in stream["values"]
    ]
    backward = case.get("direction") == "backward"
    ordered = sorted(entries, key=lambda entry: entry[0], reverse=backward)
    assert [line for _, line, _ in ordered] == case["lines"]
    for (_, line, labels), expected in zip(ordered, case.get("labels", []), strict=False):
        assert {name: labels.get(name) for name in expected} == expected, line
    for _, line, labels in ordered:
        assert not set(case.get("absent", [])) & set(labels), line


def vector(server: ServerProcess, tenant: str, case: dict[str, Any]) -> dict[str, str]:
    answer = ask(server, tenant, "query", case, time=nanos(case.get("time", 600)))
    assert answer["resultType"] == "vector"
    return {shown(one["metric"]): one["value"][1] for one in answer["result"]}


def matrix(server: ServerProcess, tenant: str, case: dict[str, Any]) -> dict[str, dict[float, str]]:
    answer = ask(
        server,
        tenant,
        "query_range",
        case,
        start=nanos(case["start"]),
        end=nanos(case["end"]),
        step=case["step"],
    )
    assert answer["resultType"] == "matrix"
    return {
        shown(one["metric"]): {at - BASE: value for at, value in one["values"]}
        for one in answer["result"]
    }


def ask(
    server: ServerProcess, tenant: str, path: str, case: dict[str, Any], **parameters: Any
) -> dict[str, Any]:
    response = server.get(
        f"/loki/api/v1/{path}",
        {"query": case["query"], **parameters},
        headers={"X-Scope-OrgID": tenant},
    )
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


def shown(labels: dict[str, str]) -> str:
    """Return labels as `a=1, b=2`."""
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))


def readable(values: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()}
