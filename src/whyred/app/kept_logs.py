"""The logs of attempts that have ended, kept masked: such a log never changes, so a second look asks for nothing.

A log is found again by its server, its attempt and the credentials it was given to: who may not see it does not get it
from here either. What holds a value that the log itself asked to mask is not kept, for the next masker must learn it.
"""

import json
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from whyred.app.library import Library
from whyred.logs.blocks import blocks
from whyred.logs.mask import Masker
from whyred.model.attempt_json import attempt_from_json, attempt_to_json, step_from_json, step_to_json
from whyred.model.forge import Kind, Server
from whyred.model.run import Attempt, Conclusion, Status, Step
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources._answers import Answers
from whyred.sources._kept import Entry, Kept, Writer, key
from whyred.sources.http import Http
from whyred.sources.reach import Reach, Want

_LATE = 120.0
"""Seconds after the end within which rows may still come, where a runner was not done itself (a cancelled job)."""
_MOST = 256 << 20
"""Bytes of a log that is kept."""
_PIECE = struct.Struct("<BI")
"""Before every piece: its kind, and its length or, of a step of the attempt, its place."""
_TEXT, _PLACE, _STEP = range(3)
_PASSING = (Missing.UNREACHABLE, Missing.SERVER_ERROR, Missing.RATE_LIMITED, Missing.REFUSED_CONTENT)
"""Why a route was refused now, and may not be the next time."""
_ASKS = b"::add-mask::"
KEPT = "kept on this machine"
_ALL_ANSWERS, _ALL_LOGS = 32 << 20, 512 << 20
"""Bytes that all lists and all logs may take, packed."""


def kept_answers(folder: Path | None) -> Answers | None:
    """The lists that are kept in the cache folder; None without one."""
    if folder is None:
        return None
    return Answers(Kept(folder / "answers", _ALL_ANSWERS), lambda body: _library(folder).masker().text(body) == body)


def kept_logs(folder: Path | None, reach: Reach) -> "KeptLogs | None":
    """The logs of a server that are kept there; None without a folder, and where the user names another machine that
    is to give them.
    """
    if folder is None or reach.host is not None or reach.database is not None or reach.runner_host is not None:
        return None
    return KeptLogs(Kept(folder / "logs", _ALL_LOGS), reach.server, reach.http, lambda: _library(folder).masker())


@cache
def _library(folder: Path) -> Library:
    return Library(folder)


def identity(server: Server, attempt: Attempt) -> str | None:
    """What names this one try of this one job for ever; None where the forge does not tell enough of it."""
    job = attempt.job
    if attempt.id is not None:
        return f"task {attempt.id}"
    if job is None or job.id is None:
        return None
    if server.kind in (Kind.GITHUB, Kind.GITLAB):
        return f"job {job.id}"  # another try is another job there
    return None if attempt.number is None else f"job {job.id} attempt {attempt.number}"


def is_final(attempt: Attempt, now: float) -> bool:
    """Whether no further line of its log can come."""
    if attempt.status is not Status.DONE:
        return False
    by_runner = attempt.conclusion in (Conclusion.SUCCESS, Conclusion.FAILURE)
    return by_runner or (attempt.ended is not None and now - attempt.ended > _LATE)


def who(http: Http) -> str:
    """Whose credentials these are: another token or web login is somebody else."""
    cookies = "; ".join(f"{name}={value}" for name, value in sorted(http.jar.items())) if http.signed_in else ""
    return f"{http.scheme} {http.token}\n{cookies}"


