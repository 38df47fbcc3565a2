"""The words in capitals in the texts of causes that stand for something of the runner's host, such as UNIT.

Where a probe told what it is, that stands there instead, so that a command can be copied as it is shown. What a host
says is hostile: a value that is not of the word's form is not put in, and what is put in is quoted for a shell.
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
}
_ANY = re.compile(rf"\b({'|'.join(WORDS)})\b")


def asks(causes: Iterable[Cause]) -> list[Ask]:
    """The questions whose answers the texts of these causes have a place for, each once."""
    said = {name for cause in causes for text in astuple(cause.text) for name in _ANY.findall(text)}
    return [word.ask for name, word in WORDS.items() if name in said]


def in_words(text: Text, answers: Answers) -> Text:
    """The text with what is known in it; behind every part that keeps a word stands what that means."""
    known = {name: value for name, word in WORDS.items() if (value := _value(word, answers)) is not None}
    return Text(**{part: _filled(said, known) for part, said in asdict(text).items()})


def _value(word: Word, answers: Answers) -> str | None:
    for answer in answers.get(word.ask, ()):
        value = None if isinstance(answer.facts, Unknown) else answer.facts.get(word.field)
        if isinstance(value, str) and word.form.fullmatch(value):
            return shlex.quote(value)
    return None


def _filled(text: str, known: Mapping[str, str]) -> str:
    kept = [name for name in dict.fromkeys(_ANY.findall(text)) if name not in known]
    meant = "".join(f" {name} is {WORDS[name].meaning}." for name in kept)
    return _ANY.sub(lambda m: known.get(m[1], m[1]), text) + meant
