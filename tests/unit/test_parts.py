"""Parts of a file on a server: read like a file, and searched by the times of its lines, in few requests."""

import io
import zipfile
from collections.abc import Iterator
from typing import IO, cast

import pytest
from github_fake import Answer, Asked, Fake, fake_github
from hypothesis import given
from hypothesis import strategies as st

from whyred.model.source import Missing, MissingLogError
from whyred.sources._github_stored import Stored
from whyred.sources._parts import Parts, Reader, around, parts
from whyred.sources.http import Stream

STAMP = "2027-01-15T08:{:02}:{:02}.5000000Z "


class Bytes(Parts):
    """A file in memory that counts what is asked of it."""

    def __init__(self, data: bytes) -> None:
        self.data, self.size = data, len(data)
        self.requests = self.moved = 0

    def stream(self, start: int, stop: int | None = None) -> Iterator[bytes]:
        part = self.data[start:stop]
        self.requests += 1
        self.moved += len(part)
        assert 0 <= start <= self.size
        yield part


@pytest.fixture
def fake() -> Iterator[Fake]:
    with fake_github() as both:
        yield both


def opened(fake: Fake, data: bytes) -> Parts:
    fake.stores("/x", "x", data)
    file = parts(Stored(fake.reach(), "/repos/acme/widget/x").open)
    assert isinstance(file, Parts)
    return file


def test_any_part(fake: Fake) -> None:
    file = opened(fake, bytes(range(200)))
    assert file.size == 200
    assert file.read(10, 20) == bytes(range(10, 20))
    assert file.read(190, 999) == bytes(range(190, 200))
    assert file.read(300, 400) == b""
    assert b"".join(file.stream(198)) == bytes([198, 199])


def test_an_empty_file(fake: Fake) -> None:
    file = opened(fake, b"")
    assert (file.size, file.read(0, 10)) == (0, b"")


def test_a_server_that_gives_no_parts_gives_all_of_it() -> None:
    with fake_github(ranges=False) as fake:
        fake.stores("/x", "x", b"all of it")
        file = parts(Stored(fake.reach(), "/repos/acme/widget/x").open)
        assert isinstance(file, Stream)
        assert b"".join(file.chunks()) == b"all of it"


def test_a_server_that_does_not_say_how_large_it_is() -> None:
    with fake_github(ranges=False) as fake:

        def answer(asked: Asked) -> Answer:
            return (
                Answer(206, b"a", {"Content-Range": "bytes 0-0/*"}) if "range" in asked.headers else Answer(200, b"ab")
            )

        fake.stores("/x", "x", b"")
        fake.storage.rules["GET /logs/x"] = answer
        file = parts(Stored(fake.reach(), "/repos/acme/widget/x").open)
        assert isinstance(file, Stream)
        assert b"".join(file.chunks()) == b"ab"


def test_a_server_that_changes_its_mind(fake: Fake) -> None:
    file = opened(fake, b"x" * 100)
    fake.storage.ranges = False
    with pytest.raises(MissingLogError) as caught:
        file.read(0, 10)
    assert caught.value.reason is Missing.REFUSED_CONTENT


def test_a_part_that_ends_early(fake: Fake) -> None:
    file = opened(fake, b"x" * 100)
    fake.storage.rules["GET /logs/x"] = Answer(206, b"short", {"Content-Range": "bytes 0-49/100"})
    with pytest.raises(MissingLogError) as caught:
        file.read(0, 50)
    assert caught.value.reason is Missing.UNREACHABLE


@given(
    st.binary(max_size=400_000),
    st.lists(
        st.tuples(st.sampled_from([io.SEEK_SET, io.SEEK_END, None]), st.integers(0, 500_000), st.integers(-1, 300_000)),
        max_size=12,
    ),
)
def test_it_reads_like_a_file(data: bytes, moves: list[tuple[int | None, int, int]]) -> None:
    file, real = Reader(Bytes(data)), io.BytesIO(data)
    for whence, at, size in moves:
        if whence is not None:
            offset = at if whence == io.SEEK_SET else -min(at, len(data))
            assert file.seek(offset, whence) == real.seek(offset, whence)
        assert file.read(size) == real.read(size)
        assert file.tell() == real.tell()


def test_it_reads_ahead_further_in_a_row_and_little_where_it_jumps() -> None:
    data = bytes(30 << 20)
    file = Bytes(data)
    reader = Reader(file)
    while reader.read(1 << 16):
        pass
    assert file.requests < 20
    jumping = Bytes(data)
    reader = Reader(jumping)
    for at in range(20):
        reader.seek(at << 20)
        reader.read(10)
    assert jumping.moved <= 20 << 16


def test_more_than_anything_honest_needs_is_not_read_at_once() -> None:
    with pytest.raises(OSError, match="at once"):
        Reader(Bytes(bytes(20 << 20))).read(9 << 20)
    with pytest.raises(OSError, match="before the beginning"):
        Reader(Bytes(b"")).seek(-1)


def test_a_zip_of_many_members_costs_three_requests_for_one_of_them() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for n in range(400):
            archive.writestr(f"job/{n}_step.txt", bytes([n % 256]) * 50_000)
    remote = Bytes(file.getvalue())
    with zipfile.ZipFile(cast(IO[bytes], Reader(remote))) as archive:
        assert archive.read("job/77_step.txt") == bytes([77]) * 50_000
    assert remote.requests <= 4
    assert remote.moved < 1 << 19


def log(seconds: list[int], width: int) -> bytes:
    return b"".join((STAMP.format(s // 60, s % 60) + "x" * width + "\n").encode() for s in seconds)


def second(s: int) -> bytes:
    return STAMP.format(s // 60, s % 60)[:19].encode()


@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=3000).map(sorted),
    st.integers(0, 3000),
    st.integers(0, 100),
    st.sampled_from([50, 500, 3000]),
)
def test_every_line_of_the_seconds_lies_between(seconds: list[int], first: int, span: int, width: int) -> None:
    data = log(seconds, width)
    start, stop = around(Bytes(data), second(first), second(first + span))
    assert start == 0 or data[start - 1 : start] == b"\n"
    for number, found in enumerate(seconds):
        at = number * (data.index(b"\n") + 1)
        if first <= found <= first + span:
            assert start <= at < stop, f"line {number} of second {found}"


def test_a_few_lines_of_a_large_log_cost_little() -> None:
    data = log([n // 1000 for n in range(600_000)], 60)
    file = Bytes(data)
    start, stop = around(file, second(300), second(301))
    assert stop - start < 1 << 20
    assert file.moved + stop - start < len(data) // 30
    assert around(file, None, None) == (0, len(data))


@pytest.mark.parametrize(
    "data",
    [b"", b"x" * (5 << 20), b"no time\n" * 500_000, log([5], 3 << 20) + log([9] * 20_000, 100), b"\n" * (3 << 20)],
    ids=["empty", "one endless line", "no times", "a long line first", "blank lines"],
)
def test_lines_without_times_or_ends_break_nothing(data: bytes) -> None:
    file = Bytes(data)
    start, stop = around(file, second(7), second(8))
    assert 0 <= start <= stop <= len(data)
    assert file.requests < 200
