"""The server over HTTP: who gets in, what callers may name, and that nobody gets what another one may see."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import httpx2
import pytest
import uvicorn
from forge_user import InMemory
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from standin import scenarios, standin

from whyred.app.forges import Forges
from whyred.app.options import Options
from whyred.app.overview import statuses
from whyred.app.seen import complete
from whyred.faces.mcp.call import Call, NotAllowedError
from whyred.faces.mcp.http import app, listen, server_token
from whyred.faces.mcp.serving import Serving, caller_tokens
from whyred.model.credential import Credential, Hidden
from whyred.model.forge import Address
from whyred.model.trouble import UserError
from whyred.settings import folders

TOKEN = Hidden("server-token-0123456789")
FORGE, OTHER = "https://forge.example", "https://other.example"


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))


@contextmanager
def listening(serving: Serving) -> Iterator[str]:
    """The server on a port of its own."""
    import socket

    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port = opened.getsockname()[1]
        config = uvicorn.Config(app(serving, TOKEN, "127.0.0.1", port), log_level="error", ws="none")
        made = uvicorn.Server(config)
        thread = threading.Thread(target=made.run, kwargs={"sockets": [opened]})
        thread.start()
        try:
            while not made.started:
                assert thread.is_alive()
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            made.should_exit = True
            thread.join()


def called(url: str, headers: dict[str, str], name: str, **given: object) -> tuple[dict[str, object], str]:
    """One call by one caller."""

    async def work() -> tuple[dict[str, object], str]:
        own = {"authorization": f"Bearer {TOKEN}", **headers}
        async with (
            httpx2.AsyncClient(headers=own, timeout=60) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            found = await client.call_tool(name, dict(given))
            assert found.structured_content is not None
            return found.structured_content, getattr(found.content[0], "text", "")

    return anyio.run(work)


def test_nobody_gets_in_without_the_token_or_from_another_origin() -> None:
    with listening(Serving(remote=True, forges=(FORGE,))) as url, httpx2.Client() as http:
        body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        own = {"authorization": f"Bearer {TOKEN}", "accept": "application/json, text/event-stream"}
        assert http.post(url, json=body).status_code == 401
        assert http.post(url, json=body, headers={**own, "authorization": "Bearer wrong"}).status_code == 401
        assert http.post(url, json=body, headers={**own, "origin": "https://evil.example"}).status_code == 403
        assert http.post(url, json=body, headers={**own, "host": "evil.example"}).status_code == 421
        assert http.post(url, json=body, headers=own).status_code not in (401, 403, 421)


def test_each_caller_sees_what_its_own_token_may_see() -> None:
    world = scenarios.everyday()
    alice, nora = world.users["alice"], world.users["nora"]
    with standin("gitea-1.26.4", world) as forge:
        serving = Serving(remote=True, forges=(forge.url,))
        tokens = [user.token("read:repository") for user in (alice, nora)]
        with listening(serving) as url:
            for _ in range(2):
                logs, _ = called(url, {"x-forge-token": tokens[0]}, "ci_logs", target="alice/priv#2")
                assert "error" not in logs
                for headers in ({"x-forge-token": tokens[1]}, {}):
                    told, text = called(url, headers, "ci_logs", target="alice/priv#2")
                    assert "error" in told
                    assert "couldn't create a temp dir" not in text + str(told)
                    assert not any(token in text + str(told) for token in tokens)
            wrong, _ = called(url, {"x-forge-token": "a b c"}, "ci_logs", target="alice/priv#2")
            assert wrong["error"]["reason"] == "wrong-arguments"  # type: ignore[index]


def test_the_servers_own_login_is_never_used_for_a_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHYRED_SERVER", FORGE)
    monkeypatch.setenv("WHYRED_TOKEN", "operators-own-token")
    forges = Call({}, Serving(remote=True, forges=(FORGE,))).forges()
    assert forges.http(FORGE).token is None
    assert (forges.cache, forges.tapped) == (None, False)
    mine = Call({}, Serving(remote=True, forges=(FORGE,)), {FORGE: "callers"}).forges()
    assert mine.http(FORGE).token == "callers"
    assert mine.http(OTHER).token is None


def test_what_callers_name_is_not_what_the_operators_tab_key_offers(tmp_path: Path) -> None:
    world = scenarios.everyday()
    token = world.users["alice"].token("read:repository")
    with standin("gitea-1.26.4", world) as forge:
        asked: dict[str, dict[str, object]] = {
            "ci_status": {"targets": ["alice/priv"]},
            "ci_runs": {"target": "alice/priv"},
            "ci_logs": {"target": "alice/priv#2"},
            "ci_why": {"target": "alice/priv#2", "probe": False},
            "ci_compare": {"target": "alice/priv#2", "good": ["alice/priv#1"]},
        }
        with listening(Serving(remote=True, forges=(forge.url,))) as url:
            for name, given in asked.items():
                told, _ = called(url, {"x-forge-token": token}, name, **given)
                assert "error" not in told, name
        assert complete("") == []
        assert not list(tmp_path.rglob("seen.json*"))
        mine = Forges(Options(server=forge.url), InMemory(Credential(token)), folders.cache())  # type: ignore[arg-type]
        assert statuses([Address("alice/priv")], mine)
        assert complete("") == [("alice/priv", "repository")], "else this test could not fail"


@pytest.mark.parametrize(
    "target",
    [
        "-",
        ".",
        "local:1",
        "/etc/passwd",
        "../../etc/passwd",
        "etc/../passwd",
        "run.zip",
        "ssh://root@host",
        "file:///etc/passwd",
        f"{OTHER}/a/b/actions/runs/1",
        "https://forge.example@evil.example/a/b",
        "http://forge.example/a/b",
        "https://forge.example:8443/a/b",
        "https://169.254.169.254/latest/meta-data",
    ],
)
def test_callers_name_only_repositories_of_the_forges_that_are_served(target: str) -> None:
    call = Call({"target": target}, Serving(remote=True, forges=(FORGE,)))
    with pytest.raises(NotAllowedError):
        call.target()
    with pytest.raises(NotAllowedError):
        call.address(target)


def test_a_folder_of_the_server_is_never_taken_for_a_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "alice" / "priv").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    call = Call({"target": "alice/priv"}, Serving(remote=True, forges=(FORGE,)))
    found = call.target()
    assert not isinstance(found, str)
    assert (found.repo, found.root) == ("alice/priv", FORGE)


def test_which_forge_is_meant() -> None:
    two = Call({}, Serving(remote=True, forges=(FORGE, OTHER)))
    with pytest.raises(UserError, match="several forges are served"):
        two.address("alice/priv")
    assert two.address(f"{OTHER}/alice/priv").root == OTHER


def test_hosts_are_asked_only_where_the_operator_says_so() -> None:
    call = Call({}, Serving(remote=True, forges=(FORGE,), hosts=frozenset({"ssh://ci@runner"})))
    assert call.host("ssh://ci@runner") == "ssh://ci@runner"
    for name in ("local", "ssh://ci@other", "bundle.whyred"):
        with pytest.raises(NotAllowedError, match="ssh://ci@runner"):
            call.host(name)


def test_whose_token_is_whose() -> None:
    assert caller_tokens("abc", (FORGE,)) == {FORGE: "abc"}
    assert caller_tokens(f"{FORGE} abc, {OTHER} def", (FORGE, OTHER)) == {FORGE: "abc", OTHER: "def"}
    assert caller_tokens(None, (FORGE,)) == {}
    for header in ("abc", f"{OTHER} abc", "a b c"):
        with pytest.raises(UserError) as told:
            caller_tokens(header, (FORGE, "https://third.example") if header == "abc" else (FORGE,))
        assert "abc" not in str(told.value)


def test_the_servers_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o644)
    with pytest.raises(UserError, match="others than its owner"):
        server_token(file)
    file.chmod(0o600)
    assert server_token(file) == TOKEN
    monkeypatch.setenv("WHYRED_MCP_TOKEN", "short")
    with pytest.raises(UserError, match="less than 16"):
        server_token(None)
    assert listen("[::1]:80") == ("::1", 80)
    with pytest.raises(UserError, match="no address"):
        listen("80")
