"""One pass over a log: the same reading whatever the blocks, bounded whatever the log, nothing unseen in its texts."""

import tracemalloc
import unicodedata
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyred.app.library import Library
from whyred.logs.blocks import blocks
from whyred.logs.format import STAMP, Format, Mark, Sign
from whyred.logs.kept import AFTER, BEFORE
from whyred.logs.reading import Reader
from whyred.logs.scanner import Scanner
from whyred.logs.text import LONG, clean, last_state, visible
from whyred.model.failure import Reading
from whyred.model.pattern import Pattern, Role, Strength
from whyred.model.run import Conclusion

T = "2026-11-23T19:28:30.5691392Z "


@cache
def library() -> Scanner:
    return Library(None).scanner


def pattern(id_: str, regex: str, role: Role = Role.ERROR) -> Pattern:
    return Pattern(id_, "tool", "title", ("x",), regex, role, Strength.WEAK)


MARKED = Format(
    name="marked",
    signs=(rb"^begin",),
    prefix=rb"^" + STAMP,
    marks=(
        Mark(Sign.STEP, r"^begin (?P<name>\w+)"),
        Mark(Sign.ASIDE, r"^aside (?P<name>\w+)"),
        Mark(Sign.ENDED_BADLY, r"^bad (?P<code>\S+)"),
        Mark(Sign.ENDED_WELL, r"^well"),
        Mark(Sign.JOB_FAILED, r"^job failed"),
        Mark(Sign.RUNNER, r"^runner (?P<runner>\w+) job (?P<job>\w+)"),
        Mark(Sign.ANNOTATION, r"^note (?P<message>.+)"),
    ),
    source="this test",
)


@cache
def small() -> Scanner:
    units = [
        pattern("boom", r"\bBOOM (?P<what>\w+)"),
        pattern("after", r"^AFTER", Role.CONSEQUENCE),
        pattern("near", r"^NEAR", Role.CONTEXT),
        Pattern("fine", "tool", "title", ("BOOM fine",), r"BOOM fine", Role.BENIGN, Strength.WEAK),
    ]
    raw = Format(name="raw", signs=(), prefix=rb"^" + STAMP, marks=(), source="")
    return Scanner(units, [MARKED, raw])


def reading(data: bytes, scanner: Scanner, size: int = 4 << 20, longest: int = 1 << 20) -> Reading:
    """Reads bytes that come one by one in small blocks, or at once."""
    reader = Reader(scanner)
    step = max(1, min(size, 1 << 16))
    for block in blocks((data[i : i + step] for i in range(0, len(data), step)), size, longest):
        reader.feed(block)
    return reader.reading()


def text(rows: list[str]) -> bytes:
    return "\n".join(rows).encode() + b"\n"


ROWS = (
    "x",
    "",
    "BOOM one",
    "y BOOM two BOOM three",
    "BOOM fine",
    "AFTER",
    "NEAR",
    "begin s1",
    "aside s2",
    "bad 3",
    "well",
    "note n",
    "job failed",
    "runner r job j",
    T + "BOOM late",
    "a\rBOOM over\rz",
)


@given(st.lists(st.sampled_from(ROWS), max_size=120), st.integers(1, 300), st.booleans())
@settings(max_examples=200)
def test_the_blocks_do_not_matter(rows: list[str], size: int, ends: bool) -> None:
    data = b"begin log\n" + "\n".join(rows).encode() + (b"\n" if ends else b"")
    assert reading(data, small(), size) == reading(data, small())


@given(st.lists(st.sampled_from(ROWS), min_size=1, max_size=60))
def test_numbers_and_windows_are_those_of_the_lines(rows: list[str]) -> None:
    rows = ["begin log", *rows]
    found = reading(text(rows), small(), 50)
    assert found.lines == len(rows)
    for hit in found.hits:
        assert "BOOM" in rows[hit.line - 1] or rows[hit.line - 1] in ("AFTER", "NEAR")
    boom = [n for n, row in enumerate(rows, 1) if "BOOM" in row]
    assert sorted({h.line for h in found.hits if h.pattern.id == "boom"}) == boom
    for n in boom:
        for k in range(max(1, n - BEFORE), min(len(rows), n + AFTER) + 1):
            assert found.window[k] == clean(last_state(rows[k - 1].removeprefix(T).encode()))


