"""What of a log line may reach a person: decoded, without control characters, cut where it is endless."""

import re

LONG = 2048
"""Characters of a line that are kept; the rest is replaced by a note."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")
"""Control characters and the invisible ones that reorder or hide text (Unicode TR 36): nobody gets them."""


def clean(data: bytes) -> str:
    """The text of a line's bytes: UTF-8 with replacement, no control characters, at most `LONG` characters."""
    cut = data[: 4 * LONG].decode("utf-8", "replace")
    text = _CONTROL.sub("", cut)
    if len(text) <= LONG and len(data) <= 4 * LONG:
        return text
    return f"{text[:LONG]} [... {len(data)} bytes]"


def last_state(body: bytes) -> bytes:
    """What a terminal would show of a line with bare CRs: the last part that is not empty."""
    if b"\r" not in body:
        return body
    return next((part for part in reversed(body.split(b"\r")) if part.strip()), b"")
