"""The register of services: `/meshseal/v1/services`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from meshseal.access.identity import Permission
from meshseal.api.definitions import LiveDefinitions
from meshseal.api.editing import editor_of, json_of, shown, tenant_of
from meshseal.api.own import answering
from meshseal.api.reading import ReadContext
from meshseal.model.errors import PayloadError
from meshseal.model.register import Service

_API = "meshseal"


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    namespace: str = ""
    aliases: tuple[str, ...] = ()
    labels: dict[str, str] = {}


class ServicesApi:
    """The routes.

    Args:
        context: What reads need.
        definitions: The register.
    """

    def __init__(self, context: ReadContext, definitions: LiveDefinitions) -> None:
        self._context = context
        self._definitions = definitions

    def routes(self) -> list[Route]:
        """Return the routes. A service's name may have slashes in it."""
        one = "/meshseal/v1/services/{name:path}"
        return [
            Route("/meshseal/v1/services", answering(self._list)),
            Route(one, answering(self._show), methods=["GET"]),
            Route(one, answering(self._put), methods=["PUT"]),
            Route(one, answering(self._remove), methods=["DELETE"]),
        ]

    async def _list(self, request: Request) -> Response:
        tenant = request.query_params.get("tenant")
        async with self._context.reading(
            request, api=_API, action="services.list", tenant=tenant
        ) as read:
            services = self._definitions.register.services(read.tenant)
            read.details["rows"] = len(services)
            return shown({"services": [document(service) for service in services]})

    async def _show(self, request: Request) -> Response:
        name = request.path_params["name"]
        tenant = request.query_params.get("tenant")
        async with self._context.reading(
            request, api=_API, action="services.show", tenant=tenant
        ) as read:
            read.details["service"] = name
            return shown(document(self._definitions.register.service(read.tenant, name)))

    async def _put(self, request: Request) -> Response:
        editor = await editor_of(request, self._context.gate, Permission.EDIT_SERVICES)
        tenant = tenant_of(request, editor)
        service = service_of(tenant, request.path_params["name"], await json_of(request))
        await self._definitions.put_service(service, editor)
        return shown(document(service))

    async def _remove(self, request: Request) -> Response:
        editor = await editor_of(request, self._context.gate, Permission.EDIT_SERVICES)
        name = request.path_params["name"]
        await self._definitions.remove_service(tenant_of(request, editor), name, editor)
        return shown({"removed": name})


def service_of(tenant: str, name: str, body: Mapping[str, Any]) -> Service:
    """Return a service as a body describes it. Raises: PayloadError."""
    try:
        given = msgspec.convert(body, _Body)
    except msgspec.ValidationError as error:
        raise PayloadError(f"the service cannot be read: {error}") from error
    aliases = tuple(dict.fromkeys(alias for alias in given.aliases if alias != name))
    return Service(tenant, name, given.namespace, aliases, given.labels)


def document(service: Service) -> dict[str, Any]:
    """Return a service as our API shows it."""
    return {
        "name": service.name,
        "namespace": service.namespace,
        "aliases": list(service.aliases),
        "labels": dict(service.labels),
    }
