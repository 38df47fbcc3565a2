"""actionlint: a linter of GitHub's workflows.

Source: github.com/rhysd/actionlint, docs/usage.md (1.7): exit 0 nothing, 1 something found, 2 and 3 failed; `-format`
with `{{json .}}` prints a list of objects with message, filepath, line, column, kind.
"""

import json
from collections.abc import Iterator, Sequence

from whyred.model.remark import Level, Remark, Spot

ARGUMENTS: Sequence[str] = (
    *("-no-color", "-shellcheck=", "-pyflakes=", "-ignore", '^label ".+" is unknown'),
    *("-format", "{{json .}}"),
)
"""Without the other linters that it would start itself, and without its list of GitHub's own labels."""
ENDS = (0, 1)


def read(out: bytes) -> Iterator[Remark]:
    """What it found. Raises ValueError."""
    told = json.loads(out or b"[]")
    for item in told if isinstance(told, list) else ():
        if not isinstance(item, dict):
            continue
        line = item.get("line")
        yield Remark(
            Level.DOUBTFUL,
            Spot(str(item.get("filepath", "?")), line if isinstance(line, int) and line > 0 else None),
            str(item.get("message", "")),
            rule=str(item.get("kind", "")),
            source="actionlint",
            tool="actionlint",
        )
