"""Locks and checkouts of git as their files tell them: real repositories, made and broken here."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.hosts.local import LocalHost
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Subject
from whyred.model.probe import Facts
from whyred.probes.find import probe
from whyred.probes.git_files import git_folder, has_object
from whyred.probes.repository import names_in

HOST = Subject("host")
WHO = {f"GIT_{role}_{what}": "ci@localhost" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
CLEAN = {"PATH": os.environ.get("PATH", os.defpath), "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent", **WHO}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, env=CLEAN, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def facts(name: str, **arguments: str) -> Facts:
    unit = probe(name)
    return unit.read(unit.ask(LocalHost(), HOST, arguments))


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """Two commits on main, a tag on the first, and a branch topic."""
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main", ".")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    git(folder, "tag", "v1")
    git(folder, "commit", "-q", "--allow-empty", "-m", "second")
    git(folder, "branch", "topic")
    return folder


def clone(origin: Path, *words: str) -> Path:
    folder = origin.parent / "ws"
    folder.mkdir()
    git(folder, "clone", "-q", *words, origin.as_uri(), "app")
    return folder


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("ambiguous argument 'origin/main...HEAD': unknown revision", [("origin/main", False)]),
        ("ambiguous argument 'HEAD~2..HEAD': unknown revision", [("HEAD", True)]),
        ("fatal: bad revision 'v1^{}..topic@{1}'", [("v1", True), ("topic", True)]),
        ("couldn't find remote ref topic", [("topic", False)]),
        ("fatal: No names found, cannot describe anything", []),
        ("Not a valid commit name origin/main", [("origin/main", False)]),
    ],
)
def test_names_in_gits_words(said: str, names: list[tuple[str, bool]]) -> None:
    assert names_in(said) == names


@given(st.text(max_size=200))
def test_any_words_are_read(said: str) -> None:
    assert all(name for name, _ in names_in(said))


@pytest.mark.parametrize(
    ("words", "said", "cut"),
    [
        (["--depth", "1"], "fatal: No names found, cannot describe anything", True),
        (["--no-tags"], "fatal: No names found, cannot describe anything", True),
        (["--depth", "1"], "ambiguous argument 'origin/topic...HEAD': unknown revision", True),
        (["--depth", "1"], "ambiguous argument 'HEAD~1': unknown revision", True),
        (["--depth", "1"], "fatal: origin/main...HEAD: no merge base", True),
        (["--depth", "1"], "ambiguous argument 'mian..HEAD': unknown revision", False),
        ([], "ambiguous argument 'mian..HEAD': unknown revision", False),
        ([], "fatal: topic...HEAD: no merge base", False),
    ],
)
def test_what_a_clone_in_part_lacks(origin: Path, words: list[str], said: str, cut: bool) -> None:
    assert facts("repository", folder=str(clone(origin, *words)), said=said)["cut"] is cut


@pytest.mark.parametrize(
    "said", ["Needed a single revision", "pathspec 'release/2' did not match any file", "No names found"]
)
def test_a_repository_that_was_cloned_from_nowhere_was_not_cut(origin: Path, said: str) -> None:
    assert facts("repository", folder=str(origin), said=said)["cut"] is False


def test_a_repository_that_has_it_says_nothing(origin: Path) -> None:
    found = facts("repository", folder=str(clone(origin)), said="ambiguous argument 'v1': unknown revision")
    assert isinstance(found["cut"], Unknown)


def test_an_origin_on_another_machine_is_not_judged(origin: Path) -> None:
    folder = clone(origin, "--depth", "1")
    git(folder / "app", "remote", "set-url", "origin", "https://user:hush-hush@git.example.org/team/app.git")
    found = facts("repository", folder=str(folder), said="couldn't find remote ref gone")
    assert found["origin"] == "https://git.example.org/team/app.git"
    assert isinstance(found["origin_lacks"], Unknown)
    assert b"hush" not in probe("repository").ask(LocalHost(), HOST, {"folder": str(folder)})


def test_what_the_origin_lacks(origin: Path) -> None:
    folder = clone(origin)
    gone = "0123456789abcdef0123456789abcdef01234567"
    there = git(origin, "rev-parse", "HEAD")
    said = {"couldn't find remote ref topic": False, "couldn't find remote ref gone": True}
    said |= {f"upload-pack: not our ref {gone}": True, f"reference is not a tree: {there}": False}
    for words, lacks in said.items():
        assert facts("repository", folder=str(folder), said=words)["origin_lacks"] is lacks, words


def test_objects_are_found_loose_and_packed(origin: Path) -> None:
    host, sha = LocalHost(), git(origin, "rev-parse", "main")
    assert has_object(host, git_folder(host, str(origin)), sha)
    git(origin, "gc", "-q", "--prune=now")
    assert has_object(host, git_folder(host, str(origin)), sha)
    assert not has_object(host, git_folder(host, str(origin)), sha[::-1])


def test_submodules_and_pointers(origin: Path) -> None:
    folder = clone(origin) / "app"
    (folder / ".gitmodules").write_text('[submodule "lib"]\n\tpath = vendor/lib\n\turl = ../lib\n')
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 12345\n"
    (folder / "model.bin").write_text(pointer)
    found = facts("repository", folder=str(folder), file="vendor/lib/a.mk")
    assert (found["empty_submodules"], found["in_empty_submodule"], found["lfs_pointer"]) == (1, True, "model.bin")
    assert facts("repository", folder=str(folder), file=str(folder / "model.bin"))["is_lfs_pointer"] is True
    (folder / "vendor/lib").mkdir(parents=True)
    (folder / "vendor/lib/a.mk").write_text("all:\n")
    assert facts("repository", folder=str(folder))["empty_submodules"] == 0


def test_a_folder_without_a_repository(tmp_path: Path) -> None:
    found = facts("repository", folder=str(tmp_path), said="couldn't find remote ref x")
    assert {v.reason for v in found.values() if isinstance(v, Unknown)} == {Reason.NOT_FOUND}


def test_a_lock_nobody_holds_is_stale(origin: Path) -> None:
    lock = origin / ".git" / "index.lock"
    assert facts("lock-file", path=str(lock))["gone"] is True
    lock.touch()
    os.utime(lock, (time.time() - 7200, time.time() - 7200))
    found = facts("lock-file", path=str(lock))
    assert (found["stale"], found["held"], found["gits"]) == (True, False, 0)
    age = found["age_seconds"]
    assert isinstance(age, int)
    assert abs(age - 7200) < 60


def test_a_lock_of_a_living_git_is_held(origin: Path) -> None:
    with subprocess.Popen(
        ["git", "cat-file", "--batch"], cwd=origin, env=CLEAN, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as alive:
        assert alive.stdin is not None
        assert alive.stdout is not None
        alive.stdin.write(b"HEAD\n")
        alive.stdin.flush()
        assert alive.stdout.readline()  # it runs, and its program is git by now
        lock = origin / ".git" / "index.lock"
        lock.touch()
        held = facts("lock-file", path=str(lock))
        os.utime(lock, (time.time() - 7200, time.time() - 7200))
        older = facts("lock-file", path=str(lock))
        alive.stdin.close()
    assert (held["stale"], held["held"], held["gits"]) == (False, True, 1)
    assert (older["stale"], older["held"]) == (True, False)
