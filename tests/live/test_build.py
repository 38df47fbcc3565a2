"""Building a server: once, whoever asks first; and what is said where there is no Go."""

from pathlib import Path
from threading import Barrier, BrokenBarrierError, Thread

import pytest

from live import build
from live.build import NoGoError, binary, need_go
from live.conftest import need_binary


def test_two_at_once_build_it_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    both = Barrier(2)
    built: list[str] = []

    def pretend(version: str, _folder: Path, program: Path) -> None:
        built.append(version)
        try:
            both.wait(0.5)
        except BrokenBarrierError:
            program.write_text("a server")

    monkeypatch.setattr(build, "need_go", lambda: None)
    monkeypatch.setattr(build, "_build", pretend)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    threads = [Thread(target=binary, args=("1.2.3",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == ["1.2.3"]
    assert binary("1.2.3") == tmp_path / "whyred-live/gitea-1.2.3/gitea"


def test_the_replacements_of_the_server_are_repeated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "go.mod"
    own.write_text("module code.gitea.io/gitea\n\ngo 1.23.8\n")
    said = """{"Replace": [
        {"Old": {"Path": "a.test/one"}, "New": {"Path": "b.test/one", "Version": "v1.2.3"}},
        {"Old": {"Path": "a.test/two", "Version": "v0.1.0"}, "New": {"Path": "b.test/two", "Version": "v0.2.0"}}
    ]}"""
    monkeypatch.setattr(build, "_go", lambda _folder, *_arguments: said)
    assert build._go_mod("1.23.8", own).split("\n") == [
        "module whyred.test/gitea",
        "",
        "go 1.23.8",
        "",
        "require code.gitea.io/gitea v1.23.8",
        "",
        "tool code.gitea.io/gitea",
        "",
        "replace a.test/one => b.test/one v1.2.3",
        "replace a.test/two v0.1.0 => b.test/two v0.2.0",
        "",
    ]


def test_without_go(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoGoError, match="there is no `go` in PATH"):
        need_go()
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs Go"):
        need_binary("1.23.8", request.config)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needs Go"):
        need_binary("1.23.8", request.config)
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go1.19.8\n")
    old.chmod(0o755)
    with pytest.raises(NoGoError, match=r"`go` is go1\.19\.8"):
        need_go()
