"""Which rule of the .gitignore files of a working tree keeps a path out of commits.

Source: gitignore(5). Only the files of the tree itself are looked at, not a user's own excludes.
"""

import re
from collections.abc import Mapping
from functools import cache


def rule_for(path: str, ignores: Mapping[str, str]) -> str | None:
    """The last rule that matches the path or a folder above it; None where none does, or it is taken back.

    `ignores`: the text of .gitignore by its folder, from the root of the tree (``""``).
    """
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        rule = _last("/".join(parts[:depth]), depth < len(parts), ignores)
        if rule is not None:
            return rule
    return None


def _last(path: str, folder: bool, ignores: Mapping[str, str]) -> str | None:
    """What counts for one path: the rules of nearer files beat those above, later ones those before."""
    found: str | None = None
    for place in sorted(ignores, key=lambda p: p.count("/") + bool(p)):
        if place and not path.startswith(f"{place}/"):
            continue
        below = path[len(place) + 1 :] if place else path
        for line in ignores[place].splitlines():
            rule = line.strip() if not line.endswith("\\ ") else line.lstrip()
            if not rule or rule.startswith("#"):
                continue
            form, only_folders = _form(rule.removeprefix("!"))
            if form is not None and (folder or not only_folders) and form.fullmatch(below):
                found = None if rule.startswith("!") else rule
    return found


@cache
def _form(rule: str) -> tuple[re.Pattern[str] | None, bool]:
    """The rule as an expression, and whether it means folders alone; no expression for one that cannot be read."""
    only_folders = rule.endswith("/")
    text = rule.rstrip("/")
    anchored = "/" in text
    text = text.lstrip("/")
    out, at = [] if anchored else ["(?:.*/)?"], 0
    while at < len(text):
        if text.startswith("**/", at) and (at == 0 or text[at - 1] == "/"):
            out.append("(?:.*/)?")
            at += 3
        elif text.startswith("**", at):
            out.append(".*")
            at += 2
        elif text[at] == "[" and (end := text.find("]", at + 2)) > 0:
            out.append(f"[{'^' if text[at + 1] in '!^' else ''}{_inside(text[at + 1 : end].lstrip('!^'))}]")
            at = end + 1
        else:
            char = text[at + 1 : at + 2] if text[at] == "\\" else text[at]
            out.append({"*": "[^/]*", "?": "[^/]"}.get(text[at], re.escape(char)))
            at += 2 if text[at] == "\\" else 1
    try:
        return re.compile("".join(out), re.DOTALL), only_folders
    except re.error:
        return None, only_folders


def _inside(text: str) -> str:
    return re.sub(r"([\\\[&~|])", r"\\\1", text)
