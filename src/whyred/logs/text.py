"""What of a log line may reach a person: decoded, without control characters, cut where it is endless."""

import re

LONG = 2048
"""Characters of a line that are kept; the rest is replaced by a note."""

INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e01ef\ud800-\udfff]+"
)
"""Unicode's control and format characters (Cc, Cf), line separators, tags and lone surrogates: what moves the cursor,
reorders or hides text (Unicode TR 36), or tells a reading program something that a person does not see.
"""


def clean(data: bytes) -> str:
    """The text of a line's bytes: UTF-8 with replacement, no control characters, at most `LONG` characters."""
    cut = data[: 4 * LONG].decode("utf-8", "replace")
    text = visible(cut)
    if len(text) <= LONG and len(data) <= 4 * LONG:
        return text
    return f"{text[:LONG]} [... {len(data)} bytes]"


def visible(text: str) -> str:
    """The text without characters that a person cannot see; blanks, tabs and line feeds stay."""
    return INVISIBLE.sub("", text)


def last_state(body: bytes) -> bytes:
    """What a terminal would show of a line with bare CRs: the last part that is not empty."""
    if b"\r" not in body:
        return body
    return next((part for part in reversed(body.split(b"\r")) if part.strip()), b"")
