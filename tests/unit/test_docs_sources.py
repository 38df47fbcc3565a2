"""The page of the sources: every one of both kinds is on it, in the order in which they are asked."""

from scripts import docs

from whyred.app import ladder, targets

PAGE = "\n".join(docs.sources())


def test_every_source_has_its_row() -> None:
    rows = [row.split(" | ")[0].strip("| `") for row in PAGE.splitlines() if row.startswith("| `")]
    assert rows == [s.NAME for s in targets.sources()] + [route.NAME for route in ladder.routes()]


def test_a_route_says_whom_it_serves_and_what_it_gives() -> None:
    assert "| `gitlab` | gitlab | GitLab's API: runs, jobs with all their tries, and their logs |" in PAGE
    row = next(row for row in PAGE.splitlines() if row.startswith("| `gitlab` "))
    assert row.endswith(" | runs, jobs, steps, logs, pull requests |")


def test_no_route_gives_nothing() -> None:
    assert not [row for row in PAGE.splitlines() if row.startswith("| `") and row.endswith("|  |")]