def test_benign_is_seen_only_beside_another_match() -> None:
    found = reading(text(["BOOM fine", "fine"]), small())
    assert [(h.line, h.pattern.id) for h in found.hits] == [(1, "boom"), (1, "fine")]


def test_a_flood_keeps_the_first_and_the_last_and_counts_the_others() -> None:
    rows = [f"{'AFTER' if n % 2 else 'x'} {n}" if n % 3 else f"BOOM n{n}" for n in range(1, 3001)]
    found = reading(text(rows), small(), 4096)
    boom = [h.line for h in found.hits if h.pattern.id == "boom"]
    every = list(range(3, 3001, 3))
    assert boom == every[:24] + every[-24:]
    assert found.folded is not None
    assert found.folded["boom"] == 1000 - 48
    for line in (every[0], every[-1], every[-24]):
        assert f"n{line}" in found.window[line]
        assert line - BEFORE in found.window or line <= BEFORE
    assert found.window[every[-2] + 1] == rows[every[-2]]


def test_each_section_keeps_its_own() -> None:
    rows = []
    for step in range(5):
        rows += [f"begin s{step}", *(f"BOOM n{n}" for n in range(100))]
    found = reading(text(rows), small())
    assert len(found.hits) == 5 * 48
    assert [s.name for s in found.sections] == [f"s{n}" for n in range(5)]
    assert [(s.first, s.last) for s in found.sections] == [(1 + 101 * n, 101 * (n + 1)) for n in range(5)]
    assert found.folded == {"boom": 5 * 52}


def test_the_last_hits_of_a_huge_log_still_have_their_context() -> None:
    row = "BOOM n" + "x" * 2000
    data = text([row] * 4_000) + text(["before", "BOOM last", "behind", *["end"] * 100])
    found = reading(data, small(), 1 << 16)
    assert [found.window[n] for n in (4_001, 4_002, 4_003)] == ["before", "BOOM last", "behind"]


def test_what_stands_before_an_end_is_kept() -> None:
    found = reading(text(["begin s", *["noise"] * 100, "who knows", "bad 3", *["post"] * 500]), small())
    assert found.window[102] == "who knows"


@pytest.mark.parametrize("code", ["3", "-1", "9" * 5000, "²", "3x", ""])
def test_exit_codes(code: str) -> None:
    found = reading(text(["begin s", f"bad {code}x" if not code else f"bad {code}"]), small())
    assert found.sections[-1].conclusion is Conclusion.FAILURE
    assert found.sections[-1].exit_code == (int(code) if code in ("3", "-1") else None)


def test_a_log_of_step_marks_stays_small_and_keeps_its_end() -> None:
    rows = [f"begin s{n}" for n in range(60_000)]
    rows[-2:] = ["begin end", "bad 7"]
    found = reading(text(rows), small())
    assert len(found.sections) <= 8_000
    assert found.sections[0].name == "s0"
    assert (found.sections[-1].name, found.sections[-1].exit_code) == ("end", 7)


def test_a_log_of_marks_and_hits_stays_small() -> None:
    rows = [row for n in range(15_000) for row in (f"begin s{n}", "note " + "n" * 500, "BOOM " + "x" * 500)]
    found = reading(text([*rows, "BOOM last"]), small())
    assert len(found.hits) <= 10_100
    assert len(found.annotations) <= 4_000
    assert sum(map(len, found.window.values())) < 32 << 20
    assert found.hits[-1].line == len(rows) + 1
    assert found.window[len(rows) + 1] == "BOOM last"
    assert found.folded == {"boom": 15_001 - len(found.hits)}


def test_an_endless_line_keeps_its_number_and_its_neighbours() -> None:
    data = b"first\n" + b"x" * 300_000 + b" BOOM one " + b"y" * 300_000 + b"\nnext\nBOOM two"
    found = reading(data, small(), 10_000, 5_000)
    assert found.lines == 4
    assert sorted({(h.line, h.captures["what"]) for h in found.hits}) == [(2, "one"), (4, "two")]
    assert found.window[3] == "next"
    assert "BOOM one" in found.window[2] or len(found.window[2]) >= LONG


