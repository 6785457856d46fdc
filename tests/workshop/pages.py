"""The documentation's pages, taken apart for the tests of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("bench/*.md"))
)

_FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of Markdown."""

    name: str

    @property
    def text(self) -> str:
        return (ROOT / self.name).read_text()

    @property
    def prose(self) -> str:
        """The text without its code blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, *languages: str) -> list[str]:
        """The code blocks in these languages; all, if none is given."""
        found = _FENCE.findall(self.text)
        return [code for language, code in found if not languages or language in languages]

    def code_lines(self) -> list[str]:
        """Every line of code blocks, continued lines joined, and every code span."""
        lines = [
            line for block in self.blocks() for line in block.replace("\\\n", " ").splitlines()
        ]
        return lines + _SPAN.findall(self.prose)

    def links(self) -> list[str]:
        """The targets of links and images."""
        return _LINK.findall(_SPAN.sub("", self.prose))

    def anchors(self) -> set[str]:
        """What a link can point to inside the page."""
        return {_anchor(heading) for heading in _HEADING.findall(self.prose)}


def _anchor(heading: str) -> str:
    plain = re.sub(r"[^\w\- ]", "", heading.lower().replace("`", ""))
    return plain.strip().replace(" ", "-")
