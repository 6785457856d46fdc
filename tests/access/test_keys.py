"""Keys: derived for one purpose, wrapped for one context, kept in files that nobody else reads."""

from __future__ import annotations

import hashlib
import hmac
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.access.keys import (
    WRAPPED_BYTES,
    Keyring,
    load_master,
    load_or_create_master,
    unwrap,
    wrap,
    write_secret_file,
)
from meshseal.model.errors import ConfigError, IntegrityError

MASTER, KEY, SECRET = bytes(range(32)), bytes(32), b"s" * 32


def test_a_purpose_always_has_the_same_key_and_no_other_purpose_has_it() -> None:
    keyring = Keyring(MASTER)
    keys = [keyring.derive(purpose) for purpose in ("spool", "store", "spool ", "")]
    assert len(set(keys)) == 4
    assert keys[0] == Keyring(MASTER).derive("spool")
    assert keys[0] != Keyring(KEY).derive("spool")
    assert all(len(key) == 32 for key in keys)
    assert Keyring(bytes.fromhex(keyring.export())).derive("spool") == keys[0]


def test_a_derived_key_is_hkdf_as_the_standard_has_it() -> None:
    # HKDF-SHA-256 without salt, one block, by hand: RFC 5869, section 2.
    extracted = hmac.digest(bytes(32), MASTER, hashlib.sha256)
    expected = hmac.digest(extracted, b"meshseal:spool:v1\x01", hashlib.sha256)
    assert Keyring(MASTER).derive("spool") == expected


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_master_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ConfigError, match="32 bytes"):
        Keyring(bytes(length))


@given(secret=st.binary(max_size=64), context=st.text(max_size=20))
def test_what_is_wrapped_comes_back(secret: bytes, context: str) -> None:
    wrapped = wrap(secret, under=KEY, context=context)
    assert unwrap(wrapped, under=KEY, context=context) == secret
    assert wrapped != wrap(secret, under=KEY, context=context)


def test_a_wrapped_key_has_a_fixed_size() -> None:
    assert len(wrap(SECRET, under=KEY, context="x")) == WRAPPED_BYTES


def test_nothing_else_opens_it() -> None:
    wrapped = wrap(SECRET, under=KEY, context="tenant:a")
    flipped = [
        bytes(byte ^ (0x80 * (place == position)) for place, byte in enumerate(wrapped))
        for position in range(len(wrapped))
    ]
    cut = [wrapped[:size] for size in range(len(wrapped))]
    attempts = [(wrapped, MASTER, "tenant:a"), (wrapped, KEY, "tenant:b"), (wrapped, KEY, "")]
    attempts += [(one, KEY, "tenant:a") for one in (*flipped, *cut, wrapped + b"\0")]
    for content, key, context in attempts:
        with pytest.raises(IntegrityError, match="does not open"):
            unwrap(content, under=key, context=context)


def test_the_master_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master"
    first = load_or_create_master(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_or_create_master(path).export() == load_master(path).export() == first.export()
    assert [one.name for one in path.parent.iterdir()] == ["master"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master"
    load_or_create_master(path)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=r"chmod 600"):
        load_master(path)


@pytest.mark.parametrize("content", [b"", b"xyz", b"00" * 31, b"00" * 33, b"0" * 63, b"zz" * 32])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "master"
    write_secret_file(path, content)
    with pytest.raises(ConfigError):
        load_master(path)


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing-here"):
        load_master(tmp_path / "nothing-here")


def test_a_secret_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_secret_file(path, b"one")
    with pytest.raises(FileExistsError):
        write_secret_file(path, b"two")
    assert path.read_bytes() == b"one"
