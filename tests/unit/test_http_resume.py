"""A log whose download breaks: what came is kept, the rest is asked for from the next byte on, no byte comes twice, and
what is no answer to that question is never taken for one.
"""

import gzip
from collections.abc import Callable, Iterator

import pytest
from raw_server import Asked, serving
from standin import faults, scenarios
from standin.server import standin

from whyred.model.run import Attempt, Conclusion, Job, Run, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources import servers, web_download
from whyred.sources._growing import growing
from whyred.sources._parts import Parts, parts
from whyred.sources._state import read_answer
from whyred.sources.http import Http, Stream
from whyred.sources.pace import Pace
from whyred.sources.reach import Reach, Want

LOG = b"".join(b"line %03d\n" % n for n in range(100))
RUN = Run("alice/priv#2", repo="alice/priv", id=11, number=2)
DONE = Attempt(RUN, Job(None, "test", 15, 0), 1, Status.DONE, Conclusion.FAILURE)
LIVE = Attempt(RUN, Job(None, "test", 15, 0), 1, Status.RUNNING)
Answer = Callable[[Asked], None]


def fetched(url: str, want: Want = Want(), attempt: Attempt = DONE) -> Iterator[bytes]:  # noqa: B008 - it is frozen
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    http = Http(url, sleep=sleep, clock=lambda: now[0])

    def open_(headers: object) -> Stream:
        return http.open("GET", "/log", headers=headers)  # type: ignore[arg-type]

    return growing(open_, attempt, want, lambda: DONE, Pace(http.sleep, http.clock))


def part(asked: Asked, body: bytes, start: int, stop: int, *headers: str, size: int = len(LOG)) -> None:
    asked.give(206, body, f"Content-Range: bytes {start}-{stop - 1}/{size}", *headers, length=stop - start)


def broken_after(count: int, *, ranges: bool = True) -> Answer:
    """Each answer ends after so many bytes of its body."""

    def answer(asked: Asked) -> None:
        if not ranges or "range" not in asked.headers:
            asked.give(200, LOG[:count], length=len(LOG))
        elif asked.start >= len(LOG):
            asked.give(416, b"no such bytes", f"Content-Range: bytes */{len(LOG)}")
        else:
            part(asked, LOG[asked.start :][:count], asked.start, len(LOG))

    return answer


def then(first: int, *rest: Answer) -> Answer:
    """The first answer breaks off after `first` bytes; the others answer what comes next, the last one for ever."""
    begun, turn = broken_after(first), iter(range(10**6))

    def answer(asked: Asked) -> None:
        n = next(turn)
        (begun if n == 0 else rest[min(n - 1, len(rest) - 1)])(asked)

    return answer


@pytest.mark.parametrize("count", [1, 50, 333, len(LOG) - 1])
def test_what_came_before_each_break_is_kept(count: int) -> None:
    with serving(broken_after(count)) as site:
        assert b"".join(fetched(site.url)) == LOG
        starts = [asked.start for asked in site.asked]
        assert starts == list(range(0, len(LOG), count))


def test_a_download_without_progress_is_tried_a_few_times() -> None:
    with serving(then(50, broken_after(0))) as site:
        came = fetched(site.url)
        assert next(came) == LOG[:50]
        with pytest.raises(MissingLogError) as refused:
            next(came)
        assert refused.value.reason is Missing.UNREACHABLE
        assert {asked.start for asked in site.asked[1:]} == {50}
        assert 3 <= len(site.asked) <= 12


def test_a_server_without_ranges_repeats_no_byte() -> None:
    def whole(asked: Asked) -> None:
        asked.give(200, LOG)

    with serving(then(50, whole)) as site:
        assert b"".join(fetched(site.url)) == LOG
    with serving(broken_after(50, ranges=False)) as site:
        came = fetched(site.url)
        assert next(came) == LOG[:50]
        with pytest.raises(MissingLogError, match="broke"):
            next(came)


def other_place(asked: Asked) -> None:
    part(asked, LOG[:100], 0, 100)


def nowhere_told(asked: Asked) -> None:
    asked.give(206, LOG[asked.start :])


def many_parts(asked: Asked) -> None:
    asked.give(206, b"--x\r\n\r\nline\r\n--x--", "Content-Type: multipart/byteranges; boundary=x")


