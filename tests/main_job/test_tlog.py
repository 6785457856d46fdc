"""The log under /ledger/ as a third party reads it: a client made from the C2SP texts alone.

Nothing of `meshseal` reads the log here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from itertools import pairwise

import pytest
import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.main_job.records import wait_sealed
from tests.server import ServerProcess

pytestmark = [pytest.mark.e2e]


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def mth(hashes: list[bytes]) -> bytes:
    """RFC 6962, section 2.1."""
    if not hashes:
        return sha256(b"")
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:]))


class TlogClient:
    """Reads a tlog-tiles log."""

    def __init__(self, prefix: str, vkey: str) -> None:
        self._prefix = prefix
        self.name, key_hash, encoded = vkey.split("+", 2)
        key = base64.b64decode(encoded)
        assert key[0] == 1, "Ed25519"
        self._hash = sha256(f"{self.name}\n".encode() + key)[:4]
        assert self._hash.hex() == key_hash
        self._key = Ed25519PublicKey.from_public_bytes(key[1:])

    def get(self, path: str) -> bytes:
        response = requests.get(f"{self._prefix}/{path}", timeout=30)
        assert response.status_code == 200, path
        return response.content

    def checkpoint(self) -> tuple[int, bytes]:
        text, _, signatures = self.get("checkpoint").decode().rpartition("\n\n")
        for line in signatures.splitlines():
            dash, name, encoded = line.split(" ")
            decoded = base64.b64decode(encoded)
            if (dash, name, decoded[:4]) == ("—", self.name, self._hash):
                self._key.verify(decoded[4:], f"{text}\n".encode())
                break
        else:
            raise InvalidSignature
        origin, size, root = text.split("\n")[:3]
        assert origin == self.name
        return int(size), base64.b64decode(root)

    def hashes(self, size: int) -> list[bytes]:
        found: list[bytes] = []
        for number in range(-(-size // 256)):
            width = min(256, size - number * 256)
            partial = "" if width == 256 else f".p/{width}"
            tile = self.get(f"tile/0/{number:03d}{partial}")
            assert len(tile) == 32 * width
            found += [tile[at : at + 32] for at in range(0, len(tile), 32)]
        return found

    def entries(self, size: int) -> list[bytes]:
        found: list[bytes] = []
        for number in range(-(-size // 256)):
            width = min(256, size - number * 256)
            partial = "" if width == 256 else f".p/{width}"
            bundle = self.get(f"tile/entries/{number:03d}{partial}")
            while bundle:
                (length,) = struct.unpack_from(">H", bundle)
                found.append(bundle[2 : 2 + length])
                bundle = bundle[2 + length :]
        return found


def send(server: ServerProcess, number: int) -> None:
    server.ship(f"record {number}".encode())
    query = 'sum(count_over_time({service_name=~".+"}[1h]))'
    server.wait_for_count(number + 1, query)


def test_a_client_of_another_make_reads_the_log(server: ServerProcess) -> None:
    client = TlogClient(f"{server.url}/ledger", server.get("/ledger/key").text.strip())
    seen: list[tuple[int, bytes]] = []
    for number in range(6):
        send(server, number)
        seen.append(client.checkpoint())
    wait_sealed(server)
    size, root = client.checkpoint()
    hashes = client.hashes(size)
    assert mth(hashes) == root
    entries = client.entries(size)
    assert [sha256(b"\x00" + entry) for entry in entries] == hashes
    # Each older checkpoint is of a prefix of the log: nothing was rewritten.
    assert all(older <= newer for (older, _), (newer, _) in pairwise(seen))
    for older, older_root in seen:
        assert mth(hashes[:older]) == older_root
    manifests = [json.loads(entry) for entry in entries]
    assert sum(m["count"] for m in manifests if m["tenant"] == "default") == 6
    # A narrower partial tile can still be had, as the specification allows to ask.
    assert client.get(f"tile/0/000.p/{size - 1}") == b"".join(hashes[:-1])


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/1",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/x000/000",
        "tile/64/000",
        "nothing",
        "tile/0/000.p/250",
        "tile/0/999",
        "tile/0/../../../keys/master.key",
        "tile/0/%2e%2e/checkpoint",
        "tile/00/000",
        "tile/entries/000.p/007",
    ],
)
def test_paths_that_are_no_tile(tiny: ServerProcess, path: str) -> None:
    response = requests.get(f"{tiny.url}/ledger/{path}", timeout=30)
    assert response.status_code == 404, response.content[:100]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> object:
    with ServerProcess(tmp_path_factory.mktemp("tiny") / "data") as process:
        send(process, 0)
        yield process
