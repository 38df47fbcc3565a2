"""Messages of runners and forges in both encodings of the Connect protocol: protobuf, and protobuf's JSON form.

Source: connectrpc.com/docs/protocol (unary calls), protobuf.dev/programming-guides/json.
"""

import base64
import json
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol

from whyred.sources._protobuf import Message

MOST = 64 << 20
"""Bytes of one unpacked body that are read."""
RESULTS = ("RESULT_UNSPECIFIED", "RESULT_SUCCESS", "RESULT_FAILURE", "RESULT_CANCELLED", "RESULT_SKIPPED")
"""How a task or step ended, by the protocol's number; 0: it has not."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))")

Time = tuple[int, int]
"""Seconds since the epoch, and nanoseconds."""


class Part(Protocol):
    """A message in either encoding; a field is asked for by its number and its name in JSON."""

    def whole(self, number: int, name: str) -> int:
        """A whole number, or the number of an enumeration's value."""

    def text(self, number: int, name: str) -> bytes:
        """A text, in UTF-8."""

    def data(self, number: int, name: str) -> bytes:
        """Bytes."""

    def time(self, number: int, name: str) -> Time | None:
        """A point in time."""

    def part(self, number: int, name: str) -> "Part":
        """A message in it."""

    def parts(self, number: int, name: str) -> "Iterator[Part]":
        """The messages of a list."""

    def texts(self, number: int, name: str) -> dict[str, str]:
        """A map of texts."""

    def context(self, number: int, name: str) -> dict[str, str]:
        """The texts on the first level of a `google.protobuf.Struct`."""

    def every(self) -> "Iterator[Part]":
        """Whatever can be read as a message in any of its fields."""


def unpacked(body: bytes, encoding: str) -> bytes:
    """A body without its compression. Raises ValueError: unknown, damaged, or larger than any call is."""
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise ValueError(f"its compression {encoding[:40]!r} is unknown to whyred")
    inflater = zlib.decompressobj(wbits=31)
    try:
        data = inflater.decompress(body, MOST)
    except zlib.error as e:
        raise ValueError(f"its compression is damaged ({e})") from None
    if not inflater.eof:
        raise ValueError("its compressed body is cut off, or larger than any call is")
    return data


def read_part(body: bytes, kind: str) -> Part:
    """The message of a body whose content type is `kind`. Raises ValueError."""
    if kind == "application/proto":
        return _Packed(Message(body))
    if kind != "application/json":
        raise ValueError(f"the content type {kind[:40]!r} is unknown to whyred")
    try:
        return _Written(json.loads(body))
    except (ValueError, RecursionError):
        # What json says of a text quotes from it, and these texts hold secrets.
        raise ValueError("it is no JSON") from None


def _nanos(number: int) -> int:
    return number if 0 <= number < 1_000_000_000 else 0


class _Packed:
    """A message of protobuf."""

    def __init__(self, message: Message) -> None:
        self._message = message

    def whole(self, number: int, name: str) -> int:
        return self._message.number(number)

    def text(self, number: int, name: str) -> bytes:
        return self._message.data(number)

    data = text

    def time(self, number: int, name: str) -> Time | None:
        if not self._message.all(number):
            return None
        told = self._message.part(number)
        return told.number(1), _nanos(told.number(2))

    def part(self, number: int, name: str) -> Part:
        return _Packed(self._message.part(number))

    def parts(self, number: int, name: str) -> Iterator[Part]:
        return map(_Packed, self._message.parts(number))

    def texts(self, number: int, name: str) -> dict[str, str]:
        return {_utf8(entry.data(1)): _utf8(entry.data(2)) for entry in self._message.parts(number)}

    def context(self, number: int, name: str) -> dict[str, str]:
        """`Struct`: fields = 1, entries of key = 1 and value = 2; of a `Value` the text is field 3 (struct.proto)."""
        entries = [(entry.data(1), entry.part(2)) for entry in self._message.part(number).parts(1)]
        return {_utf8(key): _utf8(value.data(3)) for key, value in entries if value.all(3)}

    def every(self) -> Iterator[Part]:
        return map(_Packed, self._message.every())


class _Written:
    """A message in protobuf's JSON form (protobuf.dev/programming-guides/json): fields may stand under either name."""

    def __init__(self, value: Any) -> None:
        self._fields: dict[str, Any] = value if isinstance(value, dict) else {}

    def _get(self, name: str) -> Any:
        value = self._fields.get(name)
        return self._fields.get(re.sub("[A-Z]", lambda m: f"_{m[0].lower()}", name)) if value is None else value

    def whole(self, number: int, name: str) -> int:
        value = self._get(name)
        if isinstance(value, str):
            return RESULTS.index(value) if value in RESULTS else _decimal(value)
        return int(value) if isinstance(value, int) else 0

    def text(self, number: int, name: str) -> bytes:
        value = self._get(name)
        return value.encode("utf-8", "replace") if isinstance(value, str) else b""

    def data(self, number: int, name: str) -> bytes:
        """Base64, of either alphabet, with or without its padding."""
        text = self.text(number, name).replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
        return base64.b64decode(text + b"=" * (-len(text) % 4))

    def time(self, number: int, name: str) -> Time | None:
        value = self._get(name)
        return _read_time(value) if isinstance(value, str) else None

    def part(self, number: int, name: str) -> Part:
        return _Written(self._get(name))

    def parts(self, number: int, name: str) -> Iterator[Part]:
        value = self._get(name)
        return map(_Written, value if isinstance(value, list) else ())

    def texts(self, number: int, name: str) -> dict[str, str]:
        value = self._get(name)
        return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}

    context = texts

    def every(self) -> Iterator[Part]:
        for value in self._fields.values():
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    yield _Written(item)


def _utf8(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _decimal(text: str) -> int:
    return int(text) if re.fullmatch(r"-?[0-9]{1,19}", text) else 0


def _read_time(text: str) -> Time | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        seconds = _whole_seconds(found[1].upper())
    except ValueError:
        return None
    if found[3]:
        ahead = int(found[4]) * 3600 + int(found[5]) * 60
        seconds += -ahead if found[3] == "+" else ahead
    return seconds, int((found[2] or "0").ljust(9, "0"))


@lru_cache(64)
def _whole_seconds(text: str) -> int:
    return int((datetime.fromisoformat(f"{text}+00:00") - EPOCH).total_seconds())
