"""The streaming masker: no byte of a log goes anywhere before it went through here.

Secrets are looked for in the text without escape sequences, so that colour codes inside a token do not hide it; a line
with a secret is then passed on without its escape sequences. Line numbers never change.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from whyred.logs.blocks import Block
from whyred.logs.engines import Engine
from whyred.logs.scanner import compile_engine
from whyred.model.pattern import Secret

STARS = b"***"
_CARRY = 8192
"""Bytes of an endless line that are held back, so that no secret is cut at the edge of a piece."""
_ADD_MASK = re.compile(rb"::add-mask::([^\r\n]{1,8192})")
_SHORTEST = 4
"""An `::add-mask::` value below this many bytes is left alone: replacing every `1` would destroy the log."""


class Masker:
    """Masks the kinds of secrets it was made with, and every value that the log itself asks to mask.

    One masker per log: it remembers `::add-mask::` values and an open multi-line secret from block to block.
    """

    def __init__(self, secrets: Sequence[Secret], engine: Engine | None = None, values: Sequence[str] = ()) -> None:
        self._secrets = [
            (re.compile(s.regex.encode()), re.compile(s.until.encode()) if s.until else None) for s in secrets
        ]
        self.engine = engine if engine is not None else compile_engine([s.regex for s in secrets])
        self._values = {v.encode() for v in values if len(v) >= _SHORTEST}
        self._until: re.Pattern[bytes] | None = None
        self._held: Block | None = None

    def blocks(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The same blocks, masked."""
        for block in blocks:
            yield self.feed(block)
        yield from self.rest()

    def feed(self, block: Block) -> Block:
        """The next block, masked; the end of a piece of an endless line is held back until it is seen what follows."""
        if self._held is not None:
            block, self._held = _join(self._held, block), None
        if not block.ends:
            block, self._held = self._hold_back(block)
        return self._masked(block)

    def rest(self) -> Iterator[Block]:
        """What was held back, when the log has ended."""
        if self._held is not None:
            yield self._masked(self._held)
            self._held = None

    def add(self, value: str) -> None:
        """Masks this value from now on."""
        data = value.encode("utf-8", "surrogateescape")
        if len(data) >= _SHORTEST:
            self._values.add(data)

    def text(self, data: bytes) -> bytes:
        """A piece of other text (a probe's answer, a message), masked as a whole."""
        return self._masked(Block(1, data, data)).plain

    def _hold_back(self, block: Block) -> tuple[Block, Block | None]:
        """Splits a piece of an endless line so that no match crosses the split."""
        text = block.plain
        cut = max(text.rfind(b"\n") + 1, len(text) - _CARRY)
        for regex, _ in self._secrets:
            for match in regex.finditer(text, max(0, cut - _CARRY)):
                if match.start() < cut < match.end():
                    cut = match.start()
        for value in self._values:
            at = text.find(value, max(0, cut - len(value)))
            if 0 <= at < cut < at + len(value):
                cut = at
        if cut <= 0:
            return replace(block, raw=b"", plain=b""), block
        ends = text[cut - 1 : cut] == b"\n"
        front = Block(block.first, text[:cut], text[:cut], block.starts, ends)
        return front, Block(block.first + text.count(b"\n", 0, cut), text[cut:], text[cut:], ends, False)

    def _masked(self, block: Block) -> Block:
        self._learn(block.plain)
        plain = self._mask_lines(block.plain)
        if plain is block.plain:
            return block
        if block.raw is block.plain:
            return replace(block, raw=plain, plain=plain)
        old, new, raw = block.plain.split(b"\n"), plain.split(b"\n"), block.raw.split(b"\n")
        lines = [r if o == n else n for o, n, r in zip(old, new, raw, strict=True)]
        return replace(block, raw=b"\n".join(lines), plain=plain)

    def _learn(self, text: bytes) -> None:
        if b"::add-mask::" in text:
            found = (m[1].strip() for m in _ADD_MASK.finditer(text))
            self._values.update(v for v in found if len(v) >= _SHORTEST and v.strip(b"*"))

    def _mask_lines(self, text: bytes) -> bytes:
        edits = list(self._edits(text))
        if edits:
            parts, at = [], 0
            for start, end, line in edits:
                parts += [text[at:start], line]
                at = end
            text = b"".join([*parts, text[at:]])
        for value in sorted(self._values, key=len, reverse=True):
            if value in text:
                text = text.replace(value, STARS)
        return text

    def _edits(self, text: bytes) -> Iterator[tuple[int, int, bytes]]:
        """(start, end, new text) of every line, or run of lines, that holds a secret; in order, disjoint."""
        done = 0
        if self._until is not None:
            done = self._close(text, 0)
            yield 0, done, _stars(text[:done])
        for at, _ in sorted(self.engine.scan(text)):
            if at <= done:
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
            elif masked != line:
                yield start, end, masked
                done = end

    def _line(self, line: bytes) -> bytes:
        for regex, until in self._secrets:
            if until is not None:
                match = regex.search(line)
                if match and not until.search(line, match.end()):
                    self._until = until
            line = regex.sub(_star, line)
        return line

    def _close(self, text: bytes, at: int) -> int:
        """Where the open multi-line secret ends in `text`: after its last line, or the text's end."""
        assert self._until is not None
        match = self._until.search(text, at)
        if match is None:
            return len(text)
        self._until = None
        end = text.find(b"\n", match.end())
        return len(text) if end < 0 else end


def _star(match: re.Match[bytes]) -> bytes:
    group = "secret" if "secret" in match.re.groupindex and match["secret"] is not None else 0
    start, end = match.span(group)
    return match.string[match.start() : start] + STARS + match.string[end : match.end()]


def _stars(text: bytes) -> bytes:
    return b"\n".join(STARS if line.strip() else line for line in text.split(b"\n"))


def _join(a: Block, b: Block) -> Block:
    return Block(a.first, a.plain + b.plain, a.plain + b.plain, a.starts, b.ends)
