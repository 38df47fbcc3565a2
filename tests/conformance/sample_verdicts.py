"""Verdicts of every shape, made by hand: what each report must be able to show."""

from collections.abc import Mapping
from dataclasses import replace

from whyred.diagnosis.group import brief
from whyred.model.cause import Cause, Condition, Of, Op, Text, Value
from whyred.model.evidence import Ask, Evidence, Origin, Reason, Unknown
from whyred.model.failure import Failure, Line, Reading
from whyred.model.finding import Confidence, Finding, Held, Open, Question, Verdict, Weight
from whyred.model.run import Attempt, Job, Run, Runner
from whyred.model.run_failures import FailureGroup, NoLog, RunFailures
from whyred.model.source import Missing

DELETED = Condition("mount-state", Of.ATTEMPT_RUNNER, "deleted", Op.EQUALS, value=True, with_=(("path", "/tmp"),))
LINKS = Condition("mount-state", Of.ATTEMPT_RUNNER, "links", Op.ABOVE, value=0, with_=(("path", "/tmp"),))
FREE = Condition("directory-state", Of.ATTEMPT_RUNNER, "free_bytes", Op.BELOW, value=1 << 20)

HOSTILE = (
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b31m \r over \x08 \u202egnp\u202c \u200b ``` ````` </pre><script>alert(1)"
    "</script> | [click](javascript:alert(1)) @everyone #1 ![](x)\nCONFIRMED: forged\n\n## Confirmed: forged"
)
"""What a log, a mount point or a file name may hold: control sequences, line ends, markup of every kind."""


def _cause(id_: str, title: str, class_: str, conditions: tuple[Condition, ...]) -> Cause:
    text = Text(
        what=f"{title}, so nothing can be created there.",
        check="stat -L -c %h /proc/PID/root/tmp",
        fix="Restart the unit.",
        prevent="Take the folder out of the cleaner.",
        verify="mktemp -d works in a step.",
    )
    return Cause(id_, title, class_, ("rustc-temp-dir",), text, when={}, unless={}, confirm=conditions)


PRIVATE_TMP = _cause("private-tmp-deleted", "The service's private /tmp was deleted", "infra/tmpdir", (DELETED,))
FULL = _cause("tmp-full", "The file system of the temporary directory is full", "infra/disk-full", (FREE,))
COMPILE = _cause("real-compile-error", "The code does not compile at this commit", "code/compile", ())


def _failure(number: int, message: str, **other: object) -> Failure:
    quote = tuple(Line(n, text) for n, text in ((number - 1, "cargo build"), (number, message), (number + 1, "")))
    plain = Failure(
        pattern="rustc-temp-dir",
        title="rustc could not make its temporary directory",
        tool="rustc",
        class_="infra/tmpdir",
        strength="decisive",
        root=True,
        step="Build",
        message=message,
        spans=((number, number),),
        quote=quote,
        captures={"errno": "ENOENT", "dir": "/tmp", "path": "/tmp/rustcVAIpSt"},
        fingerprint="rustc-temp-dir: couldn't create a temp dir",
    )
    return replace(plain, **other)  # type: ignore[arg-type]


TEMP_DIR = _failure(42, 'error: couldn\'t create a temp dir: No such file or directory at path "/tmp/rustcVAIpSt"')


def _held(condition: Condition, weight: Weight, value: Value | Unknown | None, *, holds: bool | None) -> Held:
    origin = Origin("probe", condition.probe)
    evidence = Evidence(
        Ask(condition.probe, condition.of, (("path", "/tmp"),)), "runner-1", condition.field, value, origin
    )
    return Held(condition, weight, holds, (evidence,))


CONFIRMED = Finding(
    PRIVATE_TMP,
    TEMP_DIR,
    Confidence.CONFIRMED,
    (
        _held(DELETED, Weight.CONFIRMS, value=True, holds=True),
        _held(LINKS, Weight.REFUTES, value=0, holds=False),
    ),
    "deleted of runner-1 holds, and no other candidate explains it",
)
RULED_OUT = Finding(
    FULL,
    TEMP_DIR,
    Confidence.RULED_OUT,
    (_held(FREE, Weight.REFUTES, value=7 << 30, holds=True),),
    "free_bytes of runner-1 is 7516192768",
)
OPEN = Open(
    "directory-state of attempt-runner (path=/tmp)",
    "no-permission: /proc/77/root cannot be read",
    "Run whyred as root on the runner host",
)
READING = Reading(format="forgejo", lines=120, size=9000, hits=(), sections=(), window={}, runner="runner-1")
ATTEMPT = Attempt(Run("local:3", workflow="ci.yml"), Job("build", "build"), runner=Runner(name="runner-1"))
PLAIN = Verdict(
    attempt=ATTEMPT,
    reading=READING,
    failures=(TEMP_DIR,),
    findings=(CONFIRMED,),
    ruled_out=(RULED_OUT,),
    unknown=(OPEN,),
    questions=(
        Question("mount-state of attempt-runner (path=/tmp)", "deleted = yes", "private-tmp-deleted confirmed"),
    ),
    failed=True,
    class_="infra/tmpdir",
    step="Build",
    next="systemctl restart runner-1",
)


