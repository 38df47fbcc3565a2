"""A repository on a real server, and the runs of its workflows as the server's own pages tell them."""

import os
import subprocess
import uuid
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from live.browser import Browser
from live.gitea import Gitea, User
from live.patience import wait_for

WORKFLOWS = ".gitea/workflows"


class NotThereError(Exception):
    """The server has no such run, job or log (yet)."""


@dataclass(frozen=True, slots=True)
class JobState:
    """A job of a run as the web pages tell it."""

    id: int
    name: str
    status: str


@dataclass(frozen=True, slots=True)
class RunState:
    """A run as the web pages tell it. `number` is what people see, `id` the server's own (None: it tells none)."""

    number: int
    id: int | None
    status: str
    done: bool
    jobs: tuple[JobState, ...]


class Repo:
    """A repository of `dev`; `reader` may read it also when it is private."""

    def __init__(self, server: Gitea, *, private: bool = True, name: str | None = None) -> None:
        self.server, self.private = server, private
        self.owner = server.dev.name
        self.name = name or f"repo-{uuid.uuid4().hex[:12]}"
        wanted = {"name": self.name, "private": private, "auto_init": True, "default_branch": "main"}
        server.ask("POST", "/user/repos", wanted)
        server.ask("PUT", f"{self.path}/collaborators/{server.reader.name}", {"permission": "read"})
        self._browser: Browser | None = None

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"

    @property
    def path(self) -> str:
        """Where the REST API has it."""
        return f"/repos/{self.full_name}"

    @property
    def url(self) -> str:
        """Its page, which is also what git clones."""
        return f"{self.server.url}/{self.full_name}"

    @property
    def browser(self) -> Browser:
        """`dev`, signed in to the web pages."""
        if self._browser is None:
            self._browser = Browser(self.server.url).login(self.server.dev.name, self.server.dev.password)
        return self._browser

    def push(self, files: Mapping[str, str], message: str = "change") -> str:
        """Adds files in one commit to `main` and gives its hash. Each push with workflows starts runs."""
        changes = [
            {"operation": "create", "path": path, "content": b64encode(text.encode()).decode()}
            for path, text in files.items()
        ]
        wanted = {"branch": "main", "message": message, "files": changes}
        return str(self.server.ask("POST", f"{self.path}/contents", wanted).json()["commit"]["sha"])

    def push_workflow(self, text: str, file: str = "ci.yml") -> str:
        """Adds a workflow, which starts its first run when it has `on: push`."""
        return self.push({f"{WORKFLOWS}/{file}": text}, f"add {file}")

    def secret(self, name: str, value: str) -> None:
        """Gives the jobs a secret."""
        self.server.ask("PUT", f"{self.path}/actions/secrets/{name}", {"data": value})

    def registration_token(self) -> str:
        """What a runner of this repository registers with: POST from 1.24, GET before."""
        at = f"{self.path}/actions/runners/registration-token"
        answer = self.server.api("POST", at)
        if answer.status in (404, 405):
            answer = self.server.ask("GET", at)
        return str(answer.json()["token"])

    def clone(self, folder: Path, user: User | None = None) -> Path:
        """A clone, whose remote names no credentials."""
        basic = (user or self.server.dev).basic["Authorization"]
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.server.folder / "home"),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: {basic}",
        }
        subprocess.run(["git", "clone", "--quiet", f"{self.url}.git", str(folder)], env=env, check=True)
        return folder

    def run_id(self, number: int) -> int | None:
        """The server's own number of a run, where its API lists runs (1.25 and later); None before."""
        answer = self.server.api("GET", f"{self.path}/actions/runs?page=1&limit=50")
        if answer.status == 404:
            return None
        runs = answer.json()["workflow_runs"] or []
        return next((int(run["id"]) for run in runs if run["run_number"] == number), None)

    def web_path(self, number: int) -> str:
        """The page of a run: named by its id from 1.26, by its number before."""
        named = self.run_id(number) if self.server.ids_in_web else number
        if named is None:
            raise NotThereError(f"{self.full_name} has no run {number}")
        return f"/{self.full_name}/actions/runs/{named}"

    def job_path(self, number: int, job: int) -> str:
        """The page of a job, `job` counted from 0: named by its id from 1.26, by its place before."""
        named = self.run(number).jobs[job].id if self.server.ids_in_web else job
        return f"{self.web_path(number)}/jobs/{named}"

    def view(self, path: str, cursors: Iterable[Mapping[str, object]] = ()) -> dict[str, Any]:
        """What the page of a run or a job asks of the server while it is open."""
        answer = self.browser.post(path, {"logCursors": list(cursors)})
        if answer.status != 200:
            raise NotThereError(f"POST {path} answered {answer.status}")
        view: dict[str, Any] = answer.json()
        return view

    def run(self, number: int = 1) -> RunState:
        """A run now. Raises NotThereError where there is none."""
        run = self.view(self.web_path(number))["state"]["run"]
        jobs = tuple(JobState(int(j["id"]), j["name"], j["status"]) for j in run["jobs"])
        return RunState(number, self.run_id(number), run["status"], run["done"], jobs)

    def wait_for_run(self, *statuses: str, number: int = 1) -> RunState:
        """A run as soon as it has one of these statuses (any, without them). Raises LateError."""

        def ask() -> RunState | None:
            try:
                run = self.run(number)
            except NotThereError:
                return None
            return run if not statuses or run.status in statuses else None

        return wait_for(ask, f"run {number} of {self.full_name} that is {' or '.join(statuses) or 'there'}")

    def stored_log(self, task: int) -> Path:
        """The file in which the server keeps the log of a task that has ended. Raises NotThereError."""
        folder = self.server.data / "actions_log" / self.owner / self.name / f"{task % 256:02x}"
        for file in (folder / f"{task}.log", folder / f"{task}.log.zst"):
            if file.is_file():
                return file
        raise NotThereError(f"no log of task {task} in {folder}")

    def stored_text(self, task: int) -> bytes:
        """What that file says: plain, or zstd frames with a table of contents behind them."""
        data = self.stored_log(task).read_bytes()
        if not data.startswith(zstandard.FRAME_HEADER):
            return data
        with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
            return reader.read()

    def cancel(self, number: int = 1) -> None:
        """The button of the run's page."""
        self._press(f"{self.web_path(number)}/cancel")

    def rerun(self, number: int = 1) -> None:
        """The button of the run's page: all jobs again."""
        self._press(f"{self.web_path(number)}/rerun")

    def _press(self, path: str) -> None:
        answer = self.browser.post(path, {})
        if answer.status != 200:
            raise NotThereError(f"POST {path} answered {answer.status}")