@dataclass(frozen=True, slots=True)
class KeptLogs:
    """The logs that are kept of one server. `masker` makes a new masker."""

    kept: Kept
    server: Server
    http: Http
    masker: Callable[[], Masker]

    def load(self, attempt: Attempt, want: Want) -> Fetched | None:
        """The log, where it is kept and serves what is wanted."""
        name = self._name(attempt)
        if name is None or want.follow or not is_final(attempt, time.time()):
            return None
        entry = self.kept.load(name)
        fetched = _read(entry) if entry is not None else None
        if fetched is None or (want.text_only and fetched.boundaries is Boundaries.TOLD):
            return None  # rows that were told step by step have times that differ in the last digit from the stored
        return _wanted(fetched, want)

    def keeping(self, attempt: Attempt, want: Want, fetched: Fetched) -> Fetched:
        """The log; while it is read, it is kept, where it is whole and will stay as it is."""
        name = self._name(attempt)
        whole = want.steps is None and want.tail is None and not want.follow and not want.text_only
        passing = fetched.boundaries in (Boundaries.GUESSED, Boundaries.SCRIPTS) and any(
            e.reason in _PASSING for _, e in fetched.refused
        )
        if name is None or not whole or passing or not is_final(fetched.attempt, time.time()):
            return fetched  # `passing`: a route that knows the steps may answer the next time
        return replace(fetched, chunks=self._copied(name, fetched))

    def _name(self, attempt: Attempt) -> str | None:
        it = identity(self.server, attempt)
        return None if it is None else key("log 2", self.server.root, attempt.run.repo or "", it, who(self.http))

    def _copied(self, name: str, fetched: Fetched) -> Iterator[bytes | Step]:
        masker, head = self.masker(), _head(fetched)
        told = json.dumps(head, ensure_ascii=False).encode("utf-8", "surrogatepass")
        writer = self.kept.begin(name, head) if masker.text(told) == told else None
        if writer is None:
            yield from fetched.chunks
            return
        try:
            yield from _copying(writer, masker, fetched)
        finally:
            writer.give_up()  # which does nothing to an entry that was ended


def _copying(writer: Writer, masker: Masker, fetched: Fetched) -> Iterator[bytes | Step]:
    """The chunks as they are; what they say is written, masked, and at their end the entry is whole."""
    passed: deque[bytes | Step] = deque()

    def tapped() -> Iterator[bytes | Step]:
        for chunk in fetched.chunks:
            passed.append(chunk)
            yield chunk

    places = {id(step): place for place, step in enumerate(fetched.attempt.steps)}
    size = 0
    try:
        for block in masker.blocks(blocks(tapped(), numbered=False)):
            size += len(block.raw)
            if size > _MOST or _ASKS in block.raw:
                writer.give_up()
            if block.step is not None:
                writer.write(_told(block.step, places))
            if block.raw:
                writer.write(_PIECE.pack(_TEXT, len(block.raw)) + block.raw)
            while passed:
                yield passed.popleft()
    except MissingLogError:
        yield from passed  # what came before it broke off
        raise
    yield from passed
    writer.end()


def _told(step: Step, places: dict[int, int]) -> bytes:
    place = places.get(id(step))
    if place is not None:
        return _PIECE.pack(_PLACE, place)
    data = json.dumps(step_to_json(step)).encode()
    return _PIECE.pack(_STEP, len(data)) + data


def _head(fetched: Fetched) -> dict[str, Any]:
    return {
        "attempt": attempt_to_json(fetched.attempt),
        "route": fetched.route,
        "boundaries": str(fetched.boundaries),
        "refused": [[route, str(e.reason), e.asked, e.help] for route, e in fetched.refused],
    }


def _read(entry: Entry) -> Fetched | None:
    """The log in an entry; None where another version of whyred wrote it."""
    try:
        attempt = attempt_from_json(entry.head["attempt"])
        refused = tuple(
            (str(r), MissingLogError(Missing(why), str(a), str(h))) for r, why, a, h in entry.head["refused"]
        )
        first, boundaries = str(entry.head["route"]), Boundaries(entry.head["boundaries"])
    except (KeyError, TypeError, ValueError):
        return None
    chunks, route = _pieces(entry.body, attempt.steps), f"{first}, {KEPT}"
    return Fetched(attempt, chunks, route, boundaries=boundaries, refused=refused, first=first)


def _pieces(body: BufferedIOBase, steps: tuple[Step, ...]) -> Iterator[bytes | Step]:
    with body:
        while head := body.read(_PIECE.size):
            kind, number = _PIECE.unpack(head)
            if kind == _PLACE:
                yield steps[number]
            elif kind == _STEP:
                yield step_from_json(json.loads(body.read(number)))
            else:
                yield body.read(number)


def _wanted(fetched: Fetched, want: Want) -> Fetched:
    """The steps that are wanted, where it is known which they are."""
    if want.steps is None or fetched.boundaries is Boundaries.GUESSED:
        return fetched
    return replace(fetched, chunks=_only(fetched.chunks, want.wants(fetched.attempt.steps)))


def _only(chunks: Iterator[bytes | Step], is_wanted: Callable[[Step], bool]) -> Iterator[bytes | Step]:
    inside = False
    for chunk in chunks:
        if isinstance(chunk, Step):
            inside = is_wanted(chunk)
        if inside:
            yield chunk
