"""The wire format of protocol buffers: what was written is read, and what is no message is refused, never misread."""

import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.sources._protobuf import Message

Field = tuple[int, int | bytes]
NUMBERS = st.integers(1, (1 << 29) - 1)
SIGNED = st.integers(-(1 << 63), (1 << 63) - 1)


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*parts, value))


def message(fields: Iterable[Field]) -> bytes:
    """A message as any program writes it."""
    parts = []
    for number, value in fields:
        if isinstance(value, int):
            parts.append(varint(number << 3) + varint(value))
        else:
            parts.append(varint(number << 3 | 2) + varint(len(value)) + value)
    return b"".join(parts)


@given(st.lists(st.tuples(NUMBERS, st.one_of(SIGNED, st.binary(max_size=50)))))
def test_what_is_written_is_read(fields: list[Field]) -> None:
    read = Message(message(fields))
    for number in {n for n, _ in fields}:
        values = [v for n, v in fields if n == number]
        numbers, texts = [v for v in values if isinstance(v, int)], [v for v in values if isinstance(v, bytes)]
        assert read.number(number) == (numbers[-1] if numbers else 0)
        assert read.data(number) == (texts[-1] if texts else b"")
        assert read.all(number) == texts


@given(st.binary(max_size=300))
def test_no_bytes_are_more_than_refused(data: bytes) -> None:
    try:
        read = Message(data)
    except ValueError:
        return
    for part in read.every():
        part.number(1)
    assert read.number(1 << 30) == 0


@given(st.lists(st.tuples(NUMBERS, st.binary(min_size=1, max_size=20)), min_size=1, max_size=4), st.data())
def test_a_message_that_is_cut_off_is_refused(fields: list[Field], data: st.DataObject) -> None:
    whole = message(fields)
    ends = {len(message(fields[: n + 1])) for n in range(len(fields))} | {0}
    at = data.draw(st.integers(1, len(whole) - 1).filter(lambda at: at not in ends))
    with pytest.raises(ValueError, match=r"cut off|no end"):
        Message(whole[:at])


def test_fields_of_fixed_size_are_passed_over() -> None:
    data = varint(1 << 3 | 1) + struct.pack("<d", 1.5) + varint(2 << 3 | 5) + b"abcd" + message([(3, 7)])
    read = Message(data)
    assert (read.number(3), read.data(1)) == (7, struct.pack("<d", 1.5))


@pytest.mark.parametrize("data", [b"\x0b", b"\x0c", b"\x0e", b"\x0f", b"\x00\x01", b"\xff" * 11, b"\x02\x00"])
def test_groups_and_nonsense_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"wire type|cut off|no end|number"):
        Message(data)


def test_a_part_that_stands_twice_is_joined() -> None:
    """As the format wants it: protobuf.dev/programming-guides/encoding, "Last One Wins"."""
    read = Message(message([(1, message([(1, 5), (2, b"a")])), (1, message([(2, b"b")]))]))
    assert (read.part(1).number(1), read.part(1).data(2)) == (5, b"b")
    assert [part.data(2) for part in read.parts(1)] == [b"a", b"b"]


def test_a_field_of_another_type_counts_as_not_set() -> None:
    read = Message(message([(1, b"text"), (2, 7)]))
    assert (read.number(1), read.data(2), read.all(2)) == (0, b"", [])
