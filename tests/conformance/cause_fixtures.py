"""The fixtures of the causes: a log and the answers a host would have given, and what must come of them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whyred.model.cause import Of, Value
from whyred.model.evidence import Answer, Ask, Reason, Unknown
from whyred.model.finding import Confidence

FOLDER = Path(__file__).parents[1] / "causes"
NOT_A_CANDIDATE = "not a candidate"
EXPECTED = {c.value for c in Confidence} | {NOT_A_CANDIDATE}


@dataclass(frozen=True, slots=True)
class Fixture:
    """One pair of files: the cause it is about, the log, the answers, the confidence and whether the cause is first."""

    cause: str
    name: str
    log: bytes
    answers: Mapping[Ask, tuple[Answer, ...]]
    expect: str
    top: bool


def fixtures(folder: Path = FOLDER) -> dict[str, Path]:
    """Every fixture by `cause/name`."""
    return {f"{f.parent.name}/{f.stem}": f for f in sorted(folder.glob("*/*.toml"))}


def read_fixture(file: Path) -> Fixture:
    """One fixture; raises ValueError for a key that means nothing."""
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    rows = table.pop("answer", [])
    expect, top = table.pop("expect"), table.pop("top", False)
    if table or expect not in EXPECTED:
        raise ValueError(f"{file}: unknown keys {sorted(table)} or not one of {sorted(EXPECTED)}: {expect}")
    answers: dict[Ask, tuple[Answer, ...]] = {}
    for row in rows:
        ask, answer = _answer(file, row)
        answers[ask] = (*answers.get(ask, ()), answer)
    log = file.with_suffix(".log").read_bytes()
    return Fixture(file.parent.name, file.stem, log, answers, expect, top)


def _answer(file: Path, row: dict[str, Any]) -> tuple[Ask, Answer]:
    left = set(row) - {"probe", "of", "subject", "with", "facts", "unknown"}
    if left or ("facts" in row) == ("unknown" in row):
        raise ValueError(f"{file}: an answer has either facts or unknown, and no {sorted(left)}")
    ask = Ask(row["probe"], Of(row["of"]), tuple(sorted((k, str(v)) for k, v in row.get("with", {}).items())))
    facts: Mapping[str, Value | Unknown | None] | Unknown
    facts = dict(row["facts"]) if "facts" in row else Unknown(Reason(row["unknown"]))
    return ask, Answer(row.get("subject", ""), facts)
