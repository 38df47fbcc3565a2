"""An error that a step went on after is not what ended it; one that may have ended it stays the first."""

from pathlib import Path

import pytest

from whyred.app.investigate import investigate
from whyred.app.library import Library
from whyred.app.read import ReadLog, read_log
from whyred.diagnosis.match import passed_over
from whyred.diagnosis.survived import Said, unrelated
from whyred.hosts.bundle import Raw, Recording
from whyred.model.evidence import Ask, Reason, Unknown
from whyred.model.finding import Confidence, Verdict
from whyred.model.run import Attempt, Run, Runner
from whyred.reports import text
from whyred.workflows.spares import lets_fail

LIBRARY = Library(cache=None)
LOG = """\
r(version:v1) received task 1 of job a, be triggered by event: push
⭐ Run Main build
{lines}
⚙️ [runner]: RUN exit status {code}
🏁  Job failed
"""
FULL = "cp: error writing '/var/tmp/copy': No space left on device"
DEAD = "mktemp: failed to create file via template '/tmp/tmp.XXXXXXXXXX': No such file or directory"
COMPILER = "main.c:3:5: error: expected ';' before '}' token"


def read(*lines: str, code: int = 1) -> ReadLog:
    return read_log([LOG.format(lines="\n".join(lines), code=code).encode()], LIBRARY)


def first(log: ReadLog) -> str:
    return log.matched.failures[0].message


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([FULL, "make: [Makefile:3: copy] Error 1 (ignored)", COMPILER], 2),
        ([FULL, COMPILER], 1),
        ([FULL, DEAD, "+ exit 1"], 137),
        ([FULL, "+ mktemp", DEAD], 1),
        ([FULL, "copying failed, trying again in 5 s", "done", DEAD], 1),
    ],
    ids=["make ignored it", "a compiler was started", "another's status", "a trace", "tried again"],
)
def test_what_the_step_went_on_after_comes_last(lines: list[str], code: int) -> None:
    log = read(*lines, code=code)
    assert FULL not in first(log)
    assert [f.message for f in log.matched.failures if f.survived and FULL in f.message]
    assert log.matched.class_ != "infra/disk-full"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([FULL], 1),
        ([FULL, "make: *** [Makefile:3: copy] Error 1"], 2),
        ([FULL, "cleaning up", "rm: cannot remove '/opt/x': Device or resource busy"], 1),
        ([FULL, "+ exit 1"], 1),
        ([FULL, "trying again", FULL], 1),
        ([FULL, "+ tar xf /var/tmp/copy", "tar: /var/tmp/copy: Cannot open: No such file or directory"], 2),
        (["collect2: fatal error: error closing /var/tmp/ccA1b2C3.s: No space left on device", COMPILER], 1),
    ],
    ids=["alone", "in a recipe", "a trap", "its own end", "again in vain", "what it did not make", "one compiler"],
)
def test_what_may_have_ended_it_stays_first(lines: list[str], code: int) -> None:
    log = read(*lines, code=code)
    assert "No space left" in first(log)
    assert not [f for f in log.matched.failures if f.survived and "No space" in f.message]


def test_a_status_that_make_hands_on_is_not_anothers() -> None:
    log = read("/bin/sh: 1: gti: not found", "make: *** [Makefile:2: all] Error 127", code=2)
    assert not [f for f in log.matched.failures if f.survived]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/x/0.sh: line 3:    18 Killed                  make", 137),
        ("/x/0.sh: line 3: /opt/tool: Permission denied", 126),
        ("/x/0.sh: line 3: head: command not found", 127),
        ("fatal: unable to access 'https://x/': Could not resolve host: x", 128),
    ],
)
def test_the_status_that_a_line_gives_is_its_own(line: str, code: int) -> None:
    log = read(line, code=code)
    assert log.matched.failures
    assert not [f for f in log.matched.failures if f.survived]


def test_what_the_script_lets_fail_leaves_the_last_words() -> None:
    log = read(FULL, "compiling the parts", "boom: the parts do not fit", code=3)
    reasons = {f.fingerprint: "the script lets it fail" for f in log.matched.failures if FULL in f.message}
    told = passed_over(log.matched, log.reading, reasons)
    assert [(f.message, bool(f.survived)) for f in told.failures] == [
        ("boom: the parts do not fit", False),
        (FULL, True),
    ]
    assert told.class_ != "infra/disk-full"


def test_two_lines_about_one_place_or_one_errno_are_related() -> None:
    one = Said(1, "cp: cannot create '/opt/new': x", "any", "", {"path": "/opt/new", "errno": "ENOSPC"})
    assert unrelated(one, Said(2, "tar: other", "any", "", {"path": "/etc/other"}))
    assert not unrelated(one, Said(2, "tar: /opt/new: x", "any", "", {}))
    assert not unrelated(one, Said(2, "tar: other", "any", "", {"errno": "ENOSPC"}))
    assert not unrelated(one, Said(2, "umount: /mnt: target is busy", "any", "", {}))


class Both:
    """A runner whose /var/tmp is full and whose /tmp is deleted; `spares`: what its workflow says of cp."""

    def __init__(self, spares: bool | None) -> None:
        self.spares, self.record = spares, Recording()

    def ask(self, ask: Ask) -> Raw:
        told = dict(ask.with_)
        if ask.probe == "step-script" and self.spares is not None and told["program"] == "cp":
            return (("workflow", b'{"rows": [{"lets_fail": %s}]}' % str(self.spares).lower().encode()),)
        if ask.probe == "mount-state" and told.get("path") == "/tmp":
            return (("runner-1", GONE),)
        if ask.probe == "directory-state" and told.get("path", "").startswith("/var/tmp"):
            return (("runner-1", NO_ROOM),)
        return (("", Unknown(Reason.NO_SUBJECT, "not here")),)


