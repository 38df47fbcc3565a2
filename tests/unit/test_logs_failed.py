"""`logs --failed` where nothing failed: it says so, the same of a run and of what was saved of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from change_standin import address, way
from standin import World, scenarios

from whyred.app.library import Library
from whyred.app.log_files import file_logs
from whyred.app.log_pieces import LogWish, Piece
from whyred.app.log_wait import Note
from whyred.app.logs import attempts_of, logs
from whyred.app.why import Wish, why


def quiet(_: str) -> None:
    return None


def cancelled(world: World) -> None:
    scenarios.cancelled(world.named("alice/priv"))


@pytest.mark.parametrize(
    ("target", "ended"),
    [("#1", "its job ended as success"), ("#9", "its job ended as cancelled"), ("#6", "its 2 jobs ended as skipped")],
)
@pytest.mark.parametrize("tail", [None, 3])
def test_that_nothing_failed_is_said(target: str, ended: str, tail: int | None) -> None:
    with way("forgejo-16", cancelled) as user:
        wish = LogWish(address(f"alice/priv{target}"), failed=True, tail=tail)
        (note,) = logs(wish, user.forges, Library(None))
        assert isinstance(note, Note)
        assert note.text.startswith(f"alice/priv{target}: nothing failed: {ended}")
        assert attempts_of(wish, user.forges)[1] == []


@pytest.mark.parametrize("target", ["alice/priv#1", "alice/priv#9", "alice/priv#2"])
def test_a_bundle_says_the_same(target: str, tmp_path: Path) -> None:
    with way("forgejo-16", cancelled) as user:
        library = Library(None)
        wish = LogWish(address(target), failed=True)
        live = list(logs(wish, user.forges, library))
        file = tmp_path / "saved.whyred"
        why(Wish(target, probe=False, save=file, forges=user.forges), library, quiet)
    again = list(file_logs(replace(wish, address=None), str(file), library, quiet))
    assert said(again) == said(live)
    assert said(live)[0] or said(live)[1]


def said(pieces: list[Piece]) -> tuple[bytes, list[str]]:
    """The lines and the notes."""
    text = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    return text, [piece.text for piece in pieces if isinstance(piece, Note)]
