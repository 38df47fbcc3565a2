"""Every source: what it serves, a place of its own in the order; and of the two kinds, each what its contract says.

File sources (`accepts`, `fetch`, ORDER 1 to 99) take their targets and no others, fetch them and say what is missing.
Forge routes (`KINDS`, ORDER from 100) offer at least one thing, say by themselves whether they are out, and give a
reason of the closed list when a server is gone or answers nonsense.
"""

import ast
import importlib
import inspect
import io
import pkgutil
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import whyred.sources
from whyred.app.ladder import routes
from whyred.app.targets import sources
from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.run import Attempt, Job, Run, Status
from whyred.model.source import Fetched, Given, Missing, MissingLogError, Source
from whyred.model.trouble import UserError
from whyred.sources.http import Http
from whyred.sources.reach import Attempts, Logs, Reach, Runs, Steps, Want

FOLDER = Path(whyred.sources.__path__[0])
FIXTURES = Path(__file__).parent.parent / "sources"
SIGNS = ("NAME", "SERVES", "ORDER", "KINDS", "accepts", "fetch")
"""What only a source has: other files of the folder are what sources share."""
OFFERS: dict[str, Any] = {"runs": Runs, "attempts": Attempts, "steps": Steps, "log": Logs}


def _modules() -> Iterator[tuple[str, ModuleType]]:
    for name in sorted(m.name for m in pkgutil.iter_modules(whyred.sources.__path__) if not m.name.startswith("_")):
        module = importlib.import_module(f"whyred.sources.{name}")
        if any(hasattr(module, sign) for sign in SIGNS):
            yield name.replace("_", "-"), module


SOURCES: dict[str, Any] = dict(_modules())
FORGE = {name: unit for name, unit in SOURCES.items() if hasattr(unit, "KINDS")}
FILES = {name: unit for name, unit in SOURCES.items() if name not in FORGE}
EACH = pytest.mark.parametrize("name", SOURCES)
EACH_FILE = pytest.mark.parametrize("name", FILES)
EACH_ROUTE = pytest.mark.parametrize("name", FORGE)
EACH_OFFER = pytest.mark.parametrize(
    ("name", "what"), [(name, what) for name, unit in FORGE.items() for what in OFFERS if hasattr(unit, what)]
)


