"""Git's configuration files: what they say, in git's order, without starting git.

Syntax, scopes, includes and `url.*.insteadOf` as in git-config(1), but for `includeIf "hasconfig:..."`, which is passed
over. Compared with git's own reading in the tests.
"""

import os
import pwd
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from whyred.model.credential import Hidden

_HEADER = re.compile(r'\[([A-Za-z0-9.-]*)(?:[ \t]+"((?:[^"\\\n]|\\[^\n])*)")?\]')
_KEY = re.compile(r"([A-Za-z][A-Za-z0-9-]*)[ \t]*(=[ \t]*)?")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", '"': '"', "\\": "\\"}
_DEEPEST = 10
"""Includes within includes, as in git."""


class ConfigError(Exception):
    """A configuration file is damaged: the line. Its text is not quoted, for it may hold a password."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One variable: `section.key` in lower case, the subsection as written, the value. URLs, which may hold tokens,
    stand in both of these.
    """

    name: str
    subsection: Hidden | None
    value: Hidden


@dataclass(frozen=True, slots=True)
class Place:
    """What conditional includes ask: the git folder (resolved), the branch, the home (None without one); and how a
    file is read (None where there is none).
    """

    folder: Path
    branch: str | None
    home: Path | None
    read: Callable[[Path], str | None]


