"""A downloaded run: the log zip of GitHub or Forgejo, packed or unpacked, or any folder of logs.

`:JOB` behind the path chooses the job; without it the first one that failed is read. A path that exists is a path,
colon or not.
"""

import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from whyred.model.run import Attempt, Conclusion, Job, Run, Step
from whyred.model.source import Boundaries, Fetched, Given, Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources import bundle

if TYPE_CHECKING:
    from whyred.logs.scanner import Scanner
    from whyred.sources._job_files import JobFiles
    from whyred.sources._members import Member

NAME = "downloads"
SERVES = "a downloaded log zip of GitHub or Forgejo, or a folder of logs, with `:JOB` to choose one"
ORDER = 30
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_LISTED = 30
"""Jobs that a message names."""
_BOM = b"\xef\xbb\xbf"
_MARK = len(_BOM)
"""A byte order mark may begin each step's own file."""
_LINE = 1 << 16
"""Bytes of a line that are held back to be looked at."""
_AHEAD = 16
"""Steps whose first line is looked for at a time: one that has none must not hide those after it."""
_STAMPED = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z ")
_REASONS = (
    (rb"not (?:been )?(?:executed|started)", Missing.NOT_STARTED, "no runner had taken it, so there is no log"),
    (
        rb"cleaned up|expired|purged",
        Missing.EXPIRED,
        "the forge deleted it after its retention time; run the job again",
    ),
    (rb"dbfs", Missing.STILL_RUNNING, "the runner had sent no line yet: download the logs again in some seconds"),
    (rb"no such file|not exist|NoSuchKey", Missing.DELETED, "its file on the forge is gone: run the job again"),
)
"""What Forgejo writes into a `.MISSING` file -> the reason and what would help. Source: recordings of Forgejo 16."""


def accepts(target: str) -> bool:
    """Whether the target is a zip or a folder of logs, with or without `:JOB`."""
    return _split(target) is not None


def _split(target: str) -> tuple[str, str | None] | None:
    """The path and the job; None where the target is of another form. `.` is the checkout's name, never a folder's."""
    if target == "." or target.startswith(".:") or "://" in target:
        return None
    if _is_ours(target):
        return target, None
    if os.path.lexists(target.replace("\0", "")):
        return None
    at = target.rfind(":")
    while at > 0:
        if target[at + 1 :] and _is_ours(target[:at]):
            return target[:at], target[at + 1 :]
        at = target.rfind(":", 0, at)
    return None