@EACH
def test_says_what_it_is(name: str) -> None:
    unit, tree = SOURCES[name], ast.parse((FOLDER / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8"))
    wanted = ("NAME", "SERVES", "ORDER", *(("KINDS", "refuses") if name in FORGE else ("accepts", "fetch")))
    missing = [n for n in wanted if not hasattr(unit, n)]
    assert not missing, f"{name}: {missing} is missing: see model/source.py (files) or sources/reach.py (forges)"
    assert name == unit.NAME, f"{name}: NAME must be the name of its file"
    assert "FILL IN" not in ast.unparse(tree), f"{name}: `FILL IN` says what is not written yet"
    assert ast.get_docstring(tree), f"{name}: its file must begin with a docstring"
    assert unit.SERVES, f"{name}: SERVES is empty: say which targets or which servers, as people write them"


@EACH
def test_has_a_place_of_its_own(name: str) -> None:
    order = SOURCES[name].ORDER
    if name in FORGE:
        assert order >= 100, f"{name}: ORDER must be 100 or more: its place on the ladder of routes"
    else:
        assert 1 <= order <= 99, f"{name}: ORDER must be 1 to 99: its place among the sources that are asked"
    same = [other for other, unit in SOURCES.items() if order == unit.ORDER]
    assert same == [name], f"ORDER {order} is taken twice: {same}"


def test_every_source_is_asked() -> None:
    assert {s.NAME for s in sources()} == set(FILES)
    assert {route.NAME for route in routes()} == set(FORGE)


def test_every_fixture_folder_has_a_source() -> None:
    assert {f.name for f in FIXTURES.iterdir()} <= set(SOURCES)


# Sources of files.


def targets(name: str) -> dict[str, Any]:
    file = FIXTURES / name / "targets.toml"
    assert file.is_file(), f"tests/sources/{name}/targets.toml is missing: it says what the source takes and refuses"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def fetch(name: str, target: str) -> Fetched:
    fixtures = FIXTURES / name
    runs = fixtures / "runs" if (fixtures / "runs").is_dir() else None
    fetched: Fetched = SOURCES[name].fetch(target, Given(runs, io.BytesIO(b"from standard input\n")))
    return fetched


def text(fetched: Fetched) -> bytes:
    return b"".join(chunk for chunk in fetched.chunks if isinstance(chunk, bytes))


def takes(target: str) -> str:
    """The name of the first source that takes a target."""
    return next(name for name, unit in sorted(FILES.items(), key=lambda s: s[1].ORDER) if unit.accepts(target))


@EACH_FILE
def test_fulfils_the_protocol(name: str) -> None:
    for method in ("accepts", "fetch"):
        wanted = [p for p in inspect.signature(getattr(Source, method)).parameters if p != "self"]
        assert list(inspect.signature(getattr(SOURCES[name], method)).parameters) == wanted


@EACH_FILE
def test_takes_its_targets_and_no_others(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = targets(name)
    assert given["accepts"], f"tests/sources/{name}/targets.toml: accepts is empty: name targets of this form"
    assert given["refuses"], f"tests/sources/{name}/targets.toml: refuses is empty: name targets that look alike"
    monkeypatch.chdir(FIXTURES / name)
    for target in given["accepts"]:
        first = takes(target)
        assert first == name, f"{target!r} goes to {first}, not to {name}"
    for target in given["refuses"]:
        assert not SOURCES[name].accepts(target), f"{name} takes {target!r}, which it should refuse"


@EACH_FILE
def test_no_target_makes_it_fall_over(name: str) -> None:
    for target in ("", "\0", "a\nb", "x" * 5000, "..", "/", "\udce4", "local:0", "https://[", "a:\0:b", ":" * 5000):
        assert SOURCES[name].accepts(target) in (True, False)


@EACH_FILE
def test_fetches_the_very_bytes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = targets(name).get("fetch", [])
    assert rows, f"tests/sources/{name}/targets.toml: no [[fetch]]: name a target and the file of its log"
    monkeypatch.chdir(FIXTURES / name)
    for row in rows:
        fetched = fetch(name, row["target"])
        assert text(fetched) == Path(row["log"]).read_bytes(), f"{row['target']}: not the bytes of {row['log']}"
        assert name in fetched.route, f"{row['target']}: the route does not name the source that served it"
        assert fetched.attempt.run.label, f"{row['target']}: the attempt has no label"


@EACH_FILE
def test_says_why_a_log_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = targets(name).get("missing", [])
    assert rows, f"tests/sources/{name}/targets.toml: no [[missing]]: name a target that cannot be had and the reason"
    monkeypatch.chdir(FIXTURES / name)
    for row in rows:
        with pytest.raises((MissingLogError, UserError)) as caught:
            text(fetch(name, row["target"]))
        error = caught.value
        if row["reason"] == "user-error":
            assert isinstance(error, UserError)
            assert error.how, f"{row['target']}: the message does not say what to do"
        else:
            assert isinstance(error, MissingLogError), f"{row['target']}: {error}"
            assert error.reason is Missing(row["reason"])
            assert error.help, f"{row['target']}: the message does not say what would help"


# Routes to forges.

CANARY = "canary-0123456789abcdef"
RUN = Run("me/demo#3", repo="me/demo", id=3, number=3)
ATTEMPT = Attempt(RUN, Job("build", "build", id=5, index=0), 1, Status.DONE, id=7)
ASKED: dict[str, tuple[object, ...]] = {
    "runs": ("me/demo", RunQuery(limit=3)),
    "attempts": (RUN,),
    "steps": (ATTEMPT,),
    "log": (ATTEMPT, Want()),
}
NONSENSE = (
    (200, "application/json", b"null"),
    (200, "application/json", b"[]"),
    (200, "application/json", b"{}"),
    (200, "application/json", b"[[], 7, null, {}]"),
    (200, "application/json", b'{"workflow_runs": 7, "jobs": {}, "state": [], "logs": "x"}'),
    (200, "application/json", b"[" * 100_000),
    (200, "application/json", b'{"id": "1e999", "status": 3}'),
    (200, "text/html", b"<html><body>a gate</body></html>"),
    (200, "text/plain", b""),
    (401, "application/json", f'{{"message": "bad token {CANARY}"}}'.encode()),
    (403, "application/json", f'{{"message": "no {CANARY}"}}'.encode()),
    (404, "text/plain", b"404 page not found"),
    (404, "application/json", b'{"message": "gone"}'),
    (410, "application/json", b"{}"),
    (500, "text/html", b""),
    (302, "text/html", b""),
)


def reach(root: str, kind: Kind) -> Reach:
    http = Http(root, CANARY, jar={"session": CANARY}, signed_in=True, sleep=lambda _: None)
    return Reach(Server(root, kind, "1.0.0"), http)


def ask(unit: Any, what: str, root: str, kind: Kind) -> None:
    """Asks one thing, and reads what comes to its end."""
    answer = getattr(unit, what)(reach(root, kind), *ASKED[what])
    if what == "runs":
        assert all(isinstance(run, Run) for run, _ in zip(answer, range(100), strict=False))
    elif what == "log":
        for _ in answer.chunks:
            pass


@pytest.fixture
def saying() -> Iterator[tuple[str, list[tuple[int, str, bytes]]]]:
    """A server that says the same to everything: its root, and what it says."""
    says: list[tuple[int, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def _say(self) -> None:
            status, kind, body = says[-1]
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _say  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has in http.server
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", says
    server.shutdown()
    thread.join()
    server.server_close()


@EACH_ROUTE
def test_says_what_it_offers_and_to_whom(name: str) -> None:
    unit = FORGE[name]
    assert unit.KINDS, f"{name}: KINDS is empty: say which forges have this route"
    assert all(isinstance(kind, Kind) for kind in unit.KINDS)
    parameters = list(inspect.signature(unit.refuses).parameters)
    assert parameters == ["reach"], f"{name}: refuses takes {parameters}"
    for what, protocol in OFFERS.items():
        if hasattr(unit, what):
            wanted = [p for p in inspect.signature(getattr(protocol, what)).parameters if p != "self"]
            assert list(inspect.signature(getattr(unit, what)).parameters) == wanted, f"{name}: {what}"


@EACH_ROUTE
def test_offers_something(name: str) -> None:
    taking_reach = [n for n, f in inspect.getmembers(FORGE[name], inspect.isfunction) if _offered(f, n)]
    assert taking_reach, f"{name}: it has no function that takes a reach: see the Route protocol in sources/reach.py"


def _offered(function: Any, name: str) -> bool:
    return (
        not name.startswith("_")
        and name != "refuses"
        and next(iter(inspect.signature(function).parameters), "") == "reach"
    )


@EACH_ROUTE
def test_says_without_a_request_whether_it_is_out(name: str) -> None:
    for kind in FORGE[name].KINDS:
        given = reach("http://127.0.0.1:1", kind)
        refused = FORGE[name].refuses(given)
        assert refused is None or (isinstance(refused, MissingLogError) and refused.help)
        assert given.http.sent == 0, f"{name}: refuses made a request"


@EACH_OFFER
def test_a_server_that_is_gone_is_a_reason(name: str, what: str) -> None:
    for kind in FORGE[name].KINDS:
        with pytest.raises(MissingLogError) as caught:
            ask(FORGE[name], what, "http://127.0.0.1:1", kind)
        assert caught.value.help, f"{name}: {what} does not say what would help"


@EACH_OFFER
def test_nonsense_is_a_reason_and_never_a_bug(name: str, what: str, saying: tuple[str, list[Any]]) -> None:
    root, says = saying
    refused: list[tuple[int, MissingLogError]] = []
    for answer in NONSENSE:
        says.append(answer)
        for kind in FORGE[name].KINDS:
            try:
                ask(FORGE[name], what, root, kind)
            except MissingLogError as e:
                refused.append((answer[0], e))
    bad = {status for status, *_ in NONSENSE if status != 200}
    assert bad <= {status for status, _ in refused}, f"{name}: {what} takes a refusal for an answer"
    for _, error in refused:
        assert CANARY not in f"{error} {error.asked} {error.help}", f"{name}: {what} shows a credential"
        assert error.help, f"{name}: {what} does not say what would help"
