"""What follows from a match's captures: symbolic errno, the directory of a path, the signal of an exit code."""

import errno as numbers
import os
import posixpath
import re
import signal
from collections.abc import Mapping

_OF_DASH = {"directory nonexistent": "ENOENT"}
"""dash has words of its own where it cannot make a file (its error.c, E_CREAT)."""
_OF_JAVA = {"nosuchfileexception": "ENOENT"}
"""What java.nio.file says instead of the kernel's words (its UnixException.translateToIOException)."""
_BY_TEXT = {os.strerror(n).lower(): name for n, name in numbers.errorcode.items()} | _OF_DASH | _OF_JAVA
_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|\[?::1\]?|0\.0\.0\.0", re.IGNORECASE)
"""Names of one's own machine (RFC 6761 6.3, RFC 1122 3.2.1.3, RFC 4291 2.5.3)."""
_NOT_CONNECTED = "7"
"""What curl ends with where a connection was not made, and not for want of time (curl(1)); on one's own machine nothing
but a closed port does that."""
_SIGNALLED = 128
"""A shell reports a child that died of signal N as exit code 128 + N (POSIX 2.8.2)."""


def derive(captures: Mapping[str, str]) -> dict[str, str]:
    """The captures with `errno` as a symbol (from `errno`, else `reason`), `dir` and `base` from `path`, `signal` from
    an exit `code` above 128, and `near`: whether `host` is one's own machine. What cannot be derived is left out.
    """
    out = dict(captures)
    symbol = _errno(out.get("errno", ""), out.get("reason", ""))
    if symbol:
        out["errno"] = symbol
    if out.get("host"):
        out["near"] = "yes" if _LOOPBACK.fullmatch(out["host"]) else "no"
    if out.get("near") == "yes" and out.get("code") == _NOT_CONNECTED:
        out.setdefault("errno", "ECONNREFUSED")
    if "path" in out and "dir" not in out:
        out["dir"] = posixpath.dirname(out["path"]) or "."
        out["base"] = posixpath.basename(out["path"])
    code = out.get("code", "")
    if "signal" not in out and _is_number(code) and _SIGNALLED < int(code) < _SIGNALLED + signal.NSIG:
        out["signal"] = str(int(code) - _SIGNALLED)
    return out


def _errno(number: str, reason: str) -> str | None:
    if _is_number(number) and int(number) in numbers.errorcode:
        return numbers.errorcode[int(number)]
    if number in _BY_TEXT.values():
        return number
    return _BY_TEXT.get(reason.strip().rstrip(".").lower())


def _is_number(text: str) -> bool:
    """Whether `int` reads it: a superscript is a digit for `isdigit`, and thousands of digits are none of ours."""
    return text.isascii() and text.isdigit() and len(text) <= 9


def agree(captures: Mapping[str, str], wanted: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether every wanted capture is there with one of its values (`*` in a value stands for any text, an empty
    value for: the log does not tell it)."""
    return all(any(_fits(captures.get(key), value) for value in values) for key, values in wanted.items())


def _fits(have: str | None, want: str) -> bool:
    if have is None:
        return want == ""
    if "*" not in want:
        return have == want
    return re.fullmatch(".*".join(re.escape(part) for part in want.split("*")), have, re.S) is not None


_CHANGING = re.compile(
    r"[0-9a-fA-F]{7,}|0x[0-9a-fA-F]+|\d+"  # hashes, addresses, numbers
    r"|(?<=/)(rustc|rmeta|sccache|cc|tmp\.?|just-|rustdoctest|sort|dotnet-|npm-)[A-Za-z0-9_]{6,10}\b"
)


def fingerprint(pattern: str, message: str) -> str:
    """The message without its changing parts (numbers, hashes, random names), led by the pattern's id."""
    text = _CHANGING.sub(lambda m: (m[1] or "") + "#", message)
    return f"{pattern}: {' '.join(text.split())[:200]}"
