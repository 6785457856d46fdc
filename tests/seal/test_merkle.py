"""The Merkle tree against RFC 6962's own examples and against its definition."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.errors import IntegrityError
from meshseal.seal import merkle

# The eight leaves, and roots over the first n of them, of the reference implementation.
# Source: google/certificate-transparency, merkletree tests (`merkle_tree_test.cc`).
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# (index, size, path) over these leaves. Source: the same.
PATHS = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
# (old size, size, proof). Source: the same.
CONSISTENCY = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
HASHES = [merkle.leaf_hash(content) for content in LEAVES]

trees = st.lists(st.binary(max_size=4), min_size=1, max_size=70).map(
    lambda contents: [merkle.leaf_hash(content) for content in contents]
)


def tree_head(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, as it stands there."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    below = tree_head(hashes[:split]) + tree_head(hashes[split:])
    return hashlib.sha256(b"\x01" + below).digest()


def test_the_empty_tree() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root([]).hex() == empty


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_of_the_reference(size: int) -> None:
    assert merkle.root(HASHES[:size]).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("index", "size", "path"), PATHS)
def test_paths_of_the_reference(index: int, size: int, path: list[str]) -> None:
    found = merkle.inclusion_proof(HASHES[:size], index)
    assert [hashed.hex() for hashed in found] == path
    assert merkle.root_from_inclusion(HASHES[index], index, size, found).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("old", "size", "proof"), CONSISTENCY)
def test_consistency_of_the_reference(old: int, size: int, proof: list[str]) -> None:
    found = merkle.consistency_proof(HASHES[:size], old)
    assert [hashed.hex() for hashed in found] == proof
    old_root, new_root = (bytes.fromhex(ROOTS[n - 1]) for n in (old, size))
    merkle.check_consistency(old, old_root, size, new_root, found)


@given(trees)
def test_the_root_is_as_the_rfc_defines_it(hashes: list[bytes]) -> None:
    assert merkle.root(hashes) == tree_head(hashes)


@given(trees, st.data())
def test_a_path_leads_to_the_root_and_only_for_its_leaf(
    hashes: list[bytes], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(hashes) - 1))
    path = merkle.inclusion_proof(hashes, index)
    root = merkle.root(hashes)
    assert merkle.root_from_inclusion(hashes[index], index, len(hashes), path) == root
    other = merkle.leaf_hash(b"another")
    assert merkle.root_from_inclusion(other, index, len(hashes), path) != root
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        changed = [*path[:at], merkle.node_hash(path[at], b""), *path[at + 1 :]]
        assert merkle.root_from_inclusion(hashes[index], index, len(hashes), changed) != root


@given(trees, st.data())
def test_a_path_of_the_wrong_length_is_refused(hashes: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(hashes) - 1))
    path = merkle.inclusion_proof(hashes, index)
    for wrong in ([*path, hashes[0]], path[:-1]):
        if len(wrong) != len(path):
            with pytest.raises(IntegrityError):
                merkle.root_from_inclusion(hashes[index], index, len(hashes), wrong)


@given(trees, st.data())
def test_growth_is_consistent_and_a_rewritten_past_is_not(
    hashes: list[bytes], data: st.DataObject
) -> None:
    old = data.draw(st.integers(1, len(hashes)))
    proof = merkle.consistency_proof(hashes, old)
    sizes_and_roots = (old, merkle.root(hashes[:old]), len(hashes), merkle.root(hashes))
    merkle.check_consistency(*sizes_and_roots, proof)
    rewritten = [merkle.leaf_hash(b"rewritten"), *hashes[1:]]
    with pytest.raises(IntegrityError):
        merkle.check_consistency(old, merkle.root(rewritten[:old]), *sizes_and_roots[2:], proof)
    with pytest.raises(IntegrityError):
        merkle.check_consistency(*sizes_and_roots[:3], merkle.root(rewritten), proof)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: merkle.inclusion_proof(HASHES, 8), id="no_such_leaf"),
        pytest.param(lambda: merkle.inclusion_proof(HASHES, -1), id="negative_leaf"),
        pytest.param(lambda: merkle.consistency_proof(HASHES, 0), id="from_nothing"),
        pytest.param(lambda: merkle.consistency_proof(HASHES, 9), id="from_more"),
    ],
)
def test_what_cannot_be_asked(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="no "):
        call()


def test_a_log_that_shrank() -> None:
    with pytest.raises(IntegrityError, match="back to 5"):
        merkle.check_consistency(8, merkle.root(HASHES), 5, merkle.root(HASHES[:5]), [])


def test_two_logs_of_the_same_size() -> None:
    with pytest.raises(IntegrityError, match="differ"):
        merkle.check_consistency(8, merkle.root(HASHES), 8, merkle.root(HASHES[::-1]), [])
