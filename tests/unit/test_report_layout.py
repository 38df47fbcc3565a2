"""Reports of hostile verdicts: deterministic, nothing unseen, and no text of others breaks out of its place."""

import importlib
import json
import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.diagnosis.match import Matched
from whyred.model.cause import Cause, Condition, Of, Op, Text
from whyred.model.evidence import Ask, Evidence, Origin
from whyred.model.examination import Row, State
from whyred.model.failure import Failure, Line, Reading
from whyred.model.finding import Confidence, Finding, Held, Open, Question, Verdict, Weight
from whyred.model.run import Attempt, Conclusion, Job, Run, Runner, Step
from whyred.reports import attempts, doctor, reading

FORMS = ("text", "markdown", "json")
CAUSE = Cause(
    "c", "C title", "infra/tmpdir", ("p",), Text("what it is", "check", "fix it", "prevent", "verify"), {}, {}
)
SCRAPS = (
    "```",
    "````````",
    "~~~",
    "\n",
    "\n\n# Forged\n",
    "\nCONFIRMED: forged\n",
    "| a | b |",
    "|",
    "\\",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/p.png)",
    "https://evil.example",
    "www.evil.example",
    "<script>alert(1)</script>",
    "<!--",
    "-->",
    "</details>",
    "&lt;b&gt;",
    "@everyone",
    "#12",
    "*b* _i_ `c`",
    "- item",
    "1. item",
    "    code",
    "> quote",
    "---",
    "\x1b[31m",
    "\x07",
    "\r",
    "\u202e",
    "\u200b",
    "\u2028",
    "\U000e0041",
    "\ud800",
    "\x9b",
    "é ⚙️",
    "",
)
FOREIGN = st.lists(st.one_of(st.sampled_from(SCRAPS), st.text(max_size=5)), max_size=5).map("".join)


def verdict(foreign: str, *, failed: bool = True, sure: Confidence | None = Confidence.CONFIRMED) -> Verdict:
    """One in which everything that comes from elsewhere is this text."""
    row = re.sub("[\n]", " ", foreign)
    failure = Failure(
        "p", "a title", "rustc", "infra/tmpdir", "weak", True, foreign, row, ((7, 8), (9, 9)),
        (Line(6, "before"), Line(7, row), Line(8, row)), {"dir": foreign, "errno": foreign}, "fp", 3,
    )  # fmt: skip
    condition = Condition("mount-state", Of.ATTEMPT_RUNNER, "deleted", Op.EQUALS, value=True)
    ask = Ask("mount-state", Of.ATTEMPT_RUNNER, (("path", foreign),))
    evidence = Evidence(ask, foreign, "deleted", foreign, Origin("probe", foreign))
    held = (Held(condition, Weight.CONFIRMS, True, (evidence,)), Held(condition, Weight.REFUTES, True, (evidence,)))
    finding = Finding(CAUSE, failure, sure or Confidence.POSSIBLE, held, foreign)
    return Verdict(
        attempt=Attempt(Run(foreign), Job(foreign, foreign), runner=Runner(name=foreign)),
        reading=Reading("raw", 9, 9, (), (), {}, runner=foreign, job=foreign),
        failures=(failure, failure) if failed else (),
        findings=(finding, finding) if failed and sure else (),
        ruled_out=(replace(finding, confidence=Confidence.RULED_OUT),) if failed else (),
        unknown=(Open(foreign, foreign, foreign),) if failed else (),
        questions=(Question(foreign, foreign, foreign),),
        failed=failed,
        class_="infra/tmpdir" if failed else "pass",
        step=foreign,
        next=foreign,
    )


def render(form: str, of: Verdict) -> str:
    text: str = importlib.import_module(f"whyred.reports.{form}").render(of)
    return text


def unseen(text: str) -> list[str]:
    bad = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return [f"U+{ord(c):04X}" for c in text if c not in "\n\t" and unicodedata.category(c) in bad]


SURE = st.sampled_from([Confidence.CONFIRMED, Confidence.POSSIBLE, None])


@pytest.mark.parametrize("form", FORMS)
@given(foreign=FOREIGN, failed=st.booleans(), sure=SURE)
def test_nothing_unseen_and_always_the_same(form: str, foreign: str, failed: bool, sure: Confidence | None) -> None:
    text = render(form, verdict(foreign, failed=failed, sure=sure))
    assert not unseen(text)
    text.encode("utf-8")
    assert text == render(form, verdict(foreign, failed=failed, sure=sure))
    assert text.endswith("\n")


@pytest.mark.parametrize("form", ["text", "markdown"])
@given(foreign=FOREIGN, failed=st.booleans(), sure=SURE)
def test_the_rows_do_not_depend_on_what_others_wrote(
    form: str, foreign: str, failed: bool, sure: Confidence | None
) -> None:
    """A line feed of theirs begins no line of ours."""
    harmless = render(form, verdict("x", failed=failed, sure=sure)).split("\n")
    assert len(render(form, verdict(foreign, failed=failed, sure=sure)).split("\n")) == len(harmless)


