"""What somebody typed into a form, as a request of the API has it."""

from __future__ import annotations

import pytest

from meshseal.access.identity import PERMISSIONS, Permission, Principal, Role
from meshseal.api.services import service_of
from meshseal.console import formats, services
from meshseal.console.forms import lines_of
from meshseal.console.frame import address, may_edit
from meshseal.model.errors import PayloadError
from meshseal.model.own_format import own_format
from meshseal.model.register import Service

BODIES = {
    "nothing": ({}, ("", [], {})),
    "as browsers send it": (
        {"namespace": " shop ", "aliases": "cart-v1\r\ncart_*\r\n", "labels": "team=checkout\r\n"},
        ("shop", ["cart-v1", "cart_*"], {"team": "checkout"}),
    ),
    "space around": (
        {"aliases": "  a b \n\n \n", "labels": " team = check out \n"},
        ("", ["a b"], {"team": "check out"}),
    ),
    "an equals sign in a value": ({"labels": "url=a=b"}, ("", [], {"url": "a=b"})),
}


@pytest.mark.parametrize(("form", "expected"), BODIES.values(), ids=BODIES)
def test_a_service_s_form(
    form: dict[str, str], expected: tuple[str, list[str], dict[str, str]]
) -> None:
    body = services.Draft.typed(form).body()
    assert (body["namespace"], body["aliases"], body["labels"]) == expected


REFUSED = {
    "no equals sign": ("team", "name=value, not 'team'"),
    "a label twice": ("team=a\nteam=b", "'team' is given twice"),
}


@pytest.mark.parametrize(("labels", "reason"), REFUSED.values(), ids=REFUSED)
def test_labels_that_are_refused(labels: str, reason: str) -> None:
    with pytest.raises(PayloadError, match=reason):
        services.Draft.typed({"labels": labels}).body()


def test_a_service_is_the_same_when_nothing_is_typed() -> None:
    service = Service("acme", "cart", "shop", ("a b", "cart-*"), {"team": "x=y", "tier": "1"})
    draft = services.Draft.of(service)
    form = {
        "was": draft.was,
        "name": "another name",
        "namespace": draft.namespace,
        "aliases": draft.aliases.replace("\n", "\r\n"),
        "labels": draft.labels.replace("\n", "\r\n"),
    }
    again = services.Draft.typed(form)
    assert service_of("acme", again.name, again.body()) == service


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"envoy": 'a "%DURATION%"\n', "mesh": "istio"}, id="text"),
        pytest.param({"envoy": "\n %DURATION% ", "mesh": "envoy"}, id="text in spaces"),
        pytest.param({"aws_vpc_flow": "${start} ${bytes}"}, id="a flow log"),
        pytest.param({"envoy_json": {"a": "%DURATION%", "b": {"ü": ["x"]}}}, id="JSON"),
    ],
)
def test_a_format_is_the_same_when_nothing_is_typed(document: dict[str, object]) -> None:
    own = own_format("edge", document)
    draft = formats.Draft.of(own)
    form = {
        "was": draft.was,
        "kind": draft.kind,
        "definition": draft.definition.replace("\n", "\r\n"),
        "mesh": draft.mesh,
    }
    again = formats.Draft.typed(form)
    assert own_format(again.name, again.body()) == own


def test_a_format_s_form_without_a_definition_names_a_format() -> None:
    assert (
        formats.Draft.typed({"name": "edge", "definition": " \r\n", "mesh": "istio"}).body() == {}
    )


def test_lines_keep_what_is_in_them() -> None:
    assert lines_of(" a \r\n\r\nb\rc\n \n") == [" a ", "b\rc"]


def test_an_address_has_what_is_not_empty() -> None:
    assert address("/services", tenant="", find="") == "/services"
    assert address("/services", tenant="a", edit="b/c&d") == "/services?tenant=a&edit=b%2Fc%26d"


@pytest.mark.parametrize("role", Role)
def test_who_may_edit(role: Role) -> None:
    allowed = Permission.EDIT_SERVICES in PERMISSIONS[role]
    own, any_tenant = Principal("key:1", role, "acme"), Principal("key:2", role, "*")
    assert may_edit(own, Permission.EDIT_SERVICES, "acme") is allowed
    assert may_edit(any_tenant, Permission.EDIT_SERVICES, "acme") is allowed
    assert not may_edit(own, Permission.EDIT_SERVICES, "globex")
    assert not may_edit(any_tenant, Permission.EDIT_SERVICES, "_platform")
