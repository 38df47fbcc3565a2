"""Credentials: kept privately and whole, sent to their own server only, and shown nowhere."""

import copy
import json
import os
import pickle
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from keyring.backends import chainer, fail, null

import whyred
from whyred.model.credential import Cookie, Credential, Hidden
from whyred.model.forge import Kind
from whyred.model.root import server_root
from whyred.model.trouble import UserError
from whyred.settings import folders
from whyred.settings.credentials import Credentials, credentials_of_user
from whyred.settings.environment_tokens import EnvironmentTokens, environment_tokens
from whyred.settings.servers import KnownServer, Record, Slot, Where, read_records, write_records
from whyred.settings.system_keyring import KeyringError, SystemKeyring

CANARY = "canary-7f3a9c"
FORGE, OTHER = "https://forge.example", "https://other.example"
COOKIE = Cookie("session", f"{CANARY}-web", "/", 2e9)
BOTH = Credential(f"{CANARY}-token", (COOKIE,), "alice", "alice-on-the-web")
UNSHARE = ["unshare", "--user", "--map-root-user", "--mount", "--"]


class Drawer:
    """A keyring in memory. `trouble` set: it refuses everything with these words."""

    def __init__(self, name: str | None = "Drawer") -> None:
        self.kept: dict[str, str] = {}
        self.asked: list[str] = []
        self._name = name
        self.trouble: str | None = None

    def name(self) -> str | None:
        self._note("name")
        return self._name

    def read(self, slot: str) -> Hidden | None:
        self._note(f"read {slot}")
        return Hidden(self.kept[slot]) if slot in self.kept else None

    def write(self, slot: str, text: Hidden) -> None:
        self._note(f"write {slot}")
        self.kept[slot] = text

    def erase(self, slot: str) -> None:
        self._note(f"erase {slot}")
        self.kept.pop(slot, None)

    def _note(self, what: str) -> None:
        self.asked.append(what)
        if self.trouble is not None:
            raise KeyringError(self.trouble)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "not" / "yet" / "there"


def in_file(folder: Path | None, environ: Mapping[str, str] | None = None) -> Credentials:
    return Credentials(folder, Drawer(None), environment_tokens(environ or {}))


def trouble(act: Callable[[], object]) -> UserError:
    """What the act ends with; no secret is in it, nor in its traceback with all variables."""
    with pytest.raises(UserError) as caught:
        act()
    error = caught.value
    assert error.how
    assert CANARY not in shown(error)
    return error


def shown(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- the root of a server --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("https://forge.example", "https://forge.example"),
        ("HTTPS://Forge.Example:443/", "https://forge.example"),
        ("http://forge.example:80", "http://forge.example"),
        ("http://forge.example:443", "http://forge.example:443"),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
        ("https://example.org//Git/sub//", "https://example.org/Git/sub"),
        ("https://[2001:DB8:0::1]:8443/x", "https://[2001:db8::1]:8443/x"),
        ("https://xn--frge-5qa.example", "https://xn--frge-5qa.example"),
    ],
)
def test_a_root_has_one_form(url: str, root: str) -> None:
    assert server_root(url) == root == server_root(root)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "forge.example",
        "ssh://forge.example",
        "https://",
        "https:///x",
        f"https://alice:{CANARY}@forge.example",
        f"https://{CANARY}@forge.example",
        f"https://forge.example/?token={CANARY}",
        f"https://forge.example/#{CANARY}",
        "https://forge.example:0",
        "https://forge.example:99999",
        "https://forge.example:x",
        "https://forge.example/a/../b",
        "https://forge.example/%2E%2e/b",
        "https://forge.example\\@evil.example",
        "https://forge.example\n.evil.example",
        "https://forge.example/ x",
        "https://försch.example",
        "https://[::1",
        "https://[x]",
        "https://-forge.example",
        "https://forge.example,evil.example",
    ],
)
def test_what_is_no_root(url: str) -> None:
    with pytest.raises(UserError) as caught:
        server_root(url)
    assert CANARY not in str(caught.value)
    assert "https://forge.example" in caught.value.how


@given(st.text() | st.text(alphabet="ab.:/@[]%?#\\-1").map(lambda text: f"https://{text}"))
def test_a_root_is_in_its_form_or_refused(text: str) -> None:
    try:
        root = server_root(text)
    except UserError:
        return
    assert server_root(root) == root
    assert not root.endswith("/")


# --- nothing shows a secret ------------------------------------------------------------------------------------------


def test_a_credential_shows_that_it_is_there_and_no_value() -> None:
    for text in (repr(BOTH), str(BOTH), f"{BOTH}", repr(asdict(BOTH)), repr(COOKIE), repr(copy.deepcopy(BOTH))):
        assert CANARY not in text
        assert "'***'" in text
    assert repr(Credential()) == "Credential(token=None, cookies=(), user=None, web_user=None)"
    assert f"token {BOTH.token}" == f"token {CANARY}-token", "but it can be sent"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_credential_cannot_be_pickled(protocol: int) -> None:
    for one in (BOTH, Credential(cookies=(COOKIE,)), COOKIE, Credential("x")):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(one, protocol)
    assert copy.copy(BOTH) == copy.deepcopy(BOTH) == replace(BOTH) == BOTH


