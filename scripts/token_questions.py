"""The questions whose answers `scripts/tokens.py` counts, and what there is to read in place of each answer."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "unit")]

import zstandard  # noqa: E402
from mcp_client import served  # noqa: E402
from standin import Standin, World, scenarios  # noqa: E402
from standin.client import ask  # noqa: E402
from standin.scenarios import FAILED, OK, Part, play  # noqa: E402

from whyred.faces.mcp.budget import written  # noqa: E402
from whyred.faces.mcp.call import Call  # noqa: E402
from whyred.faces.mcp.server import Face  # noqa: E402

INCIDENT = ROOT / "tests" / "lab" / "founding-incident.whyred"
QUIET = ROOT / "tests" / "lab" / "quiet"
AT_ONCE = 50
"""Repositories that one call may ask about."""
DISPATCHED = (
    "name: nightly\non:\n  workflow_dispatch:\njobs:\n  test:\n    runs-on: native\n    steps:\n      - run: make\n"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer. `about`: what was asked, in words; `raw`: what there is to read without the tool, where there is."""

    tool: str
    about: str
    answer: str
    reckoned: int
    raw: str | None = None


def asked(face: Face, tool: str, about: str, arguments: Mapping[str, Any], raw: str | None = None) -> Asked:
    """One call, as a client gets it: the text, and the structured content as JSON."""
    found = face.run(tool, arguments, Call({}, face.serving))
    return Asked(tool, about, found.text + written(found.data), found.tokens, raw)


def of_logs(face: Face, logs: Sequence[Path], green: Path) -> Iterator[Asked]:
    """Every tool that reads a log, about every log. `green`: what they are compared with."""
    other = _text(green)
    for n, log in enumerate(logs, 1):
        _tell(f"log {n} of {len(logs)}")
        target, raw = {"target": str(log)}, _text(log)
        yield asked(face, "ci_why", "a log", {**target, "probe": False}, raw)
        yield asked(face, "ci_logs", "the failing step", target, raw)
        yield asked(face, "ci_logs", "lines with 'error'", {**target, "grep": "error", "ignore_case": True}, raw)
        yield asked(face, "ci_logs", "5,000 lines, the most that is allowed", _much(target), raw)
        yield asked(face, "ci_compare", "against a green log", {**target, "good": [str(green)]}, raw + other)


def _much(target: Mapping[str, Any]) -> dict[str, Any]:
    return {**target, "tail": 5000, "max_tokens": 9500}


def of_incident(face: Face) -> Iterator[Asked]:
    """The demo's incident: its log, and the host that was recorded with it."""
    _tell("the incident")
    with ZipFile(INCIDENT) as files:
        raw = zstandard.ZstdDecompressor().stream_reader(files.read("log.zst")).read().decode()
        host = files.read("answers.json").decode()
    target = {"target": str(INCIDENT)}
    yield asked(face, "ci_why", "the incident", target, raw + host)
    yield asked(face, "ci_logs", "the incident", target, raw)
    yield asked(face, "runner_doctor", "the incident's host", {"host": str(INCIDENT)}, host)
    yield asked(face, "runner_doctor", "the same, also what is fine", {"host": str(INCIDENT), "fine": True}, host)


def of_machine(face: Face) -> Iterator[Asked]:
    """The tools about a host and a checkout: this machine, and the workflows of the lab."""
    _tell("this machine")
    yield asked(face, "runner_doctor", "this machine", {})
    for variable in ("TMPDIR", "PATH"):
        yield asked(face, "env_trace", "this machine", {"variable": variable, "folder": str(ROOT)})
    files = sorted(QUIET.glob("*.yml"))
    for about, some in (*(("a workflow", [file]) for file in files[::8]), ("20 workflows", files[:20])):
        given = {"paths": [str(file) for file in some], "offline": True, "linters": False}
        yield asked(face, "check_workflow", about, given, "".join(map(_text, some)))


def of_forge(face: Face, forge: Standin, repos: Mapping[str, str]) -> Iterator[Asked]:
    """The tools that ask a forge, about each of these repositories (the name, and the log of its red run, the second)
    and about many together.
    """
    for n, (repo, log) in enumerate(repos.items(), 1):
        _tell(f"repository {n} of {len(repos)}")
        runs = _api(forge, f"{repo}/actions/runs?limit=50")
        red = next(run for run in json.loads(runs)["workflow_runs"] if run["conclusion"] == "failure")
        target = {"target": f"{repo}#2"}
        yield asked(face, "ci_status", "one repository", {"targets": [repo]}, runs)
        yield asked(face, "ci_runs", "of a repository", {"target": repo}, runs)
        yield asked(face, "ci_runs", "jobs and steps", target, _api(forge, f"{repo}/actions/runs/{red['id']}/jobs"))
        yield asked(face, "ci_access", "a red run", target)
        yield asked(face, "ci_logs", "of a forge", target, log)
        yield asked(face, "ci_logs", "no such run", {"target": f"{repo}#99"})
        yield asked(face, "ci_rerun", "the plan", target)
    yield asked(face, "ci_cancel", "refused: only by a web login", {"target": "alice/priv#4"})
    yield asked(face, "ci_dispatch", "the plan", {"target": "alice/priv", "workflow": "nightly.yml"})
    names = [*repos][:AT_ONCE]
    every = "".join(_api(forge, f"{repo}/actions/runs?limit=50") for repo in names)
    yield asked(face, "ci_status", f"{len(names)} repositories at once", {"targets": names}, every)


def _api(forge: Standin, path: str) -> str:
    token = next(iter(forge.world.users["alice"].tokens))
    reply, body = ask(forge.url, f"/api/v1/repos/{path}", Authorization=f"token {token}")
    if reply.status != 200:
        raise RuntimeError(f"the stand-in answered {path} with {reply.status}")
    return body.decode()


def world_of(logs: Sequence[Path]) -> tuple[World, dict[str, str]]:
    """A forge with a repository for each log: a green run, then a red one with that log."""
    world = scenarios.everyday()
    world.named("alice/priv").files[".gitea/workflows/nightly.yml"] = DISPATCHED
    found = {}
    for n, log in enumerate(logs):
        repo = world.repo(world.users["alice"], f"project-{n}")
        scenarios.green(repo).branch = "main"
        run = repo.push("Make it better", "ci.yml", "main")
        found[repo.full_name] = text = _text(log)
        play(run.job("test", "Prepare", "Build and test"), [Part(OK, ["ready"]), Part(FAILED, text.split("\n"))])
    return world, found


def all_asked(logs: Sequence[Path], green: Path) -> Iterator[Asked]:
    """Every question, about all these logs. `green`: what they are compared with."""
    world, repos = world_of(logs)
    with served("gitea-1.26.4", world, write=True) as (forge, serving):
        face = Face(serving)
        yield from of_incident(face)
        yield from of_machine(face)
        yield from of_logs(face, logs, green)
        yield from of_forge(face, forge, repos)
    _tell("")


def _text(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "replace")


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what}", end="", file=sys.stderr, flush=True)
