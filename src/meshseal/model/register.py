"""The register of services: what a tenant calls its services, and by which other names they send.

Records stay as they came; a name is looked up here when they are read, so that an edit holds for
the past too. `shape.register` makes the same look-up as SQL.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from meshseal.model.errors import NotFoundError, PayloadError

MAX_NAME = 255
MAX_LABELS = 16
MAX_ALIASES = 20_000
"""Names that are no patterns, of one tenant."""
MAX_PATTERNS = 200
"""Patterns of one tenant: each is tried on every name that is not known."""

NAMESPACE = "service_namespace"
"""The label that a service's namespace is read by."""

_LABEL = re.compile(r"[a-z][a-z0-9_]{0,40}")
_PATTERN = re.compile(r"[A-Za-z0-9._:/@*?-]+")
_LITERALS = 2
_STARS = 8
_RESERVED = frozenset(
    {
        "service",
        "service_name",
        "peer",
        NAMESPACE,
        "namespace",
        "cluster",
        "mesh",
        "platform",
        "reporter",
        "peer_service",
        "peer_namespace",
        "detected_level",
    }
)


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a tenant.

    Attributes:
        tenant: Whose it is.
        name: What it is called.
        namespace: Where it belongs, or ''.
        aliases: Other names that it sends by: exact ones, and patterns in which `*` stands for any
            text and `?` for one character.
        labels: What else is known of it, such as its team; free.

    Raises: PayloadError when one of them cannot be used.
    """

    tenant: str
    name: str
    namespace: str = ""
    aliases: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_text(self.name, "a service's name")
        if is_pattern(self.name):
            raise PayloadError(f"{self.name!r} is a pattern: a service's name has no * and no ?")
        if self.namespace:
            _check_text(self.namespace, "a namespace")
        for alias in self.aliases:
            _check_alias(alias)
        if len(self.labels) > MAX_LABELS:
            raise PayloadError(f"a service has at most {MAX_LABELS} labels")
        for label, value in self.labels.items():
            if not _LABEL.fullmatch(label) or label in _RESERVED:
                raise PayloadError(
                    f"{label[:80]!r} cannot be a label of a service: use a small letter, then "
                    f"small letters, digits and '_', and none of {', '.join(sorted(_RESERVED))}"
                )
            _check_text(value, f"the label {label}")


def is_pattern(name: str) -> bool:
    """Say whether a name is a pattern."""
    return "*" in name or "?" in name


def _check_text(text: str, what: str) -> None:
    if not 0 < len(text) <= MAX_NAME or not text.isprintable() or text != text.strip():
        raise PayloadError(
            f"{what} has 1 to {MAX_NAME} characters that can be seen, not {text[:80]!r}"
        )


def _check_alias(alias: str) -> None:
    _check_text(alias, "an alias")
    if not is_pattern(alias):
        return
    if not _PATTERN.fullmatch(alias):
        raise PayloadError(
            f"the pattern {alias[:80]!r} has other characters than letters, digits, . _ : / @ - "
            "and the wildcards * and ?"
        )
    if _literals(alias) < _LITERALS or alias.count("*") > _STARS:
        raise PayloadError(
            f"the pattern {alias[:80]!r} needs {_LITERALS} letters or digits, and at most "
            f"{_STARS} asterisks"
        )


def _literals(pattern: str) -> int:
    return sum(character.isalnum() for character in pattern)


def _rank(pattern: str) -> tuple[int, int, str]:
    """Return what patterns are sorted by: the more it says, the earlier it is tried."""
    wild = pattern.count("*") + pattern.count("?")
    return wild - len(pattern), pattern.count("*"), pattern


def pattern_regex(pattern: str) -> str:
    """Return the regular expression of a pattern, for the whole of a name, without its ends."""
    parts = {"*": "(?s:.)*", "?": "(?s:.)"}
    return "".join(
        parts.get(character) or (character if character.isalnum() else f"\\{character}")
        for character in pattern
    )


class Register:
    """The services of every tenant. It does not change: an edit gives another one."""

    def __init__(self, services: Iterable[Service] = ()) -> None:
        self._services = {(one.tenant, one.name): one for one in services}
        self._names: dict[tuple[str, str], str] = {}
        patterns: list[tuple[str, str, str]] = []
        for one in self._services.values():
            self._claim(one, one.name)
        for one in self._services.values():
            for alias in one.aliases:
                if is_pattern(alias):
                    patterns.append((one.tenant, alias, one.name))
                elif alias != one.name:
                    self._claim(one, alias)
        self.patterns = sorted(patterns, key=lambda row: (row[0], _rank(row[1])))
        """Every pattern as (tenant, pattern, service), those of a tenant in their order."""
        self._check_patterns()
        # Only names that somebody gave count for the limit, and they go before.
        self._names = {**self._namespaced(), **self._names}
        self._compiled: dict[str, list[tuple[re.Pattern[str], str]]] = {}
        for tenant, pattern, name in self.patterns:
            compiled = re.compile(pattern_regex(pattern))
            self._compiled.setdefault(tenant, []).append((compiled, name))
        self._label_names: dict[str, set[str]] = {}
        for one in self._services.values():
            names = self._label_names.setdefault(one.tenant, set())
            names.update(self.labels(one.tenant, one.name))

    def __bool__(self) -> bool:
        return bool(self._services)

    @property
    def names(self) -> Mapping[tuple[str, str], str]:
        """The service of every exact name, its own among them, by (tenant, name).

        A service `cart` of the namespace `shop` is known as `shop-cart` too, unless that is a name
        that somebody gave, or would be of two services.
        """
        return self._names

    def services(self, tenant: str | None = None) -> list[Service]:
        """Return the services, of one tenant or of all, by name."""
        return [
            one
            for _, one in sorted(self._services.items())
            if tenant is None or one.tenant == tenant
        ]

    def service(self, tenant: str, name: str) -> Service:
        """Return a service. Raises: NotFoundError."""
        found = self._services.get((tenant, name))
        if found is None:
            raise NotFoundError(f"there is no service {name[:80]!r} in the register")
        return found

    def canonical(self, tenant: str, name: str) -> str:
        """Return the service that a name stands for: the name itself where none is known."""
        known = self._names.get((tenant, name))
        if known is not None:
            return known
        for compiled, service in self._compiled.get(tenant, ()):
            if compiled.fullmatch(name):
                return service
        return name

    def labels(self, tenant: str, service: str) -> Mapping[str, str]:
        """Return what is known of a service, by label; nothing of one that is not there."""
        found = self._services.get((tenant, service))
        if found is None:
            return {}
        return {**found.labels, **({NAMESPACE: found.namespace} if found.namespace else {})}

    def label_names(self, tenant: str) -> list[str]:
        """Return every label that a service of a tenant has."""
        return sorted(self._label_names.get(tenant, ()))

    def with_service(self, service: Service) -> Register:
        """Return the register with one more service, or with one changed.

        Raises: PayloadError when one of its names belongs to another.
        """
        others = [
            one for key, one in self._services.items() if key != (service.tenant, service.name)
        ]
        return Register([*others, service])

    def without(self, tenant: str, name: str) -> Register:
        """Return the register without a service. Raises: NotFoundError."""
        gone = self.service(tenant, name)
        return Register(one for one in self._services.values() if one is not gone)

    def _namespaced(self) -> dict[tuple[str, str], str]:
        """Return the services by the names that ingress-nginx gives them.

        Its upstreams are `namespace-service-port` (kubernetes/ingress-nginx,
        internal/ingress/controller/util.go, upstreamName), which nothing but a register can
        take apart: names of namespaces and services have hyphens themselves.
        """
        found: dict[tuple[str, str], set[str]] = {}
        for one in self._services.values():
            if one.namespace:
                key = (one.tenant, f"{one.namespace}-{one.name}")
                found.setdefault(key, set()).add(one.name)
        return {key: next(iter(owners)) for key, owners in found.items() if len(owners) == 1}

    def _claim(self, service: Service, name: str) -> None:
        owner = self._names.setdefault((service.tenant, name), service.name)
        if owner != service.name:
            raise PayloadError(
                f"{name!r} is a name of two services, {owner!r} and {service.name!r}"
            )

    def _check_patterns(self) -> None:
        owners: dict[tuple[str, str], str] = {}
        for tenant, pattern, name in self.patterns:
            if owners.setdefault((tenant, pattern), name) != name:
                owner = owners[tenant, pattern]
                raise PayloadError(
                    f"{pattern!r} is a pattern of two services, {owner!r} and {name!r}"
                )
        for limit, what, keys in (
            (MAX_PATTERNS, "patterns", owners),
            (MAX_ALIASES, "names", self._names),
        ):
            if any(count > limit for count in Counter(tenant for tenant, _ in keys).values()):
                raise PayloadError(f"a tenant's register holds at most {limit} {what}")
