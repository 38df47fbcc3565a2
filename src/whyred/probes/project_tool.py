"""Whether a program that is missing is the project's own: one that its dependencies bring, and not the machine.

npm, pnpm and yarn put the programs of a project's packages into node_modules/.bin (npm-run-script(1)), pip those of
`[project.scripts]` into the environment it installs to (packaging.python.org, Entry points), bundler and composer
theirs beside them. Where they are missing, the dependencies were not installed or the program is not among them.
"""

import json
import posixpath
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping

from whyred.diagnosis.package_script import OF_MACHINES
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal
from whyred.probes.project_makes import makes

FIELDS = {
    "own": "whether it is the project's own: a dependency, its console script, or (no well-known program of machines)"
    " what a script of package.json calls or a package manager was told to run",
    "undelivered": "whether a manifest says that the project's packages bring it, and the checkout has none installed",
    "manifest": "the file of the checkout that names it; absent where none does",
    "delivered": "where in the checkout it is installed (node_modules/.bin, .venv/bin, vendor/bin); absent where it is"
    " not",
    "made": "the place in the checkout that is the program, its source, or a line that defines it; absent where none is"
    " seen",
}
MANIFESTS = ("package.json", "pyproject.toml", "Gemfile", "composer.json")
_LISTS = re.compile(r"requirements[\w.-]{0,40}\.txt|dev-requirements\.txt|setup\.cfg|tox\.ini")
_BINS = ("node_modules/.bin", ".venv/bin", "venv/bin", "vendor/bin", "bin")
_PASSED = frozenset({"node_modules", "target", "vendor", "venv", "__pycache__", "dist", "build"})
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}")
_BROUGHT = {
    "tsc": "typescript",
    "tsserver": "typescript",
    "ng": "@angular/cli",
    "webpack": "webpack-cli",
    "nest": "@nestjs/cli",
    "vue-cli-service": "@vue/cli-service",
    "react-scripts": "react-scripts",
    "playwright": "@playwright/test",
    "babel": "@babel/cli",
    "sb": "storybook",
}
"""Programs of npm packages of another name."""
_DEPENDENCIES = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
MOST_FOLDERS, _MOST_BYTES = 24, 1 << 19


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """What the manifests of the checkout say of one program, and where it is installed there."""
    tool, folder = arguments.get("tool", ""), arguments.get("folder", "")
    if not _NAME.fullmatch(tool):
        return refusal(Unknown(Reason.NOT_APPLICABLE, f"{tool[:100]!r} is no plain name of a program"))
    answer = {"tool": tool, "script": arguments.get("script", ""), "manifests": [], "installed": []}
    if not folder.startswith("/"):
        if not answer["script"] and tool not in OF_MACHINES:
            return refusal(Unknown(Reason.NO_SUBJECT, "whyred does not know where the checkout of this job is"))
        return pack(answer)
    named, installed = list[dict[str, str]](), list[str]()
    todo, walked = [""], dict[str, list[str]]()
    try:
        for place in todo:  # grows while it is walked
            names = walked[place] = host.names(posixpath.join(folder, place))
            named += _named(host, folder, place, names, tool)
            installed += _installed(host, folder, place, names, tool)
            if place.count("/") < 1:
                below = [n for n in sorted(names) if n not in _PASSED and "." not in n]
                todo += list(_folders(host, folder, place, below))[: MOST_FOLDERS - len(todo)]
    except HostRefusedError as e:
        return refusal(e.unknown)
    made = None if tool in OF_MACHINES or named or installed else makes(host, folder, walked, tool)
    return pack(answer | {"manifests": named, "installed": installed, "made": made})


def _folders(host: Host, folder: str, place: str, names: Iterable[str]) -> Iterator[str]:
    for path in (posixpath.join(place, name) for name in names):
        try:
            if host.stat(posixpath.join(folder, path), follow=False).kind == "directory":
                yield path
        except HostRefusedError:
            continue  # it is gone meanwhile, or closed


def _named(host: Host, folder: str, place: str, names: Iterable[str], tool: str) -> Iterator[dict[str, str]]:
    for name in sorted(n for n in names if n in MANIFESTS or _LISTS.fullmatch(n)):
        path = posixpath.join(place, name)
        try:
            text = host.read(posixpath.join(folder, path), _MOST_BYTES).decode("utf-8", "replace")
        except HostRefusedError:
            continue  # a manifest that may not be read tells nothing; the others may
        how = how_named(name, text, tool)
        if how:
            yield {"path": path, "how": how}


