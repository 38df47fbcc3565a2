"""One test a cell: the right reason, the request, what would make it work, exit code 4, no secret, no empty log."""

import re
import subprocess
from pathlib import Path

import pytest
from program import PROGRAM, environment

from refusals.cell import Cell, Place, answer, complaints, in_the_table, told
from refusals.matrix import CELLS, SOURCES, ordered
from refusals.page import PAGE, line
from refusals.ways import BY_SOURCE, well
from whyred.app import ladder, targets
from whyred.model.source import Missing

ROUTES_WITHOUT_A_LOG = {"repo-api", "repo-names", "forge-changes"}
"""They bring neither runs nor logs: what they refuse is told where it matters (`whyred status`, `whyred rerun`)."""


@pytest.mark.parametrize("cell", ordered(), ids=lambda cell: cell.id)
def test_cell(cell: Cell, place: Place, cache: Path) -> None:
    with cell.make(place) as argv:
        ended = answer(cell, place, argv, cache)
        wrong = [*complaints(cell, place, ended), *in_the_table(cell, place, argv, cache)]
    assert wrong == [], ended.err
    said = told(cell, ended)
    assert said is not None
    assert line(cell, said, place) in PAGE.read_text(encoding="utf-8").splitlines(), "the page is stale: make refusals"


def test_every_reason_and_every_source_has_a_cell() -> None:
    assert {cell.reason for cell in CELLS} == set(Missing)
    known = {s.NAME for s in targets.sources()} | {m.NAME for m in ladder.routes()}
    made = {cell.source for cell in CELLS}
    assert made <= set(SOURCES)
    assert known - ROUTES_WITHOUT_A_LOG <= made


def test_cells_are_told_apart() -> None:
    ids = [cell.id for cell in CELLS]
    assert len(ids) == len(set(ids))


def test_help_is_not_the_same_for_all() -> None:
    """What would make it work is particular: no source says one and the same thing of all its reasons."""
    for source in SOURCES:
        helps = {cell.help for cell in CELLS if cell.source == source}
        reasons = {cell.reason for cell in CELLS if cell.source == source}
        assert len(helps) >= len(reasons), source


def test_the_program_itself_ends_so(place: Place, tmp_path: Path) -> None:
    """Not only in this process: `python -m whyred`, with its own pauses."""
    with well(place, BY_SOURCE["forgejo-api"], token=False, web=False) as spot:
        done = subprocess.run(
            [*PROGRAM, *spot.argv], env=environment(place.home), cwd=tmp_path, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (4, "")
    assert re.match(r"whyred: no log \(not-found-or-hidden\): GET http://\S+: it does not exist", done.stderr)


def test_plain_http_with_a_credential_is_a_setting_and_named_before_anything_is_asked(
    place: Place, cache: Path
) -> None:
    place.token("http://forge.example", "canary-0123456789abcdef")
    cell = next(iter(CELLS))
    ended = answer(cell, place, ["logs", "alice/priv#2", "--server", "http://forge.example"], cache)
    assert (ended.code, ended.out) == (2, "")
    assert "plain HTTP" in ended.one_line()
    assert "--insecure-http" in ended.err
    assert "canary" not in ended.err


@pytest.mark.parametrize("route", ["nonsense", "tasks-api", "github"])
def test_a_route_that_gives_no_logs_is_wrong_usage(route: str, place: Place, cache: Path) -> None:
    with well(place, BY_SOURCE["web-state"]) as spot:
        cell = next(iter(CELLS))
        ended = answer(cell, place, [*spot.argv[:-1], route], cache)
    assert (ended.code, ended.out) == (2, "")
    assert "web-state" in ended.one_line()


def test_every_route_that_was_tried_has_its_line(place: Place, cache: Path) -> None:
    with well(place, BY_SOURCE["web-state"], web=False) as spot:
        ended = answer(next(iter(CELLS)), place, spot.argv[:-2], cache)
    assert (ended.code, ended.out) == (4, "")
    first, *routes = ended.err.splitlines()
    assert first.startswith("whyred: no log (needs-web-login): GET http")
    names = [text.removeprefix("whyred:   ").partition(":")[0] for text in routes]
    assert names == ["web-state", "forgejo-api", "web-download"]
    assert routes[0].endswith("needs-web-login, as above")
    assert "route-not-on-this-version: GET http" in routes[1]
