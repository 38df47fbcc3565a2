"""What forgejo-runner and Gitea's runner print themselves, and which lines of it are one job's. Pure.

At the level debug every line of a job comes with the job's name in front, `[WORKFLOW/JOB] `, and `  | ` before what the
job printed itself; the task's number stands only where the task begins. So with several jobs at a time lines are told
apart by that name alone, and where that does not suffice nothing is given.
Source: act/runner/logger.go (jobLogFormatter) and internal/app/run/runner.go of forgejo-runner 12 and act_runner 0.2;
internal/pkg/report/job_log.go of Gitea's runner 3.3 (it says where it writes the log of a task).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from whyred.model.run import Conclusion, Status, Step

_TASK = re.compile(rb'time="[^"]*" level=\w+ msg="task (\d{1,18}) repo is (\S+) ')
_FILE = re.compile(rb'time="[^"]*" level=\w+ msg="writing the log of task (\d{1,18}) to ([^"\\]+)"')
_DAEMON = re.compile(rb'time="[^"]*" level=\w+ msg="Starting runner daemon"')
_JOB = re.compile(rb"\[([^\x00-\x1f]{1,400}?)\] (.*)", re.DOTALL)
_RAW = b"  | "
_BEGUN = re.compile(r"⭐ Run (Pre|Main|Post) (.+)")
_DONE = re.compile(r"  (✅|❌)  (?:Success|Failure) - (Pre|Main|Post) (.+)")
_SKIPPED = re.compile(r"Skipping step '(.*)' due to '.*'")
_OVER = re.compile(r"(?:🏁  )?Job (succeeded|failed)")
_MOST_STEPS = 10_000
SET_UP, COMPLETE = "Set up job", "Complete job"


class Told(Enum):
    """Why the lines of a task are not told."""

    NO_TASK = auto()
    """The runner says nowhere that it took it."""
    NO_JOBS = auto()
    """It prints no job at all: its level is not debug."""
    NO_LINE = auto()
    """It prints jobs, but not a line of this one."""
    MIXED = auto()
    """Several jobs ran at a time, and their lines cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a job, as the runner prints it. `raw`: the job printed it, not the runner."""

    name: str
    text: bytes
    raw: bool

    @property
    def said(self) -> str:
        """What the runner itself says; nothing for the job's own lines."""
        return "" if self.raw else self.text[:2000].decode("utf-8", "replace")


def read_line(text: bytes) -> Line | None:
    """A line of a job; None for one of the daemon's own."""
    found = _JOB.fullmatch(text)
    if found is None:
        return None
    name = found[1].decode("utf-8", "replace").strip()
    raw = found[2].startswith(_RAW)
    return Line(name, found[2][len(_RAW) :] if raw else found[2], raw)


@dataclass
class _Stretch:
    """The lines of one job, from its first to its last: places in all lines."""

    name: str
    first: int
    last: int
    over: bool = False
    steps: list[Step] = field(default_factory=list)
    marked: bool = False


@dataclass
class _Start:
    task: int
    repo: str
    at: int


@dataclass(frozen=True, slots=True)
class Found:
    """Where the lines of a task are: those with this name between two places. `steps` as the runner marks them; none
    where it does not.
    """

    name: str
    first: int
    last: int
    over: bool
    steps: tuple[Step, ...]


