"""The page of the register of services: who is in it, and the form that changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from meshseal.access.definitions import Editor
from meshseal.access.identity import Permission
from meshseal.api.editing import editor_of, tenant_of
from meshseal.api.reading import Read
from meshseal.api.services import service_of
from meshseal.console.editor import EditorPage, to_page
from meshseal.console.edits import quoted
from meshseal.console.forms import lines_of
from meshseal.console.frame import address, frame, may_edit
from meshseal.model.errors import EngineError, MeshsealError, NotFoundError, PayloadError
from meshseal.model.register import Register, Service

_MOST_SHOWN = 500
"""Services on one page: the others are found by a part of a name."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form holds: texts as somebody typed them.

    Attributes:
        name: The service's name.
        namespace: Its namespace.
        aliases: Its aliases, each in a line.
        labels: Its labels, each in a line as `name=value`.
        was: The service that is changed; '' where one is added.
    """

    name: str = ""
    namespace: str = ""
    aliases: str = ""
    labels: str = ""
    was: str = ""

    @classmethod
    def of(cls, service: Service) -> Draft:
        """Return what the form holds before a service is changed."""
        labels = "\n".join(f"{label}={value}" for label, value in service.labels.items())
        aliases = "\n".join(service.aliases)
        return cls(service.name, service.namespace, aliases, labels, service.name)

    @classmethod
    def typed(cls, form: Mapping[str, str]) -> Draft:
        """Return what somebody typed."""
        was = form.get("was", "")
        name = was or form.get("name", "").strip()
        namespace = form.get("namespace", "").strip()
        return cls(name, namespace, form.get("aliases", ""), form.get("labels", ""), was)

    def body(self) -> dict[str, Any]:
        """Return it as a request of the API has it. Raises: PayloadError."""
        labels: dict[str, str] = {}
        for line in lines_of(self.labels):
            label, equals, value = (part.strip() for part in line.partition("="))
            if not equals:
                raise PayloadError(f"a label is written as name=value, not {line.strip()[:80]!r}")
            if label in labels:
                raise PayloadError(f"the label {label[:80]!r} is given twice")
            labels[label] = value
        aliases = [line.strip() for line in lines_of(self.aliases)]
        return {"namespace": self.namespace, "aliases": aliases, "labels": labels}


class ServicesPage(EditorPage):
    """The page of services."""

    path = "/services"
    template = "services.html"

    async def show(self, request: Request) -> Response:
        """Show the register, and the form of the service that the address names by `edit`."""
        return await self._page(request)

    async def edit(self, request: Request) -> Response:
        """Do what the form asks for, and show the register again. Raises: MeshsealError."""
        editor = await editor_of(request, self._context.gate, Permission.EDIT_SERVICES)
        tenant = tenant_of(request, editor)
        form = await self._form(request)
        draft = Draft.typed(form)
        try:
            if form.get("act") == "remove":
                await self._definitions.remove_service(tenant, draft.name, editor)
                done = {"removed": draft.name}
            else:
                await self._save(tenant, draft, editor)
                done = {"saved": draft.name}
        except (PayloadError, NotFoundError, EngineError) as error:
            return await self._page(request, draft, error)
        return to_page(_address(request, **done))

    async def _save(self, tenant: str, draft: Draft, editor: Editor) -> None:
        register = self._definitions.register
        if draft.was:
            register.service(tenant, draft.was)
        elif any(one.name == draft.name for one in register.services(tenant)):
            raise PayloadError(f"{draft.name!r} is in the register already: change it there")
        await self._definitions.put_service(service_of(tenant, draft.name, draft.body()), editor)

    async def _page(
        self, request: Request, draft: Draft | None = None, error: MeshsealError | None = None
    ) -> Response:
        tenant = request.query_params.get("tenant", "").strip()
        async with self._context.reading(
            request, api="console", action="services.list", tenant=tenant or None
        ) as read:
            wanted = request.query_params.get("edit", "")
            try:
                draft = draft or self._draft(read.tenant, wanted)
            except NotFoundError as raised:
                error = raised
            content = self._content(request, read, draft or Draft())
        return self._shown(content, error)

    def _draft(self, tenant: str, wanted: str) -> Draft:
        return Draft.of(self._definitions.register.service(tenant, wanted)) if wanted else Draft()

    def _content(self, request: Request, read: Read, draft: Draft) -> dict[str, Any]:
        register, given = self._definitions.register, request.query_params
        tenant, find = given.get("tenant", "").strip(), given.get("find", "").strip()
        services = register.services(read.tenant)
        found = [one for one in services if find.lower() in _words(one)] if find else services
        read.details["rows"] = len(found[:_MOST_SHOWN])
        if find:
            read.details["find"] = find
        return {
            **frame(read.principal, read.tenant, tenant),
            "find": find,
            "services": found[:_MOST_SHOWN],
            "found": len(found),
            "all": len(services),
            "may_edit": may_edit(read.principal, Permission.EDIT_SERVICES, read.tenant),
            "draft": draft,
            "notice": _notice(given, register, read.tenant),
            "here": _address(request),
            "edit_url": lambda name: _address(request, edit=name),
            "records_url": lambda name: address("/", query=_query(name), tenant=tenant),
        }


def _address(request: Request, **parameters: str) -> str:
    """Return the address of the page with the same services, and with these parameters."""
    given = {name: request.query_params.get(name, "").strip() for name in ("tenant", "find")}
    return address(ServicesPage.path, **given, **parameters)


def _notice(given: Mapping[str, str], register: Register, tenant: str) -> str:
    """Return what the address says has been done, if the register says so too."""
    names = {one.name for one in register.services(tenant)}
    saved, removed = given.get("saved", ""), given.get("removed", "")
    if saved in names:
        return f"{saved} is saved. It counts from the next query on, for old records too."
    if removed and removed not in names:
        return f"{removed} is removed. Its names stand for themselves from the next query on."
    return ""


def _words(service: Service) -> str:
    parts = [service.name, service.namespace, *service.aliases, *service.labels.values()]
    return "\n".join(parts).lower()


def _query(name: str) -> str:
    return f"{{service={quoted(name)}}}"
