"""The end of a log that the steps of a page do not show. A step has the rows that it had when the job was cancelled,
and "Complete job" has none where the last step did not run: what the runner sent later is in the whole text alone.

Source: modules/actions/task_state.go (FullSteps) and models/actions/task.go (StopTask) of Gitea; seen on 1.23 and 1.26.
"""

import re
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import chain

from whyred.logs.step_clues import frame, said
from whyred.model.run import Attempt, Conclusion, Status, Step, one_of
from whyred.model.source import Missing, MissingLogError

_STAMP = re.compile(rb"[0-9T:.-]{19,40}Z ")
_UNREADABLE = "\ufffd".encode()
_HELD = 8 << 20
"""Bytes of the rest that are looked through for the end of the step that was cancelled."""

Chunks = Iterator[bytes | Step]


def with_rest(chunks: Chunks, now: Callable[[], Attempt], whole: Callable[[], Iterator[bytes]], asked: str) -> Chunks:
    """All steps and rows of an attempt, and where it has ended and its last step has no row, the lines of the whole
    text that come after them. `now` tells the attempt as it is known. Raises MissingLogError where the whole text
    cannot be had, or is another one.
    """
    given, place, current, bare = _Given(), -1, -1, True
    held: list[Step] = []
    for chunk in chunks:
        if isinstance(chunk, Step):
            place, bare = place + 1, True
            held.append(chunk)
            if now().status is Status.DONE:
                continue  # whether rows of the step before it are missing is not known yet
        else:
            bare = False
            given.add(chunk)
        current = place
        yield from held
        held.clear()
        if isinstance(chunk, bytes):
            yield chunk
    steps = now().steps
    if given.rows and bare and place == len(steps) - 1 and now().status is Status.DONE:
        yield from _in_steps(given.after(whole, asked), steps, current, held)
    yield from held


def only(chunks: Chunks, is_wanted: Callable[[Step], bool]) -> Chunks:
    """The wanted steps of a log."""
    inside = False
    for chunk in chunks:
        inside = is_wanted(chunk) if isinstance(chunk, Step) else inside
        if inside:
            yield chunk


def _in_steps(rest: Iterator[bytes], steps: tuple[Step, ...], current: int, held: list[Step]) -> Chunks:
    """The rest, as steps: up to its last word that of the step that was cancelled; `held` are the steps without a row,
    and those that are given are taken off.
    """
    cancelled = [step for step in steps if step.conclusion is Conclusion.CANCELLED and not step.aside]
    if cancelled and held:
        mine = [steps[current]] if steps[current] in cancelled else cancelled
        begun, ended, rest = _until("cancelled", rest)
        if ended:
            yield from _headed(mine, steps[current], held, begun)
            begun, _, rest = _up_to_end(rest)
            mine = mine if len(mine) > 1 else []
            yield from _headed([*mine, *held], None, held, begun)
        else:
            begun, _, rest = _up_to_end(chain(begun, rest))
            yield from _headed([*mine, *(step for step in held if step not in mine)], None, held, begun)
    first = next(rest, None)
    if first is not None:
        yield from held
        held.clear()
        yield first
        yield from rest


def _headed(of: list[Step], current: Step | None, held: list[Step], rows: list[bytes]) -> Chunks:
    """Rows of one of these steps, after the heads of those that come before the last one."""
    if not rows:
        return
    if of != [current]:
        while len(held) > 1 and (len(of) > 1 or of[0] is not held[0]):
            yield held.pop(0)
        if len(of) == 1 and held and of[0] is held[0]:
            held.pop(0)
        yield one_of(of)
    yield from rows


def _until(word: str, rows: Iterator[bytes]) -> tuple[list[bytes], bool, Iterator[bytes]]:
    """The rows up to the one with this word of the runner's (`step_clues.frame`) and with it, whether it came, and the
    others.
    """
    begun, size = list[bytes](), 0
    for row in rows:
        begun.append(row)
        size += len(row)
        if (told := frame(said(row))) is not None and told[word]:
            return begun, True, rows
        if size > _HELD:
            break
    return begun, False, rows


def _up_to_end(rows: Iterator[bytes]) -> tuple[list[bytes], bool, Iterator[bytes]]:
    """The rows before the one that tells how the job ended, whether that came, and the others from it on."""
    begun, ended, rest = _until("end", rows)
    return (begun[:-1], True, chain(begun[-1:], rest)) if ended else (begun, False, rest)


class _Given:
    """Which rows were given: how many, and a sum of what they say. Their times may differ in the last digit."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = blake2b()

    def add(self, row: bytes) -> None:
        """One more."""
        self.rows += 1
        self._sum.update(_said(row))

    def after(self, whole: Callable[[], Iterator[bytes]], asked: str) -> Iterator[bytes]:
        """The lines of the whole text after these. Raises MissingLogError."""
        same = _Given()
        try:
            for line in _lines(whole()):
                if same.rows == self.rows:
                    yield line
                    continue
                same.add(line)
                if same.rows == self.rows and same._sum.digest() != self._sum.digest():
                    break
        except MissingLogError as e:
            help_ = f"its steps do not show its end, and the whole text is not to be had: {e.help}"
            raise MissingLogError(e.reason, e.asked, help_) from e
        if same._sum.digest() != self._sum.digest():
            help_ = "its steps do not show its end, and the whole text has other lines: see whyred logs --raw"
            raise MissingLogError(Missing.REFUSED_CONTENT, asked, help_)


def _said(row: bytes) -> bytes:
    """What a row says: without its time, and without what cannot be read, which each writes in its own way."""
    stamp = _STAMP.match(row)
    text = row[stamp.end() :] if stamp else row
    return text.decode("utf-8", "replace").encode().replace(_UNREADABLE, b"").rstrip(b"\n") + b"\n"


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of a text, each with its newline."""
    held: list[bytes] = []
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        held.append(first)
        for other in others:
            yield b"".join(held) + b"\n"
            held = [other]
    if last := b"".join(held):
        yield last
