"""The auditor's example: it must take what holds and nothing else, by no code of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshseal.model.columns import LOG_COLUMNS, Kind
from meshseal.seal import merkle
from meshseal.seal.canonical import Record, leaf, salt
from meshseal.seal.ledger import Ledger
from meshseal.seal.manifest import Manifest, SourceShare
from meshseal.seal.note import Signer
from meshseal.seal.proof import LogProof, Proof
from tests.workshop.pages import ROOT

SCRIPT = ROOT / "docs" / "examples" / "check_proof.py"
SIGNER = Signer("log.example", bytes(range(32)))
OTHER = Signer("log.example", bytes(32))
_BATCH_KEY = b"k" * 32


def _record(seq: int) -> Record:
    values: dict[str, Any] = {
        column.name: [] if column.kind is Kind.MAP else b"" for column in LOG_COLUMNS
    }
    return {
        **values,
        "Timestamp": b"1795263979000000000",
        "Body": b"line \xff %d" % seq,
        "ResourceAttributes": [(b"service.name", b"cart"), (b"k8s.cluster.name", b"eu1")],
        "Tenant": b"default",
        "Batch": b"4096",
        "Seq": b"%d" % seq,
        "Mtls": b"unknown",
    }


def _path(leaves: list[bytes], index: int) -> list[bytes]:
    path = []
    while len(leaves) > 1:
        if index ^ 1 < len(leaves):
            path.append(leaves[index ^ 1])
        leaves, index = merkle.next_level(leaves), index // 2
    return path


def _proof(folder: Path, *, seq: int, count: int, entry: int, entries: int) -> Proof:
    """The proof of a record of a batch in a log made for it."""
    leaves = [leaf(_record(at), salt(_BATCH_KEY, at)) for at in range(count)]
    manifest = Manifest(
        tenant="default",
        batch="4096",
        count=count,
        root=merkle.root(leaves).hex(),
        first_time_unix_nano="1795263979000000000",
        last_time_unix_nano="1795263979000000000",
        sources=[SourceShare("trial", "lines", count)],
        tallies=[],
        shapes={"lines": 1},
        previous="",
    ).encode()
    contents = [manifest if at == entry else b"entry %d" % at for at in range(entries)]
    ledger = Ledger(folder, SIGNER)
    ledger.append(contents)
    log_path = ledger.tiles.inclusion_proof(entry, entries)
    return Proof(
        record=_record(seq),
        salt=salt(_BATCH_KEY, seq),
        path=_path(leaves, seq),
        manifest=manifest,
        log=LogProof(entry, log_path, ledger.checkpoint),
    )


def _check(path: Path, key: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(path), key]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("seq", "count", "entry", "entries"),
    [
        pytest.param(0, 1, 0, 1, id="the only record of the only batch"),
        pytest.param(1, 2, 0, 2, id="the second of two"),
        pytest.param(4, 5, 6, 7, id="the odd last of both trees"),
        pytest.param(2, 5, 3, 300, id="a log of more than one tile"),
    ],
)
def test_a_proof_that_holds_is_taken(
    tmp_path: Path, seq: int, count: int, entry: int, entries: int
) -> None:
    proof = _proof(tmp_path / "log", seq=seq, count=count, entry=entry, entries=entries)
    proof.verify(SIGNER.verifier)
    file = tmp_path / "proof.json"
    file.write_bytes(proof.encode())
    checked = _check(file, str(SIGNER.verifier))
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.endswith(f"record {seq} of batch 4096 is in log.example\n")


def _set(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(fields: dict[str, Any]) -> None:
        node = fields
        for name in path[:-1]:
            node = node[name]
        assert node.get(path[-1]) != to
        node[path[-1]] = to

    return change


def _replace(name: str, old: str, new: str) -> Callable[[dict[str, Any]], None]:
    def change(fields: dict[str, Any]) -> None:
        assert old in fields[name]
        fields[name] = fields[name].replace(old, new)

    return change


def _swap_names(fields: dict[str, Any]) -> None:
    record = fields["record"]
    renamed = {"Door": "Tenant", "Tenant": "Door"}
    fields["record"] = {renamed.get(name, name): value for name, value in record.items()}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(_set("record", "Mtls", to="mutual"), "not the one", id="a column"),
        pytest.param(_set("record", "Seq", to="2"), "not the one", id="the position"),
        pytest.param(_set("record", "Seq", to="9"), "outside the tree", id="no such position"),
        pytest.param(_set("record", "Extra", to="x"), "other columns", id="a column too many"),
        pytest.param(_swap_names, "not the one", id="two columns change names"),
        pytest.param(_set("salt", to="00" * 32), "not the one", id="the salt"),
        pytest.param(_set("path", to=[]), "too short", id="no path"),
        pytest.param(_replace("manifest", '"lines":1', '"lines":2'), "not in the log", id="shape"),
        pytest.param(_replace("manifest", "default", "another"), "another batch", id="tenant"),
        pytest.param(_replace("log", "\n7\n", "\n8\n"), "not signed", id="the log's size"),
        pytest.param(_replace("log", "log.example\n7", "log.other\n7"), "another log", id="origin"),
    ],
)
def test_a_proof_that_was_changed_is_not_taken(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], says: str
) -> None:
    proof = _proof(tmp_path / "log", seq=1, count=5, entry=2, entries=7)
    fields = json.loads(proof.encode())
    change(fields)
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(fields))
    checked = _check(file, str(SIGNER.verifier))
    assert (checked.returncode, checked.stdout) == (1, "")
    assert says in checked.stderr


def test_a_log_that_another_key_signed_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    file.write_bytes(_proof(tmp_path / "log", seq=0, count=2, entry=0, entries=1).encode())
    checked = _check(file, str(OTHER.verifier))
    assert (checked.returncode, checked.stdout) == (1, "")
    assert "not signed by the key" in checked.stderr
