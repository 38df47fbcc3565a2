"""By which line a log says that a package manager ran a program."""

import pytest

from whyred.diagnosis.package_script import script_above


def above(log: str, tool: str) -> str | None:
    """What is said of the program that the last line misses."""
    lines = log.splitlines()
    return script_above(dict(enumerate(lines, 1)), len(lines), tool)


@pytest.mark.parametrize(
    ("log", "script"),
    [
        ("> app@1.0.0 lint\n> eslint . --fix\n\nsh: 1: eslint: not found", "eslint . --fix"),
        ("> @team/app@1.0.0-rc.1 lint:all /w/app\n> tsc && eslint .\n\nsh: eslint: not found", "tsc && eslint ."),
        ("yarn run v1.22.19\n$ eslint .\n/bin/sh: 1: eslint: not found", "eslint ."),
        ("bundler: command not found: eslint", "bundler: command not found: eslint"),
    ],
)
def test_the_line_of_the_package_manager_is_found(log: str, script: str) -> None:
    assert above(log, "eslint") == script


@pytest.mark.parametrize(
    "log",
    [
        "> eslint .\nsh: 1: eslint: not found",  # nobody says that a package's script begins
        "$ eslint .\nsh: 1: eslint: not found",
        "> app@1.0.0 lint\n> eslint-of-ours .\n\nsh: 1: eslint: not found",
        "> app@1.0.0 eslint\n> sh lint.sh\n\nsh: 1: eslint: not found",
        "sh: 1: eslint: not found",
    ],
)
def test_other_lines_say_nothing(log: str) -> None:
    assert above(log, "eslint") is None


def test_a_program_of_the_machine_is_not_the_projects_though_a_script_calls_it() -> None:
    assert above("> app@1.0.0 native\n> make -C native\n\nsh: 1: make: not found", "make") is None