def test_an_empty_credential_opens_nothing() -> None:
    assert not Credential()
    assert Credential("").token is None
    assert Credential("x")
    assert Credential(cookies=(COOKIE,))


@pytest.mark.parametrize(
    "bad",
    [
        Credential(f"{CANARY}\nX-Header: 1"),
        Credential(f"{CANARY}\u2028"),
        Credential(cookies=(Cookie("session", f"{CANARY}\r\n"),)),
        Credential(cookies=(Cookie("a\nb", CANARY),)),
        Credential(cookies=(Cookie("", CANARY),)),
    ],
)
def test_what_would_change_a_request_is_not_kept(folder: Path, bad: Credential) -> None:
    assert "no header may carry" in trouble(lambda: in_file(folder).put(FORGE, bad)).why
    assert in_file(folder).servers() == ()


def test_a_given_token_that_would_change_a_request_is_not_used() -> None:
    kept = in_file(None, {"WHYRED_SERVER": FORGE, "WHYRED_TOKEN": f"{CANARY}\nX: 1"})
    assert "no header may carry" in trouble(lambda: kept.get(FORGE)).why


def test_importing_it_imports_no_keyring() -> None:
    code = "import sys, whyred.settings.credentials; print({'keyring', 'secretstorage'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# --- the file --------------------------------------------------------------------------------------------------------


def test_kept_in_a_file_that_only_its_user_can_read(folder: Path) -> None:
    before = os.umask(0)
    try:
        where = in_file(folder).put("HTTPS://Forge.Example:443/", BOTH, Kind.FORGEJO, "16.0.0")
    finally:
        os.umask(before)
    assert where == str(folder / "credentials.json")
    assert {p.name: mode(p) for p in folder.iterdir()} == {"credentials.json": 0o600, "lock": 0o600}
    assert {mode(folder), mode(folder.parent), mode(folder.parent.parent)} == {0o700}
    assert in_file(folder).get(FORGE) == BOTH
    known = KnownServer(FORGE, Kind.FORGEJO, "16.0.0", "file", "file", "alice", "alice-on-the-web")
    assert in_file(folder).servers() == (known,)
    assert CANARY not in repr(in_file(folder).servers())


def test_a_umask_that_keeps_out_the_user_too(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    before = os.umask(0o777)
    try:
        in_file(folder).put(FORGE, BOTH)
    finally:
        os.umask(before)
    assert mode(folder / "credentials.json") == 0o600


@pytest.mark.parametrize(
    "root", [OTHER, "http://forge.example", "https://forge.example:8443", "https://forge.example/git", "https://e"]
)
def test_no_other_server_is_let_have_it(folder: Path, root: str) -> None:
    in_file(folder).put(FORGE, BOTH)
    assert in_file(folder).get(root) == Credential()


def test_put_replaces_update_changes_remove_removes(folder: Path) -> None:
    kept = in_file(folder)
    kept.put(FORGE, BOTH, Kind.GITEA, "1.23.8")
    kept.put(OTHER, Credential("other"))
    kept.update(FORGE, lambda c: replace(c, cookies=(*c.cookies, Cookie("b", "2", "/x"))))
    assert kept.get(FORGE) == replace(BOTH, cookies=(COOKIE, Cookie("b", "2", "/x")))
    kept.put(FORGE, Credential(cookies=(COOKIE,), web_user="w"))
    assert kept.get(FORGE) == Credential(cookies=(COOKIE,), web_user="w")
    assert kept.servers()[0] == KnownServer(FORGE, Kind.GITEA, "1.23.8", None, "file", None, "w")
    assert f"{CANARY}-token" not in (folder / "credentials.json").read_text()
    assert kept.remove(f"{FORGE}/")
    assert not kept.remove(FORGE)
    assert CANARY not in (folder / "credentials.json").read_text()
    assert [s.root for s in kept.servers()] == [OTHER]


def test_facts_of_a_server_need_no_credential(folder: Path) -> None:
    kept = in_file(folder)
    kept.describe(FORGE, Kind.FORGEJO, "15.0.1")
    kept.describe(FORGE, None, "15.0.2")
    assert kept.servers() == (KnownServer(FORGE, Kind.FORGEJO, "15.0.2"),)
    assert kept.get(FORGE) == Credential()


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o644, 0o700 | 0o001])
def test_a_file_that_others_can_use_is_refused(folder: Path, bits: int) -> None:
    in_file(folder).put(FORGE, BOTH)
    file = folder / "credentials.json"
    file.chmod(bits)
    for act in (lambda: in_file(folder).get(FORGE), in_file(folder).servers, lambda: in_file(folder).put(OTHER, BOTH)):
        assert f"chmod 600 {file}" in trouble(act).how
    file.chmod(0o600)
    assert in_file(folder).get(FORGE) == BOTH


