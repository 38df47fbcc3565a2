"""A host by what a script printed there: the same answers as on the spot, in any POSIX shell, and honest gaps."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
from program import environment, run

from whyred.app.doctor import examine
from whyred.app.hosts import is_host, is_live, reach
from whyred.hosts.local import LocalHost
from whyred.hosts.printed import PrintedHost, is_output, script
from whyred.model.evidence import Reason, Unknown
from whyred.model.examination import State
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.trouble import UserError
from whyred.probes import library_search, program_search

SHELLS = [["sh"], ["bash", "--posix"], ["busybox", "sh"]]


def printed(folder: Path, shell: list[str], *paths: str) -> Path:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"needs {shell[0]}")
    out = folder / "host.txt"
    env = {"PATH": os.environ["PATH"], "TMPDIR": "/tmp", "HOME": str(folder)}
    loud = script(paths).replace("exec 2>/dev/null", ":")
    done = subprocess.run([*shell, "-s"], input=loud.encode(), capture_output=True, check=True, env=env)
    assert b"not found" not in done.stderr
    out.write_bytes(done.stdout)
    return out


@pytest.fixture(scope="module", params=SHELLS, ids=lambda shell: shell[0])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PrintedHost:
    return PrintedHost(str(printed(tmp_path_factory.mktemp("printed"), request.param)))


def test_it_is_the_machine_it_was_printed_on(host: PrintedHost) -> None:
    here = LocalHost().identity
    assert (host.identity.machine, host.identity.boot, host.identity.name) == (here.machine, here.boot, here.name)
    assert host.whole


def test_paths_are_told_as_on_the_spot(host: PrintedHost) -> None:
    here = LocalHost()
    for path in ("/", "/tmp", "/var/tmp"):
        assert (host.stat(path).inode, host.stat(path).mode) == (here.stat(path).inode, here.stat(path).mode)
        assert host.space(path).total_bytes == here.space(path).total_bytes
    assert host.names("/") == here.names("/")
    assert host.read("/etc/passwd") == here.read("/etc/passwd")
    assert {p.pid for p in host.processes()} & {p.pid for p in here.processes()} >= {1}


def test_the_scripts_own_process_is_asked_as_such(host: PrintedHost) -> None:
    own = int(host.link("/proc/self"))
    assert host.read(f"/proc/{own}/status") == host.read("/proc/self/status")
    assert host.environ(own, ["TMPDIR", "CARGO_HOME"]) == {"TMPDIR": "/tmp"}


def test_what_was_not_asked_is_unknown(host: PrintedHost) -> None:
    for ask in (lambda: host.read("/etc/shadow"), lambda: host.environ(1, ["GITHUB_TOKEN"]), lambda: host.names("/x")):
        with pytest.raises(HostRefusedError) as refused:
            ask()
        assert refused.value.unknown.reason is Reason.NOT_RECORDED
        assert "did not ask" in refused.value.unknown.detail or "does not print" in refused.value.unknown.detail
    with pytest.raises(HostRefusedError) as tried:
        host.create("/tmp")
    assert tried.value.unknown.reason is Reason.NOT_SUPPORTED


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_the_doctor_says_the_same(shell: list[str], tmp_path: Path) -> None:
    """As far as the machine itself says the same before and after: runners of other tests come and go."""
    before = host_rows(LocalHost(60))
    there = host_rows(PrintedHost(str(printed(tmp_path, shell))))
    after = host_rows(LocalHost(60))
    steady = {question for question, row in before.items() if after.get(question) == row}
    assert len(steady) > 10
    assert {q: there.get(q) for q in steady} == {q: before[q] for q in steady}


def host_rows(host: Host) -> dict[str, tuple[State, list[str]]]:
    rows = examine(host, [], lambda data: data, lambda _: None, patience=60)
    return {r.question: (r.state, sorted(r.facts)) for r in rows if r.subject == "host"}


def test_the_paths_of_the_log_are_asked_about_whatever_is_in_them(tmp_path: Path) -> None:
    folder = tmp_path / "it's $(touch run) `x`; a"
    (folder / "inside").mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    host = PrintedHost(str(printed(tmp_path, ["sh"], str(tmp_path / "link" / "inside"), "relative", "/with\nline")))
    assert host.link(str(tmp_path / "link")) == str(folder)
    assert host.stat(str(folder / "inside")).kind == "directory"
    assert not list(tmp_path.glob("**/run"))


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_names_of_the_log_are_looked_for_as_on_the_spot(shell: list[str], tmp_path: Path) -> None:
    tool = tmp_path / ".local" / "bin" / "queuectl"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    (tmp_path / ".bashrc").write_text(
        'export TOKEN=canary-7f3\nexport PATH="$HOME/.local/bin:$PATH"\nalias gone=canary-7f3\n'
    )
    wanted = ("queuectl", "no-such-tool", "no-such.h", "env", "gone", "libnope.so", "libnope.a")
    file = printed(tmp_path, shell, *wanted)
    assert b"canary-7f3" not in file.read_bytes()
    host = PrintedHost(str(file))

    def search(name: str) -> tuple[object, ...]:
        facts = program_search.read(program_search.ask(host, Subject("host"), {"tool": name}))
        return facts["on_path"], facts["off_path"], facts["installed"]

    assert search("queuectl") == (False, True, True)
    assert search("no-such-tool") == (False, False, False)
    assert search("gone") == (False, True, True), "a profile defines it"
    assert search("env") == (True, False, True)
    for given in ({"header": "no-such.h"}, {"link": "-lnope"}):
        assert library_search.read(library_search.ask(host, Subject("host"), given))["found"] is False
    unasked = program_search.read(program_search.ask(host, Subject("host"), {"tool": "unasked-tool"}))
    assert isinstance(unasked["installed"], Unknown), "nobody has looked for it"


def test_only_plain_names_are_handed_over() -> None:
    for name in ("queuectl", "c++", "openssl/ssl.h", "pkgconfig/glib-2.0.pc", ".x"):
        assert f"names='{name}'\n" in script([name])
    for name in ("-rf", "a b", "$(x)", "`x`", "a;b", "../x", "a/../b", "", "x" * 65, "a\nb", "*"):
        assert script([name], "0" * 32) == script([], "0" * 32)


def test_no_variable_travels_that_is_not_named(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "GITHUB_TOKEN": "ghp_abcdefghijklmnopqrstuvwxyz0123456789"}
    done = subprocess.run(["sh", "-s"], input=script().encode(), capture_output=True, check=True, env=env)
    assert env["GITHUB_TOKEN"].encode() not in done.stdout


def test_the_script_writes_nothing(tmp_path: Path) -> None:
    text = script(["cargo", "/srv/t"])
    assert not any(word in text for word in ("mkdir", "rmdir", " rm ", "mktemp", "kill -"))
    assert not re.search(r"[^<0-9&]>{1,2}\s*(?![&(])(?!/dev/null|=)[\w\"$/]", re.sub(r"#.*|s[#/].*", "", text))
    home = tmp_path / "home"
    home.mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)}
    subprocess.run(["sh", "-s"], input=text.encode(), capture_output=True, check=True, env=env, cwd=home)
    assert not list(home.iterdir()), "nor does a program that it starts"


def test_what_is_asked_can_be_read_before_anything_is_printed(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    argv = ["sh", "-s", "questions"]
    done = subprocess.run(argv, input=script(["cargo", "/srv/t"]).encode(), capture_output=True, check=True, env=env)
    lines = done.stdout.decode("utf-8", "surrogateescape").splitlines()
    assert {"read /etc/passwd", "stat /srv/t", "names /tmp"} <= set(lines)
    kinds = "read|names|stat|stat-L|space|link|environ|temporary|version|unit|dead|command_line"
    kinds += "|registration|configuration|assignments|settings|profile"
    assert not [line for line in lines if not re.fullmatch(rf"({kinds}) \S.*", line)]


def test_an_output_that_was_cut_is_said_to_be(tmp_path: Path) -> None:
    whole = printed(tmp_path, ["sh"])
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) // 2])
    host = PrintedHost(str(whole))
    assert not host.whole
    with pytest.raises(HostRefusedError, match="cut before its end"):
        host.read("/no/such")
    whole.write_bytes(data[:60])
    with pytest.raises(UserError, match="cut before its first answer"):
        PrintedHost(str(whole))


def test_an_output_that_could_not_be_written_ends_with_an_error() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(["sh", "-s"], input=script().encode(), stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"The output could not be written to its end: is the disk full?\n")


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\xff" * 99])
def test_other_files_are_no_host(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    assert not is_output(str(file))
    assert not is_host(str(file))
    with pytest.raises(UserError):
        PrintedHost(str(file))


def test_a_file_that_answers_for_no_host_is_refused_with_what_to_do(tmp_path: Path) -> None:
    log = tmp_path / "red.log"
    log.write_text("error: x\n")
    (tmp_path / "probe.sh").write_text(script())
    (tmp_path / "older").write_bytes(b"# whyred host 1 " + b"0" * 32 + b"\n")
    os.mkfifo(tmp_path / "pipe")
    for name, why, how in (
        ("/etc/passwd", "neither a bundle nor the output of the script", "--host OUTPUT"),
        (str(tmp_path / "none"), "there is no such file", "ssh://USER@HOST"),
        (str(tmp_path / "pipe"), "no regular file", "local"),
        (str(tmp_path / "probe.sh"), "a script, not what a script printed", "sh probe.sh > OUTPUT"),
        (str(tmp_path / "older"), "another version", "whyred doctor --script"),
    ):
        for argv in (["why", str(log)], ["doctor"], ["env", "TMPDIR"]):
            said = run([*argv, "--host", name], environment(tmp_path))
            assert said.code == 2
            assert why in said.err
            assert how in said.err


def test_values_with_line_ends_and_passwords(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "TMPDIR": "/a\nHOME=/forged\n", "HOME": "/true", "HTTP_PROXY": "me:word@proxy:1"}
    env |= {"MAVEN_ARGS": "-Dx.password=word -o", "https_proxy": "http://me:word@proxy:1", "SECRET": "\nTZ=word"}
    done = subprocess.run(["sh", "-s"], input=script().encode(), capture_output=True, check=True, env=env)
    (tmp_path / "out").write_bytes(done.stdout)
    host = PrintedHost(str(tmp_path / "out"))
    told = host.environ(
        int(host.link("/proc/self")), ["TMPDIR", "HOME", "HTTP_PROXY", "https_proxy", "MAVEN_ARGS", "TZ"]
    )
    assert told == {
        "TMPDIR": env["TMPDIR"],
        "HOME": "/true",
        "HTTP_PROXY": "***@proxy:1",
        "https_proxy": "http://***@proxy:1",
        "MAVEN_ARGS": "-Dx.password=*** -o",
    }
    assert b"word@" not in done.stdout


def test_it_is_a_host_that_is_not_live(tmp_path: Path) -> None:
    file = str(printed(tmp_path, ["sh"]))
    assert is_host(file)
    assert not is_live(file)
    with reach(file) as (found, _):
        assert isinstance(found, PrintedHost)


def test_the_command_prints_the_script_with_the_paths_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "red.log"
    log.write_text(
        'error: couldn\'t create a temp dir: No such file or directory (os error 2) at path "/srv/t/rustcVAIpSt"\n'
    )
    told = run(["doctor", "--script", "--for", str(log)], environment(tmp_path))
    assert told.code == 0
    assert "/srv/t'" in told.out
    assert run(["doctor", "--for", str(log)], environment(tmp_path)).code == 2


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("/tmp/step.sh: line 2: queuectl: command not found", ["queuectl"]),
        ("a.c:1:10: fatal error: zlib.h: No such file or directory", ["zlib.h"]),
    ],
)
def test_the_command_prints_the_script_with_the_names_of_a_log(line: str, names: list[str], tmp_path: Path) -> None:
    log = tmp_path / "red.log"
    log.write_text(f"{line}\n")
    told = run(["doctor", "--script", "--for", str(log)], environment(tmp_path))
    (given,) = [row for row in told.out.splitlines() if row.startswith("wanted=")]
    assert shlex.split(given) == ["wanted=", f"names={' '.join(names)}"]


def test_of_a_command_line_no_secret_is_printed(tmp_path: Path) -> None:
    words = ["runner-like", "--token", "canary-7f3", "TOKEN=canary-7f3", "-H", "Authorization: Bearer canary-7f3"]
    words += ["https://me:canary-7f3@example.org/x.git", "--config=/etc/r.yml"]
    plain = ["other", "-pcanary-7f3"]
    code = "import sys; print(flush=True); sys.stdin.read()"
    with (
        subprocess.Popen([sys.executable, "-c", code, *words], stdin=PIPE, stdout=PIPE) as runner,
        subprocess.Popen([sys.executable, "-c", code, *plain], stdin=PIPE, stdout=PIPE) as other,
    ):
        for started in (runner, other):
            assert started.stdout is not None
            started.stdout.readline()
        file = printed(tmp_path, ["sh"])
        told = {p.pid: p.argv for p in PrintedHost(str(file)).processes()}
        assert "--config=/etc/r.yml" in told[runner.pid]
        assert told[other.pid] == (sys.executable,)
        assert b"canary-7f3" not in file.read_bytes()
        for started in (runner, other):
            started.communicate()


def filtered(name: str, text: str) -> str:
    """What one of the script's filters lets through."""
    parts = script().partition("# ---- 2.")[0].partition("# ---- 1.")[2]
    shell = f'{parts}\nsed -nE "${name}{"; p" if name == "passwords" else ""}"'
    return subprocess.run(["sh", "-c", shell], input=text, capture_output=True, check=True, text=True).stdout


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("registration", '{"id":1,"token":"canary-7f3","uuid":"u"}'),
        ("registration", '{\n  "Token":\n  "canary-7f3",\n  "uuid": "u"\n}'),
        ("registration", '  "uuid": "u", "address": "https://me:canary-7f3@forge"'),
        ("registration", '  "uuid": "u", "address": "https://me:p@canary-7f3@forge"'),
        ("configuration", "  url: https://me:p@canary-7f3@forge\n  uuid: u"),
        ("settings", "proxy=http://me:p@canary-7f3@uuid:1"),
        ("passwords", "PIP_PROXY=http://me:p@canary-7f3@uuid"),
        ("passwords", "PIP_PROXY=http://me:p canary-7f3@uuid"),
    ],
)
def test_no_filter_lets_a_password_through(name: str, text: str) -> None:
    told = filtered(name, text + "\n")
    assert "canary" not in told
    assert "uuid" in told
