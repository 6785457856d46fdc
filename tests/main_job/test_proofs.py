"""Every record has a proof that holds, and none that was altered does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meshseal.agent.client import Client
from meshseal.model.errors import IntegrityError
from meshseal.seal.note import Signer, Verifier
from meshseal.seal.proof import Proof
from tests.main_job.records import send_mixed, wait_sealed
from tests.server import ServerProcess, meshseal
from tests.store_access import ask

pytestmark = [pytest.mark.e2e]

EACH = 200  # of each of four kinds
ALL = 'sum(count_over_time({service_name=~".+"}[2h]))'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("proofs") / "data") as process:
        send_mixed(process, EACH)
        process.wait_for_count(4 * EACH, ALL)
        wait_sealed(process)
        yield process


@pytest.fixture(scope="module")
def verifier(server: ServerProcess) -> Verifier:
    return Verifier.parse(server.get("/ledger/key").text)


@pytest.fixture(scope="module")
def sample(server: ServerProcess) -> bytes:
    record = server.records('{service_name=~".+"} |= "request-00000007"')[0]
    return fetch(server, record["meshseal_batch"], record["meshseal_seq"])


def fetch(server: ServerProcess, batch: object, seq: object) -> bytes:
    return Client(server.url).get("/meshseal/v1/proof", {"batch": batch, "seq": seq})


async def test_every_record_has_a_proof_that_holds(
    server: ServerProcess, verifier: Verifier
) -> None:
    places = ask(server, "SELECT Batch, Seq, hex(Body) FROM logs WHERE Tenant = 'default'")
    assert len(places) == 4 * EACH
    client = Client(server.url, connections=6)
    slots = asyncio.Semaphore(6)

    async def check(batch: int, seq: int, body: str) -> None:
        async with slots:
            content = await asyncio.to_thread(
                client.get, "/meshseal/v1/proof", {"batch": batch, "seq": seq}
            )
        verified = Proof.decode(content).verify(verifier)
        assert verified.record["Body"] == bytes.fromhex(body)
        assert verified.record["Seq"] == str(seq).encode()
        assert verified.manifest.batch == str(batch)

    await asyncio.gather(*(check(*place) for place in places))


def test_the_command_fetches_and_checks(
    server: ServerProcess, verifier: Verifier, tmp_path: Path
) -> None:
    record = server.records('{service_name=~".+"} |= "number 7"', limit=1)[0]
    file = tmp_path / "proof.json"
    place = (record["meshseal_batch"], record["meshseal_seq"])
    made = meshseal("proof", "--server", server.url, "-o", str(file), *place)
    assert made.returncode == 0, made.stderr
    verdict = meshseal("verify", str(file), "--key", str(verifier))
    assert verdict.returncode == 0, verdict.stderr
    assert record["line"] in verdict.stdout
    assert verdict.stdout.endswith("Everything holds.\n")
    shown = meshseal("ledger", "key", "--data", str(server.data)).stdout
    assert shown == f"{verifier}\n"


def changed(field: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def apply(proof: dict[str, Any]) -> None:
        proof[field] = change(proof[field])

    return apply


def column(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def apply(proof: dict[str, Any]) -> None:
        assert proof["record"][name] != value
        proof["record"][name] = value

    return apply


OTHER_HASH = "ab" * 32
RECORD = "the record is not the one that the manifest stands for"
LOG = "the manifest is not in the log that the checkpoint stands for"
NO_PROOF = "this is not a meshseal-proof-v1 file"


@pytest.mark.parametrize(
    ("alter", "says"),
    [
        pytest.param(column("Body", "another line"), RECORD, id="body"),
        pytest.param(column("Timestamp", "1"), RECORD, id="time"),
        pytest.param(column("ServiceName", "other"), RECORD, id="service"),
        pytest.param(column("Source", "somebody"), RECORD, id="source"),
        pytest.param(column("DurationNanos", ""), RECORD, id="a_number_taken_away"),
        pytest.param(column("OtherAttributes", [["k", "v"]]), RECORD, id="attributes"),
        pytest.param(column("Mtls", "mutual"), RECORD, id="mtls"),
        pytest.param(column("Seq", "400"), "audit path|not the one", id="position"),
        pytest.param(column("Seq", "x"), "the record has no position", id="no_position"),
        pytest.param(column("Batch", "1"), "belongs to another batch", id="batch"),
        pytest.param(column("Tenant", "acme"), "belongs to another batch", id="tenant"),
        pytest.param(changed("salt", lambda _: OTHER_HASH), RECORD, id="salt"),
        pytest.param(changed("salt", lambda salt: salt[2:]), "32 bytes", id="short_salt"),
        pytest.param(changed("path", lambda p: [OTHER_HASH, *p[1:]]), RECORD, id="path"),
        pytest.param(changed("path", lambda p: p[1:]), "too short", id="short_path"),
        pytest.param(changed("path", lambda p: [*p, OTHER_HASH]), "too long", id="long_path"),
        pytest.param(
            changed("manifest", lambda text: text.replace('"count":', '"count":1')), LOG, id="count"
        ),
        pytest.param(
            changed("manifest", lambda text: text.replace("default", "acme")), LOG, id="manifest"
        ),
        pytest.param(
            changed("log", lambda text: text.replace("index ", "index 9")),
            "cannot be in a tree|not in the log",
            id="index",
        ),
        pytest.param(
            changed("log", lambda text: text[:-20] + "AAAA" + text[-16:]),
            "not signed by",
            id="signature",
        ),
        pytest.param(changed("log", lambda _: "nothing"), "not a tlog-proof", id="no_log"),
        pytest.param(changed("format", lambda _: "other"), NO_PROOF, id="format"),
        pytest.param(lambda proof: proof.pop("salt"), NO_PROOF, id="no_salt"),
        pytest.param(lambda proof: proof["record"].pop("Body"), NO_PROOF, id="no_body"),
        pytest.param(lambda proof: proof["record"].update(Extra="1"), NO_PROOF, id="extra_column"),
    ],
)
def test_an_altered_proof_names_what_does_not_hold(
    sample: bytes, verifier: Verifier, alter: Callable[[dict[str, Any]], None], says: str
) -> None:
    content = json.loads(sample)
    alter(content)
    with pytest.raises(IntegrityError, match=says):
        Proof.decode(json.dumps(content).encode()).verify(verifier)


def test_every_column_is_under_the_proof(sample: bytes, verifier: Verifier) -> None:
    Proof.decode(sample).verify(verifier)
    for name, value in json.loads(sample)["record"].items():
        content = json.loads(sample)
        content["record"][name] = [["k", "w"]] if isinstance(value, list) else f"{value}0"
        with pytest.raises(IntegrityError):
            Proof.decode(json.dumps(content).encode()).verify(verifier)


def test_another_key(sample: bytes, verifier: Verifier, tmp_path: Path) -> None:
    stranger = Signer(verifier.name, bytes(32)).verifier
    with pytest.raises(IntegrityError, match="not signed by"):
        Proof.decode(sample).verify(stranger)
    file = tmp_path / "proof.json"
    file.write_bytes(sample)
    verdict = meshseal("verify", str(file), "--key", str(stranger))
    assert verdict.returncode == 1
    assert verdict.stderr.startswith("meshseal: the note is not signed by")
    for key, says in (("nonsense", "is not a verifier key"), (None, "checked with --key")):
        verdict = meshseal("verify", str(file), *(["--key", key] if key else []))
        assert (verdict.returncode, says in verdict.stderr) == (1, True)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        pytest.param({"batch": "4096", "seq": "999999"}, "has no record 999999", id="no_record"),
        pytest.param({"batch": "77", "seq": "0"}, "there is no sealed batch 77", id="no_batch"),
        pytest.param({"batch": "x", "seq": "0"}, "is not a number", id="no_number"),
        pytest.param({"batch": "9" * 30, "seq": "0"}, "is not a number", id="huge"),
        pytest.param({}, "give batch", id="nothing"),
    ],
)
def test_no_proof_of_what_is_not_sealed(
    server: ServerProcess, parameters: dict[str, str], says: str
) -> None:
    response = server.get("/meshseal/v1/proof", parameters)
    assert response.status_code == 404
    assert says in response.json()["error"]["message"]
