"""A log that grows: to its last row, through what a restart breaks off, and never with bytes of two attempts."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from streams import until_refused

from whyred.model.run import Attempt, Job, Run, Status, Step
from whyred.model.source import Missing, MissingLogError
from whyred.sources._growing import growing
from whyred.sources.http import Reply, Stream
from whyred.sources.pace import LATE, Pace
from whyred.sources.reach import Want

LIVE = Attempt(Run("alice/priv#2"), Job(None, "test", 15, 0), 1, Status.RUNNING)
DONE = replace(LIVE, status=Status.DONE)
FOLLOW = Want(follow=True)
FIRST, SECOND = b"A1\nA2\n", b"B1\nB2\nB3\nB4\n"


@dataclass
class Answered:
    """An answer, as `Stream` gives it. It breaks after `stop` bytes."""

    reply: Reply
    body: bytes = b""
    stop: int | None = None
    closed: bool = False

    def chunks(self) -> Iterator[bytes]:
        yield self.body[: self.stop]
        if self.stop is not None and self.stop < len(self.body):
            raise MissingLogError(Missing.UNREACHABLE, "GET /log", "the connection broke")

    def close(self) -> None:
        self.closed = True


@dataclass
class Forge:
    """A forge with one job: its log, the attempt as the list tells it, and a clock that moves while it is waited for.
    `works`: what happens in each wait; `broken`: how often the list is not to be had.
    """

    text: bytes = FIRST
    attempt: Attempt = LIVE
    works: list[Callable[["Forge"], object]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    stops: list[int | None] = field(default_factory=list)
    broken: int = 0
    now: float = 0.0
    asked: list[Answered] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 1000, "it waits for what never comes"
        if self.works:
            self.works.pop(0)(self)

    def open(self, headers: Mapping[str, str]) -> Stream:
        told = re.fullmatch(r"bytes=(\d+)-", headers.get("Range", "bytes=0-"))
        assert told is not None
        start, size = int(told[1]), len(self.text)
        if start >= size and start:
            answer = Answered(Reply(416, {"content-range": f"bytes */{size}"}, b"", "GET /log"))
        elif "Range" in headers and size:
            where = {"content-range": f"bytes {start}-{size - 1}/{size}", "content-length": str(size - start)}
            answer = Answered(Reply(206, {**self.headers, **where}, b"", "GET /log"), self.text[start:])
        else:
            told_size = {**self.headers, "content-length": str(size)}
            answer = Answered(Reply(200, told_size, b"", "GET /log"), self.text)
        answer.stop = self.stops.pop(0) if self.stops else None
        self.asked.append(answer)
        return cast(Stream, answer)

    def again(self) -> Attempt:
        if self.broken:
            self.broken -= 1
            raise MissingLogError(Missing.UNREACHABLE, "GET /jobs", "it restarts")
        return self.attempt

    def read(self, want: Want = FOLLOW, attempt: Attempt = LIVE) -> Iterator[bytes]:
        return growing(self.open, attempt, want, self.again, Pace(self.sleep, lambda: self.now))


def change(text: bytes | None = None, **attempt: object) -> Callable[[Forge], object]:
    """What happens to the job."""

    def do(forge: Forge) -> None:
        forge.text = forge.text if text is None else text
        forge.attempt = replace(forge.attempt, **attempt)  # type: ignore[arg-type]

    return do


# --- the end ----------------------------------------------------------------------------------------------------------


def test_rows_that_come_a_second_after_the_end_are_not_lost() -> None:
    forge = Forge(attempt=DONE)
    ended = forge.now

    def late(forge: Forge) -> None:
        forge.text = FIRST + b"late\n" if forge.now >= ended + 1.0 else forge.text

    forge.works = [late] * 9
    assert b"".join(forge.read()) == FIRST + b"late\n"


def test_nothing_is_asked_for_the_last_time_before_the_last_rows_are_there() -> None:
    forge = Forge(attempt=DONE)
    assert b"".join(forge.read()) == FIRST
    assert forge.now >= LATE
    assert all(answer.closed for answer in forge.asked)


def test_a_list_that_cannot_be_had_for_a_while_costs_no_byte() -> None:
    forge = Forge(broken=3, works=[change()] * 4 + [change(FIRST + b"A3\n", status=Status.DONE)])
    assert b"".join(forge.read()) == FIRST + b"A3\n"
    assert all(answer.closed for answer in forge.asked)


# --- a job that is run again ------------------------------------------------------------------------------------------

BEGUN, WAITS = Step("Build", status=Status.RUNNING), Step("Build", status=Status.WAITING)


@pytest.mark.parametrize(
    "after",
    [
        change(SECOND, number=2),
        change(SECOND, number=2, status=Status.DONE),
        change(b"B1\n", number=None),
        change(SECOND, status=Status.WAITING),
        change(SECOND, steps=(WAITS,)),
        change(SECOND, steps=()),
    ],
)
def test_a_job_that_is_run_again_ends_what_is_followed(after: Callable[[Forge], object]) -> None:
    forge = Forge(attempt=replace(LIVE, steps=(BEGUN,)), works=[change(), after])
    came, error = until_refused(forge.read())
    assert came == FIRST
    assert error.reason is Missing.REFUSED_CONTENT
    assert "run again" in error.help


def test_it_may_be_run_again_right_after_its_end() -> None:
    forge = Forge(attempt=DONE, works=[change(SECOND, number=2, status=Status.RUNNING)])
    assert until_refused(forge.read())[0] == FIRST


def test_it_may_be_run_again_while_an_answer_is_on_its_way() -> None:
    """The answer was opened before, or after: nobody knows."""
    forge = Forge(text=FIRST)
    forge.again = lambda: replace(LIVE, number=2)  # type: ignore[method-assign]
    assert until_refused(forge.read())[0] == b""


# --- a download that broke off ----------------------------------------------------------------------------------------

TOLD = {"etag": '"one"', "last-modified": "Thu, 26 Nov 2026 03:02:04 GMT"}


def swapped(forge: Forge, text: bytes = FIRST, **headers: str) -> None:
    forge.text = text
    forge.headers = {**forge.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}


@pytest.mark.parametrize(
    "after",
    [
        lambda forge: swapped(forge, SECOND),
        lambda forge: swapped(forge, etag='"two"'),
        lambda forge: swapped(forge, last_modified="Thu, 26 Nov 2026 04:00:00 GMT"),
    ],
)
def test_a_download_does_not_go_on_with_another_file(after: Callable[[Forge], object]) -> None:
    forge = Forge(headers=dict(TOLD), stops=[3], works=[after])
    came, error = until_refused(forge.read(Want(), DONE))
    assert came == FIRST[:3]
    assert error.reason is Missing.REFUSED_CONTENT
    assert forge.asked[-1].closed


def test_a_download_goes_on_with_the_same_file() -> None:
    forge = Forge(headers=dict(TOLD), stops=[3], works=[lambda forge: swapped(forge, etag='W/"one"')])
    assert b"".join(forge.read(Want(), DONE)) == FIRST


def test_a_log_that_grows_is_no_other_file() -> None:
    forge = Forge(headers=dict(TOLD), stops=[3], works=[lambda forge: swapped(forge, FIRST + b"A3\n", etag='"two"')])
    assert b"".join(forge.read(Want(), LIVE)) == FIRST + b"A3\n"
