"""The one action that `whyred run` plays itself: a checkout of the repository that holds the workflow."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from whyred.model.root import owner_and_name
from whyred.workflows.nouns import StepSpec

_CHECKOUT = re.compile(r"(?:https?://[^/\s]+/(?:[^/\s]+/)*?)?actions/checkout@\S+")
_SECONDS = 30.0
HARMLESS = frozenset(
    {"token", "persist-credentials", "set-safe-directory", "github-server-url", "show-progress", "clean"}
)
"""Inputs of the checkout that change nothing for a clone of a folder on this machine."""
_PLAYED = HARMLESS | {"path", "fetch-depth", "fetch-tags", "repository", "ref"}
_POINTERS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX")
"""Variables by which git would look at another repository; set inside hooks."""


class RepositoryError(Exception):
    """Git could not say what a repository holds; the message is git's own."""


@dataclass(frozen=True, slots=True)
class Repository:
    """What a checkout takes: folder, commit, ref (None: detached), `owner/name`, how many files differ from it."""

    path: Path
    commit: str
    ref: str | None
    name: str
    changed: int

    def facts(self) -> dict[str, str]:
        """The GITHUB_ variables that follow from it."""
        ref = self.ref or ""
        kind, _, short = ref.removeprefix("refs/").partition("/")
        return {
            "GITHUB_SHA": self.commit,
            "GITHUB_REF": ref,
            "GITHUB_REF_NAME": short,
            "GITHUB_REF_TYPE": "tag" if kind == "tags" else "branch",
            "GITHUB_REPOSITORY": self.name,
            "GITHUB_REPOSITORY_OWNER": self.name.partition("/")[0],
        }


@dataclass(frozen=True, slots=True)
class Checkout:
    """A planned clone: the command, its environment, where it goes, and what to tell about it."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    target: Path
    notes: tuple[str, ...]


def find_repository(folder: Path, environ: Mapping[str, str]) -> Path | None:
    """The top folder of the working tree that `folder` lies in; None where there is none or no git."""
    try:
        return Path(_git(folder, environ, "rev-parse", "--show-toplevel"))
    except RepositoryError:
        return None


def read_repository(path: Path, environ: Mapping[str, str]) -> Repository:
    """What the working tree is at. Raises RepositoryError (no commit yet, not ours to read, no git)."""
    commit = _git(path, environ, "rev-parse", "--verify", "HEAD^{commit}")
    changed = _git(path, environ, "status", "--porcelain").splitlines()
    return Repository(
        path=path,
        commit=commit,
        ref=_or_none(path, environ, "symbolic-ref", "--quiet", "HEAD"),
        name=_name(_or_none(path, environ, "remote", "get-url", "origin"), path),
        changed=len(changed),
    )


def is_checkout(step: StepSpec) -> bool:
    """Whether the step uses the checkout action."""
    return step.uses is not None and _CHECKOUT.fullmatch(step.uses.strip()) is not None


def why_not(step: StepSpec, repository: Repository | str) -> str | None:
    """Why a checkout step cannot be played; None when it can. A text as `repository` says why there is none."""
    if isinstance(repository, str):
        return f"the workflow's own repository cannot be cloned ({repository})"
    inputs = {k: v for k, v in (step.with_ or {}).items() if v.strip() not in ("", "false")}
    unplayed = sorted(set(inputs) - _PLAYED)
    if unplayed:
        return f"whyred clones without {', '.join(f'`{k}`' for k in unplayed)}"
    if inputs.get("repository", repository.name) != repository.name:
        return f"it checks out {inputs['repository']}, not the workflow's own repository"
    names = {repository.commit, repository.ref, (repository.ref or "").removeprefix("refs/heads/")}
    if "ref" in inputs and inputs["ref"] not in names:
        return f"it checks out `{inputs['ref']}`, and whyred only clones HEAD"
    if not re.fullmatch(r"\d{1,9}", inputs.get("fetch-depth", "1")):
        return f"`fetch-depth: {inputs['fetch-depth']}` is no number"
    return None


def plan(step: StepSpec, repository: Repository, workspace: Path, environ: Mapping[str, str]) -> Checkout:
    """The clone that stands for the step: as shallow as the action's (depth 1, no tags, unless it says otherwise).

    Raises RepositoryError: `path` leads out of the workspace, or there is no git.
    """
    inputs = step.with_ or {}
    target = (workspace / inputs.get("path", "")).resolve()
    if not target.is_relative_to(workspace.resolve()):
        raise RepositoryError(f"`path: {inputs['path']}` leads out of the workspace")
    depth = int(inputs.get("fetch-depth") or 1)
    shallow = ["--depth", str(depth)] if depth else []
    tags = [] if not depth or inputs.get("fetch-tags") == "true" else ["--no-tags"]
    url = "file://" + quote(str(repository.path))
    notes = [f"Checking out {repository.name} at {repository.commit} ({repository.ref or 'detached HEAD'})"]
    if repository.changed:
        notes.append(
            f"note: {repository.path} has {repository.changed} uncommitted change(s); this checkout is of the commit "
            "and does not have them"
        )
    env = git_environment(environ)
    git = shutil.which("git", path=env.get("PATH") or os.defpath)
    if git is None:
        raise RepositoryError("Cannot find: git in PATH")
    argv = (git, "clone", "--quiet", *shallow, *tags, "--", url, str(target))
    return Checkout(argv, env, target, tuple(notes))


def prepare_target(target: Path) -> None:
    """Empty the folder of a checkout, as the action does: a clone wants an empty one. Raises OSError."""
    target.mkdir(parents=True, exist_ok=True)
    for entry in target.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def git_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what would point git elsewhere or make it ask questions or write to the repository."""
    kept = {k: v for k, v in environ.items() if k not in _POINTERS}
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}


def _git(path: Path, environ: Mapping[str, str], *arguments: str) -> str:
    argv = ["git", "-C", str(path), *arguments]
    env = {**git_environment(environ), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
    except FileNotFoundError as e:
        raise RepositoryError("git is not installed") from e
    except (OSError, ValueError, subprocess.TimeoutExpired) as e:
        raise RepositoryError(f"git gave no answer: {e}") from e
    if done.returncode != 0:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise RepositoryError(said or f"git {arguments[0]} ended with {done.returncode}")
    return done.stdout.decode("utf-8", "surrogateescape").strip("\n")


def _or_none(path: Path, environ: Mapping[str, str], *arguments: str) -> str | None:
    try:
        return _git(path, environ, *arguments) or None
    except RepositoryError:
        return None


def _name(remote: str | None, path: Path) -> str:
    """`owner/name` of the remote's address; `local/<folder>` without one."""
    return owner_and_name(remote or "") or f"local/{path.name}"
