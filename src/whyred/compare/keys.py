"""What of a line stays the same from one attempt to the next: its key, and how to get it for half a million lines.

Numbers, and words with a number in them, are what changes: times, ids, hashes, sizes, durations, ports, counters. So
are names in temporary folders, hashes that happen to have letters alone, months, the length of bars and the width of
columns. All that is `#` in a key, or gone; words and punctuation stay. `exit code 1` and `exit code 0` have one key:
whoever needs to tell such lines apart looks at what the patterns captured (`compare.lines.hit_texts`).

Quick because the regexes never see most lines. Digits become `0` (`rows`); a row that was seen lately is passed over;
the others of a block go through one regex together (`_numbered`), which leaves far fewer different texts; only those go
through the rest (`texts`). A key follows from its row alone, so neither order nor blocks nor what was seen before
matter.
"""

import re
from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass
from hashlib import blake2b

from whyred.logs.text import last_state

VERSION = 1
"""Rises with every change that gives a line another key: keys that were stored are then of no use."""
SIZE = 8
"""Bytes of a digest: of ten million lines two have the same one by chance once in 400,000 logs."""
LONG = 4096
"""Bytes of a line that count."""
_REMEMBERED, _KNOWN = 24 << 20, 40 << 20
"""Bytes of memory for the rows of one log that were seen lately, and for the texts whose digests are known."""
_EACH = 100
"""Bytes of memory that one of these takes beside its text (CPython: the object, its place in a set or dict)."""

_ZERO = bytes(0x30 if 0x30 <= i <= 0x39 else 0x20 if i == 0x09 else i for i in range(256))
"""Digits are `0`, tabs are blanks."""
_BOM = b"\xef\xbb\xbf"
_DAY = b"0000-00-00T"
_STAMP = re.compile(rb"(?:" + _DAY + rb"00:00:00(?:[.,]0{1,9}+)?+(?:Z|[+-]00:?00) ?+)++")
"""What a forge puts before every line: no part of it, for the same log comes with and without."""
_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NUMBER = re.compile(
    rb"0[A-Za-z0]*+"  # the word from its first digit on; the letters before it go later
    rb"(?:[.,:-]{1,2}+(?:[A-Fa-f]{2,4}+(?=[:-])|[A-Za-z]*+0[A-Za-z0]*+))*+"  # 1.2.3, 10:00:00, UUIDs, addresses
)
"""Begins with one byte that is rare, which `re` looks for four times as fast as for anything else."""
_UNIT = re.compile(
    rb"# (?:[kKMGTP]i?[Bb]|[Bb]ytes?|B|(?:m|u|n|\xc2\xb5)?s|secs?|seconds?|mins?|minutes?|m|hrs?|hours?|h|days?|[AP]M)"
    rb"(?![A-Za-z#])"
)
_MAKERS = (
    rb"\.?te?mp|rustc|rmeta|sccache|cc|pip-|npm-|yarn-|go-|jest|junit|git-|docker|buildkit|dotnet-|bazel|pytest-|just-"
)
"""How the names begin that programs make up: with letters alone they look like words."""
_TEMPORARY = re.compile(rb"(?:/_?te?mp/|/T/|\\Temp\\)(?=[a-z._-]*+[A-Z#]|" + _MAKERS + rb")[^/\\\s\"'`:;,()\[\]<>]++")
"""In a folder of temporary things, a name with a digit or a capital in it, or one that begins as such names do."""
_FOLDERS = (b"/tmp/", b"emp", b"/T/")
"""One of these is in every text in which that may match."""
_DATES = b"Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_DATED = re.compile(rb"#(?<=" + b"#|".join(_DATES.split(b"|")) + rb"#)")
_DATE = re.compile(rb"(?<![A-Za-z])(?:(?:" + _DATES + rb"),? ?)+#")
_HEX = bytes(0x61 if i in b"abcdefABCDEF" else 0x7A if i in _LETTERS else i for i in range(256))
_RUN, _HASH = re.compile(rb"a++"), 7
"""Letters of the shortest commit id."""
_BARS = tuple((bytes([c]), bytes([c] * 4), re.compile(re.escape(bytes([c])) + rb"{4,}+")) for c in b"=*.~>-_+")
"""What bars, rules and dots are drawn with: four and more of one of these in a row are one."""


def rows(text: bytes) -> list[bytes]:
    """The lines of a text with every digit as `0`: what keys are made of. Of what was written over, the last state; of
    an endless line, its beginning.
    """
    if not text.isascii() and _BOM in text:
        text = text.replace(_BOM, b"")
    found = _without_stamps(text.translate(_ZERO)).split(b"\n")
    if b"\r" in text:
        found = [last_state(row) if b"\r" in row else row for row in found]
    if len(max(found, key=len)) > LONG:
        found = [row[:LONG] for row in found]
    return found


