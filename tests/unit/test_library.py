"""The compiled library and its cache: kept where it can be, made again where it is damaged, never in the way."""

import os
import shutil
from pathlib import Path

import pytest

from whyred.app import library as room
from whyred.app.library import Library
from whyred.library import read
from whyred.logs.engines import Hyperscan, Re2
from whyred.logs.scanner import Scanner

LINE = b'error: couldn\'t create a temp dir: No such file or directory (os error 2) at path "/tmp/rustcVAIpSt"\n'
TOKEN = b"ghp_abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small library of its own, so that compiling it costs little."""
    folder = tmp_path / "whyred" / "library"
    for kind, ids in (
        ("patterns", ["rustc-temp-dir"]),
        ("causes", ["private-tmp-deleted"]),
        ("secrets", ["github-token"]),
    ):
        (folder / kind).mkdir(parents=True)
        for id_ in ids:
            shutil.copy2(read.FOLDER / kind / f"{id_}.toml", folder / kind)
    (folder.parent / "logs" / "formats").mkdir(parents=True)
    monkeypatch.setattr(read, "FOLDER", folder)
    return folder


def works(library: Library) -> bool:
    named = [library.scanner.units[i] for p in library.scanner.places(LINE) for i in p.indexes]
    masked = library.masker().text(b"token " + TOKEN)
    return any(u in library.patterns for u in named) and TOKEN not in masked and b"***" in masked


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    compiled = room._compiled

    def spy() -> room._Stored:
        made.append("compiled")
        return compiled()

    monkeypatch.setattr(room, "_compiled", spy)
    return made


def test_the_cache_is_made_and_used_again(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, cache = counted(monkeypatch), tmp_path / "deep" / "cache"
    first, second = Library(cache), Library(cache)
    assert works(first)
    assert works(second)
    assert made == ["compiled"]
    assert len(list(cache.iterdir())) == 1
    assert (first.patterns, first.causes) == (second.patterns, second.causes)


def test_nothing_is_read_before_it_is_wanted(shelf: Path, tmp_path: Path) -> None:
    Library(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_without_a_cache(shelf: Path) -> None:
    assert works(Library(None))


def test_a_damaged_cache_is_made_again(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    assert works(Library(cache))
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    made = counted(monkeypatch)
    damages = [b"", b"x", whole[:10], whole[: len(whole) // 2], whole[:-1], b"\xff" * len(whole), b"\x00" * 16]
    for at in (0, 5, 20, 60, len(whole) // 3, len(whole) // 2, len(whole) - 5):
        damages.append(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    for damage in damages:
        file.write_bytes(damage)
        assert works(Library(cache))
        assert file.read_bytes() == whole
    assert len(made) == len(damages)


def test_a_cache_that_is_no_folder(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file")
    assert works(Library(tmp_path / "cache"))
    assert (tmp_path / "cache").read_bytes() == b"a file"


def test_a_cache_that_cannot_be_written(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"

    def full(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert works(Library(cache))
    assert list(cache.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere: the lab runs this as another user")
def test_a_read_only_cache(shelf: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o500)
    assert works(Library(cache))
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("kind", ["patterns", "causes", "secrets"])
def test_a_changed_file_changes_the_signature(kind: str, shelf: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert works(Library(cache))
    (before,) = cache.iterdir()
    (file,) = (shelf / kind).iterdir()
    text = file.read_text(encoding="utf-8").replace('title = "', 'title = "New: ')
    file.write_text(text, encoding="utf-8")
    assert works(Library(cache))
    assert len(set(cache.iterdir()) - {before}) == 1
    assert Library(cache).patterns[0].title.startswith("New: ") is (kind == "patterns")


def test_a_new_file_and_a_removed_one_change_the_signature(shelf: Path) -> None:
    before = room._signature()
    (shelf / "patterns" / "new.toml").write_text("", encoding="utf-8")
    added = room._signature()
    (shelf / "patterns" / "new.toml").unlink()
    assert before not in (added,)
    assert room._signature() == before
    (shelf.parent / "logs" / "engines.py").write_text("", encoding="utf-8")
    assert room._signature() != before


def test_an_engine_that_cannot_be_kept_leaves_no_file(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: object) -> object:
        raise ImportError("no wheel")

    monkeypatch.setattr(Hyperscan, "compile", missing)
    library = Library(tmp_path / "cache")
    assert works(library)
    assert isinstance(library.scanner.engine, Re2)
    assert not (tmp_path / "cache").exists()


def test_the_cached_database_belongs_to_the_order_of_the_units(shelf: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    fresh, kept = Library(cache).scanner, Library(cache).scanner
    assert isinstance(kept, Scanner)
    assert kept.units == fresh.units
    assert list(kept.places(LINE)) == list(fresh.places(LINE))


def test_some_caches_of_other_versions_are_kept_and_no_more(shelf: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    for n in range(9):
        (cache / f"library-{n}").write_bytes(b"old")
        os.utime(cache / f"library-{n}", (n, n))
    assert works(Library(cache))
    names = {file.name for file in cache.iterdir()}
    assert len(names) == room._KEPT
    assert {"library-8", "library-7"} < names


def test_another_processor_has_a_cache_of_its_own(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = room._signature()
    monkeypatch.setattr(room, "_processor", lambda: "flags : sse4_2")
    assert room._signature() != before


def test_what_was_compiled_beside_the_library_serves_whoever_has_no_cache(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = counted(monkeypatch)
    file = room.compile_beside()
    assert file.parent.parent == shelf
    assert room.compile_beside() == file
    assert works(Library(cache=None))
    assert made == ["compiled"]
