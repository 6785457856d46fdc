"""Clients of npm: installed once, from their lock file, and run as processes of Node.js."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parent / "clients" / "node"


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"there is no {name} here: apt-get install --no-install-recommends nodejs npm"
    return found


def installed() -> Path:
    """Return the folder with the packages, installed on first use."""
    lock = (SCRIPTS / "package-lock.json").read_bytes()
    folder = Path(sys.prefix) / "clients" / f"node-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not folder.is_dir():
        new = folder.with_name(f"{folder.name}.{os.getpid()}")
        new.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SCRIPTS / name, new)
        command = [_program("npm"), "ci", "--ignore-scripts", "--silent"]
        subprocess.run(command, cwd=new, check=True, timeout=240)
        try:
            new.rename(folder)
        except OSError:
            shutil.rmtree(new)
    return folder


def node(script: str, *arguments: str | int) -> subprocess.Popen[str]:
    """Start a script of `clients/node`."""
    return subprocess.Popen(
        [_program("node"), str(SCRIPTS / script), *map(str, arguments)],
        env={**os.environ, "NODE_PATH": str(installed() / "node_modules")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