def _without_stamps(text: bytes) -> bytes:
    """The text without the times before its lines: most have one of the same length as the first that has one."""
    first = _STAMP.match(text) or _STAMP.match(text, text.find(b"\n") + 1)
    if first is not None:
        text = (b"\n" + text).replace(b"\n" + first[0], b"\n")[1:]
    if text.startswith(_DAY) or b"\n" + _DAY in text:
        text = b"\n".join([_without_stamp(row) if row.startswith(_DAY) else row for row in text.split(b"\n")])
    return text


def _without_stamp(row: bytes) -> bytes:
    match = _STAMP.match(row)
    return row[match.end() :] if match else row


def texts(given: Iterable[bytes]) -> list[bytes]:
    """The keys of such rows, as text."""
    return _plain(_numbered(given))


def _numbered(given: Iterable[bytes]) -> list[bytes]:
    """The rows with `#` for every number, and for every word that has a digit in it."""
    pieces = _NUMBER.sub(b"\0", b"\n".join(given)).split(b"\0")
    last = pieces.pop()
    return b"#".join([*[piece.rstrip(_LETTERS) for piece in pieces], last]).split(b"\n")


def _plain(given: Iterable[bytes]) -> list[bytes]:
    """The same rows without what else changes."""
    text = b"\n".join(given)
    if any(name in text for name in _FOLDERS):
        text = _TEMPORARY.sub(b"/tmp/#", text)
    text = _UNIT.sub(b"#", _without_hashes(text))
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    text = text.replace(b" #", b"#").replace(b"# ", b"#")
    while b"##" in text:
        text = text.replace(b"##", b"#")
    if _DATED.search(text):
        text = _DATE.sub(b"#", text)
    for bar, four, regex in _BARS:
        if four in text:
            text = regex.sub(bar, text)
    return [row.strip(b"# ") for row in text.split(b"\n")]


def _without_hashes(text: bytes) -> bytes:
    """The text without words of seven and more of the letters a to f: one short commit id of a thousand is such."""
    letters = text.translate(_HEX)
    parts, at, start = [], 0, letters.find(b"a" * _HASH)
    while start >= 0:
        run = _RUN.match(letters, start)
        assert run is not None
        end = run.end()
        if letters[start - 1 : start] != b"z" and letters[end : end + 1] != b"z":
            parts += [text[at:start], b"#"]
            at = end = end + 2 if text[end : end + 2] == b"-#" else end  # it begins a UUID
        start = letters.find(b"a" * _HASH, end)
    return b"".join([*parts, text[at:]]) if parts else text


class Digests:
    """The digests of keys under `secret`: who gets hold of them cannot try what a line may have said.

    It remembers them: logs of one job, which are compared, say the same for the most part. Bounded: what is too much is
    thrown away, which costs time and changes nothing.
    """

    def __init__(self, secret: bytes) -> None:
        self._new = blake2b(key=secret, digest_size=SIZE)
        self._known: dict[bytes, bytes] = {}
        self._bytes = 0

    def __call__(self, text: bytes) -> bytes:
        """The digest of a key's text."""
        new = self._new.copy()
        new.update(text)
        return new.digest()

    def of(self, first: Collection[bytes]) -> dict[bytes, bytes]:
        """The digests of the keys of what the first regex made of some rows."""
        if self._bytes > _KNOWN:
            self._known.clear()
            self._bytes = 0
        unknown = [text for text in first if text not in self._known]
        if unknown:
            self._bytes += sum(map(len, unknown)) + 2 * _EACH * len(unknown)
            self._known.update(zip(unknown, map(self, _plain(unknown)), strict=True))
        return dict(zip(first, map(self._known.__getitem__, first), strict=True))


@dataclass(frozen=True, slots=True)
class Fresh:
    """The rows of a text that were not seen lately. `first`: for each what the first regex made of it; `digests`: of
    those among these that were not seen lately either, the digest of the key.
    """

    rows: list[bytes]
    first: list[bytes]
    digests: dict[bytes, bytes]


class Keys:
    """The keys of one log, block by block. Bounded as `Digests` are."""

    def __init__(self, digests: Digests) -> None:
        self._digests = digests
        self._rows: set[bytes] = set()
        self._first: set[bytes] = set()
        self._bytes = 0

    def fresh(self, some: Set[bytes]) -> Fresh:
        """Those rows that were not seen since the last time that it forgot."""
        fresh = list(some - self._rows)
        self._rows.update(fresh)
        self._bytes += sum(map(len, fresh)) + _EACH * len(fresh)
        first = _numbered(fresh) if fresh else []
        new = set(first) - self._first
        self._first |= new
        return Fresh(fresh, first, self._digests.of(new))

    def forget(self) -> bool:
        """Throws away what is remembered, where that is too much."""
        if self._bytes <= _REMEMBERED:
            return False
        self._rows.clear()
        self._first.clear()
        self._bytes = 0
        return True

    def digests(self, some: Collection[bytes]) -> dict[bytes, bytes]:
        """The digests of these rows."""
        first = _numbered(some) if some else []
        told = self._digests.of(set(first))
        return dict(zip(some, map(told.__getitem__, first), strict=True))
