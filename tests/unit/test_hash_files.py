"""`hashFiles`: which files a pattern means, in which order they count, and what is not read."""

import hashlib
from pathlib import Path

import pytest

from whyred.experiments.hash_files import hash_files

FILES = {
    "a.lock": "1",
    "src/a.lock": "2",
    "src/deep/er/a.lock": "3",
    "src/b.txt": "4",
    ".hidden/a.lock": "5",
    "src.txt": "6",
    "odd [x].txt": "7",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    at = tmp_path / "w"
    for name, text in FILES.items():
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        (at / name).write_text(text)
    (at / "link").symlink_to(at / "src")
    (at / "src" / "same.lock").symlink_to("a.lock")
    (tmp_path / "outside.lock").write_text("x")
    return at


def digest(*texts: str) -> str:
    if not texts:
        return ""
    return hashlib.sha256(b"".join(hashlib.sha256(t.encode()).digest() for t in texts)).hexdigest()


@pytest.mark.parametrize(
    ("patterns", "texts"),
    [
        (["a.lock"], "1"),
        (["/a.lock"], "1"),
        (["./a.lock"], "1"),
        (["**/a.lock"], "5123"),
        (["src/*.lock"], "22"),
        (["src/**/*.lock"], "232"),
        (["src/**"], "2432"),
        (["src"], "2432"),
        (["src/"], "2432"),
        (["src*"], "24326"),
        (["*/b.txt"], "4"),
        (["s?c/b.txt"], "4"),
        (["[a-s]rc/b.txt", "[!a]rc.txt"], "46"),
        (["[^a]rc.txt"], "6"),
        (["**/a.lock", "!src/**"], "51"),
        (["**/a.lock", "!src", "src/deep/**"], "513"),
        (["!a.lock"], ""),
        (["**/a.lock\n!**/er/*\n# a comment\n"], "512"),
        (["b.txt"], ""),
        (["SRC/B.TXT"], ""),
        (["../outside.lock", "/etc/passwd", "src/../a.lock"], ""),
        (["link"], ""),
        ([""], ""),
        (["odd [[]x].txt"], "7"),
    ],
)
def test_patterns(workspace: Path, patterns: list[str], texts: str) -> None:
    assert hash_files(workspace, patterns) == digest(*texts)


def test_a_hash_changes_with_what_is_hashed_and_no_workspace_has_none(workspace: Path) -> None:
    before = hash_files(workspace, ["**"])
    (workspace / "src" / "b.txt").write_text("5")
    assert hash_files(workspace, ["**"]) != before
    assert hash_files(workspace / "gone", ["**"]) == ""


def test_a_link_to_nothing_is_an_error_as_on_the_runners(workspace: Path) -> None:
    (workspace / "dead.lock").symlink_to("gone")
    with pytest.raises(FileNotFoundError):
        hash_files(workspace, ["*.lock"])
    assert hash_files(workspace, ["src.txt"]) == digest("6")


def test_many_stars_take_no_time_worth_naming(workspace: Path) -> None:
    (workspace / ("a" * 200)).touch()
    assert hash_files(workspace, ["*a" * 60 + "b", "/".join(["**"] * 300) + "/none"]) == ""
