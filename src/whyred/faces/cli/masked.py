"""Masks what the program itself says: a message may name a job, a file or a step as somebody else named it."""

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whyred.logs.mask import Masker

_TOKEN = re.compile(r"[\w-]{20}")


def masked(text: str) -> str:
    """The text, masked of everything that is a secret, by its form or because it was used."""
    try:
        masker = _masker()
    except (OSError, ValueError, ImportError, MemoryError) as e:
        return f"a message is not shown, for nothing could mask it ({type(e).__name__})"
    return masker.text(text.encode("utf-8", "backslashreplace")).decode("utf-8", "replace")


def masked_soon(text: str) -> str:
    """The same of a text that is shown for a moment and many times: looked at where it may hold a token."""
    return masked(text) if _TOKEN.search(text) else text


@cache
def _masker() -> "Masker":
    from whyred.app.library import masker_of_messages
    from whyred.settings.known_secrets import known_secrets

    masker = masker_of_messages()
    for secret in known_secrets():
        masker.add(secret)
    return masker
