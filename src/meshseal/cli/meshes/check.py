"""Has a proxy's own validator read what was printed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from meshseal.cli.meshes import render
from meshseal.model.errors import ConfigError

_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin")
_SECONDS = 60.0


def check(mesh: str, text: str) -> str:
    """Return what the validator says of a configuration that is right.

    Raises:
        ConfigError: The validator refuses it, or is not there, or there is none for this mesh.
    """
    if mesh not in _VALIDATORS:
        raise ConfigError(f"there is no program here that could check what {mesh} reads")
    program, prepare = _VALIDATORS[mesh]
    with tempfile.TemporaryDirectory(prefix="meshseal-check-") as name:
        command = [_found(program), *prepare(text, Path(name))]
        try:
            done = subprocess.run(  # noqa: S603  (our own words, and a file of our own)
                command, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise ConfigError(f"{program} did not answer within {_SECONDS:.0f} s") from None
    if done.returncode:
        raise ConfigError(f"{program} refuses it:\n{(done.stdout + done.stderr).strip()[-2000:]}")
    return f"{program} takes it."


def _found(program: str) -> str:
    found = shutil.which(program) or shutil.which(program, path=":".join(_FOLDERS))
    if found is None:
        raise ConfigError(f"--check needs the program {program}, which is not here")
    return found


def _nginx(text: str, folder: Path) -> list[str]:
    text = re.sub(r"/var/log/nginx/", f"{folder}/", text)
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    http = f"{temporary}\n{_here(text)}\nserver {{ listen 127.0.0.1:65535; }}"
    whole = f"pid {folder}/pid;\nevents {{ }}\nhttp {{\n{http}\n}}\n"
    (folder / "nginx.conf").write_text(whole)
    return ["-t", "-q", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"]


def _haproxy(text: str, folder: Path) -> list[str]:
    # The authority's file is on the proxy's machine, and not here.
    text = re.sub(r" ssl verify required ca-file \S+", " ssl verify none", text)
    text = text.replace("bind 127.0.0.1:0", "bind 127.0.0.1:65535")
    (folder / "haproxy.cfg").write_text(_here(text))
    return ["-c", "-f", f"{folder}/haproxy.cfg"]


def _here(text: str) -> str:
    """Return a text with its server at this machine: the validator would look up its name."""
    return re.sub(
        r"(syslog:server=|server meshseal |log )[A-Za-z][\w.-]*:", r"\g<1>127.0.0.1:", text
    )


def _envoy(text: str, folder: Path) -> list[str]:
    text = text.replace("/var/log/envoy/", f"{folder}/")
    authority = re.search(r"trusted_ca: \{filename: (.*?)\}", text)
    if authority and not Path(authority[1]).exists():
        text = text.replace(
            authority[0], "trusted_ca: {filename: /etc/ssl/certs/ca-certificates.crt}"
        )
    http = _section(text, "access_log")
    clusters = _section(text, "clusters")
    nowhere = "- {name: nowhere, type: STATIC, load_assignment: {cluster_name: nowhere}}"
    values = {
        "http_log": http,
        "tcp_log": (_section(text, "tcp_access_log") or http).replace(
            "tcp_access_log:", "access_log:"
        ),
        "clusters": clusters or "clusters:",
        "nowhere": nowhere,
    }
    (folder / "envoy.yaml").write_text(render.fill("envoy-check.yaml", values))
    return [
        "--mode",
        "validate",
        "-c",
        f"{folder}/envoy.yaml",
        "-l",
        "error",
        "--use-dynamic-base-id",
    ]


def _section(text: str, name: str) -> str:
    """Return a top level key of YAML with all that is below it, or ''."""
    found = re.search(rf"^{name}:\n(?:[- #].*\n)*", text, re.MULTILINE)
    return re.sub(r"^#.*\n", "", found[0], flags=re.MULTILINE) if found else ""


_VALIDATORS: dict[str, tuple[str, Callable[[str, Path], list[str]]]] = {
    "envoy": ("envoy", _envoy),
    "nginx": ("nginx", _nginx),
    "haproxy": ("haproxy", _haproxy),
}
