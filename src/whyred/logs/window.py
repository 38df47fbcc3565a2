"""Some lines of a log by their numbers: what is before them is counted and looked through for what decides how later
lines are masked, and nothing after them is read.

Two things decide that: a value that the log asks to mask, and a secret of several lines that has begun and not ended.
Lines that hold neither leave the masker as it was, so it needs not see them; a line that may hold one is given to it.
What comes out is what the masked log has in these lines, whatever stands before.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

from whyred.logs.blocks import LONGEST, NEAR, Block, blocks, line_at, plain
from whyred.logs.engines import Engine
from whyred.logs.hidden import may_hide
from whyred.logs.mask import Masker, expressions
from whyred.logs.scanner import compile_engine
from whyred.logs.steps_by_text import lines
from whyred.model.pattern import Secret
from whyred.model.run import Step

_LITERAL = re.compile(r"(?:\\b)?[A-Za-z0-9 :_-]+")
_INNER = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\([^()]*\)", re.S)
_SHORT = 6
"""Characters of such a text that are worth it."""
_BETWEEN = r"(?:[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\xff]|\x1b[^\n]*)*"
_WORTH = 64 << 20
_SIZE = 1 << 16
"""Bytes of a block: of a log that comes over a network little more than the window is read."""


@dataclass(frozen=True, slots=True)
class Window:
    """Lines `first` to `last`, both among them, counted from 1 in the whole log; `last` None: to its end."""

    first: int = 1
    last: int | None = None


class Watch:
    """Finds what decides how later lines are masked."""

    def __init__(self, secrets: Sequence[Secret]) -> None:
        self._openers = [re.compile(secret.regex.encode()) for secret in secrets if secret.until is not None]
        # What an expression begins with is found several times as fast as all of it, and looked at when it is there.
        fronts = [_front(opener.pattern.decode()) for opener in self._openers]
        self._engine: Engine = compile_engine([*fronts, *expressions(())])
        self._literals = [*fronts, *expressions(())] if all(map(_LITERAL.fullmatch, fronts)) else []
        self._left = _WORTH
        """Bytes of coloured text after which the quicker look pays."""

    def sees(self, data: bytes) -> tuple[bool, bool]:
        """Whether it may begin a secret of several lines, and whether it asks to mask a value."""
        if may_hide(data):
            self._left -= len(data)
            if self._left < 0 and self._literals and not self._hidden.scan(data):
                return False, False
        seen = plain(data)
        opens = asks = False
        for at, index in self._engine.scan(seen):
            if index in range(len(self._openers)):
                start, end = line_at(seen, at - 1)
                opens = opens or end - start >= NEAR or self._openers[index].search(seen[start:end]) is not None
            elif index == len(self._openers):
                asks = True
            else:
                return True, True  # the engine cannot tell which it is
        return opens, asks

    @cached_property
    def _hidden(self) -> Engine:
        """Finds in coloured text what may be one of these to a person: four times as fast as taking the colours out,
        and it costs a third of a second to make.
        """
        return compile_engine([_hidden(front) for front in self._literals])


def _hidden(front: str) -> str:
    """An expression for this text wherever a person sees it: what a person is not shown may stand between all its
    characters (an escape sequence goes on within its line, all else is no ASCII or a control character).
    """
    return _BETWEEN.join(re.escape(character) for character in front.removeprefix(r"\b"))


def _front(regex: str) -> str:
    """The text that everything begins with that the expression matches; the expression itself where that is short."""
    front = _LITERAL.match(regex)
    if front is None:
        return regex
    whole = regex[front.end() : front.end() + 1]
    text = front[0][:-1] if whole in ("?", "*", "{") else front[0]
    return text if len(text) >= _SHORT and "|" not in _outside_groups(regex) else regex


def _outside_groups(regex: str) -> str:
    """What of an expression stands in no group and no class."""
    before = ""
    while before != regex:
        before, regex = regex, _INNER.sub("", regex)
    return regex


def window(chunks: Iterator[bytes | Step], wanted: Window, masker: Masker, watch: Watch) -> Iterator[Block]:
    """The masked lines of the window, with their numbers in the whole log; steps that began before it come first.

    It ends as soon as the last line was passed, and reads on no further.
    """
    skipped, rest = _skipped(chunks, wanted.first, masker, watch)
    numbered = (replace(block, first=block.first + skipped) for block in blocks(rest, _SIZE))
    for block in masker.blocks(numbered):
        mine = lines(block, wanted.first, wanted.last)
        if mine.plain or block.step is not None:
            yield replace(mine, step=block.step)
        if wanted.last is not None and block.first + block.plain.count(b"\n") > wanted.last:
            return


def _skipped(
    chunks: Iterator[bytes | Step], first: int, masker: Masker, watch: Watch
) -> tuple[int, Iterator[bytes | Step]]:
    """How many lines were passed over, and the stream from the next one on. All that are before `first` are, unless a
    secret of several lines may begin in them, or a line is endless: from there on the masker must see everything.
    """
    count, held, steps = 0, b"", list[bytes | Step]()
    for chunk in chunks:
        step = chunk if isinstance(chunk, Step) else None
        # A step begins at the beginning of a line, so it ends the one before.
        data = _joined(held, chunk) if not isinstance(chunk, Step) else held and held + b"\n"
        new = data.count(b"\n")
        again: Iterable[bytes | Step] = ([data] if data else []) + ([step] if step is not None else [])
        if count + new >= first or (not new and len(data) > LONGEST):
            return count, chain(steps, again, chunks)
        opens, asks = watch.sees(data)
        if opens:
            return count, chain(steps, again, chunks)
        cut = data.rfind(b"\n") + 1
        if asks and cut:
            masker.feed(Block(count + 1, data[:cut], plain(data[:cut])))
        count, held = count + new, data[cut:]
        if step is not None:
            steps.append(step)
    return count, chain(steps, [held] if held else [])


def _joined(held: bytes, chunk: bytes) -> bytes:
    return held + chunk if held else chunk
