"""Lines in a wrapper: what is inside is the record's body, and the line can be had back."""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from meshseal.model.envelope import Payload
from tests.shape.decoder import Decoder, Row, envelope, nanos
from tests.shape.varied import samples

pytestmark = pytest.mark.engine

ORIGINAL = "log.record.original"
NGINX = '192.0.2.7 - - [21/Sep/2026:14:13:19 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl/8.5.0"'
LOGFMT = "level=warn msg=slow took=3s"


@dataclass(frozen=True, slots=True)
class Case:
    """A wrapped line, and what of its record tells of the wrapper."""

    line: str
    body: str
    format: str
    attributes: dict[str, str]
    resource: dict[str, str]
    time: str = ""
    observed: str = ""


def _cri(stream: str = "stdout", **more: str) -> dict[str, str]:
    return {"log.wrapper": "cri", "log.iostream": stream, **more}


def _docker(stream: str = "stdout", **more: str) -> dict[str, str]:
    return {"log.wrapper": "docker", "log.iostream": stream, **more}


_HAPROXY = {"host.name": "lb1", "service.name": "haproxy", "process.pid": "143"}
_READ = "2026-09-21T14:13:18.669794202"
_ELSEWHERE = '{"log":"a\\tb\\n","stream":"stdout","time":"2026-09-21T14:13:18.5Z"}'
_LABELS = (
    '{"log":"up\\n","stream":"stdout","attrs":{"env":"prod","tag":"web/1"},'
    '"time":"2026-09-21T14:13:18.5Z"}'
)

