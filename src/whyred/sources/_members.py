"""The files of a zip or of a folder: their names, which are never used as paths, and their bytes as a stream.

A zip is read in place. Only stored and deflated members are read, and none may share bytes with another: so no more
comes out than 1032 times what went in (the most that deflate can do), however the zip was made.
"""

import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from whyred.logs.text import clean
from whyred.model.source import Given, Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources import files
from whyred.sources._content import checked

if TYPE_CHECKING:
    from zipfile import ZipInfo

_CHUNK = 1 << 20
_TABLE = 8 << 20
"""Bytes of a zip's table of contents; 50,000 steps need less."""
_ENTRIES = 20_000
"""Entries of a folder that are looked at."""
_DEPTH = 3
"""Folders inside one another that are looked into: what the zip was unpacked to, and one folder a job."""
_LOG = re.compile(r"\.(?:log|txt)(?:\.gz|\.zst)?$", re.I)
_END = b"PK\x05\x06"
_STORED, _DEFLATED = 0, 8


@dataclass(frozen=True, slots=True)
class Member:
    """A file: the parts of its name, its size in bytes, and its bytes. `refused`: why it is not read."""

    parts: tuple[str, ...]
    size: int
    chunks: Callable[[], Iterator[bytes]]
    refused: str | None = None

    @property
    def shown(self) -> str:
        """The name as people may see it."""
        return shown("/".join(self.parts))


def shown(name: str) -> str:
    """A name that a stranger chose, as people may see it."""
    return clean(os.fsencode(name)).replace("\n", " ")


def in_zip(path: str) -> list[Member]:
    """The files of a zip, in its own order. Raises MissingLogError (corrupt, refused-content) and UserError."""
    import zipfile

    asked = f"read {shown(path)}"
    try:
        with Path(path).open("rb") as file:
            size = _check_table(file, asked)
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (PermissionError, FileNotFoundError) as e:
        raise UserError(f"cannot read {shown(path)}", e.strerror or str(e), "Read it as its owner") from e
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as e:
        help_ = f"the zip is damaged or ends early ({e}): download it again"
        raise MissingLogError(Missing.CORRUPT, asked, help_) from e
    _refuse_hostile(infos, size, asked)
    return [_in_zip(path, info, asked) for info in infos]


def _check_table(file: IO[bytes], asked: str) -> int:
    """The size of the zip, unless its table of contents alone would fill the memory."""
    size = file.seek(0, os.SEEK_END)
    begin = file.seek(max(0, size - (1 << 16) - 22))
    tail = file.read()
    for end in re.finditer(re.escape(_END), tail):
        table = int.from_bytes(tail[end.start() + 12 : end.start() + 16], "little")
        if table == 0xFFFFFFFF:
            table = _large_table(file, begin + end.start())
        if table > _TABLE:
            help_ = f"its table of contents has {table} bytes, and no run has that many steps"
            raise MissingLogError(Missing.REFUSED_CONTENT, asked, help_)
    return size


def _large_table(file: IO[bytes], end: int) -> int:
    """The size of the table of a zip above 4 GiB; a locator before its end tells where (APPNOTE.TXT 4.3.14, 4.3.15)."""
    file.seek(max(0, end - 20))
    locator = file.read(20)
    file.seek(min(int.from_bytes(locator[8:16], "little"), end))
    return int.from_bytes(file.read(56)[40:48], "little")


def _refuse_hostile(infos: "list[ZipInfo]", size: int, asked: str) -> None:
    for info in infos:
        parts = re.split(r"[/\\]", info.filename)
        what = None
        if stat.S_ISLNK(info.external_attr >> 16):
            what = "a link, as no forge writes one; do not use it, and download the logs again"
        elif ".." in parts or not parts[0]:
            what = "an entry outside the archive, as no forge writes one; do not use it, and download the logs again"
        elif info.flag_bits & 0x1:
            what = "an encrypted entry, and whyred asks for no passwords; unpack it and name the folder"
        if what is not None:
            help_ = f"it holds {what}: {shown(info.filename)!r}"
            raise MissingLogError(Missing.REFUSED_CONTENT, asked, help_)
    if sum(info.compress_size for info in infos) > size:
        help_ = "its members share bytes, as no forge writes them and bombs do"
        raise MissingLogError(Missing.REFUSED_CONTENT, asked, help_)


def _in_zip(path: str, info: "ZipInfo", asked: str) -> Member:
    parts = tuple(part for part in info.filename.split("/") if part)
    where = f"{asked}: {shown(info.filename)}"
    return Member(parts, info.file_size, lambda: checked(_unpacked(path, info, where), where.removeprefix("read ")))


