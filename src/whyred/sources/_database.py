"""What whyred asks of a forge's database: SELECTs of named columns, nothing else, the same for every kind of database.

A query names the columns it must have and those it can do without: the tables differ by version.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from whyred.model.source import Missing, MissingLogError

Value = int | float | str | bytes | None
Row = Mapping[str, Value]


class Database(Protocol):
    """A database that is open for reading. `name` is what people are told, without a password. `moment`: it shows one
    moment only, so that whoever wants to see changes must open it again.
    """

    name: str
    moment: bool

    def columns(self, table: str) -> frozenset[str]:
        """The columns of a table; none where there is no such table. Raises MissingLogError."""

    def select(self, sql: str, values: Sequence[int | str]) -> list[tuple[Value, ...]]:
        """The rows of one SELECT. `?` stand for the values, `"name"` is a column. Raises MissingLogError."""

    def close(self) -> None:
        """Gives the connection up."""


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT from one table. `rest` is what comes after the table: conditions, order, limit."""

    table: str
    columns: tuple[str, ...]
    rest: str
    optional: tuple[str, ...] = ()

    def sql(self, known: frozenset[str]) -> str:
        """The statement for a table that has the `known` columns; the others read as NULL."""
        names = [f'"{c}"' if c in known else "NULL" for c in (*self.columns, *self.optional)]
        told = ", ".join(f"{name} AS c{i}" for i, name in enumerate(names))
        return f'SELECT {told} FROM "{self.table}" {self.rest}'  # noqa: S608 - names are constants of this program


@dataclass
class Tables:
    """The database, asked by queries; the columns of each table are looked up once. `doubt`: why it may not be the one
    that the forge has now, where nobody said which that is.
    """

    database: Database
    doubt: str | None = None
    _known: dict[str, frozenset[str]] = field(default_factory=dict)

    def known(self, table: str) -> frozenset[str]:
        """The columns of a table."""
        if table not in self._known:
            self._known[table] = self.database.columns(table)
        return self._known[table]

    def ask(self, query: Query, *values: int | str) -> list[Row]:
        """The rows. Raises MissingLogError (route-not-on-this-version) where the table has not what the query needs."""
        known = self.known(query.table)
        lacking = [c for c in query.columns if c not in known]
        if lacking:
            what = f"has no table {query.table}" if not known else f"table {query.table} has no column {lacking[0]}"
            help_ = f"this {what}: is it a Forgejo 7+ or Gitea 1.21+ with Actions, and the right database?"
            raise MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, f"read {self.database.name}", help_)
        names = (*query.columns, *query.optional)
        found = self.database.select(query.sql(known), values)
        return [dict(zip(names, row, strict=True)) for row in found]


def whole(row: Row, column: str) -> int:
    """A number; 0 where there is none. PostgreSQL has truth values where others have 0 and 1."""
    value = row.get(column)
    return int(value) if isinstance(value, int) else 0


def text(row: Row, column: str) -> str:
    """A text; empty where there is none."""
    value = row.get(column)
    return value if isinstance(value, str) else value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def raw(row: Row, column: str) -> bytes:
    """Bytes; empty where there are none."""
    value = row.get(column)
    return value if isinstance(value, bytes) else b""


def seconds(row: Row, column: str) -> float | None:
    """A time in seconds since the epoch; the forges write 0 for one that is not set."""
    value = whole(row, column)
    return float(value) if value > 0 else None
