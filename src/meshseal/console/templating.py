"""Renders pages: escaped everywhere, with the headers that every page has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from meshseal import __version__
from meshseal.console.assets import Assets
from meshseal.console.guards import NO_STORE, SECURITY_HEADERS

PAGE_HEADERS = {**SECURITY_HEADERS, **NO_STORE, "Vary": "HX-Request, HX-Target"}


class Templates:
    """The templates under `templates/`.

    Args:
        assets: The files that pages refer to.
        trial: Whether pages say that this is a trial.
        verifier: The log's key, as `meshseal verify --key` takes it.
    """

    def __init__(self, assets: Assets, *, trial: bool, verifier: str) -> None:
        self._environment = Environment(
            loader=PackageLoader("meshseal.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {
            "asset": assets.url,
            "trial": trial,
            "verifier": verifier,
            "version": __version__,
        }

    def page(
        self,
        name: str,
        context: Mapping[str, Any],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return a template as an answer."""
        text = self._environment.get_template(name).render(context)
        return HTMLResponse(text, status, headers={**PAGE_HEADERS, **(headers or {})})
