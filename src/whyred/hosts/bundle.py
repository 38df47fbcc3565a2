"""Recorded answers of a host: what a bundle keeps of an investigation's questions, and how it gives them again."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from whyred.model.cause import Of
from whyred.model.evidence import Ask, Reason, Unknown

Raw = tuple[tuple[str, bytes | Unknown], ...]
"""For every subject that was asked: its name and the bytes of the answer, or why there is none."""


class Recording:
    """Answers by question: filled by an investigation, saved with its bundle, asked again offline."""

    def __init__(self, answers: Mapping[Ask, Raw] | None = None) -> None:
        self.answers: dict[Ask, Raw] = dict(answers or {})

    def ask(self, ask: Ask) -> Raw:
        """The recorded answers to a question; a question that was not asked then stays unknown."""
        missing = Unknown(Reason.NOT_RECORDED, "the bundle holds no answer to this question")
        return self.answers.get(ask, (("", missing),))

    def dump(self) -> bytes:
        """JSON, in the order in which the questions were asked."""
        rows = [
            {"probe": a.probe, "of": a.of.value, "with": dict(a.with_), "answers": [_row(*r) for r in raw]}
            for a, raw in self.answers.items()
        ]
        return json.dumps(rows, ensure_ascii=False, indent=1).encode()

    @classmethod
    def load(cls, data: bytes) -> "Recording":
        """The recording of `dump`. Raises ValueError where the data is not of that form."""
        try:
            rows = json.loads(data)
            return cls(dict(_read(row) for row in rows))
        except (KeyError, TypeError, AttributeError, RecursionError) as e:
            raise ValueError(f"not recorded answers: {e}") from e


def _row(subject: str, answer: bytes | Unknown) -> dict[str, str]:
    if isinstance(answer, Unknown):
        return {"subject": subject, "unknown": answer.reason.value, "detail": answer.detail}
    try:
        return {"subject": subject, "text": answer.decode("utf-8")}
    except UnicodeDecodeError:
        return {"subject": subject, "base64": base64.b64encode(answer).decode()}


def _read(row: Mapping[str, Any]) -> tuple[Ask, Raw]:
    texts = (row["probe"], *row["with"].values(), *(a["subject"] for a in row["answers"]))
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"a text is wanted in {row}")
    ask = Ask(row["probe"], Of(row["of"]), tuple(sorted(row["with"].items())))
    return ask, tuple((a["subject"], _answer(a)) for a in row["answers"])


def _answer(row: Mapping[str, str]) -> bytes | Unknown:
    if "unknown" in row:
        return Unknown(Reason(row["unknown"]), row.get("detail", ""))
    if "base64" in row:
        return base64.b64decode(row["base64"], validate=True)
    return row["text"].encode()
