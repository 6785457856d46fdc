"""Trace context in every header's words, and the client of a request through trusted proxies."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.shape.networks import PRIVATE_NETWORKS, parse_networks, trusted_proxy_function
from tests.shape.decoder import Decoder

pytestmark = pytest.mark.engine

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ROOT = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736"
LONG = "0" * 16
# What a header or a field holds, the trace id and the span id in it.
IDS = {
    "traceparent": (f"00-{TRACE}-{SPAN}-01", TRACE, SPAN),
    "traceparent, not sampled": (f"00-{TRACE}-{SPAN}-00", TRACE, SPAN),
    "traceparent of a later version, with more": (f"01-{TRACE}-{SPAN}-01-what", TRACE, SPAN),
    "traceparent of no version": (f"ff-{TRACE}-{SPAN}-01", "", ""),
    "traceparent, cut": (f"00-{TRACE}-{SPAN[:9]}", "", ""),
    "traceparent of zeros": (f"00-{'0' * 32}-{'0' * 16}-01", "", ""),
    "B3 single": (f"{TRACE}-{SPAN}-1-05e3ac9a4f6e3b90", TRACE, SPAN),
    "B3 single without a decision": (f"{TRACE}-{SPAN}", TRACE, SPAN),
    "B3 single of 64 bits": (f"{TRACE[16:]}-{SPAN}-d", LONG + TRACE[16:], SPAN),
    "B3 single that only denies": ("0", "", ""),
    "B3 single that only debugs": ("d", "", ""),
    "B3 in large letters": (f"{TRACE.upper()}-{SPAN.upper()}-1", TRACE, SPAN),
    "X-Ray": (f"{ROOT};Parent={SPAN};Sampled=1", TRACE, SPAN),
    "X-Ray behind a load balancer": (f"Self=1-67891234-12456789abcdef012345678a;{ROOT}", TRACE, ""),
    "X-Ray, only the load balancer": ("Self=1-4bf92f35-77b34da6a3ce929d0e0e4736", TRACE, ""),
    "X-Ray, the id alone": ("1-4bf92f35-77b34da6a3ce929d0e0e4736", TRACE, ""),
    "X-Ray, cut": ("Root=1-4bf92f35-77b34da6a3ce", "", ""),
    "Google": (f"{TRACE}/67667974448284343;o=1", TRACE, "00f067aa0ba902b7"),
    "Jaeger": (f"{TRACE}:{SPAN}:0:1", TRACE, SPAN),
    "Jaeger, without leading zeros": (
        "6a3ce929d0e0e4736:f067aa0ba902b7:0:1",
        "000000000000000" + "6a3ce929d0e0e4736",
        SPAN,
    ),
    "128 bits": (TRACE, TRACE, ""),
    "64 bits": (SPAN, LONG + SPAN, SPAN),
    "decimal": ("11803532876627986230", LONG + "a3ce929d0e0e4736", "a3ce929d0e0e4736"),
    "decimal beyond 64 bits": ("99999999999999999999", "", ""),
    "decimal, the largest": ("18446744073709551615", LONG + "f" * 16, "f" * 16),
    "zeros": ("0" * 32, "", ""),
    "nothing": ("", "", ""),
    "a dash": ("-", "", ""),
    "a word": ("none", "", ""),
    "an id with a line end": (f"{TRACE}\n", "", ""),
}
DATADOG = {
    "decimal": ("11803532876627986230", LONG + "a3ce929d0e0e4736", "a3ce929d0e0e4736"),
    "decimal of sixteen digits": (
        "1234567890123456",
        LONG + "000462d53c8abac0",
        "000462d53c8abac0",
    ),
    "128 bits in hex": (TRACE, TRACE, ""),
    "a word": ("none", "", ""),
    "zero": ("0", "", ""),
}


def literal(text: str | bytes) -> str:
    content = text if isinstance(text, bytes) else text.encode()
    return f"unhex('{content.hex()}')"


def ids(decoder: Decoder, *texts: str | bytes) -> list[list[str]]:
    listed = ", ".join(map(literal, texts))
    return decoder.ask(
        "SELECT meshseal_trace_id(text), meshseal_span_id(text), '|' "
        f"FROM (SELECT arrayJoin([{listed}]) AS text)"
    )


def test_ids_in_every_header(decoder: Decoder) -> None:
    found = ids(decoder, *(text for text, _, _ in IDS.values()))
    told = {name: (row[0], row[1]) for name, row in zip(IDS, found, strict=True)}
    assert told == {name: (trace, span) for name, (_, trace, span) in IDS.items()}


def test_ids_of_datadog(decoder: Decoder) -> None:
    listed = ", ".join(literal(text) for text, _, _ in DATADOG.values())
    found = decoder.ask(
        "SELECT meshseal_datadog_id(text, 32), meshseal_datadog_id(text, 16), '|' "
        f"FROM (SELECT arrayJoin([{listed}]) AS text)"
    )
    told = {name: (row[0], row[1]) for name, row in zip(DATADOG, found, strict=True)}
    assert told == {name: (trace, span) for name, (_, trace, span) in DATADOG.items()}


_DIGITS = st.text("0123456789abcdefABCDEF", max_size=40)
_PIECES = st.sampled_from(
    [TRACE, SPAN, "-", ":", "/", ";", "Root=", "Self=", "Parent=", "1-", "00", "0" * 32, ",", " "]
)
_LIKE = st.lists(st.one_of(_DIGITS, _PIECES), max_size=8).map(lambda parts: "".join(parts).encode())


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.one_of(st.binary(max_size=80), _LIKE), min_size=20, max_size=60))
def test_an_id_is_whole_or_there_is_none(decoder: Decoder, texts: list[bytes]) -> None:
    found = ids(decoder, *texts)
    assert len(found) == len(texts)
    for trace, span, _ in found:
        assert len(trace) in (0, 32)
        assert len(span) in (0, 16)
        assert set(trace + span) <= set("0123456789abcdef")
        assert not trace or trace.strip("0")
        assert not span or span.strip("0")


CARRIERS = {
    "traceparent": {"traceparent": f"00-{TRACE}-{SPAN}-01"},
    "b3": {"b3": f"{TRACE}-{SPAN}-1"},
    "b3 multi": {"x-b3-traceid": TRACE, "x-b3-spanid": SPAN},
    "X-B3 multi": {"X-B3-TraceId": TRACE, "X-B3-SpanId": SPAN},
    "x-ray": {"x-amzn-trace-id": f"{ROOT};Parent={SPAN}"},
    "X-Ray": {"X-Amzn-Trace-Id": f"{ROOT};Parent={SPAN}"},
    "google": {"x-cloud-trace-context": f"{TRACE}/67667974448284343;o=1"},
    "jaeger": {"uber-trace-id": f"{TRACE}:{SPAN}:0:1"},
    "plain": {"trace_id": TRACE, "span_id": SPAN},
    "plain before headers": {"traceparent": "00-x", "trace_id": TRACE, "span_id": SPAN},
    "datadog": {"dd": {"trace_id": TRACE, "span_id": "67667974448284343"}},
}


@pytest.mark.parametrize("members", CARRIERS.values(), ids=CARRIERS)
def test_an_open_format_carries_them(decoder: Decoder, members: dict[str, object]) -> None:
    row = decoder.line(json.dumps({"msg": "hello", **members}))
    assert (row["TraceId"], row["SpanId"], row["Format"]) == (TRACE, SPAN, "json")


def test_logfmt_carries_them(decoder: Decoder) -> None:
    row = decoder.line(f"level=info traceparent=00-{TRACE}-{SPAN}-01 msg=hello")
    assert (row["TraceId"], row["SpanId"], row["Format"]) == (TRACE, SPAN, "logfmt")


# ---- The client ----------------------------------------------------------------------------

# X-Forwarded-For, the peer, and the client.
CLIENTS = {
    "no header": ("", "198.51.100.7", "198.51.100.7"),
    "no header, a port": ("-", "198.51.100.7:4711", "198.51.100.7"),
    "through a trusted proxy": ("198.51.100.7", "10.0.0.1", "198.51.100.7"),
    "the peer is no trusted proxy": ("198.51.100.7", "203.0.113.9", "203.0.113.9"),
    "what stands left is only the client's word": (
        "6.6.6.6, 198.51.100.7, 10.0.0.9", "10.0.0.1", "198.51.100.7"
    ),
    "spoofed as one of us": ("10.0.0.3, 198.51.100.7", "10.0.0.1", "198.51.100.7"),
    "all are ours: the first": ("10.0.0.3, 10.0.0.2", "10.0.0.1", "10.0.0.3"),
    "ports": ("198.51.100.7:5678", "10.0.0.1:22", "198.51.100.7"),
    "IPv6": ("2001:db8::7", "fd00::1", "2001:db8::7"),
    "IPv6 with a port": ("[2001:db8::7]:443, [fd00::2]:80", "::1", "2001:db8::7"),
    "IPv6 in quotes": ('"[2001:db8::7]:443"', "127.0.0.1", "2001:db8::7"),
    "IPv4 inside IPv6 is ours": ("198.51.100.7, ::ffff:10.0.0.9", "10.0.0.1", "198.51.100.7"),
    "the peer is IPv4 inside IPv6": ("198.51.100.7", "::ffff:10.0.0.1", "198.51.100.7"),
    "unknown": ("unknown", "10.0.0.1", "10.0.0.1"),
    "unknown ends the search": ("198.51.100.7, unknown, 10.0.0.7", "10.0.0.1", "10.0.0.7"),
    "an obfuscated name": ("_hidden", "10.0.0.1", "10.0.0.1"),
    "garbage": ("'; DROP TABLE logs", "10.0.0.1", "10.0.0.1"),
    "commas only": (" , ,", "10.0.0.1", "10.0.0.1"),
    "a comma too many": ("198.51.100.7,", "10.0.0.1", "198.51.100.7"),
    "no peer": ("198.51.100.7", "", "198.51.100.7"),
    "a socket for a peer": ("198.51.100.7, fe80::1", "@", "198.51.100.7"),
    "nobody": ("", "", ""),
}  # fmt: skip


def clients(decoder: Decoder, *pairs: tuple[str, str]) -> list[str]:
    listed = ", ".join(f"({literal(given)}, {literal(peer)})" for given, peer in pairs)
    rows = decoder.ask(
        "SELECT meshseal_client(pair.1, pair.2), '|' FROM (SELECT arrayJoin("
        f"CAST([{listed}], 'Array(Tuple(String, String))')) AS pair)"
    )
    return [row[0] for row in rows]


def test_the_client_through_trusted_proxies(decoder: Decoder) -> None:
    found = clients(decoder, *((given, peer) for given, peer, _ in CLIENTS.values()))
    assert dict(zip(CLIENTS, found, strict=True)) == {
        name: client for name, (_, _, client) in CLIENTS.items()
    }


NETWORKS = {
    "one of IPv4": (("203.0.113.0/24",), "203.0.113.255", "203.0.114.0"),
    "one address": (("203.0.113.9",), "203.0.113.9", "203.0.113.8"),
    "IPv6": (("2001:db8::/32",), "2001:db8:ffff::1", "2001:db9::"),
    "all of IPv4": (("0.0.0.0/0",), "8.8.8.8", "2001:db8::1"),
    "all of IPv6, but what is no address": (("::/0",), "2001:db8::1", "garbage"),
    "none": ((), "", "127.0.0.1"),
}


@pytest.mark.parametrize(("texts", "inside", "outside"), NETWORKS.values(), ids=NETWORKS)
def test_networks(decoder: Decoder, texts: tuple[str, ...], inside: str, outside: str) -> None:
    try:
        decoder.ask(trusted_proxy_function(parse_networks(texts)))
        asked = ", ".join(
            f"toUInt8(meshseal_trusted_proxy(materialize({literal(each)})))"
            for each in (inside, outside)
        )
        assert decoder.ask(f"SELECT {asked}") == [["1" if inside else "0", "0"]]
    finally:
        decoder.ask(trusted_proxy_function(PRIVATE_NETWORKS))


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "x", "1' OR '1", "", "10.0.0.0/8;"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_networks([text])
