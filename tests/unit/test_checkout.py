"""The working tree read from git's files: real repositories made by git, and git's own answers to compare with."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from whyred.model.root import owner_and_name, public_url, read_remote
from whyred.model.trouble import UserError
from whyred.sources._git_config import ConfigError, entries
from whyred.sources.checkout import Checkout, Remote, read_checkout

CANARY = "canary-7f3a9c"
ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": "file",
    **{f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(folder: Path, *arguments: str, **variables: str) -> str:
    """What git prints there; it has no home unless the variables name one."""
    argv = ["git", "-C", str(folder), "-c", "protocol.file.allow=always", *arguments]
    env = ENV | {"HOME": "/nowhere"} | variables
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout.strip("\n")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    return made


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A folder that other users may go into, which pytest's own folders are not."""
    made = Path(tempfile.mkdtemp(prefix="whyred-test-", dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """One commit on `main`, in a folder whose name needs care; `origin` is on a forge."""
    made = tmp_path / "my 100% tree"
    made.mkdir()
    git(made, "init", "--quiet", "--initial-branch=main")
    git(made, "commit", "--quiet", "--allow-empty", "-m", "one")
    git(made, "remote", "add", "origin", "https://forge.example/alice/demo.git")
    return made


def look(folder: Path, home: Path | None = None, **variables: str) -> Checkout:
    env = ENV | ({"HOME": str(home)} if home else {}) | variables
    return read_checkout(folder, env)


def trouble(folder: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        look(folder)
    assert caught.value.how
    return caught.value


# --- HEAD and branch -------------------------------------------------------------------------------------------------


def test_a_plain_checkout(tree: Path) -> None:
    origin = Remote("origin", "https://forge.example/alice/demo.git", ("https://forge.example",), "alice/demo")
    assert look(tree) == Checkout(tree, git(tree, "rev-parse", "HEAD"), "main", (origin,))
    (tree / "a" / "b").mkdir(parents=True)
    assert look(tree / "a" / "b").folder == tree
    assert look(tree / ".git").folder == tree


def test_it_needs_no_git_and_heeds_no_hooks_variables(tree: Path) -> None:
    read = look(tree, PATH="/nowhere", GIT_DIR="/nowhere", GIT_WORK_TREE="/nowhere")
    assert read.head == git(tree, "rev-parse", "HEAD")


def test_before_the_first_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=new/one")
    assert look(tmp_path) == Checkout(tmp_path, None, "new/one", ())
    assert look(tmp_path).remote is None


def test_a_detached_head(tree: Path) -> None:
    git(tree, "checkout", "--quiet", "--detach")
    read = look(tree)
    assert (read.branch, read.head) == (None, git(tree, "rev-parse", "HEAD"))


@pytest.mark.parametrize("format_", ["sha1", "sha256"])
def test_packed_and_loose_refs(tmp_path: Path, format_: str) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main", f"--object-format={format_}")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "one")
    for name in ("main-2", "x/main", "zz"):
        git(tmp_path, "branch", name)
    git(tmp_path, "tag", "-a", "v1", "-m", "annotated")
    git(tmp_path, "pack-refs", "--all")
    assert not (tmp_path / ".git/refs/heads/main").exists()
    packed = git(tmp_path, "rev-parse", "HEAD")
    assert look(tmp_path).head == packed
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "two")
    assert look(tmp_path).head == git(tmp_path, "rev-parse", "HEAD") != packed


def test_a_branch_that_names_a_branch(tree: Path) -> None:
    git(tree, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
    git(tree, "symbolic-ref", "HEAD", "refs/heads/alias")
    read = look(tree)
    assert (read.branch, read.head) == ("alias", git(tree, "rev-parse", "main"))
    git(tree, "symbolic-ref", "refs/heads/main", "refs/heads/alias")
    assert "HEAD is damaged" in trouble(tree).what


def test_head_as_a_symbolic_link(tree: Path) -> None:
    (tree / ".git/HEAD").unlink()
    (tree / ".git/HEAD").symlink_to("refs/heads/main")
    assert look(tree).branch == git(tree, "branch", "--show-current") == "main"
    assert look(tree).head == git(tree, "rev-parse", "HEAD")


# --- where the repository is -----------------------------------------------------------------------------------------


def test_a_second_working_tree(tree: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(tree, "worktree", "add", "--quiet", "-b", "topic", str(other))
    git(other, "commit", "--quiet", "--allow-empty", "-m", "two")
    for _ in range(2):
        read = look(other)
        assert (read.folder, read.branch, read.head) == (other, "topic", git(other, "rev-parse", "HEAD"))
        assert read.remotes == look(tree).remotes
        assert look(tree).head == git(tree, "rev-parse", "HEAD") != read.head
        git(tree, "pack-refs", "--all")


def test_configuration_of_one_working_tree(tree: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(tree, "worktree", "add", "--quiet", "-b", "topic", str(other))
    git(tree, "config", "extensions.worktreeConfig", "true")
    git(other, "config", "--worktree", "remote.here.url", "https://here.example/a/b")
    assert [r.name for r in look(other).remotes] == ["origin", "here"]
    assert [r.name for r in look(tree).remotes] == ["origin"]


def test_a_working_tree_whose_repository_moved(tree: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(tree, "worktree", "add", "--quiet", str(other))
    tree.rename(tmp_path / "moved")
    assert "worktree repair" in trouble(other).how
    (other / ".git").write_text("rubbish\n")
    assert "damaged" in trouble(other).why


def test_a_submodule(tree: Path, tmp_path: Path) -> None:
    git(tree, "submodule", "--quiet", "add", f"file://{tree}", "part")
    read = look(tree / "part")
    assert (read.folder, read.branch) == (tree / "part", "main")
    assert [(r.url, r.repo) for r in read.remotes] == [(f"file://{tree}", None)]
    assert look(tree).folder == tree


def test_a_bare_repository(tree: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(tree), "bare.git")
    read = look(tmp_path / "bare.git")
    assert (read.folder, read.branch, read.head) == (tmp_path / "bare.git", "main", git(tree, "rev-parse", "HEAD"))


def test_a_folder_that_only_looks_like_one_is_passed_over(tree: Path) -> None:
    (tree / "sub/.git").mkdir(parents=True)
    assert look(tree / "sub").folder == tree


def test_no_repository_and_no_folder(tmp_path: Path) -> None:
    assert "in no git repository" in trouble(tmp_path).what
    assert "no such folder" in trouble(tmp_path / "none").what


def test_a_reftable_says_what_to_do(tree: Path) -> None:
    # As git 2.45 and later lay it out (its Documentation/technical/reftable.txt); older ones cannot make one.
    git(tree, "config", f"url.https://u:{CANARY}@forge.example/.insteadOf", f"https://u:{CANARY}@other.example/")
    git(tree, "config", "core.repositoryFormatVersion", "1")
    git(tree, "config", "extensions.refStorage", "reftable")
    (tree / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")
    found = trouble(tree)
    shown = "".join(traceback.TracebackException.from_exception(found, capture_locals=True).format())
    assert "url.insteadof" in shown, "the variables are shown"
    assert CANARY not in shown
    assert "reftable" in found.why
    assert "git refs migrate" in found.how


@pytest.mark.parametrize(
    "text", ["", "rubbish\n", "ref: \n", "ref: refs/../../../etc/passwd\n", "ref: /etc/passwd\n", "0" * 39, "\0", "é"]
)
def test_a_damaged_head(tree: Path, text: str) -> None:
    (tree / ".git/HEAD").write_text(text)
    assert "HEAD is damaged" in trouble(tree).what


def test_a_damaged_branch(tree: Path) -> None:
    (tree / ".git/refs/heads/main").write_text("\n")
    assert "main is damaged" in trouble(tree).what
    (tree / ".git/refs/heads/main").unlink()
    (tree / ".git/packed-refs").write_bytes(b"# pack-refs with: peeled \n\xff\xfe refs/heads/main\n")
    assert "packed-refs is damaged" in trouble(tree).what


def test_pipes_in_the_place_of_files_do_not_hang_it(tree: Path) -> None:
    for name in ("config", "refs/heads/main", "packed-refs"):
        (tree / ".git" / name).unlink(missing_ok=True)
        os.mkfifo(tree / ".git" / name)
    assert look(tree) == Checkout(tree, None, "main", ())


AS_NOBODY = """
import os, sys
from pathlib import Path
from whyred.model.trouble import UserError
from whyred.sources.checkout import read_checkout
if os.geteuid() == 0:  # for whom no file is unreadable
    os.setgid(65534)
    os.setuid(65534)
try:
    print(read_checkout(Path(sys.argv[1]), {"HOME": sys.argv[1]}))
except UserError as e:
    print("UserError", e)
"""


def test_what_may_not_be_read(everybodys: Path) -> None:
    git(everybodys, "init", "--quiet")
    git(everybodys, "remote", "add", "origin", "https://forge.example/alice/demo.git")
    add(everybodys / ".gitconfig", '[url "https://x/"]\n insteadOf = https://forge.example/\n')
    (everybodys / ".gitconfig").chmod(0)
    argv = [sys.executable, "-c", AS_NOBODY, str(everybodys)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "url='https://forge.example/alice/demo.git'" in done.stdout, "git passes over a user's file it may not read"
    (everybodys / ".git/config").chmod(0)
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert f"UserError cannot read {everybodys}/.git/config: Permission denied. Make it readable" in done.stdout


# --- which remote ----------------------------------------------------------------------------------------------------


def test_the_upstream_then_origin_then_the_only_one(tree: Path) -> None:
    git(tree, "remote", "add", "fork", "https://forge.example/bob/demo.git")
    assert look(tree).remote == look(tree).remotes[0]
    git(tree, "config", "branch.main.remote", "fork")
    read = look(tree)
    assert (read.upstream, read.remote) == ("fork", read.remotes[1])
    git(tree, "config", "branch.main.remote", ".")
    assert (look(tree).remote or read.remotes[1]).name == "origin"
    git(tree, "remote", "remove", "origin")
    assert (look(tree).remote or read.remotes[0]).name == "fork"
    git(tree, "remote", "add", "third", "https://forge.example/c/demo.git")
    git(tree, "checkout", "--quiet", "--detach")
    assert look(tree).remote is None, "two, and nothing says which"


def test_an_upstream_that_is_an_url(tree: Path) -> None:
    """As `gh pr checkout` sets it for a pull request from a fork."""
    git(tree, "config", "branch.main.remote", f"https://bob:{CANARY}@forge.example/bob/demo.git")
    remote = look(tree).remote
    assert remote is not None
    assert (remote.repo, remote.root_candidates) == ("bob/demo", ("https://forge.example",))
    assert CANARY not in repr(look(tree))


@pytest.mark.parametrize(
    ("url", "roots", "repo"),
    [
        ("https://Forge.Example:443/alice/demo", ("https://forge.example",), "alice/demo"),
        ("http://127.0.0.1:3000/alice/demo.git/", ("http://127.0.0.1:3000",), "alice/demo"),
        ("https://example.org/git/alice/demo.git", ("https://example.org/git", "https://example.org"), "alice/demo"),
        (
            "git@forge.example:alice/demo.git",
            ("https://forge.example", "http://forge.example", "http://forge.example:3000"),
            "alice/demo",
        ),
        (
            "ssh://git@forge.example:2222/alice/demo.git",
            ("https://forge.example", "http://forge.example", "http://forge.example:3000"),
            "alice/demo",
        ),
        (
            "ssh://git@[2001:db8::1]:2222/alice/demo",
            ("https://[2001:db8::1]", "http://[2001:db8::1]", "http://[2001:db8::1]:3000"),
            "alice/demo",
        ),
        ("[git@[2001:db8::1]]:alice/demo", (), None),
        ("[git@forge.example:2222]:alice/demo.git", ("https://forge.example",), "alice/demo"),
        ("git@[2001:db8::1]:alice/demo.git", ("https://[2001:db8::1]",), "alice/demo"),
        ("forge.example:alice/demo", ("https://forge.example",), "alice/demo"),
        ("git+ssh://git@forge.example/alice/demo", ("https://forge.example",), "alice/demo"),
        ("git://forge.example/alice/demo", ("https://forge.example",), "alice/demo"),
        ("ssh://git@ssh.github.com:443/alice/demo.git", ("https://github.com",), "alice/demo"),
        ("git@gitlab.example:group/sub/demo.git", ("https://gitlab.example",), "group/sub/demo"),
        ("git@forge.example:demo.git", (), None),
        ("ssh://git@forge.example/~alice/demo.git", (), None),
        ("/srv/git/alice/demo.git", (), None),
        ("../alice/demo.git", (), None),
        ("file:///srv/git/alice/demo.git", (), None),
        ("ext::sh -c alice/demo", (), None),
        ("https://forge.example/alice/../../demo", (), None),
        ("https:///alice/demo", (), None),
        ("https://forge.example:0/alice/demo", (), None),
        ("https://forge.example:x/alice/demo", (), None),
        ("https://good.example\\@evil.example/alice/demo", (), None),
    ],
)
def test_what_an_url_says(tree: Path, url: str, roots: tuple[str, ...], repo: str | None) -> None:
    git(tree, "config", "remote.origin.url", url)
    (remote,) = look(tree).remotes
    assert remote.root_candidates[: len(roots) or 99] == roots
    assert remote.repo == repo


def test_a_path_that_can_be_read_in_two_ways(tree: Path) -> None:
    git(tree, "config", "remote.origin.url", "https://gitlab.example/group/sub/demo.git")
    (remote,) = look(tree).remotes
    assert [(r, remote.repo_at(r)) for r in remote.root_candidates] == [
        ("https://gitlab.example/group", "sub/demo"),
        ("https://gitlab.example", "group/sub/demo"),
    ]
    git(tree, "config", "remote.origin.url", "git@forge.example:alice/demo")
    assert look(tree).remotes[0].repo_at("https://forge.example/git") == "alice/demo"


def test_instead_of(tree: Path, home: Path) -> None:
    git(tree, "config", "remote.origin.url", "gh:alice/demo")
    user = {"HOME": str(home)}
    git(tree, "config", "--global", f"url.https://u:{CANARY}@short.example/.insteadOf", "gh:", **user)
    git(tree, "config", "--global", "url.git@long.example:al.insteadOf", "gh:al", **user)
    assert look(tree, home).remotes[0].url == git(tree, "remote", "get-url", "origin", **user)
    assert look(tree, home).remotes[0].url == "git@long.example:alice/demo"
    git(tree, "config", "--global", "--unset-all", "url.git@long.example:al.insteadOf", **user)
    read = look(tree, home)
    assert (read.remotes[0].url, read.remotes[0].repo) == ("https://short.example/alice/demo", "alice/demo")
    assert CANARY not in repr(read)


def test_where_pushes_go_is_where_runs_are(tree: Path, home: Path) -> None:
    user = {"HOME": str(home)}
    git(tree, "config", "remote.origin.url", "/srv/mirror/alice/demo.git")
    git(tree, "config", "--global", "url.git@forge.example:.pushInsteadOf", "/srv/mirror/", **user)
    assert git(tree, "remote", "get-url", "--push", "origin", **user) == "git@forge.example:alice/demo.git"
    (remote,) = look(tree, home).remotes
    assert (remote.url, remote.repo) == ("/srv/mirror/alice/demo.git", "alice/demo")
    assert remote.root_candidates[0] == "https://forge.example"
    assert remote.repo_at("https://forge.example") == "alice/demo"
    git(tree, "config", "remote.origin.pushurl", "https://other.example/alice/demo.git")
    assert look(tree, home).remotes[0].root_candidates == ("https://other.example",)
    git(tree, "config", "remote.origin.url", "https://forge.example/alice/demo")
    assert look(tree, home).remotes[0].root_candidates == ("https://forge.example", "https://other.example")
    git(tree, "config", "remote.origin.pushurl", "https://other.example/else/where.git")
    assert look(tree, home).remotes[0].root_candidates == ("https://forge.example",)


# --- git's configuration, as git reads it ----------------------------------------------------------------------------


def as_git(tree: Path, home: Path, **variables: str) -> list[str]:
    rows = git(tree, "config", "--get-regexp", "^remote[.].*[.]url$", HOME=str(home), **variables)
    return [row.partition(" ")[2] for row in rows.splitlines()]


def add(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as opened:
        opened.write(text)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("gitdir:~/", True),
        ("gitdir:~/trees/", True),
        ("gitdir:~/other/", False),
        ("gitdir:trees/", True),
        ("gitdir:TREES/", False),
        ("gitdir/i:TREES/", True),
        ("gitdir:./trees/", True),
        ("gitdir:./a/", False),
        ("gitdir:**/a*/.git", True),
        ("gitdir:**/?/.git", True),
        ("gitdir:~/*/.git", False),
        ("gitdir:~/**/.git", True),
        ("gitdir:[a-c]/.git", True),
        ("gitdir:[!a]/.git", False),
        ("gitdir:[^b]/.git", True),
        ("gitdir:[z-a]/.git", False),
        ("gitdir:\\a/.git", True),
        ("gitdir:~no-such-user/", False),
        ("onbranch:main", True),
        ("onbranch:topic/", False),
        ("onbranch:ma*", True),
        ("unknown:x", False),
    ],
)
def test_conditional_includes(home: Path, condition: str, holds: bool) -> None:
    tree = home / "trees" / "a"
    tree.mkdir(parents=True)
    git(tree, "init", "--quiet", "--initial-branch=main")
    add(home / ".gitconfig", f'[includeIf "{condition}"]\npath = more\n')
    add(home / "more", '[remote "m"]\nurl = https://m.example/a/b\n')
    assert bool(re.search("m.example", git(tree, "config", "--list", HOME=str(home)))) == holds, "git itself"
    assert bool(look(tree, home).remotes) == holds


def test_includes_are_read_where_they_stand(tree: Path, home: Path) -> None:
    add(home / ".gitconfig", '[remote "a"]\nurl=a:b/1\n[include]\npath=~/x/one\n[remote "a"]\nurl=a:b/2\n')
    add(home / "x/one", '[include]\npath = two\npath = none\n[remote "c"]\nurl=c:b/4\n')
    add(home / "x/two", '[remote "b"]\nurl=b:b/3\n[include]\npath = one\n')
    add(home / ".config/git/config", '[remote "d"]\nurl=d:b/5\n')
    names = [r.name for r in look(tree, home).remotes]
    assert names == ["d", "a", "b", "c", "origin"], "includes in a circle end"
    assert [r.name for r in look(tree, home, XDG_CONFIG_HOME=str(home / "empty")).remotes] == ["a", "b", "c", "origin"]


def test_the_environment_names_files_and_values(tree: Path, home: Path) -> None:
    add(home / "g", '[remote "g"]\nurl = https://g.example/a/b\n')
    add(home / ".gitconfig", '[remote "home"]\nurl = https://h.example/a/b\n')
    variables = {
        "GIT_CONFIG_GLOBAL": str(home / "g"),
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "Remote.Env.One.URL",
        "GIT_CONFIG_VALUE_0": "https://e.example/a/b",
        "GIT_CONFIG_KEY_1": "user.name",
        "GIT_CONFIG_VALUE_1": "x",
    }
    assert [r.url for r in look(tree, home, **variables).remotes] == as_git(tree, home, **variables)
    assert look(tree, home, **variables).remotes[-1].name == "Env.One"
    assert look(tree, None, GIT_CONFIG_COUNT="no").remotes == look(tree).remotes


def test_a_damaged_configuration_names_the_line_and_not_what_it_says(tree: Path) -> None:
    add(tree / ".git/config", f"[http]\nextraHeader = Authorization: {CANARY}\n[remote\nurl = https://u:{CANARY}@h/a/b")
    number = (tree / ".git/config").read_text().splitlines().index("[remote") + 1
    found = trouble(tree)
    assert f"config, line {number}" in found.why
    shown = "".join(traceback.TracebackException.from_exception(found, capture_locals=True).format())
    assert CANARY not in shown


_WORD = st.sampled_from(
    ["a", "B c", "é", "\\n", "\\t", '\\"', "\\\\", '"q # x"', '" y "', "\\\n", "  ", "#c", ";d", "=", "]", '"', "\\x"]
)
_LINES = st.lists(
    st.one_of(
        st.sampled_from(["", "# comment", "  ; one", "[a]", "[B]", '[a "x]"]', '[a "\\"q\\\\"]', '[ "x"]', "[a.Sub]"]),
        st.sampled_from(["k", "key-2 ", "K =", "k # c", "2k = 1", "[a] k = v", "[a]k", '[a "b"', "k\r", "[a_b]"]),
        st.lists(_WORD, max_size=5).map(lambda words: "k = " + "".join(words)),
    ),
    max_size=8,
)


@given(_LINES, st.booleans())
def test_any_configuration_is_read_as_git_reads_it(tmp_path: Path, lines: list[str], end: bool) -> None:
    text = "\n".join(lines) + "\n" * end
    assume('  "' not in text)  # blanks before a quote that is the last thing: git itself changed its mind in 2.45
    file = tmp_path / "config"
    file.write_text(text)
    argv = ["git", "config", "--file", str(file), "--list", "--null"]
    done = subprocess.run(argv, env=ENV, capture_output=True, text=True, check=False)
    try:
        read = [(e.name, e.subsection, e.value) for e in entries(text)]
    except ConfigError:
        read = None
    assert read == (None if done.returncode else [_split(row) for row in done.stdout.split("\0")[:-1]])


def _split(row: str) -> tuple[str, str | None, str]:
    name, newline, value = row.partition("\n")
    front, _, key = name.rpartition(".")
    section, dot, subsection = front.partition(".")
    return f"{section}.{key}", subsection if dot else None, value if newline else "true"


@given(st.text())
def test_no_text_makes_the_readers_fall_over(text: str) -> None:
    with suppress(ConfigError):
        list(entries(text))
    for url in (text, f"https://{text}", f"git@{text}:a/b", f"ssh://{text}/a/b"):
        read_remote(url)
        owner_and_name(url)
        public_url(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://u:{CANARY}@h/a/b", "https://h/a/b"),
        (f"https://{CANARY}@h:1/a/b", "https://h:1/a/b"),
        (f"https://h/a/b?private_token={CANARY}", "https://h/a/b"),
        (f"ssh://git:{CANARY}@h/a/b", "ssh://git@h/a/b"),
        (f"u:{CANARY}@h:a/b", "h:a/b"),
        (f"ext::sh -c {CANARY}", "ext::..."),
        (f"foo::https://{CANARY}@h/a", "foo::..."),
        ("git@h:a/b.git", "git@h:a/b.git"),
        ("/srv/a b", "/srv/a b"),
    ],
)
def test_what_is_shown_of_an_url(url: str, shown: str) -> None:
    assert public_url(url) == shown


def test_what_could_drive_a_terminal_is_not_shown(tree: Path) -> None:
    add(tree / ".git/config", '[remote "x\x1b[2Jy"]\nurl = /srv/\x1b[31m\n')
    (tree / ".git/HEAD").write_text("ref: refs/heads/a\u202eb\n")
    read = look(tree)
    assert (read.branch, read.remotes[-1].name, read.remotes[-1].url) == ("ab", "x[2Jy", "/srv/[31m")