def wrong_count(asked: Asked) -> None:
    asked.give(206, LOG[asked.start :] + b"more", f"Content-Range: bytes {asked.start}-{len(LOG) - 1}/{len(LOG)}")


def packed_part(asked: Asked) -> None:
    where = f"Content-Range: bytes {asked.start}-{len(LOG) - 1}/{len(LOG)}"
    asked.give(206, gzip.compress(LOG)[asked.start :], where, "Content-Encoding: gzip")


def packed_whole(asked: Asked) -> None:
    where = f"Content-Range: bytes {asked.start}-{asked.start + 99}/{len(LOG)}"
    asked.give(206, gzip.compress(LOG), where, "Content-Encoding: gzip")


def shorter(asked: Asked) -> None:
    asked.give(200, LOG[:20])


def gone(asked: Asked) -> None:
    asked.give(416, b"no", "Content-Range: bytes */20")


def gone_untold(asked: Asked) -> None:
    asked.give(416, b"no")


@pytest.mark.parametrize(
    "answer",
    [other_place, nowhere_told, many_parts, wrong_count, packed_part, packed_whole, shorter, gone, gone_untold],
)
def test_what_does_not_go_on_where_it_broke_is_not_taken(answer: Answer) -> None:
    with serving(then(50, answer)) as site:
        came = fetched(site.url)
        assert next(came) == LOG[:50]
        with pytest.raises(MissingLogError) as refused:
            next(came)
        assert refused.value.reason in (Missing.UNREACHABLE, Missing.REFUSED_CONTENT, Missing.CORRUPT)
        assert len(site.asked) <= 12


def test_the_first_good_answer_goes_on() -> None:
    with serving(then(50, other_place, nowhere_told, broken_after(10_000))) as site:
        assert b"".join(fetched(site.url)) == LOG


def test_no_more_bytes_than_there_are_is_the_end() -> None:
    """All bytes came, and the last chunk, which says so, did not."""

    def answer(asked: Asked) -> None:
        if "range" in asked.headers:
            asked.give(416, b"no", f"Content-Range: bytes */{len(LOG)}")
        else:
            asked.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(LOG), LOG, b"\r\n")

    with serving(answer) as site:
        assert b"".join(fetched(site.url)) == LOG


def test_a_part_that_is_short_of_the_end_is_gone_on_from() -> None:
    def answer(asked: Asked) -> None:
        stop = min(asked.start + 300, len(LOG))
        part(asked, LOG[asked.start : stop], asked.start, stop)

    with serving(then(50, answer)) as site:
        assert b"".join(fetched(site.url)) == LOG


def test_a_packed_log_goes_on_unpacked() -> None:
    packed = gzip.compress(bytes(range(256)) * 4 + LOG)
    log = bytes(range(256)) * 4 + LOG

    def answer(asked: Asked) -> None:
        if "range" in asked.headers:
            assert asked.headers["accept-encoding"] == "identity"
            part(asked, log[asked.start :], asked.start, len(log), size=len(log))
        else:
            asked.give(200, packed[:-300], "Content-Encoding: gzip", length=len(packed))

    with serving(answer) as site:
        assert b"".join(fetched(site.url)) == log
        assert site.asked[1].start > 0


def test_a_packed_log_that_lacks_its_end_is_not_whole() -> None:
    packed = gzip.compress(LOG)

    def answer(asked: Asked) -> None:
        asked.give(200, packed[:-20], "Content-Encoding: gzip")

    with serving(answer) as site, pytest.raises(MissingLogError) as refused:
        list(fetched(site.url))
    assert refused.value.reason is Missing.UNREACHABLE


@pytest.mark.parametrize("status", [206, 416])
def test_a_part_that_nobody_asked_for_is_no_log(status: int) -> None:
    def answer(asked: Asked) -> None:
        asked.give(status, LOG[:50], f"Content-Range: bytes 0-49/{len(LOG)}")

    with serving(answer) as site, pytest.raises(MissingLogError) as refused:
        list(fetched(site.url))
    assert refused.value.reason is Missing.REFUSED_CONTENT


@pytest.mark.parametrize("where", ["bytes 0-99/900", "bytes 5-5/*", "nonsense", ""])
def test_an_end_that_is_another_part_is_not_taken(where: str) -> None:
    def answer(asked: Asked) -> None:
        if "range" in asked.headers:
            asked.give(206, LOG[:100], f"Content-Range: {where}")
        else:
            asked.give(200, LOG)

    with serving(answer) as site:
        assert b"".join(fetched(site.url, Want(tail=100))) == LOG