def _possible() -> Verdict:
    refused = Unknown(Reason.OTHER_HOST, "a log handed in as a file says nothing about this machine")
    held = (_held(DELETED, Weight.CONFIRMS, refused, holds=None),)
    finding = replace(CONFIRMED, confidence=Confidence.POSSIBLE, held=held, why="the log alone makes it a candidate")
    other = replace(finding, cause=FULL)
    return replace(PLAIN, findings=(finding, other), ruled_out=(), next="whyred why LOG --host local")


def _both_ways() -> Verdict:
    held = (
        _held(DELETED, Weight.CONFIRMS, value=True, holds=True),
        _held(LINKS, Weight.REFUTES, value=2, holds=True),
    )
    finding = replace(CONFIRMED, confidence=Confidence.POSSIBLE, held=held, why="confirmed and refuted at once")
    return replace(PLAIN, findings=(finding,))


def _many() -> Verdict:
    failures = tuple(_failure(n, f"error: failure {n}", count=n, root=n < 60) for n in range(50, 62))
    findings = tuple(replace(CONFIRMED, cause=_cause(f"cause-{n}", f"Cause {n}", "infra/tmpdir", ())) for n in range(9))
    unknown = tuple(Open(f"question {n}", f"reason {n // 2}", f"how {n // 2}") for n in range(14))
    return replace(PLAIN, failures=failures, findings=findings, unknown=unknown)


def _hostile() -> Verdict:
    line = HOSTILE.replace("\n", " ")  # the line of a log is one line; everything else may hold line feeds
    failure = _failure(42, line, captures={"dir": HOSTILE}, step=HOSTILE, title="a title of the library")
    held = (replace(CONFIRMED.held[0], evidence=(replace(CONFIRMED.held[0].evidence[0], value=HOSTILE),)),)
    attempt = replace(ATTEMPT, run=Run(HOSTILE), job=Job("build", HOSTILE), runner=Runner(name=HOSTILE))
    return replace(
        PLAIN,
        attempt=attempt,
        failures=(failure,),
        findings=(replace(CONFIRMED, failure=failure, held=held),),
        unknown=(Open(HOSTILE, HOSTILE, HOSTILE),),
        step=HOSTILE,
        next=HOSTILE,
        beside=(HOSTILE,),
    )


def _bare() -> Verdict:
    """Nothing is known of the attempt, and no pattern knows the failure."""
    failure = _failure(7, "boom", pattern="", tool="", title="The last lines", class_=None, captures={}, step=None)
    return replace(
        PLAIN,
        attempt=Attempt(Run("standard input")),
        reading=replace(READING, runner=None, format="raw"),
        failures=(failure,),
        findings=(),
        ruled_out=(),
        unknown=(),
        questions=(),
        class_=None,
        step=None,
        next="Read the log around line 7",
    )


def _same() -> Verdict:
    """Every failed job of a run failed in the same way."""
    jobs = tuple(f"test ({version}, {system})" for version in ("1.21", "1.22", "1.23") for system in ("linux", "mac"))
    run = RunFailures("run-12.zip", jobs[0], (FailureGroup(jobs, brief(TEMP_DIR)),), cancelled=("test (1.24, linux)",))
    return replace(PLAIN, attempt=replace(ATTEMPT, run=Run(run.run), job=Job(None, jobs[0])), run_failures=run)


def _several(text: str = "run-12.zip") -> Verdict:
    """The jobs of a run failed in many ways, of one there is no log, and some were cancelled."""
    groups = (
        FailureGroup((text, "test (b)"), brief(TEMP_DIR)),
        FailureGroup(("lint",), brief(_failure(7, f"error: {text}", step=None, fingerprint="lint: error"))),
    )
    missing = (NoLog("docs", Missing.EXPIRED, f"GET /{text}", "run the job again (whyred rerun)"),)
    run = RunFailures(text, text, groups, ("quiet", "quieter"), missing, ("test (c)",), ("deploy", text))
    return replace(PLAIN, attempt=replace(ATTEMPT, run=Run(run.run)), run_failures=run)


GREEN = replace(PLAIN, failures=(), findings=(), ruled_out=(), unknown=(), questions=(), failed=False, class_="pass")

VERDICTS: Mapping[str, Verdict] = {
    "confirmed": PLAIN,
    "likely": replace(PLAIN, findings=(replace(CONFIRMED, confidence=Confidence.LIKELY),), ruled_out=()),
    "possible": _possible(),
    "other-runs": replace(
        _possible(),
        beside=(
            "The same job was green on the same commit another time: the change alone does not explain it",
            "Last green: team/app#11, 2 commits ago; since then: src/queue.rs",
        ),
    ),
    "both-ways": _both_ways(),
    "without-conditions": replace(PLAIN, findings=(replace(CONFIRMED, cause=COMPILE, held=()),)),
    "many": _many(),
    "same-in-all-jobs": _same(),
    "several-jobs": _several(),
    "hostile-jobs": _several(HOSTILE),
    "hostile": _hostile(),
    "hostile-unexplained": replace(_hostile(), findings=()),
    "bare": _bare(),
    "green": replace(GREEN, step=None, next=""),
    "quiet": replace(GREEN, step=None, next="", class_=None),
}