def _installed(host: Host, folder: str, place: str, names: Iterable[str], tool: str) -> Iterator[str]:
    for bin_ in (b for b in _BINS if b.partition("/")[0] in names):
        path = posixpath.join(place, bin_, tool)
        try:
            host.stat(posixpath.join(folder, path), follow=True)
            yield path
        except HostRefusedError as e:
            if e.unknown.reason is not Reason.NOT_FOUND:
                raise


def how_named(manifest: str, text: str, tool: str) -> str:
    """How a manifest names a program: `declared` (an install brings it), `listed` (a package of its name is wanted),
    `called` (by a script), or empty."""
    try:
        if manifest == "package.json":
            return _in_package(json.loads(text), tool)
        if manifest == "composer.json":
            return "listed" if f'/{tool}"' in text else ""
        if manifest == "pyproject.toml" and tool in _console_scripts(tomllib.loads(text)):
            return "declared"
    except (ValueError, RecursionError):
        return ""  # what is no manifest declares nothing
    quoted = manifest in ("pyproject.toml", "Gemfile")
    start = r"^\s*gem\s+['\"]" if manifest == "Gemfile" else r"['\"]" if quoted else r"^\s*"
    alone = re.escape(tool) + r"(?=$|\s*[=<>~!\[;'\",\s])"
    return "listed" if re.search(start + alone, text, re.MULTILINE | re.IGNORECASE) else ""


def _in_package(document: object, tool: str) -> str:
    if not isinstance(document, dict):
        return ""
    wanted = {tool, _BROUGHT.get(tool, tool)}
    for section in _DEPENDENCIES:
        packages = document.get(section)
        if isinstance(packages, dict) and not wanted.isdisjoint(packages):
            return "declared"
    scripts = document.get("scripts")
    calls = scripts.values() if isinstance(scripts, dict) else ()
    return "called" if any(isinstance(c, str) and calls_it(c, tool) for c in calls) else ""


def _console_scripts(document: Mapping[str, object]) -> set[str]:
    """The programs that an install of the project itself makes, also of poetry's older table."""
    found = set[str]()
    tool = document.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    for table in (document.get("project"), poetry):
        for key in ("scripts", "gui-scripts"):
            scripts = table.get(key) if isinstance(table, dict) else None
            found |= set(scripts) if isinstance(scripts, dict) else set()
    return found


def calls_it(script: str, tool: str) -> bool:
    """Whether a line of shell calls a program by its plain name."""
    before = r"(?:^|[;&|(]\s*|\b(?:npx|cross-env|exec|run-[sp])\s+)(?:[A-Za-z_]\w*=\S*\s+)*"
    return re.search(before + re.escape(tool) + r"(?=$|[\s;&|)])", script) is not None


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    tool, script = parts.text("tool"), parts.text("script")
    rows, installed = parts.tables("manifests"), parts.texts("installed")
    for part in (tool, script, rows, installed):
        if isinstance(part, Unknown):
            return every(FIELDS, part)
    assert not isinstance(rows, Unknown)
    assert not isinstance(installed, Unknown)
    ways = [(str(row.text("how")), str(row.text("path"))) for row in rows]
    called = bool(script) or any(how == "called" for how, _ in ways)
    declared = next((path for how, path in ways if how == "declared"), None)
    likely = called or bool(ways) or bool(installed)
    own = declared is not None or (likely and tool not in OF_MACHINES)
    named = declared or next((path for _, path in ways), None)
    return {
        "own": own,
        "undelivered": declared is not None and not installed,
        "manifest": None if named is None else printable(named),
        "delivered": printable(installed[0]) if installed else None,
        "made": printable(made) if isinstance(made := parts.parts.get("made"), str) else None,
    }


PROBE = Probe(
    name="project-tool",
    title="Whether a program is one that the project's own packages bring",
    kind=Kind.DIRECTORY,
    cost=Cost.MODERATE,
    privilege="may read the checkout",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={
        "tool": "the plain name of the program",
        "folder": "optional: the absolute path of the checkout; the program knows the job's",
        "script": "optional: the line by which the log says that a package manager ran it",
    },
)
