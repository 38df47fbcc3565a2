"""`whyred login` as a person meets it on a terminal: what is asked, what is hidden, wrong answers, and scripts."""

import contextlib
import json
import os
import pty
import subprocess
import termios
from collections.abc import Sequence
from pathlib import Path

import pytest
from program import PROGRAM, environment, run
from standin import Standin, World, scenarios, standin

TOKEN, USER, PASSWORD, CODE = b"API token for ", b"User at ", b"Password of ", b"One-time code ("
KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
Answers = Sequence[tuple[bytes, str]]


class Terminal:
    """The program on a terminal, whose questions are answered as they come: (the question, what is typed)."""

    def __init__(self, folder: Path, arguments: Sequence[str], answers: Answers) -> None:
        env = environment(folder, TERM="dumb", **KEYRING)
        ours, theirs = pty.openpty()
        argv = ["setsid", "--ctty", *PROGRAM, *arguments]
        process = subprocess.Popen(argv, env=env, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs)
        seen, self.hidden = b"", []
        self.shown = b""
        for question, answer in answers:
            while question not in seen or b": " not in seen[seen.index(question) :]:
                seen += self._read(ours)
            seen = b""
            # The echo goes off before a hidden question is shown (getpass), so it needs no wait.
            self.hidden.append(not termios.tcgetattr(theirs)[3] & termios.ECHO)
            os.write(ours, answer.encode())
        os.close(theirs)
        with contextlib.suppress(OSError):  # EIO: the program has ended
            while chunk := self._read(ours):
                seen += chunk
        os.close(ours)
        self.code = process.wait()
        self.text = self.shown.decode().replace("\r\n", "\n")

    def _read(self, ours: int) -> bytes:
        chunk = os.read(ours, 1 << 16)
        self.shown += chunk
        return chunk


def tokens(folder: Path) -> dict[str, str | None]:
    """What is kept of each server: its token, and a mark for a web login."""
    file = folder / "data" / "whyred" / "credentials" / "credentials.json"
    servers = json.loads(file.read_text())["servers"] if file.exists() else {}
    web = {root: "web" if "web" in entry else None for root, entry in servers.items()}
    return {root: entry.get("token", {}).get("text", web[root]) for root, entry in servers.items()}


def served(name: str) -> tuple[World, contextlib.AbstractContextManager[Standin]]:
    world = scenarios.everyday()
    return world, standin(name, world)


def test_a_token_is_asked_for_hidden(tmp_path: Path) -> None:
    world, forge = served("forgejo-16")
    token = world.users["alice"].token("read:repository")
    with forge as open_:
        done = Terminal(tmp_path, ["login", open_.url], [(TOKEN, f"{token}\n")])
        assert (done.code, done.hidden, tokens(tmp_path)) == (0, [True], {open_.url: token})
    assert token not in done.text
    assert "API token of alice" in done.text or "API token (it may not say whose)" in done.text


def test_where_no_api_gives_logs_both_are_asked_for(tmp_path: Path) -> None:
    world, forge = served("forgejo-11")
    token, otto = world.users["otto"].token("all"), world.users["otto"]
    answers = [(TOKEN, f"{token}\n"), (USER, "otto\n"), (PASSWORD, f"{otto.password}\n"), (CODE, f"{otto.passcode}\n")]
    with forge as open_:
        done = Terminal(tmp_path, ["login", open_.url], answers)
    assert (done.code, done.hidden) == (0, [True, False, True, True])
    for secret in (token, otto.password, otto.passcode):
        assert secret not in done.text
    assert "web login of otto" in done.text


def test_a_wrong_answer_can_be_given_again(tmp_path: Path) -> None:
    world, forge = served("forgejo-11")
    token, otto = world.users["otto"].token("all"), world.users["otto"]
    answers = [(TOKEN, "wrong-canary\n"), (TOKEN, f"{token}\n"), (USER, "otto\n"), (PASSWORD, "wrong-canary\n")]
    answers += [(USER, "\n"), (PASSWORD, f"{otto.password}\n"), (CODE, f"{otto.passcode}\n")]
    with forge as open_:
        done = Terminal(tmp_path, ["login", open_.url], answers)
    assert done.code == 0
    assert "canary" not in done.text
    assert "does not accept this token: it answers HTTP 401. Try again" in done.text
    assert "did not accept user and password" in done.text


