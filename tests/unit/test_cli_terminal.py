"""What a person sees on a terminal, and what a program gets through a pipe."""

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from program import FOUNDING, PROGRAM, environment, run

from whyred.faces.cli import streams
from whyred.faces.cli.layout import cells, cut, fit, paint
from whyred.faces.cli.program import cli

ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
LOG = FOUNDING + "".join(f"2026-01-01T10:00:03.0000000Z note {n} {'✅ wide ' * 30}\n" for n in range(3))
ROWS = [
    "POSSIBLE  " + "a very long name of a run " * 6,
    "  > 2 | error: " + "x" * 200,
    "  also line 12: error: " + "y" * 200,
    "    + " + "the name was made by rustc " * 8 + " [log line 6]",
    "  possible: some-cause: " + "words of its title " * 8,
    "remedy   Restart it (`systemctl restart UNIT --with --many --options`) " + "and so on " * 12,
    "wrong    host  mount-state /tmp          private-tmp-deleted; " + "links 0, deleted yes, " * 8,
    "12. " + "a question with an answer " * 8,
]


class Screen:
    """What the program showed on a terminal of a given size."""

    def __init__(self, folder: Path, columns: int, *arguments: str, **more: str) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        env = environment(folder, TERM="xterm-256color") | more
        process = subprocess.Popen(
            [*PROGRAM, *arguments], env=env, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        data = bytearray()
        with contextlib.suppress(OSError):  # EIO: the last one who held the terminal's other end is gone
            while chunk := os.read(ours, 1 << 16):
                data += chunk
        os.close(ours)
        self.code = process.wait()
        self.raw = data.decode()
        shown = [row.rpartition("\r")[2] for row in self.raw.replace("\r\n", "\n").split("\n")]
        self.rows = [ESCAPE.sub("", row) for row in shown]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.log").write_text(LOG)
    return tmp_path


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("command", [["why", "--explain", "a.log"], ["read", "a.log"], ["doctor"]], ids=" ".join)
def test_no_row_is_wider_than_the_terminal(folder: Path, columns: int, command: list[str]) -> None:
    screen = Screen(folder, columns, *command)
    assert screen.code in (0, 1)
    wide = [row for row in screen.rows if cells(row) > columns and max(map(cells, row.split())) <= columns - 4]
    assert wide == []


def test_the_error_line_is_cut_and_prose_goes_on_below_itself(folder: Path) -> None:
    rows = Screen(folder, 80, "why", "a.log").rows
    (error,) = [row for row in rows if row.startswith("  > 2 |")]
    assert error.endswith("…")
    start = next(i for i, row in enumerate(rows) if row.startswith("    + the name"))
    assert re.match(r" {6}\S", rows[start + 1])


def test_piped_it_is_neither_cut_nor_coloured(folder: Path) -> None:
    ended = run(["why", "a.log"], environment(folder, TERM="xterm-256color", COLUMNS="40"), cwd=folder)
    assert '(os error 2) at path "/tmp/rustcw8Eey1"\n' in ended.out
    assert "\x1b" not in ended.out + ended.err
    assert ended.err == ""
    assert "…" not in ended.out


@pytest.mark.parametrize(
    ("more", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": ""}, False),
    ],
    ids=str,
)
def test_colour(folder: Path, more: dict[str, str], coloured: bool) -> None:
    screen = Screen(folder, 80, "why", "a.log", **more)
    assert bool(re.search(r"\x1b\[(?:1|3\d)m", screen.raw)) is coloured
    assert any(row.startswith("POSSIBLE") for row in screen.rows)


@pytest.mark.parametrize("form", ["json", "markdown"])
def test_other_forms_are_the_same_on_a_terminal(folder: Path, form: str) -> None:
    shown = "\n".join(Screen(folder, 80, "why", "a.log", "--format", form).rows)
    assert run(["why", "a.log", "--format", form], environment(folder), cwd=folder).out in shown


def test_markdown_and_json_tell_the_questions_as_well(folder: Path) -> None:
    env = environment(folder)
    markdown = run(["why", "a.log", "--format", "markdown", "--explain"], env, cwd=folder).out
    assert "## Questions\n" in markdown
    said = json.loads(run(["why", "a.log", "--json", "--explain"], env, cwd=folder).out)
    assert said["questions"]


def test_progress_is_shown_to_a_person_and_leaves_nothing(folder: Path) -> None:
    (folder / "big.log").write_bytes(LOG.encode() * 40_000)
    screen = Screen(folder, 60, "read", "big.log")
    assert re.search(r"reading files: big\.log: \d+ MiB", screen.raw)
    assert not any("MiB" in row for row in screen.rows)
    assert "MiB" not in Screen(folder, 60, "read", "big.log", TERM="dumb").raw


def test_no_progress_shows_a_token(folder: Path) -> None:
    token = "ghp_0123456789abcdefABCDEF0123456789abcd"
    (folder / "logs").mkdir()
    for name in (f"0_deploy {token}", "1_build"):
        (folder / "logs" / f"{name}.txt").write_text(LOG)
    screen = Screen(folder, 200, "compare", "logs:deploy", "logs:build")
    assert "deploy ***" in screen.raw
    assert token not in screen.raw


def test_progress_is_cut_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    progress = streams.Progress()
    progress("reading " + "x" * 100 + "\x1b[2J\n")
    text = ESCAPE.sub("", shown.getvalue()).strip("\r")
    assert cells(text) <= 39
    assert "\n" not in text
    progress.clear()
    progress.clear()
    assert shown.getvalue().count("\r\x1b[K") == 1


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r[:12])
@pytest.mark.parametrize("width", [40, 80, 119])
def test_a_fitted_row_loses_no_word(row: str, width: int) -> None:
    rows = fit(row, width).split("\n")
    assert all(cells(r) <= width for r in rows)
    if "…" in rows[0]:
        assert len(rows) == 1
    else:
        assert " ".join(" ".join(rows).split()) == " ".join(row.split())
        assert all(r.startswith("  ") for r in rows[1:])


