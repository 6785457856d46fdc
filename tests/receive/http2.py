"""A small HTTP/2 client that sends gRPC calls as a test wants them, right or wrong."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events

EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


@dataclass(slots=True)
class Answer:
    """What came back. `headers` holds the trailers too."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    reset: bool = False

    @property
    def grpc_status(self) -> int:
        """The call's status; -1 where none came."""
        return int(self.headers.get("grpc-status", "-1"))


def framed(message: bytes, *, compressed: bool = False) -> bytes:
    """Return a message in gRPC's framing."""
    return struct.pack(">BI", compressed, len(message)) + message


def call(
    address: tuple[str, int],
    body: bytes,
    *,
    path: str = EXPORT,
    headers: Mapping[str, str] | None = None,
    sock: socket.socket | None = None,
) -> Answer:
    """Send one request whose body is `body` as it is, and return the answer."""
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    own = sock or socket.create_connection(address, timeout=30)
    with own:
        connection.initiate_connection()
        fields = {
            ":method": "POST",
            ":scheme": "http",
            ":authority": f"{address[0]}:{address[1]}",
            ":path": path,
            "content-type": "application/grpc",
            "te": "trailers",
            **(headers or {}),
        }
        connection.send_headers(1, list(fields.items()))
        own.sendall(connection.data_to_send())
        return _exchange(connection, own, body)


def _exchange(connection: h2.connection.H2Connection, sock: socket.socket, body: bytes) -> Answer:
    answer = Answer()
    sent, ended = 0, False
    while True:
        while not ended:
            window = connection.local_flow_control_window(1)
            step = min(window, connection.max_outbound_frame_size, len(body) - sent)
            if step == 0 and sent < len(body):
                break
            ended = sent + step == len(body)
            connection.send_data(1, body[sent : sent + step], end_stream=ended)
            sent += step
        sock.sendall(connection.data_to_send())
        received = sock.recv(65536)
        if not received:
            return answer
        for event in connection.receive_data(received):
            if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                answer.headers |= {_text(name): _text(value) for name, value in event.headers or ()}
            elif isinstance(event, h2.events.DataReceived):
                answer.body += event.data or b""
                connection.acknowledge_received_data(event.flow_controlled_length or 0, 1)
            elif isinstance(event, h2.events.StreamEnded):
                return answer
            elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                answer.reset = True
                return answer


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