def test_an_end_that_breaks_goes_on() -> None:
    def answer(asked: Asked) -> None:
        start = len(LOG) - 100 if asked.headers["range"] == "bytes=-100" else asked.start
        part(asked, LOG[start:][:30], start, len(LOG))

    with serving(answer) as site:
        assert b"".join(fetched(site.url, Want(tail=100))) == LOG[-100:].partition(b"\n")[2]
        assert [asked.headers["range"] for asked in site.asked][1] == f"bytes={len(LOG) - 70}-"


def test_a_log_that_is_followed_keeps_what_came() -> None:
    with serving(broken_after(50)) as site:
        assert b"".join(fetched(site.url, Want(follow=True), LIVE)) == LOG
        starts = [asked.start for asked in site.asked]
        assert starts == sorted(starts)


@pytest.mark.parametrize("name", ["forgejo-7", "forgejo-16", "gitea-1.26.4"])
def test_the_download_of_a_forge_that_cuts_each_answer(name: str) -> None:
    world = scenarios.everyday()
    job = world.named("alice/pub").runs[0].jobs[0]
    with standin(name, world) as forge:
        http = Http(forge.url, sleep=lambda _: None)
        reach = Reach(servers.identify(http), http)
        run = Run("alice/pub", repo="alice/pub", id=world.named("alice/pub").runs[0].id, number=1)
        attempt = Attempt(run, Job(None, job.name, job.id, 0), status=Status.DONE)
        whole = [c for c in web_download.log(reach, attempt, Want()).chunks if isinstance(c, bytes)]
        forge.fault(faults.stop_after(50), on="/logs$")
        cut = [c for c in web_download.log(reach, attempt, Want()).chunks if isinstance(c, bytes)]
        assert b"".join(cut) == b"".join(whole) != b""


# --- parts of a file --------------------------------------------------------------------------------------------------


def opened(url: str) -> Parts | Stream:
    http = Http(url, sleep=lambda _: None)
    return parts(lambda headers: http.open("GET", "/log", headers=headers))


def test_parts_keep_what_came_before_a_break() -> None:
    with serving(broken_after(50)) as site:
        file = opened(site.url)
        assert isinstance(file, Parts)
        assert file.read(100, 400) == LOG[100:400]
        assert [asked.start for asked in site.asked][1:] == [100, 150, 200, 250, 300, 350]


@pytest.mark.parametrize("answer", [other_place, nowhere_told, many_parts, wrong_count, packed_part])
def test_other_parts_than_were_asked_for_are_not_taken(answer: Answer) -> None:
    def asked_(asked: Asked) -> None:
        if asked.headers["range"] == "bytes=0-0":
            part(asked, LOG[:1], 0, 1)
        else:
            answer(asked)

    with serving(asked_) as site:
        file = opened(site.url)
        assert isinstance(file, Parts)
        with pytest.raises(MissingLogError) as refused:
            file.read(50, 400)
        assert refused.value.reason in (Missing.UNREACHABLE, Missing.REFUSED_CONTENT, Missing.CORRUPT)


def test_no_file_where_a_part_of_unknown_size_is_all_that_comes() -> None:
    with serving(lambda asked: asked.give(206, b"x", "Content-Range: bytes 0-0/*")) as site:
        with pytest.raises(MissingLogError) as refused:
            opened(site.url)
        assert refused.value.reason is Missing.REFUSED_CONTENT


def test_rows_that_came_before_a_break_are_kept() -> None:
    body = b'{"state":{},"logs":{"stepsLog":[{"step":0,"cursor":9,"lines":['
    body += b'{"index":1,"message":"one","timestamp":1.5},{"index":2,"message":"two","timestamp":1.5},{"index":3,"mes'

    def chunks() -> Iterator[bytes]:
        yield body
        raise MissingLogError(Missing.UNREACHABLE, "POST /", "the connection broke")

    rows = read_answer(chunks(), "POST /").lines
    assert [next(rows)[-4:], next(rows)[-4:]] == [b"one\n", b"two\n"]
    with pytest.raises(MissingLogError, match="broke"):
        next(rows)
