"""The script that a log prints, and what follows from it where no host can be asked."""

from collections.abc import Iterator

import pytest

from whyred.app.ask import Nobody
from whyred.app.investigate import investigate
from whyred.app.library import Library
from whyred.app.read import ReadLog, read_log
from whyred.model.evidence import Reason, Unknown
from whyred.model.finding import Confidence, Verdict
from whyred.model.run import Attempt, Run, Step
from whyred.model.script import Script

LIBRARY = Library(cache=None)
STAMP = "2026-03-14T09:12:00.0000000Z "
FULL = "cp: error writing '/srv/cache/x.bin': No space left on device"


def stamped(*rows: str) -> str:
    return "".join(f"{STAMP}{row}\n" for row in rows)


def github(script: str, *said: str, code: int = 1, shell: str = "/usr/bin/bash -e {0}") -> str:
    rows = script.splitlines()
    printed = [f"\x1b[36;1m{row}\x1b[0m" for row in rows]
    head = [f"##[group]Run {rows[0]}", *printed, f"shell: {shell}", "env:", "  CI: true", "##[endgroup]"]
    return stamped(*head, *said, f"##[error]Process completed with exit code {code}.")


def gitlab(*rows: str, code: int = 1) -> str:
    head = "\x1b[0Ksection_start:1773479520:step_script\r\x1b[0K\x1b[0K\x1b[36;1mExecuting\x1b[0;m\n"
    body = "".join(f"\x1b[32;1m{row}\x1b[0;m\n" if row.startswith("$ ") else f"{row}\n" for row in rows)
    end = "\x1b[0Ksection_end:1773479525:step_script\r\x1b[0K\x1b[31;1mERROR: Job failed: exit code "
    return f"{head}{body}{end}{code}\n\x1b[0;m"


def forgejo(*said: str, code: int = 1, step: str = "Build") -> str:
    begin = ["r1(version:v12.8.2) received task 417 of job test, be triggered by event: push", f"⭐ Run Main {step}"]
    return stamped(*begin, *said, f"exitcode '{code}': failure", "🏁  Job failed")


def read(text: str, *scripts: Script) -> ReadLog:
    """The log; where the workflow file is at hand, cut into the first of its steps."""

    def chunks() -> Iterator[bytes | Step]:
        if scripts:
            yield Step(scripts[0].name)
        yield text.encode()

    return read_log(chunks(), LIBRARY)


def judged(text: str, *scripts: Script) -> Verdict:
    nobody = Nobody(Unknown(Reason.NO_HOST, "no host"))
    return investigate(read(text, *scripts), Attempt(Run("x")), LIBRARY.causes, nobody, scripts=scripts)


def test_githubs_script_is_kept_with_its_line() -> None:
    text = github("set -x\nmake test || true", "boom")
    assert [(s.number, s.text) for s in read(text).reading.scripts] == [(1, "set -x\nmake test || true")]


@pytest.mark.parametrize("shell", ["/usr/bin/pwsh -command {0}", "python {0}"])
def test_a_script_of_another_language_is_not(shell: str) -> None:
    assert read(github("print(1)", "boom", shell=shell)).reading.scripts == ()


def test_an_actions_inputs_are_no_script() -> None:
    text = stamped("##[group]Run actions/checkout@v4", "with:", "  shell: bash", "##[endgroup]", "boom")
    assert read(text).reading.scripts == ()


def test_gitlabs_commands_are_kept_and_what_is_cut_is_not() -> None:
    told = read(gitlab("$ make -j2", "boom", "$ set -e # collapsed multi-line command", "bang")).reading.scripts
    assert [s.text for s in told] == ["make -j2", ""]


def test_a_line_that_is_too_long_to_be_kept_makes_the_script_unknown() -> None:
    row = "echo " + "x" * 3000
    assert [s.text for s in read(gitlab(f"$ {row} || true", "boom")).reading.scripts] == [""]
    assert read(github(f"set -x\n{row} || true", "boom")).reading.scripts == ()


def test_a_script_of_more_lines_than_are_kept_is_unknown() -> None:
    assert len(read(github("\n".join(["make"] * 399), "boom")).reading.scripts) == 1
    assert read(github("\n".join(["make"] * 401), "boom")).reading.scripts == ()


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        (github("cp x.bin /srv/cache/x.bin || true\n./check", FULL, "the total is 11 and not 12"), ()),
        (gitlab("$ cp x.bin /srv/cache/x.bin || true", FULL, "$ ./check", "the total is 11 and not 12"), ()),
        (
            forgejo(FULL, "the total is 11 and not 12"),
            (Script("Build", run="cp x.bin /srv/cache/x.bin || true\n./check"),),
        ),
    ],
    ids=["github", "gitlab", "workflow-file"],
)
def test_what_the_script_lets_fail_did_not_end_the_step(text: str, scripts: tuple[Script, ...]) -> None:
    verdict = judged(text, *scripts)
    assert "the total is 11 and not 12" in "\n".join(line.text for line in verdict.failures[0].quote)
    assert verdict.failures[0].pattern == ""
    assert verdict.failures[-1].survived == "the script of the step goes on when cp fails"


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        (github("cp x.bin /srv/cache/x.bin\n./check", FULL), ()),
        (gitlab("$ cp x.bin /srv/cache/x.bin", FULL), ()),
        (gitlab("$ cp a b || true", "$ set -e # collapsed multi-line command", FULL), ()),
        (forgejo(FULL), (Script("Build"), Script("Test", run="cp x.bin /srv/cache/x.bin || true"))),
        (
            forgejo(FULL),
            (Script("Build", run="cp a /srv/cache/x.bin || true"), Script("Build", run="cp a /srv/cache/x.bin")),
        ),
    ],
)
def test_what_is_not_let_fail_or_not_known_to_be_still_counts(text: str, scripts: tuple[Script, ...]) -> None:
    verdict = judged(text, *scripts)
    assert verdict.failures[0].pattern == "no-space-left"
    assert verdict.failures[0].survived == ""


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        (github("timeout 60 make test", "test_queue ...", code=124), ()),
        (gitlab("$ make", "$ timeout 60 make test", "test_queue ...", code=124), ()),
        (forgejo("test_queue ...", code=124), (Script("Build", run="timeout 60 make test"),)),
        (forgejo("test_queue ...", code=124, step="timeout 60 make test"), ()),
    ],
    ids=["github", "gitlab", "workflow-file", "named-by-it"],
)
def test_a_time_limit_of_the_script_is_likely(text: str, scripts: tuple[Script, ...]) -> None:
    first = judged(text, *scripts).findings[0]
    assert (first.cause.id, first.confidence) == ("own-time-limit", Confidence.LIKELY)


@pytest.mark.parametrize(
    "text",
    [
        github("make test", "test_queue ...", code=124),
        forgejo("test_queue ...", code=124),
        forgejo("test_queue ...", code=124, step="Tests under a timeout 60 s"),
        gitlab("$ timeout 60 make", "$ make test", "test_queue ...", code=124),
    ],
)
def test_a_bare_124_is_possible(text: str) -> None:
    first = judged(text).findings[0]
    assert (first.cause.id, first.confidence) == ("own-time-limit", Confidence.POSSIBLE)
