"""What came of a log's stream, without the steps that stand in it."""

from collections.abc import Iterator

from whyred.model.run import Step
from whyred.model.source import Fetched, MissingLogError


def pieces(fetched: Fetched) -> Iterator[bytes]:
    """The bytes, in the pieces they came in."""
    return (piece for piece in fetched.chunks if isinstance(piece, bytes))


def text(fetched: Fetched) -> bytes:
    """The bytes of the whole log."""
    return b"".join(pieces(fetched))


def until_refused(chunks: Iterator[bytes] | Iterator[bytes | Step]) -> tuple[bytes, MissingLogError]:
    """The bytes that came, and what ended them."""
    came = b""
    try:
        for chunk in chunks:
            came += chunk if isinstance(chunk, bytes) else b""
    except MissingLogError as e:
        return came, e
    raise AssertionError("nothing was refused")
