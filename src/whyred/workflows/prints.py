"""What a step's script certainly prints: the texts of its `echo` and `printf` commands, as they stand in a log.

So a line of a log can be held against the workflow file. It is no shell: what is not plainly an `echo` or a `printf` to
the log is left out, and a variable or expression in a text may stand for anything.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

from whyred.model.script import Print

ANY = "\0"
"""Stands for what is not known before the script runs."""
_UNKNOWN = re.compile(r"\$\{\{.*?\}\}|\$\([^()]*\)|`[^`]*`|\$\{[^{}]*\}|\$\w+|\$[@*#?$!]")
_SHORT = 4
"""Letters and digits that a text must have at least, all in all and before its first unknown: `ok` is said by many."""
_PLAIN = r"[^;&|`$()<>\n]*"
_QUIET = re.compile(
    rf"#.*|:|set [-+][a-wyz]+( pipefail)?|(?:export )?\w+={_PLAIN}|cd [\w./]{_PLAIN}|mkdir (?:-p )?[\w./]{_PLAIN}"
)
"""Commands that print nothing, as a script may begin with."""
_NOT_TO_THE_LOG = re.compile(
    r"<<|^\s*exec\b|^\s*(?:\}|\)|done\b|fi\b|esac\b).*[>|]|^\s*set -\w*x|set -o xtrace", re.MULTILINE
)
"""Such a script may write its texts elsewhere (a file from them, a block), or its commands before them."""
_LEFT_RUNNING = re.compile(r"\btrap\b|(?<![&>])&\s*(?:$|[^&>\s0-9])", re.MULTILINE)
"""Such a script may say something after its last command."""
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"")
_EXPANDED = re.compile(r"[*?\[{#~!$]")
"""Outside quotes a shell makes something else of these."""
_EXIT = re.compile(r"exit (\d{1,3})")
_MOST, _LONG = 400, 4096
"""Lines of a script, and bytes of one of them, that are looked at: a longer one is not."""
_REDIRECTED = (">", ">>", ">|", "&>", "&>>", "<", "|", "|&")
"""After one of these a text goes elsewhere, or may come out as another."""


def prints(script: str) -> tuple[Print, ...]:
    """The texts in the order of the script; nothing of one that is not understood."""
    rows = script.replace("\\\n", " ").splitlines()
    if len(rows) > _MOST or any(len(row) > _LONG for row in rows) or _NOT_TO_THE_LOG.search(script):
        return ()
    rows = [row.rstrip() for row in rows if row.strip() and not _QUIET.fullmatch(row.strip())]
    try:
        commands = [list(_commands(row)) for row in rows]
    except ValueError:
        return ()  # a text over several lines
    found: list[Print] = []
    for at, row in enumerate(rows):
        own = row == row.lstrip() and not _EXPANDED.search(_QUOTED.sub("", _UNKNOWN.sub("", row)))
        after = rows[at + 1].strip() if at + 1 < len(rows) else ""
        found.extend(_row(commands[at], first=own and at == 0, last=own and not after, exits=_EXIT.fullmatch(after)))
    quiet = _LEFT_RUNNING.search(script) is None
    return tuple(found) if quiet else tuple(replace(told, last=False) for told in found)


def _row(commands: list[list[str]], *, first: bool, last: bool, exits: re.Match[str] | None) -> Iterator[Print]:
    """The texts of one line. `exits`: the line after it does no more than that."""
    for place, command in enumerate(commands):
        end, before_last = place + 1 == len(commands), place + 2 == len(commands)
        ends = _EXIT.fullmatch(" ".join(commands[-1])) if before_last else exits if end else None
        for parts in _texts(command):
            alone = len(commands) == 1 and last
            yield Print(parts, first and place == 0, alone, int(ends[1]) if ends else None)
            first = False


def _commands(row: str) -> Iterator[list[str]]:
    """The simple commands of a line whose output stays in the log; nothing where it is not understood."""
    reader = shlex.shlex(_UNKNOWN.sub(ANY, row), posix=True, punctuation_chars=True)
    reader.whitespace_split, reader.commenters = True, ""
    words = list(reader)
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
            open_ended = ""
            while words and re.fullmatch(r"-[neE]+", words[0]):
                open_ended = ANY if "n" in words[0] else open_ended
                words = words[1:]
            yield from _parts(" ".join(words) + open_ended)
        case ["printf", form, *words] if form == "%s\\n":
            for word in words:
                yield from _parts(word)
        case ["printf", form, *_]:
            *lines, rest = re.sub(r"%[-+ #0-9.]*[a-zA-Z]", ANY, form).split("\\n")
            for line in [*lines, *([rest + ANY] if rest else [])]:
                yield from _parts(line)


def _parts(text: str) -> Iterator[tuple[str, ...]]:
    """The text in parts, where it is long enough to say which step printed it. From a backslash on it is unknown. What
    a runner takes for a word to itself (`::group::`) comes otherwise, or not at all.
    """
    known = re.sub(r"\\.*", ANY, text)
    parts = tuple(known.split(ANY))
    said = _size(known) >= _SHORT and _size(parts[0]) >= min(_SHORT, 3)
    if said and not text.lstrip().startswith(("::", "##[")):
        yield parts


def _size(text: str) -> int:
    return sum(c.isalnum() for c in text)
