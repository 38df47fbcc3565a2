"""What the runner itself printed, on the runner's machine: forgejo-runner's and Gitea's runner's own journal, where it
tells of jobs (level debug), and the files in which Gitea's runner (3.3+) keeps the log of each job.

The text is masked by the runner, as the forge's is. It is for jobs whose log the forge lost, or never got.
"""

import posixpath
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from whyred.model.evidence import Reason
from whyred.model.forge import Kind
from whyred.model.host import Daemon, Host, HostRefusedError
from whyred.model.run import Attempt, Status, Step
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.probes.runner_processes import find_daemons
from whyred.sources._forge_place import refused
from whyred.sources._journal import Entry, entries
from whyred.sources._runner_calls import stamp
from whyred.sources._runner_text import Found, Survey, Told, lines
from whyred.sources.reach import Reach, Want

NAME = "runner-journal"
SERVES = "what forgejo-runner or Gitea's runner printed of a job, on its machine (--runner-host)"
ORDER = 141
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
WITHOUT_SERVER = True
_RUNNERS = ("forgejo-runner", "gitea-runner")
_UNITS = tuple(f"{name}.service" for name in (*_RUNNERS, "act_runner", "act-runner"))
"""What their packages and guides call the unit."""
_BEFORE, _AFTER = 120.0, 120.0
"""Seconds around the attempt's times in which its lines are looked for: the clocks of two machines differ."""
_FILE = re.compile(r"\d{8}-\d{6}-task-(\d{1,18})\.log")
_HELP = {
    Told.NO_JOBS: (
        Missing.NOT_FOUND,
        (
            "the runner took it, and prints nothing of jobs at its level of logging: set `log.level: debug` in its"
            " configuration, restart it and run the job again"
        ),
    ),
    Told.NO_LINE: (Missing.NOT_FOUND, "the runner took it and printed no line of it: it ended before its first step"),
    Told.MIXED: (
        Missing.CORRUPT,
        (
            "other jobs ran there at the same time, and the runner's lines do not tell for certain which are whose:"
            " with `runner.capacity: 1`, or through `whyred tap`, they do"
        ),
    ),
}


def refuses(reach: Reach) -> MissingLogError | None:
    """The runner's machine must have been named."""
    if reach.runner_host is not None:
        return None
    help_ = "nobody named it: on that machine add --runner-host local, from elsewhere --runner-host ssh://USER@HOST"
    return reach.runner_away or MissingLogError(Missing.UNREACHABLE, "look on the machine of the runner", help_)


def log(reach: Reach, attempt: Attempt, want: Want) -> Fetched:
    """The lines of a job, with its steps where the runner marks them."""
    if reach.runner_host is None:
        raise refuses(reach) or AssertionError
    host, asked = reach.runner_host, f"look for {attempt.run.label} in what its runner printed"
    if attempt.id is None:
        help_ = (
            "runners name jobs by the number of the attempt (its task), which only an API, a database or a tap tells"
        )
        raise MissingLogError(Missing.WRONG_ID_KIND, asked, help_)
    if want.follow and attempt.status is not Status.DONE:
        help_ = "what a runner prints is read when the job has ended: leave --follow away, or use `whyred tap`"
        raise MissingLogError(Missing.STILL_RUNNING, asked, help_)
    named = None if reach.runner_logs is None else _in_folder(host, reach.runner_logs, attempt.id)
    return named_file(host, named, attempt) if named else _printed(host, attempt, attempt.id, want, asked)


def _in_folder(host: Host, folder: str, task: int) -> str | None:
    """The newest file of a task in the folder of a runner's job logs."""
    try:
        names = host.names(folder)
    except HostRefusedError as e:
        raise refused(e, f"look into {folder}") from e
    own = [name for name in names if (found := _FILE.fullmatch(name)) and int(found[1]) == task]
    return posixpath.join(folder, max(own)) if own else None


def named_file(host: Host, path: str, attempt: Attempt) -> Fetched:
    """The log that a runner wrote to this file."""
    try:
        chunks = host.stream(path)
    except HostRefusedError as e:
        raise refused(e, f"read {path}", Missing.DELETED) from e
    return Fetched(attempt, _streamed(chunks, path), f"{NAME}: {path}", boundaries=Boundaries.GUESSED)


def _streamed(chunks: Iterator[bytes], path: str) -> Iterator[bytes]:
    try:
        yield from chunks
    except HostRefusedError as e:
        raise refused(e, f"read {path}", Missing.DELETED) from e


