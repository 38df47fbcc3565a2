"""Git's folder on the disk: where it is, what HEAD holds, which commit a ref stands for.

Layout: gitrepository-layout(5), git-worktree(1) section DETAILS, git-pack-refs(1).
"""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from whyred.model.trouble import UserError

_LIMIT = 1 << 20
"""Bytes of a file of git's that is read whole; larger ones are none of git's making."""
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"refs/(?!(?:.*/)?\.\.?(?:/|$))[^\x00-\x20\x7f~^:?*\[\\]+")
_DEEPEST = 5
"""Refs that name refs: git gives up after five."""
NAME_IT = "Name the run instead: whyred why OWNER/REPO#RUN"


@dataclass(frozen=True, slots=True)
class GitFolder:
    """Where git keeps what: the working tree, the git folder of this tree, and the one that all its trees share."""

    tree: Path
    own: Path
    shared: Path

    def head(self) -> str:
        """What HEAD holds: a commit, or the full name of a ref. Raises UserError."""
        file = self.own / "HEAD"
        if os.path.islink(file) and (link := os.readlink(file)).startswith("refs/"):  # noqa: PTH114, PTH115
            return link  # an old form, which git still writes with core.preferSymlinkRefs
        return _target(file, read(file) or "")

    def commit(self, name: str) -> str | None:
        """The commit that a ref stands for; None where it has none yet. Raises UserError."""
        for _ in range(_DEEPEST):
            file = next((f / name for f in (self.own, self.shared) if os.path.isfile(f / name)), None)  # noqa: PTH113
            if file is None:
                return _packed(self.shared / "packed-refs", name)
            name = _target(file, read(file) or "")
            if COMMIT.fullmatch(name):
                return name
        raise _damaged(self.own / "HEAD")


def find(folder: Path) -> GitFolder:
    """The repository that a folder lies in. Raises UserError.

    Like `whyred run` it does not heed GIT_DIR: hooks set it, and whose repository is meant the folder says.
    """
    start = Path(os.path.realpath(folder))
    if not os.path.isdir(start):  # noqa: PTH112 - pathlib's own raises without permission
        raise UserError(f"no such folder: {folder}", "a checkout is a folder", f"Go to a checkout. {NAME_IT}")
    for tree in (start, *start.parents):
        inside = tree / ".git"
        if os.path.isfile(inside):  # noqa: PTH113 - pathlib's own raises without permission
            return _linked(tree, inside)
        for git in (inside, tree):
            if _is_git_folder(git):
                return _with_shared(git.parent if git.name == ".git" else git, git)
    why = "neither it nor a folder above it holds a .git"
    raise UserError(f"{folder} lies in no git repository", why, f"Go to a checkout. {NAME_IT}")


def _linked(tree: Path, file: Path) -> GitFolder:
    """The repository of a working tree whose `.git` is a file: a second working tree, or a submodule."""
    word, _, path = (read(file) or "").partition(":")
    git = Path(os.path.realpath(tree / path.strip()))
    if word == "gitdir" and path.strip() and _is_git_folder(git):
        return _with_shared(tree, git)
    why = "the repository was moved or removed" if word == "gitdir" else "the file is damaged"
    how = f"Mend it: git worktree repair (in the main working tree). {NAME_IT}"
    raise UserError(f"{file} does not lead to a git repository", why, how)


def _is_git_folder(git: Path) -> bool:
    """As git decides it: HEAD, and objects and refs, which a second working tree has in the shared folder."""
    parts = [os.path.isdir(git / part) for part in ("objects", "refs")]  # noqa: PTH112
    return os.path.lexists(git / "HEAD") and (all(parts) or os.path.lexists(git / "commondir"))


def _with_shared(tree: Path, git: Path) -> GitFolder:
    shared = (read(git / "commondir") or "").strip()
    return GitFolder(tree, git, Path(os.path.realpath(git / shared)) if shared else git)


def _target(file: Path, text: str) -> str:
    """What a ref's file says: a commit or the full name of another ref. Raises UserError where it is damaged."""
    word, colon, name = text.strip().partition(":")
    if colon and word == "ref" and _REF.fullmatch(name.strip()):
        return name.strip()
    if COMMIT.fullmatch(text.strip()):
        return text.strip()
    raise _damaged(file)


def _packed(file: Path, name: str) -> str | None:
    """The commit of a packed ref. The file may be large, so it is gone through line by line."""
    lines = _open(file)
    if lines is None:
        return None
    wanted = os.fsencode(name)
    with lines:
        try:
            rows = (line.rstrip(b"\r\n").partition(b" ") for line in lines)
            commit = next((found.decode("ascii", "replace") for found, _, ref in rows if ref == wanted), None)
        except OSError as e:
            raise _unreadable(file, e) from e
    if commit is not None and not COMMIT.fullmatch(commit):
        raise _damaged(file)
    return commit


def read(file: Path) -> str | None:
    """The text of one of git's files; None where there is no such file. Raises UserError."""
    opened = _open(file)
    if opened is None:
        return None
    with opened:
        try:
            return opened.read(_LIMIT).decode("utf-8", "surrogateescape")
        except OSError as e:
            raise _unreadable(file, e) from e


def _open(file: Path) -> BinaryIO | None:
    try:
        # O_NONBLOCK: a pipe that somebody put in the place of the file must not hang whyred.
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as e:
        raise _unreadable(file, e) from e
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    return None


def _unreadable(file: Path, error: Exception) -> UserError:
    why = getattr(error, "strerror", None) or str(error)
    return UserError(f"cannot read {file}", why, f"Make it readable for you. {NAME_IT}")


def _damaged(file: Path) -> UserError:
    return UserError(f"{file} is damaged", "it names neither a commit nor a branch", f"See `git fsck`. {NAME_IT}")
