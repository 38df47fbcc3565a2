"""The stand-in's own plumbing: sockets, restarts, TLS, counting, and what each fault does on the wire."""

import http.client
import io
import json
import ssl
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from standin import Standin, World, faults, scenarios, standin
from standin.client import ask, header, sign_in
from standin.hard_scenarios import huge
from standin.servers import authority, elsewhere
from standin.wire import Reply, Request

LOG = "/api/v1/repos/alice/pub/actions/jobs/2/logs"
ZIP = "/api/v1/repos/alice/pub/actions/runs/2/logs"
STATE = "/alice/pub/actions/runs/2/jobs/0/attempt/1"


def test_counts_requests_and_bytes_and_names_headers() -> None:
    with standin("forgejo-16") as forge:
        _, body = ask(forge.url, LOG, X_Secret="canary-1")
        ask(forge.url, "/api/v1/version")
        assert [(r.method, r.path, r.status) for r in forge.requests] == [
            ("GET", LOG, 200),
            ("GET", "/api/v1/version", 200),
        ]
        assert forge.requests[0].sent == len(body)
        assert "x-secret" in forge.requests[0].headers
        assert forge.sent == len(body) + 34
        assert (forge.saw("canary-1"), forge.saw("canary-2")) == (True, False)
        assert "canary-1" not in repr(forge.requests)


