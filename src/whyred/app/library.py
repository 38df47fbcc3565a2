"""The library with its compiled databases, from the cache where one can be kept."""

import json
import os
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whyred.library import read, rows
from whyred.logs.engines import Engine, loaded
from whyred.logs.format import all_formats
from whyred.logs.mask import Masker
from whyred.logs.scanner import Scanner
from whyred.model.pattern import Pattern, Secret

if TYPE_CHECKING:
    from whyred.logs.window import Watch
    from whyred.model.cause import Cause

_KINDS = ("patterns", "causes", "secrets")
_ENGINES = (*Scanner.PARTS, "secrets")
_HEAD = f"<{2 + len(_ENGINES)}I"
"""A cache file begins with the sizes of its parts (the units, each engine) and the CRC-32 of all that follows."""
_BESIDE = "compiled"
"""The folder in the library's own where its compiled form may lie."""
_KEPT = 4
"""Cache files that are kept: other versions, other processors with the same home."""


@dataclass
class Library:
    """Everything from `library/`, parsed and compiled on first use. `cache`: a folder to keep that in, or None."""

    cache: Path | None

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        """All patterns."""
        return self._stored.patterns

    @cached_property
    def causes(self) -> "tuple[Cause, ...]":
        """All causes."""
        from whyred.library.read_causes import read_cause

        return tuple(read_cause(*item) for item in self._stored.causes.items())

    @cached_property
    def signature(self) -> str:
        """Changes whenever what is looked for in logs does."""
        return _signature()

    @cached_property
    def scanner(self) -> Scanner:
        """The patterns and marks, compiled."""
        return self._stored.scanner

    def masker(self) -> Masker:
        """A new masker for one log."""
        return self._stored.masker()

    @cached_property
    def watch(self) -> "Watch":
        """What finds in a part of a log that nobody is shown what decides how the rest is masked."""
        from whyred.logs.window import Watch

        return Watch(self._stored.secrets)

    @cached_property
    def _stored(self) -> "_Stored":
        name = f"library-{_signature()}"
        file = self.cache / name if self.cache else None
        stored = _load(read.FOLDER / _BESIDE / name) or (_load(file) if file else None)
        if stored is None:
            stored = _compiled()
            if file:
                _save(file, stored)
        return stored


def masker_of_messages() -> Masker:
    """A masker for a few lines, of the secrets alone: had in a tenth of the time that it takes to compile the library.

    Raises OSError, ValueError and ImportError.
    """
    return Masker([read.read_secret(*item) for item in read.tables("secrets").items()])


@dataclass
class _Stored:
    """What a cache file holds: the patterns without their examples, the other units as their files say them."""

    patterns: tuple[Pattern, ...]
    causes: dict[str, dict[str, Any]]
    secrets: tuple[Secret, ...]
    engines: dict[str, Engine]

    @cached_property
    def scanner(self) -> Scanner:
        return Scanner(self.patterns, all_formats(), {part: self.engines[part] for part in Scanner.PARTS})

    def masker(self) -> Masker:
        return Masker(self.secrets, self.engines["secrets"])


def compile_beside() -> Path:
    """Compiles the library into a file beside it, where every user finds it, whose own cache may be nowhere. Where it
    cannot be written, or is there already, nothing is done. Returns the file."""
    file = read.FOLDER / _BESIDE / f"library-{_signature()}"
    if _load(file) is None:
        _save(file, _compiled())
    return file


def _compiled() -> _Stored:
    patterns = tuple(rows.pattern_of(rows.pattern_row(p)) for p in read.patterns())
    secrets = tuple(rows.secret_of(rows.secret_row(s)) for s in read.secrets())
    engines = {**Scanner(patterns, all_formats()).engines, "secrets": Masker(secrets).engine}
    return _Stored(patterns, read.tables("causes"), secrets, engines)


def _signature() -> str:
    """Changes whenever a library or a log file of the program does, the engine's version, or the processor."""
    files, newest = [f"{os.uname()[4]} {_engine_version()} {_processor()}\n"], 0
    folders = [read.FOLDER, *(read.FOLDER / kind for kind in _KINDS)]
    folders += [read.FOLDER.parent / "logs", read.FOLDER.parent / "logs" / "formats"]
    for folder in folders:
        for entry in sorted(os.scandir(folder), key=attrgetter("name")):
            if entry.name.endswith((".toml", ".py")):
                state = entry.stat()
                files.append(f"{entry.name} {state.st_size} {state.st_mtime_ns}\n")
                newest = max(newest, state.st_mtime_ns)
    return f"{newest:x}-{zlib.crc32(''.join(files).encode()):08x}"


def _engine_version() -> str:
    try:
        import hyperscan
    except ImportError:
        return ""
    return str(getattr(hyperscan, "__version__", ""))


def _processor() -> str:
    """What the first processor can do: a database is made for it (Hyperscan developer reference, "Platform")."""
    try:
        with Path("/proc/cpuinfo").open("rb", buffering=0) as file:
            head = file.read(1 << 13)
    except OSError:
        return ""
    return next((line.decode("ascii", "replace") for line in head.split(b"\n") if line.startswith(b"flags")), "")


def _load(file: Path) -> _Stored | None:
    try:
        with file.open("rb", buffering=0) as source:
            *sizes, told = struct.unpack(_HEAD, source.read(struct.calcsize(_HEAD)))
            if sum(sizes) != os.fstat(source.fileno()).st_size - struct.calcsize(_HEAD):
                return None  # cut short, or never one
            parts = [source.read(size) for size in sizes]
        if _sum(parts) != told:
            return None  # damaged; the engine itself takes a database with a changed byte
        units = json.loads(parts[0])
        patterns = tuple(map(rows.pattern_of, units["patterns"]))
        secrets = tuple(rows.secret_of(row) for row in units["secrets"])
        engines = {name: loaded(part) for name, part in zip(_ENGINES, parts[1:], strict=True)}
        return _Stored(patterns, units["causes"], secrets, engines)
    except (OSError, ValueError, struct.error, ImportError):
        return None  # no cache, or one that was cut short: it is made again


def _sum(parts: list[bytes]) -> int:
    total = 0
    for part in parts:
        total = zlib.crc32(part, total)
    return total


def _save(file: Path, stored: _Stored) -> None:
    units = {
        "patterns": [rows.pattern_row(p) for p in stored.patterns],
        "causes": stored.causes,
        "secrets": [rows.secret_row(s) for s in stored.secrets],
    }
    dumps = [stored.engines[name].dump() for name in _ENGINES]
    parts = [json.dumps(units).encode(), *(dump for dump in dumps if dump is not None)]
    if len(parts) <= len(dumps):
        return  # an engine cannot be kept
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(b"".join((struct.pack(_HEAD, *map(len, parts), _sum(parts)), *parts)))
        fresh.replace(file)
    except OSError:
        # The cache only saves time: a full disk or a read-only home must not stop a diagnosis.
        _forget(fresh)
        return
    kept = sorted(file.parent.glob("library-*"), key=_age, reverse=True)
    for old in kept[_KEPT:]:
        _forget(old)


def _age(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0  # somebody else has just removed it


def _forget(file: Path) -> None:
    try:
        file.unlink()
    except OSError:
        return
