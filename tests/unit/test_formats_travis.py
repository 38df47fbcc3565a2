"""Logs of Travis CI (texts of our own), raw, as copies change them, and from a job's page."""

import re
from functools import cache

import pytest

from whyred.app.library import Library
from whyred.diagnosis.match import match
from whyred.logs.blocks import blocks
from whyred.logs.reading import read as read_blocks
from whyred.logs.scanner import Scanner
from whyred.logs.steps_by_text import cut
from whyred.model.failure import Reading
from whyred.model.run import Conclusion

K = "\x1b[0K"
LOOP = 'for i in a; do\r\n  echo "$i"\r\ndone'


@cache
def library() -> Scanner:
    return Library(None).scanner


def reading(text: str) -> Reading:
    return read_blocks(blocks([text.encode()]), library())


def told(found: Reading) -> list[tuple[str, bool, str, int | None]]:
    return [(s.name, s.aside, s.conclusion.value, s.exit_code) for s in found.sections if s.name]


def cuts(text: str) -> list[tuple[str, bool]]:
    return [(b.step.name, b.step.aside) for b in cut(blocks([text.encode()]), library()) if b.step is not None]


def command(text: str, said: str, event: str, fold: str = "") -> str:
    begins = f"travis_fold:start:{fold}\r{K}" if fold else ""
    ends = f"travis_fold:end:{fold}\r{K}" if fold else ""
    times = "start=1607219598605833556,finish=1607219598747468676,duration=141635120"
    clock = f"travis_time:end:0a1b2c3d:{times},event={event}\r{K}"
    return f"{begins}travis_time:start:0a1b2c3d\r{K}$ {text}\r\n{said}{clock}{ends}"


def exited(text: str, code: int) -> str:
    return f'\x1b[3{1 if code else 2};1mThe command "{text}" exited with {code}.\x1b[0m\r\n'


HEAD = (
    f"travis_fold:start:worker_info\r{K}\x1b[33;1mWorker information\x1b[0m\r\nhostname: 1a@1.worker-2\r\n"
    f"travis_fold:end:worker_info\r{K}"
    + command("git clone --depth=50 https://example.org/x.git", "Cloning into 'x'...\r\n", "checkout", "git.checkout")
    + "\r\n\x1b[33;1mSetting environment variables from .travis.yml\x1b[0m\r\n"
    + "$ export A=b\r\n$ node --version\r\nv8\r\n"
)
INSTALL = command("npm ci", "added 3\r\n", "install", "install")
TEST = command("npm test", "$ jest\r\nsrc/main.c:3:5: error: 'x' undeclared\r\n", "script")
AFTER = command("cat log", "cat: log: No such file or directory\r\n", "after_failure", "after_failure.1")
FOOT = "\r\nDone. Your build exited with 1.\r\n"
RED = HEAD + INSTALL + TEST + exited("npm test", 1) + command(LOOP, "a\r\n", "script") + exited(LOOP, 0) + AFTER + FOOT
STEPS = [
    ("git clone --depth=50 https://example.org/x.git", False, "unknown", None),
    ("npm ci", False, "unknown", None),
    ("npm test", False, "failure", 1),
    ("for i in a; do", False, "success", 0),
    ("cat log", True, "unknown", None),
]


def test_a_raw_log() -> None:
    found = reading(RED)
    assert (found.format, found.runner, found.conclusion) == ("travis", "1a@1.worker-2", Conclusion.FAILURE)
    assert told(found) == [("worker_info", True, "unknown", None), *STEPS]
    failure = match(found).failures[0]
    assert (match(found).step, failure.message) == ("npm test", "src/main.c:3:5: error: 'x' undeclared")


COPIES = {
    "raw": RED,
    "line feeds for the CRs": RED.replace("\r\n", "\n").replace("\r", "\n"),
    "without the CRs": RED.replace("\r\n", "\n").replace("\r", "").replace(K, ""),
    "without each ESC": RED.replace("\x1b", ""),
    "without CR and ESC": RED.replace("\r\n", "\n").replace("\r", "").replace("\x1b", ""),
}


