"""`KnownServer`: a forge server that whyred keeps something of; and the form in which that is written down."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from whyred.model.credential import Cookie, Hidden
from whyred.model.forge import Kind

_VERSION = 1


@dataclass(frozen=True, slots=True)
class KnownServer:
    """A server and what is known of it, never a value. `token` and `web` say where the API token and the web login are:
    `keyring`, `file`, or the name of a variable; None: there is none.
    """

    root: str
    kind: Kind | None = None
    version: str | None = None
    token: str | None = None
    web: str | None = None
    user: str | None = None
    web_user: str | None = None


class Where(StrEnum):
    """Where a secret is kept."""

    KEYRING = "keyring"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Slot:
    """One half of a credential, as kept: `text` where it is in the file itself."""

    where: Where
    user: str | None = None
    text: Hidden | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What is written down of one server."""

    kind: Kind | None = None
    version: str | None = None
    token: Slot | None = None
    web: Slot | None = None

    def known(self, root: str) -> KnownServer:
        """What may be shown of it."""
        return KnownServer(
            root=root,
            kind=self.kind,
            version=self.version,
            token=self.token.where.value if self.token else None,
            web=self.web.where.value if self.web else None,
            user=self.token.user if self.token else None,
            web_user=self.web.user if self.web else None,
        )


def write_records(records: Mapping[str, Record]) -> Hidden:
    """The text of the file."""
    servers = {root: _drop_none(_record_to_json(record)) for root, record in sorted(records.items())}
    return Hidden(json.dumps({"version": _VERSION, "servers": servers}, indent=1) + "\n")


def read_records(text: Hidden) -> dict[str, Record] | str:
    """The records, or why they cannot be read. It raises nothing, for errors would hold the text."""
    try:
        data = json.loads(text)
        if data["version"] > _VERSION:
            return "a newer whyred wrote it"
        return {root: _record_from_json(entry) for root, entry in data["servers"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "it is damaged"


def write_cookies(cookies: tuple[Cookie, ...]) -> Hidden:
    """The cookies of a web login as one text."""
    return Hidden(json.dumps([[c.name, c.value, c.path, c.expires] for c in cookies]))


def read_cookies(text: Hidden) -> tuple[Cookie, ...] | None:
    """The cookies in a text; None where it is damaged."""
    try:
        return tuple(Cookie(_text(n), _text(v), _text(p), _time(e)) for n, v, p, e in json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return None


def _record_to_json(record: Record) -> dict[str, Any]:
    return {
        "kind": record.kind.value if record.kind else None,
        "version": record.version,
        "token": _slot_to_json(record.token),
        "web": _slot_to_json(record.web),
    }


def _slot_to_json(slot: Slot | None) -> dict[str, Any] | None:
    return _drop_none({"in": slot.where.value, "user": slot.user, "text": slot.text}) if slot is not None else None


def _record_from_json(data: dict[str, Any]) -> Record:
    kind = data.get("kind")
    return Record(
        kind=None if kind is None else Kind(kind),
        version=_maybe(data.get("version")),
        token=_slot_from_json(data.get("token")),
        web=_slot_from_json(data.get("web")),
    )


def _slot_from_json(data: dict[str, Any] | None) -> Slot | None:
    if data is None:
        return None
    where, text = Where(data["in"]), data.get("text")
    if where is Where.FILE or text is not None:
        text = Hidden(_text(text))
    return Slot(where, _maybe(data.get("user")), text)


def _drop_none(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if value is not None}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _maybe(value: object) -> str | None:
    """A text that is no secret, or None."""
    return None if value is None else str(_text(value))


def _time(value: object) -> float | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise TypeError("not a time")
    return value