def entries(text: str) -> Iterator[Entry]:
    """The variables of one file in order. Raises ConfigError."""
    text = Hidden(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    at, section = 0, ""
    subsection: Hidden | None = None
    while at < len(text):
        if text[at] in " \t\r\n":
            at += 1
        elif text[at] in "#;":
            at = _line_end(text, at)
        elif header := _HEADER.match(text, at):
            section, subsection, at = *_section(header), header.end()
        elif key := _KEY.match(text, at):
            value, at = _value(text, key.end()) if key[2] else _no_value(text, key.end())
            yield Entry(f"{section}.{key[1].lower()}", subsection, value)
        else:
            raise _damaged(text, at)


def _section(header: re.Match[str]) -> tuple[str, Hidden | None]:
    if header[2] is not None:
        return header[1].lower(), Hidden(re.sub(r"\\(.)", r"\1", header[2]))
    section, dot, subsection = header[1].lower().partition(".")
    return section, Hidden(subsection) if dot else None


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _no_value(text: str, at: int) -> tuple[Hidden, int]:
    if at < len(text) and text[at] != "\n":
        raise _damaged(text, at)
    return Hidden("true"), at


def _value(text: str, at: int) -> tuple[Hidden, int]:
    """The value that begins here and where it ends: quotes taken off, escapes read, outer blanks dropped."""
    parts: list[str] = []
    kept, quoted = 0, False  # parts up to `kept` stay whatever follows: blanks at the end go unless they were quoted
    while at < len(text) and (quoted or text[at] not in "\n#;"):
        one, step = text[at], 1
        if one == "\n":
            raise _damaged(text, at)
        if one == '"':
            quoted = not quoted
            kept = len(parts)
        elif one == "\\":
            step = 2
            if text[at + 1 : at + 2] != "\n":
                parts.append(_escape(text, at))
                kept = len(parts)
        elif quoted or one not in " \t\r":
            parts.append(one)
            kept = len(parts)
        elif parts:
            parts.append(one)
        at += step
    if quoted:
        raise _damaged(text, at)
    return Hidden("".join(parts[:kept])), _line_end(text, at)


def _escape(text: str, at: int) -> str:
    try:
        return _ESCAPES[text[at + 1 : at + 2]]
    except KeyError:
        raise _damaged(text, at) from None


def _damaged(text: str, at: int) -> ConfigError:
    number = text.count("\n", 0, at) + 1
    return ConfigError(f"line {number}")


def user_files(environ: Mapping[str, str], home: Path | None) -> list[Path]:
    """The files of the machine and of the user, the more general first; they need not be there."""
    found = [] if environ.get("GIT_CONFIG_NOSYSTEM") else [Path(environ.get("GIT_CONFIG_SYSTEM") or "/etc/gitconfig")]
    if named := environ.get("GIT_CONFIG_GLOBAL"):
        return [*found, Path(named)]
    config = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    found += [Path(config) / "git" / "config"] if config else []
    return [*found, home / ".gitconfig"] if home else found


def own_files(own: Path, shared: Path) -> list[Path]:
    """The files of a repository; the second is read only with `extensions.worktreeConfig`."""
    return [shared / "config", own / "config.worktree"]


def given(environ: Mapping[str, str]) -> Iterator[Entry]:
    """The variables in the environment: GIT_CONFIG_COUNT, GIT_CONFIG_KEY_0, GIT_CONFIG_VALUE_0, ..."""
    count = environ.get("GIT_CONFIG_COUNT", "")
    for number in range(int(count) if re.fullmatch(r"[0-9]{1,4}", count) else 0):
        section, dot, rest = environ.get(f"GIT_CONFIG_KEY_{number}", "").partition(".")
        subsection, inner, key = rest.rpartition(".")
        if dot:
            value = Hidden(environ.get(f"GIT_CONFIG_VALUE_{number}", ""))
            yield Entry(f"{section}.{key}".lower(), Hidden(subsection) if inner else None, value)


def read_all(file: Path, place: Place, depth: int = 0) -> Iterator[Entry]:
    """The variables of a file and of those that it includes, where it includes them. Raises ConfigError."""
    text = place.read(file)
    try:
        found = list(entries(text)) if text is not None else []
    except ConfigError as e:
        raise ConfigError(f"{file}, {e}") from None
    for entry in found:
        yield entry
        if _includes(entry, file, place) and entry.value and depth < _DEEPEST:
            included = _expanded(entry.value, place.home)
            if included is not None:
                yield from read_all(file.parent / included, place, depth + 1)


def _includes(entry: Entry, file: Path, place: Place) -> bool:
    if entry.name == "include.path":
        return entry.subsection is None
    if entry.name != "includeif.path" or entry.subsection is None:
        return False
    kind, _, pattern = entry.subsection.partition(":")
    if kind == "onbranch":
        return place.branch is not None and _matches(pattern + "**" * pattern.endswith("/"), place.branch)
    if kind in ("gitdir", "gitdir/i"):
        whole = _folder_pattern(pattern, file, place.home)
        return whole is not None and _matches(whole, str(place.folder), fold=kind.endswith("/i"))
    return False


def _folder_pattern(pattern: str, file: Path, home: Path | None) -> str | None:
    end = "**" if pattern.endswith("/") else ""
    if pattern.startswith("./"):
        here = re.sub(r"([*?\[\\])", r"\\\1", os.path.realpath(file.parent))
        return f"{here}/{pattern[2:]}{end}"
    expanded = _expanded(pattern, home)
    if expanded is None or expanded.startswith("/"):
        return expanded and expanded + end
    return f"**/{expanded}{end}"


def _expanded(path: str, home: Path | None) -> str | None:
    """The path with `~/` or `~user/` replaced; None where there is no such home."""
    if not path.startswith("~"):
        return path
    user, slash, rest = path[1:].partition("/")
    try:
        start = pwd.getpwnam(user).pw_dir if user else home and str(home)
    except KeyError:
        return None
    return f"{start}{slash}{rest}" if start else None


def _matches(pattern: str, text: str, *, fold: bool = False) -> bool:
    """Git's wildmatch with path names: `*` and `?` stop at a slash, `**` between slashes does not."""
    regex, at = "", 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/") and (at == 0 or pattern[at - 1] == "/"):
            regex, at = regex + "(?:.*/)?", at + 3
        elif rest == "**" and (at == 0 or pattern[at - 1] == "/"):
            regex, at = regex + ".*", at + 2
        elif rest[0] == "*":
            regex, at = regex + "[^/]*", at + len(rest) - len(rest.lstrip("*"))
        elif rest[0] == "?":
            regex, at = regex + "[^/]", at + 1
        elif bracket := re.match(r"\[([!^]?)(\]?[^\]/]*)\]", rest):
            inner = re.sub(r"([\\^&~|\[\]])", r"\\\1", bracket[2])
            regex, at = regex + f"(?!/)[{'^' * bool(bracket[1])}{inner}]", at + bracket.end()
        else:
            at += rest[0] == "\\" and len(rest) > 1
            regex, at = regex + re.escape(pattern[at]), at + 1
    try:
        return re.fullmatch(regex, text, re.DOTALL | re.IGNORECASE * fold) is not None
    except re.error:  # a set that is none, such as [z-a]: it matches nothing
        return False


def instead(url: str, settings: Iterable[Entry], key: str = "insteadof") -> Hidden | None:
    """The URL with the longest prefix that `url.<base>.insteadOf` (or pushInsteadOf) names replaced; None for none."""
    rules = [e for e in settings if e.name == f"url.{key}" and e.subsection is not None and url.startswith(e.value)]
    if not rules:
        return None
    best = max(rules, key=lambda e: len(e.value))
    return Hidden(f"{best.subsection}{url[len(best.value) :]}")
