"""Which commands a step's script lets fail: `|| true`, `|| echo skipped`, `set +e`, a loop that tries again.

It is no shell. What is not plainly so counts as not known, for a wrong yes would take the blame from what is to blame.
Sources: POSIX 2.8.1 and `set -e` of 2.15: a command that is not the last of an and-or list, or the condition of `if`,
`while` or `until`, does not end a script.
"""

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_UNKNOWN = re.compile(r"\$\{\{.*?\}\}|\$\([^()]*\)|`[^`]*`|\$\{[^{}]*\}|\$\w+|\$[@*#?$!]")
_ANY = "\0"
_MOST, _LONG = 400, 4096
"""Lines of a script, and bytes of one of them, that are looked at."""
_NOT_READ = re.compile(r"<<|\btrap\b|\beval\b|^\s*(?:function\s+)?[\w-]+\s*\(\)", re.MULTILINE)
"""A script with one of these may run its commands at another place than where they stand."""
_ENDS = re.compile(r"\b(?:exit|return)\b(?!\s+0\b)|(?<![\w/.-])false\b")
"""A script with one of these may end by its own decision."""
_STATUS = re.compile(r"\$\?|PIPESTATUS")
_HARMLESS = frozenset({"true", ":", "echo", "printf", "sleep", "logger", "continue", "break"})
_OPERATORS = frozenset({";", "&&", "||", "|", "|&", "&", ";;", "(", ")"})
_WORDS = frozenset({"then", "do", "else", "{", "!", "time"})
_RUNS = frozenset({"sudo", "command", "env", "nice", "exec", "builtin"})
_ASSIGNS = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True, slots=True)
class _Call:
    """One simple command: its words, what joins it to the next one, and the keyword whose condition it is."""

    words: tuple[str, ...]
    then: str
    of: str


def lets_fail(script: str, program: str, message: str) -> bool | None:
    """Whether the script lets every call of a program fail, one of which can have said the message; None where it is
    not known: it is not called plainly, or one call is not let fail."""
    text = script.replace("\\\n", " ")
    rows = [row.strip() for row in text.splitlines() if row.strip() and not row.strip().startswith("#")]
    if len(rows) > _MOST or any(len(row) > _LONG for row in rows) or _NOT_READ.search(text):
        return None
    try:
        calls = [list(_calls(row)) for row in rows]
    except ValueError:
        return None  # a text over several lines
    careless, told = False, list[tuple[_Call, bool]]()
    for at, row in enumerate(rows):
        if re.match(r"set\s+[-+]", row):
            careless = re.match(r"set\s+\+\w*e", row) is not None or (careless and not re.match(r"set\s+-\w*e", row))
        rest = "\n".join(rows[at + 1 :])
        for place, call in enumerate(calls[at]):
            if _program(call.words) == program:
                last = not rest and place == len(calls[at]) - 1
                told.append((call, _is_let(calls[at], place, rest, careless=careless and not last)))
    if not told or not all(let for _, let in told):
        return None
    return True if any(_can_say(call, message) for call, _ in told) else None


def _is_let(row: Sequence[_Call], place: int, rest: str, *, careless: bool) -> bool:
    """Whether a script goes on when this command of a row fails; `rest`: the rows after it."""
    call, after = row[place], row[place + 1 :]
    names = [_program(other.words) for other in after]
    if call.of in ("while", "until"):
        return True
    if call.of == "if" or careless:
        said = "\n".join([*(" ".join(other.words) for other in after), rest])
        return call.then != "|" and not _ENDS.search(said) and not _STATUS.search(said)
    if call.then == "||":
        said = "\n".join(" ".join(other.words) for other in after)
        return bool(after) and all(n in _HARMLESS for n in names[: _list_end(after)]) and not _ENDS.search(said)
    if call.then == "&&":
        return "break" in names or (
            bool(rest) and _list_end(after) == len(after) and "||" not in {o.then for o in after}
        )
    return False


def _list_end(calls: Sequence[_Call]) -> int:
    """How many of the commands are of the same list as the one before them."""
    return next((n for n, call in enumerate(calls, 1) if call.then not in ("&&", "||")), len(calls))


def _can_say(call: _Call, message: str) -> bool:
    """Whether the message names what the command was given; true as well where it was given nothing that is known."""
    known = [w for w in call.words[1:] if _ANY not in w and not w.startswith("-") and len(w) > 3 and w != "/dev/null"]
    return not known or any(word.rstrip("/") in message or posixpath.basename(word) in message for word in known)


def _program(words: Sequence[str]) -> str:
    for word in words:
        if word not in _RUNS and not _ASSIGNS.match(word):
            return posixpath.basename(word)
    return ""


def _calls(row: str) -> Iterator[_Call]:
    """The simple commands of a row. Raises ValueError where a text does not end in it."""
    reader = shlex.shlex(_UNKNOWN.sub(_ANY, row), posix=True, punctuation_chars=True)
    reader.whitespace_split, reader.commenters = True, "#"
    words: list[str] = []
    of = ""
    for word in [*reader, ";"]:
        if word in _OPERATORS or set(word) <= set(";&|()"):
            if words:
                yield _Call(tuple(words), word, of)
            words, of = [], of if word in ("&&", "||", "|") else ""
        elif not words and word in ("if", "elif", "while", "until"):
            of = "if" if word == "elif" else word
        elif not words and word in _WORDS:
            continue
        else:
            words.append(word)
