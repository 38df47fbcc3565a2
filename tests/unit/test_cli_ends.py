"""What is said first where a forge refuses: what it means for this command, never of a log that nobody asked for."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from program import environment, run
from standin import faults, scenarios, standin

from whyred.model.source import Missing, MissingLogError
from whyred.reports.refusal import render_json

CANARY = "0123456789abcdef0123456789abcdefcanary00"
KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


def closed() -> str:
    """The address of a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


WORDS = [
    (["login", "{url}", "--token-stdin"], "not logged in"),
    (["access", "{url}"], "cannot try the routes"),
    (["access", "alice/priv", "--server", "{url}"], "cannot try the routes"),
    (["runs", "alice/priv", "--server", "{url}"], "no list of runs"),
    (["rerun", "alice/priv#1", "--server", "{url}"], "refused"),
    (["logs", "alice/priv#1", "--server", "{url}"], "no log"),
    (["why", "alice/priv#1", "--server", "{url}"], "no log"),
]


@pytest.mark.parametrize(("command", "words"), WORDS)
def test_a_server_that_does_not_answer(command: list[str], words: str, tmp_path: Path) -> None:
    url = closed()
    ended = run([part.format(url=url) for part in command], environment(tmp_path, **KEYRING), stdin=b"a-token")
    assert (ended.code, ended.out) == (4, "")
    assert ended.one_line().startswith(f"whyred: {words} (unreachable): GET {url}/")


@pytest.mark.parametrize(("command", "words"), WORDS)
def test_a_port_that_speaks_no_tls(command: list[str], words: str, tmp_path: Path) -> None:
    with standin("forgejo-16", scenarios.everyday()) as forge:
        url = forge.url.replace("http://", "https://")
        ended = run([part.format(url=url) for part in command], environment(tmp_path, **KEYRING), stdin=b"a-token")
    assert (ended.code, ended.out) == (4, "")
    assert ended.one_line().startswith(f"whyred: {words} (tls-failed): GET {url}/")


@pytest.mark.parametrize(
    "command",
    [
        ["runs"],
        ["logs"],
        ["why"],
        ["why", "--format", "json"],
        ["status"],
        ["save", "{folder}/b.whyred"],
        ["rerun"],
        ["access"],
    ],
    ids=" ".join,
)
def test_who_wants_json_gets_the_refusal_as_json(command: list[str], tmp_path: Path) -> None:
    name, *more = [part.format(folder=tmp_path) for part in command]
    form = () if "json" in more else ("--json",)
    with standin("forgejo-16", scenarios.everyday()) as forge:
        given = [name, "alice/nope#1" if name not in ("runs", "status") else "alice/nope", *more, *form]
        home = environment(tmp_path, WHYRED_SERVER=forge.url, WHYRED_TOKEN=CANARY, **KEYRING)
        ended = run(given, home)
    (line,) = ended.out.splitlines()
    told = json.loads(line)
    assert ended.code == 4
    if name == "access":  # its own table tells all of it
        assert told["schema"] == "whyred.access/1"
        return
    assert told["schema"] == "whyred.refusal/1"
    assert f"{told['asked']}: " in ended.err
    assert f": {told['help']}" in ended.err or f". {told['help']}" in ended.err
    assert told["reason"] in ended.err
    assert CANARY not in ended.out


def test_a_refusal_of_every_route_is_masked(tmp_path: Path) -> None:
    hidden = MissingLogError(Missing.NEEDS_TOKEN, f"GET /{CANARY}", f"it said {CANARY}")
    error = MissingLogError(Missing.NEEDS_TOKEN, "asked", "help", (("forgejo-api", hidden),))
    told = json.loads(render_json(error, lambda text: text.replace(CANARY, "***")))
    masked = {"route": "forgejo-api", "reason": "needs-token", "asked": "GET /***", "help": "it said ***"}
    assert told["tried"] == [masked]


def test_the_end_stays_the_last_line_of_a_log_that_is_followed(tmp_path: Path) -> None:
    given = ["logs", "alice/nope#1", "--server", closed(), "--follow", "--json"]
    ended = run(given, environment(tmp_path, **KEYRING))
    refused, last = map(json.loads, ended.out.splitlines())
    assert refused["reason"] == "unreachable"
    assert last == {"schema": "whyred.logs/1", "conclusion": "unknown", "exit_code": 4}


@pytest.mark.parametrize("word", ["bogus", "2"])
def test_a_status_that_is_none_is_refused(word: str, tmp_path: Path) -> None:
    ended = run(["runs", "alice/priv", "--server", closed(), "--status", word], environment(tmp_path, **KEYRING))
    assert (ended.code, ended.out) == (2, "")
    assert "wants one of success, failure, cancelled," in ended.one_line()


def test_runs_by_the_words_and_paths_that_people_write(tmp_path: Path) -> None:
    world = scenarios.everyday()
    made = scenarios.failing(world.named("alice/priv"))
    made.workflow = "odd.yml"
    with standin("forgejo-16", world) as forge:
        home = environment(tmp_path, WHYRED_SERVER=forge.url, WHYRED_TOKEN=str(world.users["alice"].token()), **KEYRING)
        ended = run(["runs", "alice/priv", "--status", "FAILED", "--workflow", ".forgejo/workflows/odd.yml"], home)
    assert ended.code == 0
    assert "odd.yml" in ended.out


