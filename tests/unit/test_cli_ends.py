"""What is said first where a forge refuses: what it means for this command, never of a log that nobody asked for."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from program import environment, run
from standin import faults, scenarios, standin

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
