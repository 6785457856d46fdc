"""gRPC's calls, replies and framing, for calls of one message and of many.

Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from meshseal.model.errors import PayloadError, TooLargeError, UnsupportedError
from meshseal.receive.body import Send
from meshseal.receive.decompress import decompress

ACCEPT_ENCODING = "identity,gzip,deflate,zstd"
INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE = 3, 8, 12, 14
PREFIX = struct.Struct(">BI")
CERTIFICATE = "meshseal.certificate"
"""The extension of a scope that says who the client's certificate is for."""

_MAX_ERROR = 1024


@dataclass(frozen=True, slots=True)
class GrpcCall:
    """One call as it arrived: the message is unpacked; there is none yet where many follow.

    `certificate` is who the client's certificate says it is, or ''.
    """

    method: str
    metadata: Mapping[str, str]
    message: bytes
    client_address: str
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class GrpcReply:
    """The end of a call.

    Attributes:
        status: The gRPC status.
        message: The answer, for status 0.
        error: What went wrong, for another status.
        details: The same as a serialized google.rpc.Status.
        on_lost: Called instead of answering when the caller is gone.
    """

    status: int
    message: bytes = b""
    error: str = ""
    details: bytes = b""
    on_lost: Callable[[], None] | None = None


def failed(error: PayloadError) -> GrpcReply:
    """Return the end of a call whose bytes are not to be read."""
    if isinstance(error, UnsupportedError):
        return GrpcReply(UNIMPLEMENTED, error=str(error))
    if isinstance(error, TooLargeError):
        return GrpcReply(RESOURCE_EXHAUSTED, error=str(error))
    return GrpcReply(INVALID_ARGUMENT, error=str(error))


def unpacked(message: bytes, compressed: int, encoding: str, limit_bytes: int) -> bytes:
    """Return a message without its compression. Raises: PayloadError and its kinds."""
    if not compressed:
        return message
    if encoding not in ACCEPT_ENCODING.split(","):
        raise UnsupportedError(f"grpc-encoding {encoding[:40]!r} is not understood")
    return decompress(message, encoding, limit_bytes=limit_bytes)


async def send_reply(send: Send, reply: GrpcReply, *, last: bool = True) -> None:
    """Answer a call. With `last` false the server keeps the call until the application returns."""
    trailers = [(b"grpc-status", str(reply.status).encode())]
    if reply.error:
        text = quote(reply.error[:_MAX_ERROR], safe=" !\"#$&'()*+,/:;<=>?@[\\]^`{|}~")
        trailers.append((b"grpc-message", text.encode()))
    if reply.details:
        encoded = base64.b64encode(reply.details).rstrip(b"=")
        trailers.append((b"grpc-status-details-bin", encoded))
    headers = [
        (b"content-type", b"application/grpc"),
        (b"grpc-accept-encoding", ACCEPT_ENCODING.encode()),
    ]
    start = {"type": "http.response.start", "status": 200, "headers": headers, "trailers": True}
    await send(start)
    # An error, too, is told in real trailers. "Trailers-Only" wants END_STREAM on the headers, and
    # Hypercorn sets it on an empty DATA frame behind them: grpc-core reads that as UNKNOWN.
    content = b"" if reply.status else PREFIX.pack(0, len(reply.message)) + reply.message
    await send({"type": "http.response.body", "body": content, "more_body": False})
    await send({"type": "http.response.trailers", "headers": trailers, "more_trailers": not last})
