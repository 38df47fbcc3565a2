"""Reads what `print.sh` printed: a question, what a program said to it, how that ended and what it complained of.

An answer is `LF MARK ? QUESTION LF PATHS LF MARK < LF`, what was printed, `LF MARK > STATUS LF` and the complaints;
MARK is a random word, so nothing that was read on the host can hold it. Where one program was asked about many paths,
they stand one a line in PATHS, and each gets its own part of the answer here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_FIELDS = {b"stat": 11, b"stat-L": 11, b"space": 5}
"""The words before the path in a line."""
_FILTERED = (b"registration", b"configuration", b"assignments", b"settings", b"profile", b"command_line")
"""Kinds of `read`: what a filter of this name let through."""
_TIMED_OUT = 124
"""Of timeout(1)."""
_LATE = b"no end within its time limit: Operation timed out"


@dataclass(frozen=True, slots=True)
class Part:
    """An answer to one question. `error`: in a program's words why there is none; empty where there is one."""

    body: bytes
    error: bytes = b""
    status: int = 0


def read_printout(data: bytes, mark: bytes) -> Mapping[bytes, Part]:
    """The answers by question, such as `read /etc/hosts`. One that was cut is none."""
    answers: dict[bytes, Part] = {}
    parts = data.split(b"\n" + mark + b" ? ")[1:]
    for n, part in enumerate(parts, 1):
        told, end, _ = part.partition(b"\n" + mark + b" end")
        if n == len(parts) and not end:
            break
        for question, answer in _answers(told, mark):
            answers.setdefault(question, answer)
    return answers


def _answers(told: bytes, mark: bytes) -> Iterator[tuple[bytes, Part]]:
    head, _, rest = told.partition(b"\n" + mark + b" <\n")
    body, _, end = rest.partition(b"\n" + mark + b" > ")
    status, _, error = end.partition(b"\n")
    question, _, paths = head.partition(b"\n")
    asked = [path for path in paths.split(b"\n") if path]
    code = int(status) if status.isdigit() else 1
    if not asked:
        kind, _, path = question.partition(b" ")
        question = b"read " + path if kind in _FILTERED else question
        yield question, Part(body, _LATE if code == _TIMED_OUT else error.removesuffix(b"\n"), code)
        return
    if question == b"read":
        found, refused = _texts(body, asked), _named(error, asked)
        if code != _TIMED_OUT:
            found = {path: b"" for path in asked if path not in refused} | found
    else:
        found = _links(body, asked) if question == b"link" else _words(body, _FIELDS.get(question, 0))
        refused = _in_order(error, [path for path in asked if path not in found])
    for path in asked:
        part = Part(found[path]) if path in found else Part(b"", refused.get(path, _LATE), 1)
        yield question + b" " + path, part


def _words(body: bytes, fields: int) -> dict[bytes, bytes]:
    """Lines of so many words and a path."""
    rows = (line.split(b" ", fields) for line in body.split(b"\n"))
    return {row[fields]: b" ".join(row[:fields]) for row in rows if len(row) > fields}


def _links(body: bytes, asked: Sequence[bytes]) -> dict[bytes, bytes]:
    """Lines of `ls -ldn`; a target with a line end in it could pretend to be another's, so then there is none."""
    rows = [line.partition(b" -> ") for line in body.rstrip(b"\n").split(b"\n")]
    if len(rows) > len(asked):
        return {}
    return {head[head.find(b" /") + 1 :]: target for head, arrow, target in rows if arrow}


def _texts(body: bytes, asked: Sequence[bytes]) -> dict[bytes, bytes]:
    """Of `grep -H`: each line behind the name of its file, in the order in which they were asked for."""
    found: dict[bytes, bytes] = {}
    at = 0
    asked = list(dict.fromkeys(asked))
    for line in body.split(b"\n")[:-1]:
        while at < len(asked) and not line.startswith(asked[at] + b":"):
            at += 1
        if at == len(asked):
            break
        found[asked[at]] = found.get(asked[at], b"") + line[len(asked[at]) + 1 :] + b"\n"
    return found


def _named(error: bytes, asked: Sequence[bytes]) -> dict[bytes, bytes]:
    """Complaints that name their file."""
    lines = error.split(b"\n")
    return {path: line for path in asked for line in lines if line.startswith(b"grep: " + path + b": ")}


def _in_order(error: bytes, missing: Sequence[bytes]) -> dict[bytes, bytes]:
    """Complaints in the order of their files; none where the program was ended on its way."""
    lines = [line for line in error.split(b"\n") if line]
    return dict(zip(missing, lines, strict=True)) if len(lines) == len(missing) else {}
