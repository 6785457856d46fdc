"""Whatever is changed in what is stored, `meshseal verify` fails and names the batch."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from meshseal.model.columns import LOG_COLUMNS
from meshseal.seal.signing_key import load_verifier
from tests.seal.vault import RECORDS, Vault, batches_of, check, fill, flip, manifests, named
from tests.server import ServerProcess, meshseal
from tests.store_access import ask, command

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SAMPLE = 20
UNREAD = {"columns_substreams.txt", "metadata_version.txt", "statistics.packed"}
"""Files that the engine does not check, and from which nothing of a record is read: the last only
helps it to plan a query."""


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory whose server was stopped. Nobody may change it: copy it."""
    data = tmp_path_factory.mktemp("sealed") / "data"
    fill(data)
    return data


@pytest.fixture(scope="module")
def vault(sealed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    """A running server on a copy, whose table of records is put back after each change."""
    folder = tmp_path_factory.mktemp("vault")
    shutil.copytree(sealed, folder / "data")
    with ServerProcess(folder / "data") as server:
        yield Vault.of(server, folder / "pristine")


@pytest.fixture
def copy(sealed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sealed, tmp_path / "data", symlinks=True)


# ---- Files, with the server stopped, through the command -----------------------------------


def test_an_untouched_copy_passes(copy: Path) -> None:
    verdict = meshseal("verify", str(copy))
    assert verdict.returncode == 0, verdict.stdout
    assert "every leaf computed anew" in verdict.stdout
    assert verdict.stdout.endswith("Everything holds.\n")


def test_a_copy_that_followed_links_passes_too(sealed: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(sealed, tmp_path / "data", symlinks=False)
    assert not (copy / "engine" / "database" / "metadata" / "default").is_symlink()
    assert check(copy).findings == []
    assert (copy / "engine" / "database" / "metadata" / "default").is_symlink()


def test_a_stopped_server_leaves_no_copies_that_nothing_reads(sealed: Path) -> None:
    parts = list(sealed.glob("engine/disk/sealed/store/*/*/365-*"))
    assert len(parts) <= 2, parts


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("engine/disk/sealed/store/*/*/365-*/Body.bin", id="column"),
        pytest.param("ledger/tile/entries/**/*", id="manifest"),
        pytest.param("ledger/tile/0/**/*", id="tile"),
        pytest.param("ledger/checkpoint", id="checkpoint"),
    ],
)
@pytest.mark.parametrize("part", [pytest.param(p, id=f"at_{p}") for p in (0.5, 0.9)])
def test_one_changed_byte_fails_and_names_a_batch(
    sealed: Path, copy: Path, pattern: str, part: float
) -> None:
    path = next(path for path in sorted(copy.glob(pattern)) if path.is_file())
    flip(path, int(path.stat().st_size * part), bit=3)
    verdict = meshseal("verify", str(copy)) if part == 0.5 else None
    report = check(copy)
    assert named(report) & {manifest.batch for manifest in manifests(sealed)}, report.findings
    if verdict is not None:
        assert verdict.returncode == 1
        assert all(str(finding) in verdict.stdout for finding in report.findings)


def test_a_log_that_lost_its_last_entries(sealed: Path, copy: Path) -> None:
    """Cut by hand: the bundle and the tile are shorter, the checkpoint is what it was."""
    bundle = next((copy / "ledger" / "tile" / "entries").rglob("*.p/*"))
    last = manifests(sealed)[-1].encode()
    bundle.write_bytes(bundle.read_bytes()[: -len(last) - 2])
    tile = next((copy / "ledger" / "tile" / "0").rglob("*.p/*"))
    tile.write_bytes(tile.read_bytes()[:-32])
    assert manifests(sealed)[-1].batch in named(check(copy))


def test_a_log_rolled_back_to_an_older_one(sealed: Path, tmp_path: Path) -> None:
    """The whole of an older log, validly signed, under newer records and state."""
    with_more = shutil.copytree(sealed, tmp_path / "more" / "data")
    with ServerProcess(with_more) as server:
        server.ship(b"one more", tenant="acme")
        server.wait_for_count(
            3 * RECORDS + 1, 'sum(count_over_time({service_name=~".+"}[1h]))', tenant="acme"
        )
    newest = (with_more / "ledger" / "checkpoint").read_text()
    added = {m.batch for m in manifests(with_more)} - {m.batch for m in manifests(sealed)}
    shutil.rmtree(with_more / "ledger")
    shutil.copytree(sealed / "ledger", with_more / "ledger")
    report = check(with_more)
    assert added <= named(report)
    assert "it was sealed, but is not in the log" in str([f.what for f in report.findings])
    # With the whole directory rolled back, only a checkpoint kept elsewhere can tell.
    whole = shutil.copytree(sealed, tmp_path / "whole" / "data")
    assert not check(whole).findings
    report = check(whole, older_checkpoint=newest)
    assert any("entries once, and has" in finding.what for finding in report.findings)