@pytest.mark.parametrize("how", COPIES)
def test_copies_have_the_same_steps(how: str) -> None:
    found = reading(COPIES[how])
    assert [s for s in told(found) if s[0] not in ("worker_info", "after_failure.1")] == STEPS
    assert match(found).step == "npm test"


@pytest.mark.parametrize("how", COPIES)
def test_showing_and_reading_name_the_same_steps(how: str) -> None:
    assert cuts(COPIES[how]) == [(name, aside) for name, aside, _, _ in told(reading(COPIES[how]))]


PAGE = re.sub(r"travis_(?:fold|time):[^\r]*\r\x1b\[0K", "", RED).replace("\r", "")


@pytest.mark.parametrize("text", [PAGE, PAGE.replace("$ npm test", "12.30s$ npm test")])
def test_a_page_tells_the_command_that_failed_whatever_it_printed(text: str) -> None:
    found = reading(text)
    assert found.format == "travis"
    assert ("npm test", False, "failure", 1) in told(found)
    assert match(found).failures[0].message == "src/main.c:3:5: error: 'x' undeclared"


@pytest.mark.parametrize("stage", ["install", ""])
def test_a_stage_that_stops_the_job(stage: str) -> None:
    said = f'\r\nThe command "npm ci" failed and exited with 7 during {stage}.\r\n\r\nYour build has been stopped.\r\n'
    found = reading(HEAD + command("npm ci", "npm ERR! code E404\r\n", "install", "install") + said)
    assert found.conclusion is Conclusion.FAILURE
    assert ("npm ci", False, "failure", 7) in told(found)
    assert match(found).step == "npm ci"


def test_an_excerpt_without_the_echo_of_the_command() -> None:
    rows = "checking for gl... no\nconfigure: error: Package requirements (gl) were not met:\n"
    found = reading(
        rows + 'The command "./configure --with "x"" exited with 1.\n$ make\nThe command "make" exited with 2.\n'
    )
    assert told(found)[0] == ('./configure --with "x"', False, "failure", 1)
    assert match(found).step == './configure --with "x"'


def test_an_end_of_several_lines_names_the_command() -> None:
    rows = ("npm ERR! code E404", 'The command "set -e', 'npm "$X" ci', 'npm test" exited with 3.', FOOT.strip())
    found = reading("\n".join(rows))
    assert told(found) == [("set -e", False, "failure", 3)]


@pytest.mark.parametrize(
    "last",
    [
        "No output has been received in the last 10m0s, this potentially indicates a stalled build\n",
        "The job exceeded the maximum time limit for jobs, and has been terminated.\n",
        "The job exceeded the maximum log length, and has been terminated.\n",
    ],
)
def test_a_job_that_was_ended(last: str) -> None:
    found = reading(HEAD + f"travis_time:start:0a1b2c3d\r{K}$ make\r\nstill running\r\n\n\n{last}\n")
    assert found.conclusion is Conclusion.FAILURE
    assert told(found)[-1] == ("make", False, "failure", None)


def test_a_job_that_was_cancelled() -> None:
    found = reading(HEAD + INSTALL + "\n\nDone: Job Cancelled\n\n")
    assert found.conclusion is Conclusion.CANCELLED


def test_a_job_that_passed_whatever_it_printed() -> None:
    green = TEST.replace("x' undeclared", "y' undeclared") + exited("npm test", 0)
    found = reading(HEAD + INSTALL + green + command("coveralls", "npm ERR! no\r\n", "after_success", "after_success"))
    assert told(found)[-1] == ("coveralls", True, "unknown", None)
    assert not match(found).failed
    assert reading(HEAD + green + FOOT.replace("1.", "0.")).conclusion is Conclusion.SUCCESS


def test_the_words_of_travis_wait_and_retry_end_no_step() -> None:
    said = 'The command mvn verify exited with 1.\r\n\r\nThe command "mvn" failed. Retrying, 2 of 3.\r\n'
    found = reading(HEAD + command("travis_wait mvn verify", said, "script") + exited("travis_wait mvn verify", 0))
    assert told(found)[-1] == ("travis_wait mvn verify", False, "success", 0)
