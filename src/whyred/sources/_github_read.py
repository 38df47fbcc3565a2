"""GitHub's answers read: runs, jobs with their steps, annotations.

Source: docs.github.com, REST API endpoints for workflow runs, workflow jobs and check runs (API version 2022-11-28).
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from whyred.model.forge import Address
from whyred.model.run import Attempt, Conclusion, Job, Run, Runner, Status, Step
from whyred.sources._fields import Fields

_STATUS = {
    "queued": Status.WAITING,
    "requested": Status.WAITING,
    "in_progress": Status.RUNNING,
    "completed": Status.DONE,
    "waiting": Status.BLOCKED,  # by the rules of an environment
    "pending": Status.BLOCKED,  # by a concurrency group; of a step: not its turn yet, see `_step`
    "action_required": Status.BLOCKED,
}
_CONCLUSION = {
    "success": Conclusion.SUCCESS,
    "neutral": Conclusion.SUCCESS,  # GitHub counts it as passed
    "failure": Conclusion.FAILURE,
    "startup_failure": Conclusion.FAILURE,
    "cancelled": Conclusion.CANCELLED,
    "skipped": Conclusion.SKIPPED,
    "timed_out": Conclusion.TIMED_OUT,
}
_FIRST = ("Set up job", "Set up runner", "Initialize containers")
_LAST = ("Complete job", "Complete runner", "Stop containers")
_MOST = 5_000
"""Steps of a job that are believed; GitHub allows 1,000 and as many post steps."""


class Level(StrEnum):
    """How bad an annotation says that it is."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Annotation:
    """What the forge tied to a place in a file: `line` to `last`, counted from 1; `path` is `.github` for none."""

    level: Level
    message: str
    title: str | None = None
    path: str | None = None
    line: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class JobAnswer:
    """A job as the API tells it. `numbers` are GitHub's own numbers of the steps of the attempt, in their order: names
    in the zip of logs begin with them.
    """

    attempt: Attempt
    numbers: tuple[int | None, ...]


def read_run(item: Fields, repo: str) -> Run:
    """One run. Its workflow is named by its file; its end is when GitHub last changed it, for it tells no other."""
    number = item.positive("run_number")
    status, conclusion = _ended(item)
    return Run(
        str(Address(repo, run=number)),
        workflow=(item.text("path") or "").partition("@")[0].rpartition("/")[2] or None,
        event=item.text("event"),
        commit=item.text("head_sha"),
        repo=repo,
        id=item.positive("id"),
        number=number,
        branch=item.text("head_branch"),
        title=item.text("display_title"),
        status=status,
        conclusion=conclusion,
        created=item.seconds("created_at"),
        started=item.seconds("run_started_at"),
        ended=item.seconds("updated_at") if status is Status.DONE else None,
        url=item.text("html_url"),
    )


def _ended(item: Fields) -> tuple[Status, Conclusion]:
    word = item.text("conclusion") or ""
    if word == "action_required":
        return Status.BLOCKED, Conclusion.UNKNOWN  # "completed", but it waits for somebody's approval
    return (
        _STATUS.get(item.text("status") or "", Status.UNKNOWN),
        _CONCLUSION.get(word, Conclusion.UNKNOWN),
    )


def read_job(item: Fields, run: Run, index: int | None = None) -> JobAnswer:
    """One attempt of a job. On GitHub every attempt of a job has a job id of its own; attempts are counted per run."""
    status, conclusion = _ended(item)
    labels, runner = item.texts("labels"), item.text("runner_name")
    told = sorted(item.parts("steps")[:_MOST], key=lambda s: s.whole("number") or 0)
    steps = read_steps(told)
    attempt = Attempt(
        run,
        Job(None, item.text("name") or f"job {item.whole('id')}", item.positive("id"), index, labels),
        number=item.positive("run_attempt"),
        status=status,
        conclusion=conclusion,
        started=item.seconds("started_at") if status not in (Status.WAITING, Status.BLOCKED) else None,
        ended=item.seconds("completed_at"),
        runner=Runner(name=runner) if runner else None,
        steps=steps,
        url=item.text("html_url"),
        waits_for=_waits(status, labels),
    )
    return JobAnswer(attempt, tuple(s.whole("number") for s in told))


def _waits(status: Status, labels: tuple[str, ...] | None) -> str | None:
    if status is Status.WAITING:
        return f"a runner with the label {', '.join(labels)}" if labels else "a runner"
    return "an approval, or a run of the same concurrency group" if status is Status.BLOCKED else None


def read_steps(items: list[Fields]) -> tuple[Step, ...]:
    """The steps in their order; those that the runner added are aside."""
    steps = tuple(_step(item) for item in items)
    names = [step.name for step in steps]
    return tuple(replace(s, aside=True) if _is_aside(i, names) else s for i, s in enumerate(steps))


def _step(item: Fields) -> Step:
    status, conclusion = _ended(item)
    if item.text("status") == "pending":
        status = Status.WAITING
    return Step(
        item.text("name") or f"step {item.whole('number')}",
        conclusion,
        item.seconds("started_at"),
        item.seconds("completed_at"),
        status=status,
    )


def _is_aside(place: int, names: list[str]) -> bool:
    """Set-up, clean-up, and what an action does before and after its own step: whoever calls a step of their own "Post
    results" does not mean that.
    """
    name = names[place]
    if name in _FIRST:
        return place <= _FIRST.index(name)
    if name in _LAST:
        return place > 0 and all(later in _LAST or later.startswith("Post ") for later in names[place:])
    if name.startswith("Post "):
        return name.removeprefix("Post ") in names[:place]
    return name.startswith("Pre ") and name.removeprefix("Pre ") in names[place + 1 :]


def read_annotation(item: Fields) -> Annotation | None:
    """One annotation; None where it says nothing."""
    message = item.text("message") or item.text("title")
    if message is None:
        return None
    level = item.text("annotation_level")
    return Annotation(
        Level(level) if level in set(Level) else Level.NOTICE,
        message,
        item.text("title"),
        item.text("path"),
        item.positive("start_line"),
        item.positive("end_line"),
    )
