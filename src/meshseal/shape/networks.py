"""The networks whose proxies are trusted, as SQL.

Only what `ipaddress` has parsed is rendered: no text of a configuration becomes SQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

Network = IPv4Network | IPv6Network

_MAPPED = 0xFFFF << 32
"""Where the addresses of IPv4 lie among those of IPv6."""

PRIVATE: tuple[str, ...] = (
    "10.0.0.0/8",
    "127.0.0.0/8",
    "192.168.0.0/16",
    "172.16.0.0/12",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
"""Networks that are not routed on the internet."""

PRIVATE_NETWORKS: tuple[Network, ...] = tuple(ip_network(text) for text in PRIVATE)


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks of texts such as `10.0.0.0/8`. Raises: ValueError that names the text."""
    return tuple(ip_network(text.strip()) for text in texts)


def trusted_proxy_function(networks: Iterable[Network] = PRIVATE_NETWORKS) -> str:
    """Return the statement that creates `meshseal_trusted_proxy(address)`.

    What is no address is no proxy: the engine reads it as zero, which no range here holds.
    """
    short, long = [], []
    for network in sorted(networks, key=lambda one: (one.version, int(one.network_address))):
        first, last = max(int(network.network_address), 1), int(network.broadcast_address)
        if isinstance(network, IPv4Network):
            short.append(f"toUInt32(toIPv4OrDefault(address)) BETWEEN {first} AND {last}")
            first, last = first + _MAPPED, last + _MAPPED
        long.append(f"(toIPv6('{IPv6Address(first)}'), toIPv6('{IPv6Address(last)}'))")
    # Over an array, so that addresses without a colon are not read twice.
    condition = (
        f"if(position(address, ':') = 0, {' OR '.join(short) or 'false'}, arrayExists("
        f"range -> toIPv6OrDefault(address) BETWEEN range.1 AND range.2, [{', '.join(long)}]))"
        if long
        else "false"
    )
    return f"CREATE OR REPLACE FUNCTION meshseal_trusted_proxy AS (address) -> {condition}"