@dataclass
class Survey:
    """Goes through all lines once and keeps which jobs were printed where."""

    starts: list[_Start] = field(default_factory=list)
    stretches: list[_Stretch] = field(default_factory=list)
    files: dict[int, str] = field(default_factory=dict)
    """Where the log of a task was written."""
    _open: dict[str, "_Stretch"] = field(default_factory=dict)
    _marks: "dict[str, Marks]" = field(default_factory=dict)
    count: int = 0

    def add(self, text: bytes, time: float) -> None:
        """The next line, and when it was printed (seconds since the epoch)."""
        at, self.count = self.count, self.count + 1
        if text.startswith(b'time="'):
            self._daemon(text, at)
        elif (line := read_line(text)) is not None:
            self._job(line, at, time)

    def _daemon(self, text: bytes, at: int) -> None:
        if found := _TASK.match(text):
            self.starts.append(_Start(int(found[1]), found[2].decode("utf-8", "replace"), at))
        elif found := _FILE.match(text):
            self.files[int(found[1])] = found[2].decode("utf-8", "surrogateescape")
        elif _DAEMON.match(text):
            self._open.clear()  # whatever ran before was ended with the daemon

    def _job(self, line: Line, at: int, time: float) -> None:
        stretch = self._open.get(line.name)
        if stretch is None or stretch.over:
            stretch = self._open[line.name] = _Stretch(line.name, at, at)
            self._marks[line.name] = Marks(stretch.steps)
            self.stretches.append(stretch)
        stretch.last = at
        stretch.marked |= self._marks[line.name].add(line, time)
        stretch.over = bool(_OVER.fullmatch(line.said))

    def find(self, task: int, repo: str | None, job: str | None) -> Found | Told:
        """The lines of a task of this repository and job."""
        mine = [s for s in self.starts if s.task == task and (repo is None or s.repo.lower() == repo.lower())]
        if not mine:
            return Told.NO_TASK
        if not self.stretches:
            return Told.NO_JOBS
        start = mine[-1]
        own = self._own(start, job)
        if isinstance(own, Told):
            return own
        steps = _whole(own.steps) if own.marked else ()
        return Found(own.name, own.first, own.last, own.over, steps)

    def _own(self, start: _Start, job: str | None) -> _Stretch | Told:
        """The lines that began with a task, if they are certainly its own and no other's."""
        named = [s for s in self.stretches if job is None or s.name == job or s.name.endswith(f"/{job}")]
        own = next((s for s in named if s.first > start.at), None)
        if any(s.first < start.at < s.last for s in named):
            return Told.MIXED
        if own is None:
            return Told.NO_LINE
        others = [s for s in self.starts if s is not start and s.at < own.last]
        return own if self._apart(start, own, others, named) else Told.MIXED

    def _apart(self, start: _Start, own: _Stretch, others: list[_Start], named: list[_Stretch]) -> bool:
        """Whether no line of other tasks can be among those taken for the wanted one's, nor all be another's.

        Tasks that had lines before it began are known. The rest must be no more than the jobs that were first seen
        while it ran and that it cannot be by their name: each of these is one of the rest, so the rest has no other.
        """
        before = [s for s in self.stretches if s.first < start.at]
        rest = 0
        for other in others:
            its = next((s for s in before if s.first > other.at), None)
            if its is None:
                rest += 1
            else:
                before.remove(its)
        strange = [s for s in self.stretches if start.at < s.first <= own.last and s not in named]
        return rest <= len(strange)


@dataclass
class Marks:
    """The steps of one job, by the runner's own words. Those of an action made of steps stand inside one of the job."""

    steps: list[Step]
    _inside: list[str] = field(default_factory=list)

    def add(self, line: Line, time: float) -> bool:
        """The next line; whether it marks a step of the job."""
        said = line.said
        if found := _BEGUN.fullmatch(said):
            self._inside.append(f"{found[1]} {found[2]}")
            if len(self._inside) == 1 and len(self.steps) < _MOST_STEPS:
                self.steps.append(_step(found[1], found[2], time))
                return True
        elif found := _DONE.fullmatch(said):
            name = f"{found[2]} {found[3]}"
            if name in self._inside:
                del self._inside[self._inside.index(name) :]
                if not self._inside:
                    ends = Conclusion.SUCCESS if found[1] == "✅" else Conclusion.FAILURE
                    self.steps[-1] = replace(self.steps[-1], conclusion=ends, status=Status.DONE, ended=time)
        elif not self._inside and (found := _SKIPPED.fullmatch(said)) and len(self.steps) < _MOST_STEPS:
            self.steps.append(Step(found[1], Conclusion.SKIPPED, status=Status.DONE))
            return True
        return False


def _step(stage: str, name: str, time: float) -> Step:
    own = name if stage == "Main" else f"{stage} {name}"
    return Step(own, started=time, status=Status.RUNNING, aside=stage != "Main")


def _whole(steps: list[Step]) -> tuple[Step, ...]:
    """The steps, with what the runner does before and after them."""
    return (Step(SET_UP, aside=True), *steps, Step(COMPLETE, aside=True))


def lines(found: Found, numbered: Iterable[tuple[int, bytes, float]]) -> Iterator[tuple[Step | None, bytes, float]]:
    """The lines of a task among all lines with their places and times: each with the step that begins with it.

    A line of the runner that stands on several is printed without a name from the second on: it follows its first.
    """
    marks, given, mine = Marks([]), 0, False
    step = found.steps[0] if found.steps else None
    for place, text, time in numbered:
        if place < found.first or place > found.last:
            continue
        line = None if text.startswith(b'time="') else read_line(text)
        if line is None:
            if mine and not text.startswith(b'time="'):
                yield None, text, time
            continue
        mine = line.name == found.name
        if not mine:
            continue
        marked = marks.add(line, time)
        if marked and found.steps:
            given += 1
            step = found.steps[min(given, len(found.steps) - 2)]
        elif found.steps and _OVER.fullmatch(line.said):
            step = found.steps[-1]
        yield step, line.text, time
        step = None
