"""Reads what an ELF file says of itself: machine, interpreter, the libraries and the versions of symbols it needs.

The form is that of elf(5); versions of symbols are in sections 10.7.2 and 10.7.3 of the LSB Core specification.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MAGIC = b"\x7fELF"
_MACHINES = {3: "x86", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390", 40: "arm", 62: "x86_64", 183: "aarch64"}
_MACHINES |= {243: "riscv", 258: "loongarch"}
_DYNAMIC, _INTERP, _LOAD = 2, 3, 1
_NEEDED, _STRTAB, _RPATH, _RUNPATH = 1, 5, 15, 29
_VERDEF, _VERNEED = 0x6FFFFFFC, 0x6FFFFFFE
Text = Callable[[int], str]
Bytes = Callable[[int, int], bytes]
"""Offset and size -> so many bytes of the file, fewer at its end."""
_MOST = 4096
"""Entries of any list that are read: a broken file must not make the reading long."""


@dataclass(frozen=True, slots=True)
class Elf:
    """What is known of one file. `needs`: of each library that versions are wanted of, their names; `defines`: the
    versions it offers itself; `folders`: RPATH or RUNPATH as it stands.
    """

    bits: int
    machine: str
    interpreter: str | None
    libraries: tuple[str, ...]
    needs: tuple[tuple[str, tuple[str, ...]], ...]
    defines: tuple[str, ...]
    folders: str


def machine_of(data: bytes) -> str | None:
    """The machine that a file's head names, and None where it is no ELF file."""
    if len(data) < 20 or not data.startswith(MAGIC):
        return None
    (number,) = struct.unpack_from((">" if data[5] == 2 else "<") + "H", data, 18)
    return _MACHINES.get(number, f"machine {number}")


def read_elf(data: Bytes) -> Elf | None:
    """What the file says; None where it is no ELF file, or cut or broken."""
    head = data(0, 64)
    machine = machine_of(head)
    if machine is None:
        return None
    try:
        return _read(_Reader(data, ">" if head[5] == 2 else "<"), machine, wide=head[4] == 2)
    except (struct.error, IndexError):
        return None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Numbers and texts of a file in its order of bytes."""

    data: Bytes
    end: str

    def numbers(self, form: str, at: int) -> tuple[int, ...]:
        """Raises struct.error at the end of the file."""
        return struct.unpack(self.end + form, self.data(at, struct.calcsize(self.end + form)))

    def text(self, at: int) -> str:
        return self.data(at, 4096).partition(b"\0")[0].decode("utf-8", "replace")


def _read(file: _Reader, machine: str, *, wide: bool) -> Elf:
    segments = _segments(file, wide=wide)
    interp = next((file.text(at) for kind, at, _, size in segments if kind == _INTERP and size), None)
    rows: list[tuple[int, ...]] = []
    form, step = ("qQ", 16) if wide else ("iI", 8)
    for kind, at, _, size in segments:
        if kind == _DYNAMIC:
            rows = [file.numbers(form, at + n * step) for n in range(min(size // step, _MOST))]
    table = {row[0]: row[1] for row in rows}
    strings = _place(segments, table[_STRTAB]) if _STRTAB in table else 0

    def text(offset: int) -> str:
        return file.text(strings + offset)

    return Elf(
        bits=64 if wide else 32,
        machine=machine,
        interpreter=interp,
        libraries=tuple(text(row[1]) for row in rows if row[0] == _NEEDED),
        needs=tuple(_needs(file, _place(segments, table[_VERNEED]), text)) if _VERNEED in table else (),
        defines=tuple(_defines(file, _place(segments, table[_VERDEF]), text)) if _VERDEF in table else (),
        folders=":".join(text(row[1]) for row in rows if row[0] in (_RPATH, _RUNPATH)),
    )


def _segments(file: _Reader, *, wide: bool) -> list[tuple[int, int, int, int]]:
    """(kind, offset, address, size in the file) of each segment."""
    (table,) = file.numbers("Q" if wide else "I", 32 if wide else 28)
    step, count = file.numbers("HH", 54 if wide else 42)
    found = []
    for n in range(min(count, _MOST)):
        if wide:
            kind, _, offset, address, _, size = file.numbers("IIQQQQ", table + n * step)
        else:
            kind, offset, address, _, size = file.numbers("IIIII", table + n * step)
        found.append((kind, offset, address, size))
    return found


def _place(segments: list[tuple[int, int, int, int]], address: int) -> int:
    """Where in the file an address lies. Raises IndexError where no segment holds it."""
    for kind, offset, begin, size in segments:
        if kind == _LOAD and begin <= address < begin + size:
            return offset + address - begin
    raise IndexError(address)


def _needs(file: _Reader, at: int, text: Text) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(library, versions) of each library that versions are wanted of."""
    for _ in range(_MOST):
        _, count, library, first, following = file.numbers("HHIII", at)
        names, here = [], at + first
        for _ in range(min(count, _MOST)):
            _, _, _, name, step = file.numbers("IHHII", here)
            names.append(text(name))
            here += step
        yield text(library), tuple(names)
        if not following:
            return
        at += following


def _defines(file: _Reader, at: int, text: Text) -> Iterator[str]:
    """The versions of symbols that a library offers."""
    for _ in range(_MOST):
        _, _, _, _, _, first, following = file.numbers("HHHHIII", at)
        name, _ = file.numbers("II", at + first)
        yield text(name)
        if not following:
            return
        at += following
