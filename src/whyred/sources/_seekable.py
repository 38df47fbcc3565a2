"""The seek table at the end of a stored log: which compressed frame holds which bytes of the text.

Form: contrib/seekable_format/zstd_seekable_compression_format.md of the zstd sources. A skippable frame holds one entry
a frame (compressed size, text size, a checksum where bit 7 of the descriptor is set), their number, the descriptor and
a magic number; all numbers are little-endian, 32 bits.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

FOOTER = 9
"""Bytes at the end of the file that tell how long the table is."""
_MAGIC, _SKIPPABLE = 0x8F92EAB1, 0x184D2A5E
_HEADER = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: where it begins in the file, where its text begins in the log, and where that ends."""

    at: int
    start: int
    stop: int


def table_size(footer: bytes) -> int | None:
    """Bytes from the beginning of the table to the end of the file; None where the file does not end with one."""
    if len(footer) != FOOTER:
        return None
    count, descriptor, magic = struct.unpack("<IBI", footer)
    return _HEADER + count * _entry(descriptor) + FOOTER if magic == _MAGIC else None


def _entry(descriptor: int) -> int:
    return 12 if descriptor & 0x80 else 8


def read_table(table: bytes, before: int) -> tuple[Frame, ...]:
    """The frames. `before`: bytes of the file before the table. Raises ValueError where the table does not fit them."""
    count, descriptor, _ = struct.unpack("<IBI", table[-FOOTER:])
    entry = _entry(descriptor)
    if len(table) != _HEADER + count * entry + FOOTER or struct.unpack("<I", table[:4])[0] != _SKIPPABLE:
        raise ValueError("the seek table is damaged")
    frames, at, start = [], 0, 0
    for i in range(count):
        packed, text = struct.unpack_from("<II", table, _HEADER + i * entry)
        frames.append(Frame(at, start, start + text))
        at, start = at + packed, start + text
    if at != before:
        raise ValueError(f"the seek table tells of {at} bytes, and there are {before}")
    return tuple(frames)


def first_frame(frames: Sequence[Frame], offset: int) -> Frame | None:
    """The frame to begin at for the text from `offset` on; None where the text ends before."""
    low, high = 0, len(frames)
    while low < high:
        middle = (low + high) // 2
        if frames[middle].stop > offset:
            high = middle
        else:
            low = middle + 1
    return frames[low] if low < len(frames) else None
