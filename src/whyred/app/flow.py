"""What every log goes through between its route and its reader: the user's limit, and the refusal of an empty one."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from whyred.model.run import Step
from whyred.model.source import Fetched
from whyred.sources._forge_api import empty, refuse_page_text
from whyred.sources.reasons import too_large


def begun(fetched: Fetched, *, some: bool = False) -> Fetched:
    """The log after its first bytes came, so that what breaks or is empty at once is refused while another route may
    still help. `some`: only some steps are wanted, and a step may have no line.

    Raises MissingLogError.
    """
    head: list[bytes | Step] = []
    chunks = iter(fetched.chunks)
    for chunk in chunks:
        head.append(chunk)
        if isinstance(chunk, bytes) and chunk:
            refuse_page_text(chunk, _asked(fetched))
            break
    else:
        if not (some and head):
            raise empty(_asked(fetched), fetched.attempt)
    return replace(fetched, chunks=chain(head, chunks))


def _asked(fetched: Fetched) -> str:
    return f"read the log of {fetched.attempt.run.label} ({fetched.route.partition(':')[0]})"


def limited(fetched: Fetched, most: int | None) -> Fetched:
    """The log, as long as it has no more than `most` bytes (None: no limit); its stream raises MissingLogError
    (too-large).
    """
    return fetched if most is None else replace(fetched, chunks=_up_to(fetched, most))


def _up_to(fetched: Fetched, most: int) -> Iterator[bytes | Step]:
    left = most
    for chunk in fetched.chunks:
        left -= len(chunk) if isinstance(chunk, bytes) else 0
        if left < 0:
            raise too_large(_asked(fetched), most)
        yield chunk