def test_a_wrong_code_costs_no_second_password(tmp_path: Path) -> None:
    world, forge = served("forgejo-16")
    otto = world.users["otto"]
    answers = [(USER, "otto\n"), (PASSWORD, f"{otto.password}\n"), (CODE, "000000\n"), (CODE, f"{otto.passcode}\n")]
    with forge as open_:
        done = Terminal(tmp_path, ["login", open_.url, "--web"], [(TOKEN, "\n"), *answers])
        posts = [seen.path for seen in open_.requests if seen.method == "POST"]
    assert done.code == 0, done.text
    assert posts == ["/user/login", "/user/two_factor", "/user/two_factor"]


def test_three_wrong_answers_are_the_end(tmp_path: Path) -> None:
    _, forge = served("forgejo-16")
    with forge as open_:
        done = Terminal(tmp_path, ["login", open_.url], [(TOKEN, "wrong\n")] * 3)
    assert done.code == 2
    assert done.text.rstrip().splitlines()[-1].startswith("whyred: ")
    assert tokens(tmp_path) == {}


@pytest.mark.parametrize(("key", "code"), [("\x04", 2), ("\x03", 130)], ids=["Ctrl-D", "Ctrl-C"])
@pytest.mark.parametrize("before", [[], [(TOKEN, "\n"), (USER, "alice\n")]], ids=["token", "password"])
def test_leaving_the_question(key: str, code: int, before: list[tuple[bytes, str]], tmp_path: Path) -> None:
    _, forge = served("forgejo-11")
    with forge as open_:
        question = PASSWORD if before else TOKEN
        later = [(USER, key)] if key == "\x04" and not before else []
        done = Terminal(tmp_path, ["login", open_.url], [*before, (question, key), *later])
    assert done.code == code
    assert "Traceback" not in done.text
    assert "bug" not in done.text
    assert tokens(tmp_path) == {}


@pytest.mark.parametrize("more", [[], ["--web"], ["--user", "alice"]])
def test_without_anybody_to_ask_it_ends_with_help(more: list[str], tmp_path: Path) -> None:
    _, forge = served("forgejo-11")
    with forge as open_:
        argv = [*PROGRAM, "login", open_.url, *more]
        process = subprocess.Popen(  # its standard input stays open, and says nothing
            argv, env=environment(tmp_path, **KEYRING), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        told = process.stderr.read()
        assert process.wait() == 2
        process.communicate()
    assert "--password-stdin" in told
    assert told.count("\n") == 1


def test_a_script_gives_user_password_and_code(tmp_path: Path) -> None:
    world, forge = served("forgejo-11")
    otto = world.users["otto"]
    with forge as open_:
        given = ["login", open_.url, "--user", "otto", "--password-stdin", "--code-stdin"]
        done = run(given, environment(tmp_path, **KEYRING), stdin=f"{otto.password}\n{otto.passcode}\n".encode())
        assert (done.code, done.err, tokens(tmp_path)) == (0, "", {open_.url: "web"})


TYPED = [
    "{host}{prefix}",
    "{host}{prefix}/",
    "http://{host}{prefix}/",
    "http://{host}{prefix}/alice/priv",
    "http://{host}{prefix}/alice/priv.git",
    "{host}{prefix}/alice/priv/",
    "http://{host}{prefix}/alice/priv/actions/runs/8/jobs/0/attempt/1",
    "http://{host}{prefix}/alice/priv/actions?workflow=a.yml&actor=0&status=0",
    "http://{host}{prefix}/alice/priv/issues/3#issuecomment-1",
    "http://{host}{prefix}/user/settings/applications",
    "  http://{host}{prefix}  ",
    "HTTP://{host}{prefix}",
]


@pytest.mark.parametrize(("prefix", "typed"), [*((p, t) for t in TYPED for p in ("", "/git")), ("", "{host}/alice")])
def test_an_address_as_it_is_typed_or_copied(typed: str, prefix: str, tmp_path: Path) -> None:
    world = scenarios.everyday()
    token = world.users["alice"].token("read:repository")
    env = environment(tmp_path, **KEYRING)
    with standin("forgejo-16", world, prefix=prefix) as forge:
        url = typed.format(host=forge.url.removeprefix("http://").removesuffix(prefix), prefix=prefix)
        done = run(["login", url, "--token-stdin"], env, stdin=token.encode())
        assert (done.code, done.err, tokens(tmp_path)) == (0, "", {forge.url: token})
        gone = run(["logout", url], env)
        assert (gone.out, tokens(tmp_path)) == (f"forgot {forge.url}\n", {})
