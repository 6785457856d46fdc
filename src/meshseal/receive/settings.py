"""Settings of the doors: limits on sizes and times, and TLS."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

_MEBIBYTE = 1 << 20


class LimitSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one sender, and all together, may ask of the server."""

    max_request_bytes: Annotated[
        int,
        Meta(ge=1024, le=1 << 30, description="Largest request, before and after unpacking."),
    ] = 64 * _MEBIBYTE
    max_inflight_bytes: Annotated[
        int,
        Meta(
            ge=_MEBIBYTE,
            description="Bytes of all requests that are being read or decoded at one time; beyond "
            "it, senders are asked to try again later.",
        ),
    ] = 256 * _MEBIBYTE
    max_header_bytes: Annotated[
        int, Meta(ge=1024, le=_MEBIBYTE, description="Largest head of a request.")
    ] = 64 * 1024
    max_connections: Annotated[
        int, Meta(ge=1, description="Connections open at one time, per listener.")
    ] = 10_000
    header_timeout_seconds: Annotated[
        float,
        Meta(gt=0, description="A connection that has not sent a whole head by then is closed."),
    ] = 15.0
    body_timeout_seconds: Annotated[
        float, Meta(gt=0, description="A request whose body is not whole by then is refused.")
    ] = 60.0
    keep_alive_seconds: Annotated[
        float, Meta(gt=0, description="An idle connection is closed after this.")
    ] = 75.0
    stream_idle_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="A connection of a protocol other than HTTP is closed after so long "
            "without a byte.",
        ),
    ] = 3600.0
    max_records_per_second: Annotated[
        int,
        Meta(
            ge=0,
            description="Records that one sender may send in a second, over ten seconds; beyond "
            "it, it is asked to slow down. 0: no limit.",
        ),
    ] = 0
    max_bytes_per_second: Annotated[
        int,
        Meta(
            ge=0,
            description="Bytes, unpacked, that one sender may send in a second, over ten seconds. "
            "0: no limit.",
        ),
    ] = 0


class TlsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TLS of every listener. Outside loopback there is no listener without it."""

    certificate_file: Annotated[
        str, Meta(description="PEM file: the certificate and its chain. Empty: no TLS.")
    ] = ""
    key_file: Annotated[str, Meta(description="PEM file: the certificate's private key.")] = ""
    client_ca_file: Annotated[
        str,
        Meta(description="PEM file: who signs clients' certificates. Empty: none is asked for."),
    ] = ""
    client_certificates: Annotated[
        Literal["required", "optional"],
        Meta(
            description="Whether every client must have a certificate of `client_ca_file`, "
            "or only those that prove so who they are: browsers and senders with a key have none."
        ),
    ] = "required"
    behind_proxy: Annotated[
        bool,
        Meta(
            description="Allow listeners outside loopback without TLS, because something in front "
            "of them terminates it."
        ),
    ] = False
