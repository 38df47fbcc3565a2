"""What can go wrong with every source of a forge that asks over HTTP, made on each of them in turn."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from standin import World, faults
from standin.hard_scenarios import huge
from standin.server import Fault, Served
from standin.wire import Handler, Reply, Request

from refusals.cell import SILENCE, Cell, Place
from refusals.gitlab import GitLab
from refusals.ways import WAYS, Spot, Way, spoilt, well
from whyred.model.source import Missing

M = Missing
_BIG = 3_000_000
"""Bytes of a log that comes in several pieces."""
_HTML = b"<!doctype html>\n<html><head><title>Sign in to the hotel's WLAN</title></head><body>hello</body></html>\n"


@dataclass(frozen=True)
class Wrong:
    """One thing that goes wrong. `make` is given the server and what lets go of a hanging answer; `of`: the sources it
    can happen to (all, without); `asked` and `on` where the request is another one than the way's own; `big`: of a log
    of some megabytes.
    """

    reason: Missing
    case: str
    make: Callable[[Served, threading.Event], Fault]
    help: str
    of: Callable[[Way], bool] = lambda _: True
    partial: bool = False
    options: tuple[str, ...] = ()
    asked: str = ""
    on: str = ""
    big: bool = False
    silent: bool = False


def _stopped(served: Served, _: threading.Event) -> Fault:
    """The server is stopped by the request itself: nobody listens any more."""

    def fault(_request: Request, _answer: Handler) -> Reply:
        served.stop()
        return Reply(200, b"x", length=10, stop_after=1)

    return fault


def _stopped_within(served: Served, _: threading.Event) -> Fault:
    """The server is stopped in the middle of its answer."""

    def fault(request: Request, answer: Handler) -> Reply:
        reply = answer(request)
        if request.method == "POST" and b"expanded" not in request.body:
            return reply  # the state alone: no line is asked for
        whole = reply.whole()

        def pieces() -> Iterator[bytes]:
            yield whole[: len(whole) // 2]
            served.stop()

        return replace(reply, body=pieces(), length=len(whole), chunked=False)

    return fault


def _said(fault: Fault) -> Callable[[Served, threading.Event], Fault]:
    return lambda _served, _event: fault


def _bad_gzip(request: Request, answer: Handler) -> Reply:
    reply = answer(request)
    return replace(
        reply, body=b"\x1f\x8b\x08\0no gzip at all", length=None, chunked=False,
        headers=(*reply.headers, ("Content-Encoding", "gzip")),
    )  # fmt: skip


def _json(way: Way) -> bool:
    return way.source in ("web-state", "tasks-api", "commit-statuses")


def _texts(way: Way) -> bool:
    """What they bring is the text of a log itself."""
    return way.log and way.source != "web-state"


def _in_pieces(way: Way) -> bool:
    """A log of some megabytes is passed on before it has come to its end; GitHub's is made too slowly here."""
    return _texts(way) and way.source != "github"


def _no_log_of_theirs(way: Way) -> bool:
    """Forgejo and Gitea say by a 500 that a log is not there."""
    return not way.log or way.source in ("github", "gitlab")


