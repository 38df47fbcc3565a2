"""`check`: which files are read as whose, what the forge is asked, the other linters, and the command itself."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from forge_user import InMemory
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

import whyred.reports
from whyred.app.check import Wanted, check
from whyred.app.forge_told import version_of
from whyred.app.forges import Forges, Options
from whyred.app.ladder import Ladder
from whyred.app.library import masker_of_messages
from whyred.app.linters import linters, run_linters
from whyred.faces.cli.program import cli
from whyred.model.credential import Credential
from whyred.model.forge import Kind, Server
from whyred.model.remark import Level, Look
from whyred.model.trouble import UserError
from whyred.sources.http import Http
from whyred.sources.reach import Reach

FINE = "on: push\njobs:\n  build:\n    runs-on: docker\n    steps:\n      - run: make\n"
TWICE = FINE.replace("on: push", "on: [push, pull_request]")
USES = FINE + "        env: {A: '${{ secrets.KEY }}', B: '${{ vars.REGION }}'}\n"


def put(root: Path, **files: str) -> Path:
    """Workflows by `forge__name`."""
    for name, text in files.items():
        forge, _, stem = name.partition("__")
        file = root / f".{forge}" / "workflows" / f"{stem}.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


def looked(*paths: Path, forges: Forges | None = None, **wanted: object) -> Look:
    (one,) = check(
        Wanted(paths, ask=forges is not None, linters=False, **wanted),  # type: ignore[arg-type]
        forges,
        masker_of_messages().text,
        lambda _: None,
    )
    return one


def said(one: Look) -> list[tuple[str, str]]:
    return [(remark.rule, str(remark.spot)) for remark in one.remarks]


def test_each_folder_is_read_as_its_forge_does_where_none_is_known(tmp_path: Path) -> None:
    one = looked(put(tmp_path, forgejo__ci=FINE, github__ci=TWICE))
    assert one.forges == ("forgejo", "github")
    assert said(one) == [("double-trigger", ".github/workflows/ci.yml:1")]
    assert [f.event for f in one.firing] == ["pull_request", "push"]
    assert len(one.firing[1].spots) == 2


def test_a_known_forge_reads_one_folder_alone(tmp_path: Path) -> None:
    root = put(tmp_path, forgejo__ci=FINE, github__ci=TWICE)
    one = looked(root, kind=Kind.FORGEJO)
    assert one.files == (".forgejo/workflows/ci.yml",)
    assert said(one) == [("not-read", ".github/workflows")]
    assert one.fine
    assert looked(root, kind=Kind.GITHUB).files == (".github/workflows/ci.yml",)
    assert [r.level for r in looked(put(tmp_path / "x", forgejo__ci=FINE), kind=Kind.GITEA).remarks] == [Level.WRONG]


def test_github_passes_over_folders_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / ".github/workflows/sub").mkdir(parents=True)
    (tmp_path / ".github/workflows/sub/action.yml").write_text("runs: {}\n")
    assert looked(tmp_path).files == ()
    put(tmp_path, gitea__ci=FINE)
    (tmp_path / ".gitea/workflows/sub").mkdir()
    (tmp_path / ".gitea/workflows/sub/more.yaml").write_text(TWICE)
    assert looked(tmp_path).files == (".gitea/workflows/ci.yml", ".gitea/workflows/sub/more.yaml")


def test_a_folder_inside_a_checkout_and_single_files_are_taken(tmp_path: Path) -> None:
    root = put(tmp_path, forgejo__a=TWICE, forgejo__b=TWICE)
    (root / "src" / "deep").mkdir(parents=True)
    assert len(looked(root / "src" / "deep").files) == 2
    one = looked(root / ".forgejo/workflows/b.yml")
    assert one.files == (".forgejo/workflows/b.yml",)
    alone = root / "alone.yml"
    alone.write_text(TWICE)
    assert said(looked(alone)) == [("double-trigger", "alone.yml:1")]


def test_what_is_no_workflow_is_told_with_its_line(tmp_path: Path) -> None:
    one = looked(put(tmp_path, forgejo__a="on: push\njobs:\n  build: [\n", forgejo__b="", forgejo__c=FINE))
    assert [r for r, _ in said(one)] == ["unreadable", "unreadable"]
    assert one.remarks[0].spot.file == ".forgejo/workflows/a.yml"
    assert not one.fine
    odd = FINE.replace("    steps", "    env: ${{ fromJSON('{}') }}\n    steps")
    one = looked(put(tmp_path / "odd", github__ci=odd))
    assert said(one) == []
    assert [n.what for n in one.not_asked][-1] == ".github/workflows/ci.yml:5"


def test_local_actions_are_looked_for(tmp_path: Path) -> None:
    uses = FINE + "      - uses: ./tools/here\n      - uses: ./tools/gone\n"
    put(tmp_path, forgejo__ci=uses)
    (tmp_path / "tools/here").mkdir(parents=True)
    (tmp_path / "tools/here/action.yml").write_text("runs: {using: composite, steps: []}\n")
    assert said(looked(tmp_path)) == [("action-unreachable", ".forgejo/workflows/ci.yml:8")]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_where_there_is_nothing_it_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError) as e:
        looked(tmp_path / name)
    assert e.value.code == (4 if name == "empty" else 2)


def test_labels_that_the_user_names_count(tmp_path: Path) -> None:
    root = put(tmp_path, forgejo__ci=FINE)
    assert said(looked(root, labels=("native",))) == [("label-not-offered", ".forgejo/workflows/ci.yml:4")]
    assert said(looked(root, labels=("native", "docker"))) == []


def test_a_secret_in_a_workflow_is_not_shown(tmp_path: Path) -> None:
    canary = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
    text = FINE.replace("    runs-on", f"    if: github.event_name == '{canary}'\n    runs-on")
    one = looked(put(tmp_path, forgejo__ci=text))
    assert [r for r, _ in said(one)] == ["condition-constant"]
    assert canary not in str(one)


LISTS = {
    "/api/v1/repos/team/app/actions/secrets": [{"name": "OTHER", "created_at": "2026-01-01T00:00:00Z"}],
    "/api/v1/repos/team/app/actions/variables": [{"name": "OTHER", "data": "canary-of-a-value"}],
    "/api/v1/repos/team/app/actions/runners": [{"name": "r", "labels": ["native"], "status": "idle"}],
    "/api/v1/orgs/team": {"username": "team"},
    "/api/v1/orgs/team/actions/secrets": [{"name": "KEY"}],
    "/api/v1/orgs/team/actions/variables": [],
}


@contextmanager
def forge(answers: dict[str, object], token: str | None = "t0ken") -> Iterator[Forges]:
    """A Forgejo 16 that gives these answers to the token and hides everything else."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            allowed = path in answers and self.headers.get("Authorization") == f"token {token}"
            body = json.dumps(answers[path] if allowed else {"message": "not found"}).encode()
            self.send_response(200 if allowed else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    made = Forges(Options(server=url), InMemory(Credential(token)), None)  # type: ignore[arg-type]
    made._ladders[url] = Ladder(Reach(Server(url, Kind.FORGEJO, "16.0.1"), Http(url, token=token)))
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def checkout(root: Path) -> Path:
    git = root / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "objects").mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "config").write_text('[remote "origin"]\n\turl = https://forge.example/team/app.git\n')
    return put(root, forgejo__ci=USES)