def test_a_command_and_an_origin_stay_whole() -> None:
    rows = fit(ROWS[5] + "[probe mount-state]", 80).split("\n")
    assert any("`systemctl restart UNIT --with --many --options`" in r for r in rows)
    assert any(
        "[probe mount-state]" in r for r in fit(ROWS[3].replace("[log line 6]", "[probe mount-state]"), 61).split("\n")
    )


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])), st.integers(40, 130))
def test_any_text_is_fitted(text: str, width: int) -> None:
    assert "".join(fit("x" + text, width).split()) == "".join(f"x{text}".split())
    assert cells(cut(text, width)) <= width


def test_what_is_narrow_enough_is_not_touched() -> None:
    text = "CONFIRMED  x\n\n  > 2 | error:  two  spaces\n"
    assert fit(text, 80) == text
    assert ESCAPE.sub("", paint(text)) == text
    assert fit("x " * 100, 20) == "x " * 100


def test_a_further_row_of_evidence_keeps_its_colour() -> None:
    rows = paint("    + one\n      two\n    plain\n").split("\n")
    assert [r.startswith("\x1b[32m") for r in rows] == [True, True, False, False]


@pytest.mark.parametrize("command", ["", *cli.list_commands(click.Context(cli))])
def test_help_fits_80_columns(folder: Path, command: str) -> None:
    rows = Screen(folder, 80, *filter(None, [command]), "--help").rows
    assert [row for row in rows if cells(row) > 80] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_had(tmp_path: Path, shell: str) -> None:
    env = environment(tmp_path, _WHYRED_COMPLETE=f"{shell}_source")
    script = run([], env).out
    assert "_WHYRED_COMPLETE" in script
    assert f"{shell}_source" in run(["--help"], environment(tmp_path)).out


def completed(folder: Path, words: str) -> list[str]:
    """What bash is told for the last of the words."""
    env = environment(folder, _WHYRED_COMPLETE="bash_complete", COMP_BEGUN=words, COMP_WORD=words.split(" ")[-1])
    return run([], env, cwd=folder).out.split()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("whyred do", ["plain,doctor"]),
        ("whyred why --ho", ["plain,--host"]),
        ("whyred why --format ma", ["plain,markdown"]),
        ("whyred why loc", ["plain,local"]),
        ("whyred why a.l", ["file,a.l"]),
        ("whyred why --baseline loc", ["plain,local"]),
        ("whyred _", []),
    ],
)
def test_what_is_completed(folder: Path, words: str, wanted: list[str]) -> None:
    assert completed(folder, words) == wanted


def test_local_is_not_put_before_a_file_of_that_name(folder: Path) -> None:
    (folder / "logs.txt").write_text("")
    assert completed(folder, "whyred why lo") == ["file,lo"]


def test_a_row_whose_lead_is_wider_than_the_terminal_is_wrapped_whole() -> None:
    row = "fine     a-runner-with-a-name  directory-state /var/tmp  entries 0, exists yes, kind directory"
    rows = fit(row, 40).split("\n")
    assert max(map(cells, rows)) <= 40
    assert " ".join(" ".join(rows).split()) == " ".join(row.split())


def test_a_newcomer_with_a_red_run_finds_the_way_on_one_screen(tmp_path: Path) -> None:
    """Whichever end of the help the screen shows: the beginning by a pager, the last rows by a terminal."""
    rows = Screen(tmp_path, 80, "--help").rows
    for screen in (rows[:24], rows[-23:]):
        text = "\n".join(screen)
        for told in ("whyred login", "Forgejo", "OWNER/REPO#RUN", "Gitea", "GitHub", "GitLab", "log file"):
            assert told in text, f"{told}:\n{text}"
