"""The matrix of a job: its combinations, and what each job of it is called. Pure.

Rules: GitHub, "Running variations of jobs in a workflow"; Forgejo and Gitea expand by the same ones. The name puts the
values in the order of their keys, as Forgejo and Gitea do (act/jobparser, nameWithMatrix).
"""

import json
from collections.abc import Mapping
from itertools import product
from math import prod

from whyred.workflows.expressions import OPEN, Contexts, NotKnownError, Place, interpolate
from whyred.workflows.nouns import Data, WorkflowError
from whyred.workflows.values import NotKnown, Value, to_text

MOST_JOBS = 256
"""GitHub's limit of one matrix."""
_MOST_PRODUCT = 1 << 16
"""Combinations before `exclude`."""

Combination = Mapping[str, Value]


def strategy(data: Data, contexts: Contexts, place: Place) -> Mapping[str, Value]:
    """A job's `strategy` with its expressions worked out; empty where there is none. Raises WorkflowError."""
    value = _worked_out(data, contexts, place)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise WorkflowError(place.file, place.line, f"`{place.field}`", "it is no mapping", "write `matrix:` below it")
    return value


def _worked_out(data: Data, contexts: Contexts, place: Place) -> Value:
    if isinstance(data, str):
        return interpolate(data, contexts, place)
    if isinstance(data, Mapping):
        return {key: _worked_out(item, contexts, place) for key, item in data.items()}
    if not isinstance(data, tuple):
        return data
    items: list[Value] = []
    for item in data:
        value = _worked_out(item, contexts, place)
        # The forges put the items of a list that an expression yields into the list around it.
        items += value if isinstance(item, str) and isinstance(value, tuple) else [value]
    return tuple(items)


def combinations(matrix: Value, place: Place) -> tuple[Combination, ...]:
    """The combinations of a matrix, in the file's order: the product of its lists, less `exclude`, with `include`.

    Raises WorkflowError: it is no mapping, a list is missing or empty, or there are too many combinations.
    """
    reader = _Matrix(place)
    table = reader.mapping(matrix, "matrix")
    lists = {key: reader.values(item, key) for key, item in table.items() if key not in ("include", "exclude")}
    if prod(map(len, lists.values())) > _MOST_PRODUCT:
        raise reader.fault("matrix", f"it makes more than {_MOST_PRODUCT} combinations", "shorten its lists")
    rows = product(*lists.values()) if lists else ()
    made: list[dict[str, Value]] = [dict(zip(lists, row, strict=True)) for row in rows]
    for entry in reader.entries(table.get("exclude"), "exclude"):
        unknown = [key for key in entry if key not in lists]
        if unknown:
            raise reader.fault("exclude", f"`{unknown[0][:40]}` is no list of the matrix", "name one that is")
        made = [row for row in made if not _agrees(row, entry)]
    made = _with_included(made, lists, reader.entries(table.get("include"), "include"))
    if not 0 < len(made) <= MOST_JOBS:
        why = "it has no combination" if not made else f"it makes {len(made)} jobs, and a matrix may make {MOST_JOBS}"
        raise reader.fault("matrix", why, "mend its lists, or what it excludes")
    return tuple(made)


def job_name(name: str, combination: Combination, contexts: Contexts, place: Place) -> str:
    """What a job of a matrix is called: `test (3.12, linux)`, or as its name says where that holds an expression.

    Raises ExpressionError.
    """
    if OPEN in name:
        return to_text(interpolate(name, contexts, place))
    if not combination:
        return name
    return f"{name} ({', '.join(_shown(combination[key]) for key in sorted(combination))})"


def _shown(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, tuple | Mapping) else to_text(value)


def _with_included(
    made: list[dict[str, Value]], lists: Mapping[str, Value], entries: list[Combination]
) -> list[dict[str, Value]]:
    """Each entry goes into every combination of which it changes no value of the lists; where there is none, it is one
    more combination."""
    more: list[dict[str, Value]] = []
    for entry in entries:
        fixed = {key: value for key, value in entry.items() if key in lists}
        fitting = [row for row in made if _agrees(row, fixed)]
        for row in fitting:
            row |= entry
        more += [] if fitting else [dict(entry)]
    return made + more


def _agrees(row: Combination, entry: Combination) -> bool:
    return all(_same(row.get(key), value) for key, value in entry.items())


def _same(left: Value, right: Value) -> bool:
    """Equal in kind and value: the text `1` is not the number 1, and neither is `true`."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right


class _Matrix:
    """Reads the parts of one matrix; knows its place for the messages."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def fault(self, what: str, why: str, how: str) -> WorkflowError:
        field = self.place.field if what == "matrix" else f"{self.place.field}.{what}"
        return WorkflowError(self.place.file, self.place.line, f"`{field}`", why, how)

    def mapping(self, value: Value, what: str) -> Combination:
        if isinstance(value, NotKnown):
            raise NotKnownError(self.place, 1, f"the {what}", value.why, value.how)
        if not isinstance(value, Mapping):
            raise self.fault(what, "it is no mapping", "write names with lists of values")
        return value

    def values(self, value: Value, what: str) -> tuple[Value, ...]:
        if not isinstance(value, tuple) or not value:
            why = "its list is empty" if value == () else "it is no list"
            raise self.fault(what[:40], why, "give it at least one value, as `[a, b]`")
        return value

    def entries(self, value: Value, what: str) -> list[Combination]:
        if value is None:
            return []
        if not isinstance(value, tuple):
            raise self.fault(what, "it is no list", "write a list of mappings")
        return [self.mapping(entry, what) for entry in value]
