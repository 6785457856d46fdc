"""The static files: read once from the package, served with a digest in their address."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from meshseal.console.guards import SECURITY_HEADERS

_PREFIX = "/console/static"
_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "LICENSE": "text/plain; charset=utf-8",
}
_FOREVER = "public, max-age=31536000, immutable"


class Assets:
    """The files under `static/`.

    One digest stands for all of them. It is a folder in their addresses, so that a module that
    imports its neighbor by a relative path gets the neighbor of its own version.
    """

    def __init__(self) -> None:
        root = resources.files("meshseal.console").joinpath("static")
        self._files = {
            path: content
            for path, content in _walk(root, "")
            if path.rpartition(".")[2] in _MEDIA_TYPES
        }
        hashed = hashlib.sha256()
        for path, content in sorted(self._files.items()):
            hashed.update(f"{path}\0{len(content)}\0".encode() + content)
        self.digest = hashed.hexdigest()[:16]

    def url(self, path: str) -> str:
        """Return a file's address. Raises: KeyError when there is no such file."""
        if path not in self._files:
            raise KeyError(path)
        return f"{_PREFIX}/{self.digest}/{path}"

    def names(self, folder: str, ending: str) -> list[str]:
        """Return the names of the files of a folder that end so, in order."""
        return sorted(
            path for path in self._files if path.startswith(f"{folder}/") and path.endswith(ending)
        )

    def route(self) -> Route:
        """Return the route that serves them."""
        return Route(f"{_PREFIX}/{{digest}}/{{path:path}}", self._serve)

    async def _serve(self, request: Request) -> Response:
        path = request.path_params["path"]
        content = self._files.get(path)
        if content is None:
            return PlainTextResponse("There is no such file.\n", 404, headers=SECURITY_HEADERS)
        # A page from before an upgrade asks for another digest: it gets what there is, for once.
        current = request.path_params["digest"] == self.digest
        caching = {"Cache-Control": _FOREVER if current else "no-cache"}
        media_type = _MEDIA_TYPES[path.rpartition(".")[2]]
        return Response(content, media_type=media_type, headers={**SECURITY_HEADERS, **caching})


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()
