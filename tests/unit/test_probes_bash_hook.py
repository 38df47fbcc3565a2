"""What a file of BASH_ENV does to every script: the last word counts, and nothing else of the file is told."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from whyred.hosts.local import LocalHost
from whyred.model.host import Subject
from whyred.probes.bash_hook import PROBE

CANARY = "canary-41c"


@contextmanager
def process(hook: Path) -> Iterator[int]:
    """A process that was started with this file as BASH_ENV."""
    env = {"BASH_ENV": str(hook), "PATH": os.environ["PATH"]}
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        started.stdin.write(b"x\n")
        started.stdin.flush()
        started.stdout.readline()  # the program itself runs now, with this environment
        yield started.pid
        started.stdin.close()


def facts(folder: Path, text: str) -> dict[str, object]:
    hook = folder / "hook.sh"
    hook.write_text(text)
    with process(hook) as pid:
        data = PROBE.ask(LocalHost(), Subject("a process", pid=pid), {})
    assert CANARY.encode() not in data
    return dict(PROBE.read(data))


@pytest.mark.parametrize(
    ("text", "nounset"),
    [
        ("set -u\n", True),
        ("set -euo pipefail\n", True),
        ("set -e -o nounset\n", True),
        ("set -u\n. /etc/more.sh\nset +u\n", False),
        ("set -o nounset\nset +eu\n", False),
        ("set +u\nset -u\n", True),
        ("set -e\nset -o pipefail\n", False),
        ("f() {\n  set -u\n}\n", False),
    ],
)
def test_the_last_word_on_variables_that_are_not_set_counts(tmp_path: Path, text: str, nounset: bool) -> None:
    assert facts(tmp_path, text)["nounset"] is nounset


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("IFS=$'\\n\\t'\n", "IFS="),
        ("export IFS=', '\n", "export IFS="),
        (f"IFS=: read -r a b <<< {CANARY}\n", None),
        (f"IFS=; KEY={CANARY}\n", None),
        ("shopt -s nullglob\n", "shopt -s nullglob"),
        (f"export KEY={CANARY}\n", None),
    ],
)
def test_only_what_stays_set_is_told_of_options(tmp_path: Path, text: str, options: str | None) -> None:
    assert facts(tmp_path, text)["options"] == options
