"""What whyred keeps of each forge server, and where: in the user's keyring, else in a file that only the user can read.

One file, `credentials.json`, says of every server what it is and where its token and its web login are; whatever the
keyring does not take stands in that file itself. So nobody waits for a keyring that holds nothing for the server asked.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from whyred.model.credential import Cookie, Credential, Hidden
from whyred.model.forge import Kind
from whyred.model.root import server_root
from whyred.model.trouble import UserError
from whyred.settings import folders
from whyred.settings.environment_tokens import EnvironmentTokens, environment_tokens
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
_HALVES = ("token", "web login")
NO_KEYRING = "PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring"
"""The setting of the library `keyring` by which whyred leaves the keyring alone."""


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
        credential.check()
        return credential

    def put(self, root: str, credential: Credential, kind: Kind | None = None, version: str | None = None) -> str:
        """Keeps this in the place of all that was kept for the server; returns where, in words. `kind` and `version`
        are kept with it, where they are told.
        """
        return self._change(server_root(root), lambda _: credential, kind, version)

    def update(self, root: str, change: Callable[[Credential], Credential]) -> str:
        """Keeps what `change` makes of what is kept; no other process changes it meanwhile. Returns where, in words."""
        root = server_root(root)
        return self._change(root, lambda record: change(self._kept(root, record)))

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

    def _change(
        self,
        root: str,
        change: Callable[[Record], Credential],
        kind: Kind | None = None,
        version: str | None = None,
    ) -> str:
        with self._changing() as records:
            record = records.get(root, Record())
            credential = change(record)
            credential.check()
            token = Hidden(credential.token) if credential.token else None
            web = write_cookies(credential.cookies) if credential.cookies else None
            where, told = self._place(root, token, web)
            records[root] = replace(
                _told(record, kind, version),
                token=_slot(where, credential.user, token),
                web=_slot(where, credential.web_user, web),
            )
        return told

    def _kept(self, root: str, record: Record) -> Credential:
        token, web = (self._text(root, w, s) for w, s in zip(_HALVES, (record.token, record.web), strict=True))
        cookies = read_cookies(web) if web is not None else ()
        if cookies is None:
            raise UserError(f"the web login at {root} is damaged", "it holds no cookies", "Log in again")
        user = record.token.user if record.token else None
        return Credential(token, cookies, user, record.web.user if record.web else None)

    def _text(self, root: str, what: str, slot: Slot | None) -> Hidden | None:
        if slot is None or slot.where is Where.FILE:
            return None if slot is None else slot.text
        try:
            return self._keyring.read(_name(root, what))
        except KeyringError as e:
            why = f"it is in the keyring, and {e}"
            how = f"Unlock it; or log in again with {NO_KEYRING}, and it is kept in a file; or {INSTEAD}"
            raise UserError(f"cannot get the {what} for {root}", why, how) from None

    def _place(self, root: str, token: Hidden | None, web: Hidden | None) -> tuple[Where, str]:
        """Puts both halves into the keyring, each under a name of its own, where there is one that takes them."""
        try:
            name = self._keyring.name()
            if name is None:
                return Where.FILE, self._file
            for what, text in zip(_HALVES, (token, web), strict=True):
                if text is None:
                    self._keyring.erase(_name(root, what))
                else:
                    self._keyring.write(_name(root, what), text)
        except KeyringError as e:
            return Where.FILE, f"{self._file} (not in the keyring: {e})"
        return Where.KEYRING, f"the keyring ({name})"

    def _erase(self, root: str) -> KeyringError | None:
        """Takes both halves out of the keyring, wherever they are said to be: a keyring that once hung may still have
        taken them. Returns why that could not be done.
        """
        try:
            if self._keyring.name() is not None:
                for what in _HALVES:
                    self._keyring.erase(_name(root, what))
        except KeyringError as e:
            return e
        return None


def _name(root: str, what: str) -> str:
    return f"{what} for {root}"


def _slot(where: Where, user: str | None, text: Hidden | None) -> Slot | None:
    return None if text is None else Slot(where, user, text if where is Where.FILE else None)


def _in_keyring(slot: Slot | None) -> Slot | None:
    return slot if slot is not None and slot.where is Where.KEYRING else None


def _told(record: Record, kind: Kind | None, version: str | None) -> Record:
    return replace(record, kind=kind or record.kind, version=version or record.version)