def test_names_and_labels_are_held_against_those_of_the_forge(tmp_path: Path) -> None:
    with forge(dict(LISTS)) as mine:
        one = looked(checkout(tmp_path), forges=mine)
    assert said(one) == [
        ("label-not-offered", ".forgejo/workflows/ci.yml:4"),
        ("variable-missing", ".forgejo/workflows/ci.yml:7"),
    ]
    assert one.not_asked == ()
    assert "canary-of-a-value" not in str(one)


def test_a_secret_that_nobody_has_is_wrong_and_one_that_an_owner_may_have_is_doubtful(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    without = {**LISTS, "/api/v1/orgs/team/actions/secrets": []}
    with forge(without) as mine:
        told = {r.rule: r for r in looked(root, forges=mine).remarks}
    assert told["secret-missing"].level is Level.WRONG
    hidden = {k: v for k, v in LISTS.items() if "/orgs/" not in k}
    with forge(hidden) as mine:
        told = {r.rule: r for r in looked(root, forges=mine).remarks}
    assert told["secret-missing"].level is Level.DOUBTFUL


@pytest.mark.parametrize("case", ["no token", "hidden"])
def test_what_the_forge_does_not_tell_is_said_as_not_asked(tmp_path: Path, case: str) -> None:
    with forge({}, None if case == "no token" else "t0ken") as mine:
        one = looked(checkout(tmp_path), forges=mine)
    assert said(one) == []
    assert len(one.not_asked) == 3
    assert all(n.why and n.how for n in one.not_asked)


def test_a_forge_that_nobody_is_logged_in_to_is_not_called(tmp_path: Path) -> None:
    mine = Forges(Options(), InMemory(), None)  # type: ignore[arg-type]
    one = looked(checkout(tmp_path), forges=mine)
    assert {n.how for n in one.not_asked} == {
        "whyred login https://forge.example",
        "whyred login https://forge.example; or say --labels A,B",
    }


@pytest.mark.parametrize(
    ("text", "numbers"), [("16.0.1", (16, 0, 1)), ("1.27.0+dev-3", (1, 27, 0)), ("", None), (None, None), ("x", None)]
)
def test_versions_are_read(text: str | None, numbers: tuple[int, ...] | None) -> None:
    assert version_of(text) == numbers


def script(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def test_linters_that_are_installed_are_run_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = '[{"message": "m", "filepath": "%s/.github/workflows/ci.yml", "line": 3, "column": 1, "kind": "k"}]'
    script(tmp_path / "bin", "actionlint", f"echo '{found % str(tmp_path)[1:]}'; exit 1")
    zizmor = (
        '[{"ident": "i", "desc": "d", "url": "u", "determinations": {"severity": "Low", "confidence": "High"},'
        ' "locations": [{"symbolic": {"kind": "Primary", "key": {"Local": {"given_path": "'
        f'{tmp_path}/.github/workflows/ci.yml"}}}}}}, "concrete": {{"location": {{"start_point": {{"row": 4}}}}}}}}]}}]'
    )
    script(tmp_path / "bin", "zizmor", f"echo '{zizmor}'; exit 12")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    there, remarks, failed = run_linters(tmp_path, [".github/workflows/ci.yml"], lambda _: None)
    assert there == ("actionlint", "zizmor")
    assert failed == []
    assert [(r.tool, r.rule, str(r.spot), r.level) for r in remarks] == [
        ("actionlint", "k", ".github/workflows/ci.yml:3", Level.DOUBTFUL),
        ("zizmor", "i", ".github/workflows/ci.yml:5", Level.NOTE),
    ]


@pytest.mark.parametrize("text", ["echo broken >&2; exit 3", "echo '{'", "kill -9 $$"])
def test_a_linter_that_fails_is_said_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    script(tmp_path / "bin", "actionlint", text)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    there, remarks, failed = run_linters(tmp_path, ["ci.yml"], lambda _: None)
    assert (there, remarks, [n.what for n in failed]) == (("actionlint",), [], ["actionlint"])


def test_a_linter_of_the_checkout_itself_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "bin", "actionlint", "touch ran")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "bin:.:/nowhere")
    assert run_linters(tmp_path, ["ci.yml"], lambda _: None) == ((), [], [])


