"""The page over HTTP, from the real server: as it is without a script, and for htmx."""

from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.console.guards import SECURITY_HEADERS
from meshseal.store.schema import LOGS
from tests.console.conftest import SHOP_LINES
from tests.server import ServerProcess
from tests.store_access import command

pytestmark = pytest.mark.e2e

ALL = '{service_name=~".+"}'
CART = '{service_name="cart"}'


class _Links(HTMLParser):
    """Collects what a page links to, and what would not be let through by its policy."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[dict[str, str]] = []
        self.inline: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if tag == "a":
            self.links.append(found)
        inline = [name for name in found if name == "style" or name.startswith("on")]
        self.inline += [f"{tag} {name}" for name in inline]
        if tag == "style" or (tag == "script" and "src" not in found):
            self.inline.append(tag)


def links(text: str) -> _Links:
    parser = _Links()
    parser.feed(text)
    return parser


def page(server: ServerProcess, query: str = ALL, **parameters: Any) -> str:
    headers = parameters.pop("headers", None)
    response = server.get("/", {"query": query, **parameters}, headers=headers)
    assert response.status_code == 200, response.text[:2000]
    return str(response.text)


def htmx(target: str) -> dict[str, str]:
    return {"HX-Request": "true", "HX-Target": target}


def places(text: str) -> list[str]:
    return re.findall(r'class="row [^>]*data-place="([^"]+)"', text)


# ---- The page --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/", 200, id="first page"),
        pytest.param(f"/?query={CART}", 200, id="a log query"),
        pytest.param(f"/?query=sum(rate({CART}[5m]))", 200, id="a metric query"),
        pytest.param("/?query={broken", 400, id="a broken query"),
        pytest.param("/?since=never", 400, id="a broken range"),
        pytest.param("/?limit=1000000", 400, id="too many rows"),
        pytest.param("/?record=1-2-3", 404, id="no such record"),
        pytest.param("/?tenant=../etc", 400, id="a broken tenant"),
        pytest.param("/console/complete?query={&at=1", 200, id="completion"),
        pytest.param("/console/static/x/console.css", 200, id="a file of another version"),
        pytest.param("/console/static/x/../pages.py", 404, id="no file"),
    ],
)
def test_every_answer_has_its_status_and_the_headers(
    console: ServerProcess, path: str, status: int
) -> None:
    response = console.get(path)
    assert response.status_code == status
    if "/../" not in path:
        for name, value in SECURITY_HEADERS.items():
            assert response.headers[name] == value
    if "static" not in path:
        assert response.headers["cache-control"] == "no-store"
    if "html" in response.headers["content-type"]:
        assert links(response.text).inline == []
        assert "Trial mode" in response.text


def test_the_policy_lets_nothing_inline_run() -> None:
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy


def test_rows_say_what_there_is(console: ServerProcess) -> None:
    text = page(console, CART)
    assert len(places(text)) == 200
    assert re.search(rf"<b>200</b> of <b>{SHOP_LINES}</b> records", text)
    assert '<b class="status worse">503</b>' in text
    assert "k8s" not in text.partition('<tbody id="rows"')[0]
    assert "<noscript>" in text
    assert text.count("<rect") > 3


def test_loading_older_leads_through_all_records_once(console: ServerProcess) -> None:
    text = page(console, CART, limit=100)
    found = places(text)
    for _ in range(10):
        more = next((a for a in links(text).links if a.get("hx-target") == "#more"), None)
        if more is None:
            break
        whole = console.get(more["href"]).text
        text = console.get(more["href"], headers=htmx("more")).text
        assert places(text) == places(whole)
        assert "<html" not in text
        found += places(text)
    assert len(found) == len(set(found)) == SHOP_LINES
    times = [int(place.split("-")[0]) for place in found]
    assert times == sorted(times, reverse=True)


def test_records_of_one_moment_are_paged_without_loss(console: ServerProcess) -> None:
    lines = b"\n".join(b"line %d" % number for number in range(250))
    console.ship(lines, tenant="moment", labels="service.name=one")
    console.wait_for_count(250, 'sum(count_over_time({service_name="one"}[1h]))', tenant="moment")
    text = page(console, limit=100, tenant="moment", direction="forward")
    found = places(text)
    while more := [a for a in links(text).links if a.get("hx-target") == "#more"]:
        text = console.get(more[0]["href"], headers=htmx("more")).text
        found += places(text)
    assert len(found) == len(set(found)) == 250


def test_oldest_first(console: ServerProcess) -> None:
    times = [int(place.split("-")[0]) for place in places(page(console, CART, direction="forward"))]
    assert times == sorted(times)


def test_htmx_gets_parts(console: ServerProcess) -> None:
    response = console.get(
        "/", {"query": CART, "start": "", "end": "", "since": "1h"}, headers=htmx("main")
    )
    assert "<html" not in response.text
    assert 'id="results"' in response.text
    assert response.headers["hx-push-url"] == "/?query=%7Bservice_name%3D%22cart%22%7D&since=1h"
    panel = console.get("/", {"query": CART}, headers=htmx("panel"))
    assert panel.text.strip() == ""
    restored = page(console, headers={**htmx("main"), "HX-History-Restore-Request": "true"})
    assert "<html" in restored


def test_a_metric_query_has_a_chart_and_a_table(console: ServerProcess) -> None:
    text = page(console, f"sum by (service_name) (count_over_time({ALL}[5m]))")
    assert 'aria-label="Series"' in text
    assert "cart" in text
    chart = re.search(r'data-chart="([^"]+)"', text)
    assert chart is not None
    data = json.loads(chart[1].replace("&#34;", '"'))
    assert data["kind"] == "lines"
    assert {"cart", "hostile"} <= {series["name"] for series in data["series"]}


def test_where_nothing_is_found_the_page_says_how_to_send(console: ServerProcess) -> None:
    text = page(console, '{service_name="nobody"}')
    assert "No records" in text
    assert f"{console.url}/ingest/v1/lines" in text
    assert "Queries to begin with" in text


def test_an_error_is_shown_at_its_place_and_what_was_typed_stays(console: ServerProcess) -> None:
    response = console.get("/", {"query": '{service_name="cart"} | = <b>'})
    assert response.status_code == 400
    assert "The query is not understood" in response.text
    assert 'placeholder="{service_name' in response.text
    assert "| = &lt;b&gt;</textarea>" in response.text
    assert "<b>" not in response.text.partition("</textarea>")[0].partition("<textarea")[2]


def test_a_line_is_text_and_never_markup(console: ServerProcess) -> None:
    text = page(console, '{service_name="hostile"}')
    [place] = places(text)
    for shown in (text, page(console, '{service_name="hostile"}', record=place)):
        assert "<script>alert" not in shown
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
        assert "{{ 7*7 }}" in shown
        assert "⟨U+202E⟩" in shown
        assert "\u202e" not in shown


def test_what_was_looked_for_is_marked(console: ServerProcess) -> None:
    assert "<mark>quoted</mark>" in page(console, f'{ALL} |= "quoted"')


# ---- The record ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened(console: ServerProcess) -> str:
    place = places(page(console, CART))[0]
    return page(console, f"{CART} | json", record=place, headers=htmx("panel"))


def test_a_record_has_all_its_fields(opened: str) -> None:
    for name in (
        "k8s_namespace_name",
        "service_name",
        "http_request_method",
        "url_path",
        "meshseal_batch",
        "upstream_host",
    ):
        assert f'<th scope="row">{name}</th>' in opened
    assert "Parsed from the line" in opened
    assert "laid out" in opened


def test_a_record_is_verified_now_and_its_proof_holds(
    console: ServerProcess, opened: str, tmp_path: Any
) -> None:
    assert re.search(
        r"Sealed in batch <b>\d+</b>, position <b>\d+</b> of \d+, "
        r"checkpoint size <b>\d+</b>: verified now\.",
        opened,
    )
    download = next(a["href"] for a in links(opened).links if a.get("id") == "download")
    file = tmp_path / "proof.json"
    file.write_bytes(console.get(download).content)
    key = console.get("/ledger/key").text.strip()
    assert f"--key '{key}'" in opened
    done = console.run("verify", str(file), "--key", key)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything holds" in done.stdout


@pytest.mark.parametrize(("name", "found"), [("Filter for", SHOP_LINES), ("Filter out", 1)])
def test_a_click_filters(console: ServerProcess, opened: str, name: str, found: int) -> None:
    wanted = f"{name} service_name"
    address = next(a["href"] for a in links(opened).links if a.get("aria-label") == wanted)
    response = console.get(address)
    assert response.status_code == 200
    if name == "Filter for":
        assert f"of <b>{found}</b> records" in response.text
    else:
        assert "No records" in response.text  # cart, and not cart


def test_a_click_on_a_severity_filters(console: ServerProcess) -> None:
    text = page(console, CART)
    address = next(
        a["href"]
        for a in links(text).links
        if "detected_level" in a["href"] and "error" in a["href"]
    )
    assert (
        f"<b>{SHOP_LINES // 10}</b> of <b>{SHOP_LINES // 10}</b> records"
        in console.get(address).text
    )


def test_a_record_that_was_changed_is_shown_as_such(console: ServerProcess) -> None:
    console.ship(b"what was sealed", tenant="tampered", labels="service.name=victim")
    count = 'sum(count_over_time({service_name="victim"}[1h]))'
    console.wait_for_count(1, count, tenant="tampered")
    [place] = places(page(console, tenant="tampered"))
    sound = page(console, tenant="tampered", record=place)
    assert "verified now" in sound
    command(
        console,
        f"ALTER TABLE {LOGS} UPDATE Body = 'what was changed' WHERE Tenant = 'tampered' "
        "SETTINGS mutations_sync = 1",
    )
    changed = page(console, tenant="tampered", record=place)
    assert "what was changed" in changed
    assert "Not what was sealed" in changed
    assert "the record is not the one that the manifest stands for" in changed
    assert "verified now" not in changed


# ---- Tenants and the audit trail -------------------------------------------------------------


def test_a_page_shows_one_tenant(console: ServerProcess) -> None:
    mine, theirs = page(console), page(console, tenant="other")
    assert "secret" not in mine
    assert "the other tenant&#39;s secret" in theirs
    assert "cart" not in theirs.partition('<tbody id="rows"')[2]
    [place] = places(theirs)
    stolen = console.get("/", {"record": place})
    assert stolen.status_code == 404
    assert "secret" not in stolen.text
    proof = {"batch": place.split("-")[1], "seq": "0"}
    assert console.get("/meshseal/v1/proof", proof).status_code == 404
    assert console.get("/meshseal/v1/proof", {**proof, "tenant": "other"}).status_code == 200
    completed = console.get("/console/complete", {"query": '{service_name="', "at": 15}).text
    assert "theirs" not in completed
    assert "cart" in completed


def test_every_read_is_written_down(console: ServerProcess) -> None:
    marked = '{service_name="cart"} |= "written down"'
    page(console, marked)
    console.get("/", {"query": f"{marked} |"})
    rows: list[dict[str, Any]] = []
    for _ in range(100):
        rows = [
            row
            for row in console.records('{service_name="meshseal"}', tenant="_platform")
            if "written down" in row["line"]
        ]
        if len(rows) >= 2:
            break
        time.sleep(0.1)
    assert {json.loads(row["line"])["event.name"] for row in rows} == {"logs.query"}
    assert {json.loads(row["line"])["meshseal.audit.query"] for row in rows} == {
        marked,
        f"{marked} |",
    }


# ---- Any input -------------------------------------------------------------------------------

TEXTS = st.text(max_size=60) | st.sampled_from(
    [ALL, f'{CART} |~ "("', f"rate({CART}[99999y])", "1e999", f"{CART} | a > 1e999", "\0"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.fixed_dictionaries(
        {"query": TEXTS},
        optional={
            "since": st.sampled_from(["1ns", "1h", "100y", "9999999h", "nan", "inf"]) | TEXTS,
            "start": st.sampled_from(["0", "1", "9223372036854775807"]) | TEXTS,
            "end": st.sampled_from(["0", "1", "9223372036854775807"]) | TEXTS,
            "limit": st.sampled_from(["1", "1000", "-1"]) | TEXTS,
            "record": st.sampled_from(["0-0-0", f"{2**63 - 1}-{2**63 - 1}-{2**63 - 1}"]) | TEXTS,
            "cursor": st.sampled_from(["0-0-0", f"{2**63 - 1}-{2**63 - 1}-{2**63 - 1}"]),
            "tenant": st.sampled_from(["other", "_platform", "none"]) | TEXTS,
            "direction": st.sampled_from(["forward", "backward", "up"]),
        },
    ),
    st.sampled_from(["", "main", "panel", "more", "elsewhere"]),
)
def test_no_input_is_an_error_of_ours(
    console: ServerProcess, parameters: dict[str, str], target: str
) -> None:
    response = console.get("/", parameters, headers=htmx(target) if target else {})
    assert response.status_code in (200, 400, 403, 404), response.text[-600:]
    assert links(response.text).inline == []
    completed = console.get("/console/complete", {**parameters, "at": "3"})
    assert completed.status_code in (200, 400, 403), completed.text


def test_without_an_engine_the_page_says_so_and_comes_back(console: ServerProcess) -> None:
    console.kill_engine()
    response = console.get("/", {"query": CART})
    for _ in range(200):
        if response.status_code == 503:
            break
        response = console.get("/", {"query": CART})
    assert response.headers["retry-after"] == "2"
    assert "This could not be searched" in response.text
    assert "&#34;cart&#34;" in response.text
    console.wait_ready()
    assert len(places(page(console, CART))) == 200
