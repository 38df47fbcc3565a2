"""Hits -> failures: where the job failed, which line states the error, and what is only its echo."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.app.library import Library
from whyred.diagnosis.match import MOST_FAILURES, MOST_SPANS, Matched, match
from whyred.logs.blocks import blocks
from whyred.logs.reading import read as read_blocks
from whyred.logs.scanner import Scanner
from whyred.model.failure import Hit, Reading, Section
from whyred.model.pattern import Extent, Pattern, Role, Strength
from whyred.model.run import Conclusion

T = "2026-11-23T19:28:30.5691392Z "


@cache
def scanner() -> Scanner:
    return Library(None).scanner


def of(rows: list[str], stamp: str = T) -> Matched:
    data = "".join(f"{stamp}{row}\n" for row in rows).encode()
    return match(read_blocks(blocks([data]), scanner()))


RUSTC = 'error: couldn\'t create a temp dir: No such file or directory (os error 2) at path "/tmp/rustcVAIpSt"'
COULD_NOT = 'error: could not compile `demo` (bin "demo") due to 1 previous error'
START = "host(version:v12.8.2) received task 5 of job test, be triggered by event: push"


def forgejo(*rows: str, code: int | None = 101, end: str = "🏁  Job failed") -> list[str]:
    ended = [f"⚙️ [runner]: RUN exit status {code}"] if code is not None else []
    return [START, "⭐ Run Pre checkout", "setting up", "⭐ Run Main Build", *rows, *ended, "⭐ Run Post checkout", end]


def test_the_root_stands_before_its_consequence() -> None:
    found = of(forgejo("Compiling demo", RUSTC, "", COULD_NOT))
    assert found.failed
    assert found.step == "Build or a later step"
    assert found.failures[0].pattern == "rustc-temp-dir"
    assert found.failures[0].spans[0][0] == 6
    assert found.failures[0].root
    assert found.failures[0].captures["errno"] == "ENOENT"
    assert found.failures[0].captures["dir"] == "/tmp"
    assert found.class_ == "infra/tmpdir"


def test_only_a_consequence_is_shown_as_what_it_is() -> None:
    found = of(forgejo("make: *** [Makefile:3: all] Error 2", code=2))
    assert found.failed
    assert not found.failures[0].root


def test_an_error_of_a_step_that_did_not_fail_is_not_blamed() -> None:
    rows = [
        START,
        "⭐ Run Main Lint",
        RUSTC,
        "⭐ Run Main Build",
        "error[E0308]: mismatched types",
        "exitcode '1': failure",
    ]
    found = of([*rows, "🏁  Job failed"])
    assert found.step == "Build"
    assert [f.pattern for f in found.failures] == ["rustc-error-code"]


def test_noise_after_the_error_is_not_blamed() -> None:
    noise = [f"error: cannot remove cache entry {n}: No space left on device" for n in range(1200)]
    rows = forgejo("Compiling demo", RUSTC, COULD_NOT)
    found = of([*rows[:-1], *noise, rows[-1]])
    assert found.failures[0].spans == ((6, 6),)
    assert found.failures[0].count == 1
    assert found.step == "Build or a later step"


def test_noise_after_the_error_of_a_github_job() -> None:
    noise = [f"error: could not delete reference {n}" for n in range(1200)]
    rows = ["##[group]Run cargo build", "##[endgroup]", RUSTC, "##[error]Process completed with exit code 101."]
    found = of([*rows, "Post job cleanup.", *noise, "Cleaning up orphan processes"])
    assert (found.step, found.failures[0].spans) == ("Run cargo build", ((3, 3),))


@pytest.mark.parametrize("line", ["0 errors, 0 failures", "test result: ok. 5 passed; 0 failed", "--- PASS: TestError"])
def test_benign_lines_are_no_failures(line: str) -> None:
    found = of(forgejo(line, RUSTC))
    assert 5 not in [n for f in found.failures for first, last in f.spans for n in range(first, last + 1)]


def passing() -> list[str]:
    return forgejo("error: this one was expected", "Permission denied", code=None, end="🏁  Job succeeded")


def test_a_job_that_says_it_succeeded_did() -> None:
    found = of(passing())
    assert (found.failed, found.failures, found.class_) == (False, (), "pass")


def test_a_failed_step_of_a_job_that_succeeded() -> None:
    rows = [START, "⭐ Run Main Try", RUSTC, "exitcode '101': failure", "  ❌  Failure - Main Try", "🏁  Job succeeded"]
    assert of(rows).class_ == "pass"


@pytest.mark.parametrize("kept", range(1, 6))
def test_a_log_that_tells_no_end_never_passes(kept: int) -> None:
    """Set-up is there, the clean-up is not: this log was fetched too early, or is cut."""
    found = of(passing()[:kept])
    assert (found.failed, found.class_) == (False, None)


@pytest.mark.parametrize("kept", range(1, 4))
def test_columns_without_an_end_never_pass(kept: int) -> None:
    rows = [("Set up job", "Current runner version: '2.330.0'"), ("Run make", "##[group]Run make"), ("Run make", "ok")]
    data = "".join(f"build\t{step}\t{T}{row}\n" for step, row in rows[:kept]).encode()
    assert match(read_blocks(blocks([data]), scanner())).class_ is None


def test_a_github_log_that_goes_on_to_its_clean_up_passes() -> None:
    rows = ["##[group]Run make", "##[endgroup]", "all built", "Post job cleanup.", "Cleaning up orphan processes"]
    assert (of(rows).failed, of(rows).class_) == (False, "pass")


def test_nothing_says_that_it_failed() -> None:
    found = of(["all is well", "nothing to see"], stamp="")
    assert (found.failed, found.class_, found.failures, found.step) == (False, None, (), None)


def test_a_bare_error_line_is_a_failure() -> None:
    assert of([RUSTC], stamp="").failures[0].spans == ((1, 1),)


def test_a_cancelled_job_failed() -> None:
    rows = [
        START,
        "⭐ Run Main Sleep",
        "⚙️ [runner]: this step has been cancelled: ctx: context canceled",
        "🏁  Job failed",
    ]
    found = of(rows)
    assert found.failed
    assert found.failures[0].pattern == "job-cancelled"


def test_repeats_are_folded_and_counted() -> None:
    found = of(forgejo(*(RUSTC.replace("VAIpSt", f"{n:06d}") for n in range(400))))
    (failure,) = [f for f in found.failures if f.pattern == "rustc-temp-dir"]
    assert failure.count == 400
    assert len(failure.spans) == MOST_SPANS
    assert failure.spans[0] == (5, 5)


def test_several_texts_of_one_pattern_do_not_each_claim_all_matches() -> None:
    rows = [f"error[E0308]: mismatched types in {name}" for name in ("alpha", "beta") for _ in range(300)]
    found = of(forgejo(*rows))
    assert sum(f.count for f in found.failures) <= 600


def test_the_last_words_of_an_error_nobody_knows() -> None:
    rows = [START, "⭐ Run Main Build", *["noise"] * 200, "zorg gave up", "and went home", "  ❌  Failure - Main Build"]
    found = of([*rows, "🏁  Job failed", *["post"] * 300])
    (failure,) = found.failures
    assert (failure.pattern, failure.root, failure.class_) == ("", False, None)
    assert (found.class_, found.guessed) == ("code/compile", True)
    assert (found.failed, found.step, failure.spans) == (True, "Build", ((201, 205),))
    assert "and went home" in [line.text for line in failure.quote]


def test_what_the_runner_says_of_the_end_is_no_error() -> None:
    found = of([START, "⭐ Run Main Build", "hm", "🏁  Job failed", "Job 'test' failed"])
    assert found.failed
    assert found.failures[0].pattern == ""


# By hand: what no log of ours would do.


def unit(
    id_: str, role: Role = Role.ERROR, strength: Strength = Strength.USUAL, before: int = 0, most: int = 0
) -> Pattern:
    return Pattern(id_, "tool", f"title {id_}", ("x",), "x", role, strength, "code/test", extent=Extent(before, most))


def reading(hits: list[Hit], lines: int = 100, **other: object) -> Reading:
    window = {n: f"text {chr(97 + n % 26)}" for n in range(1, lines + 1)}
    values = {"sections": (Section("S", 1, lines, conclusion=Conclusion.FAILURE),), "window": window} | other
    return Reading(format="raw", lines=lines, size=1, hits=tuple(hits), **values)  # type: ignore[arg-type]


PATTERNS = [
    unit("a", most=3),
    unit("b", before=3),
    unit("c", before=2, most=4),
    unit("d"),
    unit("strong", strength=Strength.DECISIVE, before=1, most=1),
    unit("echo", Role.CONSEQUENCE),
    unit("fine", Role.BENIGN),
]
HITS = st.lists(st.tuples(st.integers(1, 60), st.sampled_from(PATTERNS)), max_size=25)


@given(HITS)
def test_spans_are_disjoint_and_hold_their_hits(rows: list[tuple[int, Pattern]]) -> None:
    hits = [Hit(line, p, {}) for line, p in sorted(rows, key=lambda r: (r[0], r[1].id))]
    found = match(reading(hits, 60))
    spans = sorted(s for f in found.failures for s in f.spans)
    assert all(1 <= first <= last <= 60 for first, last in spans)
    assert all(a[1] < b[0] for a, b in pairwise(spans)), spans
    assert len(found.failures) <= MOST_FAILURES
    benign = {h.line for h in hits if h.pattern.role is Role.BENIGN}
    lines = {h.line for h in hits}
    for failure in found.failures:
        assert failure.count >= len(failure.spans) > 0
        assert failure.quote
        if failure.pattern:
            assert all(any(first <= n <= last for n in lines - benign) for first, last in failure.spans)


@given(HITS)
def test_the_surest_kind_wins_and_among_equals_the_first(rows: list[tuple[int, Pattern]]) -> None:
    hits = [Hit(line, p, {}) for line, p in sorted(rows, key=lambda r: (r[0], r[1].id)) if p.role is Role.ERROR]
    found = match(reading(hits, 60))
    if hits:
        strong = [h for h in hits if h.pattern.strength is Strength.DECISIVE] or hits
        assert {f.strength for f in found.failures} == {strong[0].pattern.strength.value}
        first, last = found.failures[0].spans[0]
        assert first <= strong[0].line <= last


def test_counts_of_what_was_not_kept_go_to_the_one_text() -> None:
    hits = [Hit(n, PATTERNS[3], {}) for n in (26, 52)]
    assert match(reading(hits, folded={"d": 1000})).failures[0].count == 1002
    hits = [Hit(n, PATTERNS[3], {}) for n in (26, 27)]
    assert [f.count for f in match(reading(hits, folded={"d": 1000})).failures] == [1, 1]


def test_the_extent_stops_where_the_window_does() -> None:
    window = dict.fromkeys((5, 6, 8), "x")
    found = match(reading([Hit(5, unit("a", most=10), {})], window=window))
    assert found.failures[0].spans == ((5, 6),)


def test_last_words_never_span_lines_that_were_not_kept() -> None:
    window = {1: "start", 2: "error", 3: "", 97: "almost", 98: "", 99: "end", 100: ""}
    found = match(reading([], window=window))
    assert found.failures[0].spans == ((97, 99),)


def test_last_words_are_those_of_the_step_that_failed() -> None:
    sections = (
        Section("A", 1, 40),
        Section("B", 41, 60, conclusion=Conclusion.FAILURE, ended=50),
        Section("C", 61, 100),
    )
    found = match(reading([], sections=sections))
    assert found.failures[0].spans == ((46, 50),)
    assert found.step == "B"
    window = dict.fromkeys(range(70, 100), "x")
    assert match(reading([], sections=sections, window=window)).failures == ()


def test_an_annotation_names_the_step_where_none_says_how_it_ended() -> None:
    sections = (Section("A", 1, 40), Section("B", 41, 60), Section("post", 61, 100, aside=True))
    found = match(reading([], sections=sections, annotations=((45, "bad"), (70, "cache"))))
    assert found.step == "B"


def test_thousands_of_sections_and_hits_are_no_square() -> None:
    sections = tuple(Section(f"s{n}", n, n, aside=n % 2 == 0) for n in range(1, 8001))
    hits = [Hit(n, PATTERNS[3], {}) for n in range(2, 8001, 2)]
    notes = tuple((n, "m") for n in range(2, 8001, 2))
    found = match(reading(hits, 8000, sections=sections, annotations=notes, conclusion=Conclusion.FAILURE))
    assert found.failed
    assert found.step is None or found.step.startswith("s")


def test_an_empty_reading() -> None:
    assert match(reading([], 0, sections=(), window={})) == Matched((), None, None, failed=False)
    assert match(reading([], 0, sections=(), window={}, conclusion=Conclusion.FAILURE)).failures == ()


# --- cancelled ------------------------------------------------------------------------------------------------------


def cancelled(*rows: str) -> Matched:
    """The forge says that the job was cancelled; its log may end in the middle."""
    data = "".join(f"{T}{row}\n" for row in (START, "⭐ Run Main Wait", *rows)).encode()
    return match(replace(read_blocks(blocks([data]), scanner()), conclusion=Conclusion.CANCELLED))


def test_what_the_forge_says_was_cancelled_is_called_so() -> None:
    found = cancelled("tick 1", "tick 2")
    assert found.failed
    assert found.class_ == found.failures[0].class_ == "infra/cancelled"
    assert found.failures[0].title == "The job was cancelled; these are the last lines before the end"


def test_an_error_that_was_said_before_it_was_cancelled_keeps_its_class() -> None:
    assert cancelled(RUSTC).class_ == "infra/tmpdir"


def test_what_green_attempts_say_as_well_is_no_cause_where_something_else_is() -> None:
    rows = [
        START,
        "⭐ Run Main Build",
        "a.c:1:1: error: old friend",
        "b.c:2:2: error: new here",
        "  ❌  Failure - Main Build",
    ]
    reading = read_blocks(blocks(["\n".join([*rows, "🏁  Job failed"]).encode()]), scanner())
    assert [f.message for f in match(reading).failures] == rows[2:4]
    assert [f.message for f in match(reading, frozenset({3})).failures] == rows[3:4]
    assert [f.message for f in match(reading, frozenset({3, 4})).failures] == rows[2:4]


@pytest.mark.parametrize(
    ("rows", "pattern"),
    [
        (
            [
                "--- FAIL: TestMany (0.00s)",
                "    a_test.go:7: open /tmp/TestMany3786780618/001/32: too many open files",
                "FAIL",
            ],
            "open-file-limit",
        ),
        (
            [
                "---- opens_many stdout ----",
                "",
                "thread 'opens_many' (141) panicked at src/lib.rs:4:11:",
                'called `Result::unwrap()` on an `Err` value: Os { code: 24, message: "Too many open files" }',
            ],
            "open-file-limit",
        ),
        (
            [
                "ERROR: test_many (test_a.T.test_many)",
                "-" * 70,
                "Traceback (most recent call last):",
                *['  File "/w/a.py", line 4, in call', "    inner()"] * 6,
                "OSError: [Errno 24] Too many open files: '/w/a'",
            ],
            "open-file-limit",
        ),
    ],
    ids=["go", "rust", "a long traceback"],
)
def test_what_the_machine_refused_to_a_test_is_told_beside_it(rows: list[str], pattern: str) -> None:
    found = of(forgejo(*rows, code=1))
    assert [f.pattern for f in found.failures][-1] == pattern
    assert found.failures[0].class_ == "code/test"


def test_what_a_machine_refuses_outside_of_the_test_that_failed_is_not_told() -> None:
    said = "warning: open /srv/many/32: too many open files"
    found = of(forgejo(said, "--- FAIL: TestMany (0.00s)", "    a_test.go:7: got 3, want 4", "FAIL", code=1))
    assert [f.pattern for f in found.failures] == ["go-test-failed"]
