"""The check of a log's directory: whichever byte is changed, it says so, and names a batch."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from meshseal.seal import merkle
from meshseal.seal.check import CheckedLog, check_log
from meshseal.seal.ledger import Ledger
from meshseal.seal.manifest import Manifest
from meshseal.seal.note import Signer, Verifier, open_checkpoint
from meshseal.seal.tiles import Tiles

SIGNER = Signer("meshseal/test", bytes(range(32)))
ENTRIES = 300


def manifest(number: int, previous: str, tenant: str = "acme") -> Manifest:
    return Manifest(
        tenant=tenant,
        batch=str(4096 * (number + 1)),
        count=1,
        root=merkle.leaf_hash(b"%d" % number).hex(),
        first_time_unix_nano="1",
        last_time_unix_nano="2",
        sources=[],
        tallies=[],
        shapes={"lines": 1},
        previous=previous,
    )


def grow(directory: Path, count: int, *, step: int = 7) -> list[str]:
    """Append manifests, some at a time; return the checkpoint after each append."""
    ledger = Ledger(directory, SIGNER)
    entries: list[bytes] = []
    previous = ""
    for number in range(count):
        each = manifest(number, previous)
        previous = each.digest
        entries.append(each.encode())
    checkpoints = []
    for start in range(0, count, step):
        ledger.append(entries[start : start + step])
        checkpoints.append(ledger.checkpoint)
    return checkpoints


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("log") / "ledger"
    grow(directory, ENTRIES)
    return directory


def checked(directory: Path, older: str | None = None) -> CheckedLog:
    return check_log(directory, SIGNER.verifier, older=older)


def test_an_untouched_log(log: Path) -> None:
    result = checked(log)
    assert result.findings == []
    assert result.checkpoint is not None
    assert result.checkpoint.size == ENTRIES
    assert len(result.manifests) == ENTRIES


def files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def test_only_the_files_that_the_log_is_made_of(log: Path) -> None:
    assert [str(path.relative_to(log)) for path in files(log)] == [
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    ]


def test_every_byte_of_a_small_log(tmp_path: Path) -> None:
    grow(tmp_path / "ledger", 3)
    silent: list[str] = []
    for path in files(tmp_path / "ledger"):
        content = path.read_bytes()
        for at in range(len(content)):
            path.write_bytes(content[:at] + bytes([content[at] ^ 0x20]) + content[at + 1 :])
            if not checked(tmp_path / "ledger").findings:
                silent.append(f"{path.name} at {at}")
        path.write_bytes(content)
    assert not silent
    assert not checked(tmp_path / "ledger").findings


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        pytest.param("tile/entries/000", 200, id="an_entry_of_a_full_bundle"),
        pytest.param("tile/entries/001.p/44", 290, id="an_entry_of_the_last_bundle"),
        pytest.param("tile/0/000", 200, id="a_hash_of_a_full_tile"),
        pytest.param("tile/0/001.p/44", 290, id="a_hash_of_the_last_tile"),
    ],
)
def test_the_batch_that_was_changed_is_named(
    log: Path, tmp_path: Path, name: str, entry: int
) -> None:
    copy = shutil.copytree(log, tmp_path / "ledger")
    path = copy / name
    content = path.read_bytes()
    if "entries" in name:
        at = content.index(b'"batch":"%d"' % (4096 * (entry + 1))) + 9
    else:
        at = entry % 256 * 32
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    batches = [finding.batch for finding in checked(copy).findings]
    expected = str(4096 * (entry + 1))
    changed = str(int(expected) ^ 0)
    assert (
        changed in batches
        or any(batch.startswith(expected[1:]) for batch in batches)
        or ("entries" in name and any(batches))
    ), batches


@pytest.mark.parametrize(
    "name", ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"]
)
def test_a_file_that_is_gone(log: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(log, tmp_path / "ledger")
    (copy / name).unlink()
    assert checked(copy).findings


def test_another_key(log: Path) -> None:
    stranger = Signer("meshseal/test", bytes(32)).verifier
    findings = check_log(log, stranger).findings
    assert any("the checkpoint does not hold" in finding.what for finding in findings)


def test_two_entries_swapped(tmp_path: Path) -> None:
    grow(tmp_path / "ledger", 4)
    [path] = (tmp_path / "ledger/tile/entries").rglob("*.p/*")
    from_, to = manifest(0, ""), None
    content = path.read_bytes()
    first = len(from_.encode()) + 2
    second = first + 2 + int.from_bytes(content[first : first + 2], "big")
    path.write_bytes(content[first:second] + content[:first] + content[second:])
    findings = checked(tmp_path / "ledger").findings
    assert to is None
    assert {"4096", "8192"} & {finding.batch for finding in findings}


def test_an_older_checkpoint_holds_while_the_log_grows(tmp_path: Path) -> None:
    for older in grow(tmp_path / "ledger", 40):
        assert checked(tmp_path / "ledger", older).findings == []


def test_a_rolled_back_log_is_caught_by_a_newer_checkpoint(tmp_path: Path) -> None:
    newest = grow(tmp_path / "full", 40)[-1]
    grow(tmp_path / "ledger", 30)
    findings = checked(tmp_path / "ledger", newest).findings
    assert [finding.what for finding in findings] == ["the log had 40 entries once, and has 30 now"]


def test_a_log_written_anew_is_caught_by_an_older_checkpoint(tmp_path: Path) -> None:
    older = grow(tmp_path / "first", 10)[-1]
    other = Ledger(tmp_path / "ledger", SIGNER)
    previous = ""
    for number in range(20):
        each = manifest(number, previous, tenant="globex")
        previous = each.digest
        other.append([each.encode()])
    assert checked(tmp_path / "ledger").findings == []
    findings = checked(tmp_path / "ledger", older).findings
    assert "does not begin as it did" in findings[0].what


def test_a_log_goes_on_where_it_was(tmp_path: Path) -> None:
    grow(tmp_path / "ledger", 260)
    before = open_checkpoint((tmp_path / "ledger/checkpoint").read_text(), SIGNER.verifier)
    ledger = Ledger(tmp_path / "ledger", SIGNER)
    assert ledger.size == 260
    ledger.append([manifest(260, "x").encode()])
    after = open_checkpoint(ledger.checkpoint, SIGNER.verifier)
    proof = Tiles(tmp_path / "ledger").consistency_proof(before.size, after.size)
    merkle.check_consistency(before.size, before.root, after.size, after.root, proof)


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 300])
def test_tiles_give_the_proofs_of_the_tree(tmp_path: Path, size: int) -> None:
    grow(tmp_path / "ledger", size, step=50)
    tiles = Tiles(tmp_path / "ledger")
    hashes = [merkle.leaf_hash(entry) for _, entry in tiles.entries(0, size)]
    assert tiles.root(size) == merkle.root(hashes)
    for index in {0, size // 2, size - 1}:
        assert tiles.inclusion_proof(index, size) == merkle.inclusion_proof(hashes, index)
    for old in {1, size // 2 or 1, size}:
        assert tiles.consistency_proof(old, size) == merkle.consistency_proof(hashes, old)


def test_a_verifier_key_reads_back() -> None:
    assert Verifier.parse(str(SIGNER.verifier)) == SIGNER.verifier


def test_tiles_can_be_read_while_the_log_grows(tmp_path: Path) -> None:
    """The writer removes a partial tile as soon as there is a wider one."""
    grow(tmp_path / "ledger", 2)
    tiles = Tiles(tmp_path / "ledger")
    done = threading.Event()

    def write() -> None:
        ledger = Ledger(tmp_path / "ledger", SIGNER)
        for number in range(100):
            ledger.append([manifest(number + 2, "").encode()])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    first = manifest(0, "").encode()
    while not done.is_set():
        assert tiles.entry(0, 2) == first
        assert len(tiles.read(0, 0, 2)) == 64
    writer.join()
