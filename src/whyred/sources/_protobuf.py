"""The wire format of protocol buffers, as far as it takes to read fields whose numbers are known; it writes nothing.

Source: protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator

_MASK = (1 << 64) - 1
_SIZES = {1: 8, 5: 4}
"""Wire types of a fixed size -> how many bytes."""


class Message:
    """One message. Asking for a field that is not there, or has another wire type, gives what stands for "not set".

    A field that may stand once and stands twice is read as the format wants it: the last number or text counts, and
    messages are joined.
    """

    __slots__ = ("_fields",)

    def __init__(self, data: bytes) -> None:
        """Raises ValueError: this is no message, or its end is missing."""
        fields: dict[int, list[int | bytes]] = {}
        for number, value in _read(data):
            fields.setdefault(number, []).append(value)
        self._fields = fields

    def number(self, field: int) -> int:
        """A whole number of a signed type; 0 where it is not set."""
        value = next((v for v in reversed(self._fields.get(field, ())) if isinstance(v, int)), 0)
        return value - (1 << 64) if value >> 63 else value

    def data(self, field: int) -> bytes:
        """Bytes or a text as bytes; none where it is not set."""
        return next((v for v in reversed(self._fields.get(field, ())) if isinstance(v, bytes)), b"")

    def all(self, field: int) -> list[bytes]:
        """Every value of a field that may be repeated."""
        return [v for v in self._fields.get(field, ()) if isinstance(v, bytes)]

    def part(self, field: int) -> "Message":
        """A message in it; an empty one where it is not set. Raises ValueError."""
        return Message(b"".join(self.all(field)))

    def parts(self, field: int) -> "Iterator[Message]":
        """The messages of a field that may be repeated. Raises ValueError."""
        return map(Message, self.all(field))

    def every(self) -> "Iterator[Message]":
        """Whatever can be read as a message in any of its fields."""
        for values in self._fields.values():
            for value in values:
                if isinstance(value, bytes) and (found := _maybe(value)) is not None:
                    yield found


def _maybe(data: bytes) -> Message | None:
    try:
        return Message(data)
    except ValueError:
        return None


def _read(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise ValueError("there is a field without a number in it")
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise ValueError(f"there is no wire type {kind} in it")
        if at + size > end:
            raise ValueError("the message is cut off")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for byte in data[at : at + 10]:
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _MASK, at
        shift += 7
    raise ValueError("a number in it has no end")
