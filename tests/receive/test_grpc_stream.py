"""Client-streaming calls against the real door on a real socket."""

from __future__ import annotations

import gzip
import itertools
import threading
import time
from collections.abc import Iterator

import grpc
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.errors import PayloadError
from meshseal.receive.grpc_stream import BATCH_BYTES, MESSAGE_BYTES, Frames
from meshseal.receive.settings import LimitSettings, TlsSettings
from tests.certificates import Files
from tests.receive.http2 import call, framed
from tests.receive.streams import COLLECT, REFUSED, Client, Running, Sending, running, wait_for


@pytest.fixture
def door() -> Iterator[Running]:
    with running() as found:
        yield found


# ---- Messages ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate]
)
def test_messages_are_handed_on_while_the_call_goes_on(
    door: Running, compression: grpc.Compression
) -> None:
    sent = [b"%d " % number * 500 for number in range(100)]
    with grpc.insecure_channel(door.target) as channel:
        sending = Sending(channel, compression=compression, metadata=(("authorization", "x"),))
        sending.send(*sent[:60])
        wait_for(lambda: len(door.sink.messages) == 60)
        assert not sending.future.done()
        sending.send(*sent[60:])
        sending.end()
        assert sending.future.result(timeout=30) == b""
    assert door.sink.messages == sent
    (opened,) = door.sink.calls
    assert (opened.method, opened.metadata["authorization"]) == (COLLECT, "x")
    assert door.inflight.held_bytes == 0


def test_many_calls_at_once_are_kept_apart(door: Running) -> None:
    with grpc.insecure_channel(door.target) as channel:
        calls = [Sending(channel) for _ in range(50)]
        for number, sending in enumerate(calls):
            sending.send(b"%d" % number)
        wait_for(lambda: len(door.sink.messages) == 50)
        for sending in calls:
            sending.end()
            assert sending.future.result(timeout=30) == b""
    assert sorted(door.sink.messages) == sorted(b"%d" % number for number in range(50))


def test_a_call_without_messages_ends_well(door: Running) -> None:
    assert call(door.address, b"", path=COLLECT).grpc_status == 0
    assert door.sink.batches == []


ZSTD = framed(zstd.compress(b"m"), compressed=True)
BAD = {
    "cut short": (framed(b"abc")[:-1], "", 3, []),
    "half a prefix": (framed(b"a") + b"\0\0", "", 3, [b"a"]),
    "flag is no flag": (framed(b"a") + b"\x02\0\0\0\0", "", 3, [b"a"]),
    "not gzip": (framed(b"a") + framed(b"abc", compressed=True), "gzip", 3, [b"a"]),
    "unknown encoding": (framed(b"abc", compressed=True), "snappy", 12, []),
    "too large": (framed(b"a") + b"\0\xff\0\0\0", "", 8, [b"a"]),
    "unpacks too far": (
        framed(gzip.compress(bytes(MESSAGE_BYTES + 1)), compressed=True),
        "gzip",
        8,
        [],
    ),
    "zstd": (framed(b"a") + ZSTD, "zstd", 0, [b"a", b"m"]),
}


@pytest.mark.parametrize(("body", "encoding", "status", "kept"), BAD.values(), ids=BAD)
def test_what_stands_before_bad_bytes_is_handed_on(
    door: Running, body: bytes, encoding: str, status: int, kept: list[bytes]
) -> None:
    headers = {"grpc-encoding": encoding} if encoding else {}
    answer = call(door.address, body, path=COLLECT, headers=headers)
    assert answer.grpc_status == status
    assert door.sink.messages == kept


@given(
    st.lists(st.binary(max_size=40), max_size=8), st.lists(st.integers(0, 400)), st.integers(1, 99)
)
def test_how_the_bytes_are_cut_makes_no_difference(
    messages: list[bytes], cuts: list[int], room: int
) -> None:
    data = b"".join(map(framed, messages))
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    frames, found = Frames("identity", 1000), list[bytes]()
    for start, end in itertools.pairwise(places):
        frames.add(data[start:end])
        while True:
            some, error = frames.take(room)
            assert error is None
            if not some:
                break
            found += some
    assert found == messages
    assert frames.buffered_bytes == 0


def test_no_more_messages_than_there_is_room_for_are_unpacked() -> None:
    frames = Frames("gzip", 1 << 20)
    frames.add(framed(gzip.compress(bytes(100_000)), compressed=True) * 3)
    for room, count in ((100_000, 1), (100_006, 2), (1, 0)):
        messages, error = frames.take(room)
        assert (len(messages), error) == (count, None)


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_an_error(data: bytes) -> None:
    frames = Frames("gzip", 100)
    frames.add(data)
    messages, error = frames.take(1 << 20)
    assert error is None or isinstance(error, PayloadError)
    assert sum(map(len, messages)) <= 100 * len(messages)


# ---- The end of a call -------------------------------------------------------------------------


