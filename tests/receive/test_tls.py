"""TLS with real handshakes: versions, ciphers, client certificates; and where there must be TLS."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshseal.model.errors import ConfigError
from meshseal.receive.settings import TlsSettings
from meshseal.receive.tls import is_loopback, require_tls, server_context
from tests.certificates import Files
from tests.receive.door import DoorSettings, running_door


@pytest.fixture(scope="module")
def address(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    tls = TlsSettings(certificate_file=str(files.certificate), key_file=str(files.key))
    with running_door(tmp_path_factory.mktemp("door"), DoorSettings(tls=tls)) as door:
        yield door.address


@pytest.fixture(scope="module")
def mutual(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    tls = TlsSettings(
        certificate_file=str(files.certificate),
        key_file=str(files.key),
        client_ca_file=str(files.certificate),
    )
    with running_door(tmp_path_factory.mktemp("door"), DoorSettings(tls=tls)) as door:
        yield door.address


def client(files: Files) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(files.certificate))


def post(address: tuple[str, int], context: ssl.SSLContext) -> tuple[int, str, str]:
    """Send a line; return the status, the version of TLS and the cipher."""
    connection = http.client.HTTPSConnection("localhost", address[1], context=context, timeout=30)
    try:
        connection.request("POST", "/ingest/v1/lines", b"line")
        sock = connection.sock
        assert isinstance(sock, ssl.SSLSocket)
        cipher = sock.cipher()
        answer = connection.getresponse()
        return answer.status, sock.version() or "", cipher[0] if cipher else ""
    finally:
        connection.close()


def test_the_newest_version_is_chosen(address: tuple[str, int], files: Files) -> None:
    assert post(address, client(files))[:2] == (200, "TLSv1.3")


def test_tls_1_2_is_taken_with_forward_secrecy_only(address: tuple[str, int], files: Files) -> None:
    context = client(files)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    status, version, cipher = post(address, context)
    assert (status, version) == (200, "TLSv1.2")
    assert cipher.startswith("ECDHE-")


@pytest.mark.parametrize(
    "ciphers",
    ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "AES256-GCM-SHA384"],
)
def test_a_weak_cipher_is_refused(address: tuple[str, int], files: Files, ciphers: str) -> None:
    context = client(files)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        post(address, context)


def test_an_old_version_is_refused(address: tuple[str, int], files: Files) -> None:
    context = client(files)
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        post(address, context)


def test_plain_http_is_not_understood(address: tuple[str, int]) -> None:
    connection = http.client.HTTPConnection("localhost", address[1], timeout=30)
    connection.request("POST", "/ingest/v1/lines", b"line")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        connection.getresponse()
    connection.close()


def test_a_client_without_a_certificate_is_refused_where_one_is_asked_for(
    mutual: tuple[str, int], files: Files
) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        post(mutual, client(files))
    context = client(files)
    context.load_cert_chain(files.certificate, files.key)
    assert post(mutual, context)[0] == 200


def test_a_client_may_have_no_certificate_where_it_is_optional(
    files: Files, tmp_path: Path
) -> None:
    tls = TlsSettings(
        certificate_file=str(files.certificate),
        key_file=str(files.key),
        client_ca_file=str(files.certificate),
        client_certificates="optional",
    )
    with running_door(tmp_path, DoorSettings(tls=tls)) as door:
        assert post(door.address, client(files))[0] == 200
        context = client(files)
        context.load_cert_chain(files.certificate, files.key)
        assert post(door.address, context)[0] == 200


def test_no_certificate_is_no_tls() -> None:
    assert server_context(TlsSettings(), protocols=["h2"]) is None


@pytest.mark.parametrize("which", ["missing", "garbage", "no key"])
def test_files_that_cannot_be_used_are_named(tmp_path: Path, files: Files, which: str) -> None:
    path = tmp_path / "certificate.pem"
    if which == "garbage":
        path.write_text("-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n")
    certificate = str(files.certificate if which == "no key" else path)
    with pytest.raises(ConfigError, match="TLS files"):
        server_context(TlsSettings(certificate_file=certificate), protocols=["h2"])


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.com", False),
        ("", False),
    ],
)
def test_where_there_must_be_tls(host: str, local: bool) -> None:
    assert is_loopback(host) is local
    require_tls(host, TlsSettings(certificate_file="x"))
    require_tls(host, TlsSettings(behind_proxy=True))
    if local:
        require_tls(host, TlsSettings())
    else:
        with pytest.raises(ConfigError, match=r"tls\.certificate_file"):
            require_tls(host, TlsSettings())
