"""What runners and forges say to each other in the calls of `runner.v1.RunnerService`.

Field numbers: runner/v1/messages.proto of code.gitea.io/actions-proto-go 0.4.1 and 0.6.0 (they are in the tags of
runner/v1/messages.pb.go there). Forgejo's own field for further tasks of one answer has a number that is published
nowhere we could read: whatever in the answer reads as a task is one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache

from whyred.sources._runner_parts import EPOCH, Part, Time

LONGEST = 64 * 1024
"""Bytes of a row that forges keep (modules/actions/log.go, MaxLineSize)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Log rows of a task. `index`: the number of the first one, from 0; `last`: no more will come. `texts` are the rows
    as forges keep them, without the time, which stands in `stamps`.
    """

    task: int
    index: int
    stamps: tuple[str, ...]
    texts: tuple[bytes, ...] = field(repr=False)
    last: bool = False


@dataclass(frozen=True, slots=True)
class StepTold:
    """How far a step is: `result` by its number, its rows `[first, first + count)`, times in seconds."""

    id: int
    result: int
    started: float | None
    stopped: float | None
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class TaskTold:
    """How far a task is."""

    task: int
    result: int
    started: float | None
    stopped: float | None
    steps: tuple[StepTold, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """A task that a runner was given. What is secret in it, or the user's own, is in no repr.

    `context` holds the texts of the context's first level; `payload` is the workflow with this one job.
    """

    id: int
    context: Mapping[str, str] = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)
    payload: bytes = field(repr=False)


def read_rows(part: Part) -> Rows:
    """UpdateLogRequest."""
    rows = [(stamp(row.time(1, "time")), _kept(row.text(2, "content"))) for row in part.parts(3, "rows")]
    stamps, texts = tuple(s for s, _ in rows), tuple(t for _, t in rows)
    return Rows(part.whole(1, "taskId"), part.whole(2, "index"), stamps, texts, bool(part.whole(4, "noMore")))


def read_ack(part: Part) -> int:
    """UpdateLogResponse: how many rows the forge has."""
    return part.whole(1, "ackIndex")


def read_state(part: Part) -> TaskTold:
    """UpdateTaskRequest, without the outputs."""
    state = part.part(1, "state")
    steps = tuple(
        StepTold(
            step.whole(1, "id"),
            step.whole(2, "result"),
            _seconds(step.time(3, "startedAt")),
            _seconds(step.time(4, "stoppedAt")),
            step.whole(5, "logIndex"),
            step.whole(6, "logLength"),
        )
        for step in state.parts(5, "steps")
    )
    started, stopped = _seconds(state.time(3, "startedAt")), _seconds(state.time(4, "stoppedAt"))
    return TaskTold(state.whole(1, "id"), state.whole(2, "result"), started, stopped, steps)


def read_taken(part: Part) -> Iterator[Taken]:
    """FetchTaskResponse and FetchSingleTaskResponse: the tasks that the runner was given."""
    for task in part.every():
        number, context = task.whole(1, "id"), _context(task)
        if number > 0 and "repository" in context:
            yield Taken(number, context, task.texts(4, "secrets"), task.data(2, "workflowPayload"))


def _context(task: Part) -> dict[str, str]:
    """The context of what may be a task; nothing where it is another message."""
    try:
        return task.context(3, "context")
    except ValueError:
        return {}


def read_runner(part: Part) -> str:
    """DeclareResponse: the runner's name."""
    return part.part(1, "runner").text(4, "name").decode("utf-8", "replace")


def stamp(time: Time | None) -> str:
    """A time as forges write it before a row: UTC, seven digits of a second (modules/actions/log.go, FormatLog)."""
    seconds, nanos = time or (0, 0)
    return f"{_second(seconds)}.{nanos // 100:07}Z"


@lru_cache(64)
def _second(seconds: int) -> str:
    try:
        return f"{EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}"
    except OverflowError:
        return f"{EPOCH:%Y-%m-%dT%H:%M:%S}"


def _seconds(time: Time | None) -> float | None:
    return time[0] + time[1] / 1e9 if time is not None and time > (0, 0) else None


def _kept(text: bytes) -> bytes:
    """A row as forges keep it: no line ends in it, and cut where it is too long."""
    return text.replace(b"\n", rb"\n")[:LONGEST]
