"""Python clients that cannot share a folder with ours: each installed once, in one of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.server import ServerProcess

CLIENTS = Path(__file__).parent / "clients"


def installed(name: str) -> Path:
    """Return the folder with what `clients/NAME.txt` lists, installed on first use."""
    folder = Path(sys.prefix) / "clients" / name
    if not folder.is_dir():
        new = folder.with_name(f"{folder.name}.{os.getpid()}")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        command += ["--requirement", str(CLIENTS / f"{name}.txt"), "--target", str(new)]
        subprocess.run(command, check=True, timeout=240)
        try:
            new.rename(folder)
        except OSError:
            shutil.rmtree(new)
    return folder


def python(name: str, script: str, *arguments: str | int | Path) -> subprocess.Popen[str]:
    """Start a script of `clients` with a client's folder and nothing else of ours."""
    environment = {
        "PYTHONPATH": str(installed(name)),
        "PYTHONWARNINGS": "ignore",
        # What was generated for Protocol Buffers of old is read by its Python alone.
        "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python",
    }
    return subprocess.Popen(
        [sys.executable, "-S", str(CLIENTS / script), *map(str, arguments)],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kill_half_way(server: ServerProcess, sender: subprocess.Popen[str]) -> None:
    """Kill the server when a client has sent half, start it again, and let the client end."""
    assert sender.stdout
    assert sender.stdin
    assert sender.stdout.readline() == "half\n"
    sender.stdin.write("\n")
    sender.stdin.flush()
    server.kill()
    server.start()
    assert sender.wait(180) == 0, sender.stdout.read()
