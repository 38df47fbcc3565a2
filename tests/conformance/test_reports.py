"""Every report of a verdict: whole, the same every time, and harmless whatever the log said."""

import ast
import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from sample_verdicts import PLAIN, VERDICTS

import whyred.reports
from whyred.faces.cli.commands.why import command as why
from whyred.model.finding import Verdict
from whyred.reports.forms import reports

FOLDER = Path(whyred.reports.__path__[0])
GOLDEN = Path(__file__).parent.parent / "golden"


REPORTS = reports()
EACH = pytest.mark.parametrize("name", list(REPORTS))


def render(name: str, verdict: Verdict) -> str:
    return REPORTS[name](verdict)


def flat(text: str) -> str:
    """The words of a report without its own markup: what JSON and Markdown escape is taken back."""
    try:
        text = json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        text = re.sub(r"\\([\\`*_{}\[\]<>|#!~@])", r"\1", text)
    return text.replace('\\"', '"')


def test_the_reports_of_the_design_are_there() -> None:
    assert {"text", "markdown", "json"} <= set(REPORTS)


@EACH
def test_says_what_it_is_for(name: str) -> None:
    file = FOLDER / f"{name.replace('-', '_')}.py"
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    assert docstring, f"{file.name}: its first line must be a docstring that says what the report is for"
    assert "FILL IN" not in file.read_text(encoding="utf-8"), f"{file.name}: `FILL IN` says what is not written yet"


@EACH
def test_is_offered_by_why(name: str) -> None:
    (form,) = (p for p in why.params if p.name == "form" and "--format" in p.opts)
    assert name in getattr(form.type, "choices", ()), f"whyred why --format does not know the report {name}"


@EACH
@pytest.mark.parametrize("case", [c for c, v in VERDICTS.items() if v.failed and "hostile" not in c])
def test_names_the_error_the_cause_and_what_comes_next(name: str, case: str) -> None:
    verdict = VERDICTS[case]
    text = flat(render(name, verdict))
    assert verdict.failures[0].message in text, "the report leaves out the error line"
    assert re.search(rf"\b{verdict.failures[0].spans[0][0]}\b", text), "the report leaves out the error line's number"
    assert verdict.attempt.run.label in text, "the report does not say which attempt it is about"
    for finding in (*verdict.findings[:1], *verdict.ruled_out):
        assert finding.cause.id in text, f"the report leaves out {finding.cause.id}"
        assert finding.confidence.value in text.lower(), "the report leaves out a confidence"
    assert verdict.next in text or verdict.findings[0].cause.text.fix in text, "the report does not say what to do"
    for row in verdict.unknown[:1]:
        assert row.reason in text, "the report leaves out why something stays unknown"
        assert row.how in text, "the report leaves out how to find out"


@EACH
def test_shows_evidence_both_ways_with_its_origin(name: str) -> None:
    text = flat(render(name, VERDICTS["both-ways"]))
    for wanted in ("deleted = yes", "links = 2", "probe mount-state", "log line 42"):
        assert wanted in text, f"the report leaves out `{wanted}`"


@EACH
def test_a_green_attempt_shows_no_cause(name: str) -> None:
    text = flat(render(name, VERDICTS["green"]))
    assert text.strip(), "the report says nothing about an attempt in which nothing failed"
    assert "private-tmp-deleted" not in text


@EACH
@pytest.mark.parametrize("case", VERDICTS)
def test_no_control_characters_come_out(name: str, case: str) -> None:
    text = render(name, VERDICTS[case])
    bad = sorted({f"U+{ord(c):04X}" for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")})
    assert not bad, f"control or invisible characters of a log reach the reader: {bad}"
    assert text.endswith("\n"), "a report ends with a line feed"


@EACH
def test_no_text_of_others_begins_a_line(name: str) -> None:
    rows = [row for case, v in VERDICTS.items() if "hostile" in case for row in render(name, v).split("\n")]
    forged = [row for row in rows if re.match(r"(CONFIRMED: |#+ *Confirmed: )`?forged", row)]
    assert not forged, "a line feed in a fact or a name starts a line of the report's own"


@EACH
@pytest.mark.parametrize("case", VERDICTS)
def test_golden(name: str, case: str, golden: Callable[[str, str], None]) -> None:
    text = render(name, VERDICTS[case])
    assert text == render(name, VERDICTS[case]), "the same verdict gives two texts"
    golden(f"{name}/{case}.txt", text)


def test_golden_files_have_a_report_and_a_case() -> None:
    wanted = {f"{name.replace('_', '-')}/{case}.txt" for name in REPORTS for case in VERDICTS}
    present = {
        p.relative_to(GOLDEN).as_posix() for name in REPORTS for p in (GOLDEN / name.replace("_", "-")).glob("*")
    }
    assert present == wanted


@pytest.mark.parametrize("case", [c for c in VERDICTS if "hostile" in c])
def test_markdown_of_others_has_no_effect(case: str) -> None:
    text = render("markdown", VERDICTS[case])
    fences = re.findall(r"(?m)^(`{3,})", text)
    assert len(fences) % 2 == 0
    outside = re.sub(r"(?ms)^(`{3,})text$.*?^\1$", "", text)
    assert not re.search(r"(?<!\\)<script|(?<!\\)!\[|(?<!\\)\]\(", outside)


def test_json_has_one_object_in_one_line() -> None:
    assert json.loads(render("json", PLAIN))["schema"] == "whyred.verdict/1"
    assert render("json", PLAIN).count("\n") == 1