GONE = (
    b'{"path": "/tmp", "followed": true, "mountinfo": "29 1 8:1 /x//deleted /tmp rw - ext4 /dev/a rw", "stat": {"kind":'
    b' "directory", "mode": 1023, "links": 0, "uid": 0, "gid": 0, "size": 1, "modified": 1.0, "device": 1, "inode": 1}}'
)
NO_ROOM = (Path(__file__).parents[1] / "probes/directory-state/full.json").read_bytes()


def judged(log: ReadLog, spares: bool | None) -> Verdict:
    runner = Runner("runner-1", machine="m", boot="b")
    return investigate(log, Attempt(Run("x"), runner=runner), LIBRARY.causes, Both(spares))


@pytest.mark.parametrize("spares", [True, None], ids=["the script says it", "the log alone"])
def test_the_fault_that_ended_the_step_leads_and_the_other_is_told(spares: bool | None) -> None:
    verdict = judged(read(FULL, "compiling the parts", DEAD), spares)
    order = [(f.cause.id, f.confidence) for f in verdict.findings]
    assert order[0] == ("private-tmp-deleted", Confidence.CONFIRMED)
    other = next(f for f in verdict.findings if f.cause.id == "tmp-full")
    assert other.confidence is not Confidence.CONFIRMED
    assert other.survived
    assert verdict.class_ == "infra/tmpdir"
    assert DEAD in verdict.failures[0].message
    assert "Also true, and not what ended the step: tmp-full (line 3" in text.render(verdict)


def test_alone_it_is_confirmed_and_where_the_script_lets_it_fail_it_is_not() -> None:
    log = read(FULL, "compiling the parts", "boom: the parts do not fit")
    sure = judged(log, None).findings[0]
    assert (sure.cause.id, sure.confidence, sure.survived) == ("tmp-full", Confidence.CONFIRMED, "")
    told = judged(log, True)
    assert not [f for f in told.findings if f.confidence is Confidence.CONFIRMED]
    assert "boom" in told.failures[0].message


LET = [
    "cp a /var/tmp || true\nmake",
    "cp a /var/tmp/ || :",
    "cp a /var/tmp 2>&1 || echo skipped",
    "cp a /var/tmp || { echo failed; }\nmake",
    "set +e\ncp a /var/tmp\nset -e\nmake",
    "for i in 1 2 3; do cp a /var/tmp && break; sleep 1; done\nmake",
    "for i in 1 2 3; do\n  cp a /var/tmp && break\n  sleep 1\ndone\nmake",
    "until cp a /var/tmp; do sleep 1; done",
    "if ! cp a /var/tmp; then echo no; fi\nmake",
    'cp "$A" "$B" || true\nmake',
    "cp a /var/tmp && echo ok\nmake",
    "sudo cp a /var/tmp || true; make",
    "(cp a /var/tmp || true)\nmake",
]
NOT_LET = [
    "cp a /var/tmp\nmake",
    "cp a /var/tmp || exit 1",
    "cp a /var/tmp || {\n  exit 1\n}",
    "cp a /var/tmp || { echo failed; exit 1; }",
    "set +e\nmake\ncp a /var/tmp",
    "set +e\ncp a /var/tmp\nrc=$?\nexit $rc",
    "if ! cp a /var/tmp; then echo no; exit 1; fi",
    "cp a /var/tmp || true\ncp b /opt",
    "cp a /opt/elsewhere || true",
    "cp a /var/tmp | tee x || true",
    "cp a /var/tmp && echo ok",
    "cp a /var/tmp && make || exit 3\nmake",
    "cp a /var/tmp &\nmake",
    "cp a /var/tmp || failed=1\nexit $failed",
    "cp a /var/tmp || make",
    "cp a /var/tmp || true && exit 1",
    "cat <<X\ncp a /var/tmp || true\nX",
    "echo 'it\ncp a /var/tmp || true'",
    "trap 'exit 1' ERR\ncp a /var/tmp || true",
    "make",
]


@pytest.mark.parametrize("script", LET)
def test_a_script_that_lets_a_command_fail(script: str) -> None:
    assert lets_fail(script, "cp", FULL) is True


@pytest.mark.parametrize("script", NOT_LET)
def test_a_script_that_does_not_plainly_let_it_fail(script: str) -> None:
    assert lets_fail(script, "cp", FULL) is None


NEWER, BESIDE = "ModuleNotFoundError: No module named 'tomllib'", "ModuleNotFoundError: No module named 'tomli'"
HANDLED = "During handling of the above exception, another exception occurred:"


def test_a_module_that_another_was_tried_in_place_of_comes_last() -> None:
    log = read(NEWER, "", HANDLED, "", "Traceback (most recent call last):", BESIDE)
    assert BESIDE in first(log)
    assert [f.message for f in log.matched.failures if f.survived] == [NEWER]


def test_a_module_whose_error_was_handled_by_something_else_stays_first() -> None:
    log = read(NEWER, "", HANDLED, "", "Traceback (most recent call last):", "RuntimeError: no parser")
    assert NEWER in first(log)
