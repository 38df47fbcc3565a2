"""The log of one attempt, wherever the forge keeps it now, read whole, in parts, or as it grows."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from whyred.model.run import Status, Step
from whyred.model.source import Missing, MissingLogError
from whyred.sources import _dbfs
from whyred.sources import _forge_tables as rows
from whyred.sources._database import Tables
from whyred.sources._forge_database import open_tables
from whyred.sources._forge_file import Text, expired, gone, length, open_log
from whyred.sources._log_parts import Cutter, Part, cut, first_line, line_offset, parts, split, told
from whyred.sources.pace import Pace
from whyred.sources.reach import Reach, Want

_SMALL = 256 << 10
"""Bytes of a log up to which looking up where its lines begin costs more than reading all of it."""
_WAIT_OUT = (Missing.UNREACHABLE, Missing.SERVER_ERROR, Missing.STILL_RUNNING)


@dataclass
class Log:
    """The log of one task, wherever it lies now."""

    reach: Reach
    tables: Tables
    task: rows.Task
    lost: bool = False
    """The connection broke: it must be made again."""

    @property
    def asked(self) -> str:
        """What is being done, for people."""
        return f"read the log of task {self.task.id}"

    def refuse_early(self, *, waits: bool = False) -> None:
        """Raises MissingLogError where there is no log to read. `waits`: for the first rows one can wait."""
        try:
            found = self.text()
        except MissingLogError as e:
            if waits and e.reason is Missing.STILL_RUNNING:
                return
            raise
        there = length(found)
        if self.task.step.status is Status.DONE and there is not None and there < self.task.size:
            raise self._short(there)

    def text(self) -> Text:
        """Where the log is: while the job runs, and sometimes longer, in the database; else in a file."""
        if self.task.expired:
            raise expired(self.asked)
        kept = None if self.task.stored else _dbfs.find(self.tables, self.task.file)
        if kept is not None:
            return kept
        if not self.task.stored and self.task.step.status is not Status.DONE:
            raise MissingLogError(
                Missing.STILL_RUNNING, self.asked, "the runner has sent no line yet: try again in some seconds"
            )
        try:
            return open_log(self.reach, self.task.file)
        except MissingLogError as e:
            kept = _dbfs.find(self.tables, self.task.file) if self.task.stored else None
            if kept is not None:
                return kept
            if e.reason in (Missing.DELETED, Missing.NOT_FOUND) and self.task.lines == 0:
                help_ = "a runner took the job and never sent a line: look into the runner's own log on its machine"
                raise MissingLogError(Missing.NOT_STARTED, self.asked, help_) from e
            if e.reason is Missing.DELETED:
                raise gone(self.reach, e.asked, stored=self.task.stored) from e
            raise

    def read(self, start: int = 0) -> Iterator[bytes]:
        """The text from byte `start` on, also when it moves from the database to its file meanwhile."""
        at = start
        while True:
            try:
                for piece in self.text().read(at):
                    at += len(piece)
                    yield piece
            except _dbfs.MovedError:
                self.refresh()
                continue
            if self.task.step.status is Status.DONE and at < self.task.size:
                raise self._short(at)
            return

    def _short(self, there: int) -> MissingLogError:
        help_ = (
            f"it is cut off: {there} of {self.task.size} bytes are there; restore the file from a backup, or run the"
            " job again"
        )
        return MissingLogError(Missing.CORRUPT, self.asked, help_)

    def refresh(self) -> None:
        """Reads the task's row again; a database that shows one moment only, or was restarted, is opened again."""
        if self.tables.database.moment or self.lost:
            self.close()
            self.tables, self.lost = open_tables(self.reach), False
        row = next(iter(self.tables.ask(rows.TASK, self.task.id)), None)
        if row is None:
            raise MissingLogError(Missing.DELETED, self.asked, "the forge has deleted this run meanwhile")
        self.task = rows.read_task(row)

    def close(self) -> None:
        """Gives the connection up."""
        self.tables.database.close()


def _places(layout: Sequence[Part], want: Want) -> frozenset[int] | None:
    """The places of the wanted steps; None for all."""
    places = want.places(tuple(part.step for part in layout))
    return None if places is None else frozenset(places)


def read(source: Log, layout: Sequence[Part], want: Want) -> Iterator[bytes | Step]:
    """What is wanted of the log, after its first bytes came, so that a refusal is told before anything is shown.

    Of a log whose steps are not told all is given: whoever wants some of them must tell them by the text.
    """
    wanted = _places(layout, want) if layout else None
    chunks, head = _wanted(source, layout, wanted, want.tail), list[bytes | Step]()
    for chunk in chunks:
        head.append(chunk)
        if isinstance(chunk, bytes):
            break
    return itertools.chain(head, chunks)


