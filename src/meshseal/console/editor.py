"""What the pages have in common that show definitions, and a form that changes one of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from meshseal.api.definitions import LiveDefinitions
from meshseal.api.reading import ReadContext
from meshseal.console.forms import form_of
from meshseal.console.frame import retry_headers, status_of
from meshseal.console.sessions import Site
from meshseal.console.templating import PAGE_HEADERS, Templates
from meshseal.model.errors import MeshsealError

_MOST_BYTES = 1 << 20


class EditorPage(ABC):
    """A page at `path`, which `template` renders.

    Args:
        context: What reads need.
        definitions: What it shows and changes.
        templates: What renders it.
        site: How browsers reach the console.
    """

    path: ClassVar[str]
    template: ClassVar[str]

    def __init__(
        self,
        context: ReadContext,
        definitions: LiveDefinitions,
        templates: Templates,
        site: Site,
    ) -> None:
        self._context = context
        self._definitions = definitions
        self._templates = templates
        self._site = site

    @abstractmethod
    async def show(self, request: Request) -> Response:
        """Show what there is, and the form of the one that the address names by `edit`."""

    @abstractmethod
    async def edit(self, request: Request) -> Response:
        """Do what the form asks for, and show what there is again. Raises: MeshsealError."""

    async def _form(self, request: Request) -> dict[str, str]:
        return await form_of(request, public_url=self._site.public_url, most_bytes=_MOST_BYTES)

    def _shown(self, content: dict[str, Any], error: MeshsealError | None) -> Response:
        """Return the page, with what was refused."""
        content["error"] = str(error) if error else ""
        status = status_of(error) if error else 200
        headers = retry_headers(status)
        return self._templates.page(self.template, content, status=status, headers=headers)


def to_page(address: str) -> Response:
    """Return the answer that leads to a page after something was done."""
    return RedirectResponse(address, 303, headers=PAGE_HEADERS)
