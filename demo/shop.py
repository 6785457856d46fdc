"""The shop: ten services on three platforms, and which of them calls which."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass


class Platform(enum.Enum):
    """A mesh, with the place that it runs in."""

    ISTIO = "istio"
    LINKERD = "linkerd"
    CONSUL = "consul"


class Door(enum.Enum):
    """The protocol that a service's logs leave by."""

    OTLP_HTTP = "OTLP over HTTP"
    OTLP_GRPC = "OTLP over gRPC"
    LOKI = "Loki push"
    LINES = "lines over HTTP"
    DOCUMENTS = "documents over HTTP"


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the shop.

    Attributes:
        name: Its name.
        platform: The mesh that it is in.
        door: How its logs are sent.
        version: The version that runs on a quiet day.
        port: Where it listens.
        workers: Its pods or virtual machines.
        encrypted: Whether it takes part in the mesh's mutual TLS.
    """

    name: str
    platform: Platform
    door: Door
    version: str
    port: int
    workers: tuple[str, ...]
    encrypted: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a service, and what that service asks others in turn.

    Attributes:
        service: Who is asked.
        method: HTTP method.
        path: Path with places to fill: `{product}`, `{user}`, `{order}`, `{word}`.
        calls: What it asks others, one after the other.
        usual_ms: Its own median time, without its calls, in milliseconds.
        size_bytes: Usual size of the answer.
        attempts: How often the caller's mesh tries it before the caller gives up.
    """

    service: str
    method: str
    path: str
    calls: tuple[Call, ...] = ()
    usual_ms: float = 5.0
    size_bytes: int = 900
    attempts: int = 1


def _pods(name: str, *suffixes: str) -> tuple[str, ...]:
    return tuple(f"{name}-{suffix}" for suffix in suffixes)


_ISTIO, _LINKERD, _CONSUL = Platform.ISTIO, Platform.LINKERD, Platform.CONSUL

_LISTED = (
    Service(
        "frontend",
        _ISTIO,
        Door.OTLP_HTTP,
        "v5.12.0",
        8080,
        _pods("frontend", "6c9f7d5b8-2xkqp", "6c9f7d5b8-9hwzt", "6c9f7d5b8-t4r8m"),
    ),
    Service(
        "cart",
        _ISTIO,
        Door.OTLP_HTTP,
        "v3.1.4",
        7070,
        _pods("cart", "7d84c9-lq2zd", "7d84c9-wm6fx"),
    ),
    Service(
        "checkout",
        _ISTIO,
        Door.OTLP_GRPC,
        "v4.0.2",
        5050,
        _pods("checkout", "5f6b8-8vkjn", "5f6b8-c2p7s"),
    ),
    Service(
        "payment",
        _ISTIO,
        Door.OTLP_GRPC,
        "v2.4.1",
        50051,
        _pods("payment", "85b4d-hx9tl", "85b4d-n5d2w"),
    ),
    Service(
        "recommendations",
        _ISTIO,
        Door.OTLP_GRPC,
        "v0.9.8",
        8081,
        _pods("recommendations", "b7c55-zk4qg"),
        encrypted=False,
    ),
    Service(
        "catalog",
        _LINKERD,
        Door.LOKI,
        "v6.3.0",
        3550,
        _pods("catalog", "59d8f-4ssmk", "59d8f-qqv6c", "59d8f-xw2bj"),
    ),
    Service("search", _LINKERD, Door.LOKI, "v1.8.2", 9090, _pods("search", "66c4b-fd8rt")),
    Service(
        "accounts",
        _LINKERD,
        Door.LOKI,
        "v2.0.7",
        8443,
        _pods("accounts", "78f9d-2mlpz", "78f9d-r7k5h"),
    ),
    Service(
        "inventory",
        _CONSUL,
        Door.LINES,
        "v1.15.3",
        6000,
        ("vm-inventory-1", "vm-inventory-2"),
    ),
    Service("shipping", _CONSUL, Door.DOCUMENTS, "v1.2.0", 6100, ("vm-shipping-1",)),
)

SERVICES: dict[str, Service] = {service.name: service for service in _LISTED}

_PRODUCT = Call("catalog", "GET", "/products/{product}", usual_ms=4, size_bytes=1_850)
_PRODUCTS = Call("catalog", "GET", "/products?page={page}", usual_ms=9, size_bytes=14_200)
_STOCK = Call("inventory", "GET", "/v1/stock/{product}", usual_ms=3, size_bytes=120)
_ACCOUNT = Call("accounts", "GET", "/accounts/{user}", usual_ms=6, size_bytes=640)
_RECOMMENDED = Call(
    "recommendations", "GET", "/recommendations?user={user}", (_PRODUCT,), 22, size_bytes=2_100
)
_CART = Call("cart", "GET", "/carts/{user}", usual_ms=3, size_bytes=780)
_CHARGE = Call("payment", "POST", "/v2/charges", (_ACCOUNT,), 48, size_bytes=310, attempts=3)
_ORDER = Call(
    "checkout",
    "POST",
    "/orders",
    (
        _CART,
        Call("inventory", "POST", "/v1/reservations", usual_ms=8, size_bytes=95),
        _CHARGE,
        Call("shipping", "POST", "/shipments", usual_ms=14, size_bytes=420),
    ),
    18,
    size_bytes=1_050,
)

JOURNEYS: tuple[tuple[int, Call], ...] = (
    (22, Call("frontend", "GET", "/", (_PRODUCTS, _RECOMMENDED), 11, 38_400)),
    (
        26,
        Call("frontend", "GET", "/product/{product}", (_PRODUCT, _STOCK, _RECOMMENDED), 9, 21_700),
    ),
    (
        14,
        Call(
            "frontend",
            "GET",
            "/search?q={word}",
            (Call("search", "GET", "/query?q={word}", (_PRODUCTS,), 26, 5_300),),
            7,
            17_900,
        ),
    ),
    (
        12,
        Call(
            "frontend",
            "POST",
            "/cart",
            (Call("cart", "POST", "/carts/{user}/items", (_PRODUCT, _STOCK), 6, 210),),
            5,
            640,
        ),
    ),
    (8, Call("frontend", "GET", "/cart", (_CART,), 6, 9_800)),
    (
        6,
        Call(
            "frontend",
            "POST",
            "/login",
            (Call("accounts", "POST", "/sessions", usual_ms=85, size_bytes=330),),
            4,
            512,
        ),
    ),
    (
        16,
        Call("frontend", "POST", "/checkout", (_ORDER,), 12, 2_400),
    ),
    (
        5,
        Call(
            "frontend",
            "GET",
            "/orders/{order}",
            (Call("shipping", "GET", "/shipments/{order}", usual_ms=7, size_bytes=530),),
            6,
            6_100,
        ),
    ),
)
"""What visitors do, each with its share."""


def every_call(call: Call) -> Iterator[Call]:
    """Yield a call and all calls below it."""
    yield call
    for below in call.calls:
        yield from every_call(below)
