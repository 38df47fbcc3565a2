"""A file of `NAME=value` lines that gives `whyred run` its secrets or variables. Pure.

The form is that of .env files: comments, `export` in front, values bare, in '...' (as they are) or in "..." (with the
escapes of C); quoted ones may go over several lines. Nothing inside a value is expanded. A message never quotes the
file, because what stands there may be secret.
"""

import re
from typing import NoReturn

from whyred.workflows.nouns import WorkflowError

MOST_BYTES = 1 << 20
_ENTRY = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_SKIP = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_SINGLE = re.compile(r"'([^']*)'")
_BARE = re.compile(r"[^\n]*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read_values(data: bytes, name: str) -> dict[str, str]:
    """The names and values of the file called `name`. Raises WorkflowError."""
    return _Reader(data, name).values()


class _Reader:
    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        if len(data) > MOST_BYTES:
            self.refuse(None, "file too large", f"it has more than {MOST_BYTES} bytes", "name a file of NAME=value")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as e:
            line = data.count(b"\n", 0, e.start) + 1
            raise WorkflowError(name, line, "not UTF-8", "a byte of no character", "save the file as UTF-8") from e
        self.text = text.replace("\r\n", "\n")

    def values(self) -> dict[str, str]:
        found: dict[str, str] = {}
        taken: set[str] = set()
        at = 0
        while at < len(self.text):
            if skipped := _SKIP.match(self.text, at):
                at = max(skipped.end(), at + 1)
                continue
            entry = _ENTRY.match(self.text, at)
            if entry is None:
                self.refuse(at, "no NAME=value", "a line is neither an entry nor a comment", "write NAME=value")
            if entry[1].upper() in taken:
                self.refuse(at, f"`{entry[1][:80]}` is set twice", "the forges do not tell case", "keep one of them")
            taken.add(entry[1].upper())
            found[entry[1]], at = self.value(entry.end())
        return found

    def value(self, at: int) -> tuple[str, int]:
        """A value and where the next line begins."""
        quote = self.text[at : at + 1]
        if quote not in ("'", '"') or not quote:
            bare = _BARE.match(self.text, at)
            assert bare is not None
            return re.split(r"(?:^|[ \t])#", bare[0], maxsplit=1)[0].strip(), bare.end() + 1
        match = (_SINGLE if quote == "'" else _DOUBLE).match(self.text, at)
        if match is None:
            self.refuse(at, "a value without an end", f"its {quote} is never closed", "close it")
        after = _SKIP.match(self.text, match.end())
        if after is None:
            self.refuse(match.end(), "text behind a value", "its quotes ended before", "put all of it into the quotes")
        plain = match[1]
        if quote == '"':
            plain = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), plain, flags=re.DOTALL)
        return plain, after.end()

    def refuse(self, at: int | None, what: str, why: str, how: str) -> NoReturn:
        line = None if at is None else self.text.count("\n", 0, at) + 1
        raise WorkflowError(self.name, line, what, why, how)
