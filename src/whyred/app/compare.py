"""`compare`: what a failing attempt says and does that no green one did, each log read once and the green ones kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from whyred.app.baselines import Baselines
from whyred.app.greens import Meant, greens, label_of, meant
from whyred.app.library import Library
from whyred.app.masked import masked_attempt
from whyred.app.read import ReadLog, read_log, refuse_nothing
from whyred.app.targets import refuse_two_pipes
from whyred.compare.gone import Gone
from whyred.compare.lines import New, Said, hit_keys
from whyred.compare.steps import drifts, step_times
from whyred.compare.timing import Clock
from whyred.diagnosis.ended import failing_section
from whyred.logs.blocks import Block
from whyred.logs.mask import Masker
from whyred.model.failure import Line
from whyred.model.novelty import Baseline, Green, Novelty
from whyred.model.run import Attempt
from whyred.model.source import Fetched
from whyred.model.trouble import UserError

if TYPE_CHECKING:
    from whyred.app.forges import Forges
    from whyred.model.forge import Address


@dataclass(frozen=True, slots=True)
class CompareWish:
    """What the user wants compared. `good`: none where green attempts are to be looked for; `gone`: also lines of all
    green ones that the bad one lacks; `stored`: baselines are kept, and those that are kept are used.
    """

    bad: "str | Address"
    good: "tuple[str | Address, ...]" = ()
    gone: bool = False
    stored: bool = True
    forges: "Forges | None" = None
    most: int | None = None
    """Bytes of one log that are allowed."""


@dataclass
class _Pass:
    """One masked log that is read once. `take` gets every block, with the lines with which steps begin."""

    fetched: Fetched
    library: Library
    take: Callable[[Block, Sequence[int]], None]
    clock: Clock = field(default_factory=Clock)

    def read(self) -> tuple[Attempt, ReadLog]:
        """The attempt, masked, and what its log says. Raises MissingLogError."""
        masker: Masker = self.library.masker()
        attempt = masked_attempt(self.fetched.attempt, masker.text)

        def also(block: Block, begun: Sequence[int]) -> None:
            self.clock.feed(block, begun)
            self.take(block, begun)

        log = read_log(self.fetched.chunks, self.library, told=attempt.conclusion, masker=masker, also=also)
        refuse_nothing(log, self.fetched)
        return attempt, log


def compare(wish: CompareWish, library: Library, progress: Callable[[str], None]) -> Novelty:
    """What is new in the bad one. Raises UserError and MissingLogError."""
    _refuse_pipes(wish)
    store = Baselines(library.cache if wish.stored else None, library)
    bad = meant(wish.bad, wish.forges, progress, wish.most)
    good, why = _good(wish, bad, progress)
    baselines = [baseline_of(one, store, progress) for one in good]
    new = New([baseline for baseline, _ in baselines], store.digests)
    said = Said(store.digests) if wish.gone else None

    def take(block: Block, begun: Sequence[int]) -> None:
        new.feed(block, begun)
        if said is not None:
            said.feed(block)

    one = _Pass(bad.open(), library, take)
    attempt, log = one.read()
    times = step_times(log.reading, one.clock.seconds(log.reading.sections), attempt)
    lines = new.lines(log.reading, log.matched.failures, failing_section(log.reading))
    gone = None if said is None else _gone(good[0], said, [b for b, _ in baselines], store, progress)
    return Novelty(
        label=label_of(attempt),
        log_lines=log.reading.lines,
        failed=log.matched.failed,
        failing_step=log.matched.step,
        greens=tuple(Green(b.label, b.lines, stored, b.failed, b.whole) for b, stored in baselines),
        lines=lines,
        different=new.different,
        drifts=drifts(times, [baseline for baseline, _ in baselines]),
        gone=gone,
        why=why,
    )


def _refuse_pipes(wish: CompareWish) -> None:
    """Standard input can be read once. Raises UserError."""
    refuse_two_pipes(wish.bad, *wish.good)
    if wish.gone and "-" in wish.good[:1]:
        raise UserError("--gone cannot take - as its first GOOD", "that log is read twice", "Name a file")


def _good(wish: CompareWish, bad: Meant, progress: Callable[[str], None]) -> tuple[Sequence[Meant], str | None]:
    if wish.good:
        return [meant(target, wish.forges, progress, wish.most, bad.attempt) for target in wish.good], None
    if bad.ladder is None:
        why = "only a forge knows which other attempts there are"
        raise UserError(f"with what is {wish.bad} to be compared?", why, "Name a green log: whyred compare BAD GOOD")
    sought = greens(bad, progress, wish.most)
    return sought.found, sought.why


def baseline_of(one: Meant, store: Baselines, progress: Callable[[str], None]) -> tuple[Baseline, bool]:
    """The baseline of an attempt, and whether it was kept, so that its log was not read."""
    known = store.load(one.name)
    if known is not None:
        return replace(known, label=one.label), True
    progress(f"reading {one.label}")
    said = Said(store.digests)
    run = _Pass(one.open(), store.library, lambda block, _: said.feed(block))
    attempt, log = run.read()
    baseline = Baseline(
        label=label_of(attempt),
        steps=step_times(log.reading, run.clock.seconds(log.reading.sections), attempt),
        keys=said.keys(),
        hits=hit_keys(log.reading, store.digests),
        lines=log.reading.lines,
        failed=log.matched.failed,
        whole=said.whole,
    )
    store.save(one.name, baseline)
    return baseline, False


def _gone(
    first: Meant, said: Said, baselines: Sequence[Baseline], store: Baselines, progress: Callable[[str], None]
) -> tuple[Line, ...]:
    """The lines of the first green one whose keys all have and the bad one lacks; its log is read for their text."""
    progress(f"looking in {first.label} for what is no longer said")
    gone = Gone(baselines, said.keys(), store.digests)
    _Pass(first.open(), store.library, lambda block, _: gone.feed(block)).read()
    return gone.lines()