def test_a_piece_of_which_nothing_is_left_hides_no_format() -> None:
    """The masker may hold back all of the first piece."""
    from whyred.logs.blocks import Block

    reader = Reader(small())
    reader.feed(Block(1, b"", b"", starts=True, ends=False))
    reader.feed(Block(1, b"begin s\nBOOM x\n", b"begin s\nBOOM x\n"))
    found = reader.reading()
    assert (found.format, found.lines, found.sections[-1].name) == ("marked", 2, "s")


def test_an_empty_log() -> None:
    found = reading(b"", small())
    assert (found.lines, found.size, found.hits, found.window, found.format) == (0, 0, (), {}, "raw")


HOSTILE = (
    "\x1b" * 2000,
    "\x1b[31m\x1b]0;title",
    "\u202egnorw\u202c \u2066 \u061c \u200b\u00ad\ufeff",
    "\x00\x01\x08\x7f\x9b31m\u0085\u2028\u2029",
    "\U000e0041\U000e0042 \U000e0100 \u2060\u2062",
)


def unseen(data: str) -> list[str]:
    bad = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return [f"U+{ord(c):04X}" for c in data if c != "\t" and unicodedata.category(c) in bad]


def test_no_text_of_a_hostile_log_moves_the_cursor_or_hides() -> None:
    hostile = " ".join(HOSTILE)
    rows = [f"runner {T}r job j", f"begin s{hostile}", f"note {hostile}", f"BOOM {hostile}", f"x{hostile} BOOM what"]
    found = reading(text([*rows, hostile]), small())
    texts = [*found.window.values(), *(m for _, m in found.annotations), *(s.name for s in found.sections)]
    texts += [v for h in found.hits for v in h.captures.values()]
    assert found.hits
    assert not unseen("".join(texts))


def test_nothing_unseen_passes() -> None:
    left = visible("".join(map(chr, range(0x110000))))
    assert not unseen(left.replace("\n", ""))
    for kept in ("é", "⚙️", "中", "\t", "\n", "🏁", " ", "\u00a0"):
        assert kept[0] in left


def test_megabytes_of_escapes() -> None:
    found = reading(b"\x1b" * (5 << 20) + b"\n" + b"\x1b[" * (1 << 20) + b"\nBOOM end\n", small())
    assert [(h.line, h.captures["what"]) for h in found.hits] == [(3, "end")]
    assert found.lines == 3
    assert not unseen("".join(found.window.values()))


def test_a_long_line_is_cut_with_a_note() -> None:
    assert clean(b"x" * (LONG + 1)) == "x" * LONG + f" [... {LONG + 1} bytes]"
    assert clean(b"x" * LONG) == "x" * LONG
    assert clean("é".encode() * 2 * LONG) == "é" * LONG + f" [... {4 * LONG} bytes]"


@pytest.mark.parametrize(
    ("body", "shown"), [(b"a\rb\rc", b"c"), (b"a\rb\r", b"b"), (b"\r\r", b""), (b"abc", b"abc"), (b"a\r  ", b"a")]
)
def test_last_state(body: bytes, shown: bytes) -> None:
    assert last_state(body) == shown


@pytest.mark.parametrize(
    ("rows", "ended"),
    [
        (["2026-11-23T19:28:30.5691392Z a", "no time"], 1795462110.0),
        (["2026-11-23T19:28:30Z a", "2026-99-99T99:99:99Z b"], 1795462110.0),
        (["2026-11-23T20:28:30+01:00 a"], 1795462110.0),
        (["the certificate ended 2019-01-01T00:00:00Z"], None),
        (["2026-11-23T19:28:30Z valid until 2099-01-01T00:00:00Z"], 1795462110.0),
        (["nothing"], None),
    ],
)
def test_the_last_time(rows: list[str], ended: float | None) -> None:
    assert reading(text(rows), small()).ended == ended


# The forms of logs, as their systems write them (texts of our own).