def test_a_log_signed_by_another_key(copy: Path, tmp_path: Path) -> None:
    """All of another server's log and its key: the state still knows what was sealed."""
    with ServerProcess(tmp_path / "other") as server:
        server.ship(b"somebody else's")
        server.wait_for_count(1, 'sum(count_over_time({service_name=~".+"}[1h]))')
    own_key = load_verifier(copy / "keys" / "ledger.key")
    expected = {manifest.batch for manifest in manifests(copy)}
    shutil.rmtree(copy / "ledger")
    shutil.copytree(tmp_path / "other" / "ledger", copy / "ledger")
    shutil.copy(tmp_path / "other" / "keys" / "ledger.key", copy / "keys" / "ledger.key")
    assert len(named(check(copy)) & expected) >= len(expected) - 2
    report = check(copy, verifier=own_key)
    assert any("the checkpoint does not hold" in finding.what for finding in report.findings)


# ---- Files of the table, one byte at a time ------------------------------------------------


def read_by_engine(path: Path) -> bool:
    """Say whether anything is read from a file: not from the marks of a column without bytes."""
    if path.suffix == ".cmrk2":
        return path.with_suffix(".bin").stat().st_size > 0
    return path.name not in UNREAD


def test_one_changed_byte_of_any_file_of_the_table(vault: Vault) -> None:
    """A fair sample of all the files there are; each kind of file is in it."""
    dice = random.Random(20261121)
    files = [path.relative_to(vault.part) for path in vault.files() if read_by_engine(path)]
    plain = [path for path in files if path.suffix not in (".bin", ".cmrk2")]
    small = [path for path in plain if path.name.startswith(("minmax", "count", "partition"))]
    sample = plain + 3 * small + dice.sample([path for path in files if path not in plain], SAMPLE)
    assert len(plain) >= 10
    passed: list[str] = []
    nameless: list[str] = []
    for name in sample:
        path = vault.part / name
        at = dice.randrange(path.stat().st_size)
        report = vault.check_flipped(path, at, dice.randrange(8))
        if not report.findings:
            passed.append(f"{name} at {at}")
        elif not named(report):
            nameless.append(f"{name} at {at}: {report.findings[0]}")
    assert not passed
    assert not nameless


def test_every_byte_of_a_header(vault: Vault) -> None:
    """The engine skips the end of an encrypted file's header; the check does not."""
    for at in range(1, 64, 20):
        report = vault.check_flipped(vault.part / "Body.bin", at, bit=7)
        assert named(report), f"byte {at} of the header"


# ---- Records, through SQL ------------------------------------------------------------------


def newest(vault: Vault, tenant: str = "acme") -> str:
    return batches_of(vault.server.data, tenant)[-1]


def other(vault: Vault) -> str:
    return batches_of(vault.server.data, "globex")[0]