def _wanted(
    source: Log, layout: Sequence[Part], wanted: frozenset[int] | None, tail: int | None
) -> Iterator[bytes | Step]:
    parted = wanted is not None or tail is not None
    try:
        indexes = rows.line_indexes(source.tables, source.task) if parted and source.task.size > _SMALL else None
        if indexes is not None and wanted is not None:
            yield from _some(source, layout, wanted, indexes)
        elif indexes is not None and tail is not None and (at := _tail_at(source, tail, indexes)):
            yield from cut(source.read(at[1]), layout, None, at[0])
        else:
            yield from cut(source.read(), layout, wanted)
    finally:
        source.close()


def _tail_at(source: Log, tail: int, indexes: bytes) -> tuple[int, int] | None:
    """The line, and its place in bytes, from which on about `tail` bytes are left."""
    found = first_line(indexes, max(0, source.task.size - tail))
    return found if found is not None and _is_line_start(source, found[1]) else None


def _is_line_start(source: Log, at: int) -> bool:
    """Whether the line index fits the text: whoever planted a wrong one gets the text cut by its lines."""
    return at == 0 or next(source.read(at - 1), b"")[:1] == b"\n"


def _some(source: Log, layout: Sequence[Part], wanted: frozenset[int], indexes: bytes) -> Iterator[bytes | Step]:
    """Some steps, each read from where it begins: of a packed log only the frames that hold it."""
    ranges = [(layout[place], *_range(layout[place], indexes)) for place in sorted(wanted) if 0 <= place < len(layout)]
    if not all(_is_line_start(source, start) for _, start, stop in ranges if stop is None or start < stop):
        yield from cut(source.read(), layout, wanted)
        return
    for part, start, stop in ranges:
        yield part.step
        if stop is None or start < stop:
            yield from _limited(source.read(start), None if stop is None else stop - start)


def _range(part: Part, indexes: bytes) -> tuple[int, int | None]:
    """The bytes of a step. A step that begins behind the last line is empty."""
    start = line_offset(indexes, part.first)
    if start is None or part.stop == part.first:
        return 0, 0
    return start, None if part.stop is None else line_offset(indexes, part.stop)


def _limited(chunks: Iterator[bytes], left: int | None) -> Iterator[bytes]:
    for chunk in chunks:
        if left is None:
            yield chunk
            continue
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return


def follow(source: Log, want: Want) -> Iterator[bytes | Step]:
    """The log as it grows, until the job has ended and its last line has come."""
    pace = Pace(source.reach.http.sleep, source.reach.http.clock)
    growing = _Growing(source, want, Cutter())
    try:
        while True:
            try:
                before = growing.have
                yield from growing.new()
                if growing.ended:
                    return
                pace.moved() if growing.have > before else pace.answered()
                growing.look_again = True
            except MissingLogError as e:
                growing.look_again = True
                if e.reason is Missing.STILL_RUNNING:
                    pace.answered()
                elif e.reason in _WAIT_OUT and pace.patient:
                    source.lost = True
                else:
                    raise
            pace.idle()
    finally:
        source.close()


@dataclass
class _Growing:
    """A log that grows, and how much of it was given. Lines whose step is not told yet wait for one question: a runner
    sends rows first, and right after tells whose they are.
    """

    source: Log
    want: Want
    cutter: Cutter
    have: int = 0
    look_again: bool = False
    ended: bool = False
    _lines: int = 0

    def new(self) -> Iterator[bytes | Step]:
        """What is there since the last question."""
        source, had = self.source, self.have
        if self.look_again:
            source.refresh()
        task, told_ = source.task, rows.steps_of(source.tables, source.task)
        layout = parts(task.step, task.lines, told_)
        self.cutter.wanted = _places(layout, self.want) if layout else None
        done = task.step.status is Status.DONE
        ready = None if done else max(told(task.lines, told_), self._lines)
        self._lines = task.lines
        for piece in source.read(self.have):
            taken, rest = split(piece, ready, self.cutter.line)
            self.have += len(taken)
            yield from self.cutter.cut(taken, layout)
            if rest:
                break
        # The last rows may come a second after the end, as long as the log is in no file (reference, section 10).
        if done and (task.stored or (self.look_again and self.have == had)):
            yield from self.cutter.tell(layout, len(layout))
            self.ended = True
