"""The files that a login or an interactive shell reads and a job does not, and what they would have set.

Jobs run `bash --noprofile --norc` below a daemon of systemd, which reads none of these (bash(1) INVOCATION;
systemd.exec(5) ENVIRONMENT). Only names leave this module: such files hold secrets.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from whyred.model.evidence import Unknown
from whyred.model.host import Host, Subject
from whyred.probes.answer import told
from whyred.probes.place import follow, who

_OF_HOST = (
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/bashrc",
    "/etc/environment",
    "/etc/zsh/zshrc",
    "/etc/zsh/zprofile",
)
_OF_HOME = (
    *(".profile", ".bash_profile", ".bash_login", ".bashrc", ".bash_aliases", ".zshenv", ".zprofile", ".zshrc"),
    *(".pam_environment", ".xsessionrc", ".config/fish/config.fish", ".config/environment"),
)
_MOST, _MOST_BYTES = 60, 1 << 17
_SOURCED = re.compile(r"""^[^#\n]*?(?:^|[\s;&{])(?:\.|source)\s+["']?([~$/][^\s"';&]*)""", re.MULTILINE)
_ASSIGNED = re.compile(
    r"""^\s*(?:export\s+|set\s+-\w*x\w*\s+)?([A-Za-z_]\w*)(?:=|\s+DEFAULT=|\s)["']?([^\s"';#]*)""", re.MULTILINE
)
_ON_PATH = re.compile(r"^[^#\n]*(?:\bPATH\b|\bpath\b|fish_add_path)[^\n]*", re.MULTILINE)
_FOLDER = re.compile(r"""[~$/][^\s:"'()=;]*""")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")


@dataclass(frozen=True, slots=True)
class Profile:
    """One such file: the path as the subject sees it, its text, and the home folder that `~` stands for."""

    path: str
    text: str
    home: str


def homes(host: Host, entry: str, subject: Subject, env: Mapping[str, str]) -> list[str]:
    """The subject's home folders: what its HOME says, and what the list of users says of its user."""
    found = [env.get("HOME", "")]
    status = told(lambda: host.read(f"{who(subject)}/status").decode("utf-8", "replace"))
    users = told(lambda: host.read(f"{entry}/etc/passwd").decode("utf-8", "replace"))
    uid = re.search(r"^Uid:\s+\d+\s+(\d+)", status, re.MULTILINE) if isinstance(status, str) else None
    if uid is not None and isinstance(users, str):
        rows = [line.split(":") for line in users.split("\n")]
        found += [row[5] for row in rows if len(row) > 5 and row[2] == uid[1]]
    return [h.rstrip("/") for h in dict.fromkeys(found) if h.startswith("/") and h.rstrip("/")]


def profiles(host: Host, entry: str, of: list[str]) -> list[Profile]:
    """The files that can be read, those they source behind them; what is closed or missing is left out."""
    parts = told(lambda: host.names(f"{entry}/etc/profile.d"))
    drop_ins = [] if isinstance(parts, Unknown) else [f"/etc/profile.d/{n}" for n in parts if n.endswith(".sh")]
    home = of[0] if of else ""
    todo = [(path, home) for path in (*_OF_HOST, *drop_ins)]
    todo += [(f"{h}/{name}", h) for h in of for name in _OF_HOME]
    found: dict[str, Profile] = {}
    while todo and len(found) < _MOST:
        path, home = todo.pop(0)
        if path in found:
            continue
        text = _text(host, entry, path)
        if text is not None:
            found[path] = Profile(path, text, home)
            values = assigned(text)
            todo += [(p, home) for p in (expanded(s, home, values) for s in _SOURCED.findall(text)) if p]
    return list(found.values())


def _text(host: Host, entry: str, path: str) -> str | None:
    def look() -> bytes | None:
        place = follow(host, entry, path)
        return host.read(place.reach, _MOST_BYTES) if place.stat is not None and place.stat.kind == "file" else None

    found = told(look)
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else None


def assigned(text: str) -> dict[str, str]:
    """The variables that a file sets, with their texts as they stand; the last one counts."""
    return {name: value for name, value in _ASSIGNED.findall(text) if name not in ("if", "for", "alias", "PATH")}


def expanded(word: str, home: str, values: Mapping[str, str]) -> str | None:
    """The word with `~` and variables put in; None where it does not become an absolute path."""
    values = {**values, "HOME": home}
    word = home + word[1:] if word.startswith("~/") else word
    for _ in range(5):
        word = _VARIABLE.sub(lambda m: values.get(m[1], m[0]), word)
    return posixpath.normpath(word) if word.startswith("/") and "$" not in word and "`" not in word else None


def folders(profile: Profile) -> Iterator[str]:
    """The folders that a file puts on PATH."""
    values = assigned(profile.text)
    for line in _ON_PATH.findall(profile.text):
        for word in _FOLDER.findall(line):
            folder = expanded(word, profile.home, values)
            if folder is not None and folder != "/":
                yield folder


def defines(profile: Profile, tool: str) -> bool:
    """Whether a file makes an alias or a function of this name."""
    name = re.escape(tool)
    pattern = rf"^\s*(?:alias\s+(?:-\S+\s+)?{name}[=\s]|{name}\s*\(\s*\)|function\s+{name}\b)"
    return re.search(pattern, profile.text, re.MULTILINE) is not None
