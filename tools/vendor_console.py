"""Fetches the console's JavaScript libraries anew, and checks that they are what was vendored.

    python tools/vendor_console.py             fetch, compare with `vendor.json`, write the files
    python tools/vendor_console.py --adopt     the same after a change of version: write new hashes

It needs `npm` for the download only; the console itself runs and installs without Node.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parent.parent / "src/meshseal/console/static/vendor"


def main() -> int:
    """Return 0 if every file is the one that `vendor.json` names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--adopt", action="store_true", help="take new hashes as they are")
    adopt = parser.parse_args().adopt
    listed = VENDOR / "vendor.json"
    libraries: list[dict[str, Any]] = json.loads(listed.read_text())
    wrong = 0
    for library in libraries:
        contents = _contents(library["name"], library["version"])
        for entry in library["files"]:
            content = contents[entry["source"]]
            found = hashlib.sha256(content).hexdigest()
            if found != entry["sha256"] and not adopt:
                print(f"{library['name']} {library['version']}: {entry['source']} has {found}")
                wrong += 1
                continue
            entry["sha256"] = found
            (VENDOR / entry["file"]).write_bytes(content)
            print(f"{entry['file']}: {library['name']} {library['version']}, as it should be")
    if adopt:
        listed.write_text(json.dumps(libraries, indent=2) + "\n")
    return 1 if wrong else 0


def _contents(name: str, version: str) -> dict[str, bytes]:
    """Return the files of a package, by their path in it."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", f"{name}@{version}", "--silent"]  # npm is found by PATH
        packed = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        with tarfile.open(Path(folder) / packed.stdout.split()[-1]) as archive:
            return {
                member.name.removeprefix("package/"): file.read()
                for member in archive
                if (file := archive.extractfile(member))
            }


if __name__ == "__main__":
    sys.exit(main())
