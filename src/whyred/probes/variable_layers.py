"""Which files of a checkout set a variable: justfile, Makefile, workflows, cargo configuration, .env.

Of each file only what it says of the one variable goes into the answer: the rest may hold secrets.
"""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import asdict

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.model.variable import Effect
from whyred.probes.answer import KEPT_BACK, Fields, Parts, every, is_secret, pack, printable, refusal, told
from whyred.workflows.assignments import acts
from whyred.workflows.folders import FOLDERS
from whyred.workflows.layer import Ground
from whyred.workflows.layers import makefile
from whyred.workflows.levels import script_line, workflow_of
from whyred.workflows.variables import (
    CargoVariable,
    Justfile,
    JustVariable,
    join_justfiles,
    read_cargo_config,
    read_dotenv,
    read_justfile,
)

FIELDS = {
    "just_assigned": "whether the justfile, or a file it imports, assigns the variable",
    "just_exported": "whether just hands it to its recipes: `export NAME :=` or `set export`",
    "just_value": "the value the justfile gives it; unknown for an expression that only just can evaluate",
    "cargo_value": "the value of the nearest `[env]` entry in .cargo/config.toml, upwards and in CARGO_HOME",
    "cargo_forced": "whether that entry has `force = true` and so beats the environment for rustc and build scripts",
    "cargo_forced_value": "the value of that entry where it has `force = true`; absent: it has not, or there is none",
    "dotenv_value": "the value in the folder's .env file",
    "set_anywhere": "whether any of these files sets the variable",
    "unexported": "whether the justfile, the Makefile or a workflow's script gives it a plain value and hands it to no "
    "program: `export` is missing (make and shells hand on what the environment had before)",
    "unexported_at": "the first of them, where it is one with its line; absent: there is none",
}
MOST_FILES = 16
"""Imported justfiles that are read; more is unheard of, and a circle must end."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """What each layer says of the variable."""
    name, folder = arguments.get("name", ""), arguments.get("folder", "")
    if not name or not folder.startswith("/"):
        detail = "`name` wants the variable and `folder` the absolute path of the checkout"
        return refusal(Unknown(Reason.NOT_APPLICABLE, detail))
    try:
        names = host.names(folder)
    except HostRefusedError as e:
        return refusal(e.unknown)
    dotenv = _text(host, f"{folder}/.env")
    found: dict[str, JustVariable | CargoVariable | str | Unknown | None] = {
        "just": _ask_just(host, folder, names, name),
        "cargo": _ask_cargo(host, folder, name),
        "dotenv": read_dotenv(dotenv, name) if isinstance(dotenv, str) else dotenv,
    }
    found["inside"] = _ask_inside(host, folder, names, name, found["just"])
    return pack({k: v if k == "inside" else _kept_back(v) for k, v in found.items()} if is_secret(name) else found)


def _kept_back(found: JustVariable | CargoVariable | str | Unknown | None) -> object:
    """What a layer says of a variable that holds a secret, without the secret."""
    if isinstance(found, JustVariable | CargoVariable):
        return asdict(found) | {"value": KEPT_BACK, "expression": ""}
    return KEPT_BACK if isinstance(found, str) else found


def _ask_inside(host: Host, folder: str, names: list[str], name: str, just: object) -> str | Unknown | None:
    """Where the variable gets a plain value that no program is handed; None where it is exported in the same file."""
    if isinstance(just, Unknown):
        return just
    if isinstance(just, JustVariable) and not just.exported and just.value:
        return "the justfile"
    ground = Ground(folder=folder, names=tuple(names))
    for path in makefile.files(ground):
        text = _text(host, path)
        if isinstance(text, Unknown):
            return text
        found = makefile.read(text or "", path, name, ground, "")
        # an included file may export it
        if (
            not found.more
            and found.settings
            and found.settings[-1].effect is Effect.ASSIGNS
            and found.settings[-1].value
        ):
            return found.settings[-1].place.removeprefix(f"{folder}/")
    return _of_scripts(host, folder, name)


def _of_scripts(host: Host, folder: str, name: str) -> str | None:
    """The line of a workflow whose script assigns it without `export`; a file that cannot be read says nothing. Where
    whyred ran it itself, the workflow lies beside the checkout."""
    own = f"{posixpath.dirname(folder.rstrip('/'))}/workflow.yml"
    text = _text(host, own)
    line = _line_inside(text, own, name) if isinstance(text, str) and name in text else None
    if line is not None:
        return f"workflow.yml:{line}"
    for place in FOLDERS:
        names = told(lambda place=place: host.names(f"{folder}/{place}"))  # type: ignore[misc]
        files = [] if isinstance(names, Unknown) else [n for n in names if n.endswith((".yml", ".yaml"))]
        for file in files[:MOST_FILES]:
            text = _text(host, f"{folder}/{place}/{file}")
            line = _line_inside(text, f"{place}/{file}", name) if isinstance(text, str) and name in text else None
            if line is not None:
                return f"{place}/{file}:{line}"
    return None


def _line_inside(text: str, path: str, name: str) -> int | None:
    try:
        steps = [step for job in workflow_of(text, path).jobs for step in job.steps]
    except ValueError:
        return None
    for step in steps:
        found = [a for a in acts(step.run or "", name) if not a.only]
        if found and all(a.effect is Effect.ASSIGNS for a in found) and found[-1].value:
            return script_line(text, step) + found[-1].line - 1
    return None


def _text(host: Host, path: str) -> str | Unknown | None:
    """The text of a file; None where there is none."""
    found = told(lambda: host.read(path))
    if isinstance(found, bytes):
        return found.decode("utf-8", "surrogateescape")
    return None if found.reason is Reason.NOT_FOUND else found


def _ask_just(host: Host, folder: str, names: list[str], name: str) -> JustVariable | Unknown | None:
    """Just takes `justfile` in any case, or `.justfile`; what the file says itself beats what it imports."""
    todo = [f"{folder}/{n}" for n in names if n.lower() in {"justfile", ".justfile"}][:1]
    seen: dict[str, Justfile] = {}
    while todo and len(seen) < MOST_FILES:
        path = todo.pop(0)
        if path in seen:
            continue
        text = _text(host, path)
        if isinstance(text, Unknown):
            return text
        seen[path] = read_justfile(text or "", name)
        todo += [posixpath.normpath(f"{posixpath.dirname(path)}/{i}") for i in seen[path].imports if i[0] not in "/~"]
    return join_justfiles(list(seen.values()))


def _ask_cargo(host: Host, folder: str, name: str) -> CargoVariable | Unknown | None:
    """The nearest entry counts: the folder's own, its parents', then CARGO_HOME's. Without `.toml` comes first."""
    for place in (*_upwards(folder), *_cargo_home(host)):
        for file in (f"{place}/config", f"{place}/config.toml"):
            text = _text(host, file)
            if text is None:
                continue
            if isinstance(text, Unknown):
                return text
            try:
                entry = read_cargo_config(text, name)
            except ValueError as e:
                return Unknown(Reason.UNREADABLE, f"{file}: no TOML: {e}")
            if entry is not None:
                return entry
            break
    return None