def _is_ours(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - every target pays, and pathlib's own is slower
        if stat.S_ISDIR(mode):
            from whyred.sources._members import holds_logs

            return holds_logs(path)
        if not stat.S_ISREG(mode):
            return False
        with Path(path).open("rb") as file:
            return file.read(4) in _ZIP and not bundle.accepts(path)
    except (OSError, ValueError):
        return False


def fetch(target: str, given: Given) -> Fetched:
    """The log of one job. Raises UserError (which job?) and MissingLogError (damaged, hostile, no log of this job)."""
    jobs, wanted, label = _jobs(target, given)
    job = _named(jobs, wanted, label) if wanted is not None else _chosen(jobs, label)
    return _fetched(job, _of(label, job, len(jobs) == 1))


def each(target: str, given: Given, wanted: str | None = None) -> list[tuple[Attempt, Callable[[], Fetched]]]:
    """Every job, or the one that is `wanted` or named behind the path, with what opens its log as `fetch` does."""
    jobs, named, label = _jobs(target, given)
    wanted = wanted if wanted is not None else named
    some = jobs if wanted is None else [_named(jobs, wanted, label)]
    return [(_attempt(job, label), partial(_fetched, job, label)) for job in some]


def newest(target: str, given: Given) -> list[tuple[str, Attempt, Callable[[], Fetched]]]:
    """The newest try of every job, by what is to stand behind the path to name it, with what opens its log as `fetch`
    does; nothing where one is named already.
    """
    jobs, named, label = _jobs(target, given)
    last: dict[tuple[str, int | None], JobFiles] = {}
    for job in jobs if named is None else ():
        known = last.get((job.name, job.id))
        if known is None or (job.number or 0) >= (known.number or 0):
            last[job.name, job.id] = job
    alone = len(jobs) == 1
    names = Counter(name for name, _ in last)
    told = [(name if names[name] == 1 else job.stem, job) for (name, _), job in last.items()]
    return [
        (name, _attempt(job, _of(label, job, alone)), partial(_fetched, job, _of(label, job, alone)))
        for name, job in told
    ]


def _of(label: str, job: "JobFiles", alone: bool) -> str:
    """What a job's log is called."""
    return label if alone else f"{label}:{job.name}"


def _jobs(target: str, given: Given) -> "tuple[Sequence[JobFiles], str | None, str]":
    """The jobs, the one that is named behind the path, and what the path is called."""
    # Imported here: every reading of a plain file asks `accepts`, and zipfile would cost it 10 ms.
    from whyred.sources import _job_files, _members

    path, wanted = _split(target) or (target, None)
    label = _members.shown(path)
    members = _members.in_folder(path, given) if Path(path).is_dir() else _members.in_zip(path)
    called = Path(os.path.abspath(path)).name.removesuffix(".zip")  # noqa: PTH100 - resolve() would follow links
    jobs = _job_files.jobs(members, called)
    if not jobs:
        help_ = "it is no bundle of whyred and holds no logs (.log, .txt): name one that does, or a log"
        raise MissingLogError(Missing.REFUSED_CONTENT, f"read {label}", help_)
    return jobs, wanted, label


def _attempt(job: "JobFiles", label: str) -> Attempt:
    steps = tuple(step for step, _ in job.steps)
    return Attempt(Run(label), Job(None, job.name, id=job.id), job.number, steps=steps)


def _fetched(job: "JobFiles", label: str) -> Fetched:
    _refuse(job, label)
    attempt = _attempt(job, label)
    told = Boundaries.TOLD if attempt.steps else Boundaries.GUESSED
    return Fetched(attempt, _chunks(job), f"{NAME}: {label}", boundaries=told)


def _named(jobs: "Sequence[JobFiles]", wanted: str, label: str) -> "JobFiles":
    """The job that a person means; of several tries the newest."""
    ways: tuple[Callable[[JobFiles], bool], ...] = (
        lambda job: job.answers_to(wanted),
        lambda job: job.name.lower() == wanted.lower(),
        lambda job: job.name.lower().startswith(wanted.lower()),
    )
    for way in ways:
        hits = [job for job in jobs if way(job)]
        last = max((job.number or 0 for job in hits), default=0)
        newest = [job for job in hits if (job.number or 0) == last]
        if len({job.id for job in hits}) == 1 and len(newest) == 1:
            return newest[0]
        if hits:
            why = f"{len(hits)} jobs answer to it: {_listed(hits)}"
            raise UserError(f"{label} holds several jobs {wanted!r}", why, f"Name one by its id or file: {label}:ID")
    raise UserError(f"{label} holds no job {wanted!r}", f"its jobs are {_listed(jobs)}", f"Name one: {label}:JOB")


def _chosen(jobs: "Sequence[JobFiles]", label: str) -> "JobFiles":
    """The only one, or the first that failed by what its text says, or the first that was cancelled."""
    if len(jobs) == 1:
        return jobs[0]
    cancelled = None
    for job in jobs:
        ended = _ended(job)
        if ended is Conclusion.FAILURE:
            return job
        cancelled = cancelled or (job if ended is Conclusion.CANCELLED else None)
    if cancelled is not None:
        return cancelled
    raise UserError(
        f"{label} holds {len(jobs)} jobs, and no text says that one failed",
        f"they are {_listed(jobs)}",
        f"Name one: {label}:{jobs[0].name}",
    )


def _listed(jobs: "Sequence[JobFiles]") -> str:
    names = [f"{job.called}{'' if job.missing is None else ' (no log)'}" for job in islice(jobs, _LISTED)]
    more = len(jobs) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _ended(job: "JobFiles") -> Conclusion:
    """How a job ended, as its text says it; unknown for one that cannot be read, which is told when it is chosen."""
    from whyred.diagnosis.ended import failing_section
    from whyred.logs.blocks import blocks
    from whyred.logs.reading import read

    if job.missing is not None:
        return Conclusion.UNKNOWN
    try:
        reading = read(blocks(_chunks(job)), _marks())
    except (MissingLogError, UserError):
        return Conclusion.UNKNOWN
    if reading.conclusion is not Conclusion.UNKNOWN:
        return reading.conclusion
    return Conclusion.FAILURE if failing_section(reading) else Conclusion.UNKNOWN


@cache
def _marks() -> "Scanner":
    """What finds the ends of jobs and steps, and nothing else."""
    from whyred.logs.format import all_formats
    from whyred.logs.scanner import Scanner

    return Scanner((), all_formats())


def _refuse(job: "JobFiles", label: str) -> None:
    """Raises MissingLogError where there is no log, or only a part of one."""
    asked = f"read {label}"
    if job.missing is not None:
        text = b"".join(islice(job.missing.chunks(), 1))[:4096]
        for sign, reason, help_ in _REASONS:
            if re.search(sign, text, re.I):
                raise MissingLogError(reason, asked, help_)
        help_ = "the forge could not read it when the zip was made: its own log says why. Then download the logs again"
        raise MissingLogError(Missing.SERVER_ERROR, asked, help_)
    if job.partial:
        help_ = (
            "the forge could not read it to its end, as a .PARTIAL file beside it says: download the logs again. "
            "What there is of it can be read when it is unpacked and named by itself"
        )
        raise MissingLogError(Missing.CORRUPT, asked, help_)
    for member in (job.whole, *(member for _, member in job.steps)):
        if member is not None and member.refused is not None:
            raise MissingLogError(Missing.REFUSED_CONTENT, f"read {member.shown}", member.refused)


def _chunks(job: "JobFiles") -> Iterator[bytes | Step]:
    """The log with its steps. The steps' own files are taken unless the whole log holds more: what a runner says of
    the job itself (that it was cancelled, or lost) is in no step's file.
    """
    if job.whole is None:
        return _joined(job)
    if not job.steps:
        return (chunk for chunk in job.whole.chunks())
    own = sum(member.size + _MARK for _, member in job.steps)
    return _cut(job.whole, job.steps) if job.whole.size > own else _joined(job)


def _joined(job: "JobFiles") -> Iterator[bytes | Step]:
    for step, member in job.steps:
        yield step
        yield from member.chunks()


def _cut(whole: "Member", steps: "Sequence[tuple[Step, Member]]") -> Iterator[bytes | Step]:
    """The whole log with each step before the line that the step's own file begins with."""
    waiting = [(step, _first_line(member)) for step, member in steps]
    held, starts = b"", True
    for chunk in whole.chunks():
        data = held + chunk
        end = data.rfind(b"\n") + 1 or (len(data) if len(data) > _LINE else 0)
        if end:
            yield from _marked(data[:end], waiting, starts)
            starts = data[end - 1 : end] == b"\n"
        held = data[end:]
    yield from _marked(held, waiting, starts)
    yield from (step for step, _ in waiting)


def _marked(data: bytes, waiting: "list[tuple[Step, bytes]]", starts: bool) -> Iterator[bytes | Step]:
    """The data with the steps that begin in it, which are then no longer waited for."""
    at = 0
    while True:
        places = ((_line(data, line, at, starts), n) for n, (_, line) in enumerate(waiting[:_AHEAD]) if line)
        place, n = min(((p, n) for p, n in places if p >= 0), default=(-1, 0))
        if place < 0:
            break
        if place > at:
            yield data[at:place]
        yield from (step for step, _ in waiting[: n + 1])
        del waiting[: n + 1]
        at = place
    if at < len(data):
        yield data[at:]


def _line(data: bytes, line: bytes, at: int, starts: bool) -> int:
    """Where a line begins with this text, a byte order mark aside; -1 where none does."""
    while (place := data.find(line, at)) >= 0:
        begin = place - _MARK if data[place - _MARK : place] == _BOM else place
        if begin == 0 and starts:
            return 0
        if data[begin - 1 : begin] == b"\n":
            return begin
        at = place + 1
    return -1


def _first_line(member: "Member") -> bytes:
    """The first line of a step's file where it has a time, so that no other line of the log is like it."""
    first = next(member.chunks(), b"").removeprefix(_BOM).partition(b"\n")[0][:_LINE].rstrip(b"\r")
    return first if _STAMPED.match(first) else b""
