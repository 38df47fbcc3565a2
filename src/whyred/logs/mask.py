"""The streaming masker: no byte of a log goes anywhere before it went through here.

Secrets are looked for in the text without escape sequences, so that colour codes inside a token do not hide it; a line
with a secret is then passed on without its escape sequences. Line numbers never change, and the result does not depend
on where the stream was cut.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from whyred.logs.blocks import Block, plain
from whyred.logs.engines import Engine, Places
from whyred.logs.scanner import compile_engine
from whyred.logs.values import MaskedValues
from whyred.model.pattern import Secret

STARS = b"***"
_CARRY = 8192
"""Bytes of an endless line that are held back: more than any secret needs before it is recognised as one."""
_LONGEST = 1 << 20
"""A secret above this many bytes ends the line it stands on: what follows on that line is not shown."""
_ASKS = "::add-mask::"
_LEARNT, _LEAST = 64, 16
"""Secrets of known kinds that are masked in other forms as well from where they stood on, and the bytes that such a one
must have: `password=master` must not star every `master`."""
_ADD_MASK = re.compile(_ASKS.encode() + rb"([^\r\n]{1,8192})")


def expressions(secrets: Sequence[Secret]) -> list[str]:
    """What is scanned for: the secrets, and last what asks to mask a value. A search of its own for that would cost as
    much as all the secrets do.
    """
    return [*(secret.regex for secret in secrets), _ASKS]


class Masker:
    """Masks the kinds of secrets it was made with, and every value that the log itself asks to mask.

    One masker per log: it remembers `::add-mask::` values and an open multi-line secret from block to block. `engine`
    is compiled from `expressions(secrets)`.
    """

    def __init__(self, secrets: Sequence[Secret], engine: Engine | None = None, values: Sequence[str] = ()) -> None:
        self._secrets = tuple(secrets)
        self.engine = engine if engine is not None else compile_engine(expressions(secrets))
        self._values = MaskedValues()
        for value in values:
            self.add(value)
        self._until: re.Pattern[bytes] | None = None
        self._held: Block | None = None
        self._swallowing = False
        self._learnt = 0

    def blocks(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The same blocks, masked."""
        for block in blocks:
            yield self.feed(block)
        yield from self.rest()

    def feed(self, block: Block) -> Block:
        """The next block, masked; of a piece of an endless line the end is held back until more is seen."""
        if block.step is not None:
            # A step begins at a line's beginning, so the block before it ended one and nothing is held back.
            self._swallowing = False
            name = self.text(block.step.name.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")
            return replace(self.feed(replace(block, step=None)), step=replace(block.step, name=name))
        if self._held is not None:
            raw = self._held.raw + block.raw
            block = Block(self._held.first, raw, plain(raw), self._held.starts, block.ends)
            self._held = None
        if self._swallowing:
            block = self._swallow(block)
        if not block.ends:
            block = self._hold_back(block)
        return self._masked(block)

    def rest(self) -> Iterator[Block]:
        """What was held back, when the log has ended."""
        if self._held is not None:
            yield self._masked(self._held)
            self._held = None

    def add(self, value: str) -> None:
        """Masks this value from now on."""
        self._values.add(value.encode("utf-8", "surrogateescape"))

    def text(self, data: bytes) -> bytes:
        """A piece of other text (a probe's answer, a message), masked as a whole."""
        return self._masked(Block(1, data, data)).plain

    def _swallow(self, block: Block) -> Block:
        """Leaves out the rest of a line that is one endless secret."""
        end = block.plain.find(b"\n")
        self._swallowing = end < 0
        left = b"" if end < 0 else block.plain[end:]
        return Block(block.first, left, left, starts=False, ends=block.ends or not left)

    def _hold_back(self, block: Block) -> Block:
        """Splits a piece of an endless line so that no escape sequence and no secret crosses the split."""
        escape = block.raw.rfind(b"\x1b", max(0, len(block.raw) - _CARRY))
        open_end = block.raw[escape:] if escape >= 0 and plain(block.raw[escape:]).startswith(b"\x1b") else b""
        text = plain(block.raw[: len(block.raw) - len(open_end)])
        line = text.rfind(b"\n") + 1
        cut = self._safe_cut(text, max(line, len(text) - _CARRY))
        if len(text) - cut > _LONGEST and cut <= line + _LONGEST:
            self._swallowing, held = True, b""
            text = text[:cut] + STARS
            cut = len(text)
        else:
            held = text[cut:] + open_end
        if held:
            first, starts = block.first + text.count(b"\n", 0, cut), text[cut - 1 : cut] == b"\n"
            self._held = Block(first, held, plain(held), starts, ends=False)
        return Block(block.first, text[:cut], text[:cut], block.starts, text[cut - 1 : cut] == b"\n")

    def _safe_cut(self, text: bytes, cut: int) -> int:
        """The last place at or before `cut` that is not inside a secret."""
        indexes = {index for _, index in self.engine.scan(text)}
        named = range(len(self._secrets)) if -1 in indexes else sorted(i for i in indexes if i < len(self._secrets))
        matches = [m for i in named for m in _regex(self._secrets[i].regex).finditer(text)]
        for match in matches:
            self._learn(match)
        spans = [m.span() for m in matches]
        before = -1
        while before != cut:
            before = cut
            cut = min((start for start, end in spans if start < cut < end), default=cut)
            cut = self._values.safe_cut(text, cut)
        return cut

    def _masked(self, block: Block) -> Block:
        new = self._mask(block.plain)
        if new is block.plain:
            return block
        if block.raw is block.plain:
            return Block(block.first, new, new, block.starts, block.ends, counted=block.counted)
        rows = zip(block.plain.split(b"\n"), new.split(b"\n"), block.raw.split(b"\n"), strict=True)
        raw = b"\n".join(r if o == n else n for o, n, r in rows)
        return Block(block.first, raw, new, block.starts, block.ends, counted=block.counted)

    def _mask(self, text: bytes) -> bytes:
        """The very same object where nothing is masked."""
        done: list[bytes] = []
        while True:
            found = self.engine.scan(text)
            if self._values or any(index == len(self._secrets) for _, index in found):
                # First, for a value may stand right before a token and hide its beginning.
                found, text = self._without_values(found, text)
            parts, at = self._parts(text, found)
            if not parts:
                return b"".join([*done, text]) if done else text
            done += parts
            if at == len(text):
                return b"".join(done)
            text = text[at:]

    def _parts(self, text: bytes, found: Places) -> tuple[list[bytes], int]:
        """The text masked, up to an offset: to its end, or to the end of a line with a secret that was not seen before
        and is to be masked in every form from there on."""
        parts, at, learnt = list[bytes](), 0, self._learnt
        for start, end, masked in self._edits(text, found):
            parts += [text[at:start], masked]
            at = end
            if self._learnt > learnt:
                return parts, at
        return ([*parts, text[at:]], len(text)) if parts else ([], 0)

    def _learn(self, match: re.Match[bytes]) -> None:
        secret = match[_group(match)]
        if self._learnt < _LEARNT and len(secret) >= _LEAST and self._values.add(secret):
            self._learnt += 1

    def _without_values(self, found: Places, text: bytes) -> tuple[Places, bytes]:
        masked = self._mask_values(text)
        return (found, text) if masked is text else (self.engine.scan(masked), masked)

    def _mask_values(self, text: bytes) -> bytes:
        """Masks the values asked for; each from its `::add-mask::` line on, not before."""
        if _ASKS.encode() not in text:
            return self._values.mask(text)
        parts, at = [], 0
        for match in _ADD_MASK.finditer(text):
            start = text.rfind(b"\n", 0, match.start()) + 1
            parts.append(self._values.mask(text[at:start]))
            at = start
            if match[1].strip().strip(b"*"):
                self._values.add(match[1].strip())
        return b"".join([*parts, self._values.mask(text[at:])])

    def _edits(self, text: bytes, found: Places) -> Iterator[tuple[int, int, bytes]]:
        """(start, end, new text) of every line, or run of lines, that holds a secret; in order, disjoint. `found` is
        where the engine says that one may be.
        """
        done = 0
        if self._until is not None:
            done = self._close(text, 0)
            yield 0, done, _stars(text[:done])
        for at, index in sorted(found):
            if at <= done or index == len(self._secrets):
                continue
            start = max(text.rfind(b"\n", 0, at - 1) + 1, done)
            end = text.find(b"\n", at - 1)
            end = len(text) if end < 0 else end
            line = text[start:end]
            masked = self._line(line)
            if self._until is not None:
                after = self._close(text, min(end + 1, len(text)))
                yield start, after, masked + _stars(text[end:after])
                done = after
            else:
                done = max(end, at)
                if masked != line:
                    yield start, end, masked

    def _line(self, line: bytes) -> bytes:
        for secret in self._secrets:
            regex = _regex(secret.regex)
            if secret.until is not None:
                until = _regex(secret.until)
                match = regex.search(line)
                if match and not until.search(line, match.end()):
                    self._until = until
            line = regex.sub(self._star, line)
        return line

    def _star(self, match: re.Match[bytes]) -> bytes:
        self._learn(match)
        start, end = match.span(_group(match))
        return match.string[match.start() : start] + STARS + match.string[end : match.end()]

    def _close(self, text: bytes, at: int) -> int:
        """Where the open multi-line secret ends in `text`: after its last line, or the text's end."""
        assert self._until is not None
        match = self._until.search(text, at)
        if match is None:
            return len(text)
        self._until = None
        end = text.find(b"\n", match.end())
        return len(text) if end < 0 else end


@cache
def _regex(regex: str) -> re.Pattern[bytes]:
    """Compiled on first use: most logs hold no secret, and compiling all kinds costs a tenth of a short reading."""
    return re.compile(regex.encode())


def _group(match: re.Match[bytes]) -> str | int:
    """The group that is the secret itself; 0 for the whole match."""
    return "secret" if "secret" in match.re.groupindex and match["secret"] is not None else 0


def _stars(text: bytes) -> bytes:
    return b"\n".join(STARS if line.strip() else line for line in text.split(b"\n"))