def _upwards(folder: str) -> list[str]:
    folder = posixpath.normpath(folder)
    places = []
    while True:
        places.append(posixpath.join(folder, ".cargo"))
        if folder in ("/", "//"):
            return places
        folder = posixpath.dirname(folder)


def _cargo_home(host: Host) -> list[str]:
    """CARGO_HOME as whyred's own environment has it: of a job's, `process-env` tells."""
    own = told(lambda: host.link("/proc/self"))
    if isinstance(own, Unknown) or not re.fullmatch(r"[0-9]{1,9}", own):
        return []
    env = told(lambda: host.environ(int(own), ["CARGO_HOME", "HOME"]))
    if isinstance(env, Unknown):
        return []
    home = env.get("CARGO_HOME") or (f"{env['HOME']}/.cargo" if env.get("HOME") else "")
    return [home] if home.startswith("/") else []


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    facts = _of_just(parts) | _of_cargo(parts)
    dotenv = None if parts.absent("dotenv") else parts.text("dotenv")
    facts["dotenv_value"] = printable(dotenv) if isinstance(dotenv, str) else dotenv
    inside = None if parts.absent("inside") else parts.text("inside")
    unexported = inside if isinstance(inside, Unknown) else inside is not None
    place = printable(inside) if isinstance(inside, str) else inside
    return facts | {"set_anywhere": _anywhere(facts), "unexported": unexported, "unexported_at": place}


def _of_just(parts: Parts) -> Fields:
    fields = ("just_assigned", "just_exported", "just_value")
    if parts.absent("just"):
        return {"just_assigned": False, "just_exported": False, "just_value": None}
    just = parts.table("just")
    if isinstance(just, Unknown):
        return every(fields, just)
    value: str | Unknown = just.text("value")
    if just.absent("value"):
        expression = just.text("expression")
        shown = "" if isinstance(expression, Unknown) else printable(expression)
        value = Unknown(Reason.NOT_SUPPORTED, f"the value is an expression: {shown}")
    return {
        "just_assigned": True,
        "just_exported": just.flag("exported"),
        "just_value": value if isinstance(value, Unknown) else printable(value),
    }


def _of_cargo(parts: Parts) -> Fields:
    if parts.absent("cargo"):
        return {"cargo_value": None, "cargo_forced": False, "cargo_forced_value": None}
    cargo = parts.table("cargo")
    if isinstance(cargo, Unknown):
        return every(("cargo_value", "cargo_forced", "cargo_forced_value"), cargo)
    value, forced = cargo.text("value"), cargo.flag("forced")
    shown = value if isinstance(value, Unknown) else printable(value)
    return {
        "cargo_value": shown,
        "cargo_forced": forced,
        "cargo_forced_value": forced if isinstance(forced, Unknown) else shown if forced else None,
    }


def _anywhere(facts: Fields) -> bool | Unknown:
    if (
        facts["just_assigned"] is True
        or isinstance(facts["cargo_value"], str)
        or isinstance(facts["dotenv_value"], str)
    ):
        return True
    unknown = [facts[f] for f in ("just_assigned", "cargo_value", "dotenv_value") if isinstance(facts[f], Unknown)]
    return next((u for u in unknown if isinstance(u, Unknown)), False)


PROBE = Probe(
    name="variable-layers",
    title="Which files of a checkout set a variable",
    kind=Kind.HOST,
    cost=Cost.CHEAP,
    privilege="read access to the checkout",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"name": "the name of the variable", "folder": "the absolute path of the checkout"},
)
