"""The words in capitals in the texts of causes that stand for something of the runner's host or of the log.

Where a probe told what it is (UNIT), or the failing line names it (TOOL, PORT), that stands there instead, so that a
command can be copied as it is shown. What hosts and logs say is hostile: a value that is not of the word's form is not
put in, and what is put in is quoted for a shell.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass

from whyred.model.cause import Cause, Of, Text
from whyred.model.evidence import Answers, Ask, Unknown


@dataclass(frozen=True, slots=True)
class Word:
    """A word of texts: the question and the field that tell what it stands for, the form of a value that may stand in
    a command, and what the word means for those who have to put the value in by themselves."""

    ask: Ask
    field: str
    form: re.Pattern[str]
    meaning: str


WORDS: Mapping[str, Word] = {
    "UNIT": Word(
        Ask("runner-unit", Of.ATTEMPT_RUNNER),
        "unit",
        re.compile(r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,246}\.service"),
        "the runner's systemd unit",
    ),
    "CIUSER": Word(
        Ask("process-user", Of.ATTEMPT_RUNNER),
        "user",
        re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}|[0-9]{1,10}"),
        "the user of the runner's service",
    ),
}
_ANY = re.compile(rf"\b({'|'.join(WORDS)})\b")
_OWN_BOOT = "{subject} belongs to no systemd unit: where UNIT stands, start it anew in the way it was started."
_PLACE = re.compile(r"[A-Za-z0-9_./~][A-Za-z0-9_./~@:+,=-]{0,254}")
_LINE: Mapping[str, tuple[str, re.Pattern[str]]] = {
    "TOOL": ("tool", re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}")),
    "PORT": ("port", re.compile(r"[0-9]{1,5}")),
    "HOST": ("host", re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")),
    "PACKAGE": ("package", re.compile(r"@?[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}")),
    "VARIABLE": ("var", re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")),
    "DIR": ("dir", _PLACE),
    "PATH": ("path", _PLACE),
}
"""Words of commands that a capture of the failing line stands for, and the form of a value."""
_COMMAND = re.compile(r"`[^`]+`")
_NAMED = re.compile(rf"(?<![\w$\"{{])PATH(?![\w=])|\b(?:{'|'.join(n for n in _LINE if n != 'PATH')})\b")
"""`PATH=...` and `$PATH` are the variable."""


def asks(causes: Iterable[Cause]) -> list[Ask]:
    """The questions whose answers the texts of these causes have a place for, each once."""
    said = {name for cause in causes for text in astuple(cause.text) for name in _ANY.findall(text)}
    return [word.ask for name, word in WORDS.items() if name in said]


def in_words(text: Text, answers: Answers, captures: Mapping[str, str] | None = None) -> Text:
    """The text with what is known in it; behind every part that keeps a word of `WORDS` stands what that means.
    `captures`: what the failing line names."""
    known = {name: value for name, word in WORDS.items() if (value := _value(word, answers)) is not None}
    meant = {name: _meaning(name, answers) for name in WORDS if name not in known}
    named = {name: value for name in _LINE if (value := _named(name, captures or {})) is not None}
    return Text(**{part: _filled(_commands(said, named), known, meant) for part, said in asdict(text).items()})


def _value(word: Word, answers: Answers) -> str | None:
    for answer in answers.get(word.ask, ()):
        value = None if isinstance(answer.facts, Unknown) else answer.facts.get(word.field)
        if isinstance(value, str) and word.form.fullmatch(value):
            return shlex.quote(value)
    return None


def _meaning(name: str, answers: Answers) -> str:
    """What a word means that nothing stands for; of a runner that is known to have no unit, that it has none."""
    word = WORDS[name]
    facts = [a.facts for a in answers.get(word.ask, ()) if not isinstance(a.facts, Unknown)]
    if name == "UNIT" and len(facts) == 1 and facts[0].get(word.field, "") is None:
        return _OWN_BOOT.format(subject=answers[word.ask][0].subject or "The runner")
    return f"{name} is {word.meaning}."


def _named(name: str, captures: Mapping[str, str]) -> str | None:
    """What the failing line says for a word of commands. A failed temporary directory is about TMPDIR."""
    key, form = _LINE[name]
    value = captures.get(key, "TMPDIR" if name == "VARIABLE" and "dir" in captures else "")
    return shlex.quote(value) if form.fullmatch(value) and "***" not in value else None


def _commands(text: str, named: Mapping[str, str]) -> str:
    """The text with the words of its commands filled in; outside of commands PATH and the like mean themselves."""
    return _COMMAND.sub(lambda command: _NAMED.sub(lambda m: named.get(m[0], m[0]), command[0]), text)


def _filled(text: str, known: Mapping[str, str], meant: Mapping[str, str]) -> str:
    kept = [name for name in dict.fromkeys(_ANY.findall(text)) if name not in known]
    behind = "".join(f" {meant[name]}" for name in kept)
    return _ANY.sub(lambda m: known.get(m[1], m[1]), text) + behind
