"""Prints what the answers of the MCP server cost an agent, in tokens of o200k, beside what there is to read without.

`python scripts/tokens.py ../shared/corpus`: the folder holds `dev/` with real logs; nothing of it is copied here. Each
log is asked about as a file, and as the log of a red run on a stand-in forge. The recorded incident of the demo is
asked about with the host that it holds. Exit 1 where a budget is broken, or where an answer was reckoned at fewer
tokens than it has; exit 2 where nothing could be counted.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.npm import NoNpmError
from scripts.o200k import exact
from scripts.token_questions import Asked, all_asked

BUDGETS = {"ci_status": 400, "ci_why": 2000}
"""What an overview and a diagnosis may cost; every other answer: `MOST`."""
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """All answers to one kind of question. `over`: how far above the true numbers they were reckoned, in parts of 1."""

    tool: str
    about: str
    tokens: tuple[int, ...]
    over: tuple[float, ...]
    raw: tuple[int, ...]

    @property
    def budget(self) -> int:
        """The most tokens that an answer may have."""
        return BUDGETS.get(self.tool, MOST)

    @property
    def broken(self) -> str:
        """What is wrong; empty where nothing is."""
        if max(self.tokens) > self.budget:
            return f"{self.tool}, {self.about}: {max(self.tokens)} tokens, and the budget is {self.budget}"
        if min(self.over) < 0:
            return f"{self.tool}, {self.about}: an answer was reckoned {-min(self.over):.0%} below its true number"
        return ""


def counted(answers: Iterable[Asked]) -> list[Row]:
    """A row for each kind of question, in the order of the tools. Raises NoNpmError."""
    kinds: dict[tuple[str, str], list[Asked]] = {}
    for one in answers:
        kinds.setdefault((one.tool, one.about), []).append(one)
    every = [one for some in kinds.values() for one in some]
    true = exact([text for one in every for text in (one.answer, one.raw) if text is not None])
    return [_row(*kind, some, true) for kind, some in sorted(kinds.items())]


def _row(tool: str, about: str, some: Sequence[Asked], true: dict[str, int]) -> Row:
    tokens = tuple(true[one.answer] for one in some)
    over = tuple(one.reckoned / count - 1 for one, count in zip(some, tokens, strict=True))
    return Row(tool, about, tokens, over, tuple(true[one.raw] for one in some if one.raw is not None))


HEAD = ("tool", "question", "answers", "median", "most", "budget", "reckoned above", "raw median", "raw most")


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The table, as Markdown."""
    cells = [HEAD, *map(_cells, rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(HEAD))]
    for n, row in enumerate(cells):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        if n == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"


def _cells(row: Row) -> tuple[str, ...]:
    raw = (f"{statistics.median(row.raw):,.0f}", f"{max(row.raw):,}") if row.raw else ("-", "-")
    over = f"{statistics.median(row.over):.0%} ({min(row.over):.0%} to {max(row.over):.0%})"
    median, most = statistics.median(row.tokens), max(row.tokens)
    return (row.tool, row.about, str(len(row.tokens)), f"{median:,.0f}", f"{most:,}", f"{row.budget:,}", over, *raw)


def main(folder: str) -> int:
    logs = sorted((Path(folder) / "dev").glob("*.log"))
    if not logs:
        print(f"no logs here: {folder} holds no dev/*.log")
        return 2
    try:
        exact(["is it there?"])
        with tempfile.TemporaryDirectory() as home:
            os.environ |= {"XDG_DATA_HOME": home, "XDG_CACHE_HOME": home}
            rows = counted(all_asked(_red(logs), _green(logs)))
    except NoNpmError as e:
        print(f"nothing is counted: {e}")
        return 2
    print("\n".join(table(rows)))
    broken = [row.broken for row in rows if row.broken]
    print("\n" + ("\n".join(broken) or f"every budget is kept, in {sum(len(row.tokens) for row in rows)} answers"))
    return 1 if broken else 0


def _passed(log: Path) -> bool:
    return bool(json.loads(log.with_suffix(".json").read_text("utf-8"))["class"] == "pass")


def _red(logs: Sequence[Path]) -> list[Path]:
    return [log for log in logs if not _passed(log)]


def _green(logs: Sequence[Path]) -> Path:
    return next(log for log in logs if _passed(log))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "../shared/corpus"))
