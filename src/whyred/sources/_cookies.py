"""The cookies of one server: which of them are kept (RFC 6265, sections 4.1.1, 5.2 and 6.1)."""

import re
from collections.abc import Iterable

_LONGEST = 4096
"""Bytes of a cookie's name and value."""
_MOST = 50
"""Cookies of one server."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def read_cookie(line: str) -> tuple[str, str, bool]:
    """Name, value and whether it is to be removed, of one Set-Cookie header. Values are kept as they came."""
    first, *attributes = line.split(";")
    name, _, value = first.strip(" ").partition("=")
    told = {k.strip().lower(): v.strip() for k, _, v in (a.partition("=") for a in attributes)}
    gone = not value or told.get("max-age", "").startswith(("0", "-"))
    return name.strip(" "), value.strip(" ").strip('"'), gone


def keep(jar: dict[str, str], lines: Iterable[str]) -> None:
    """Takes over what these headers set and remove. One that is too long, one too many and one with a control
    character, which would go into a header of ours, is none.
    """
    for line in lines:
        name, value, gone = read_cookie(line)
        if not name or _CONTROL.search(name + value):
            continue
        if gone:
            jar.pop(name, None)
        elif len(name) + len(value) + 1 <= _LONGEST and (name in jar or len(jar) < _MOST):
            jar[name] = value
