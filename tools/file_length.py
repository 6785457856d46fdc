"""Says which source files are longer than a reader should have to hold in mind."""

from __future__ import annotations

import sys
from pathlib import Path

LIMIT = 400
FOLDERS = ("src", "tests", "bench", "demo", "tools")


def main() -> int:
    """Print each file over the limit; the exit status says whether there is one."""
    root = Path(__file__).resolve().parent.parent
    long = [
        (path, count)
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*.py"))
        if "protos" not in path.parts and (count := _lines(path)) > LIMIT
    ]
    for path, count in long:
        print(f"{path.relative_to(root)}: {count} lines, more than {LIMIT}")
    return 1 if long else 0


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


if __name__ == "__main__":
    sys.exit(main())
