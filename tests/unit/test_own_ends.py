"""What a script says of the ends that it sets itself."""

import pytest

from whyred.workflows.own_ends import asks_to_end, files, kills, memory_limit, nounset, time_limit


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("timeout 60 make test", "timeout 60"),
        ("set -e\ntimeout -k 5 2m ./run --all", "timeout -k 5 2m"),
        ("\t@timeout --signal=KILL 1.5h python3 a.py", "timeout --signal=KILL 1.5h"),
        ("sudo timeout --foreground 30s npm test", "timeout --foreground 30s"),
        ("if ! gtimeout 5 curl x; then exit 1; fi", "gtimeout 5"),
        ("curl --connect-timeout 60 x", None),
        ("# timeout 60 make", None),
        ("echo the timeout 60 s is over", "timeout 60"),
        ("timeout = 60", None),
        ("timeout-minutes: 60 ", None),
    ],
)
def test_a_time_limit_is_a_call_of_timeout(text: str, told: str | None) -> None:
    assert time_limit([text]) == told


@pytest.mark.parametrize(
    "text",
    [
        "kill -9 $$",
        "sh -c 'kill -9 $$'",
        "pkill -KILL -f worker",
        "timeout -k 1 2 python3 a.py",
        "timeout -s KILL 20 make",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "    child.kill()",
        "process.kill(process.pid, 'SIGKILL')",
        "kill(getpid(), SIGKILL);",
        "p.destroyForcibly();",
        "syscall.Kill(pid, syscall.SIGKILL)",
        "cmd.Process.Kill()",
        "process.exit(137)",
        "\t@echo checking; exit 137",
        "sys.exit(137)",
    ],
)
def test_who_kills_is_told(text: str) -> None:
    assert kills([text]) is not None
    assert asks_to_end([text]) is None


@pytest.mark.parametrize(
    "text",
    [
        "kill $SERVER",
        "kill -TERM 0",
        "kill %1",
        "pkill -f worker",
        "killall node",
        'trap "kill $PID" EXIT',
        "os.kill(os.getpid(), signal.SIGTERM)",
        "proc.terminate()",
        "child.kill('SIGTERM')",
        "raise(SIGTERM);",
        "exit 143",
    ],
)
def test_who_asks_to_end_is_told(text: str) -> None:
    assert asks_to_end([text]) is not None
    assert kills([text]) is None


@pytest.mark.parametrize(
    "text", ["echo killed 9 jobs", "make skill", "exit 1", "# kill -9 $$", "// p.kill()", "x.kill_all"]
)
def test_what_ends_nothing_is_not_told(text: str) -> None:
    assert kills([text]) is None
    assert asks_to_end([text]) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("java -Xmx32m A", "-Xmx32m"),
        ("NODE_OPTIONS=--max-old-space-size=32 npm test", "--max-old-space-size=32"),
        ("ulimit -v 100000", "ulimit -v 100000"),
        ("org.gradle.jvmargs=-Xmx512m -Dx=y", "-Xmx512m"),
        ("php -d memory_limit=8M a.php", "memory_limit=8M"),
        ("resource.setrlimit(resource.RLIMIT_AS, (1, 1))", "RLIMIT_AS"),
        ("ulimit -n 100", None),
        ("java -Xms32m A", None),
    ],
)
def test_a_limit_of_memory_is_told_alone(text: str, told: str | None) -> None:
    assert memory_limit([f"TOKEN=canary-5e1f {text}"]) == told


def test_the_files_of_a_script() -> None:
    assert files("make test") == ["Makefile", "makefile", "GNUmakefile"]
    assert files("python3 tests/a.py --out=x.log\ncat /etc/passwd ../b.sh https://a.example/c.sh") == [
        "tests/a.py",
        "x.log",
    ]
    assert files("./scripts/run 'my.js'") == ["scripts/run", "my.js"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("set -u", "set -u"),
        ("echo a\nset -euo pipefail", "set -euo"),
        ("set -e -o nounset", "set -e -o nounset"),
        ("#!/bin/bash -eu\necho $A", "bash -eu"),
        ("bash -u tests/run.sh", "bash -u"),
        ("set -e\nset -o pipefail", None),
        ("set -x; set +u", None),
        ("sudo -u ci make", None),
        ("git push --set-upstream origin main", None),
    ],
)
def test_who_ends_at_an_unset_variable_is_told(text: str, told: str | None) -> None:
    assert nounset([text]) == told


@pytest.mark.parametrize(
    "text",
    [
        'timeout 5 curl -H "Authorization: token canary-9d1" -k https://ci.example.org/',
        "prog +RTS canary-9d1 -M512m",
    ],
)
def test_what_stands_between_a_program_and_an_option_of_another_is_not_told(text: str) -> None:
    told = [f([text]) for f in (time_limit, kills, asks_to_end, memory_limit, nounset)]
    assert "canary-9d1" not in str(told)
    assert kills([text]) is None


@pytest.mark.parametrize("word", ["timeout --a", "timeout" + " --a" * 900, "set -a -b", "+RTS -a", "kill -s", "IFS=x"])
def test_a_hostile_line_takes_no_more_steps_than_it_is_long(word: str) -> None:
    text = (word + " ") * (4000 // len(word)) + "x"
    for told in (time_limit, kills, asks_to_end, memory_limit, nounset):
        told([text])  # an expression that tries all ways to split it would not come back
