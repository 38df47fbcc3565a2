"""Hostile logs: whatever the bytes, a reading ends, tells the same however it is cut, and shows nothing that bites.

`make test` tries some, `make fuzz` goes on for as long as it is let (`HYPOTHESIS_PROFILE=fuzz`).
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from urllib.parse import quote

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from whyred.app.library import Library
from whyred.app.read import ReadLog, read_log
from whyred.library import read
from whyred.logs.blocks import plain
from whyred.logs.format import all_formats
from whyred.reports import reading as report

CANARY = "ghp_CanaryCanaryCanaryCanaryCanaryCan001"
VALUE = "correct horse&battery/staple"
SPLIT = b"\x1b[31m".join(bytes([c]) for c in CANARY.encode())
SECRETS = (
    CANARY.encode(),
    b"::add-mask::" + VALUE.encode() + b"\n",
    SPLIT,
    quote(VALUE, safe="").encode(),
    b64encode(b"user:" + VALUE.encode()),
    json.dumps(VALUE).encode(),
)
BITING = (
    b"\x1b]52;c;cm0gLXJmIC8=\x07",
    b"\x1b]0;owned\x07",
    b"\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    b"\x1b[2J\x1b[1;1H",
    b"\x1bP$q\x1b\\",
    b"\x1b]" + b"x" * 50,
    b"\x9b31m",
    b"\xc2\x9b31m",
    b"\x00\x08\x7f",
    "\u202egnirts\u202c".encode(),
    "\U000e0041\U000e0042".encode(),
    b"<script>alert(1)</script>",
    b"\xff\xfe\xfa",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\r",
    b"\r\n",
    b"\n",
    b"\t" * 9,
    b"2026-99-99T99:99:99.9999999Z ",
)
BITES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
"""What must not be in a text that goes to a terminal."""


@cache
def library() -> Library:
    return Library(cache=None)


def _lines() -> Iterator[bytes]:
    """Texts that mean something to a reading: an example of every pattern, and what each format writes."""
    for pattern in read.patterns():
        yield from (line.encode() for line in pattern.fires[:1])
    for form in all_formats():
        yield from (re.sub(rb"\(\?[:P][^)]*\)|[\\^$?*+()\[\]]", b"", mark.regex.encode()) for mark in form.marks)
    yield from (
        b"##[group]Run make",
        b"##[endgroup]",
        b"##[error]Process completed with exit code 2.",
        b"section_start:1700000000:step_script\r\x1b[0K",
        b"section_end:1700000000:step_script\r\x1b[0K",
        b"travis_fold:start:install.1\r\x1b[0K$ make",
        b'The command "make" exited with 2.',
        b"TASK [build : run] ****",
        b"build\tRun make\t2026-05-04T10:00:00.0000000Z ",
    )


PIECES = st.one_of(
    st.sampled_from(sorted(set(_lines()))),
    st.sampled_from(BITING),
    st.sampled_from(SECRETS),
    st.binary(max_size=24),
    st.builds(
        lambda piece, n: piece * n,
        st.sampled_from([b"a", b" ", b"error: ", b"(", b"\x1b[", b"{", b"="]),
        st.integers(1, 5000),
    ),
)
LOGS = st.lists(st.tuples(PIECES, st.sampled_from([b"", b" ", b"\n", b"\n", b"\r\n"])), max_size=60).map(
    lambda rows: b"".join(part for row in rows for part in row)
)
HOSTILE = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    at, n = 0, 0
    while at < len(data):
        yield data[at : at + sizes[n % len(sizes)]]
        at, n = at + sizes[n % len(sizes)], n + 1


def shown(log: ReadLog) -> tuple[str, str]:
    """What a person and a program are shown."""
    return report.render(log.reading, log.matched), report.render_json(log.reading, log.matched)


@HOSTILE
@given(log=LOGS)
def test_a_reading_ends_and_keeps_to_its_lines(log: bytes) -> None:
    found = read_log([log], library())
    lines = log.count(b"\n") + (not log.endswith(b"\n") and bool(log))
    event(found.reading.format)
    # A last line of which nothing is seen, without a line feed, may be none.
    assert found.reading.lines in (lines, lines - (not plain(log.rpartition(b"\n")[2])))
    for failure in found.matched.failures:
        assert all(1 <= first <= last <= lines for first, last in failure.spans)
    assert [s.first for s in found.reading.sections] == sorted(s.first for s in found.reading.sections)


@HOSTILE
@given(log=LOGS, sizes=st.lists(st.integers(1, 400), min_size=1, max_size=5))
def test_chunks_never_show(log: bytes, sizes: list[int]) -> None:
    assert shown(read_log(cut(log, sizes), library())) == shown(read_log([log], library()))


@HOSTILE
@given(log=LOGS)
def test_nothing_that_bites_is_shown(log: bytes) -> None:
    text, data = shown(read_log([log], library()))
    assert BITES.search(text) is None
    assert BITES.search(data.rstrip("\n")) is None
    json.loads(data)


@HOSTILE
@given(log=LOGS)
def test_no_secret_is_shown(log: bytes) -> None:
    for text in shown(read_log([b"::add-mask::" + VALUE.encode() + b"\n", log], library())):
        assert CANARY not in text
        assert VALUE not in text
        assert quote(VALUE, safe="") not in text
        assert b64encode(b"user:" + VALUE.encode()).decode()[8:-4] not in text
