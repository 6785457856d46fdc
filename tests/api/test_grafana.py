"""What Grafana's Loki data source asks, and the exact shapes that it reads."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.server import ServerProcess

pytestmark = [pytest.mark.e2e]

NOW = int(time.time())
NANOS = (NOW - 60) * 10**9 + 7
LINE = 'level=warn msg="disk nearly full" n=3'
WINDOW = {"start": str((NOW - 600) * 10**9), "end": str((NOW + 60) * 10**9)}


@pytest.fixture(scope="module")
def loki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("grafana") / "data") as server:
        streams = [
            {"stream": {"app": "web", "env": "prod"}, "values": [[str(NANOS), LINE]]},
            {"stream": {"app": "api", "env": "dev"}, "values": [[str(NANOS + 1), "ok"]]},
        ]
        body = json.dumps({"streams": streams}).encode()
        headers = {"Content-Type": "application/json"}
        assert server.post("/loki/api/v1/push", body, headers=headers).status_code == 204
        server.wait_for_count(2, 'sum(count_over_time({app=~".+"}[1h]))')
        yield server


def get(loki: ServerProcess, path: str, **parameters: Any) -> Any:
    response = loki.get(f"/loki/api/v1/{path}", parameters)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    return response.json()


def test_the_health_check_of_the_data_source(loki: ServerProcess) -> None:
    body = get(loki, "query", query="vector(1)+vector(1)", time=str(NOW * 10**9))
    assert body["status"] == "success"
    assert body["data"]["resultType"] == "vector"
    assert body["data"]["result"] == [{"metric": {}, "value": [NOW, "2"]}]
    assert set(body["data"]) == {"resultType", "result", "stats"}


def test_streams_without_categories(loki: ServerProcess) -> None:
    data = get(loki, "query_range", query='{app="web"}', limit=10, **WINDOW)["data"]
    assert data["resultType"] == "streams"
    assert isinstance(data["stats"], dict)
    [stream] = data["result"]
    assert set(stream) == {"stream", "values"}
    assert stream["values"] == [[str(NANOS), LINE]]
    labels = stream["stream"]
    assert all(isinstance(value, str) for value in labels.values())
    assert {"app": "web", "env": "prod", "service_name": "web"}.items() <= labels.items()
    assert labels["detected_level"] == "warn"
    assert labels["meshseal_batch"].isdigit()
    assert labels["meshseal_seq"].isdigit()


def test_streams_with_categories(loki: ServerProcess) -> None:
    response = loki.get(
        "/loki/api/v1/query_range",
        {"query": '{app="web"} | logfmt', **WINDOW},
        headers={"X-Loki-Response-Encoding-Flags": "categorize-labels"},
    )
    data = response.json()["data"]
    assert data["encodingFlags"] == ["categorize-labels"]
    [stream] = data["result"]
    assert stream["stream"] == {"app": "web", "env": "prod", "service_name": "web"}
    [[at, line, categories]] = stream["values"]
    assert (at, line) == (str(NANOS), LINE)
    assert set(categories) == {"structuredMetadata", "parsed"}
    assert categories["structuredMetadata"]["detected_level"] == "warn"
    assert not set(categories["structuredMetadata"]) & set(categories["parsed"])
    everything = {**categories["structuredMetadata"], **categories["parsed"]}
    assert {"msg": "disk nearly full", "n": "3"}.items() <= everything.items()


def test_a_matrix(loki: ServerProcess) -> None:
    query = 'sum by (app) (count_over_time({app=~".+"}[5m]))'
    end = NOW // 60 * 60
    data = get(loki, "query_range", query=query, start=end - 60, end=end, step=60)["data"]
    assert data["resultType"] == "matrix"
    assert sorted(one["metric"]["app"] for one in data["result"]) == ["api", "web"]
    for one in data["result"]:
        assert set(one) == {"metric", "values"}
        for at, value in one["values"]:
            assert at in (end - 60, end)
            assert value == "1"


def test_a_vector_at_a_fraction_of_a_second(loki: ServerProcess) -> None:
    query = 'sum(rate({app="web"}[10m]))'
    [one] = get(loki, "query", query=query, time=f"{NOW}.25")["data"]["result"]
    assert one["value"] == [NOW + 0.25, repr(1 / 600)]


def test_labels_and_their_values(loki: ServerProcess) -> None:
    expected = ["app", "env", "service_name"]
    for path in ("labels", "label"):
        assert get(loki, path, **WINDOW) == {"status": "success", "data": expected}
    for name, values in (("app", ["api", "web"]), ("env", ["dev", "prod"]), ("nothing", [])):
        assert get(loki, f"label/{name}/values", **WINDOW)["data"] == values
    assert get(loki, "label/env/values", query='{app="web"}', **WINDOW)["data"] == ["prod"]


def test_series_by_get_and_by_a_posted_form(loki: ServerProcess) -> None:
    expected = [{"app": "web", "env": "prod", "service_name": "web"}]
    got = get(loki, "series", **{"match[]": '{app="web"}', **WINDOW})
    assert got == {"status": "success", "data": expected}
    posted = requests.post(
        f"{loki.url}/loki/api/v1/series",
        data={"match[]": ['{app="web"}', '{env="dev"}'], **WINDOW},
        timeout=30,
    ).json()
    assert sorted(one["app"] for one in posted["data"]) == ["api", "web"]


def test_a_query_as_a_posted_form(loki: ServerProcess) -> None:
    posted = requests.post(
        f"{loki.url}/loki/api/v1/query_range", data={"query": '{app="api"}', **WINDOW}, timeout=30
    ).json()
    assert posted["data"]["result"][0]["values"] == [[str(NANOS + 1), "ok"]]


def test_index_stats(loki: ServerProcess) -> None:
    assert get(loki, "index/stats", query='{app="web"}', **WINDOW) == {
        "streams": 1,
        "chunks": 1,
        "entries": 1,
        "bytes": len(LINE),
    }
    assert get(loki, "index/stats", query='{app="nobody"}', **WINDOW)["entries"] == 0


def test_build_info_and_ready(loki: ServerProcess) -> None:
    info = get(loki, "status/buildinfo")
    assert set(info) == {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}
    assert info["version"].startswith("3.")
    ready = loki.get("/ready")
    assert (ready.status_code, ready.text) == (200, "ready\n")


@pytest.mark.parametrize("kind", ["seconds", "nanoseconds", "decimal", "rfc3339"])
def test_times_as_clients_write_them(loki: ServerProcess, kind: str) -> None:
    def written(seconds: int) -> str:
        return {
            "seconds": str(seconds),
            "nanoseconds": str(seconds * 10**9),
            "decimal": f"{seconds}.000",
            "rfc3339": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)),
        }[kind]

    data = get(
        loki, "query_range", query='{app="web"}', start=written(NOW - 61), end=written(NOW - 59)
    )["data"]
    assert len(data["result"]) == 1
    data = get(loki, "query_range", query='{app="web"}', start=written(NOW - 59), end=written(NOW))[
        "data"
    ]
    assert data["result"] == []


@pytest.mark.parametrize(
    ("path", "parameters", "says"),
    [
        pytest.param(
            "query_range", {"query": '{app="web"'}, "parse error at line 1, col 11", id="parse"
        ),
        pytest.param("query_range", {}, "parse error at line 1, col 1", id="no_query"),
        pytest.param(
            "query",
            {"query": '{app="web"}'},
            "not supported as an instant query",
            id="logs_at_once",
        ),
        pytest.param(
            "query_range", {"query": '{app="web"}', "limit": "x"}, "limit", id="limit_text"
        ),
        pytest.param("query_range", {"query": '{app="web"}', "limit": "0"}, "limit", id="limit_0"),
        pytest.param(
            "query_range", {"query": '{app="web"}', "limit": "999999"}, "5000", id="limit_large"
        ),
        pytest.param(
            "query_range", {"query": '{app="web"}', "start": "soon"}, "start='soon'", id="start"
        ),
        pytest.param(
            "query_range",
            {"query": '{app="web"}', "start": "20", "end": "10"},
            "end is before",
            id="end_first",
        ),
        pytest.param(
            "query_range", {"query": '{app="web"}', "direction": "up"}, "direction", id="direction"
        ),
        pytest.param("query_range", {"query": "vector(1)", "step": "0"}, "step", id="step_0"),
        pytest.param(
            "query_range",
            {"query": "vector(1)", "start": "1", "step": "1ms"},
            "points",
            id="points",
        ),
        pytest.param("query_range", {"query": '{app=~"["}'}, "regular expression", id="regex"),
        pytest.param(
            "query_range", {"query": '{app="web"} |~ "(?<"'}, "regular expression", id="line_regex"
        ),
        pytest.param(
            "query", {"query": "vector(1)", "time": "99999999999999999999"}, "time", id="time"
        ),
        pytest.param("series", {}, "match[]", id="series_of_nothing"),
        pytest.param(
            "series", {"match[]": "vector(1)"}, "only a selector", id="series_of_a_number"
        ),
        pytest.param("label/app/values", {"query": "{"}, "parse error", id="label_values"),
        pytest.param("index/stats", {"query": "}"}, "parse error", id="stats"),
        pytest.param(
            "query_range",
            {"query": '{app="web"} |= "' + "x" * 140_000 + '"'},
            "longer than",
            id="long",
        ),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(
    loki: ServerProcess, path: str, parameters: dict[str, str], says: str
) -> None:
    response = requests.post(f"{loki.url}/loki/api/v1/{path}", data=parameters, timeout=60)
    assert response.status_code == 400, response.text
    assert response.headers["Content-Type"].startswith("text/plain")
    assert says in response.text


def test_what_is_not_there(loki: ServerProcess) -> None:
    assert loki.get("/loki/api/v1/nothing").status_code == 404
    assert loki.post("/loki/api/v1/status/buildinfo", b"").status_code == 405
