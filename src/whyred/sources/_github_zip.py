"""The zip of a run's logs: which member is the log of which job and step. Members are read one at a time, as a stream,
and their names are never used as paths.

`N_JOB.txt` is a job's whole text, `JOB/N_STEP.txt` that of a step, N being GitHub's number of the step, and
`JOB/system.txt` what was written before a runner came. Names are without the characters that files may not have, cut
(jobs at 90 UTF-16 units), and made different by a number where two are equal; folders or texts may be missing.
Source: pkg/cmd/run/view/logs.go of cli/cli, its issues 5011, 7641, 8883, 10551 and 10853.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import IO, Any

from whyred.logs.steps_by_time import STAMP, begun
from whyred.model.run import Step
from whyred.model.source import Missing, MissingLogError

_STEP = re.compile(r"(?P<job>[^/]{0,300})/(?P<number>\d{1,9})_[^/]{0,300}\.txt")
_WHOLE = re.compile(r"-?\d{1,12}_(?P<job>[^/]{0,300})\.txt")
_SYSTEM = re.compile(r"(?P<job>[^/]{0,300})/system\.txt")
_DROPPED = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f\s_\ufffd-]+')
_STRIPPED = re.compile(r"[/:]")
"""What is known to be left out of a name, and what may be."""
_CUT = 40
"""Characters of a name from which on it may have been cut, whatever GitHub cuts it at today."""
_AGAIN = re.compile(r"(?:\d{1,4}|\(\d{1,4}\))$")
"""What stands at the end of a cut name that occurs twice."""
_SLACK = 2.0
"""Seconds by which a member's first line may be off the times of its step."""
_PIECE = 1 << 18
_BIG, _RATIO = 64 << 20, 400
"""A member that claims to be larger than the first and packed better than by the second is no log: the best packed of
real ones, progress bars and nothing else, stay below 200.
"""
_BOM = b"\xef\xbb\xbf"
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


class LogZip:
    """A run's zip, opened. `asked` is the request it came by. Raises MissingLogError (corrupt) where it is none."""

    def __init__(self, file: IO[bytes], asked: str) -> None:
        self._asked = asked
        try:
            self._zip = zipfile.ZipFile(file)
        except _DAMAGE as e:
            raise self._damaged(e) from e
        self._members = [m for m in self._zip.infolist() if not m.is_dir()]

    def steps(self, job: str, jobs: Sequence[str], wanted: Sequence[tuple[int, Step]]) -> list[Iterator[bytes]] | None:
        """The texts of these steps of a job (each with its number), in their order; None where not all of those that
        were begun are there, or where it is not sure whose they are. `jobs` are the names of all jobs of the run.
        """
        folders: dict[str, dict[int, zipfile.ZipInfo]] = {}
        for member in self._members:
            if found := _STEP.fullmatch(member.filename):
                folders.setdefault(found["job"], {})[int(found["number"])] = member
        for members in (folders[f] for f in folders if _owner(f, jobs) == job):
            whole = all(number in members or not begun(step) for number, step in wanted)
            if whole and all(self._within(members[n], *_times(n, s)) for n, s in wanted[-1:] if n in members):
                return [self._text(members[n]) if n in members else iter(()) for n, _ in wanted]
        return None

    def whole(self, job: str, jobs: Sequence[str], ended: float | None) -> Iterator[bytes] | None:
        """The whole text of a job, or what was written before a runner came where there is no other."""
        for kind in (_WHOLE, _SYSTEM):
            for member in self._members:
                found = kind.fullmatch(member.filename)
                if found and _owner(found["job"], jobs) == job and self._within(member, None, ended):
                    return self._text(member)
        return None

    def _within(self, member: zipfile.ZipInfo, started: float | None, ended: float | None) -> bool:
        """Whether its first line was written in that time."""
        stamp = STAMP.search(next(self._text(member), b""))
        if stamp is None:
            return True  # it has no line, or none with a time
        try:
            at = datetime.fromisoformat(stamp[1].decode()).replace(tzinfo=UTC).timestamp()
        except ValueError:
            return False
        return (started is None or at >= started - _SLACK) and (ended is None or at <= ended + _SLACK)

    def _text(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        if member.file_size > _BIG and member.file_size > _RATIO * max(1, member.compress_size):
            help_ = f"its member of {member.compress_size} bytes claims to be {member.file_size} bytes long: no log is"
            raise MissingLogError(Missing.REFUSED_CONTENT, self._asked, help_)
        try:
            with self._zip.open(member) as file:
                piece = file.read(_PIECE).removeprefix(_BOM)
                while piece:
                    yield piece
                    piece = file.read(_PIECE)
        except _DAMAGE as e:
            raise self._damaged(e) from e

    def _damaged(self, error: Exception) -> MissingLogError:
        help_ = f"the zip of logs that came is damaged, or cut off ({_said(error)}): try again"
        return MissingLogError(Missing.CORRUPT, self._asked, help_)


def _said(error: Any) -> str:
    """What the error says, without a member's name, which is whatever the server wants."""
    return re.sub(r"'.*'|\".*\"", "...", str(error), flags=re.S)[:120] or type(error).__name__


def _times(number: int, step: Step) -> tuple[float | None, float | None]:
    """When its first line was written: the first step also has those of the time in which the job waited."""
    return None if number == 1 else step.started, step.ended


def _owner(folder: str, jobs: Sequence[str]) -> str | None:
    """The one job whose folder or text it is: by its name without what files may not have, or else by what is left of
    one that was cut. None where it may be that of several.
    """
    seen = _key(folder)
    owners = [j for j in jobs if _STRIPPED.sub("", j).strip() == folder] or [j for j in jobs if _key(j) == seen]
    if not owners and len(seen) >= _CUT:
        owners = [j for j in jobs if _key(j).startswith((seen, _AGAIN.sub("", seen)))]
    return owners[0] if len(owners) == 1 else None


def _key(name: str) -> str:
    """What of a name is left in the zip, however much of the rest was dropped or replaced."""
    return _DROPPED.sub("", name).casefold()
