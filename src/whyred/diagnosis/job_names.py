"""The names of many jobs as people write them: those of one matrix in one, `test ({1.21,1.22}, linux)`."""

import re
from collections.abc import Iterable, Sequence
from itertools import product

_MATRIX = re.compile(r"(?P<base>.*\S) \((?P<values>[^()]+)\)", re.S)
"""How forges name a job of a matrix, unless the workflow says otherwise: by the job's name and the values."""
_LISTED = 12
"""Names of one matrix that are listed, and all names of a list."""


def folded(names: Iterable[str]) -> list[str]:
    """The names, each once, in the order of their first ones. Those of one matrix stand in one where they are all that
    its values make up; else they are listed behind the job's name.
    """
    shown: list[str] = []
    for base, values in _by_base(names).items():
        rows = [row for row in values if row is not None]
        shown += [base] if None in values else []
        if len(rows) == 1:
            shown.append(f"{base} ({', '.join(rows[0])})")
        elif rows:
            shown.append(f"{base} ({_folded(rows)})")
    return shown


def listed(names: Sequence[str]) -> str:
    """The names in one text, folded; of very many the first ones and how many more."""
    shown = folded(names)
    more = len(shown) - _LISTED
    return ", ".join(shown[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def family(name: str) -> str:
    """The name of the job without the values of its matrix."""
    match = _MATRIX.fullmatch(name)
    return match["base"] if match else name


def _by_base(names: Iterable[str]) -> dict[str, list[tuple[str, ...] | None]]:
    """What is known of each job: the values of its matrix; None for the name alone."""
    found: dict[str, list[tuple[str, ...] | None]] = {}
    for name in dict.fromkeys(names):
        match = _MATRIX.fullmatch(name)
        if match is None:
            found.setdefault(name, []).append(None)
        else:
            found.setdefault(match["base"], []).append(tuple(match["values"].split(", ")))
    return found


def _folded(rows: list[tuple[str, ...]]) -> str:
    columns = [list(dict.fromkeys(column)) for column in zip(*rows, strict=False)]
    even = len({len(row) for row in rows}) == 1
    if even and set(product(*columns)) == set(rows) and not any(set("{},") & set(v) for c in columns for v in c):
        return ", ".join(column[0] if len(column) == 1 else f"{{{','.join(column)}}}" for column in columns)
    told = [", ".join(row) for row in rows[:_LISTED]]
    more = len(rows) - len(told)
    return "; ".join(told) + (f" and {more} more" if more else "")
