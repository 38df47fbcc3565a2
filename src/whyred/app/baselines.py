"""Baselines that are kept, so that the log of a green attempt is read once: sorted digests of its lines, no text.

A baseline is found again by what names its attempt for ever and by all that its digests follow from: the key's version,
the library, and this user's secret. It only saves time: one that is damaged, foreign or of another version is made
anew.
"""

import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from whyred.app.library import Library
from whyred.compare.keys import SIZE, VERSION, Digests
from whyred.model.novelty import Baseline, StepTime
from whyred.sources._kept import Entry, Kept, key

_MOST = 128 << 20
"""Bytes that all of them may take: those that were used longest ago go first."""
_FORM = "baseline 1"
_SECRET = 32


@dataclass
class Baselines:
    """The baselines of this user. `cache`: the folder to keep them in, or None."""

    cache: Path | None
    library: Library
    _kept: Kept | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._kept = None if self.cache is None else Kept(self.cache / "baselines", _MOST)

    @cached_property
    def secret(self) -> bytes:
        """What all digests are made with. Where none can be kept, one for this process alone."""
        fresh = secrets.token_bytes(_SECRET)
        if self.cache is None:
            return fresh
        file = self.cache / "baselines.key"
        known = _read(file)
        if known is not None:
            return known
        _write(file, fresh)
        return _read(file) or fresh  # another process may have been faster

    @cached_property
    def digests(self) -> Digests:
        """How lines become digests."""
        return Digests(self.secret)

    def load(self, name: str | None) -> Baseline | None:
        """The baseline of this name, where it is kept and whole."""
        entry = None if name is None or self._kept is None else self._kept.load(self._key(name))
        return None if entry is None else _baseline(entry)

    def save(self, name: str | None, baseline: Baseline) -> None:
        """Keeps it, where that can be done."""
        if name is None or self._kept is None:
            return
        head: dict[str, Any] = {
            "label": baseline.label,
            "steps": [[step.name, step.seconds, step.lines] for step in baseline.steps],
            "lines": baseline.lines,
            "failed": baseline.failed,
            "whole": baseline.whole,
            "keys": len(baseline.keys),
        }
        self._kept.keep(self._key(name), head, baseline.keys + baseline.hits)

    def _key(self, name: str) -> str:
        return key(_FORM, str(VERSION), self.library.signature, self.secret, name)


def _baseline(entry: Entry) -> Baseline | None:
    """What is in an entry; None where another version of whyred wrote it."""
    head = entry.head
    with entry.body as body:
        data = body.read()
    try:
        steps = tuple(StepTime(str(n), None if s is None else float(s), int(k)) for n, s, k in head["steps"])
        cut = int(head["keys"])
        if cut % SIZE or len(data) % SIZE or not 0 <= cut <= len(data):
            return None
        label, lines = str(head["label"]), int(head["lines"])
        return Baseline(label, steps, data[:cut], data[cut:], lines, bool(head["failed"]), bool(head["whole"]))
    except (KeyError, TypeError, ValueError):
        return None


def _read(file: Path) -> bytes | None:
    """The secret; None where there is none of this user's alone."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        state = os.fstat(descriptor)
        mine = stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid() and not state.st_mode & 0o077
        data = os.read(descriptor, _SECRET + 1) if mine else b""
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return data if len(data) == _SECRET else None


def _write(file: Path, secret: bytes) -> None:
    """Puts a new one in the place of one that is missing or no use: in one step, so that nobody reads half of it."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(part, flags, 0o600), "wb") as opened:
            opened.write(secret)
        if _read(file) is None:
            part.replace(file)
    except OSError:
        pass  # then nothing that is kept now is found again, which costs time
    with suppress(OSError):
        part.unlink()
