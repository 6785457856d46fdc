"""The Merkle tree of RFC 6962, section 2.1: hashes, roots, inclusion and consistency proofs.

Leaves are given as hashes. A batch's tree is made of its records' leaf hashes, the log's tree of
the hashes of its entries; both use the same node hash, SHA-256(0x01 || left || right).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from meshseal.model.errors import IntegrityError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf with this content: SHA-256(0x00 || content)."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def next_level(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the level above: pairs hashed together, an odd last one carried over."""
    sha256 = hashlib.sha256
    pairs = zip(hashes[::2], hashes[1::2], strict=False)
    above = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    if len(hashes) % 2:
        above.append(hashes[-1])
    return above


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    if not leaves:
        return EMPTY_ROOT
    level: Sequence[bytes] = leaves
    while len(level) > 1:
        level = next_level(level)
    return level[0]


def split_hashes(content: bytes) -> list[bytes]:
    """Return 32-byte hashes that stand one behind the other."""
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the audit path of one leaf, from the bottom up.

    Raises: ValueError when there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise ValueError(f"no leaf {index} among {len(leaves)}")
    path: list[bytes] = []
    level: Sequence[bytes] = leaves
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level = next_level(level)
        index //= 2
    return path


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that an audit path leads to.

    Raises: IntegrityError when the path does not have the length that index and size ask for.
    Source: RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise IntegrityError(f"leaf {index} cannot be in a tree of {size}")
    node, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise IntegrityError("the audit path is too long")
        if node % 2 or node == last:
            found = node_hash(sibling, found)
            while node % 2 == 0 and node:
                node, last = node // 2, last // 2
        else:
            found = node_hash(found, sibling)
        node, last = node // 2, last // 2
    if last:
        raise IntegrityError("the audit path is too short")
    return found


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Return the proof that a tree of the first `old_size` leaves is a prefix of the whole.

    Source: RFC 6962, section 2.1.2.
    """
    if not 0 < old_size <= len(leaves):
        raise ValueError(f"no tree of {old_size} inside one of {len(leaves)}")
    return _subproof(old_size, leaves, complete=True)


def _subproof(size: int, leaves: Sequence[bytes], *, complete: bool) -> list[bytes]:
    count = len(leaves)
    if size == count:
        return [] if complete else [root(leaves)]
    split = 1 << (count - 1).bit_length() - 1
    if size <= split:
        return [*_subproof(size, leaves[:split], complete=complete), root(leaves[split:])]
    return [*_subproof(size - split, leaves[split:], complete=False), root(leaves[:split])]


def check_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that one tree is a prefix of another.

    Raises: IntegrityError when it is not.
    Source: RFC 9162, section 2.1.4.2.
    """
    if old_size > new_size:
        raise IntegrityError(f"the log went from {old_size} entries back to {new_size}")
    if old_size == new_size:
        if old_root != new_root or proof:
            raise IntegrityError(f"two logs of {old_size} entries differ")
        return
    if old_size == 0:
        return
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise IntegrityError("the consistency proof is empty")
    old, new, rest = _climb_both(old_size, new_size, path)
    if rest or old != old_root or new != new_root:
        raise IntegrityError(f"the log of {old_size} entries is no prefix of that of {new_size}")


def _climb_both(old_size: int, new_size: int, path: Sequence[bytes]) -> tuple[bytes, bytes, int]:
    """Return the roots that a path leads to in both trees, and what is left to climb."""
    node, last = old_size - 1, new_size - 1
    while node % 2:
        node, last = node // 2, last // 2
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise IntegrityError("the consistency proof is too long")
        if node % 2 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while node % 2 == 0 and node:
                node, last = node // 2, last // 2
        else:
            new = node_hash(new, sibling)
        node, last = node // 2, last // 2
    return old, new, last
