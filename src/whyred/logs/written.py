"""Every form in which programs write a secret: as it is, in a URL, in base64, in quotes of one language or another.

The forms are those of the masks of GitHub's runner (actions/runner, src/Sdk/DTLogging/Logging/ValueEncoders.cs) and of
what shells print under `set -x`.
"""

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORTEST_CODED = 8
"""Bytes of base64 below which it is left alone: the middle of a short value's would be in innocent text."""
_SPECIAL = re.compile(rb"([^A-Za-z0-9_@%+=:,./\x80-\xff-])")
"""What shells put a backslash before."""


def forms(secret: bytes) -> Iterator[bytes]:
    """The secret and all that it may be written as; some may be alike."""
    yield secret
    text = secret.decode("utf-8", "surrogateescape")
    for coded in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield coded.encode()
        yield re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), coded).encode()
    for quoted in (repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
        yield quoted.encode("utf-8", "surrogateescape")
    for escaped in (html.escape(text), html.escape(text, quote=False), html.escape(text).replace("&#x27;", "&apos;")):
        yield escaped.encode("utf-8", "surrogateescape")
    yield _SPECIAL.sub(rb"\\\1", secret)
    yield secret.replace(b"'", b"'\\''")
    yield from _base64(secret)


def _base64(secret: bytes) -> Iterator[bytes]:
    """What of its base64 is the same whatever stands before and after it (`user:` before a password, a line feed
    after): one text for each of the three ways in which it may lie in groups of three bytes."""
    for before in range(3):
        whole = b"\0" * before + secret
        skip = -(-before * 8 // 6)
        sure = len(whole) * 8 // 6
        for code in (b64encode, urlsafe_b64encode):
            coded = code(whole)[skip:sure]
            if len(coded) >= SHORTEST_CODED:
                yield coded