WRONG = (
    Wrong(M.UNREACHABLE, "the server was stopped", _stopped, "refused: is the server up"),
    Wrong(
        M.UNREACHABLE, "the server was stopped within its answer", _stopped_within,
        "(only its first [1-9][0-9]* bytes came|refused|broke)", partial=True,
    ),
    Wrong(
        M.UNREACHABLE, "the server was stopped within a large log", _stopped_within,
        "^only its first [1-9][0-9]* bytes came. .*[Tt]ry again", _in_pieces, partial=True, big=True,
    ),
    Wrong(M.UNREACHABLE, "the server is silent", lambda _s, e: faults.hang(e), "silent for too long", silent=True),
    Wrong(
        M.RATE_LIMITED, "429 with Retry-After", _said(faults.status(429, retry_after="120")),
        r"try again in (120 seconds|2 minutes)",
    ),
    Wrong(M.RATE_LIMITED, "429 without a time", _said(faults.status(429)), "try again later"),
    Wrong(M.SERVER_ERROR, "502 of a proxy", _said(faults.status(502)), r"HTTP 502.*look into its own log"),
    Wrong(M.SERVER_ERROR, "500", _said(faults.status(500)), "HTTP 500", _no_log_of_theirs),
    Wrong(M.REFUSED_CONTENT, "a page in place of a log", _said(faults.html()), "a page came where .* log", _texts),
    Wrong(
        M.REFUSED_CONTENT, "a page that calls itself text", _said(faults.body(_HTML, "text/plain")),
        "a page came where .* log", lambda w: _texts(w) and w.source != "github",
    ),
    Wrong(
        M.REFUSED_CONTENT, "a page that calls itself text", _said(faults.body(_HTML, "text/plain")),
        "a page came where .* log", lambda w: w.source == "github", asked="^read the log of alice/priv#2 ",
    ),
    Wrong(
        M.REFUSED_CONTENT, "JSON in place of a log", _said(faults.body(b'{"error":"no"}')), "JSON came where",
        lambda w: _texts(w) and w.source != "github",
    ),
    Wrong(M.REFUSED_CONTENT, "a page in place of JSON", _said(faults.html()), "bot check", _json),
    Wrong(
        M.REFUSED_CONTENT, "a page that is no list of runs", _said(faults.html()), "no list of runs: .* bot check",
        lambda w: w.source == "web-runs",
    ),
    Wrong(M.REFUSED_CONTENT, "other JSON than a list", _said(faults.body(b"[1, 2]")), "bot check|no list came", _json),
    Wrong(
        M.REFUSED_CONTENT, "redirects in a circle", _said(faults.redirect_loop()),
        "redirect|web login", lambda w: w.source in ("forgejo-api", "gitea-api", "github", "gitlab", "tasks-api"),
    ),
    Wrong(
        M.REFUSED_CONTENT, "a redirect to another host", _said(faults.redirect_to("https://elsewhere.invalid/login")),
        "redirects to https://elsewhere.invalid/login", lambda w: w.source != "github",
    ),
    Wrong(M.CORRUPT, "a damaged gzip answer", _said(_bad_gzip), "compressed answer is damaged"),
    Wrong(
        M.DELETED, "200 with nothing in it, of a job that has ended",
        _said(faults.body(b"", "text/plain; charset=utf-8")), "[Rr]un the job again",
        lambda w: _texts(w) and w.source != "github",
    ),
    Wrong(
        M.DELETED, "200 with nothing in it, of a job that has ended",
        _said(faults.body(b"", "text/plain")), "Run it again", lambda w: w.source == "github",
        asked="^read the log of alice/priv#2$", on="/",
    ),
    Wrong(
        M.TOO_LARGE, "a log beyond --max-bytes, by its length", _said(faults.change(lambda reply: reply)),
        r"has \d+ bytes, and --max-bytes allows 100: allow more",
        lambda w: _texts(w) and w.source != "github", options=("--max-bytes", "100"),
    ),
    Wrong(
        M.TOO_LARGE, "an endless log, with --max-bytes", _said(faults.endless()),
        "more than the 300000 of --max-bytes: allow more", _texts, options=("--max-bytes", "300000"), partial=True,
        asked="^read the log of ",
    ),
)  # fmt: skip
"""In this order they are the rows of the table."""


def _made(wrong: Wrong, way: Way) -> Cell:
    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        until = threading.Event()
        with well(place, way, change=_huge if wrong.big else lambda _: None) as spot:
            if wrong.big:
                _make_big(spot, way)
            server = spoilt(spot, way)
            place.silence = SILENCE if wrong.silent else place.silence
            server.fault(wrong.make(server, until), wrong.on or way.on, method=way.method)
            try:
                yield [*spot.argv, *wrong.options]
            finally:
                until.set()

    asked = wrong.asked or way.asked or f"^GET http://[^ ]*{way.on.strip('^')}".replace("\\?", "")
    # Where the server as a whole does not answer the table has no attempt to try its routes on, and says so.
    whole = wrong.make is _stopped or (way.source == "web-state" and wrong.reason in (M.UNREACHABLE, M.RATE_LIMITED))
    table = way.log and not wrong.options and not wrong.partial and not whole
    return Cell(wrong.reason, way.source, wrong.case, make, asked, wrong.help, wrong.partial, table=table)


def _huge(world: World) -> None:
    huge(world.named("alice/priv"), _BIG)


def _make_big(spot: Spot, way: Way) -> None:
    """The log that is asked for is a large one."""
    if isinstance(spot.served, GitLab):
        spot.served.traces = dict.fromkeys(spot.served.traces, b"2026-01-02T03:04:05Z 00O a line\n" * (_BIG // 32))
    else:
        spot.argv[1] = "alice/priv#9"


CELLS = tuple(_made(wrong, way) for wrong in WRONG for way in WAYS if wrong.of(way))
