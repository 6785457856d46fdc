"""Labels that are resolved when a record is read, by the tenant's register of services.

`service` is what the register calls the record's service, `peer` what it calls the other end; and
every label that the register has for services stands beside the record's own. The record stays as
it was sealed, so that an edit of the register holds for the past too (ADR 0017).
"""

from __future__ import annotations

from collections.abc import Mapping

from meshseal.model.identifiers import label_name
from meshseal.model.register import Register
from meshseal.query.derived import OF_RESOURCE
from meshseal.query.sql import Binder

SERVICE = "service"
RESOLVED: dict[str, str] = {SERVICE: "ServiceName", "peer": "PeerService"}
"""Labels that are names of services, and the column each is where the record has no such label."""

REGISTER = "register"
"""The scope of a label's key that is a label of the register."""


def alias(tenant: str, name: str) -> str:
    """Return the SQL of what the register calls a name; `tenant` and `name` are SQL too."""
    return f"meshseal_alias({tenant}, {name})"


def registered(tenant: str, service: str, label: str) -> str:
    """Return the SQL of a label that the register has for a service; all three are SQL too."""
    return f"meshseal_service_label({tenant}, {service}, {label})"


def stream_label(binder: Binder, tenant: str, name: str, labels: str, register: Register) -> str:
    """Return the SQL of a label of a row of `streams`.

    Args:
        binder: Where values are bound.
        tenant: Whose streams.
        name: The label.
        labels: SQL of the stream's own labels, as a map.
        register: What the tenant has registered.
    """
    own = f"{labels}[{binder.text(name)}]"
    bound = binder.text(tenant)
    given = f"{labels}[{binder.text(SERVICE)}]"
    service = alias(bound, f"if({given} != '', {given}, toString(ServiceName))")
    if name == SERVICE:
        return service
    candidates = [own]
    if name in register.label_names(tenant):
        candidates.append(registered(bound, service, binder.text(name)))
    if name in OF_RESOURCE:
        resource = "JSONExtract(Labels, 'Map(String, String)')"
        candidates.append(OF_RESOURCE[name].format(resource=resource))
    return own if len(candidates) == 1 else f"meshseal_first([{', '.join(candidates)}])"


def stream_values(
    name: str, resource: Mapping[str, str], service: str, register: Register, tenant: str
) -> list[str]:
    """Return the values of a label in a stream."""
    if name == "service_name":
        return [service]
    found = [value for key, value in resource.items() if label_name(key) == name]
    if name == SERVICE:
        return [register.canonical(tenant, value) for value in found or [service]]
    if not found and name in register.label_names(tenant):
        labels = resolved_labels(resource, service, register, tenant)
        return [labels[name]] if name in labels else []
    return found


def resolved_labels(
    own: Mapping[str, str], service: str, register: Register, tenant: str
) -> dict[str, str]:
    """Return the labels that the register adds to those of a record or stream."""
    name = register.canonical(tenant, own.get(SERVICE) or service)
    known = register.labels(tenant, name)
    if (tenant, name) not in register.names:
        return {}
    added = {SERVICE: name, **known}
    return {label: value for label, value in added.items() if not own.get(label)}
