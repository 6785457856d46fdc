"""Credentials: API keys, passwords, sessions and the first administrator's set-up link.

Secrets are stored as argon2id hashes; session and link tokens, which are 256 random bits, as their
SHA-256. An API key reads `msk_<id>_<secret>`: the id finds the row, the secret is verified.

All functions here block on the state: callers in an event loop run them in a thread.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine, delete, insert, select, update

from meshseal.access import pending
from meshseal.access.audit import AuditEvent
from meshseal.access.identity import ANY_TENANT, OWNER, Principal, Role
from meshseal.access.state import API_KEYS, SESSIONS, SETUP_LINKS, USERS
from meshseal.model.errors import AuthenticationError, NotFoundError, PayloadError

KEY_PREFIX = "msk"
SESSION_SECONDS = 12 * 3600
SETUP_LINK_SECONDS = 24 * 3600
MINIMUM_PASSWORD_LENGTH = 12
_VERIFIED_SECONDS = 60
_VERIFIED_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is shown once: `token` is not stored anywhere."""

    id: str
    token: str


class Credentials:
    """The credentials in a state."""

    def __init__(self, state: Engine) -> None:
        self._state = state
        self._hasher = PasswordHasher()
        self._verified: dict[bytes, tuple[float, Principal]] = {}
        self._lock = threading.Lock()
        self._nothing: str | None = None

    # ---- API keys ---------------------------------------------------------------------------

    def create_key(self, *, name: str, role: Role, tenant: str, os_user: str = "") -> NewKey:
        """Create an API key.

        Args:
            name: What it is for.
            role: What it may do.
            tenant: Whose records.
            os_user: Who creates it, for the audit trail.
        """
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        with self._state.begin() as connection:
            connection.execute(
                insert(API_KEYS).values(
                    id=key_id,
                    name=name,
                    secret_hash=self._hasher.hash(secret),
                    role=role.value,
                    tenant=tenant,
                    created_unix_nano=time.time_ns(),
                )
            )
            details = {"key": key_id, "name": name, "role": role.value}
            pending.note(connection, _act("key.create", tenant, os_user, details))
        return NewKey(key_id, f"{KEY_PREFIX}_{key_id}_{secret}")

    def revoke_key(self, key_id: str, *, os_user: str = "") -> None:
        """Revoke a key; a running server forgets it within a minute. Raises: NotFoundError."""
        with self._state.begin() as connection:
            done = connection.execute(
                update(API_KEYS)
                .where(API_KEYS.c.id == key_id, API_KEYS.c.revoked_unix_nano.is_(None))
                .values(revoked_unix_nano=time.time_ns())
                .returning(API_KEYS.c.tenant, API_KEYS.c.name)
            ).first()
            if done is None:
                raise NotFoundError(f"there is no key {key_id} that is not revoked")
            details = {"key": key_id, "name": done.name}
            pending.note(connection, _act("key.revoke", done.tenant, os_user, details))

    def list_keys(self) -> list[dict[str, object]]:
        """Return every key, without its secret."""
        columns = [column for column in API_KEYS.c if column.name != "secret_hash"]
        with self._state.connect() as connection:
            rows = connection.execute(select(*columns).order_by(API_KEYS.c.created_unix_nano))
            return [dict(row._mapping) for row in rows]

    def principal_of_key(self, token: str) -> Principal:
        """Return who an API key stands for. Raises: AuthenticationError."""
        digest = hashlib.sha256(token.encode()).digest()
        with self._lock:
            known = self._verified.get(digest)
        if known and known[0] > time.monotonic():
            return known[1]
        principal = self._verify_key(token)
        with self._lock:
            if len(self._verified) >= _VERIFIED_LIMIT:
                self._verified.clear()
            self._verified[digest] = (time.monotonic() + _VERIFIED_SECONDS, principal)
        return principal

    def _verify_key(self, token: str) -> Principal:
        prefix, _, rest = token.partition("_")
        key_id, _, secret = rest.partition("_")
        row = None
        if prefix == KEY_PREFIX and secret:
            with self._state.connect() as connection:
                row = connection.execute(select(API_KEYS).where(API_KEYS.c.id == key_id)).first()
        # One verification whether or not the key exists, so that the time tells nothing.
        stored = row.secret_hash if row else self._no_hash()
        if not self._matches(stored, secret) or row is None or row.revoked_unix_nano is not None:
            raise AuthenticationError("the API key is not valid")
        return Principal(id=f"key:{row.id}", role=Role(row.role), tenant=row.tenant)

    # ---- People -----------------------------------------------------------------------------

    def create_first_admin(self) -> str | None:
        """Create the administrator and return the token of their set-up link, once per state.

        While nobody has used the link, each call gives a new one and ends the last.
        """
        with self._state.begin() as connection:
            row = connection.execute(select(USERS).where(USERS.c.name == "admin")).first()
            if row is not None and row.password_hash is not None:
                return None
            user_id = row.id if row is not None else secrets.token_hex(6)
            if row is None:
                connection.execute(
                    insert(USERS).values(
                        id=user_id,
                        name="admin",
                        role=Role.ADMIN.value,
                        tenant=ANY_TENANT,
                        created_unix_nano=time.time_ns(),
                        disabled=False,
                    )
                )
            token = secrets.token_urlsafe(32)
            connection.execute(delete(SETUP_LINKS).where(SETUP_LINKS.c.user_id == user_id))
            connection.execute(
                insert(SETUP_LINKS).values(
                    token_sha256=_digest(token),
                    user_id=user_id,
                    expires_unix_nano=time.time_ns() + SETUP_LINK_SECONDS * 10**9,
                )
            )
        return token

    def use_setup_link(self, token: str, password: str) -> str:
        """Set the password behind a set-up link and return a session's token.

        Raises: AuthenticationError when the link was used, has expired or never was;
            PayloadError when the password is too short.
        """
        if len(password) < MINIMUM_PASSWORD_LENGTH:
            raise PayloadError(f"a password has at least {MINIMUM_PASSWORD_LENGTH} characters")
        with self._state.begin() as connection:
            done = connection.execute(
                update(SETUP_LINKS)
                .where(
                    SETUP_LINKS.c.token_sha256 == _digest(token),
                    SETUP_LINKS.c.used_unix_nano.is_(None),
                    SETUP_LINKS.c.expires_unix_nano > time.time_ns(),
                )
                .values(used_unix_nano=time.time_ns())
                .returning(SETUP_LINKS.c.user_id)
            ).first()
            if done is None:
                raise AuthenticationError("this set-up link was used already or has expired")
            connection.execute(
                update(USERS)
                .where(USERS.c.id == done.user_id)
                .values(password_hash=self._hasher.hash(password))
            )
        return self._new_session(done.user_id)

    def log_in(self, name: str, password: str) -> str:
        """Return a new session's token. Raises: AuthenticationError."""
        with self._state.connect() as connection:
            row = connection.execute(select(USERS).where(USERS.c.name == name)).first()
        stored = row.password_hash if row is not None and row.password_hash else self._no_hash()
        if not self._matches(stored, password) or row is None or row.disabled:
            raise AuthenticationError("the name or the password is wrong")
        return self._new_session(row.id)

    def log_out(self, token: str) -> None:
        """End a session."""
        with self._state.begin() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.token_sha256 == _digest(token)))

    def principal_of_session(self, token: str) -> Principal:
        """Return who a session belongs to. Raises: AuthenticationError."""
        query = (
            select(USERS)
            .join(SESSIONS, SESSIONS.c.user_id == USERS.c.id)
            .where(
                SESSIONS.c.token_sha256 == _digest(token),
                SESSIONS.c.expires_unix_nano > time.time_ns(),
            )
        )
        with self._state.connect() as connection:
            row = connection.execute(query).first()
        if row is None or row.disabled:
            raise AuthenticationError("the session has ended: log in again")
        return Principal(id=f"user:{row.name}", role=Role(row.role), tenant=row.tenant)

    def _new_session(self, user_id: str) -> str:
        token = secrets.token_urlsafe(32)
        now = time.time_ns()
        with self._state.begin() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.expires_unix_nano < now))
            connection.execute(
                insert(SESSIONS).values(
                    token_sha256=_digest(token),
                    user_id=user_id,
                    created_unix_nano=now,
                    expires_unix_nano=now + SESSION_SECONDS * 10**9,
                )
            )
        return token

    def _no_hash(self) -> str:
        """Return a hash that nothing matches, to be verified against where there is no row."""
        if self._nothing is None:
            self._nothing = self._hasher.hash(secrets.token_urlsafe(32))
        return self._nothing

    def _matches(self, stored: str, secret: str) -> bool:
        try:
            return self._hasher.verify(stored, secret)
        except (VerificationError, InvalidHashError):
            return False


def _act(action: str, tenant: str, os_user: str, details: dict[str, str]) -> AuditEvent:
    """Return what is written down about an act of the command line."""
    return AuditEvent(action, OWNER, tenant, details={**details, "os_user": os_user})


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