GITHUB = f"""{T}Current runner version: '2.330.0'
{T}Runner name: 'hosted 7'
{T}Complete job name: build (stable)
{T}##[group]Run actions/checkout@v4
{T}##[endgroup]
{T}##[group]Run make
{T}##[endgroup]
{T}error: boom
{T}##[error]Process completed with exit code 2.
{T}Post job cleanup.
{T}git config
{T}Cleaning up orphan processes
"""
COLUMNS = "".join(
    f"build\t{step}\t{T}{row}\n"
    for step, row in [
        ("Set up job", "Current runner version: '2.330.0'"),
        ("Run make", "##[group]Run make"),
        ("Run make", "error: boom"),
        ("Run make", "##[error]Process completed with exit code 2."),
        ("Post checkout", "Post job cleanup."),
        ("Complete job", "Cleaning up orphan processes"),
    ]
)
WEB = """Run actions/checkout@v4
Syncing repository: me/demo
Run make
error: boom
Error: Process completed with exit code 2.
Post job cleanup.
"""
FORGEJO_NEW = f"""{T}host-info(version:v12.8.2) received task 12 of job test, be triggered by event: push
{T}workflow prepared
{T}⭐ Run Pre actions/checkout@v4
{T}⭐ Run Main Prepare
{T}preparing
{T}⭐ Run Main Build it
{T}error: boom
{T}⚙️ [runner]: RUN exit status 2
{T}⭐ Run Post actions/checkout@v4
{T}cleanup
{T}🏁  Job failed
{T}Job 'test' failed
"""
FORGEJO_OLD = f"""{T}runner-3(version:v6.3.1) received task 5 of job test, be triggered by event: push
{T}🚀  Start image=node:20
{T}⭐ Run Main Prepare
{T}  ✅  Success - Main Prepare
{T}⭐ Run Main Build it
{T}error: boom
{T}exitcode '2': failure
{T}  ❌  Failure - Main Build it
{T}⭐ Run Post actions/checkout@v4
{T}🏁  Job failed
"""
JENKINS = """Started by user me
Running on node-7 in /var/lib/jenkins/workspace/demo
[Pipeline] {
[Pipeline] { (Checkout)
checking out
[Pipeline] { (Build)
error: boom
[Pipeline] }
ERROR: script returned exit code 2
Finished: FAILURE
"""


def told(found: Reading) -> list[tuple[str, bool, str, int | None]]:
    return [(s.name, s.aside, s.conclusion.value, s.exit_code) for s in found.sections if s.name]


def test_github_api_text() -> None:
    found = reading(GITHUB.encode(), library())
    assert (found.format, found.runner, found.job) == ("github-actions", "hosted 7", "build (stable)")
    assert told(found) == [
        ("Run actions/checkout@v4", False, "unknown", None),
        ("Run make", False, "failure", 2),
        ("Post job cleanup", True, "unknown", None),
        ("Cleaning up orphan processes", True, "unknown", None),
    ]
    assert found.annotations == ((9, "Process completed with exit code 2."),)
    assert (found.sections[2].first, found.sections[2].ended, found.sections[2].last) == (6, 9, 9)


def test_github_with_a_byte_order_mark_at_its_start() -> None:
    assert told(reading(b"\xef\xbb\xbf" + GITHUB.encode(), library())) == told(reading(GITHUB.encode(), library()))


def test_columns_of_gh() -> None:
    found = reading(COLUMNS.encode(), library())
    assert (found.format, found.job) == ("github-actions", "build")
    assert told(found) == [
        ("Set up job", True, "unknown", None),
        ("Run make", False, "failure", 2),
        ("Post checkout", True, "unknown", None),
        ("Complete job", True, "unknown", None),
    ]
    assert found.window[3] == "error: boom"


def test_a_copy_of_githubs_page() -> None:
    found = reading(WEB.encode(), library())
    assert found.format == "github-web"
    assert told(found) == [
        ("Run actions/checkout@v4", False, "unknown", None),
        ("Run make", False, "failure", 2),
        ("Post job cleanup", True, "unknown", None),
    ]


def test_forgejo_16() -> None:
    found = reading(FORGEJO_NEW.encode(), library())
    assert (found.format, found.runner, found.job) == ("forgejo", "host-info", "test")
    assert found.conclusion is Conclusion.FAILURE
    assert told(found) == [
        ("Pre actions/checkout@v4", True, "unknown", None),
        ("Prepare", False, "unknown", None),
        ("Build it", False, "failure", 2),
        ("Post actions/checkout@v4", True, "unknown", None),
    ]
    assert found.ended == 1795462110.0


