"""Which files of a checkout set a variable: justfile, cargo configuration, .env.

Of each file only what it says of the one variable goes into the answer: the rest may hold secrets.
"""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import asdict

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import KEPT_BACK, Fields, Parts, every, is_secret, pack, printable, refusal, told
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
    found = {
        "just": _ask_just(host, folder, names, name),
        "cargo": _ask_cargo(host, folder, name),
        "dotenv": read_dotenv(dotenv, name) if isinstance(dotenv, str) else dotenv,
    }
    return pack({k: _kept_back(v) for k, v in found.items()} if is_secret(name) else found)


def _kept_back(found: JustVariable | CargoVariable | str | Unknown | None) -> object:
    """What a layer says of a variable that holds a secret, without the secret."""
    if isinstance(found, JustVariable | CargoVariable):
        return asdict(found) | {"value": KEPT_BACK, "expression": ""}
    return KEPT_BACK if isinstance(found, str) else found


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
    return facts | {"set_anywhere": _anywhere(facts)}


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
