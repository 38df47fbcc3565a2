"""The file of a bundle, read and written.

A zip of stored members: `log.zst` (the masked log), `steps.json` (the byte at which each step begins, where the source
told it), `run.json` (what else failed in its run, where several jobs did), `answers.json` (what the host answered),
`attempt.json`, `manifest.json`. Members are read by name and never
unpacked, so hostile names cannot write anywhere.
"""

import json
import stat
import zipfile
from collections import deque
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any

from whyred.model.attempt_json import attempt_from_json, step_from_json
from whyred.model.novelty import Familiar
from whyred.model.run import Attempt, Step
from whyred.model.run_failures import RunFailures
from whyred.model.run_failures_json import run_failures_from_json
from whyred.model.source import Boundaries, Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources._zstd import decoded

FORMAT = 1
"""The form written here; files of a later form are refused by name."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LIMIT = 64 << 20
"""Bytes of one JSON member; a larger one is no bundle of ours."""
_CHUNK = 1 << 20


class Archive:
    """A bundle opened for reading. Raises UserError (newer form, hostile entries) and MissingLogError (damaged)."""

    def __init__(self, target: str) -> None:
        self.target = target
        try:
            self._zip = zipfile.ZipFile(target)
        except (FileNotFoundError, PermissionError, IsADirectoryError) as e:
            why = e.strerror or str(e)
            raise UserError(f"cannot read the bundle {target}", why, "Name a bundle that `whyred save` wrote") from e
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as e:
            raise self._damaged(str(e)) from e
        for member in self._zip.infolist():
            self._refuse_hostile(member)
        self._check_form()

    def _refuse_hostile(self, member: zipfile.ZipInfo) -> None:
        name = PurePosixPath(member.filename)
        link = stat.S_ISLNK(member.external_attr >> 16)
        if name.is_absolute() or ".." in name.parts or "\\" in member.filename or link:
            kind = "a link" if link else "an entry outside the bundle"
            raise UserError(
                f"{self.target} holds {kind}: {member.filename!r}",
                "a bundle has only plain members, so this file was not written by whyred",
                "Do not use it; ask for a new one",
            )

    def _check_form(self) -> None:
        if "manifest.json" not in self._zip.namelist():
            raise MissingLogError(
                Missing.REFUSED_CONTENT,
                f"read {self.target}",
                "it is a zip archive and no bundle of whyred. Unpack it and name the log inside",
            )
        manifest = self._json("manifest.json")
        form = manifest.get("format") if isinstance(manifest, dict) else None
        if not isinstance(form, int):
            raise self._damaged("its manifest names no format")
        if form > FORMAT:
            raise UserError(
                f"{self.target} is a bundle of form {form}",
                f"this whyred reads up to form {FORMAT}; it was written by whyred {manifest.get('whyred', '?')}",
                "Upgrade whyred: pip install --upgrade whyred",
            )

    def attempt(self) -> Attempt:
        """The attempt."""
        try:
            return attempt_from_json(self._json("attempt.json"))
        except (ValueError, KeyError, TypeError) as e:
            raise self._damaged(f"attempt.json cannot be read ({e})") from e

    def answers(self) -> bytes:
        """The recorded answers, as JSON."""
        self._json("answers.json")
        with self._member("answers.json") as file:
            return file.read(_LIMIT)

    def run_failures(self) -> RunFailures | None:
        """What else failed in its run; None where that was not known, or this was the only job."""
        if "run.json" not in self._zip.namelist():
            return None
        try:
            return run_failures_from_json(self._json("run.json"))
        except (ValueError, KeyError, TypeError) as e:
            raise self._damaged(f"run.json cannot be read ({e})") from e

    def boundaries(self) -> Boundaries:
        """How the boundaries of its steps were known when it was saved."""
        told = self._steps()[0]
        return Boundaries(told) if told in set(Boundaries) else Boundaries.GUESSED

    def route(self) -> str | None:
        """The route that its log came by; None in a bundle that does not tell."""
        told = self._json("manifest.json").get("route")
        return told if isinstance(told, str) else None

    def familiar(self) -> Familiar | None:
        """Which of its errors green attempts had as well; None where none was compared with."""
        told = self._json("manifest.json").get("familiar")
        if told is None:
            return None
        try:
            return Familiar(frozenset(int(line) for line in told["lines"]), tuple(str(g) for g in told["greens"]))
        except (ValueError, KeyError, TypeError) as e:
            raise self._damaged(f"its manifest cannot be read ({e})") from e

    def _steps(self) -> tuple[str, list[tuple[int, Step]]]:
        """How boundaries were known, and each step with the offset of its first byte in the log."""
        if "steps.json" not in self._zip.namelist():
            return "", []  # of a log whose source told no steps
        data = self._json("steps.json")
        try:
            return str(data["boundaries"]), [(int(at["byte"]), step_from_json(at["step"])) for at in data["steps"]]
        except (ValueError, KeyError, TypeError) as e:
            raise self._damaged(f"steps.json cannot be read ({e})") from e

    def log(self) -> Iterator[bytes | Step]:
        """The masked log, with each step before its first byte."""
        _, steps = self._steps()
        with self._zip, self._member("log.zst") as file:
            try:
                yield from _with_steps(decoded(iter(lambda: file.read(_CHUNK), b"")), steps)
            except (ValueError, zipfile.BadZipFile, EOFError, OSError) as e:
                raise self._damaged(f"its log cannot be read ({e})") from e

    def _member(self, name: str) -> IO[bytes]:
        try:
            member = self._zip.getinfo(name)
            if member.compress_type != zipfile.ZIP_STORED:
                raise self._damaged(f"{name} is packed, and a bundle's members never are")
            return self._zip.open(member)
        except (KeyError, zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as e:
            raise self._damaged(f"{name} is missing or unreadable") from e

    def _json(self, name: str) -> Any:
        with self._member(name) as file:
            try:
                data = file.read(_LIMIT + 1)
                if len(data) > _LIMIT:
                    raise self._damaged(f"{name} is larger than {_LIMIT} bytes")
                return json.loads(data)
            except (ValueError, zipfile.BadZipFile, EOFError, OSError, RecursionError) as e:
                raise self._damaged(f"{name} cannot be read ({e})") from e

    def _damaged(self, why: str) -> MissingLogError:
        return MissingLogError(
            Missing.CORRUPT, f"read bundle {self.target}", f"it is no bundle, or a damaged one ({why}). Fetch it again"
        )


def _with_steps(chunks: Iterator[bytes], steps: list[tuple[int, Step]]) -> Iterator[bytes | Step]:
    at, left = 0, deque(sorted(steps, key=lambda s: s[0]))
    for chunk in chunks:
        done = 0
        while left and left[0][0] < at + len(chunk):
            byte, step = left.popleft()
            cut = max(byte - at, done)
            if cut > done:
                yield chunk[done:cut]
            yield step
            done = cut
        if done < len(chunk):
            yield chunk[done:]
        at += len(chunk)
    yield from (step for _, step in left)
