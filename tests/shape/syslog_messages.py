"""Messages of syslog, and the record that each must give."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.shape.decoder import RECEIVED_UNIX_NANO, Row, nanos


@dataclass(frozen=True, slots=True)
class Message:
    """One message, and the record it must give.

    `at` is the record's time in UTC; without it, the time of receipt. `severity` and `facility` are
    those of its priority.
    """

    id: str
    text: str | bytes
    body: str
    at: str = ""
    severity: tuple[str, str] = ("info", "9")
    facility: str = "user"
    resource: dict[str, str] = field(default_factory=dict)
    other: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    format: str = "unparsed"

    def expected(self) -> Row:
        row: Row = {
            "Timestamp": nanos(self.at) if self.at else str(RECEIVED_UNIX_NANO),
            "ServiceName": self.resource.get("service.name", "unknown_service"),
            "Format": self.format,
            **({"Body": self.body} if self.body else {}),
            **self.columns,
        }
        if self.severity[0]:
            row |= {"SeverityText": self.severity[0], "SeverityNumber": self.severity[1]}
        if self.resource:
            row["ResourceAttributes"] = self.resource
        other = {**({"syslog.facility": self.facility} if self.facility else {}), **self.other}
        return row | ({"OtherAttributes": other} if other else {})


V1 = {"syslog.version": "1"}
NOTHING: dict[str, Any] = {"severity": ("", ""), "facility": ""}
MESSAGES = [
    # ---- RFC 5424 ------------------------------------------------------------------------------
    Message(
        "RFC 5424, section 6.5, example 1",
        b"<34>1 2026-09-11T22:14:15.003Z mymachine.example.com su - ID47 - "
        b"\xef\xbb\xbf'su root' failed for lonvick on /dev/pts/8",
        "'su root' failed for lonvick on /dev/pts/8",
        "2026-09-11T22:14:15.003",
        ("crit", "18"),
        "auth",
        {"host.name": "mymachine.example.com", "service.name": "su"},
        {**V1, "syslog.msgid": "ID47"},
    ),
    Message(
        "RFC 5424, section 6.5, example 2: an offset",
        "<165>1 2026-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make "
        "the do-nuts.",
        "%% It's time to make the do-nuts.",
        "2026-08-24T12:14:15.000003",
        ("notice", "10"),
        "local4",
        {"host.name": "192.0.2.1", "service.name": "myproc", "process.pid": "8710"},
        V1,
    ),
    Message(
        "RFC 5424, section 6.5, example 3: structured data",
        b'<165>1 2026-09-11T22:14:15.003Z h evntslog - ID47 [exampleSDID@32473 iut="3" '
        b'eventSource="Application" eventID="1011"] \xef\xbb\xbfAn application event log entry...',
        "An application event log entry...",
        "2026-09-11T22:14:15.003",
        ("notice", "10"),
        "local4",
        {"host.name": "h", "service.name": "evntslog"},
        {
            **V1,
            "syslog.msgid": "ID47",
            "exampleSDID@32473.iut": "3",
            "exampleSDID@32473.eventSource": "Application",
            "exampleSDID@32473.eventID": "1011",
        },
    ),
    Message(
        "RFC 5424, section 6.5, example 4: structured data only",
        '<165>1 2026-09-11T22:14:15.003Z h e - ID47 [a@1 iut="3"][b@2 class="high"]',
        "",
        "2026-09-11T22:14:15.003",
        ("notice", "10"),
        "local4",
        {"host.name": "h", "service.name": "e"},
        {**V1, "syslog.msgid": "ID47", "a@1.iut": "3", "b@2.class": "high"},
    ),
    Message(
        "escapes in structured data",
        r'<14>1 - - - - - [x@1 q="a\"b" b="a\\b" s="a\]b" n="a\nb" e=""] text',
        "text",
        other={
            **V1,
            "x@1.q": 'a"b',
            "x@1.b": r"a\b",
            "x@1.s": "a]b",
            "x@1.n": r"a\nb",
            "x@1.e": "",
        },
    ),
    Message(
        "a bracket that is not escaped, and an element without parameters",
        '<14>1 - - - - - [x@1 q="a]b [c"][y] [not data]',
        "[not data]",
        other={**V1, "x@1.q": "a]b [c", "y": ""},
    ),
    Message(
        "structured data that does not end stays in the text",
        '<14>1 - - - - - [x@1 q="a',
        '[x@1 q="a',
        other=V1,
    ),
    Message("all nil", "<14>1 - - - - - -", "", other=V1),
    Message("all nil, and a text of spaces", "<14>1 - - - - - -   a ", "  a ", other=V1),
    Message(
        "a process that is no number",
        "<14>1 - - app worker-3 - - text",
        "text",
        resource={"service.name": "app"},
        other={**V1, "syslog.procid": "worker-3"},
    ),
    Message(
        "a time that is none is kept",
        "<14>1 2026-13-45T99:00:00Z - - - - - text",
        "text",
        other={**V1, "syslog.timestamp": "2026-13-45T99:00:00Z"},
    ),
    Message(
        "a text of several lines",
        "<14>1 - - - - - - one\ntwo\r\n\tthree",
        "one\ntwo\r\n\tthree",
        other=V1,
    ),
    Message("a header that is none stays in the text", "<14>1 2026 - - hello", "1 2026 - - hello"),
    Message(
        "a text that is not UTF-8",
        b"<14>1 - h - - - - caf\xe9",
        "caf\udce9",
        resource={"host.name": "h"},
        other=V1,
    ),
    # ---- RFC 3164 ------------------------------------------------------------------------------
    Message(
        "RFC 3164, section 5.4, example 1",
        "<34>Sep 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
        "'su root' failed for lonvick on /dev/pts/8",
        "2026-09-11T22:14:15",
        ("crit", "18"),
        "auth",
        {"host.name": "mymachine", "service.name": "su"},
    ),
    Message(
        "a process and a day of one digit",
        "<30>Sep  1 01:02:03 web-1 systemd[1]: Started nginx.service: ok",
        "Started nginx.service: ok",
        "2026-09-01T01:02:03",
        facility="daemon",
        resource={"host.name": "web-1", "service.name": "systemd", "process.pid": "1"},
    ),
    Message(
        "a time in December is of the year before",
        "<14>Dec 31 23:59:59 h a: text",
        "text",
        "2025-12-31T23:59:59",
        resource={"host.name": "h", "service.name": "a"},
    ),
    Message(
        "a tag with a path, and with brackets",
        "<22>Sep 11 22:14:15 mx postfix/smtpd(x)[12]: connect from a[1.2.3.4]: b",
        "connect from a[1.2.3.4]: b",
        "2026-09-11T22:14:15",
        facility="mail",
        resource={"host.name": "mx", "service.name": "postfix/smtpd(x)", "process.pid": "12"},
    ),
    Message(
        "rsyslog writes no colon where it had none",
        "<14>Sep  6 12:14:14 host-0 app0[100] order 0 costs 7",
        "order 0 costs 7",
        "2026-09-06T12:14:14",
        resource={"host.name": "host-0", "service.name": "app0", "process.pid": "100"},
    ),
    Message(
        "a process that is no number, and spaces before the text",
        "<14>Sep  6 12:14:14 h app[main/1]:   x",
        "  x",
        "2026-09-06T12:14:14",
        resource={"host.name": "h", "service.name": "app"},
        other={"syslog.procid": "main/1"},
    ),
    Message(
        "HAProxy leaves its host out",
        "<134>Sep  6 12:14:14 haproxy[14389]: Proxy http-in started.",
        "Proxy http-in started.",
        "2026-09-06T12:14:14",
        facility="local0",
        resource={"service.name": "haproxy", "process.pid": "14389"},
    ),
    Message(
        "NGINX writes no process",
        '<190>Sep  6 12:14:14 web nginx: 127.0.0.1 - - "GET / HTTP/1.1"',
        '127.0.0.1 - - "GET / HTTP/1.1"',
        "2026-09-06T12:14:14",
        facility="local7",
        resource={"host.name": "web", "service.name": "nginx"},
    ),
    Message(
        "rsyslog's ForwardFormat",
        "<13>2026-09-06T12:14:14.123456+02:00 web root: hello",
        "hello",
        "2026-09-06T10:14:14.123456",
        ("notice", "10"),
        resource={"host.name": "web", "service.name": "root"},
    ),
    Message(
        "a host that is an IPv6 address",
        "<14>Sep  6 12:14:14 fe80::1 a: b",
        "b",
        "2026-09-06T12:14:14",
        resource={"host.name": "fe80::1", "service.name": "a"},
    ),
    Message(
        "no tag",
        "<14>Sep  6 12:14:14 host something happened",
        "something happened",
        "2026-09-06T12:14:14",
        resource={"host.name": "host"},
    ),
    Message("no host and no tag and no text", "<14>Sep  6 12:14:14 ", "", "2026-09-06T12:14:14"),
    Message(
        "a fraction of a second",
        "<14>Sep  6 12:14:14.25 h a: b",
        "b",
        "2026-09-06T12:14:14.25",
        resource={"host.name": "h", "service.name": "a"},
    ),
    Message(
        "a day that is none",
        "<14>Feb 31 12:14:14 h a: b",
        "b",
        resource={"host.name": "h", "service.name": "a"},
        other={"syslog.timestamp": "Feb 31 12:14:14"},
    ),
    # ---- Appliances and programs ---------------------------------------------------------------
    Message(
        "Cisco IOS: a number, no host, a zone",
        "<189>29: *Sep  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: Configured from console",
        "%SYS-5-CONFIG_I: Configured from console",
        "2026-09-01T18:46:11.123",
        ("notice", "10"),
        "local7",
        other={"meta.sequenceId": "29"},
    ),
    Message(
        "Cisco IOS: a zone that is not known",
        "<189>Sep  1 18:46:11 CET: %SYS-5-CONFIG_I: text",
        "%SYS-5-CONFIG_I: text",
        "",
        ("notice", "10"),
        "local7",
        other={"syslog.timestamp": "Sep  1 18:46:11 CET"},
    ),
    Message(
        "Cisco ASA: a year",
        "<166>Sep 01 2025 18:46:11: %ASA-6-302013: Built outbound",
        "%ASA-6-302013: Built outbound",
        "2025-09-01T18:46:11",
        facility="local4",
    ),
    Message(
        "Cisco ASA: a year and a host",
        "<166>Sep 01 2025 18:46:11 fw1 : %ASA-6-302013: Built outbound",
        "%ASA-6-302013: Built outbound",
        "2025-09-01T18:46:11",
        facility="local4",
        resource={"host.name": "fw1"},
    ),
    Message(
        "a tag and no time",
        "<14>myapp[7]: hello",
        "hello",
        resource={"service.name": "myapp", "process.pid": "7"},
    ),
    Message("a text and no time", "<14>hello world: you", "hello world: you"),
    Message("an address is no tag", "<14>http://example.com", "http://example.com"),
    Message(
        "a mnemonic is no tag",
        "<189>%LINK-3-UPDOWN: up",
        "%LINK-3-UPDOWN: up",
        severity=("notice", "10"),
        facility="local7",
    ),
    Message("a priority and nothing else", "<191>", "", severity=("debug", "5"), facility="local7"),
    Message("the lowest priority", "<0>panic", "panic", severity=("emerg", "21"), facility="kern"),
    # ---- No syslog at all ----------------------------------------------------------------------
    Message("plain words", "plain words", "plain words", **NOTHING),
    Message("a priority out of range", "<192>text", "<192>text", **NOTHING),
    Message("a priority with a zero before it", "<014>text", "<014>text", **NOTHING),
    Message("no priority", "Sep  6 12:14:14 h a: b", "Sep  6 12:14:14 h a: b", **NOTHING),
    Message("bytes", b"\x00\xff\xfe<", "\x00\udcff\udcfe<", **NOTHING),
    # ---- What is in the text -------------------------------------------------------------------
    Message(
        "JSON in the text",
        '<14>1 2026-09-11T22:14:15Z h app - - [a@1 n="1"] {"level":"error","order":{"id":7}}',
        '{"level":"error","order":{"id":7}}',
        "2026-09-11T22:14:15",
        resource={"host.name": "h", "service.name": "app"},
        other={**V1, "a@1.n": "1", "level": "error", "order.id": "7"},
        format="json",
    ),
    Message(
        "an access log of Istio in the text",
        '<14>Sep 11 22:14:15 h envoy: [2026-09-11T22:14:15.409Z] "GET /status/418 HTTP/1.1" 418 - '
        'via_upstream - "-" 0 135 4 4 "-" "curl/7.73.0-DEV" "84961386" "httpbin:8000" '
        '"10.44.1.27:80" outbound|8000||httpbin.foo.svc.cluster.local 10.44.1.23:37652 '
        "10.0.45.184:8000 10.44.1.23:46520 - default",
        '[2026-09-11T22:14:15.409Z] "GET /status/418 HTTP/1.1" 418 - '
        'via_upstream - "-" 0 135 4 4 "-" "curl/7.73.0-DEV" "84961386" "httpbin:8000" '
        '"10.44.1.27:80" outbound|8000||httpbin.foo.svc.cluster.local 10.44.1.23:37652 '
        "10.0.45.184:8000 10.44.1.23:46520 - default",
        "2026-09-11T22:14:15",
        resource={"host.name": "h", "service.name": "envoy"},
        format="istio_text",
    ),
]