def test_counts_how_many_requests_are_under_way_together() -> None:
    all_there = threading.Barrier(3, action=lambda: None)

    def together(request: Request, answer: Callable[[Request], Reply]) -> Reply:
        all_there.wait()
        return answer(request)

    with standin("forgejo-16") as forge:
        forge.fault(together)
        threads = [threading.Thread(target=ask, args=(forge.url, LOG)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert forge.most_at_once == 3


def test_a_fault_hits_so_often_and_where_it_is_told() -> None:
    with standin("forgejo-16") as forge:
        forge.fault(faults.status(503), on=r"/logs$", times=2)
        forge.fault(faults.status(429, retry_after="7"), on=r"/version$", method="GET")
        assert [ask(forge.url, LOG)[0].status for _ in range(3)] == [503, 503, 200]
        limited, _ = ask(forge.url, "/api/v1/version")
        assert (limited.status, header(limited, "Retry-After")) == (429, "7")
        forge.heal()
        assert ask(forge.url, "/api/v1/version")[0].status == 200


def test_the_connection_ends_in_the_middle_of_a_body() -> None:
    with standin("forgejo-16") as forge:
        forge.fault(faults.stop_after(100), on="/logs", times=1)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            ask(forge.url, LOG)
        assert forge.requests[0].sent == 100
        assert ask(forge.url, LOG)[0].status == 200


@pytest.mark.parametrize("more", [10, -10])
def test_content_length_that_is_wrong(more: int) -> None:
    with standin("forgejo-16") as forge:
        _, whole = ask(forge.url, LOG)
        forge.fault(faults.wrong_length(more), on="/logs")
        if more > 0:
            with pytest.raises(http.client.IncompleteRead):
                ask(forge.url, LOG)
        else:
            assert ask(forge.url, LOG)[1] == whole[:more]


def first_bytes(forge: Standin, path: str, count: int) -> bytes:
    """The first bytes of a body; then the client goes away."""
    connection = http.client.HTTPConnection("127.0.0.1", forge.port)
    connection.request("GET", path)
    answer = connection.getresponse()
    data = answer.read(count)
    answer.close()
    connection.close()
    return data


def test_a_body_without_end_and_a_bomb_need_little() -> None:
    with standin("forgejo-16") as forge:
        forge.fault(faults.endless(b"x" * 99 + b"\n"), on="/endless")
        forge.fault(faults.gzip_bomb(1 << 40), on="/bomb")
        assert first_bytes(forge, "/endless", 3_000_000)[-100:] == b"x" * 99 + b"\n"
        unpacked = zlib.decompressobj(wbits=31).decompress(first_bytes(forge, "/bomb", 10_000))
        assert (len(unpacked) > 5_000_000, set(unpacked)) == (True, {0})
        assert ask(forge.url, LOG)[0].status == 200


def test_redirects_in_a_circle_and_to_another_host() -> None:
    with standin("forgejo-16") as forge, elsewhere() as other:
        forge.fault(faults.redirect_loop(), on="/circle")
        forge.fault(faults.redirect_to(other.url + "{path}"), on="/away")
        turns = ["/circle"]
        for _ in range(4):
            turns.append(header(ask(forge.url, turns[-1])[0], "Location"))
        assert turns == ["/circle", "/circle?turn=1", "/circle?turn=2", "/circle?turn=1", "/circle?turn=2"]
        assert header(ask(forge.url, "/away?x=1")[0], "Location") == f"{other.url}/away?x=1"
        ask(other.url, "/away", Authorization="token canary-3")
        assert other.saw("canary-3")


def test_archives_that_are_broken_hostile_or_bombs() -> None:
    with standin("forgejo-16") as forge:
        whole = zipfile.ZipFile(io.BytesIO(ask(forge.url, ZIP)[1])).namelist()
        assert whole == ["test-2-attempt-1.log"]
        forge.fault(faults.truncated(), on="/logs", times=1)
        forge.fault(faults.zip_of({"../../evil": b"x"}), on="/logs", times=1)
        forge.fault(faults.zip_bomb(64 << 20), on="/logs", times=1)
        with pytest.raises(zipfile.BadZipFile):
            zipfile.ZipFile(io.BytesIO(ask(forge.url, ZIP)[1]))
        assert zipfile.ZipFile(io.BytesIO(ask(forge.url, ZIP)[1])).namelist() == ["../../evil"]
        bomb = ask(forge.url, ZIP)[1]
        assert len(bomb) < 1_000_000 < 64 << 20 == zipfile.ZipFile(io.BytesIO(bomb)).infolist()[0].file_size


def test_html_and_changed_json_where_json_belongs() -> None:
    with standin("forgejo-16") as forge:
        forge.fault(faults.html(), on="/version", times=1)
        forge.fault(faults.edit_json(lambda value: [value, 1]), on="/version", times=1)
        forge.fault(faults.body(b"{broken"), on="/version", times=1)
        assert ask(forge.url, "/api/v1/version")[1].startswith(b"<!DOCTYPE html>")
        assert json.loads(ask(forge.url, "/api/v1/version")[1])[1] == 1
        assert ask(forge.url, "/api/v1/version")[1] == b"{broken"


def test_cursors_that_never_move() -> None:
    cursors = json.dumps({"logCursors": [{"step": 0, "cursor": 0, "expanded": True}]})
    with standin("forgejo-16") as forge:
        forge.fault(faults.cursor_loop(), on="/attempt/1$")
        state = json.loads(ask(forge.url, STATE, "POST", cursors)[1])
        assert (state["logs"]["stepsLog"][0]["cursor"], state["state"]["run"]["done"]) == (0, False)


def test_an_answer_waits_until_the_test_lets_it_go() -> None:
    let_go = threading.Event()
    with standin("forgejo-16") as forge:
        forge.fault(faults.hang(let_go), on="/version", times=1)
        connection = http.client.HTTPConnection("127.0.0.1", forge.port, timeout=0.2)
        connection.request("GET", "/api/v1/version")
        with pytest.raises(TimeoutError):
            connection.getresponse()
        let_go.set()
        connection.close()
        assert ask(forge.url, "/api/v1/version")[0].status == 200


def test_a_body_in_drips_is_whole_in_the_end() -> None:
    with standin("forgejo-16") as forge:
        _, whole = ask(forge.url, LOG)
        forge.fault(faults.drip(200, 0.001), on="/logs")
        assert ask(forge.url, LOG)[1] == whole


def test_restart_keeps_port_data_and_logins_and_cuts_connections() -> None:
    with standin("forgejo-16") as forge:
        cookie = sign_in(forge, "alice")
        kept = http.client.HTTPConnection("127.0.0.1", forge.port)
        kept.request("GET", "/api/v1/version")
        kept.getresponse().read()
        with forge.down(), pytest.raises(ConnectionError):
            ask(forge.url, "/api/v1/version")
        assert kept.sock.recv(1) == b""
        kept.close()
        url = forge.url
        forge.restart()
        assert forge.url == url
        assert ask(forge.url, "/user/settings", Cookie=cookie)[0].status == 200
        forge.drop_logins()
        assert header(ask(forge.url, "/user/settings", Cookie=cookie)[0], "Location") == "/user/login"


def test_tls_with_an_own_authority(tmp_path: Path) -> None:
    good = authority(tmp_path)
    with standin("forgejo-16", tls=good.server) as forge:
        trusting = ssl.create_default_context(cafile=str(good.ca))
        connection = http.client.HTTPSConnection("127.0.0.1", forge.port, context=trusting)
        connection.request("GET", "/api/v1/version")
        assert connection.getresponse().status == 200
        connection.close()
        stranger = http.client.HTTPSConnection("127.0.0.1", forge.port, context=ssl.create_default_context())
        with pytest.raises(ssl.SSLCertVerificationError):
            stranger.request("GET", "/api/v1/version")
        stranger.close()
        assert forge.url.startswith("https://")


def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    other = authority(tmp_path, host="forge.example")
    with standin("forgejo-16", tls=other.server) as forge:
        trusting = ssl.create_default_context(cafile=str(other.ca))
        connection = http.client.HTTPSConnection("127.0.0.1", forge.port, context=trusting)
        with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
            connection.request("GET", "/api/v1/version")
        connection.close()


def test_below_a_path_of_its_own() -> None:
    with standin("forgejo-16", prefix="/git") as forge:
        assert forge.url.endswith("/git")
        assert ask(forge.url, "/api/v1/version")[0].status == 200
        moved, _ = ask(forge.url, "/alice/pub/actions/runs/2")
        assert header(moved, "Location") == f"{forge.url}/alice/pub/actions/runs/2/jobs/0/attempt/1"


def test_latency_is_waited_for_before_each_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("standin.server.time.sleep", waited.append)
    with standin("forgejo-16") as forge:
        forge.latency = 0.02
        ask(forge.url, "/api/v1/version")
    assert waited == [0.02]


def test_a_bug_of_the_stand_in_does_not_let_a_test_pass() -> None:
    def broken(_request: Request, _answer: Callable[[Request], Reply]) -> Reply:
        raise KeyError("a bug")

    def provoke() -> None:
        with standin("forgejo-16") as forge:
            forge.fault(broken)
            with pytest.raises((http.client.HTTPException, ConnectionError)):
                ask(forge.url, "/api/v1/version")

    with pytest.raises(ExceptionGroup, match="stand-in itself"):
        provoke()


def test_a_huge_log_is_made_while_it_is_sent() -> None:
    world = World()
    repo = world.repo(world.user("alice", "x"), "pub")
    log = huge(repo, 3_000_000).jobs[0].attempts[0].log
    whole = log.whole()
    assert (len(whole), whole.count(b"\n")) == (log.size, len(log))
    assert [b"".join(log.read(at, at + 5000)) for at in (0, 200, 1_500_001, log.size - 700)] == [
        whole[at : at + 5000] for at in (0, 200, 1_500_001, log.size - 700)
    ]
    assert [row.text for row in log.rows(len(log) - 3, 9)] == [line[29:] for line in whole.splitlines()[-3:]]
    with standin("forgejo-16", world) as forge:
        part, tail = ask(forge.url, "/api/v1/repos/alice/pub/actions/jobs/1/logs", Range="bytes=-300")
        assert (part.status, tail, forge.sent) == (206, whole[-300:], 300)
        assert scenarios.EXIT_101.encode() in tail
