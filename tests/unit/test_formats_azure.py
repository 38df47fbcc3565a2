"""Logs of Azure Pipelines (texts of our own), raw and from a run's page, and which of them are those of GitHub."""

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

T = "2024-01-27T16:37:45.0623942Z "
RULE = "=" * 78
ENDS = {
    "##[error]Bash exited with code '2'.": 2,
    "##[error]PowerShell exited with code '1'.": 1,
    "##[error]Cmd.exe exited with code '-1073741819'.": -1073741819,
    "##[error]The process '/usr/bin/npm' failed with exit code 3": 3,
    "##[error]The task has timed out.": None,
    "##[debug]Processed: ##vso[task.complete result=Failed;]Bash exited": None,
}


@cache
def library() -> Scanner:
    return Library(None).scanner


def reading(text: str) -> Reading:
    return read_blocks(blocks([text.encode()]), library())


def told(found: Reading) -> list[tuple[str, bool, str, int | None]]:
    return [(s.name, s.aside, s.conclusion.value, s.exit_code) for s in found.sections if s.name]


def task(name: str, *rows: str) -> list[str]:
    return [
        f"##[section]Starting: {name}",
        RULE,
        "Task         : Bash",
        RULE,
        "========================== Starting Command Output ===========================",
        *rows,
        f"##[section]Finishing: {name}",
    ]


def job(*tasks: list[str]) -> str:
    head = ["##[section]Starting: Linux", "##[section]Starting: Initialize job", "Agent name: 'pool 3'"]
    foot = ["##[section]Starting: Finalize Job", "Cleaning up task key", "Start cleaning up orphan processes."]
    rows = [*head, *(row for one in tasks for row in one), *foot, "##[section]Finishing: Finalize Job"]
    return "".join(f"{T}{row}\n" for row in [*rows, "##[section]Finishing: Linux"])


BROKEN = "src/main.c:3:5: error: 'x' undeclared"


@pytest.mark.parametrize("end", ENDS)
def test_the_task_that_failed(end: str) -> None:
    text = job(task("Checkout x@main to s"), task("Build", BROKEN, end), task("Checkout x@main to s"))
    found = reading(text)
    assert (found.format, found.runner) == ("azure", "pool 3")
    assert told(found) == [
        ("Linux", False, "unknown", None),
        ("Initialize job", True, "unknown", None),
        ("Checkout x@main to s", False, "unknown", None),
        ("Build", False, "failure", ENDS[end]),
        ("Checkout x@main to s", False, "unknown", None),
        ("Finalize Job", True, "unknown", None),
    ]
    assert (match(found).step, match(found).failures[0].message) == ("Build", BROKEN)
    names = [b.step.name for b in cut(blocks([text.encode()]), library()) if b.step is not None]
    assert names == [name for name, *_ in told(found)]


def test_what_runs_because_a_task_failed_is_not_what_failed() -> None:
    build = task("Build", BROKEN, "##[error]Bash exited with code '1'.")
    upload = task("Upload the statistics", "aws: command not found", "##[error]Bash exited with code '127'.")
    assert match(reading(job(build, upload))).step == "Build"


def test_a_task_that_may_fail_is_not_what_failed() -> None:
    lint = task("Lint", "a.py:1:1: F401 x", "##[error]Bash exited with code '1'.")
    build = task("Build", BROKEN, "##[error]Bash exited with code '1'.")
    assert match(reading(job(lint, task("Configure"), task("Generate"), build))).step == "Build"


def test_a_task_that_reports_an_error_of_its_own() -> None:
    found = reading(job(task("Get the cache", "##[error]getaddrinfo ENOTFOUND example.org")))
    assert match(found).step == "Get the cache"


def test_a_job_that_passed() -> None:
    assert match(reading(job(task("Build", "done")))).class_ == "pass"


def test_a_job_that_was_cancelled() -> None:
    found = reading(job(task("Build", "##[error]The operation was canceled.")))
    assert found.conclusion is Conclusion.CANCELLED


def test_a_copy_of_the_page() -> None:
    rows = [row.removeprefix("##[section]") for row in task("Build", BROKEN, "##[error]Bash exited with code '2'.")]
    found = reading("\n".join(rows) + "\n")
    assert (found.format, match(found).step) == ("azure-web", "Build")


def test_early_logs_of_github_have_sections_too() -> None:
    rows = [
        "##[section]Starting: Request a runner to run this job",
        "##[section]Finishing: Request a runner to run this job",
        "Current runner version: '2.165.2'",
        "##[group]Run make",
        BROKEN,
        "##[error]Process completed with exit code 2.",
    ]
    found = reading("".join(f"{T}{row}\n" for row in rows))
    assert (found.format, match(found).step) == ("github-actions", "Run make")
