"""Downloads many logs at once into a folder: masked on the way, each file whole or not there, in flat memory.

More threads work than requests may be under way at one server: while some mask and write what came, others wait for the
server. `Http` sees to it that it is never asked for more than four things at a time.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, time

from whyred.app.crew import Crew
from whyred.app.kept_logs import identity, is_final
from whyred.app.ladder import Ladder
from whyred.app.library import Library
from whyred.app.log_folder import Listed, LogFolder, names
from whyred.logs.blocks import blocks
from whyred.model.run import Attempt, Status
from whyred.model.source import Fetched, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources.reach import Want

_BLOCK = 1 << 19
"""Bytes that are masked at a time: six threads hold some of it each."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What became of one log: its file, or why it is not to be had. `kept`: it was there already."""

    attempt: Attempt
    file: Listed | None
    error: MissingLogError | None = None
    kept: bool = False


def collect(
    ladder: Ladder,
    attempts: Sequence[Attempt],
    folder: Path,
    library: Library,
    progress: Callable[[str], None] = lambda _: None,
    most: int | None = None,
) -> Iterator[Collected]:
    """What became of the log of each attempt, in their order; `most`: bytes of one log that are allowed.

    Raises UserError where the folder cannot be written. However it ends, no file in it is half written.
    """
    place = LogFolder(folder)
    files = [f"{name}.log" for name in names(attempts)]
    root = ladder.reach.server.root
    for attempt, file in zip(attempts, files, strict=True):
        place.refuse_loss(file, root, attempt.run.label)
    work = _Work(ladder, place, library, most)
    library.masker()  # compiled once, before several threads want it
    tasks = list(zip(attempts, files, strict=True))
    yield from _in_order(Crew(work, tasks), len(tasks), progress)


def _in_order(
    crew: Crew[tuple[Attempt, str], Collected], count: int, progress: Callable[[str], None]
) -> Iterator[Collected]:
    done: dict[int, Collected] = {}
    size = given = 0
    try:
        crew.start()
        while given < count:
            for place, collected in crew.brought():
                done[place] = collected
                size += collected.file.size if collected.file and not collected.kept else 0
            progress(f"{given + len(done)} of {count} logs, {size >> 20} MiB")
            while given in done:
                yield done.pop(given)
                given += 1
    finally:
        crew.stop()


@dataclass
class _Work:
    """What is done with one attempt, in a thread of its own."""

    ladder: Ladder
    place: LogFolder
    library: Library
    most: int | None

    def __post_init__(self) -> None:
        self.stopped = threading.Event()
        self._renaming = threading.Lock()

    def do(self, task: tuple[Attempt, str]) -> tuple[float, Collected]:
        """One log, and the seconds for which the server was waited for. Raises UserError where it cannot be written."""
        attempt, file = task
        begin, attempt = monotonic(), self._known(attempt, file)
        name = self._name(attempt)
        there = self.place.whole(file, name)
        if there is not None:
            return monotonic() - begin, Collected(attempt, there, kept=True)
        waited = 0.0
        try:
            fetched = self.ladder.log(attempt, Want(text_only=True, most=self.most))
            waited = monotonic() - begin
            return waited, Collected(fetched.attempt, self._written(fetched, file, name or self._name(fetched.attempt)))
        except MissingLogError as e:
            return waited, Collected(attempt, None, e)

    def close(self) -> None:
        """What is not finished is taken away."""
        self.place.close()

    def _known(self, attempt: Attempt, file: str) -> Attempt:
        """The attempt, with the number that its log goes by where a file is there that may be this one's."""
        if self._name(attempt) is not None or not is_final(attempt, time()) or not self.place.names(file):
            return attempt
        try:
            return replace(attempt, id=self.ladder.ask("task", attempt))
        except MissingLogError:
            return attempt  # its log is fetched again, and says by itself why it is not to be had

    def _name(self, attempt: Attempt) -> str | None:
        """What names this try for ever, where no line of it can come any more."""
        return identity(self.ladder.reach.server, attempt) if is_final(attempt, time()) else None

    def _written(self, fetched: Fetched, file: str, name: str | None) -> Listed:
        try:
            out, part = self.place.begin(file)
            try:
                with out:
                    size = self._write(fetched, out.fileno())
                with self._renaming:
                    if self.stopped.is_set():
                        raise _StoppedError
                    listed = self._listed(fetched, file, name, size)
                    self.place.end(part, listed)
            finally:
                self.place.give_up(part)
        except OSError as e:
            why = e.strerror or str(e)
            raise UserError(
                f"cannot write {self.place.folder / file}", why, "Name another folder with --out-dir"
            ) from e
        return listed

    def _write(self, fetched: Fetched, descriptor: int) -> int:
        size = 0
        text = (chunk for chunk in fetched.chunks if isinstance(chunk, bytes))
        for block in self.library.masker().blocks(blocks(text, _BLOCK, numbered=False)):
            if self.stopped.is_set():
                raise _StoppedError
            left = memoryview(block.raw)
            size += len(left)
            while left:
                left = left[os.write(descriptor, left) :]
        return size

    def _listed(self, fetched: Fetched, file: str, name: str | None, size: int) -> Listed:
        attempt = fetched.attempt
        told = {
            "job": attempt.job.name if attempt.job else None,
            "attempt": attempt.number,
            "conclusion": (attempt.conclusion if attempt.status is Status.DONE else attempt.status).value,
            "route": fetched.route,
        }
        return Listed(file, self.ladder.reach.server.root, attempt.run.label, name, size, told)


class _StoppedError(Exception):
    """The user wants no more of it."""
