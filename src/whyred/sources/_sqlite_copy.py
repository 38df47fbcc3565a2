"""A copy of an SQLite database in memory, for a machine where no SQLite can be asked, and for a database whose server
was killed, where opening the file would write beside it.

Form: sqlite.org/fileformat2.html (header, write-ahead log). Of the write-ahead log the frames up to the last commit
count; salts and checksums tell where it ends.
"""

import struct
from collections.abc import Iterator

_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
"""The magic number of a write-ahead log -> the byte order of its checksums."""
_HEADER, _FRAME = 32, 24


def legacy(data: bytearray) -> None:
    """Marks a database as one without a write-ahead log: bytes 18 and 19 of the header are 1."""
    data[18:20] = b"\x01\x01"


def apply_wal(data: bytearray, wal: bytes) -> None:
    """Puts the committed pages of a write-ahead log into the database; what is not whole counts as not written."""
    if len(wal) < _HEADER:
        return
    size = struct.unpack(">I", wal[8:12])[0]
    pages: dict[int, bytes] = {}
    for number, commit, page in _frames(wal, size):
        pages[number] = page
        if commit:
            for at, content in pages.items():
                _put(data, (at - 1) * size, content)
            pages.clear()
            _resize(data, commit * size)


def _put(data: bytearray, at: int, page: bytes) -> None:
    if len(data) < at:
        data.extend(bytes(at - len(data)))
    data[at : at + len(page)] = page


def _resize(data: bytearray, size: int) -> None:
    del data[size:]
    data.extend(bytes(size - len(data)))


def _frames(wal: bytes, size: int) -> Iterator[tuple[int, int, bytes]]:
    """Page number, pages of the database after this commit (0: no commit) and the page, while frames are valid."""
    order = _MAGIC.get(struct.unpack(">I", wal[:4])[0])
    if order is None or size < 512 or size & (size - 1):
        return
    sums = _checksum(wal[:24], (0, 0), order)
    if sums != struct.unpack(">II", wal[24:32]):
        return
    at = _HEADER
    while at + _FRAME + size <= len(wal):
        head, page = wal[at : at + _FRAME], wal[at + _FRAME : at + _FRAME + size]
        sums = _checksum(page, _checksum(head[:8], sums, order), order)
        if head[8:16] != wal[16:24] or sums != struct.unpack(">II", head[16:24]):
            return
        number, commit = struct.unpack(">II", head[:8])
        if number == 0:
            return
        yield number, commit, page
        at += _FRAME + size


def _checksum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for i in range(0, len(words), 2):
        first = (first + words[i] + second) & 0xFFFFFFFF
        second = (second + words[i + 1] + first) & 0xFFFFFFFF
    return first, second
