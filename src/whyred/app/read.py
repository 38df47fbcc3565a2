"""Reads one log: what it says alone, with no host and no forge."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from whyred.app.library import Library
from whyred.diagnosis.match import Matched, match
from whyred.logs.ahead import scanned
from whyred.logs.blocks import Block, blocks
from whyred.logs.mask import Masker
from whyred.logs.reading import Reader
from whyred.model.failure import Reading
from whyred.model.run import Conclusion, Status, Step
from whyred.model.source import Fetched, Missing, MissingLogError


@dataclass(frozen=True, slots=True)
class ReadLog:
    """A reading and what was matched in it."""

    reading: Reading
    matched: Matched

    def beside(self, familiar: frozenset[int]) -> "ReadLog":
        """The same log, judged by what green attempts say as well: the lines of it that are in theirs."""
        return ReadLog(self.reading, match(self.reading, familiar)) if familiar else self


def read_log(
    chunks: Iterable[bytes | Step],
    library: Library,
    tap: Callable[[Block], None] | None = None,
    told: Conclusion = Conclusion.UNKNOWN,
    masker: Masker | None = None,
    also: Callable[[Block, Sequence[int]], None] | None = None,
) -> ReadLog:
    """Masks and reads a stream of chunks once; `tap` gets every masked block (to save it), `told` is how the source
    says that the attempt ended. A `masker` handed in knows afterwards what the log asked to mask. `also` gets
    every masked block with the numbers of those of its lines with which a step begins.
    """
    reader = Reader(library.scanner)
    masked = (masker or library.masker()).blocks(blocks(chunks))
    for block, found in scanned(masked, library.scanner.engine):
        reader.feed(block, found)
        if tap is not None:
            tap(block)
        if also is not None:
            also(block, reader.begun)
    reading = reader.reading()
    if told is not Conclusion.UNKNOWN:
        reading = replace(reading, conclusion=told)
    return ReadLog(reading, match(reading))


def refuse_nothing(log: ReadLog, fetched: Fetched) -> None:
    """An empty log is no evidence of anything. Raises MissingLogError."""
    if log.reading.size:
        return
    asked = f"read {fetched.attempt.run.label}"
    if fetched.attempt.status is Status.DONE:
        help_ = "the job has ended and its log is empty, so what it said is lost: run it again"
        raise MissingLogError(Missing.DELETED, asked, help_)
    help_ = "it is empty, so there is nothing to judge. Fetch it again when the job has ended"
    raise MissingLogError(Missing.STILL_RUNNING, asked, help_)
