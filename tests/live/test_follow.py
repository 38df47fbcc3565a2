"""A running job, followed through a restart of its server: no line lost, none twice."""

import os
import threading
from pathlib import Path

import pytest

from live.gitea import Gitea
from live.scenarios import Scenario, begin, ticking
from live.user import Person

TICKS = 12


@pytest.mark.parametrize("raw", [False, True], ids=["steps", "raw"])
def test_follow_through_a_restart(server: Gitea, tmp_path: Path, raw: bool) -> None:
    person = Person(tmp_path / "home", server)
    person.login(web=not server.ids_in_web)
    with begin(server, Scenario("ticking", ticking(TICKS), "success"), tmp_path / "run") as playing:
        playing.runner.wait_rows(4)
        options = ["--raw"] if raw else ["--timestamps"]
        following = person.start("logs", playing.repo.full_name, "--follow", *options)
        said: list[bytes] = []
        assert following.stdout is not None
        # Before its first rows it has met no server, and need not bear one that is away.
        begun = os.read(following.stdout.fileno(), 1 << 16)
        reader = threading.Thread(target=lambda: said.extend(following.communicate()))
        reader.start()
        playing.runner.wait_rows(7)
        server.stop()
        server.start()
        playing.repo.wait_for_run("success")
        task = playing.runner.wait()[0]
        reader.join(60)
    assert following.returncode == 0, said
    rows = [line for line in (begun + said[0]).splitlines(keepends=True) if not line.startswith((b"-- ", b"== "))]
    stored = playing.repo.stored_text(task.id).splitlines(keepends=True)
    if raw:
        assert rows == stored
    assert [row[29:] for row in rows] == [row[29:] for row in stored]