def test_a_folder_that_others_can_use_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "with a blank"
    in_file(folder).put(FORGE, BOTH)
    folder.chmod(0o750)
    for act in (lambda: in_file(folder).get(FORGE), lambda: in_file(folder).put(OTHER, BOTH)):
        assert f"chmod 700 '{folder}'" in trouble(act).how
    assert OTHER not in (folder / "credentials.json").read_text()


@pytest.mark.parametrize("make", ["link", "pipe", "folder"])
def test_what_is_no_file_is_refused(folder: Path, tmp_path: Path, make: str) -> None:
    in_file(folder).put(FORGE, BOTH)
    file = folder / "credentials.json"
    file.rename(tmp_path / "elsewhere")
    {"link": lambda: file.symlink_to(tmp_path / "elsewhere"), "pipe": lambda: os.mkfifo(file, 0o600),
     "folder": lambda: file.mkdir(0o700)}[make]()  # fmt: skip
    for act in (lambda: in_file(folder).get(FORGE), lambda: in_file(folder).put(OTHER, BOTH)):
        assert "Move" in trouble(act).how
    assert CANARY in (tmp_path / "elsewhere").read_text(), "and it is left as it is"


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    assert in_file(tmp_path / "f").get(FORGE) == Credential()
    trouble(lambda: in_file(tmp_path / "f").put(FORGE, BOTH))
    trouble(lambda: in_file(tmp_path / "f" / "g").put(FORGE, BOTH))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        f'"{CANARY}"',
        f'["{CANARY}"]',
        "[" * 100_000,
        f'{{"version": 1, "servers": "{CANARY}"}}',
        f'{{"version": "{CANARY}", "servers": {{}}}}',
        f'{{"version": 1, "servers": {{"{FORGE}": "{CANARY}"}}}}',
        f'{{"version": 1, "servers": {{"{FORGE}": {{"token": "{CANARY}"}}}}}}',
        f'{{"version": 1, "servers": {{"{FORGE}": {{"token": {{"in": "file", "text": ["{CANARY}"]}}}}}}}}',
        f'{{"version": 1, "servers": {{"{FORGE}": {{"token": {{"in": "file"}}}}}}}}',
        f'{{"version": 1, "servers": {{"{FORGE}": {{"token": {{"in": "drawer", "text": "{CANARY}"}}}}}}}}',
        f'{{"version": 1, "servers": {{"{FORGE}": {{"kind": "bugzilla"}}}}}}',
        f'{{"version": 1, "servers": {{"{FORGE}": {{"token": {{"in": "file", "text": "{CANARY}"',
    ],
)
def test_a_damaged_file_is_named_and_left_as_it_is(folder: Path, text: str) -> None:
    in_file(folder).put(FORGE, Credential("x"))
    file = folder / "credentials.json"
    file.write_text(text)
    for act in (
        lambda: in_file(folder).get(FORGE),
        in_file(folder).servers,
        lambda: in_file(folder).put(FORGE, BOTH),
        lambda: in_file(folder).remove(FORGE),
    ):
        found = trouble(act)
        assert str(file) in found.what
        assert "damaged" in found.why
    assert file.read_text() == text


def test_a_newer_file_is_left_as_it_is(folder: Path) -> None:
    in_file(folder).put(FORGE, Credential("x"))
    (folder / "credentials.json").write_text('{"version": 2, "rows": []}')
    assert "newer whyred" in trouble(lambda: in_file(folder).put(FORGE, BOTH)).why
    assert (folder / "credentials.json").read_text() == '{"version": 2, "rows": []}'


def test_damaged_cookies(folder: Path) -> None:
    in_file(folder).put(FORGE, BOTH)
    file = folder / "credentials.json"
    data = json.loads(file.read_text())
    for text in (
        f"[['{CANARY}']]",
        json.dumps(CANARY),
        json.dumps([["a", CANARY, "/", "soon"]]),
        json.dumps([[CANARY]]),
    ):
        data["servers"][FORGE]["web"]["text"] = text
        file.write_text(json.dumps(data))
        assert "web login" in trouble(lambda: in_file(folder).get(FORGE)).what


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(
    st.sampled_from(["version", "servers", "token", "web", "in", "text", FORGE]), c)).map(json.dumps))  # fmt: skip
def test_no_text_makes_the_reader_fall_over(text: str) -> None:
    assert isinstance(read_records(Hidden(text)), dict | str)


_SLOTS = st.none() | st.builds(Slot, st.just(Where.FILE), st.none() | st.text(), st.text().map(Hidden)) | st.builds(
    Slot, st.just(Where.KEYRING), st.none() | st.text())  # fmt: skip
_RECORDS = st.builds(Record, st.none() | st.sampled_from(Kind), st.none() | st.text(), _SLOTS, _SLOTS)


@given(st.dictionaries(st.text(), _RECORDS))
def test_what_is_written_is_read(records: dict[str, Record]) -> None:
    assert read_records(write_records(records)) == records


# --- more than one process -------------------------------------------------------------------------------------------

