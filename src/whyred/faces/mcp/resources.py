"""The resources: causes of the library, and by template the runs and logs that a target names."""

import re
from typing import Any
from urllib.parse import unquote

from whyred.model.trouble import UserError

TEMPLATES = (
    ("whyred://cause/{id}", "cause", "A cause: what it is, how to see it, what to do, what prevents it."),
    ("whyred://run/{target}", "run", "The jobs and steps of a run; the target percent-encoded: owner%2Frepo%2312"),
    ("whyred://log/{target}", "log", "The failing step's log of a run; the target percent-encoded."),
)
_TOOLS = {"run": "ci_runs", "log": "ci_logs"}
_URI = re.compile(r"whyred://(cause|run|log)/(.{1,500})")


def causes() -> list[tuple[str, str, str]]:
    """Address, name and title of every cause."""
    from whyred.library.read_causes import causes as all_causes

    return [(f"whyred://cause/{one.id}", one.id, one.title) for one in all_causes()]


def meant(uri: str) -> tuple[str | None, dict[str, Any]]:
    """The tool that gives what is at an address, and its arguments; for a cause None, and its id. Raises UserError."""
    match = _URI.fullmatch(uri)
    if match is None:
        forms = ", ".join(template for template, _, _ in TEMPLATES)
        raise UserError(f"there is no resource {uri[:100]!r}", "it has none of the forms", f"There are: {forms}")
    name = unquote(match[2])
    return (None, {"id": name}) if match[1] == "cause" else (_TOOLS[match[1]], {"target": name})


def cause(id_: str) -> str:
    """One cause as a page. Raises UserError."""
    import difflib

    from whyred.diagnosis.words import in_words
    from whyred.library.read_causes import causes as all_causes

    known = {name: one for one in all_causes() for name in (one.id, *one.aliases)}
    if id_ not in known:
        near = difflib.get_close_matches(id_, known, 3, 0.4)
        raise UserError(
            f"there is no cause {id_[:60]!r}", "the library has none", f"Nearest: {', '.join(near) or 'none'}"
        )
    one, text = known[id_], in_words(known[id_].text, {})
    rows = [f"# {one.id}: {one.title}", f"class {one.class_}", text.what]
    rows += [
        f"## To check\n{text.check}",
        f"## Remedy\n{text.fix}",
        f"## To prevent it\n{text.prevent}",
        f"## To verify\n{text.verify}",
    ]
    return "\n\n".join(rows) + "\n"
