"""A folder of things that can be had again, kept to save asking for them: private, packed, checked, and bounded.

It only saves time. Where there is no folder, no room, or another user's hand in it, nothing is kept and nothing fails;
an entry that was changed or cut short is dropped.
"""

import io
import json
import os
import stat
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

_MAGIC = b"whyred kept 1\n"
_DIGEST = 16
_START = len(_MAGIC) + _DIGEST
"""Where the packed part begins, of which the digest is."""
_HEAD = struct.Struct("<I")
_PIECE = 1 << 18
_LEVEL = 1
"""Of zstd: 500 MB a second and more, and a tenth of the size."""
_STALE = 3600.0
"""Seconds after which a file that was begun and never ended is nobody's."""
_serial = count()


def key(*parts: str | bytes) -> str:
    """The name of an entry: a digest from which no part of it can be told, credentials among them."""
    digest = blake2b(digest_size=20)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """What was kept: its head, and its body as a stream that can be read once."""

    head: Mapping[str, Any]
    body: io.BufferedIOBase


@dataclass
class Kept:
    """The folder. `most`: bytes that all of it may take; the entries that were used longest ago go first.

    Nothing is kept where the disk has less than twice that to spare: whyred is not what fills a disk.
    """

    folder: Path
    most: int
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _size: int | None = field(default=None, init=False, repr=False)
    """Bytes in the folder, once they were counted."""

    def load(self, name: str) -> Entry | None:
        """The entry of this name; None where there is none that is whole."""
        path = self.folder / name
        try:
            file = _opened(self.folder, path)
            if file is None:
                return None
            entry = _entry(file)
            if entry is not None:
                os.utime(path)
                return entry
            path.unlink()
        except OSError:
            return None  # what cannot be read is asked for again
        return None

    def begin(self, name: str, head: Mapping[str, Any]) -> "Writer | None":
        """Begins an entry; None where nothing can be kept."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_ours(self.folder.stat()) or self._is_scarce():
                return None
            return Writer(self, name, head)
        except OSError:
            return None

    def keep(self, name: str, head: Mapping[str, Any], body: bytes) -> None:
        """Keeps an entry whose body is at hand."""
        writer = self.begin(name, head)
        if writer is not None:
            writer.write(body)
            writer.end()

    def _is_scarce(self) -> bool:
        state = os.statvfs(self.folder)
        return state.f_bavail * state.f_frsize < 2 * self.most

    def grew(self, by: int) -> None:
        """Counts a new entry, and drops old ones where there are too many."""
        with self._lock, suppress(OSError):
            if self._size is None or self._size + by > self.most:
                self._size = self._drop_old()
            else:
                self._size += by

    def _drop_old(self) -> int:
        """The bytes that are left."""
        found = []
        for entry in os.scandir(self.folder):
            state = entry.stat(follow_symlinks=False)
            if not entry.name.startswith("."):
                found.append((state.st_mtime, state.st_size, entry.path))
            elif time.time() - state.st_mtime > _STALE:
                _forget(Path(entry.path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self.most:
                break
            _forget(Path(path))
            total -= size
        return total


class Writer:
    """An entry that is being written, under a private name. Where the disk refuses, it is given up, and that is all."""

    def __init__(self, kept: Kept, name: str, head: Mapping[str, Any]) -> None:
        import zstandard

        self._kept, self._path = kept, kept.folder / name
        self._part = kept.folder / f".{name}.{os.getpid()}.{next(_serial)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file: BinaryIO | None = os.fdopen(os.open(self._part, flags, 0o600), "wb")
        self._packer = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
        self._digest, self._size = blake2b(digest_size=_DIGEST), 0
        self._out(_MAGIC + bytes(_DIGEST))  # the digest itself is known at the end
        told = json.dumps(head, ensure_ascii=False).encode("utf-8", "surrogatepass")
        self.write(_HEAD.pack(len(told)) + told)

    def write(self, data: bytes) -> None:
        """Some more of the body."""
        self._put(self._packer.compress(data))

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._size += len(data)
        self._out(data)
        if self._size > self._kept.most // 4:
            self.give_up()  # one entry is not worth all the others

    def _out(self, data: bytes) -> None:
        if self._file is None:
            return
        try:
            self._file.write(data)
        except OSError:
            self.give_up()

    def end(self) -> None:
        """The body is whole: from now on it can be loaded."""
        self._put(self._packer.flush())
        if self._file is None:
            return
        try:
            self._file.seek(len(_MAGIC))
            self._file.write(self._digest.digest())
            self._file.close()
            self._part.replace(self._path)
        except OSError:
            self.give_up()
            return
        self._file = None
        self._kept.grew(self._size + _START)

    def give_up(self) -> None:
        """Drops what was written so far."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # it says once more that the disk is full
                file.close()
            _forget(self._part)


def _is_ours(state: os.stat_result) -> bool:
    """Whether nobody else can put anything there."""
    return state.st_uid == os.geteuid() and not state.st_mode & 0o022


def _opened(folder: Path, path: Path) -> BinaryIO | None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    file = os.fdopen(descriptor, "rb")
    state = os.fstat(descriptor)
    if stat.S_ISREG(state.st_mode) and _is_ours(state) and _is_ours(folder.stat()):
        return file
    file.close()
    return None


def _entry(file: BinaryIO) -> Entry | None:
    """What is in the file, after all of it was checked; None where it is not what was written."""
    import zstandard

    if not _is_whole(file):
        file.close()
        return None
    file.seek(_START)
    reader = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file, closefd=True), _PIECE)
    (length,) = _HEAD.unpack(reader.read(_HEAD.size))
    return Entry(json.loads(reader.read(length)), reader)


def _is_whole(file: BinaryIO) -> bool:
    start, digest = file.read(_START), blake2b(digest_size=_DIGEST)
    while data := file.read(_PIECE):
        digest.update(data)
    return start == _MAGIC + digest.digest()


def _forget(path: Path) -> None:
    with suppress(OSError):  # another process was faster, or the disk is read-only by now
        path.unlink()
