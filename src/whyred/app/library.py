"""The library with its compiled databases, from the cache where one can be kept."""

import json
import os
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whyred.library import read
from whyred.logs.engines import Engine, Hyperscan
from whyred.logs.format import all_formats
from whyred.logs.mask import Masker
from whyred.logs.scanner import Scanner
from whyred.model.pattern import Pattern, Secret

if TYPE_CHECKING:
    from whyred.logs.window import Watch
    from whyred.model.cause import Cause

_KINDS = ("patterns", "causes", "secrets")
_ENGINES = ("patterns", "secrets", "signs")
_HEAD = f"<{2 + len(_ENGINES)}I"
"""A cache file begins with the sizes of its parts (the tables, each engine) and the CRC-32 of all that follows."""
_EXAMPLES = ("fires", "quiet")
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
        return tuple(read.read_pattern(*item) for item in self._stored.tables["patterns"].items())

    @cached_property
    def causes(self) -> "tuple[Cause, ...]":
        """All causes."""
        from whyred.library.read_causes import read_cause

        return tuple(read_cause(*item) for item in self._stored.tables["causes"].items())

    @cached_property
    def signature(self) -> str:
        """Changes whenever what is looked for in logs does."""
        return _signature()

    @cached_property
    def scanner(self) -> Scanner:
        """The patterns and marks, compiled."""
        return self._stored.scanner(self.patterns)

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
            stored = _Stored({kind: _bare(read.tables(kind)) for kind in _KINDS}, {})
            stored.compile()
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
    tables: dict[str, dict[str, dict[str, Any]]]
    engines: dict[str, Engine]

    def scanner(self, patterns: tuple[Pattern, ...]) -> Scanner:
        return Scanner(patterns, all_formats(), self.engines.get("patterns"), self.engines.get("signs"))

    @cached_property
    def secrets(self) -> tuple[Secret, ...]:
        return tuple(read.read_secret(*item) for item in self.tables["secrets"].items())

    def masker(self) -> Masker:
        masker = Masker(self.secrets, self.engines.get("secrets"))
        self.engines["secrets"] = masker.engine
        return masker

    def compile(self) -> None:
        patterns = tuple(read.read_pattern(*item) for item in self.tables["patterns"].items())
        scanner = self.scanner(patterns)
        self.engines["patterns"] = scanner.engine
        if scanner.signs is not None:
            self.engines["signs"] = scanner.signs
        self.masker()


def compile_beside() -> Path:
    """Compiles the library into a file beside it, where every user finds it, whose own cache may be nowhere. Where it
    cannot be written, or is there already, nothing is done. Returns the file."""
    file = read.FOLDER / _BESIDE / f"library-{_signature()}"
    if _load(file) is None:
        stored = _Stored({kind: _bare(read.tables(kind)) for kind in _KINDS}, {})
        stored.compile()
        _save(file, stored)
    return file


def _signature() -> str:
    """Changes whenever a library or a log file of the program does, the engine's version, or the processor."""
    digest, newest = zlib.crc32(f"{os.uname()[4]} {_engine_version()} {_processor()}".encode()), 0
    folders = [read.FOLDER / kind for kind in _KINDS]
    folders += [read.FOLDER.parent / "logs", read.FOLDER.parent / "logs" / "formats"]
    for folder in folders:
        for entry in sorted(os.scandir(folder), key=lambda e: e.name):
            if entry.name.endswith((".toml", ".py")):
                state = entry.stat()
                digest = zlib.crc32(f"{entry.name} {state.st_size} {state.st_mtime_ns}\n".encode(), digest)
                newest = max(newest, state.st_mtime_ns)
    return f"{newest:x}-{digest:08x}"


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
        data = file.read_bytes()
        *sizes, told = struct.unpack_from(_HEAD, data)
        parts, at = [], struct.calcsize(_HEAD)
        for size in sizes:
            parts.append(data[at : at + size])
            at += size
        if zlib.crc32(memoryview(data)[struct.calcsize(_HEAD) :]) != told:
            return None  # damaged; the engine itself takes a database with a changed byte
        tables = json.loads(parts[0])
        return _Stored(tables, {name: Hyperscan.load(part) for name, part in zip(_ENGINES, parts[1:], strict=True)})
    except (OSError, ValueError, struct.error, ImportError):
        return None  # no cache, or one that was cut short: it is made again


def _save(file: Path, stored: _Stored) -> None:
    parts = [json.dumps(stored.tables).encode()]
    parts += [stored.engines[name].dump() if name in stored.engines else b"" for name in _ENGINES]
    if not all(parts):
        return
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        body = b"".join(parts)
        fresh.write_bytes(struct.pack(_HEAD, *map(len, parts), zlib.crc32(body)) + body)
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


def _bare(units: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The units without what only tests and pages read: half of their bytes."""
    return {id_: {k: [] if k in _EXAMPLES else v for k, v in unit.items()} for id_, unit in units.items()}


def _forget(file: Path) -> None:
    try:
        file.unlink()
    except OSError:
        return
