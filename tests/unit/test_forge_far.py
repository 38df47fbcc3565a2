"""The forge's database on a machine whose files this process cannot open."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import forge_data as fd
import pytest
from forge_route import attempt_of, first_of, reach, refusal, split, whole

from whyred.hosts.local import LocalHost
from whyred.model.evidence import Reason
from whyred.model.forge import RunQuery
from whyred.model.host import Host, HostRefusedError, Output
from whyred.model.source import Missing
from whyred.sources import _sqlite, forge_database
from whyred.sources.reach import Want


@pytest.fixture(scope="session", params=fd.VERSIONS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[fd.Data, Path]:
    """A forge's data folder, to be read only."""
    folder = tmp_path_factory.mktemp("forge") / "data"
    return fd.make(request.param, folder), folder


# The machine of the forge is another one


class Far(LocalHost):
    """A machine whose files this process cannot open: they lie elsewhere here. `tool`: whether it has sqlite3."""

    def __init__(self, *, tool: bool) -> None:
        super().__init__()
        self._tool = tool
        self.asked: list[Sequence[str]] = []

    def stat(self, path: str, *, follow: bool = True) -> Any:
        found = super().stat(path, follow=follow)
        return replace(found, inode=found.inode + 1_000_000)

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        self.asked.append(argv)
        if argv[0] == "sqlite3" and not self._tool:
            raise HostRefusedError(Reason.TOOL_MISSING, "sqlite3: this program is not on the host")
        return super().run(argv, seconds)


@pytest.mark.parametrize("tool", [True, False])
def test_a_forge_on_another_machine(made: tuple[fd.Data, Path], tool: bool) -> None:
    data, folder = made
    if tool and not has_sqlite3():
        pytest.skip("there is no sqlite3 program on this machine")
    host, here = Far(tool=tool), reach(folder)
    there = reach(folder, host)
    for name in data.texts:
        assert attempt_of(there, name) == attempt_of(here, name)
        attempt = first_of(here, data, name)
        if attempt.id:
            assert split(forge_database.log(there, attempt, Want())) == split(forge_database.log(here, attempt, Want()))
    assert any(argv[0] == "sqlite3" for argv in host.asked)
    assert fd.CANARY not in repr(host.asked)


def has_sqlite3() -> bool:
    try:
        LocalHost().run(["sqlite3", "-version"])
    except HostRefusedError:
        return False
    return True


def test_a_name_that_would_end_the_statement(made: tuple[fd.Data, Path]) -> None:
    if not has_sqlite3():
        pytest.skip("there is no sqlite3 program on this machine")
    there = reach(made[1], Far(tool=True))
    for repo in ("a/b'; DROP TABLE action_run; --", "a/b?", 'a/"', "a/\n.shell true\n", "ä/ö"):
        error = refusal(partial(list, forge_database.runs(there, repo, RunQuery())))
        assert error.reason is Missing.NOT_FOUND
    assert attempt_of(there, "green").id


def test_one_copy_serves_all_questions(made: tuple[fd.Data, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    whole_ = _sqlite._whole

    def counted(host: Host, path: str, asked: str) -> bytearray:
        reads.append(path)
        return whole_(host, path, asked)

    monkeypatch.setattr(_sqlite, "_whole", counted)
    there = reach(made[1], Far(tool=False))
    whole(forge_database.log(there, attempt_of(there, "green"), Want()))
    assert len(reads) == 1


def test_a_database_too_big_to_copy(made: tuple[fd.Data, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sqlite, "COPY_LIMIT", 10_000)
    there = reach(made[1], Far(tool=False))
    error = refusal(lambda: list(forge_database.runs(there, "alice/priv", RunQuery())))
    assert error.reason is Missing.TOO_LARGE
    assert "install sqlite3" in error.help
