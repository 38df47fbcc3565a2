"""What a script prints, as far as its text says it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.workflows.prints import prints


def texts(script: str) -> list[str]:
    return ["*".join(p.parts) for p in prints(script)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('echo "all is well"', ["all is well"]),
        ("echo all   is  well", ["all is well"]),
        ("echo -e '  indented text'", ["  indented text"]),
        ('echo "path \\"/tmp/x\\"" >&2; exit 3', ['path "/tmp/x"']),
        ("printf '%s\\n' 'first line' 'second line'", ["first line", "second line"]),
        ("printf 'took %d seconds\\n' 5", ["took * seconds"]),
        ('echo "version $VERSION is out"', ["version * is out"]),
        ("echo building ${{ matrix.os }} now", ["building * now"]),
        ("cargo build && echo 'build is done'", ["build is done"]),
        ("echo 'to a file' > x.txt", []),
        ("echo 'name=value' >> \"$GITHUB_OUTPUT\"", []),
        ("echo 'through a pipe' | tr a b", []),
        ("echo ok", []),
        ("echo $EVERYTHING is unknown", []),
        ("echo 'text over\ntwo lines'", []),
        ("echoes of a command", []),
        ("# echo of a comment", []),
        ("echo '::group::Install the packages'", []),
        ("echo -n 'Checking the lock file'; make check", ["Checking the lock file*"]),
        ("printf 'no end of a line'", ["no end of a line*"]),
        ("cat > deploy.sh <<'EOF'\necho 'Deploying the site'\nEOF", []),
        ("{\n  echo 'Version is one'\n} > report.md", []),
        ("for n in 1 2; do\n  echo 'in a loop'\ndone > report.md", []),
        ("exec > all.log\necho 'to a file'", []),
    ],
)
def test_texts(script: str, expected: list[str]) -> None:
    assert texts(script) == expected


@pytest.mark.parametrize(
    "script",
    [
        "cd app && npm run lint\necho 'Starting the tests'",
        "set -e; make lint\necho 'Starting the tests'",
        "mkdir x && cmake ..\necho 'Starting the tests'",
        "export A=$(make version)\necho 'Starting the tests'",
        "echo Install the packages # of the app",
        "echo files: *.log",
        "echo $'Install the packages'",
        "set -ex\necho 'Starting the tests'",
    ],
)
def test_what_may_print_before_a_text_or_make_another_of_it(script: str) -> None:
    assert not any(told.first for told in prints(script))


@pytest.mark.parametrize(
    "script",
    [
        "echo 'Configuring the build'\ncd build && make",
        "trap 'docker compose down' EXIT\necho 'Build is done'",
        "./server &\necho 'Server is started'",
        "make\necho 'Build is done'\nmake install",
    ],
)
def test_a_script_may_say_more_after_a_text(script: str) -> None:
    assert not any(told.last for told in prints(script))


def test_quiet_commands_come_before_the_first_text() -> None:
    (told,) = prints("set -euo pipefail\ncd app\nmkdir -p out\nexport A=b\nX=1\necho 'Starting the tests'")
    assert (told.first, told.last) == (True, True)


def test_a_script_of_many_lines_is_not_looked_at() -> None:
    assert prints("echo 'a line of it'\n" * 401) == ()


def test_where_a_text_stands() -> None:
    first, middle, last = prints("set -e\necho starting\ncargo build\necho halfway\nmake\necho finished")
    assert (first.first, first.last) == (True, False)
    assert (middle.first, middle.last) == (False, False)
    assert (last.first, last.last) == (False, True)


def test_a_text_is_not_first_after_a_command_that_may_print() -> None:
    (told,) = prints("cargo build\necho finished")
    assert not told.first


def test_a_text_that_is_printed_under_a_condition_proves_nothing_by_its_absence() -> None:
    told = prints("if broken; then\n  echo broken\nfi\necho went well")
    assert [(p.parts[0], p.first) for p in told] == [("broken", False), ("went well", False)]


@pytest.mark.parametrize("script", ["echo is broken; exit 7", "echo is broken\nexit 7"])
def test_the_status_with_which_a_script_ends_after_a_text(script: str) -> None:
    (told,) = prints(script)
    assert (told.exits, told.last) == (7, False)


@given(st.text(max_size=300))
def test_any_text_is_a_script(script: str) -> None:
    for told in prints(script):
        assert told.parts
        assert told.parts[0]


def test_a_script_that_is_traced_prints_its_commands_first() -> None:
    assert not any(p.first for p in prints("set -ex\necho starting\nmake"))
