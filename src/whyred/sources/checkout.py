"""The working tree that a person stands in: HEAD, branch and remotes, read from git's files without starting git.

So it works where git is missing or refuses (another owner, `safe.directory`), and nothing that a repository's
configuration names is ever run. What cannot be had so, a clone, `whyred run` leaves to git (`experiments/checkout`).
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from whyred.logs.text import visible
from whyred.model.root import public_url, read_remote
from whyred.model.trouble import UserError
from whyred.sources._git_config import ConfigError, Entry, Place, given, instead, own_files, read_all, user_files
from whyred.sources._git_folder import COMMIT, NAME_IT, GitFolder, find, read


@dataclass(frozen=True, slots=True)
class Remote:
    """One remote. `url` is what git fetches from (after `insteadOf`), without password or query."""

    name: str
    url: str
    root_candidates: tuple[str, ...]
    """Root URLs that its forge may have, likeliest first; none where it is a folder or no forge's address."""
    repo: str | None
    """`owner/name` on the forge with the first of these roots."""

    def repo_at(self, root: str) -> str | None:
        """The repository's name on the forge with this root, where an URL can be read in more than one way."""
        address = read_remote(self.url)
        return address.repo_at(root) if address is not None else self.repo


@dataclass(frozen=True, slots=True)
class Checkout:
    """A working tree. `head`: the commit (None before the first one); `branch`: its name (None: detached);
    `upstream`: the name of the remote that the branch follows.
    """

    folder: Path
    head: str | None
    branch: str | None
    remotes: tuple[Remote, ...]
    upstream: str | None = None

    @property
    def remote(self) -> Remote | None:
        """Where this working tree belongs: the branch's upstream, else `origin`, else the only remote there is."""
        named = {r.name: r for r in self.remotes}
        only = self.remotes[0] if len(self.remotes) == 1 else None
        return named.get(self.upstream or "") or named.get("origin") or only


def read_checkout(folder: Path, environ: Mapping[str, str] = os.environ) -> Checkout:
    """What the working tree that `folder` lies in is at, and where it belongs. Raises UserError."""
    git = find(folder)
    target = git.head()
    branch = target.removeprefix("refs/heads/") if target.startswith("refs/heads/") else None
    settings = _settings(git, branch, environ)
    if (_last(settings, "extensions.refstorage") or "files") != "files" or os.path.isdir(git.shared / "reftable"):  # noqa: PTH112
        how = f"{NAME_IT}, or have git keep them as files: git refs migrate --ref-format=files"
        raise UserError(f"whyred cannot read the branches of {git.tree}", "they are kept as a reftable", how)
    upstream = _last(settings, "branch.remote", branch) if branch is not None else None
    return Checkout(
        folder=git.tree,
        head=target if COMMIT.fullmatch(target) else git.commit(target),
        branch=None if branch is None else visible(branch),
        remotes=_remotes(settings, upstream),
        upstream=None if upstream is None else _shown(upstream),
    )


def _settings(git: GitFolder, branch: str | None, environ: Mapping[str, str]) -> list[Entry]:
    """Every variable that git would know here, in its order. Raises UserError."""
    home = Path(environ["HOME"]) if environ.get("HOME", "").startswith("/") else None
    found: list[Entry] = []
    try:
        for file in user_files(environ, home):
            found += read_all(file, Place(git.own, branch, home, _read_if_allowed))
        place = Place(git.own, branch, home, read)
        for file in own_files(git.own, git.shared):
            if file.parent == git.shared or _last(found, "extensions.worktreeconfig") == "true":
                found += read_all(file, place)
    except ConfigError as e:
        why = f"{e}, and git would not read it either"
        raise UserError("a configuration of git is damaged", why, f"Mend it. {NAME_IT}") from None
    return [*found, *given(environ)]


def _read_if_allowed(file: Path) -> str | None:
    """Git passes over a user's configuration that it may not read, as after `su` (its flag ACCESS_EACCES_OK)."""
    return read(file) if os.access(file, os.R_OK) else None


def _last(settings: Sequence[Entry], name: str, subsection: str | None = None) -> str | None:
    return next((e.value for e in reversed(settings) if (e.name, e.subsection) == (name, subsection)), None)


def _remotes(settings: Sequence[Entry], upstream: str | None) -> tuple[Remote, ...]:
    """The remotes in the order of the configuration; last the upstream, where it is an URL and no remote's name."""
    urls: dict[str, str] = {}
    for entry in settings:
        if entry.name == "remote.url" and entry.subsection and entry.value:
            urls.setdefault(entry.subsection, entry.value)
    if upstream is not None and upstream not in urls and read_remote(instead(upstream, settings) or upstream):
        urls[upstream] = upstream
    return tuple(_remote(name, url, settings) for name, url in urls.items())


def _remote(name: str, url: str, settings: Sequence[Entry]) -> Remote:
    fetched = instead(url, settings) or url
    push = _last(settings, "remote.pushurl", name)
    pushed = (instead(push, settings) or push) if push else (instead(url, settings, "pushinsteadof") or fetched)
    # It is a push that starts runs: where fetching goes to a folder or a mirror, the forge is where pushes go.
    found = [a for a in map(read_remote, (fetched, pushed)) if a is not None]
    roots = tuple(dict.fromkeys(root for a in found if a.path == found[0].path for root in a.roots))
    repo = found[0].repo_at(roots[0]) if found else None
    return Remote(_shown(name), visible(public_url(fetched)), roots, repo)


def _shown(name: str) -> str:
    """A remote's name; where an URL stands in its place, that without a password."""
    return visible(public_url(name))
