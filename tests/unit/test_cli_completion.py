"""The tab key in real shells: what a person types, and the words that the program gets at the end."""

import contextlib
import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from program import SOURCE, environment

JOBS = ["build", "unit (1)", "unit (2)", "it's $HOME; `x`", "a,b,", "deploy: eu"]
SEEN = {
    "alice/priv#12": {"title": "red", "jobs": JOBS},
    "alice/priv#13": {"title": "green: it works, now", "jobs": []},
    "otto/app#1": {"title": "", "jobs": []},
}
READY = "READY"
START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
SETUP = {
    "bash": 'eval "$(_WHYRED_COMPLETE=bash_source whyred)"',
    "zsh": 'autoload -U compinit; compinit -D -u; zstyle ":completion:*" menu no; unsetopt automenu listambiguous; '
    'eval "$(_WHYRED_COMPLETE=zsh_source whyred)"',
    "fish": "function fish_prompt; end; set -g fish_greeting; _WHYRED_COMPLETE=fish_source whyred | source",
}


class Shell:
    """An interactive shell on a terminal, in which `whyred` completes as it does, and else shows its words."""

    def __init__(self, name: str, folder: Path) -> None:
        self.words = folder / "words"
        (folder / "bin").mkdir()
        program = folder / "bin" / "whyred"
        program.write_text(
            f'#!/bin/sh\nif [ -n "$_WHYRED_COMPLETE" ]; then exec {sys.executable} -m whyred "$@"; fi\n'
            f"exec {sys.executable} -c 'import json,sys; print(json.dumps(sys.argv[1:]))' \"$@\" > {self.words}\n"
        )
        program.chmod(0o755)
        (folder / "cache" / "whyred").mkdir(parents=True)
        (folder / "cache" / "whyred" / "seen.json").write_text(json.dumps(SEEN))
        env = environment(folder, TERM="dumb" if name == "bash" else "xterm", PS1="", PYTHONPATH=str(SOURCE))
        env["PATH"] = f"{folder / 'bin'}:{env['PATH']}"
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *START[name]], env=env, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        self.shown = b""
        self.type(f"{SETUP[name]}\n")
        self.type("echo REA''DY\n")
        self.until(READY)

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def until(self, text: str) -> None:
        while text.encode() not in self.shown:
            self.shown += os.read(self.ours, 1 << 16)  # EIO, an error of the test, where the shell has ended

    def got(self, typed: str) -> list[str]:
        """The words of the command that came of it."""
        self.shown = b""
        self.type(f"{typed}\n")
        self.type("echo REA''DY\n")
        self.until(READY)
        words: list[str] = json.loads(self.words.read_text())
        return words

    def close(self) -> None:
        self.process.kill()
        with contextlib.suppress(OSError):
            while os.read(self.ours, 1 << 16):
                pass
        os.close(self.ours)
        self.process.wait()


def opened(name: str, folder: Path) -> Shell:
    if shutil.which(name) is None:
        pytest.skip(f"needs {name}")
    return Shell(name, folder)


TYPED = [
    ("whyred doc\t", ["doctor"]),
    ("whyred logs al\t", ["logs", "alice/priv"]),
    ("whyred logs alice/priv#13\t", ["logs", "alice/priv#13"]),
    ("whyred logs alice/priv#12:b\t", ["logs", "alice/priv#12:build"]),
    ("whyred logs alice/priv#12:unit\t1\t", ["logs", "alice/priv#12:unit (1)"]),
    ("whyred logs alice/priv#12:it\t", ["logs", "alice/priv#12:it's $HOME; `x`"]),
    ("whyred logs alice/priv#12:a\t", ["logs", "alice/priv#12:a,b,"]),
    ("whyred logs alice/priv#12:d\t", ["logs", "alice/priv#12:deploy: eu"]),
    ("whyred logs --raw alice/priv#12:b\t --json", ["logs", "--raw", "alice/priv#12:build", "--json"]),
    ("whyred why --format=mark\t a.log", ["why", "--format=markdown", "a.log"]),
]


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_real_shell(name: str, tmp_path: Path) -> None:
    shell = opened(name, tmp_path)
    try:
        (tmp_path / "some.log").write_text("")
        for typed, words in TYPED:
            assert shell.got(typed) == words, typed
        assert shell.got("whyred logs ./so\t") == ["logs", "./some.log"]
    finally:
        shell.close()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ('whyred logs "alice/priv#12:un\t1\t', ["logs", "alice/priv#12:unit (1)"]),
        ("whyred logs alice/priv#12:unit\\ \\(2\t", ["logs", "alice/priv#12:unit (2)"]),
        ("whyred logs alice/priv#12:\tb\t", ["logs", "alice/priv#12:build"]),
        ("whyred logs alice/priv#12:deploy:\t", ["logs", "alice/priv#12:deploy: eu"]),
    ],
)
def test_bash_cuts_words_where_it_likes(typed: str, words: list[str], tmp_path: Path) -> None:
    shell = opened("bash", tmp_path)
    try:
        assert shell.got(typed) == words
        shell.type("COMP_WORDBREAKS=${COMP_WORDBREAKS//:}\n")
        assert shell.got(typed) == words, "where the user took the colon out"
    finally:
        shell.close()
