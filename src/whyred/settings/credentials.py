"""What whyred keeps of each forge server, and where: in the user's keyring, else in a file that only the user can read.

One file, `credentials.json`, says of every server what it is and where its token and its web login are; whatever the
keyring does not take stands in that file itself. So nobody waits for a keyring that holds nothing for the server asked.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from whyred.model.credential import Cookie, Credential, Hidden
from whyred.model.forge import Kind
from whyred.model.root import server_root
from whyred.model.trouble import UserError
from whyred.settings import folders
from whyred.settings.environment_tokens import EnvironmentTokens, environment_tokens
from whyred.settings.known_secrets import remember, remember_credential
from whyred.settings.private_folder import INSTEAD, PrivateFolder
from whyred.settings.servers import (
    KnownServer,
    Record,
    Slot,
    Where,
    read_cookies,
    read_records,
    write_cookies,
    write_records,
)
from whyred.settings.system_keyring import Keyring, KeyringError, SystemKeyring

__all__ = ["Cookie", "Credential", "Credentials", "KnownServer", "credentials_of_user"]
FILE = "credentials.json"
NO_KEYRING = "PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring"
"""The setting of the library `keyring` by which whyred leaves the keyring alone."""


@dataclass(frozen=True, slots=True)
class _Half:
    """The API token or the web login: how it is called, and where it stands in a record and in a credential."""

    name: str
    get: Callable[[Record], Slot | None]
    put: Callable[[Record, Slot | None], Record]
    of: Callable[[Credential], tuple[str | None, Hidden | None]]
    """Whose it is, and its text."""

    def slot(self, root: str) -> str:
        """Its name in the keyring."""
        return f"{self.name} for {root}"


_TOKEN = _Half(
    "token",
    lambda record: record.token,
    lambda record, slot: replace(record, token=slot),
    lambda credential: (credential.user, Hidden(credential.token) if credential.token else None),
)
_WEB = _Half(
    "web login",
    lambda record: record.web,
    lambda record, slot: replace(record, web=slot),
    lambda credential: (credential.web_user, write_cookies(credential.cookies) if credential.cookies else None),
)
_HALVES = (_TOKEN, _WEB)


def credentials_of_user() -> "Credentials":
    """Those of the user who runs this: in the data folder, in the keyring, and in the environment."""
    data = folders.data()
    folder = data / "credentials" if data is not None else None
    # A second data folder is a second set of logins, so its entries in the one keyring are others, too.
    return Credentials(folder, SystemKeyring(f"whyred {folder}"), environment_tokens(os.environ))


class Credentials:
    """The credentials of one user. `folder` None: there is no place to keep any, and none are kept.

    Every method takes a server's root URL in any spelling and raises UserError where it is none, or where what is kept
    cannot be read or written.
    """

    def __init__(
        self, folder: Path | None, keyring: Keyring, given: EnvironmentTokens | None = None, patience: float = 30.0
    ) -> None:
        self._folder = None if folder is None else PrivateFolder(folder, patience)
        self._keyring, self._given = keyring, given or EnvironmentTokens()

    def get(self, root: str) -> Credential:
        """What lets whyred in there; an empty one for nothing. A token of the environment goes before a kept one.

        To change what is kept use `update`: `put` would keep what the environment gave, too.
        """
        root = server_root(root)
        self._given.check()
        given, record = self._given.by_root.get(root), self._records().get(root, Record())
        if given is None:
            return self._kept(root, record)
        credential = replace(self._kept(root, replace(record, token=None)), token=given.token)
        remember_credential(credential)
        credential.check()
        return credential

    def put(self, root: str, credential: Credential, kind: Kind | None = None, version: str | None = None) -> str:
        """Keeps this in the place of all that was kept for the server; returns where, in words. `kind` and `version`
        are kept with it, where they are told.
        """
        root = server_root(root)
        remember_credential(credential)
        credential.check()
        with self._changing() as records:
            told = [self._write(records, root, half, credential) for half in _HALVES]
            records[root] = _told(records[root], kind, version)
        return self._where(told)

    def put_token(self, root: str, token: str, user: str | None) -> str:
        """Keeps this token in the place of the one before; the web login stays, and no keyring is asked for either."""
        token = Hidden(token)  # an error further down shows no variable of this frame
        return self._put_half(server_root(root), _TOKEN, Credential(token=token, user=user))

    def put_web(self, root: str, cookies: tuple[Cookie, ...], user: str | None) -> str:
        """Keeps this web login in the place of the one before; the token stays, and no keyring is asked for either."""
        return self._put_half(server_root(root), _WEB, Credential(cookies=cookies, web_user=user))

    def update(self, root: str, change: Callable[[Credential], Credential]) -> str:
        """Keeps what `change` makes of what is kept; no other process changes it meanwhile. Returns where, in words."""
        root = server_root(root)
        with self._changing() as records:
            before = self._kept(root, records.get(root, Record()))
            after = change(before)
            remember_credential(after)
            after.check()
            changed = [half for half in _HALVES if half.of(before) != half.of(after)]
            told = [self._write(records, root, half, after) for half in changed]
        return self._where(told)

    def describe(self, root: str, kind: Kind | None, version: str | None) -> None:
        """Keeps what a server is; there need not be a credential for it."""
        root = server_root(root)
        with self._changing() as records:
            records[root] = _told(records.get(root, Record()), kind, version)

    def remove(self, root: str) -> bool:
        """Keeps nothing of this server any more; whether anything was kept."""
        root = server_root(root)
        if root not in self._records():
            return False
        with self._changing() as records:
            record = records.pop(root, Record())
            trouble = self._erase(root)
            if trouble is not None and (_in_keyring(record.token) or _in_keyring(record.web)):
                records[root] = replace(record, token=_in_keyring(record.token), web=_in_keyring(record.web))
        if root in records:
            how = "Unlock it and do this again, or make the token worthless at the forge"
            raise UserError(f"the keyring still holds what lets whyred in at {root}", f"{trouble}", how)
        return True

    def servers(self) -> tuple[KnownServer, ...]:
        """Every server that something is kept or given for, by its root; never a value, and no keyring is asked."""
        self._given.check()
        known = {root: record.known(root) for root, record in self._records().items()}
        for root, given in self._given.by_root.items():
            known[root] = replace(known.get(root, KnownServer(root)), token=given.variable, user=None)
        return tuple(known[root] for root in sorted(known))

    # --- what is kept ---

    @property
    def _file(self) -> str:
        return FILE if self._folder is None else str(self._folder.path / FILE)

    def _records(self) -> dict[str, Record]:
        text = None if self._folder is None else self._folder.read(FILE)
        records = {} if text is None else read_records(text)
        if isinstance(records, str):
            how = f"Mend it, or move it away and log in again, or {INSTEAD}"
            raise UserError(f"cannot read {self._file}", f"{records}; it was left as it is", how)
        for record in records.values():
            _remember(record)
        return records

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Record]]:
        if self._folder is None:
            why = "this user has no home folder"
            how = f"Name a folder that you can write to in XDG_DATA_HOME, or {INSTEAD}"
            raise UserError("there is no place to keep credentials", why, how)
        with self._folder.changing():
            records = self._records()
            before = dict(records)
            yield records
            if records != before:
                self._folder.replace(FILE, write_records(records))

    def _put_half(self, root: str, half: _Half, credential: Credential) -> str:
        remember_credential(credential)
        credential.check()
        with self._changing() as records:
            told = self._write(records, root, half, credential)
        return self._where([told])

    def _write(self, records: dict[str, Record], root: str, half: _Half, credential: Credential) -> str:
        """Puts one half into the keyring where there is one that takes it, else into the record; says where."""
        user, text = half.of(credential)
        where, told = Where.FILE, self._file
        try:
            if (name := self._keyring.name()) is not None:
                if text is None:
                    self._keyring.erase(half.slot(root))
                else:
                    self._keyring.write(half.slot(root), text)
                where, told = Where.KEYRING, f"the keyring ({name})"
        except KeyringError as e:
            told = f"{self._file} (not in the keyring: {e})"
        kept = None if text is None else Slot(where, user, text if where is Where.FILE else None)
        records[root] = half.put(records.get(root, Record()), kept)
        return told

    def _where(self, told: list[str]) -> str:
        return " and ".join(dict.fromkeys(told)) or f"{self._file} (nothing was changed)"

    def _kept(self, root: str, record: Record) -> Credential:
        token, web = self._text(root, _TOKEN, record), self._text(root, _WEB, record)
        cookies = read_cookies(web) if web is not None else ()
        if cookies is None:
            raise UserError(f"the web login at {root} is damaged", "it holds no cookies", "Log in again")
        user = record.token.user if record.token else None
        kept = Credential(token, cookies, user, record.web.user if record.web else None)
        remember_credential(kept)
        return kept

    def _text(self, root: str, half: _Half, record: Record) -> Hidden | None:
        slot = half.get(record)
        if slot is None or slot.where is Where.FILE:
            return None if slot is None else slot.text
        try:
            return self._keyring.read(half.slot(root))
        except KeyringError as e:
            why = f"it is in the keyring, and {e}"
            how = f"Unlock it; or log in again with {NO_KEYRING}, and it is kept in a file; or {INSTEAD}"
            raise UserError(f"cannot get the {half.name} for {root}", why, how) from None

    def _erase(self, root: str) -> KeyringError | None:
        """Takes both halves out of the keyring, wherever they are said to be: a keyring that once hung may still have
        taken them. Returns why that could not be done.
        """
        try:
            if self._keyring.name() is not None:
                for half in _HALVES:
                    self._keyring.erase(half.slot(root))
        except KeyringError as e:
            return e
        return None


def _remember(record: Record) -> None:
    """Every secret of the file is in memory from now on, whichever server it is for."""
    if record.token is not None:
        remember(record.token.text)
    for cookie in read_cookies(record.web.text or Hidden("[]")) or () if record.web is not None else ():
        remember(cookie.value)


def _in_keyring(slot: Slot | None) -> Slot | None:
    return slot if slot is not None and slot.where is Where.KEYRING else None


def _told(record: Record, kind: Kind | None, version: str | None) -> Record:
    return replace(record, kind=kind or record.kind, version=version or record.version)
