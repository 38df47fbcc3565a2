"""gzip as an answer's `Content-Encoding`, unpacked piece by piece in bounded memory (RFC 1952)."""

import zlib
from collections.abc import Iterator

from whyred.sources._meter import BARREN
from whyred.sources.reasons import broken, damaged, idle

_GZIP = 31
"""zlib's window bits for a gzip header and its checksum."""
_SLICE = 1 << 15
"""Bytes unpacked at once: what follows a member is copied, and a flood of empty ones must not copy much."""
_MOST = 1 << 19
"""Bytes given at once."""


def unpacked(pieces: Iterator[bytes], asked: str) -> Iterator[bytes]:
    """The text. Several members are one text, and what follows the last of them is left away, as gzip(1) does.

    Raises MissingLogError: corrupt, unreachable (the end is missing), refused-content (it holds nothing).
    """
    unpacker, members, barren = zlib.decompressobj(_GZIP), 0, 0
    begun = False
    for piece in pieces:
        begun = begun or bool(piece)
        for at in range(0, len(piece), _SLICE):
            data, more = piece[at : at + _SLICE], False
            barren += len(data)
            while data or more:
                if unpacker.eof:
                    unpacker, members = zlib.decompressobj(_GZIP), members + 1
                try:
                    text = unpacker.decompress(data, _MOST)
                except zlib.error:
                    if members:
                        return
                    raise damaged(asked) from None
                if text:
                    barren = 0
                    yield text
                data = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
                more = len(text) == _MOST and not unpacker.eof
            if barren > BARREN:
                raise idle(asked)
    if begun and not unpacker.eof:
        raise broken(asked, "its compressed text lacks the end")