def _printed(host: Host, attempt: Attempt, task: int, want: Want, asked: str) -> Fetched:
    since, until = _span(attempt, asked)
    worst: MissingLogError | None = None
    for unit, daemon in _units(host, asked):
        survey = Survey()
        for entry in entries(host, unit, since, until):
            if not entry.dropped:
                survey.add(entry.text, entry.time / 1e6)
        if task in survey.files:
            return named_file(host, _absolute(host, survey.files[task], daemon), attempt)
        found = survey.find(task, attempt.run.repo, attempt.job.name if attempt.job else None)
        if isinstance(found, Found):
            return _fetched(host, unit, found, replace(attempt, steps=found.steps or attempt.steps), want, since, until)
        if found is not Told.NO_TASK:
            worst = MissingLogError(_HELP[found][0], f"{asked} ({unit})", _HELP[found][1])
    if worst is not None:
        raise worst
    help_ = "no runner there says that it took this job at that time: is this the machine of the runner that ran it?"
    raise MissingLogError(Missing.NOT_FOUND, asked, help_)


def _span(attempt: Attempt, asked: str) -> tuple[float, float]:
    """When the job ran, with some room."""
    started = attempt.started or attempt.run.started or attempt.run.created
    if started is None:
        help_ = "when it ran is not known, and a journal is read by time: ask the forge for it first (whyred runs)"
        raise MissingLogError(Missing.WRONG_ID_KIND, asked, help_)
    now = time.time()
    return started - _BEFORE, min((attempt.ended or now) + _AFTER, now + _AFTER)


def _units(host: Host, asked: str) -> list[tuple[str, Daemon | None]]:
    """The units of the runners that run there; where none does, the usual ones."""
    try:
        daemons = [d for d in find_daemons(host.processes()) if d.kind in _RUNNERS]
    except HostRefusedError as e:
        raise refused(e, asked) from e
    units = {d.process.unit: d for d in daemons if d.process.unit is not None}
    if units:
        return list(units.items())
    if daemons:
        help_ = (
            f"the runner there ({daemons[0].name}) is no service of systemd, so no journal has what it printed: name"
            " the folder of its job logs, or let jobs to come pass through `whyred tap`"
        )
        raise MissingLogError(Missing.NOT_FOUND, asked, help_)
    return [(unit, None) for unit in _UNITS]


def _absolute(host: Host, path: str, daemon: Daemon | None) -> str:
    """A path as the host has it: a relative one is meant from where the daemon was started."""
    if path.startswith("/") or daemon is None:
        return path
    try:
        return posixpath.join(host.link(f"/proc/{daemon.process.pid}/cwd"), path)
    except HostRefusedError as e:
        if e.unknown.reason is Reason.NO_PERMISSION:
            raise refused(e, f"find {path}") from e
        return path


def _fetched(host: Host, unit: str, found: Found, attempt: Attempt, want: Want, since: float, until: float) -> Fetched:
    places = want.places(found.steps) if found.steps else None
    chosen = None if places is None else {id(found.steps[place]) for place in places}
    chunks = _chosen(_text(found, entries(host, unit, since, until)), chosen)
    boundaries = Boundaries.TOLD if found.steps else Boundaries.GUESSED
    return Fetched(attempt, chunks, f"{NAME}: {unit}", boundaries=boundaries)


def _text(found: Found, printed: Iterable[Entry]) -> Iterator[bytes | Step]:
    """The lines in the form in which forges keep them, each with the time at which it was printed."""
    lost = 0

    def numbered() -> Iterator[tuple[int, bytes, float]]:
        nonlocal lost
        place = -1
        for entry in printed:
            if entry.dropped:
                lost += entry.dropped if found.first <= place < found.last else 0
                continue
            place += 1
            if place > found.last:
                return
            yield place, entry.text, entry.time / 1e6

    for step, text, when in lines(found, numbered()):
        if step is not None:
            yield step
        at = stamp((int(when), int(when % 1 * 1e6) * 1000)).encode()
        if lost:
            yield at + b" whyred: journald dropped %d lines of the runner before this one (RateLimitBurst)\n" % lost
            lost = 0
        yield at + b" " + text.replace(b"\n", rb"\n") + b"\n"


def _chosen(chunks: Iterator[bytes | Step], wanted: set[int] | None) -> Iterator[bytes | Step]:
    """The wanted steps; all where none is named."""
    inside = wanted is None
    for chunk in chunks:
        if isinstance(chunk, Step):
            inside = wanted is None or id(chunk) in wanted
        if inside:
            yield chunk