def test_forgejo_7_and_gitea() -> None:
    found = reading(FORGEJO_OLD.encode(), library())
    assert (found.format, found.runner, found.job) == ("forgejo", "runner-3", "test")
    assert told(found) == [
        ("Prepare", False, "success", None),
        ("Build it", False, "failure", 2),
        ("Post actions/checkout@v4", True, "unknown", None),
    ]


def test_rows_of_forgejo_without_time_stamps() -> None:
    found = reading(FORGEJO_NEW.replace(T, "").encode(), library())
    assert (found.format, found.ended) == ("forgejo", None)
    assert ("Build it", False, "failure", 2) in told(found)


def test_a_cancelled_forgejo_job_is_not_a_failed_one() -> None:
    rows = [
        f"{T}host(version:v12.8.2) received task 23 of job victim, be triggered by event: push",
        f"{T}⭐ Run Main Sleep",
        f"{T}⚙️ [runner]: this step has been cancelled: ctx: context canceled, exec: RUN signal: killed",
        f"{T}🏁  Job failed",
    ]
    assert reading(text(rows), library()).conclusion is Conclusion.CANCELLED


def test_jenkins() -> None:
    found = reading(JENKINS.encode(), library())
    assert (found.format, found.conclusion) == ("jenkins", Conclusion.FAILURE)
    assert [s.name for s in found.sections] == ["", "Checkout", "Build"]


def test_a_step_of_the_columns_begins_where_they_begin() -> None:
    rows = [f"build\tA step\t{T}quiet {n}" for n in range(50)] + [f"build\tB step\t{T}quiet {n}" for n in range(50)]
    found = reading(text([*rows, f"build\tUNKNOWN STEP\t{T}quiet"]), library(), 700)
    assert [(s.name, s.first, s.last) for s in found.sections] == [("A step", 1, 50), ("B step", 51, 101)]


@pytest.mark.parametrize("rows", [GITHUB, COLUMNS, WEB, FORGEJO_NEW, FORGEJO_OLD, JENKINS])
def test_crlf_changes_nothing_but_the_size(rows: str) -> None:
    plain, crlf = reading(rows.encode(), library()), reading(rows.replace("\n", "\r\n").encode(), library())
    assert (crlf.hits, crlf.sections, crlf.window, crlf.ended) == (
        plain.hits,
        plain.sections,
        plain.window,
        plain.ended,
    )


def test_marks_of_another_format_count_for_nothing() -> None:
    found = reading(
        (FORGEJO_NEW + "##[error]Process completed with exit code 9.\n[Pipeline] { (X)\n").encode(), library()
    )
    assert 9 not in [s.exit_code for s in found.sections]
    assert found.annotations == ()


def peak(lines: int) -> int:
    """Bytes in use at most while so many lines with several hits each are read."""
    row = f"{T}error: could not compile `demo` (lib) due to 1 previous error; exit status 2\n".encode()
    tracemalloc.start()
    reader = Reader(library())
    for block in blocks((row * 1000 for _ in range(lines // 1000)), 1 << 16):
        reader.feed(block)
    found = reader.reading()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.lines == lines
    assert len(found.hits) < 500
    return most


def test_a_flood_costs_flat_memory() -> None:
    peak(1000)
    assert peak(8000) < peak(2000) + (1 << 20)


def test_a_runner_that_marks_the_first_step_alone_does_not_say_which_one_failed() -> None:
    text = FORGEJO_NEW.replace(f"{T}⭐ Run Main Build it\n", "")
    assert told(reading(text.encode(), library()))[1] == ("Prepare or a later step", False, "failure", 2)


def test_a_first_step_whose_end_is_told_is_that_step() -> None:
    text = f"{T}⭐ Run Main Prepare\n{T}error: boom\n{T}  ❌  Failure - Main Prepare\n{T}🏁  Job failed\n"
    assert told(reading(text.encode(), library())) == [("Prepare", False, "failure", None)]