@pytest.mark.parametrize("name", sorted(linters()))
@pytest.mark.parametrize("out", [b"", b"[]", b"null", b"{}", b"[1, null, {}]", b'[{"locations": [3], "line": "x"}]'])
def test_answers_of_linters_may_hold_anything(name: str, out: bytes) -> None:
    for remark in linters()[name].read(out):
        assert remark.tool == name


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("home")
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(folder))


@pytest.mark.parametrize(("text", "code"), [(FINE, 0), (TWICE, 1)])
@pytest.mark.usefixtures("home")
def test_the_command_shows_it_and_ends_as_it_should(tmp_path: Path, text: str, code: int) -> None:
    root = str(put(tmp_path, forgejo__ci=text))
    shown = CliRunner().invoke(cli, ["check", root, "--offline", "--no-linters"], standalone_mode=False)
    assert shown.return_value == code, shown.exception
    assert (".forgejo/workflows/ci.yml:1: doubtful:" in shown.stdout) is bool(code)
    printed = CliRunner().invoke(cli, ["check", root, "--offline", "--no-linters", "--json"], standalone_mode=False)
    file = Path(whyred.reports.__path__[0]) / "schema" / "check-1.json"
    Draft202012Validator(json.loads(file.read_text(encoding="utf-8"))).validate(json.loads(printed.stdout))


@pytest.mark.usefixtures("home")
def test_the_word_workflow_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(put(tmp_path, forgejo__ci=FINE))
    argv = ["check", "workflow", "--offline", "--no-linters"]
    assert CliRunner().invoke(cli, argv, standalone_mode=False).return_value == 0
    (tmp_path / "workflow").write_text(TWICE)
    assert CliRunner().invoke(cli, argv, standalone_mode=False).return_value == 1


@pytest.mark.usefixtures("home")
def test_help_fits_eighty_columns() -> None:
    shown = CliRunner().invoke(cli, ["check", "--help"], env={"COLUMNS": "80"}, prog_name="whyred")
    assert max(map(len, shown.stdout.splitlines())) <= 80
