"""`hashFiles`: one hash for the files of a workspace that match some patterns.

As the runners of GitHub and Forgejo do it (@actions/glob, and the script hashFiles beside it): a SHA-256 of each file,
in the order of a walk that sorts names by their bytes, and of those a SHA-256. A later pattern beats an earlier one, a
`!` in front takes files out, a folder that matches means all below it, links to folders are not followed.
"""

import fnmatch
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One pattern: whether it takes out, and what each part of a path must match (None: `**`)."""

    out: bool
    parts: tuple[re.Pattern[str] | None, ...]

    def matches(self, path: Sequence[str]) -> bool:
        """Whether the pattern matches the path or a folder above it. Linear in path times pattern."""
        reached = {0}
        for name in path:
            reached = self._skipped(reached)
            if len(self.parts) in reached:
                return True
            reached = {n for at in reached for n in self._step(at, name)}
        return len(self.parts) in self._skipped(reached)

    def _step(self, at: int, name: str) -> Iterator[int]:
        part = self.parts[at]
        if part is None:
            yield at
        elif part.match(name):
            yield at + 1

    def _skipped(self, reached: set[int]) -> set[int]:
        """`**` may also stand for no folder at all."""
        more = set(reached)
        for at in sorted(reached):
            while at < len(self.parts) and self.parts[at] is None:
                at += 1
                more.add(at)
        return more


def hash_files(workspace: Path, patterns: Sequence[str]) -> str:
    """The hash in hexadecimal; empty where no file matches. Raises OSError for a file that cannot be read."""
    known = [pattern for text in patterns for line in text.split("\n") if (pattern := _read(line)) is not None]
    total, found = hashlib.sha256(), False
    for path in _walk(workspace):
        chosen = False
        for pattern in known:
            if pattern.out == chosen and pattern.matches(path):
                chosen = not pattern.out
        file = workspace.joinpath(*path)
        if chosen and S_ISREG(file.stat().st_mode):
            total.update(_digest(file))
            found = True
    return total.hexdigest() if found else ""


def _read(text: str) -> _Pattern | None:
    """A pattern from its text; a `/` in front means the workspace, as the documentation's examples have it."""
    text = text.strip()
    if not text or text.startswith("#"):
        return None
    names = [name.strip() for name in text.removeprefix("!").split("/")]
    # Python's form of a class that is turned round is `[!a]`; the actions' is `[^a]` as well.
    parts = [None if n == "**" else fnmatch.translate(n.replace("[^", "[!")) for n in names if n not in ("", ".")]
    return _Pattern(text.startswith("!"), tuple(None if p is None else re.compile(p) for p in parts))


def _walk(workspace: Path) -> Iterator[tuple[str, ...]]:
    """The paths of all files below a folder, as names. Raises OSError."""
    waiting: list[tuple[tuple[str, ...], bool]] = [((), True)] if workspace.is_dir() else []
    while waiting:
        path, is_folder = waiting.pop()
        if not is_folder:
            yield path
            continue
        with os.scandir(workspace.joinpath(*path)) as entries:
            inside = sorted(entries, key=lambda e: os.fsencode(e.name), reverse=True)
        waiting += [((*path, e.name), e.is_dir(follow_symlinks=False)) for e in inside]


def _digest(file: Path) -> bytes:
    digest = hashlib.sha256()
    with file.open("rb") as data:
        while piece := data.read(_PIECE):
            digest.update(piece)
    return digest.digest()