CASES = {
    "CRI": Case(f"{_READ}Z stdout F ready", "ready", "unparsed", _cri(), {}, _READ, _READ),
    "CRI, the rest is to come": Case(
        f"{_READ}Z stderr P half a li",
        "half a li",
        "unparsed",
        _cri("stderr", **{"log.partial": "true"}),
        {},
        _READ,
        _READ,
    ),
    "CRI around an access log, whose time is the record's": Case(
        f"{_READ}Z stdout F {NGINX}",
        NGINX,
        "nginx_combined",
        _cri(),
        {},
        "2026-09-21T14:13:19",
        _READ,
    ),
    "CRI in another zone": Case(
        "2026-09-21T16:13:18.5+02:00 stdout F a=1",
        "a=1",
        "logfmt",
        _cri(**{"log.timestamp": "2026-09-21T16:13:18.5+02:00", "a": "1"}),
        {},
        "2026-09-21T14:13:18.5",
        "2026-09-21T14:13:18.5",
    ),
    "CRI with more digits than it takes": Case(
        "2026-09-21T14:13:18.500Z stdout F ",
        "",
        "unparsed",
        _cri(**{"log.timestamp": "2026-09-21T14:13:18.500Z"}),
        {},
        "2026-09-21T14:13:18.5",
        "2026-09-21T14:13:18.5",
    ),
    "CRI at no time": Case(
        "2026-99-21T14:13:18Z stdout F x",
        "x",
        "unparsed",
        _cri(**{"log.timestamp": "2026-99-21T14:13:18Z"}),
        {},
    ),
    "CRI in CRI is taken off once": Case(
        f"{_READ}Z stdout F {_READ}Z stdout F x",
        f"{_READ}Z stdout F x",
        "unparsed",
        _cri(),
        {},
        _READ,
        _READ,
    ),
    "Docker": Case(
        r'{"log":"she said \"\u003cno\u003e\"\n","stream":"stderr",'
        '"time":"2026-09-21T14:13:18.5Z"}',
        'she said "<no>"',
        "unparsed",
        _docker("stderr"),
        {},
        "2026-09-21T14:13:18.5",
        "2026-09-21T14:13:18.5",
    ),
    "Docker, the rest is to come": Case(
        '{"log":"half","stream":"stdout","time":"2026-09-21T14:13:18.5Z"}',
        "half",
        "unparsed",
        _docker(**{"log.partial": "true"}),
        {},
        "2026-09-21T14:13:18.5",
        "2026-09-21T14:13:18.5",
    ),
    "Docker, written by another hand": Case(
        _ELSEWHERE,
        "a\tb",
        "unparsed",
        _docker(**{ORIGINAL: _ELSEWHERE}),
        {},
        "2026-09-21T14:13:18.5",
        "2026-09-21T14:13:18.5",
    ),
    "Docker with labels": Case(
        _LABELS,
        "up",
        "unparsed",
        _docker(**{ORIGINAL: _LABELS, "attrs.env": "prod", "attrs.tag": "web/1"}),
        {},
        "2026-09-21T14:13:18.5",
        "2026-09-21T14:13:18.5",
    ),
    "syslog as rsyslog writes it to a file": Case(
        f"Sep 21 14:13:18 lb1 haproxy[143]: {LOGFMT}",
        LOGFMT,
        "logfmt",
        {
            "syslog.header": "Sep 21 14:13:18 lb1 haproxy[143]: ",
            "level": "warn",
            "msg": "slow",
            "took": "3s",
        },
        _HAPROXY,
        "2026-09-21T14:13:18",
        "2026-09-21T14:13:18",
    ),
    "syslog with its priority": Case(
        "<134>Sep 21 14:13:18 lb1 haproxy[143]: up",
        "up",
        "unparsed",
        {"syslog.header": "<134>Sep 21 14:13:18 lb1 haproxy[143]: ", "syslog.facility": "local0"},
        _HAPROXY,
        "2026-09-21T14:13:18",
        "2026-09-21T14:13:18",
    ),
    "syslog of RFC 5424": Case(
        '<165>1 2026-09-21T14:13:18.5Z lb1 haproxy 143 ID7 [a@1 b="c"] up',
        "up",
        "unparsed",
        {
            "syslog.header": '<165>1 2026-09-21T14:13:18.5Z lb1 haproxy 143 ID7 [a@1 b="c"] ',
            "syslog.facility": "local4",
            "syslog.version": "1",
            "syslog.msgid": "ID7",
            "a@1.b": "c",
        },
        _HAPROXY,
        "2026-09-21T14:13:18.5",
        "2026-09-21T14:13:18.5",
    ),
    "syslog in a file with times of ISO 8601": Case(
        "2026-09-21T14:13:18.5+00:00 lb1 haproxy[143]: up",
        "up",
        "unparsed",
        {"syslog.header": "2026-09-21T14:13:18.5+00:00 lb1 haproxy[143]: "},
        _HAPROXY,
        "2026-09-21T14:13:18.5",
        "2026-09-21T14:13:18.5",
    ),
    "syslog in Docker's log": Case(
        r'{"log":"\u003c134\u003eSep 21 14:13:18 lb1 haproxy[143]: a=1\n","stream":"stdout",'
        '"time":"2026-09-21T14:13:18.5Z"}',
        "a=1",
        "logfmt",
        _docker(
            **{
                "syslog.header": "<134>Sep 21 14:13:18 lb1 haproxy[143]: ",
                "syslog.facility": "local0",
                "a": "1",
            }
        ),
        _HAPROXY,
        "2026-09-21T14:13:18.5",
        "2026-09-21T14:13:18.5",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_wrapper_is_taken_off(decoder: Decoder, case: Case) -> None:
    (row,) = rows(decoder, [case.line])
    given = row["OtherAttributes"]
    told = {key: value for key, value in given.items() if key in case.attributes}
    assert (row.get("Body", ""), row["Format"], told) == (case.body, case.format, case.attributes)
    assert row.get("ResourceAttributes", {}) == case.resource
    if case.time:
        assert row["Timestamp"] == nanos(case.time)
        assert row["ObservedTimestamp"] == nanos(case.observed)
    else:
        assert row["Timestamp"] == row["ObservedTimestamp"]
    assert restored(row) == case.line


KEPT = {
    "no time": "yesterday stdout F x",
    "a word more": f"{_READ}Z stdout F",
    "another tag": f"{_READ}Z stdout X x",
    "a JSON line with other members": '{"log":"a\\n","stream":"stdout","time":"t","level":"info"}',
    "a log that is no text": '{"log":[1],"stream":"stdout","time":"2026-09-21T14:13:18.5Z"}',
    "a line of an application": "2026-09-21T14:13:18Z info worker[12]: done",
    "a date and a word": "Sep 21 14:13:18 something happened",
}


@pytest.mark.parametrize("line", KEPT.values(), ids=KEPT)
def test_what_is_no_wrapper_is_kept(decoder: Decoder, line: str) -> None:
    (row,) = rows(decoder, [line])
    assert row["Body"] == line


def test_wrapped_lines_of_every_format_are_read_and_can_be_had_back(decoder: Decoder) -> None:
    inside = [
        (name, line)
        for name, of_format in samples().items()
        for line in of_format
        if "\n" not in line
    ]
    plain = rows(decoder, [line for _, line in inside])
    wrapped = [(line, wrap) for _, line in inside for wrap in wraps(line)]
    found = iter(rows(decoder, [line for _, line in wrapped]))
    for (name, line), bare in zip(inside, plain, strict=True):
        for wrap in wraps(line):
            row = next(found)
            assert (row["Format"], row["Body"]) == (name, line) == (bare["Format"], bare["Body"])
            assert row.get("UrlPath") == bare.get("UrlPath")
            assert restored(row) == wrap


def test_any_text_can_be_had_back(decoder: Decoder) -> None:
    dice = random.Random(7)
    lines = [wrap for _ in range(500) for wrap in wraps(text(dice))]
    for line, row in zip(lines, rows(decoder, lines), strict=True):
        assert restored(row) == line


def test_what_the_sender_says_goes_before_what_a_wrapper_says(decoder: Decoder) -> None:
    line = f"{_READ}Z stdout F x"
    entry = ["1790000000000000001", line, {"log.iostream": "stderr", "log.wrapper": "cri"}]
    content = {"streams": [{"stream": {"host": "a"}, "values": [entry]}]}
    (decoded,) = decoder.decode(envelope(Payload.LOKI_PUSH_JSON, json.dumps(content).encode(), 1))
    row = decoded.row()
    assert (row["Timestamp"], row["ObservedTimestamp"]) == (entry[0], nanos(_READ))
    assert row["OtherAttributes"] == {
        "log.iostream": "stderr",
        "log.wrapper": "cri",
        ORIGINAL: line,
    }


def test_a_format_that_keeps_lines_keeps_wrapped_ones(decoder: Decoder) -> None:
    line = f"{_READ}Z stdout F x"
    row = decoder.line(line, "unparsed")
    assert (row["Body"], row["Format"]) == (line, "unparsed")


# ---- Wrapping, and having a line back -----------------------------------------------------------


def rows(decoder: Decoder, lines: list[str]) -> list[Row]:
    """Return the rows of lines of text, with the times at which they were observed."""
    content = "\n".join(lines).encode()
    found = decoder.decode(envelope(Payload.LINES, content, len(lines)))
    return [decoded.row() for decoded in found]


def text(dice: random.Random) -> str:
    """Return a line of anything that is text."""
    pieces = (
        "a",
        " ",
        '"',
        "\\",
        "<",
        "&",
        "\t",
        "\x1b",
        "\x00",
        "é",
        "☃",
        "\u2028",
        "{",
        "F ",
        ": ",
    )
    return "".join(dice.choices(pieces, k=dice.randrange(1, 30))) + "."


def wraps(line: str) -> Iterator[str]:
    """Yield a line as each wrapper holds it."""
    dice = random.Random(line)
    moment = datetime.datetime(2026, 9, 21, 14, dice.randrange(13), tzinfo=datetime.UTC)
    fraction = dice.choice(["", ".5", ".669794202", ".66979420", ".000000001"])
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}{dice.choice(['Z', 'Z', '+00:00'])}"
    stream = dice.choice(["stdout", "stderr"])
    yield f"{stamp} {stream} {dice.choice('FP')} {line}"
    ending = dice.choice(["\n", "\n", ""])
    usual = dice.random() < 0.7
    written = _as_docker(line + ending) if usual else json.dumps(line + ending)
    yield f'{{"log":{written},"stream":"{stream}","time":"{stamp}"}}'
    header = f"{moment:%b %d %H:%M:%S} host app[{dice.randrange(1, 99999)}]: "
    yield f"<{dice.randrange(192)}>{header}{line}"
    yield f"{header}{line}"


def _as_docker(line: str) -> str:
    """Return text as Docker's json-file driver writes it."""
    short = {"\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    return '"{}"'.format(
        "".join(
            short.get(one)
            or (f"\\u{ord(one):04x}" if one < " " or one in "<>&\u2028\u2029" else one)
            for one in line
        )
    )


def restored(row: Row) -> str:
    """Return the line that a record came in, as docs/reference/wrappers.md says."""
    body, given = row.get("Body", ""), row.get("OtherAttributes", {})
    line = f"{given.get('syslog.header', '')}{body}"
    wrapper = given.get("log.wrapper")
    if ORIGINAL in given:
        return str(given[ORIGINAL])
    if not wrapper:
        return line
    stamp = given.get("log.timestamp") or _rfc3339(int(row["ObservedTimestamp"]))
    stream, partial = given["log.iostream"], "log.partial" in given
    if wrapper == "cri":
        return f"{stamp} {stream} {'P' if partial else 'F'} {line}"
    written = _as_docker(line if partial else f"{line}\n")
    return f'{{"log":{written},"stream":"{stream}","time":"{stamp}"}}'


def _rfc3339(unix_nano: int) -> str:
    seconds, rest = divmod(unix_nano, 10**9)
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
    fraction = f".{rest:09}".rstrip("0") if rest else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
