"""The answer to a job page's state, read: the run, its jobs and steps, and the lines that a cursor asked for.

Pure but for the stream handed in. A step of 200 MB comes as one JSON text, so lines are read as they arrive.
Source: routers/web/repo/actions/view.go of Forgejo 7 to 16 and Gitea 1.21 to 1.27.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from whyred.model.forge import ended_as
from whyred.model.run import Conclusion, Status, Step
from whyred.model.source import Missing, MissingLogError
from whyred.sources._fields import Fields

_WHOLE = 4 << 20
"""Bytes up to which an answer is read whole."""
_TAG = re.compile(r"<[^<>]{0,500}>")
_ASIDE = ("Set up job", "Complete job")
_BEFORE = re.compile(rb'"cursor"\s*:\s*([0-9]{1,18})\s*,\s*"lines"\s*:\s*\[')
"""What stands before the lines of an answer; within a text its quotation marks would be `\\"`."""
_LINES = re.compile(rb'"lines"\s*:\s*\[')
_MOST = 10_000
"""Steps or jobs of one run that are believed; no real one comes near."""


@dataclass(frozen=True, slots=True)
class JobState:
    """A job in the list of its run."""

    id: int | None
    name: str
    status: Status
    conclusion: Conclusion


@dataclass(frozen=True, slots=True)
class State:
    """What a page knows. `attempts` are the numbers of the job's attempts and how each ended."""

    title: str | None
    branch: str | None
    commit: str | None
    status: Status
    conclusion: Conclusion
    done: bool
    jobs: tuple[JobState, ...]
    job: str | None
    detail: str | None
    steps: tuple[Step, ...]
    attempts: dict[int, tuple[Status, Conclusion]]
    error: str | None
    """Why the workflow could not be run at all, where the forge tells."""


def read_state(data: object) -> State:
    """The state in an answer."""
    state = Fields(data).part("state")
    run, current = state.part("run"), state.part("currentJob")
    status, conclusion = ended_as(run.text("status") or "")
    commit = run.part("commit")
    sha = re.search(r"/commit/([0-9a-f]{40,64})$", commit.text("link") or "")
    return State(
        title=run.text("title"),
        branch=commit.part("branch").text("name"),
        commit=sha[1] if sha else None,
        status=status,
        conclusion=conclusion,
        done=run.flag("done"),
        jobs=tuple(_job(item, i) for i, item in enumerate(run.parts("jobs")[:_MOST])),
        job=current.text("title"),
        detail=_detail(current),
        steps=_steps(current.parts("steps")[:_MOST]),
        attempts={
            n: ended_as(a.text("status") or "") for a in current.parts("allAttempts") if (n := a.whole("number"))
        },
        error=run.text("preExecutionError"),
    )


def _job(item: Fields, index: int) -> JobState:
    status, conclusion = ended_as(item.text("status") or "")
    return JobState(item.positive("id"), item.text("name") or f"job {index}", status, conclusion)


def _detail(current: Fields) -> str | None:
    """What the page says of the job; from Forgejo 14 on as HTML."""
    told = current.texts("details") or ()
    text = " ".join(told) if told else current.text("detail") or ""
    return re.sub(r"\s+", " ", _TAG.sub("", text)).strip() or None


def _steps(items: list[Fields]) -> tuple[Step, ...]:
    steps = []
    for place, item in enumerate(items):
        status, conclusion = ended_as(item.text("status") or "")
        name = (item.text("summary") or f"step {place}").partition("\n")[0]  # a step without a name shows its script
        aside = (place == 0 or place == len(items) - 1) and name in _ASIDE
        steps.append(Step(name, conclusion, status=status, aside=aside))
    return tuple(steps)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one cursor. `state` is None where the answer was too large to be read whole; `lines` are rows as
    the forge stores them, each with its newline. `cursor`: where the forge says that the next question begins.
    """

    state: State | None
    lines: Iterator[bytes]
    cursor: int | None = None


def read_answer(chunks: Iterator[bytes], asked: str) -> Answer:
    """The answer to a state with at most one cursor. Raises MissingLogError (refused-content)."""
    head, size = [], 0
    try:
        for chunk in chunks:
            head.append(chunk)
            size += len(chunk)
            if size > _WHOLE:
                return _in_rows(b"".join(head), chunks, asked)
    except MissingLogError as broken:
        begun = b"".join(head)
        if broken.reason is not Missing.UNREACHABLE or not _LINES.search(begun):
            raise
        return _in_rows(begun, _raising(broken), asked)  # the rows that came are not asked for again
    try:
        data = json.loads(b"".join(head))
    except (ValueError, RecursionError) as e:
        raise _no_state(asked) from e
    if not isinstance(data, dict) or not isinstance(data.get("state"), dict):
        raise _no_state(asked)
    logs = Fields(data).part("logs").parts("stepsLog")
    rows = iter([_row(line.data) for log in logs for line in log.parts("lines")])
    return Answer(read_state(data), rows, logs[0].whole("cursor") if logs else None)


def _in_rows(begun: bytes, rest: Iterator[bytes], asked: str) -> Answer:
    told = _BEFORE.search(begun)
    return Answer(None, _streamed(begun, rest, asked), int(told[1]) if told else None)


def _raising(error: MissingLogError) -> Iterator[bytes]:
    yield from ()
    raise error


def _no_state(asked: str) -> MissingLogError:
    help_ = "no job state came but something else: is there a log-in gate or a bot check in front?"
    return MissingLogError(Missing.REFUSED_CONTENT, asked, help_)


def _row(line: dict[str, Any]) -> bytes:
    """A row as it is stored: time with seven digits, one blank, the text with its newlines written as two characters.

    The page tells times as a number that holds about a microsecond, so the last digit may differ from the stored one.
    """
    message, stamp = line.get("message"), line.get("timestamp")
    text = (message if isinstance(message, str) else "").replace("\n", "\\n").encode("utf-8", "replace")
    return _stamp(stamp).encode() + text + b"\n"


def _stamp(seconds: object) -> str:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds < 1 << 36:
        return ""
    ticks = round(seconds * 10_000_000)
    whole, rest = divmod(ticks, 10_000_000)
    return f"{_second(whole)}.{rest:07d}Z "


@lru_cache(maxsize=1024)
def _second(whole: int) -> str:
    """A second as text; many rows share one, and making it costs more than all the rest of a row."""
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}"


def _streamed(head: bytes, chunks: Iterable[bytes], asked: str) -> Iterator[bytes]:
    """The rows of a large answer: the objects after `"lines":[`, one after the other."""
    decoder, text = codecs.getincrementaldecoder("utf-8")("replace"), ""
    scan = json.JSONDecoder().raw_decode
    inside = False
    for chunk in chain([head], chunks):
        text += decoder.decode(chunk)
        if not inside:
            start = re.search(r'"lines"\s*:\s*\[', text)
            if start is None:  # a state does not take that much
                raise _no_state(asked)
            text, inside = text[start.end() :], True
        at = 0
        while True:
            while at < len(text) and text[at] in " \t\r\n,":
                at += 1
            if text[at : at + 1] == "]":
                return
            try:
                line, at = scan(text, at)
            except json.JSONDecodeError:
                break  # the object is not there in whole
            except (ValueError, RecursionError) as e:
                raise _no_state(asked) from e
            yield _row(line if isinstance(line, dict) else {})
        text = text[at:]
        if len(text) > 8 * _WHOLE:
            raise _no_state(asked)
    raise MissingLogError(Missing.UNREACHABLE, asked, "the answer broke off: try again")
