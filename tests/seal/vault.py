"""A data directory with sealed records in it, to be tampered with: copied, changed, checked."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from meshseal.app.config import load_config
from meshseal.app.verification import Report, run
from meshseal.seal.manifest import Manifest
from meshseal.seal.note import Verifier
from meshseal.seal.tiles import ENTRIES, decode_bundle
from tests.server import ServerProcess, istio_line
from tests.store_access import ask, command

TENANTS = ("acme", "globex")
RECORDS = 20
_WIDE = "min_bytes_for_wide_part = 0, min_rows_for_wide_part = 0"


def fill(data: Path) -> None:
    """Store three batches of each of two tenants, merged into one part with a file per column."""
    with ServerProcess(data) as server:
        for round_ in range(3):
            now = time.time_ns()
            for tenant in TENANTS:
                numbers = range(round_ * RECORDS, (round_ + 1) * RECORDS)
                lines = [istio_line(n, at_unix_nano=now - n * 10**9) for n in numbers]
                server.ship("\n".join(lines).encode(), tenant=tenant)
                server.wait_for_count(
                    (round_ + 1) * RECORDS,
                    'sum(count_over_time({service_name=~".+"}[1h]))',
                    tenant=tenant,
                )
        command(server, f"ALTER TABLE logs MODIFY SETTING {_WIDE}")
    with ServerProcess(data) as server:
        command(server, "OPTIMIZE TABLE logs FINAL")


def check(data: Path, **options: str | Verifier | None) -> Report:
    """Check a directory, in this process; the engine is the running server's or a new one."""
    older, verifier = options.get("older_checkpoint"), options.get("verifier")
    assert older is None or isinstance(older, str)
    assert verifier is None or isinstance(verifier, Verifier)
    return run(
        data,
        load_config(environment={}),
        verifier=verifier,
        older_checkpoint=older,
        on_progress=lambda *_: None,
    )


def manifests(data: Path) -> list[Manifest]:
    """Return every manifest of the log, which has fewer than 256."""
    bundle = next((data / "ledger" / "tile" / ENTRIES).rglob("*.p/*"))
    return [Manifest.decode(entry) for entry in decode_bundle(bundle.read_bytes())]


def batches_of(data: Path, tenant: str) -> list[str]:
    """Return the numbers of a tenant's batches, in order."""
    return [manifest.batch for manifest in manifests(data) if manifest.tenant == tenant]


def flip(path: Path, at: int, bit: int = 0) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


def named(report: Report) -> set[str]:
    """Return the batches that a report finds fault with."""
    return {finding.batch for finding in report.findings if finding.batch}


@dataclass
class Vault:
    """A running server's table of records, which can be put back to what it was."""

    server: ServerProcess
    folder: Path
    part: Path
    _pristine: Path

    @classmethod
    def of(cls, server: ServerProcess, spare: Path) -> Vault:
        command(server, "SYSTEM STOP MERGES")
        command(server, "DETACH TABLE streams SYNC")  # only `logs` is tampered with here
        command(server, "ATTACH TABLE streams")
        rows = ask(server, "SELECT path FROM system.parts WHERE table = 'logs' AND active")
        assert len(rows) == 1, "the records are in one part"
        part = Path(rows[0][0])
        shutil.copytree(part.parent, spare)
        return cls(server, part.parent, part, spare)

    def files(self) -> Sequence[Path]:
        """Return every file of the part that has any bytes."""
        paths = [path for path in self.part.rglob("*") if path.is_file()]
        return sorted(path for path in paths if path.stat().st_size)

    def restore(self) -> None:
        """Put the table back to what it was."""
        command(self.server, "DETACH TABLE IF EXISTS logs SYNC")
        shutil.rmtree(self.folder)
        shutil.copytree(self._pristine, self.folder)
        command(self.server, "ATTACH TABLE logs")

    def check_flipped(self, path: Path, at: int, bit: int) -> Report:
        """Change one bit of a file of the table behind the engine's back, check, put it back."""
        before = path.read_bytes()
        command(self.server, "DETACH TABLE logs SYNC")
        flip(path, at, bit)
        command(self.server, "ATTACH TABLE logs")
        report = check(self.server.data)
        if not path.exists():  # the engine has put the part aside
            self.restore()
        else:
            command(self.server, "DETACH TABLE logs SYNC")
            path.write_bytes(before)
            command(self.server, "ATTACH TABLE logs")
        return report