@pytest.mark.parametrize("target", ["dev/x#abc", "dev/x#0", "dev/x@", "127.0.0.1:21247/dev/x/actions/runs/1"])
def test_a_mistyped_run_is_told_how_runs_are_named(target: str, tmp_path: Path) -> None:
    ended = run(["logs", target], environment(tmp_path, **KEYRING))
    assert ended.code == 2
    assert "on a forge owner/repo, owner/repo#RUN, owner/repo@SHA" in ended.one_line()
    assert ("write https:// (or http://) before" in ended.err) == ("/actions/" in target)


@pytest.mark.parametrize("command", ["rerun", "cancel"])
def test_no_target_is_offered_that_is_refused(command: str, tmp_path: Path) -> None:
    text = run([command, "--help"], environment(tmp_path, **KEYRING)).out
    assert "A TARGET is" in text
    assert not any(word in text for word in ("BUNDLE", "standard input", "local:N"))
    assert "  FILE  " not in text.partition("A TARGET is")[2]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--token-stdin"], "does not accept this token"),
        (["--user", "alice", "--password-stdin"], "did not accept user and password"),
        (["--user", "otto", "--password-stdin"], "not logged in (needs-two-factor)"),
    ],
)
def test_what_a_login_is_refused_for(given: list[str], told: str, tmp_path: Path) -> None:
    world = scenarios.everyday()
    password = world.users["otto"].password if "otto" in given else "wrong-canary"
    with standin("forgejo-11", world) as forge:
        ended = run(["login", forge.url, *given], environment(tmp_path, **KEYRING), stdin=f"{password}\n".encode())
    assert ended.code in (2, 4)
    assert told in ended.one_line()
    assert "no log" not in ended.err.replace("no log-in", "").replace("no login", "")
    assert password not in ended.err


@pytest.mark.parametrize("more", [["--token-stdin", "d33e36canary"], ["d33e36canary", "--web"]])
def test_a_token_that_is_given_as_an_argument_is_not_repeated(more: list[str], tmp_path: Path) -> None:
    ended = run(["login", closed(), *more], environment(tmp_path, **KEYRING))
    assert (ended.code, ended.out) == (2, "")
    assert "d33e36canary" not in ended.err
    assert "give that on standard input, with --token-stdin" in ended.one_line()


def test_a_gate_in_front_of_the_login(tmp_path: Path) -> None:
    with standin("forgejo-16", scenarios.everyday()) as forge:
        forge.fault(faults.html(), on="/user/login", method="POST")
        given = ["login", forge.url, "--user", "alice", "--password-stdin"]
        ended = run(given, environment(tmp_path, **KEYRING), stdin=b"x\n")
    assert ended.one_line().startswith("whyred: not logged in (refused-content): POST ")


SECRETS = {
    "kept": "plain-canary-kept-7Q",
    "other": "plain-canary-other-7Q",
    "cookie": "plain-canary-cookie-7Q",
    "given": "plain canary/given+7Q'",
    "variable": "plain-canary-variable-7Q",
    "typed": "plain-canary-typed-7Q",
}
BROKEN = """
import sys, urllib.parse
from whyred.faces.cli import main
from whyred.faces.cli.commands import login
import whyred.app.access, whyred.app.login
from whyred.model.credential import Cookie, Credential
from whyred.settings.credentials import Credentials

def broken(*arguments, **more):
    texts = {secrets!r}.values()
    try:
        raise ValueError(" ".join(f"<{{t}}>" for t in texts))
    except ValueError as e:
        raise AssertionError([*texts, *map(urllib.parse.quote_plus, texts)]) from e

whyred.app.access.access = whyred.app.login.find_root = broken
if sys.argv[1] == "login":
    whyred.app.login.login = lambda url, forges, asks, web: broken(asks.token(None, ""))
sys.argv[0] = "whyred"
main.main()
"""


@pytest.mark.parametrize("command", [["access", "{url}/alice/priv"], ["login", "{url}", "--token-stdin"]])
def test_no_credential_is_in_what_is_written_of_a_bug(command: list[str], tmp_path: Path) -> None:
    url = closed()
    folder = tmp_path / "data" / "whyred" / "credentials"
    env = environment(tmp_path, **KEYRING, WHYRED_SERVER="https://given.example", WHYRED_TOKEN=SECRETS["given"])
    store = (
        "import os; from pathlib import Path; from whyred.settings.credentials import *\n"
        "from whyred.settings.system_keyring import SystemKeyring\n"
        f"c = Credentials(Path({str(folder)!r}), SystemKeyring('x'))\n"
        f"c.put({url!r}, Credential({SECRETS['kept']!r}, (Cookie('i', {SECRETS['cookie']!r}),)))\n"
        f"c.put('https://other.example', Credential({SECRETS['other']!r}))\n"
    )
    subprocess.run([sys.executable, "-c", store], env=env, check=True)
    known = SECRETS if command[0] == "login" else {k: v for k, v in SECRETS.items() if k != "typed"}
    code = BROKEN.format(secrets=known)
    argv = [sys.executable, "-c", code, *(part.format(url=url) for part in command)]
    env |= {"SOME_SERVICE_PASSWORD": SECRETS["variable"]}
    done = subprocess.run(argv, env=env, input=SECRETS["typed"], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    (report,) = (tmp_path / "data" / "whyred").glob("bug-*.txt")
    text = report.read_text()
    assert "AssertionError" in text
    assert "canary" not in text + done.stdout + done.stderr
    assert text.count("***") >= 2 * len(known)
