"""What a step's script certainly prints: the texts of its `echo` and `printf` commands, as they stand in a log.

So a line of a log can be held against the workflow file. It is no shell: what is not plainly an `echo` or a `printf` to
the log is left out, and a variable or expression in a text may stand for anything.
"""

import re
import shlex
from collections.abc import Iterator

from whyred.model.script import Print

ANY = "\0"
"""Stands for what is not known before the script runs."""
_UNKNOWN = re.compile(r"\$\{\{.*?\}\}|\$\([^()]*\)|`[^`]*`|\$\{[^{}]*\}|\$\w+|\$[@*#?$!]")
_SHORT = 4
"""Letters and digits that a text must have at least, all in all and before its first unknown: `ok` is said by many."""
_QUIET = re.compile(r"set [-+]\w|#|:$|export \w+=|\w+=\S*$|cd |mkdir ")
"""Commands that print nothing, as a script may begin with."""
_TRACED = re.compile(r"^\s*set -\w*x|set -o xtrace", re.MULTILINE)
"""Such a script prints its commands before they print anything."""
_EXIT = re.compile(r"exit (\d{1,3})")
_MOST, _LONG = 400, 4096
"""Lines of a script, and bytes of one of them, that are looked at."""
_REDIRECTED = (">", ">>", ">|", "&>", "&>>", "<", "<<", "<<<", "|", "|&")
"""After one of these a text goes elsewhere, or may come out as another."""


def prints(script: str) -> tuple[Print, ...]:
    """The texts in the order of the script."""
    rows = [row for row in _rows(script) if not _QUIET.match(row.strip())]
    found: list[Print] = []
    for at, row in enumerate(rows):
        alone = at == 0 and row == row.lstrip() and not _TRACED.search(script)
        after = rows[at + 1].strip() if at + 1 < len(rows) else ""
        exits = _EXIT.fullmatch(after)
        commands = list(_commands(row))
        for place, command in enumerate(commands):
            end = place + 1 == len(commands)
            ends = _EXIT.fullmatch(" ".join(commands[place + 1])) if place + 2 == len(commands) else None
            ends = ends or (exits if end else None)
            for parts in _texts(command):
                last = end and not after and row == row.lstrip() and len(commands) == 1
                found.append(Print(parts, alone and place == 0, last, int(ends[1]) if ends else None))
    return tuple(found)


def _rows(script: str) -> list[str]:
    joined = script.replace("\\\n", " ")
    return [row.rstrip() for row in joined.splitlines()[:_MOST] if row.strip() and len(row) <= _LONG]


def _commands(row: str) -> Iterator[list[str]]:
    """The simple commands of a line whose output stays in the log; nothing where it is not understood."""
    reader = shlex.shlex(_UNKNOWN.sub(ANY, row), posix=True, punctuation_chars=True)
    reader.whitespace_split, reader.commenters = True, ""
    try:
        words = list(reader)
    except ValueError:
        return  # a text over several lines
    command: list[str] = []
    lost = False
    for at, word in enumerate(words):
        if word in (";", "&&", "||", "&"):
            yield [] if lost else command
            command, lost = [], False
        elif word == ">&":
            to = words[at + 1] if at + 1 < len(words) else ""
            lost = lost or to not in ("1", "2")
            if command and command[-1].isdecimal():
                command.pop()
        elif at and words[at - 1] == ">&":
            continue
        else:
            lost = lost or word in _REDIRECTED
            command.append(word)
    yield [] if lost else command


def _texts(command: list[str]) -> Iterator[tuple[str, ...]]:
    match command:
        case ["echo", *words]:
            while words and re.fullmatch(r"-[neE]+", words[0]):
                words = words[1:]
            yield from _parts(" ".join(words))
        case ["printf", form, *words] if form.strip("\\n") == "%s":
            for word in words:
                yield from _parts(word)
        case ["printf", form, *_]:
            for line in re.sub(r"%[-+ #0-9.]*[a-zA-Z]", ANY, form).split("\\n"):
                yield from _parts(line)


def _parts(text: str) -> Iterator[tuple[str, ...]]:
    """The text in parts, where it is long enough to say which step printed it. From a backslash on it is unknown."""
    known = re.sub(r"\\.*", ANY, text)
    parts = tuple(known.split(ANY))
    if _size(known) >= _SHORT and _size(parts[0]) >= min(_SHORT, 3):
        yield parts


def _size(text: str) -> int:
    return sum(c.isalnum() for c in text)
