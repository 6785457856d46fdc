"""The register of services: what Python says of a name, the engine's functions say too."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.model.errors import PayloadError
from meshseal.model.register import Register, Service
from meshseal.shape.register import TABLE_COLUMNS, functions, table_row
from tests.shape.decoder import Decoder

CART = Service("acme", "cart", "shop", ("basket", "cart-*", "c?rt"), {"team": "checkout"})
API = Service("acme", "cart-api", aliases=("cart-*-api", "*/cart"))
OTHER = Service("globex", "till", aliases=("basket", "cart-*"), labels={"team": "other"})
ONE = Service("acme", "b-c", "a", labels={"team": "one"})
TWO = Service("acme", "c", "a-b")
SHOP = Service("acme", "api", "cart")
REGISTER = Register([CART, API, OTHER, ONE, TWO, SHOP])

NAMES = {
    "its own name": ("acme", "cart", "cart"),
    "an alias": ("acme", "basket", "cart"),
    "an alias of another tenant's": ("globex", "basket", "till"),
    "a pattern": ("acme", "cart-v1", "cart"),
    "a pattern of another tenant's": ("globex", "cart-v1", "till"),
    "one character": ("acme", "cxrt", "cart"),
    "one character, which has two bytes": ("acme", "cärt", "cart"),
    "a service's own name goes before a pattern": ("acme", "cart-api", "cart-api"),
    "the pattern that says more goes first": ("acme", "cart-v1-api", "cart-api"),
    "a slash": ("acme", "eu/cart", "cart-api"),
    "a line end is any character": ("acme", "cart-\n", "cart"),
    "a name that only begins so": ("acme", "carts", "carts"),
    "another case": ("acme", "Basket", "Basket"),
    "its namespace before its name": ("acme", "shop-cart", "cart"),
    "its namespace, for another tenant": ("globex", "shop-cart", "shop-cart"),
    "a name before a namespace and a name": ("acme", "cart-api", "cart-api"),
    "what may be of two namespaces": ("acme", "a-b-c", "a-b-c"),
    "a namespace alone": ("acme", "shop", "shop"),
    "an unknown name": ("acme", "web", "web"),
    "a tenant without a register": ("nobody", "basket", "basket"),
    "nothing": ("acme", "", ""),
    "text that would end a literal": ("acme", "'; DROP TABLE logs --\\", "'; DROP TABLE logs --\\"),
}


@pytest.mark.parametrize(("tenant", "name", "service"), NAMES.values(), ids=NAMES)
def test_a_name_in_the_register(tenant: str, name: str, service: str) -> None:
    assert REGISTER.canonical(tenant, name) == service


REFUSED = {
    "an alias of two": ([Service("a", "x", aliases=("z",)), Service("a", "y", aliases=("z",))]),
    "a pattern of two": (
        [Service("a", "x", aliases=("z1*",)), Service("a", "y", aliases=("z1*",))]
    ),
    "a name as an alias": ([Service("a", "x"), Service("a", "y", aliases=("x",))]),
}


@pytest.mark.parametrize("services", REFUSED.values(), ids=REFUSED)
def test_a_name_is_one_service_s(services: list[Service]) -> None:
    with pytest.raises(PayloadError, match="of two services"):
        Register(services)
    Register([services[0], Service("b", services[1].name, aliases=services[1].aliases)])


# ---- The engine ----------------------------------------------------------------------------


def install(decoder: Decoder, register: Register) -> None:
    decoder.ask("DROP TABLE IF EXISTS work.register_test")
    decoder.ask(f"CREATE TABLE work.register_test ({TABLE_COLUMNS}) ENGINE = Memory")
    row = table_row(register).decode()
    columns = [f"JSONExtract(row, '{name}', 'Array(String)')" for name in json.loads(row)]
    decoder.ask(
        f"INSERT INTO work.register_test SELECT {', '.join(columns)} FROM "
        f"(SELECT unhex('{row.encode().hex()}') AS row)"
    )
    for statement in functions(register, "work.register_test"):
        decoder.ask(statement)


@pytest.fixture(scope="module")
def registered(decoder: Decoder) -> Iterator[Decoder]:
    install(decoder, REGISTER)
    yield decoder
    for statement in functions(Register(), "work.register_test"):
        decoder.ask(statement)


def resolved(decoder: Decoder, pairs: list[tuple[str, str]]) -> list[str]:
    """Return what the engine calls names, each asked as a value of a low-cardinality column."""
    listed = ", ".join(
        f"(unhex('{tenant.encode().hex()}'), unhex('{name.encode().hex()}'))"
        for tenant, name in pairs
    )
    rows = decoder.ask(
        "SELECT hex(meshseal_alias(pair.1, toLowCardinality(pair.2))), '|' FROM "
        f"(SELECT arrayJoin(CAST([{listed}], 'Array(Tuple(String, String))')) AS pair)"
    )
    return [bytes.fromhex(row[0]).decode() for row in rows]


@pytest.mark.engine
def test_the_engine_says_the_same(registered: Decoder) -> None:
    pairs = [(tenant, name) for tenant, name, _ in NAMES.values()]
    found = dict(zip(NAMES, resolved(registered, pairs), strict=True))
    assert found == {name: service for name, (_, _, service) in NAMES.items()}


@pytest.mark.engine
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.text("cartbske-v1api/é\n", max_size=12), min_size=20, max_size=60))
def test_the_engine_says_the_same_of_any_name(registered: Decoder, names: list[str]) -> None:
    pairs = [("acme", name) for name in names]
    assert resolved(registered, pairs) == [REGISTER.canonical("acme", name) for name in names]


@pytest.mark.engine
def test_labels_of_a_service(registered: Decoder) -> None:
    asked = [
        ("acme", "cart", "team"), ("acme", "cart", "service_namespace"), ("acme", "basket", "team"),
        ("globex", "till", "team"), ("acme", "cart-api", "team"), ("nobody", "cart", "team"),
    ]  # fmt: skip
    listed = ", ".join(f"meshseal_service_label('{a}', '{b}', '{c}')" for a, b, c in asked)
    assert registered.ask(f"SELECT {listed}, '|'") == [
        ["checkout", "shop", "", "other", "", "", "|"]
    ]


@pytest.mark.engine
def test_bytes_that_are_no_text(registered: Decoder) -> None:
    ((name, pattern, _),) = registered.ask(
        "SELECT hex(meshseal_alias('acme', unhex('ff'))), "
        "meshseal_alias('acme', concat('cart-', unhex('ff'))), '|'"
    )
    assert (name, pattern) == ("FF", "cart")


def test_an_empty_register_is_the_name_itself() -> None:
    alias, label = functions(Register(), "work.none")
    assert alias.endswith("(tenant, name) -> name")
    assert label.endswith("(tenant, service, label) -> ''")


def test_no_name_is_part_of_a_statement() -> None:
    hostile = "x') UNION ALL SELECT 1 --"
    register = Register(
        [Service("acme", hostile, aliases=("y' OR '1", "z1*"), labels={"team": "t'"})]
    )
    for statement in functions(register, "work.register_1"):
        for text in (hostile, "y'", "z1", "t'", "acme"):
            assert text not in statement.partition("->")[2]
    with pytest.raises(ValueError, match="is not the name of a table"):
        functions(register, "work.x; DROP TABLE logs")