ADD = """
import sys
from pathlib import Path
from whyred.model.credential import Credential
from whyred.settings.credentials import Credentials
from whyred.settings.system_keyring import SystemKeyring
kept = Credentials(Path(sys.argv[1]), SystemKeyring("test"))
for n in range(int(sys.argv[3])):
    kept.put(f"https://{sys.argv[2]}{n}.example", Credential(f"token-{n}"))
"""


def child(code: str, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    env = {"PYTHONPATH": str(Path(whyred.__file__).parent.parent), "PATH": os.environ["PATH"]}
    env |= {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", **variables}
    argv = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_do_not_lose_each_others_entries(folder: Path) -> None:
    both = [child(ADD, str(folder), name, "25") for name in ("a", "b")]
    for one in both:
        assert one.communicate()[1] == ""
    assert {s.root for s in in_file(folder).servers()} == {f"https://{n}{i}.example" for n in "ab" for i in range(25)}


def test_threads_change_one_entry_in_turn(folder: Path) -> None:
    in_file(folder).put(FORGE, Credential("0"))

    def add(_: int) -> None:
        in_file(folder).update(FORGE, lambda c: replace(c, token=str(int(c.token or "") + 1)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(40)))
    assert in_file(folder).get(FORGE).token == "40"


def test_a_change_that_takes_too_long_is_not_waited_for(folder: Path) -> None:
    kept, impatient = in_file(folder), Credentials(folder, Drawer(None), patience=0.0)
    found: list[UserError] = []

    def meanwhile(credential: Credential) -> Credential:
        found.append(trouble(lambda: impatient.put(OTHER, BOTH)))
        assert impatient.get(OTHER) == Credential(), "reading needs no lock"
        return replace(credential, token="t")

    kept.update(FORGE, meanwhile)
    assert "another process" in found[0].why
    assert [s.root for s in kept.servers()] == [FORGE]
    impatient.put(OTHER, BOTH)


def test_what_a_killed_process_left_is_no_hindrance(folder: Path) -> None:
    in_file(folder).put(FORGE, BOTH)
    (folder / "credentials.json.new").write_text("half")
    in_file(folder).put(OTHER, BOTH)
    assert not (folder / "credentials.json.new").exists()
    assert in_file(folder).get(FORGE) == in_file(folder).get(OTHER) == BOTH


def test_a_change_that_fails_changes_nothing(folder: Path) -> None:
    in_file(folder).put(FORGE, BOTH)
    before = (folder / "credentials.json").read_bytes()
    with pytest.raises(ZeroDivisionError):
        in_file(folder).update(FORGE, lambda c: replace(c, token=str(1 // 0)))
    assert (folder / "credentials.json").read_bytes() == before


# --- sick hosts ------------------------------------------------------------------------------------------------------

TRY = """
import os, resource, sys, traceback
from pathlib import Path
from whyred.model.credential import Cookie, Credential
from whyred.model.trouble import UserError
from whyred.settings.credentials import Credentials, credentials_of_user
exec(sys.argv[1])
kept = credentials_of_user()
print("get", repr(kept.get("https://forge.example")))
try:
    print("put", kept.put("https://forge.example", Credential("canary-7f3a9c" * 1000)))
except UserError as e:
    print("put", e)
    print("".join(traceback.TracebackException.from_exception(e, capture_locals=True).format()), file=sys.stderr)
print("get", repr(kept.get("https://forge.example")))
"""


def sick(setup: str, prefix: tuple[str, ...] = (), **variables: str) -> list[str]:
    """What a process that reads, writes and reads says, after `setup`; no secret is in its tracebacks."""
    env = {"PYTHONPATH": str(Path(whyred.__file__).parent.parent), "PATH": os.environ["PATH"]}
    env |= {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", **variables}
    argv = [*prefix, sys.executable, "-c", TRY, setup]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    assert CANARY not in done.stdout + done.stderr
    return done.stdout.splitlines()


def in_namespace(mounts: str) -> tuple[str, ...]:
    try:
        probe = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs unshare(1)")
    if probe.returncode != 0:
        pytest.skip(f"this kernel gives no user namespaces: {probe.stderr.strip()}")
    return (*UNSHARE, "sh", "-ec", f'{mounts}\nexec "$@"', "sh")


def test_no_home(tmp_path: Path) -> None:
    said = sick("", HOME=str(tmp_path / "none"))
    assert said[0] == said[2] == "get Credential(token=None, cookies=(), user=None, web_user=None)"
    assert said[1].startswith("put there is no place to keep credentials: this user has no home folder. Name a folder")
    assert not (tmp_path / "none").exists()
    assert folders.data({"HOME": str(tmp_path / "none")}) is None


def test_an_empty_xdg_folder_is_enough(tmp_path: Path) -> None:
    said = sick("", HOME=str(tmp_path / "none"), XDG_DATA_HOME=str(tmp_path / "data"))
    assert said[1] == f"put {tmp_path}/data/whyred/credentials/credentials.json"
    assert said[2].startswith("get Credential(token='***'")


def test_a_read_only_home(tmp_path: Path) -> None:
    in_file(tmp_path / "kept/whyred/credentials").put(FORGE, BOTH)
    for data, start in ((tmp_path / "new", "get Credential(token=None"), (tmp_path / "kept", "get Credential(token='")):
        mounts = f"mount --bind {tmp_path} {tmp_path}; mount -o remount,bind,ro {tmp_path}"
        said = sick("", in_namespace(mounts), XDG_DATA_HOME=str(data))
        assert said[0].startswith(start)
        assert said[0] == said[2]
        assert f"{data}/whyred/credentials" in said[1]
        assert "Read-only file system. Name a folder that you can write to in XDG_DATA_HOME, or give" in said[1]


KEEP_OLD = "credentials_of_user().put('https://forge.example', Credential('old'))"


def full(said: list[str], folder: Path) -> None:
    assert said[0] == said[2] == "get Credential(token='***', cookies=(), user=None, web_user=None)"
    assert said[1].startswith(f"put cannot write {folder}/credentials.json: ")
    assert ". Make room there, or give the token" in said[1]


def test_a_file_that_may_not_grow_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "whyred/credentials"
    limit = f"{KEEP_OLD}; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"
    full(sick(limit, XDG_DATA_HOME=str(tmp_path)), folder)
    assert {p.name for p in folder.iterdir()} == {"credentials.json", "lock"}
    assert in_file(folder).get(FORGE) == Credential("old")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    mounts = in_namespace(f"mount -t tmpfs -o size=16k,mode=700 full {tmp_path}")
    full(sick(KEEP_OLD, mounts, XDG_DATA_HOME=str(tmp_path)), tmp_path / "whyred/credentials")


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A folder that other users may go into, which pytest's own folders are not."""
    made = Path(tempfile.mkdtemp(prefix="whyred-test-", dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


BECOME_NOBODY = "os.geteuid() or (os.setgid(65534), os.setuid(65534))"


def test_a_home_that_is_kept_from_the_process(everybodys: Path) -> None:
    (everybodys / "home").mkdir(0o000)
    said = sick(BECOME_NOBODY, XDG_DATA_HOME=f"{everybodys}/home/x")
    (everybodys / "home").chmod(0o700)  # so that it can be removed
    assert said[0] == said[2] == "get Credential(token=None, cookies=(), user=None, web_user=None)"
    assert "Permission denied. Name a folder" in said[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write what belongs to another user")
def test_root_does_not_take_a_users_file_away(tmp_path: Path) -> None:
    folder = tmp_path / "whyred/credentials"
    in_file(folder).put(FORGE, BOTH)
    for path in (folder, *folder.iterdir()):
        os.chown(path, 65534, 65534)
    assert in_file(folder).get(FORGE) == BOTH
    assert "Run whyred as that user" in trouble(lambda: in_file(folder).put(OTHER, BOTH)).how
    assert (folder / "credentials.json").stat().st_uid == 65534


# --- tokens of the environment ---------------------------------------------------------------------------------------


def token(environ: Mapping[str, str], root: str) -> str | None:
    return in_file(None, environ).get(root).token


def test_a_token_for_ci_goes_to_its_server_only(folder: Path) -> None:
    environ = {"WHYRED_SERVER": "HTTPS://Forge.Example/", "WHYRED_TOKEN": f" {CANARY}\n"}
    assert token(environ, FORGE) == CANARY
    for root in (OTHER, "http://forge.example", "https://forge.example/git", "https://github.com"):
        assert token(environ, root) is None
    assert in_file(None, environ).servers() == (KnownServer(FORGE, token="WHYRED_TOKEN"),)
    in_file(folder).put(FORGE, BOTH, Kind.FORGEJO)
    assert in_file(folder, environ).get(FORGE) == Credential(CANARY, (COOKIE,), None, "alice-on-the-web")
    known = KnownServer(FORGE, Kind.FORGEJO, None, "WHYRED_TOKEN", "file", None, "alice-on-the-web")
    assert in_file(folder, environ).servers() == (known,)
    in_file(folder, environ).update(FORGE, lambda c: replace(c, cookies=()))
    assert CANARY in (in_file(folder).get(FORGE).token or ""), (
        "what was kept is changed, not what the environment gives"
    )
    assert in_file(folder).get(FORGE).token == BOTH.token


@pytest.mark.parametrize("server", [None, "", "forge.example", f"https://u:{CANARY}@forge.example"])
def test_a_token_for_ci_without_a_server_is_refused(server: str | None) -> None:
    environ = {"WHYRED_TOKEN": CANARY} | ({} if server is None else {"WHYRED_SERVER": server})
    kept = in_file(None, environ)
    for act in (lambda: kept.get(FORGE), kept.servers):
        found = trouble(act)
        assert "WHYRED_SERVER" in found.why + found.how
    assert token({"WHYRED_SERVER": FORGE}, FORGE) is None


@pytest.mark.parametrize(
    ("environ", "roots"),
    [
        ({"GH_TOKEN": "a"}, {"https://github.com": "a"}),
        ({"GITHUB_TOKEN": "b"}, {"https://github.com": "b"}),
        ({"GH_TOKEN": "a", "GITHUB_TOKEN": "b"}, {"https://github.com": "a"}),
        ({"GH_TOKEN": " ", "GITHUB_TOKEN": "b"}, {"https://github.com": "b"}),
        ({"GH_TOKEN": "a", "GH_HOST": "GHE.example"}, {"https://ghe.example": "a"}),
        ({"GITHUB_TOKEN": "b", "GH_HOST": "ghe.example:8443"}, {"https://ghe.example:8443": "b"}),
        ({"GH_TOKEN": "a", "GH_HOST": "no host"}, {}),
        ({"GH_TOKEN": "a", "GH_HOST": "x@evil.example"}, {}),
        ({"GH_HOST": "ghe.example"}, {}),
        # In a job of Forgejo or Gitea, GITHUB_TOKEN is the job's own.
        ({"GITHUB_TOKEN": "b", "GITHUB_SERVER_URL": FORGE}, {}),
        ({"GITHUB_TOKEN": "b", "GITHUB_SERVER_URL": "rubbish"}, {}),
        ({"GITHUB_TOKEN": "b", "GH_TOKEN": "a", "GITHUB_SERVER_URL": FORGE}, {"https://github.com": "a"}),
        ({"GITHUB_TOKEN": "b", "GITHUB_SERVER_URL": "https://github.com"}, {"https://github.com": "b"}),
        (
            {"GITHUB_TOKEN": "b", "GH_HOST": "ghe.example", "GITHUB_SERVER_URL": "https://ghe.example"},
            {"https://ghe.example": "b"},
        ),
        (
            {"GH_TOKEN": "a", "WHYRED_SERVER": "https://github.com", "WHYRED_TOKEN": "w"},
            {"https://github.com": "w"},
        ),
    ],
)
def test_tokens_of_github_go_to_github_only(environ: dict[str, str], roots: dict[str, str]) -> None:
    asked = ("https://github.com", "http://github.com", "https://api.github.com", "https://ghe.example",
             "https://ghe.example:8443", "https://evil.example", FORGE)  # fmt: skip
    assert {root: token(environ, root) for root in asked if token(environ, root)} == roots


def test_no_traceback_shows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("WHYRED_TOKEN", CANARY)
    monkeypatch.delenv("WHYRED_SERVER", raising=False)
    kept = credentials_of_user()
    trouble(kept.servers)
    trouble(lambda: kept.get(FORGE))
    assert CANARY not in repr(vars(kept))


# --- a keyring -------------------------------------------------------------------------------------------------------


def test_a_keyring_has_a_slot_for_each_half(folder: Path) -> None:
    drawer = Drawer()
    kept = Credentials(folder, drawer)
    assert kept.put(FORGE, BOTH, Kind.FORGEJO, "16") == "the keyring (Drawer)"
    assert drawer.kept.keys() == {f"token for {FORGE}", f"web login for {FORGE}"}
    assert drawer.kept[f"token for {FORGE}"] == BOTH.token
    assert f"{CANARY}-token" not in drawer.kept[f"web login for {FORGE}"]
    assert CANARY not in (folder / "credentials.json").read_text()
    assert kept.get(FORGE) == BOTH
    kept.update(FORGE, lambda c: replace(c, token=None))
    assert drawer.kept.keys() == {f"web login for {FORGE}"}
    assert kept.get(FORGE) == replace(BOTH, token=None, user=None)
    assert kept.remove(FORGE)
    assert drawer.kept == {}


def test_a_keyring_is_asked_only_where_it_holds_something(folder: Path) -> None:
    drawer = Drawer()
    kept = Credentials(folder, drawer, environment_tokens({"GH_TOKEN": "a"}))
    kept.put(FORGE, replace(BOTH, cookies=()))
    drawer.asked.clear()
    assert kept.get(OTHER) == Credential()
    assert kept.get("https://github.com") == Credential("a")
    assert [s.token for s in kept.servers()] == ["keyring", "GH_TOKEN"]
    assert not kept.remove(OTHER)
    assert drawer.asked == []
    assert kept.get(FORGE)
    assert drawer.asked == [f"read token for {FORGE}"]


def test_what_the_keyring_does_not_take_goes_into_the_file(folder: Path) -> None:
    drawer = Drawer()
    kept = Credentials(folder, drawer)
    kept.put(FORGE, BOTH)
    drawer.trouble = "it gave no answer within 1 s"
    assert kept.put(FORGE, BOTH) == f"{folder}/credentials.json (not in the keyring: it gave no answer within 1 s)"
    assert kept.get(FORGE) == BOTH
    assert kept.servers()[0].token == "file"
    drawer.trouble = None
    assert kept.remove(FORGE)
    assert drawer.kept == {}, "nor is there what it took before it failed"


def test_what_is_locked_in_the_keyring_is_an_error_and_not_nothing(folder: Path) -> None:
    drawer = Drawer()
    kept = Credentials(folder, drawer)
    kept.put(FORGE, BOTH)
    drawer.trouble = "it gave no answer within 1 s"
    for act in (lambda: kept.get(FORGE), lambda: kept.update(FORGE, lambda c: c)):
        found = trouble(act)
        assert found.why == "it is in the keyring, and it gave no answer within 1 s"
        assert "PYTHON_KEYRING_BACKEND" in found.how
    assert kept.servers()[0].token == "keyring"
    assert "still holds" in trouble(lambda: kept.remove(FORGE)).what
    drawer.trouble = None
    assert kept.get(FORGE) == BOTH
    given = Credentials(folder, drawer, environment_tokens({"WHYRED_SERVER": FORGE, "WHYRED_TOKEN": "w"}))
    kept.update(FORGE, lambda c: replace(c, cookies=()))
    drawer.trouble = "it gave no answer within 1 s"
    assert given.get(FORGE) == Credential("w"), "and the environment is the way round it"


def test_a_new_login_needs_nothing_of_the_old_one(folder: Path) -> None:
    """What whyred says to do when the keyring does not answer, or is not there: log in again."""
    drawer = Drawer()
    kept = Credentials(folder, drawer)
    kept.put(FORGE, BOTH, Kind.FORGEJO, "16")
    drawer.trouble = "it answered KeyringLocked"
    assert "not in the keyring" in kept.put_token(FORGE, "new", "bob")
    trouble(lambda: kept.get(FORGE))
    assert "not in the keyring" in kept.put_web(FORGE, (Cookie("session", "new"),), "eve")
    assert kept.get(FORGE) == Credential("new", (Cookie("session", "new"),), "bob", "eve")
    assert kept.servers()[0] == KnownServer(FORGE, Kind.FORGEJO, "16", "file", "file", "bob", "eve")
    drawer.trouble = None
    assert kept.put_token(FORGE, "newer", None) == "the keyring (Drawer)"
    assert (kept.servers()[0].token, kept.servers()[0].web) == ("keyring", "file")
    assert kept.get(FORGE) == Credential("newer", (Cookie("session", "new"),), None, "eve")
    for act in (
        lambda: kept.put_token(FORGE, f"{CANARY}\n", None),
        lambda: kept.put_web(FORGE, (Cookie("", "x"),), None),
    ):
        assert "no header may carry" in trouble(act).why


def test_only_the_half_that_changes_is_written(folder: Path) -> None:
    drawer = Drawer()
    kept = Credentials(folder, drawer)
    kept.put(FORGE, BOTH)
    drawer.asked.clear()
    kept.update(FORGE, lambda c: replace(c, cookies=(Cookie("session", "renewed"),)))
    assert [a for a in drawer.asked if a.startswith(("write", "erase"))] == [f"write web login for {FORGE}"]
    assert "nothing was changed" in kept.update(FORGE, lambda c: c)
    assert kept.get(FORGE) == replace(BOTH, cookies=(Cookie("session", "renewed"),))


def test_what_another_program_took_out_of_the_keyring_is_gone(folder: Path) -> None:
    drawer = Drawer()
    kept = Credentials(folder, drawer)
    kept.put(FORGE, BOTH)
    drawer.kept.clear()
    assert kept.get(FORGE).token is None
    drawer.kept[f"web login for {FORGE}"] = f"rubbish {CANARY}"
    assert "damaged" in trouble(lambda: kept.get(FORGE)).what


def test_nothing_goes_into_a_keyring_that_could_not_be_found_again() -> None:
    drawer = Drawer()
    trouble(lambda: Credentials(None, drawer).put(FORGE, BOTH))
    assert drawer.asked == []


# --- the library `keyring` -------------------------------------------------------------------------------------------


class Fake(KeyringBackend):
    """A keyring of the library, in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        assert type(password) is str
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class OddError(Exception):
    """An error that no keyring documents."""


class Raising(Fake):
    def get_password(self, service: str, username: str) -> str | None:
        raise OddError(CANARY)

    def set_password(self, service: str, username: str, password: str) -> None:
        raise OddError(password)


class Forgetting(Fake):
    def set_password(self, service: str, username: str, password: str) -> None:
        pass


class PlaintextKeyring(Fake):
    """Named like the one of keyrings.alt."""


class Hanging(Fake):
    """Answers when the test is over."""

    def __init__(self, over: threading.Event) -> None:
        super().__init__()
        self.over, self.asked = over, 0

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        self.over.wait()
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        self.get_password(service, username)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[KeyringBackend], SystemKeyring]:
    """Makes the library choose a keyring. Each answer may take a minute, so that a slow machine changes nothing."""

    def chosen(one: KeyringBackend) -> SystemKeyring:
        monkeypatch.setattr("keyring.core._keyring_backend", one)  # set_keyring() would look for the real one first
        return SystemKeyring("whyred test", seconds=60.0)

    return chosen


@pytest.fixture
def over() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


Use = Callable[[KeyringBackend], SystemKeyring]


def test_a_real_keyring_keeps_reads_and_erases(use: Use, folder: Path) -> None:
    fake = Fake()
    keyring = use(fake)
    kept = Credentials(folder, keyring)
    assert kept.put(FORGE, BOTH) == "the keyring (test_credentials)"
    assert set(fake.kept) == {("whyred test", f"token for {FORGE}"), ("whyred test", f"web login for {FORGE}")}
    assert kept.get(FORGE) == BOTH
    assert kept.remove(FORGE)
    assert fake.kept == {}
    keyring.erase("not there")


@pytest.mark.parametrize("kind", [null.Keyring, fail.Keyring, PlaintextKeyring])
def test_what_is_no_real_keyring_does_not_count(use: Use, folder: Path, kind: Callable[[], KeyringBackend]) -> None:
    keyring = use(kind())
    assert keyring.name() is None
    assert Credentials(folder, keyring).put(FORGE, BOTH) == f"{folder}/credentials.json"
    assert Credentials(folder, keyring).remove(FORGE)
    with pytest.raises(KeyringError, match="none here"):
        keyring.read("x")


def test_a_login_without_the_keyring_it_was_made_with_says_so(use: Use, folder: Path) -> None:
    Credentials(folder, use(Fake())).put(FORGE, BOTH)
    kept = Credentials(folder, use(fail.Keyring()))  # type: ignore[no-untyped-call]
    assert "there is none here" in trouble(lambda: kept.get(FORGE)).why
    assert kept.put(FORGE, BOTH) == f"{folder}/credentials.json"
    assert kept.get(FORGE) == BOTH


def test_of_a_chain_the_first_real_one_counts(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake()
    monkeypatch.setattr(chainer.ChainerBackend, "backends", [PlaintextKeyring(), fake])
    keyring = use(chainer.ChainerBackend())  # type: ignore[no-untyped-call]
    keyring.write("slot", Hidden("x"))
    assert list(fake.kept.values()) == ["x"]
    monkeypatch.setattr(chainer.ChainerBackend, "backends", [PlaintextKeyring()])
    assert keyring.name() is None


def test_a_keyring_that_raises_whatever_it_likes(use: Use, folder: Path) -> None:
    keyring = use(Raising())
    with pytest.raises(KeyringError) as caught:
        keyring.write("slot", Hidden(CANARY))
    assert str(caught.value) == "it answered OddError"
    assert CANARY not in shown(caught.value)
    told = Credentials(folder, keyring).put(FORGE, BOTH)
    assert told == f"{folder}/credentials.json (not in the keyring: it answered OddError)"


def test_a_keyring_that_only_says_that_it_keeps(use: Use, folder: Path) -> None:
    kept = Credentials(folder, use(Forgetting()))
    assert "did not keep" in kept.put(FORGE, BOTH)
    assert kept.get(FORGE) == BOTH


def test_a_keyring_that_hangs_is_given_up_and_not_asked_again(use: Use, folder: Path, over: threading.Event) -> None:
    hanging = Hanging(over)
    use(hanging)
    keyring = SystemKeyring("whyred test", seconds=0.1)
    told = Credentials(folder, keyring).put(FORGE, BOTH)
    assert told == f"{folder}/credentials.json (not in the keyring: it gave no answer within 0.1 s)"
    assert Credentials(folder, keyring).get(FORGE) == BOTH
    with pytest.raises(KeyringError, match="no answer within"):
        keyring.read("slot")
    assert hanging.asked <= 1


HANG = """
import sys, threading
from keyring.backends.null import Keyring
import keyring
from whyred.settings.system_keyring import KeyringError, SystemKeyring
class Hanging(Keyring):
    def get_password(self, service, username):
        threading.Event().wait()
Hanging.__module__ = "elsewhere"
keyring.set_keyring(Hanging())
try:
    SystemKeyring("test", 0.1).read("slot")
except KeyringError as e:
    print(e)
"""


def test_a_keyring_that_hangs_does_not_keep_the_process() -> None:
    assert child(HANG).communicate() == ("it gave no answer within 0.1 s\n", "")


def test_without_shared_memory_no_keyring_is_asked(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where /dev/shm is missing or full: the pool of threads cannot be made."""
    keyring = use(Fake())

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("multiprocessing.pool.ThreadPool", refuse)
    with pytest.raises(KeyringError, match="cannot be asked"):
        keyring.name()


def test_a_wrong_setting_of_the_library_costs_the_keyring_only(tmp_path: Path) -> None:
    said = sick("", XDG_DATA_HOME=str(tmp_path), PYTHON_KEYRING_BACKEND="no.such.module")
    file = tmp_path / "whyred/credentials/credentials.json"
    assert said[1] == f"put {file} (not in the keyring: it answered ModuleNotFoundError)"


def test_two_data_folders_are_two_sets_of_logins(use: Use, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(Fake())
    for name in ("WHYRED_TOKEN", "WHYRED_SERVER", "GH_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("one", "two"):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / name))
        credentials_of_user().put(FORGE, Credential(name))
    assert credentials_of_user().get(FORGE).token == "two"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "one"))
    assert credentials_of_user().get(FORGE).token == "one"


def test_no_given_tokens_is_the_default(folder: Path) -> None:
    assert EnvironmentTokens() == environment_tokens({})
    assert Credentials(folder, Drawer()).servers() == ()
