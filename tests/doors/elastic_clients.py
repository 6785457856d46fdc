"""Elasticsearch's own clients, each version in a folder of its own: they cannot share one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
VERSIONS = ("7.14.2", "8.19.3", "9.5.1")
SENDER = HERE / "elastic_sender.py"


def installed(version: str) -> Path:
    """Return the folder with a version of the Python client, installed on first use."""
    folder = Path(sys.prefix) / "clients" / f"elasticsearch-{version}"
    if not folder.is_dir():
        new = folder.with_name(f"{folder.name}.{os.getpid()}")
        requirements = HERE / "clients" / f"elasticsearch-{version}.txt"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        command += ["--require-hashes", "--requirement", str(requirements), "--target", str(new)]
        subprocess.run(command, check=True, timeout=240)
        try:
            new.rename(folder)
        except OSError:
            shutil.rmtree(new)
    return folder


def sender(version: str, address_file: Path, *options: str) -> subprocess.Popen[str]:
    """Start `elastic_sender.py` with a version of the client; it reads documents from its input."""
    return subprocess.Popen(
        # Without the site packages: the client is to be alone, as old as it may be.
        [sys.executable, "-S", str(SENDER), str(address_file), *options],
        env={**os.environ, "PYTHONPATH": str(installed(version)), "PYTHONWARNINGS": "ignore"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