def test_a_refused_call_hears_why(door: Running) -> None:
    with grpc.insecure_channel(door.target) as channel:
        sending = Sending(channel, REFUSED)
        sending.send(b"a", b"b")
        assert sending.status() == (grpc.StatusCode.UNAUTHENTICATED, "who are you")


def test_a_call_that_the_session_ends_does_not_end_the_others(door: Running) -> None:
    with grpc.insecure_channel(door.target) as channel:
        other, sending = Sending(channel), Sending(channel)
        other.send(b"before")
        # What is still on its way when the answer comes must not harm the connection.
        sending.send(b"bad", *[b"x" * 16_000] * 50)
        assert sending.status() == (grpc.StatusCode.INVALID_ARGUMENT, "not that")
        other.send(b"after")
        other.end()
        assert other.future.result(timeout=30) == b""
    assert {b"before", b"after"} <= set(door.sink.messages)


def test_a_caller_that_goes_away_leaves_what_it_sent(door: Running) -> None:
    with grpc.insecure_channel(door.target) as channel:
        sending = Sending(channel)
        sending.send(b"a")
        wait_for(lambda: door.sink.messages)
        sending.future.cancel()
        sending.end()
    wait_for(lambda: door.inflight.held_bytes == 0)
    assert door.sink.messages == [b"a"]


def test_a_silent_call_is_ended(door: Running) -> None:
    del door
    with running(LimitSettings(stream_idle_seconds=0.3)) as found:
        with grpc.insecure_channel(found.target) as channel:
            sending = Sending(channel)
            sending.send(b"a")
            code, details = sending.status()
        assert (code, details) == (grpc.StatusCode.UNAVAILABLE, "nothing came for 0.3 seconds")
        assert found.sink.messages == [b"a"]


def test_a_message_that_does_not_become_whole_is_refused() -> None:
    with running(LimitSettings(body_timeout_seconds=0.3)) as found:
        with Client(found.address) as client:
            client.send(framed(b"a") + framed(b"half")[:-1])
            client.take_until(lambda: client.ended)
        assert client.headers["grpc-status"] == "3"
        assert found.sink.messages == [b"a"]


def test_a_stop_ends_calls_when_what_arrived_is_taken(door: Running) -> None:
    sent = [b"%d" % number for number in range(200)]
    with grpc.insecure_channel(door.target) as channel:
        sending, idle = Sending(channel), Sending(channel)
        idle.send(b"idle")
        wait_for(lambda: door.sink.messages)
        door.sink.go_on.clear()
        sending.send(*sent)
        time.sleep(0.3)
        stopping = threading.Thread(target=door.stop)
        stopping.start()
        time.sleep(0.1)
        door.sink.go_on.set()
        for one in (sending, idle):
            assert one.status() == (grpc.StatusCode.UNAVAILABLE, "the server stops")
        stopping.join()
    assert [one for one in door.sink.messages if one != b"idle"] == sent


# ---- Bounds ------------------------------------------------------------------------------------


def test_a_sender_is_stopped_while_nothing_can_be_made_durable(door: Running) -> None:
    message = framed(b"x" * 16_000)
    whole = message * 300
    door.sink.go_on.clear()
    with Client(door.address) as client:
        sent = client.fill(whole)
        # A batch that is being taken, ten frames in front of the application, and a window.
        assert sent < BATCH_BYTES + 11 * 16_384 + 65_535 + 65_536
        assert door.inflight.held_bytes <= BATCH_BYTES + len(message) + 16_384
        door.sink.go_on.set()
        client.sock.settimeout(30)
        assert client.fill(whole[sent:]) == len(whole) - sent
        wait_for(lambda: len(door.sink.messages) == 300)
    assert max(sum(map(len, batch)) for batch in door.sink.batches) <= BATCH_BYTES + 16_000


def test_no_room_for_all_slows_a_call_and_does_not_end_it() -> None:
    with running(LimitSettings(max_inflight_bytes=1 << 20)) as found:
        found.inflight.take(1 << 20)
        with grpc.insecure_channel(found.target) as channel:
            sending = Sending(channel)
            sending.send(b"a")
            time.sleep(0.3)
            assert found.sink.messages == []
            found.inflight.take(-(1 << 20))
            sending.end()
            assert sending.future.result(timeout=30) == b""
        assert found.sink.messages == [b"a"]


def test_who_the_certificate_is_for_is_known(files: Files) -> None:
    tls = TlsSettings(
        certificate_file=str(files.certificate),
        key_file=str(files.key),
        client_ca_file=str(files.certificate),
    )
    root = files.certificate.read_bytes()
    credentials = grpc.ssl_channel_credentials(root, files.key.read_bytes(), root)
    with running(tls=tls) as found:
        with grpc.secure_channel(f"localhost:{found.address[1]}", credentials) as channel:
            sending = Sending(channel)
            sending.send(b"a")
            sending.end()
            assert sending.future.result(timeout=30) == b""
        (opened,) = found.sink.calls
        assert (opened.certificate, opened.client_address) == ("localhost", "127.0.0.1")
