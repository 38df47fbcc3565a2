"""Zstandard frames as a stream: any number of frames, skippable ones between them, flat memory, and an end that is told
from data that was cut off.
"""

from collections.abc import Iterable, Iterator

_FED = 512
"""Bytes given to the decoder at once: 4 bytes of it may stand for 128 KiB of text (a run of one byte)."""


def decoded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The text of all frames. Raises ValueError where the data is damaged or ends inside a frame."""
    import zstandard

    decoder = zstandard.ZstdDecompressor()
    frame = decoder.decompressobj()
    within = False
    try:
        for chunk in chunks:
            for at in range(0, len(chunk), _FED):
                piece = chunk[at : at + _FED]
                while piece:
                    text = frame.decompress(piece)
                    if text:
                        yield text
                    within, piece = not frame.eof, frame.unused_data if frame.eof else b""
                    if frame.eof:
                        frame = decoder.decompressobj()
    except zstandard.ZstdError as e:
        raise ValueError(f"the zstd data is damaged ({e})") from e
    if within:
        raise ValueError("the zstd data ends early")
