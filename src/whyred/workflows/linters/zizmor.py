"""zizmor: looks for security holes in GitHub's workflows.

Source: docs.zizmor.sh, Usage (1.x): exit 0 nothing, 11 to 14 something found by its severity; `--format json` prints a
list of findings with ident, desc, url, determinations and locations, whose rows count from 0.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from whyred.model.remark import Level, Remark, Spot

ARGUMENTS: Sequence[str] = ("--offline", "--no-progress", "--no-config", "--color", "never", "--format", "json")
ENDS = (0, 11, 12, 13, 14)
_LEVELS = {"High": Level.DOUBTFUL, "Medium": Level.DOUBTFUL}


def read(out: bytes) -> Iterator[Remark]:
    """What it found. Raises ValueError."""
    told = json.loads(out or b"[]")
    for item in told if isinstance(told, list) else ():
        if not isinstance(item, dict):
            continue
        severity = _at(item, "determinations", "severity")
        yield Remark(
            _LEVELS.get(str(severity), Level.NOTE),
            _spot(item),
            str(item.get("desc", "")),
            f"severity {severity}, confidence {_at(item, 'determinations', 'confidence')}",
            str(item.get("url", "")),
            rule=str(item.get("ident", "")),
            source="zizmor",
            tool="zizmor",
        )


def _spot(item: dict[str, Any]) -> Spot:
    locations = item.get("locations")
    known = [one for one in locations if isinstance(one, dict)] if isinstance(locations, list) else []
    primary = [one for one in known if _at(one, "symbolic", "kind") == "Primary"] or known
    if not primary:
        return Spot("?", None)
    path = _at(primary[0], "symbolic", "key", "Local", "given_path") or _at(
        primary[0], "symbolic", "key", "Local", "verbatim_path"
    )
    row = _at(primary[0], "concrete", "location", "start_point", "row")
    return Spot(str(path or "?"), row + 1 if isinstance(row, int) else None)


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
