"""Which functions a shared library (ELF) puts in the place of the C library's, read from its table of symbols."""

import struct
from collections.abc import Iterator

_HEADER = {1: "HHIIIIIHHHHHH", 2: "HHIQQQIHHHHHH"}
_SECTION = {1: "IIIIIIIIII", 2: "IIQQQQIIQQ"}
_SYMBOL = {1: "IIIBBH", 2: "IBBHQQ"}
_DYNSYM = 11
"""SHT_DYNSYM (elf(5))."""


def defined(data: bytes) -> frozenset[str]:
    """The names of the symbols that the library itself defines; none for what is no ELF file or cut."""
    try:
        return frozenset(_defined(data))
    except (struct.error, KeyError, IndexError):
        return frozenset()


def _defined(data: bytes) -> Iterator[str]:
    if data[:4] != b"\x7fELF":
        return
    bits, order = data[4], {1: "<", 2: ">"}[data[5]]
    header = struct.unpack_from(order + _HEADER[bits], data, 16)
    first, size, count = header[5], header[10], header[11]
    sections = [struct.unpack_from(order + _SECTION[bits], data, first + n * size) for n in range(min(count, 256))]
    for section in sections:
        if section[1] == _DYNSYM:
            names = sections[section[6]][4]
            yield from _names(
                data, order + _SYMBOL[bits], range(section[4], section[4] + section[5], section[9]), names
            )


def _names(data: bytes, form: str, places: range, names: int) -> Iterator[str]:
    where = 5 if form.endswith("IIIBBH") else 3
    for place in places:
        symbol = struct.unpack_from(form, data, place)
        if symbol[where] != 0:  # SHN_UNDEF: taken from another library
            start = names + symbol[0]
            yield data[start : data.index(b"\0", start)].decode("ascii", "replace")