_SYNC = "SETTINGS mutations_sync = 2"
_COPY = (
    "INSERT INTO logs SELECT * REPLACE({change}) "
    "FROM (SELECT * FROM logs WHERE Batch = {batch} AND Seq = 7)"
)
_DISORDER = (
    "ALTER TABLE logs UPDATE Batch = if(Batch = {batch}, {other}, {batch}) "
    "WHERE Batch IN ({batch}, {other}) " + _SYNC
)


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        pytest.param(
            ["ALTER TABLE logs DELETE WHERE Batch = {batch} AND Seq = 7 " + _SYNC],
            ["batch {batch}: record 7 is missing: 19 of 20 records are there"],
            id="a_record_deleted_by_mutation",
        ),
        pytest.param(
            ["DELETE FROM logs WHERE Batch = {batch} AND Seq = 7"],
            ["batch {batch}: record 7 is missing: 19 of 20 records are there"],
            id="a_record_deleted_lightly",
        ),
        pytest.param(
            ["DELETE FROM logs WHERE Batch = {batch} AND Seq = 19"],
            ["batch {batch}: record 19 is missing: 19 of 20 records are there"],
            id="the_last_record_deleted",
        ),
        pytest.param(
            ["DELETE FROM logs WHERE Batch = {batch}"],
            ["batch {batch}: record 0 is missing: 0 of 20 records are there"],
            id="a_whole_batch_deleted",
        ),
        pytest.param(
            ["ALTER TABLE logs DROP PARTITION ID '{partition}'"],
            ["batch {batch}: record 0 is missing", "batch {other}: record 0 is missing"],
            id="a_partition_dropped",
        ),
        pytest.param(
            ["TRUNCATE TABLE logs"],
            ["batch {batch}: record 0 is missing", "batch {other}: record 0 is missing"],
            id="the_table_emptied",
        ),
        pytest.param(
            [_COPY.format(change="20 AS Seq", batch="{batch}")],
            ["batch {batch}: record 20 should not be there: 21 records instead of 20"],
            id="a_record_added",
        ),
        pytest.param(
            [_COPY.format(change="7 AS Seq", batch="{batch}")],
            ["batch {batch}: record 7 should not be there: 21 records instead of 20"],
            id="a_record_doubled",
        ),
        pytest.param(
            [_COPY.format(change="Timestamp - INTERVAL 9 DAY AS Timestamp", batch="{batch}")],
            ["batch {batch}: records are under its number that are not of it: 1"],
            id="a_record_added_at_another_time",
        ),
        pytest.param(
            [_COPY.format(change="'nobody' AS Tenant", batch="{batch}")],
            ["batch {batch}: records are under its number that are not of it: 1"],
            id="a_record_added_for_another_tenant",
        ),
        pytest.param(
            [_COPY.format(change="999999 AS Batch", batch="{batch}")],
            ["batch 999999: it is stored, but not sealed"],
            id="a_record_in_a_batch_that_never_was",
        ),
        pytest.param(
            [
                _COPY.format(change="'globex' AS Tenant", batch="{batch}"),
                "DELETE FROM logs WHERE Batch = {batch} AND Seq = 7 AND Tenant = 'acme'",
            ],
            ["batch {batch}: record 7 is not what was sealed"],
            id="a_record_moved_to_another_tenant",
        ),
        pytest.param(
            [_DISORDER],
            ["batch {batch}: ", "batch {other}: "],
            id="two_batches_swapped",
        ),
        pytest.param(
            [
                "ALTER TABLE logs UPDATE SealHint = SealHint + 1 WHERE Batch = {batch} AND Seq = 7 "
                + _SYNC
            ],
            ["batch {batch}: the stored hash of record 7 was changed"],
            id="a_stored_hash",
        ),
    ],
)
def test_records_changed_through_sql(
    vault: Vault, statements: Sequence[str], says: Sequence[str]
) -> None:
    partition = ask(
        vault.server, "SELECT any(partition_id) FROM system.parts WHERE active AND table = 'logs'"
    )[0][0]
    names = {"batch": newest(vault), "other": other(vault), "partition": partition}
    try:
        for statement in statements:
            command(vault.server, statement.format(**names))
        report = check(vault.server.data)
    finally:
        vault.restore()
    shown = [str(finding) for finding in report.findings]
    for expected in says:
        assert any(line.startswith(expected.format(**names)) for line in shown), shown
    untouched = set(batches_of(vault.server.data, "acme")[:1]) - {names["batch"]}
    if "partition" not in statements[0].lower() and "truncate" not in statements[0].lower():
        assert not named(report) & untouched, shown


_NEW_VALUES = {
    "Body": "concat(Body, ' ')",
    "ResourceAttributes": "mapUpdate(ResourceAttributes, map('host.name', 'other'))",
    "OtherAttributes": "mapUpdate(OtherAttributes, map('k', 'v'))",
    "ScopeAttributes": "mapUpdate(ScopeAttributes, map('k', 'v'))",
    "ObservedTimestamp": "ObservedTimestamp + INTERVAL 1 NANOSECOND",
    "Mtls": "if(Mtls = 'mutual', 'unknown', 'mutual')",
    "DurationNanos": "ifNull(DurationNanos, 0) + 1",
    "HttpRequestBodySize": "NULL",
    "HttpResponseStatusCode": "HttpResponseStatusCode + 1",
    "SeverityNumber": "SeverityNumber + 1",
    "RequestId": "''",
    "Route": "concat(Route, 'x')",
}


@pytest.mark.parametrize("column", _NEW_VALUES)
def test_one_column_of_one_record_changed_through_sql(vault: Vault, column: str) -> None:
    batch = newest(vault, "globex")
    where = f"WHERE Batch = {batch} AND Seq = 3 {_SYNC}"
    assert column in {each.name for each in LOG_COLUMNS}
    try:
        command(vault.server, f"ALTER TABLE logs UPDATE {column} = {_NEW_VALUES[column]} {where}")
        report = check(vault.server.data)
    finally:
        vault.restore()
    shown = [str(finding) for finding in report.findings]
    assert shown == [f"batch {batch}: record 3 is not what was sealed"]


def test_what_was_put_back_holds_again(vault: Vault) -> None:
    """The other tests change one thing each: without the change nothing is found."""
    vault.restore()
    assert check(vault.server.data).findings == []
