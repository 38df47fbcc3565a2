"""The log of an attempt that runs: rows in the forge's database (its DBFS), in blocks, until the log moves to a file.

Source: models/dbfs/{dbfs,dbfile}.go of Forgejo 7 to 16: a path is kept as `COUNT:PATH`, COUNT being its slashes; block
k begins at k times the block size; `blob_size` says nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from whyred.sources._database import Query, Tables, raw, whole

META = Query("dbfs_meta", ("id", "block_size", "file_size"), 'WHERE "full_path" = ?')
META_BY_ID = Query("dbfs_meta", ("id", "file_size"), 'WHERE "id" = ?')
_AT_ONCE = 8
"""Blocks in one answer: 256 KiB."""
BLOCKS = Query(
    "dbfs_data",
    ("blob_offset", "blob_data"),
    f'WHERE "meta_id" = ? AND "blob_offset" >= ? ORDER BY "blob_offset" LIMIT {_AT_ONCE}',
)
_FOLDER = "actions_log"


class MovedError(Exception):
    """The rows are gone: the forge has moved the log to its file meanwhile."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A log in the database, as long as it was when it was found."""

    tables: Tables
    name: str
    id: int
    block: int
    size: int

    def read(self, start: int = 0) -> Iterator[bytes]:
        """The text from byte `start` on. Raises MissingLogError, MovedError."""
        at = start
        while at < self.size:
            first = at - at % self.block
            found = self.tables.ask(BLOCKS, self.id, first)
            if not found and not self.tables.ask(META_BY_ID, self.id):
                raise MovedError
            blocks = {whole(row, "blob_offset"): raw(row, "blob_data") for row in found}
            end = min(max(blocks, default=self.size) + self.block, self.size)
            for offset in range(first, end, self.block):
                # A block that was never written, or not to its end, reads as zeros.
                piece = blocks.get(offset, b"")[: self.block].ljust(self.block, b"\0")
                yield piece[at - offset : min(self.size - offset, self.block)]
                at = offset + self.block


def find(tables: Tables, file: str) -> Rows | None:
    """The rows of a log by the name of its file; None where there are none."""
    path = f"{_FOLDER}/{file}"
    for name in (f"{path.count('/')}:{path}", path):
        for row in tables.ask(META, name):
            block = whole(row, "block_size")
            if block > 0:
                where = f"the rows of {path} in {tables.database.name}"
                return Rows(tables, where, whole(row, "id"), block, whole(row, "file_size"))
    return None
