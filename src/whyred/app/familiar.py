"""Which errors of an attempt green ones print as well: by the baselines that were named, or by the newest green attempt
of the same job on its forge, where that is known already or had soon.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from whyred.app.greens import Meant, greens, known_on_forge, meant
from whyred.app.library import Library
from whyred.app.targets import address_of
from whyred.model.failure import Reading
from whyred.model.finding import Question
from whyred.model.novelty import Baseline, Familiar
from whyred.model.pattern import Role
from whyred.model.run import Conclusion, Step
from whyred.model.source import Fetched, Missing, MissingLogError
from whyred.model.trouble import UserError

if TYPE_CHECKING:  # a log that is judged alone needs none of it
    from whyred.app.baselines import Baselines
    from whyred.app.forges import Forges
    from whyred.model.forge import Address

_PATIENCE = 10.0
"""Seconds in which the log of a green attempt that nobody named must be read."""
_MOST = 128 << 20
"""Bytes of such a log."""


@dataclass
class Known:
    """Tells it of one attempt, once its log was read. `named`: the green attempts that the user named; `seek`: whether
    others may be looked for; `told`: what was found, also by an earlier investigation that a bundle recorded.
    """

    target: "str | Address"
    fetched: Fetched
    library: Library
    named: "tuple[str | Address, ...]" = ()
    seek: bool = True
    most: int | None = None
    forges: "Forges | None" = None
    progress: Callable[[str], None] = lambda _: None
    _lacking: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.told: Familiar | None = self.fetched.familiar

    def lines(self, reading: Reading) -> frozenset[int]:
        """The lines with the error scan on them that green attempts said as well. Raises UserError and MissingLogError
        for those that were named.
        """
        if self.told is None and self._is_worth_it(reading):
            from whyred.app.baselines import Baselines
            from whyred.compare.lines import familiar

            store = Baselines(self.library.cache, self.library)
            baselines = self._named(store) if self.named else self._sought(store)
            if baselines:
                lines = familiar(reading, baselines, store.digests)
                self.told = Familiar(lines, tuple(map(_name, baselines)))
        return frozenset() if self.told is None else self.told.lines

    def question(self, *, changed: bool) -> Question | None:
        """What was asked, for `--explain`, and whether it changed which errors count; None where nothing was."""
        text = "which of these errors do green attempts print as well?"
        if self.told is None:
            return Question(text, self._lacking, "nothing") if self._lacking else None
        effect = "which of the errors counts" if changed else "nothing"
        lines = sorted(self.told.lines)
        numbers = ", ".join(map(str, lines[:10])) + (" ..." if len(lines) > 10 else "")
        found = f"line{'s' if len(lines) > 1 else ''} {numbers}" if lines else "none of them"
        return Question(text, f"{found} (compared with {', '.join(self.told.greens)})", effect)

    def _is_worth_it(self, reading: Reading) -> bool:
        if self.named:
            return True
        said = any(hit.pattern.role in (Role.ERROR, Role.CONSEQUENCE) for hit in reading.hits)
        told = reading.conclusion is Conclusion.SUCCESS or not said
        return self.seek and not told and address_of(self.target) is not None

    def _named(self, store: "Baselines") -> list[Baseline]:
        from whyred.app.compare import baseline_of

        likes = [meant(target, self.forges, self.progress, self.most, self.fetched.attempt) for target in self.named]
        return [baseline_of(like, store, self.progress)[0] for like in likes]

    def _sought(self, store: "Baselines") -> list[Baseline]:
        """The newest green attempt's, unless it is not to be had or not soon: then the log is judged alone."""
        from whyred.app.compare import baseline_of

        most = min(self.most or _MOST, _MOST)
        try:
            bad = known_on_forge(self.target, self.fetched.attempt, self.forges, self.progress)
            found: Sequence[Meant] = greens(bad, self.progress, most, 1).found
            return [baseline_of(_soon(one), store, self.progress)[0] for one in found]
        except (MissingLogError, UserError) as e:
            self._lacking = f"not known: {e}"
            return []


def _name(baseline: Baseline) -> str:
    """What a baseline is called; one that is red itself may share the very error that is sought."""
    return f"{baseline.label}, which is NOT GREEN itself" if baseline.failed else baseline.label


def _soon(one: Meant) -> Meant:
    """The same attempt, whose log must come soon."""
    end = time.monotonic() + _PATIENCE

    def opened() -> Fetched:
        fetched = one.open()
        return replace(fetched, chunks=_until(fetched, end))

    return replace(one, open=opened)


def _until(fetched: Fetched, end: float) -> Iterator[bytes | Step]:
    for chunk in fetched.chunks:
        if time.monotonic() > end:
            asked = f"read the log of {fetched.attempt.run.label} within {_PATIENCE:g} s"
            raise MissingLogError(Missing.TOO_LARGE, asked, "name it with --baseline, and it is read to its end")
        yield chunk