def _unpacked(path: str, info: "ZipInfo", where: str) -> Iterator[bytes]:
    """The bytes of a member; the file is open only while they are read. Nothing is left out unsaid: what is damaged at
    its end is told there.
    """
    if info.compress_type not in (_STORED, _DEFLATED):
        help_ = f"it is packed by method {info.compress_type}, not by deflate: unpack it and name the folder"
        raise MissingLogError(Missing.REFUSED_CONTENT, where, help_)
    crc = 0
    try:
        with Path(path).open("rb") as file:
            raw = _packed(file, info)
            for chunk in raw if info.compress_type == _STORED else _inflated(raw):
                crc = zlib.crc32(chunk, crc)
                yield chunk
    except (OSError, ValueError, zlib.error) as e:
        raise MissingLogError(Missing.CORRUPT, where, f"it is damaged ({e}): download the zip again") from e
    if crc != info.CRC:
        raise MissingLogError(Missing.CORRUPT, where, "it is damaged (another checksum): download the zip again")


def _packed(file: IO[bytes], info: "ZipInfo") -> Iterator[bytes]:
    """The bytes of a member as they are stored, behind its own header (APPNOTE.TXT 4.3.7). Raises ValueError."""
    file.seek(info.header_offset)
    header = file.read(30)
    if not header.startswith(b"PK\x03\x04") or len(header) < 30:
        raise ValueError("its header is not where the table of contents says")
    file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), os.SEEK_CUR)
    left = info.compress_size
    while left:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise ValueError("it ends early")
        left -= len(chunk)
        yield chunk


def _inflated(raw: Iterator[bytes]) -> Iterator[bytes]:
    """What was deflated, in pieces of bounded size. Raises ValueError and zlib.error."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    for packed in raw:
        data = packed
        while data and not inflate.eof:
            chunk = inflate.decompress(data, _CHUNK)
            data = inflate.unconsumed_tail
            if chunk:
                yield chunk
    rest = inflate.flush()
    if rest:
        yield rest
    if not inflate.eof:
        raise ValueError("it ends early")


def in_folder(path: str, given: Given) -> list[Member]:
    """The logs in a folder, in the order of their names. Raises UserError: it holds too much, or may not be read."""
    found = sorted(_walk(Path(path), path), key=lambda m: [_natural(p) for p in m[0]])
    return [_in_folder(Path(path), parts, entry, given) for parts, entry in found]


def holds_logs(path: str) -> bool:
    """Whether a folder holds a log; a checkout does not, whatever its texts. Raises OSError."""
    if os.path.lexists(Path(path) / ".git"):
        return False
    try:
        return next(_walk(Path(path), path), None) is not None
    except UserError:
        return False


def _walk(folder: Path, named: str) -> Iterator[tuple[tuple[str, ...], "os.DirEntry[str]"]]:
    """Every log below a folder, links too. Links to folders are not followed."""
    waiting: list[tuple[str, ...]] = [()]
    seen = 0
    while waiting:
        within = waiting.pop(0)
        try:
            with os.scandir(folder.joinpath(*within)) as scanned:
                entries = list(islice(scanned, _ENTRIES - seen + 1))
        except OSError as e:
            raise UserError(f"cannot read {shown(named)}", e.strerror or str(e), "Make it readable") from e
        seen += len(entries)
        if seen > _ENTRIES:
            why = f"it holds more than {_ENTRIES} entries"
            raise UserError(f"{shown(named)} is no folder of logs", why, "Name the folder that holds the logs")
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if entry.is_dir(follow_symlinks=False):
                if len(within) + 1 < _DEPTH:
                    waiting.append((*within, entry.name))
            elif _is_log(entry.name):
                yield (*within, entry.name), entry


def _is_log(name: str) -> bool:
    return _LOG.search(name) is not None or name.endswith((".MISSING", ".PARTIAL"))


def _in_folder(folder: Path, parts: tuple[str, ...], entry: "os.DirEntry[str]", given: Given) -> Member:
    path = str(folder.joinpath(*parts))
    if not entry.is_file(follow_symlinks=False):
        kind = "a link, and links are not followed" if entry.is_symlink() else "no plain file"
        return Member(parts, 0, lambda: iter(()), f"it is {kind}: name the log itself")
    packed = re.sub(r"\.(?:gz|zst)$", "", parts[-1], flags=re.I)

    def chunks() -> Iterator[bytes]:
        for chunk in files.fetch(path, given).chunks:
            assert isinstance(chunk, bytes)
            yield chunk

    return Member((*parts[:-1], packed), entry.stat(follow_symlinks=False).st_size, chunks)


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that puts 2 before 10."""
    return [(int(p), "") if p.isdigit() and p.isascii() else (-1, p) for p in re.split(r"([0-9]{1,18})", name)]
