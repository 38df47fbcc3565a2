"""Whose facts may rule a cause out, what a step that went on leaves of a proof, and what is masked in an answer."""

import json
from pathlib import Path

import pytest

from whyred.app.ask import masked_answer
from whyred.app.investigate import investigate
from whyred.app.library import Library
from whyred.app.read import read_log
from whyred.app.subjects import SHELL
from whyred.experiments import compilers
from whyred.hosts.bundle import Raw, Recording
from whyred.model.evidence import Ask, Reason, Unknown
from whyred.model.finding import Confidence, Verdict
from whyred.model.run import Attempt, Conclusion, Run, Runner
from whyred.reports import json as json_report
from whyred.reports import markdown, text

LIBRARY = Library(cache=None)
LINE = b'error: couldn\'t create a temp dir: No such file or directory (os error 2) at path "/tmp/rustcVAIpSt"\n'
STAMP = b"2026-11-23T19:28:13.0050050Z "
HEALTHY = (
    b'{"path": "/tmp", "followed": true, "mountinfo": "29 1 8:1 / / rw - ext4 /dev/a rw", "stat": {"kind": "directory",'
    b' "mode": 1023, "links": 9, "uid": 0, "gid": 0, "size": 1, "modified": 1.0, "device": 1, "inode": 1}}'
)


class Healthy:
    """A host on which mount-state finds a live /tmp, told by this subject."""

    def __init__(self, subject: str) -> None:
        self.subject, self.record = subject, Recording()

    def ask(self, ask: Ask) -> Raw:
        if ask.probe == "mount-state":
            return ((self.subject, HEALTHY),)
        return (("", Unknown(Reason.NO_SUBJECT, "not here")),)


def judged(log: bytes, subject: str, attempt: Attempt = Attempt(Run("x"))) -> Verdict:  # noqa: B008 - frozen
    return investigate(read_log([log], LIBRARY), attempt, LIBRARY.causes, Healthy(subject))


def ruled_out(verdict: Verdict) -> set[str]:
    return {f.cause.id for f in verdict.ruled_out}


RUNNER = Runner("runner-1", machine="m", boot="b")


def test_what_is_well_while_the_job_runs_rules_out() -> None:
    assert "private-tmp-deleted" in ruled_out(judged(LINE, "runner-1", Attempt(Run("x"), runner=RUNNER)))


ENDED = Attempt(Run("x"), runner=RUNNER, conclusion=Conclusion.FAILURE)
LEFT = Attempt(Run("x"), runner=RUNNER, ended=1774000000.0)
"""Of a run that ended without a conclusion."""


@pytest.mark.parametrize("attempt", [ENDED, LEFT, Attempt(Run("x"))], ids=["proven", "incomplete", "dated"])
def test_what_is_well_after_the_job_speaks_against_it_and_rules_nothing_out(attempt: Attempt) -> None:
    verdict = judged(STAMP + LINE, "runner-1", attempt)
    assert ruled_out(verdict) == set()
    found = next(f for f in verdict.findings if f.cause.id == "private-tmp-deleted")
    assert found.not_now
    assert "mended since" in found.why
    assert verdict.findings[-1].not_now
    assert not verdict.findings[0].not_now


def test_where_nothing_else_is_left_it_leads_and_says_how_to_check() -> None:
    causes = [c for c in LIBRARY.causes if c.id == "private-tmp-deleted"]
    verdict = investigate(read_log([STAMP + LINE], LIBRARY), ENDED, causes, Healthy("runner-1"))
    assert [f.cause.id for f in verdict.findings] == ["private-tmp-deleted"]
    assert verdict.next.startswith("Run the job again")
    for said in (text.render(verdict), markdown.render(verdict)):
        assert "mended" in said
        assert "stat -c" in said
        assert "1795462093" in said
    assert "mended" in json.loads(json_report.render(verdict))["findings"][0]["because"]


def test_what_nobody_can_change_in_a_living_process_rules_out_after_the_job_as_well() -> None:
    line = b"/x/1.sh: line 3:    12 Bad system call         (core dumped) ./server\n"
    status = "Uid:\t0\nSeccomp:\t0\nNoNewPrivs:\t0\nCapBnd:\tff\n"
    answer = json.dumps({"own": status, "first": status, "said": "Bad system call", "place": None, "program": None})

    class Free:
        record = Recording()

        def ask(self, ask: Ask) -> Raw:
            return (("r", answer.encode()),) if ask.probe == "restrictions" else (("", Unknown(Reason.NO_SUBJECT)),)

    verdict = investigate(read_log([STAMP + line], LIBRARY), ENDED, LIBRARY.causes, Free())
    assert "unit-sandbox" in ruled_out(verdict)


@pytest.mark.parametrize(
    ("log", "subject", "reason"),
    [(LINE, "runner-1", Reason.CHANGED_SINCE), (STAMP + LINE, SHELL, Reason.WHICH_RUNNER)],
    ids=["undated", "a shell"],
)
def test_what_may_have_changed_rules_nothing_out(log: bytes, subject: str, reason: Reason) -> None:
    verdict = judged(log, subject)
    assert "private-tmp-deleted" not in ruled_out(verdict)
    assert any(reason.value in u.reason for u in verdict.unknown)
    assert {f.confidence for f in verdict.findings} == {Confidence.POSSIBLE}  # nor makes a living /tmp it likely


FORGEJO = """\
r(version:v1) received task 1 of job a, be triggered by event: push
⭐ Run Main build
/x/1.sh: line 1: gti: command not found
{later}⚙️ [runner]: RUN exit status {code}
🏁  Job failed
"""
LATER = "error: test failed, to rerun pass `--lib`\n"


@pytest.mark.parametrize(("later", "code", "survived"), [(LATER, 1, True), (LATER, 127, False), ("", 1, False)])
def test_a_tolerated_command_did_not_end_the_step(later: str, code: int, survived: bool) -> None:
    log = read_log([FORGEJO.format(later=later, code=code).encode()], LIBRARY)
    told = {f.pattern: bool(f.survived) for f in log.matched.failures}
    assert told["command-not-found"] is survived


def test_what_the_step_survived_is_never_confirmed() -> None:
    class Absent:
        record = Recording()

        def ask(self, ask: Ask) -> Raw:
            facts = json.dumps({"tool": "gti", "path": None, "searched": "/usr/bin"}).encode()
            return (("runner-1", facts),) if ask.probe == "tool-version" else (("", Unknown(Reason.NO_SUBJECT)),)

    log = read_log([FORGEJO.format(later=LATER, code=1).encode()], LIBRARY)
    verdict = investigate(log, Attempt(Run("x")), LIBRARY.causes, Absent())
    assert not [f for f in verdict.findings if f.confidence is Confidence.CONFIRMED]


def test_every_text_of_an_answer_is_masked_and_no_key() -> None:
    masker = LIBRARY.masker()
    masker.add("present")
    answer = json.dumps({"present": 'a "present" b', "rows": [["present"], 7, None]}).encode()
    assert json.loads(masked_answer(answer, masker.text)) == {"present": 'a "***" b', "rows": [["***"], 7, None]}


def test_what_is_no_json_is_masked_as_it_is() -> None:
    masker = LIBRARY.masker()
    masker.add("hunter2hunter2")
    assert masked_answer(b"x hunter2hunter2 {", masker.text) == b"x *** {"


def test_a_rustc_without_a_linker_builds_no_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(compilers, "_old_rustc", lambda: iter(["/usr/bin/rustc"]))
    assert compilers.find().name == "mktemp"
