"""`logs --tail N`: so many lines, however long the lines before them are."""

from collections.abc import Iterator

import pytest
from change_standin import address, way

from whyred.app.library import Library
from whyred.app.log_pieces import Log, LogWish, Opened, pieces
from whyred.app.logs import logs
from whyred.model.run import Attempt, Conclusion, Run, Status, Step
from whyred.model.source import Fetched, Missing, MissingLogError
from whyred.sources.reach import Want

ATTEMPT = Attempt(Run("a/b#1"), status=Status.DONE, conclusion=Conclusion.SUCCESS)


@pytest.mark.parametrize("name", ["forgejo-11", "forgejo-16", "gitea-1.23", "gitea-1.26.4"])
@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("count", [1, 4, 5, 8])
def test_so_many_lines_of_a_log_with_long_ones(name: str, raw: bool, count: int) -> None:
    with way(name) as user:
        wish = LogWish(address("alice/priv#3"), tail=count, raw=raw)
        found = b"".join(p for p in logs(wish, user.forges, Library(None)) if isinstance(p, bytes))
        task = user.repo.runs[2].jobs[0].task
        assert task is not None
        assert found.count(b"\n") == count
        if raw:
            assert found == b"".join(task.log.whole().splitlines(keepends=True)[-count:])


def shown(text: bytes, count: int) -> tuple[list[bytes], list[int | None]]:
    """The last lines of a log whose end can be had, from its first whole line on; and the sizes that were asked for."""
    asked: list[int | None] = []

    def chunks(size: int | None) -> Iterator[bytes | Step]:
        end = text[-size:] if size else text
        yield end if len(end) == len(text) else end.partition(b"\n")[2]

    def open_(want: Want) -> Opened:
        asked.append(want.tail)
        return Opened(Fetched(ATTEMPT, chunks(want.tail), "x"))

    log = Log(ATTEMPT, open_, lambda: Conclusion.SUCCESS, lambda _: MissingLogError(Missing.NOT_FOUND, "", ""))
    found = list(pieces(LogWish(None, tail=count, raw=True), log, Library(None)))
    return b"".join(p for p in found if isinstance(p, bytes)).splitlines(), asked


def test_a_line_that_is_longer_than_the_end_that_was_read() -> None:
    lines = [b"first", b"x" * 3_000_000, b"a", b"b"]
    assert shown(b"\n".join(lines) + b"\n", 3)[0] == lines[1:]


def test_a_large_log_is_not_read_whole_for_its_last_lines() -> None:
    lines = [b"line %d %s" % (n, b"x" * 2000) for n in range(1000)]
    found, asked = shown(b"\n".join(lines) + b"\n", 200)
    assert found == lines[-200:]
    assert None not in asked
