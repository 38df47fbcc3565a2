"""Baselines that are kept: found again by what they follow from alone; whatever is wrong with them costs only time."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyred.app import baselines as room
from whyred.app.baselines import Baselines
from whyred.app.library import Library
from whyred.model.novelty import Baseline, StepTime

ONE = Baseline(
    "team/app#11:build",
    (StepTime("a", 1.5, 3), StepTime("b", None, 4)),
    b"k" * 24,
    b"h" * 8,
    7,
    failed=True,
    whole=False,
)


def store(folder: Path | None) -> Baselines:
    return Baselines(folder, Library(None))


def files(folder: Path) -> list[Path]:
    return [f for f in (folder / "baselines").iterdir() if not f.name.startswith(".")]


def test_what_is_kept_is_found_again_by_its_name_alone(tmp_path: Path) -> None:
    store(tmp_path).save("one", ONE)
    assert store(tmp_path).load("one") == ONE
    assert store(tmp_path).load("two") is None
    assert store(tmp_path).load(None) is None


def test_an_attempt_that_nothing_names_is_not_kept(tmp_path: Path) -> None:
    store(tmp_path).save(None, ONE)
    assert not (tmp_path / "baselines").exists()


def test_everything_is_private_and_no_name_is_in_it(tmp_path: Path) -> None:
    store(tmp_path).save("planted-canary", replace(ONE, label="x"))
    assert stat.S_IMODE((tmp_path / "baselines.key").stat().st_mode) == 0o600
    assert len((tmp_path / "baselines.key").read_bytes()) == 32
    for file in files(tmp_path):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert b"canary" not in file.read_bytes()
        assert "canary" not in file.name


@pytest.mark.parametrize("what", ["the key's version", "the library", "the secret"])
def test_what_follows_from_something_else_is_not_found(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path).save("one", ONE)
    again = store(tmp_path)
    if what == "the key's version":
        monkeypatch.setattr(room, "VERSION", 99)
    elif what == "the library":
        again.library.signature = "another"
    else:
        (tmp_path / "baselines.key").unlink()
    assert again.load("one") is None


def test_the_secret_stays_the_same_and_is_another_for_everybody(tmp_path: Path) -> None:
    one = store(tmp_path / "a").secret
    assert store(tmp_path / "a").secret == one
    assert store(tmp_path / "b").secret != one
    assert store(None).secret != store(None).secret


@pytest.mark.parametrize("damage", ["short", "long", "open to others", "a link", "a folder"])
def test_a_secret_that_is_no_use_is_made_anew(damage: str, tmp_path: Path) -> None:
    file = tmp_path / "baselines.key"
    if damage == "a folder":
        file.mkdir()
    elif damage == "a link":
        (tmp_path / "else").write_bytes(b"x" * 32)
        (tmp_path / "else").chmod(0o600)
        file.symlink_to(tmp_path / "else")
    else:
        file.write_bytes(b"x" * {"short": 31, "long": 33}.get(damage, 32))
        file.chmod(0o644 if damage == "open to others" else 0o600)
    secret = store(tmp_path).secret
    assert len(secret) == 32
    assert secret != b"x" * 32
    assert (store(tmp_path).secret == secret) is (damage != "a folder")
    assert not list(tmp_path.glob(".baselines.key*"))


@given(st.binary(max_size=200), st.integers(0, 400), st.booleans())
@settings(max_examples=60)
def test_a_damaged_baseline_is_none(data: bytes, at: int, insert: bool) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        store(where).save("one", ONE)
        (file,) = files(where)
        whole = file.read_bytes()
        changed = whole[:at] + data + whole[at if insert else at + len(data) :]
        file.write_bytes(changed)
        assert store(where).load("one") == (ONE if changed == whole else None)


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"label": "x", "steps": [], "lines": 1, "failed": False, "whole": True, "keys": 3},
        {"label": "x", "steps": [], "lines": 1, "failed": False, "whole": True, "keys": 80},
        {"label": "x", "steps": [["a"]], "lines": 1, "failed": False, "whole": True, "keys": 8},
        {"label": "x", "steps": [["a", "long", 1]], "lines": 1, "failed": False, "whole": True, "keys": 8},
    ],
)
def test_another_form_of_it_is_none(head: dict[str, object], tmp_path: Path) -> None:
    one = store(tmp_path)
    assert one._kept is not None
    one._kept.keep(one._key("one"), head, b"k" * 16)
    assert one.load("one") is None


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file where the folder should be")
    one = store(tmp_path / "cache")
    one.save("one", ONE)
    assert one.load("one") is None
    assert len(one.secret) == 32


def test_all_of_them_are_bounded_and_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_MOST", 40_000)
    for n in range(12):
        store(tmp_path).save(f"{n}", replace(ONE, keys=os.urandom(8000)))
        for file in files(tmp_path):
            os.utime(file, (file.stat().st_mtime - 100,) * 2)
    assert sum(file.stat().st_size for file in files(tmp_path)) <= 40_000
    assert store(tmp_path).load("0") is None
    assert store(tmp_path).load("11") is not None
