"""What came of a log's stream, without the steps that stand in it."""

from collections.abc import Iterator

from whyred.model.source import Fetched


def pieces(fetched: Fetched) -> Iterator[bytes]:
    """The bytes, in the pieces they came in."""
    return (piece for piece in fetched.chunks if isinstance(piece, bytes))


def text(fetched: Fetched) -> bytes:
    """The bytes of the whole log."""
    return b"".join(pieces(fetched))
