"""The answer of a probe as bytes: one JSON document of what the host said, raw, with the reason where it refused.

`ask` packs with `pack`, `told` and `refusal`; `read` takes the document apart with `Parts`, which never raises.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, TypeVar

from whyred.model.cause import Value
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import HostRefusedError, Stat

T = TypeVar("T")

Fields = dict[str, Value | Unknown | None]
"""Facts while they are put together."""

KEPT_BACK = Unknown(Reason.REFUSED, "the name speaks of a secret: whyred only says whether the variable is set")
_SECRET = re.compile(
    r"TOKEN|SECRET|PASS(WORD|WD|PHRASE)|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY|AUTH|COOKIE", re.IGNORECASE
)
_REASONS = {r.value: r for r in Reason}
_STAT = ("kind", "mode", "links", "uid", "gid", "size", "modified", "device", "inode")


def pack(parts: Mapping[str, object]) -> bytes:
    """The document of these parts: JSON values, dataclasses of the model, `Unknown`, bytes (kept as text)."""
    return json.dumps(parts, default=_plain, sort_keys=True, indent=1).encode("ascii")


def told(ask: Callable[[], T]) -> T | Unknown:
    """What the host says, or why it says nothing."""
    try:
        return ask()
    except HostRefusedError as e:
        return e.unknown


def refusal(unknown: Unknown) -> bytes:
    """The document of a question that could not be put at all."""
    return pack(_plain(unknown))


def without_process() -> bytes:
    """The document of a question about a process that was put without one."""
    return refusal(Unknown(Reason.NO_SUBJECT, "this question is about a process, and none was found to ask about"))


def every(fields: Iterable[str], unknown: Unknown | None) -> Fields:
    """The same unknown, or absence, for every field."""
    return dict.fromkeys(fields, unknown)


def is_secret(name: str) -> bool:
    """Whether the name of a variable says that its value is a secret, which then goes into no answer."""
    return _SECRET.search(name) is not None


def printable(text: str) -> str:
    """The text with a mark for every byte that was no UTF-8, so that any output can show it."""
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def _plain(value: object) -> Any:
    if isinstance(value, Unknown):
        return {"unknown": value.reason.value, "detail": value.detail}
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"an answer cannot hold {type(value).__name__}")


class Parts:
    """The parts of a document. Every getter gives the part, or an `Unknown`: the host's own, or `unreadable`; of a
    document that is none at all why it is none (`broken`)."""

    def __init__(self, data: bytes) -> None:
        self.parts, self.broken = _unpack(data)
        """`broken` says why there is no answer at all."""

    def text(self, key: str) -> str | Unknown:
        """A text; bytes that are no UTF-8 stand in it as lone surrogates."""
        return self._take(key, str)

    def number(self, key: str) -> int | Unknown:
        """A whole number."""
        value = self._take(key, int)
        return self.strange(key) if isinstance(value, bool) else value

    def flag(self, key: str) -> bool | Unknown:
        """True or false."""
        return self._take(key, bool)

    def texts(self, key: str) -> list[str] | Unknown:
        """A list of texts."""
        value = self._take(key, list)
        if isinstance(value, list) and not all(isinstance(v, str) for v in value):
            return self.strange(key)
        return value

    def table(self, key: str) -> "Parts | Unknown":
        """Parts within this part."""
        value = self._take(key, dict)
        return value if isinstance(value, Unknown) else Parts.of(value)

    def tables(self, key: str) -> "list[Parts] | Unknown":
        """A list of parts."""
        value = self._take(key, list)
        if isinstance(value, Unknown):
            return value
        return [Parts.of(v) for v in value] if all(isinstance(v, dict) for v in value) else self.strange(key)

    def stat(self, key: str) -> Stat | Unknown:
        """The state of a path."""
        part = self.table(key)
        if isinstance(part, Unknown):
            return part
        kind, modified = part.text("kind"), part.parts.get("modified")
        if isinstance(kind, Unknown) or isinstance(modified, bool) or not isinstance(modified, int | float):
            return self.strange(key)
        numbers = {n: part.number(n) for n in _STAT if n not in {"kind", "modified"}}
        whole = {n: v for n, v in numbers.items() if isinstance(v, int)}
        changed = part.parts.get("changed")
        if len(whole) != len(numbers) or isinstance(changed, bool) or not isinstance(changed, int | float | None):
            return self.strange(key)
        return Stat(kind=kind, modified=modified, changed=changed, **whole)

    def absent(self, key: str) -> bool:
        """Whether the part is there and says: known to be absent."""
        return key in self.parts and self.parts[key] is None

    @staticmethod
    def of(parts: dict[str, Any]) -> "Parts":
        """Parts that are already taken apart."""
        new = Parts.__new__(Parts)
        new.parts, new.broken = parts, None
        return new

    def _take(self, key: str, kind: type[T]) -> T | Unknown:
        value = self.parts.get(key)
        if isinstance(value, dict) and "unknown" in value:
            return _unknown(value)
        return value if isinstance(value, kind) else self.strange(key)

    def strange(self, key: str) -> Unknown:
        """The unknown of a part that is not in the form whyred writes."""
        if self.broken is not None:
            return self.broken
        return Unknown(Reason.UNREADABLE, f"the recorded answer does not hold `{key}` in the form whyred writes")


def _unpack(data: bytes) -> tuple[dict[str, Any], Unknown | None]:
    try:
        parts = json.loads(data.decode("ascii"), parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as e:
        return {}, Unknown(Reason.UNREADABLE, f"the recorded answer is broken or cut: {type(e).__name__}")
    if not isinstance(parts, dict):
        return {}, Unknown(Reason.UNREADABLE, "the recorded answer is not a table of parts")
    return parts, _unknown(parts) if "unknown" in parts else None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number of an answer")
    return number


def _unknown(value: Mapping[str, Any]) -> Unknown:
    reason, detail = value.get("unknown"), value.get("detail", "")
    if not isinstance(reason, str) or reason not in _REASONS or not isinstance(detail, str):
        return Unknown(Reason.UNREADABLE, "the recorded answer gives no reason that whyred knows")
    return Unknown(_REASONS[reason], printable(detail))