def outside_fences(text: str) -> str:
    """Markdown without its fenced blocks, as CommonMark closes them."""
    rows, fence = [], ""
    for row in text.split("\n"):
        found = re.match(r" {0,3}(`{3,}|~{3,})(.*)$", row)
        if fence and found and found[1].startswith(fence) and not found[2].strip():
            fence = ""
        elif not fence and found:
            fence = found[1]
        elif not fence:
            rows.append(row)
    assert not fence, "a fence stays open"
    return "\n".join(rows)


@given(foreign=FOREIGN, failed=st.booleans(), sure=SURE)
def test_markdown_keeps_others_text_in_its_place(foreign: str, failed: bool, sure: Confidence | None) -> None:
    text = render("markdown", verdict(foreign, failed=failed, sure=sure))
    outside = outside_fences(text)
    ours = outside.replace("<!-- -->", "")
    assert not re.search(r"(?<!\\)(?:\\\\)*[<>]", ours), "HTML"
    assert not re.search(r"(?<!\\)(?:\\\\)*\]\(", ours), "a link"
    assert not re.search(r"[@#](?=\w)|://|www\.", outside), "a mention, an issue or an address"
    for row in ours.split("\n"):
        if row.startswith("| ") and not row.startswith("| | "):
            assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 4, "a cell too many"
    assert [r for r in outside.split("\n") if r.startswith("#")] == [
        r for r in outside.split("\n") if re.match(r"# \w+: |## \w+", r)
    ]


@given(foreign=FOREIGN)
def test_json_gives_the_very_text_back(foreign: str) -> None:
    data = json.loads(render("json", verdict(foreign)))
    assert data["target"] == data["job"] == data["runner"] == data["failing_step"] == foreign
    assert data["findings"][0]["conditions"][0]["evidence"][0]["value"] == foreign
    assert render("json", verdict(foreign)).count("\n") == 1


@given(foreign=FOREIGN)
def test_what_a_log_says_alone(foreign: str) -> None:
    one = verdict(foreign)
    matched = Matched(one.failures, foreign, foreign, failed=True)
    text = reading.render(one.reading, matched)
    assert not unseen(text)
    assert text.count("\n") == reading.render(one.reading, Matched(verdict("x").failures, "x", "x", failed=True)).count(
        "\n"
    )
    data = reading.render_json(one.reading, matched)
    assert not unseen(data)
    assert json.loads(data)["failing_step"] == foreign


@given(foreign=FOREIGN)
def test_the_doctors_table(foreign: str) -> None:
    rows = [
        Row(foreign, foreign, State.WRONG, {"a": foreign}, foreign),
        Row("host", "q", State.UNKNOWN, {}, foreign),
        Row("host", "q", State.FINE, {f"f{n}": foreign for n in range(9)}, ""),
    ]
    text = doctor.render(rows)
    assert not unseen(text)
    assert len(text.split("\n")) == 6
    assert [row.split()[0] for row in text.split("\n")[:3]] == ["wrong", "unknown", "fine"]
    assert json.loads(doctor.render_json(rows))["rows"][0]["facts"]["a"] == foreign
    assert not unseen(doctor.render_json(rows))


def test_the_doctors_counts_and_what_it_leaves_out() -> None:
    facts = {f"f{n}": str(n) for n in range(9)}
    text = doctor.render([Row("host", "q", State.FINE, facts, "")])
    assert "f5 5, ..." in text
    assert "f6" not in text
    assert "f8 8" in doctor.render([Row("host", "q", State.FINE, facts, "")], everything=True)
    assert text.endswith("0 wrong, 0 unknown, 1 fine\n")
    assert doctor.render([]).startswith("nothing could be asked\n")


@given(foreign=FOREIGN)
def test_attempts(foreign: str) -> None:
    data = attempts.render_json([Attempt(Run(foreign), steps=(Step(foreign, Conclusion.FAILURE),))])
    assert not unseen(data)
    assert json.loads(data)["attempts"][0]["steps"][0]["name"] == foreign


def span(*spans: tuple[int, int]) -> Failure:
    return replace(verdict("x").failures[0], spans=spans)


def test_error_lines_are_limited_in_all() -> None:
    found = reading.error_lines([span((1, 40)), span((50, 100)), span((200, 200))])
    assert found == [[1, 40], [50, 69]]
    assert reading.error_lines([]) == []
    assert sum(b - a + 1 for a, b in reading.error_lines([span((1, 10**9))])) == reading.MOST_LINES


def test_the_quote_marks_the_error_lines() -> None:
    assert list(reading.quoted(verdict("BOOM").failures[0])) == ["    6 | before", "  > 7 | BOOM", "  > 8 | BOOM"]
    assert list(reading.quoted(replace(verdict("x").failures[0], quote=()))) == []


def test_our_own_rows_fit_a_terminal() -> None:
    for sure in (Confidence.CONFIRMED, Confidence.POSSIBLE, None):
        rows = render("text", verdict("short", sure=sure)).split("\n")
        assert max(map(len, rows)) <= 120


def test_a_quiet_log_is_not_called_green() -> None:
    quiet = replace(verdict("x", failed=False), class_=None)
    for form in ("text", "markdown"):
        assert "green" not in render(form, quiet).lower()
        assert "green" in render(form, verdict("x", failed=False)).lower()
