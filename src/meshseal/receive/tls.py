"""TLS contexts: TLS 1.2 and 1.3, forward secrecy and AEAD only.

Source: Mozilla's "intermediate" recommendation, version 5.7.
"""

from __future__ import annotations

import ipaddress
import ssl

from meshseal.model.errors import ConfigError
from meshseal.receive.settings import TlsSettings

CIPHERS = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
    )
)


def server_context(settings: TlsSettings, *, protocols: list[str]) -> ssl.SSLContext | None:
    """Return the context of a listener, or None where no certificate is configured.

    Raises: ConfigError when the files cannot be used.
    """
    if not settings.certificate_file:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(protocols)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(settings.certificate_file, settings.key_file or None)
        if settings.client_ca_file:
            context.load_verify_locations(settings.client_ca_file)
            context.verify_mode = (
                ssl.CERT_REQUIRED
                if settings.client_certificates == "required"
                else ssl.CERT_OPTIONAL
            )
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"the TLS files cannot be used: {error}") from error
    return context


def is_loopback(host: str) -> bool:
    """Say whether a listener's host is this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_tls(host: str, settings: TlsSettings) -> None:
    """Raises: ConfigError when a listener would carry records in the open."""
    if is_loopback(host) or settings.certificate_file or settings.behind_proxy:
        return
    raise ConfigError(
        f"{host} is not loopback, and there is no TLS: set tls.certificate_file and tls.key_file, "
        "or tls.behind_proxy = true if something in front terminates TLS"
    )
