"""House lints that no other tool has. `python scripts/lints.py`: exit 1 and one line per complaint.

Exceptions stand in `scripts/lint_exceptions.txt`, one a line: `RULE PATH DETAIL  # why`. The file may only shrink: a
line that it did not have when it was first committed, and one that excuses nothing any more, are complaints themselves.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXCEPTIONS = "scripts/lint_exceptions.txt"
MOST_LINES, MOST_FUNCTION_LINES = 500, 60
_SKIPPED = {".git", ".venv", "__pycache__", ".hypothesis", ".mypy_cache", ".ruff_cache", ".import_linter_cache"}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong. `detail` tells it from others of the same rule in the same file."""

    rule: str
    path: str
    detail: str
    why: str

    @property
    def key(self) -> str:
        """How the file of exceptions names it."""
        return f"{self.rule} {self.path} {self.detail}"

    def __str__(self) -> str:
        """For people."""
        return f"{self.path}: {self.rule}: {self.detail}: {self.why}"


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a checkout: paths relative to `root`, in order."""

    root: Path
    files: tuple[str, ...]

    def text(self, file: str) -> str:
        """What is in a file; a bundle's members one after the other; nothing for other binary files."""
        data = (self.root / file).read_bytes()
        if data.startswith(b"PK\x03\x04"):
            return "\n".join(_members(data))
        return "" if b"\0" in data[:8192] else data.decode("utf-8", "replace")

    def python(self, *folders: str) -> Iterator[tuple[str, ast.Module]]:
        """The Python files below some folders, parsed."""
        for file in self.files:
            if file.endswith(".py") and file.startswith(folders):
                yield file, ast.parse(self.text(file), file)


def _members(data: bytes) -> Iterator[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                if member.filename.endswith(".json"):
                    yield archive.read(member).decode("utf-8", "replace")
    except zipfile.BadZipFile:
        return  # a fixture that is damaged on purpose


def tree(root: Path) -> Tree:
    """The files that git tracks or would track; without git, every file outside the folders of tools."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        paths = (p.relative_to(root) for p in root.rglob("*"))
        listed = [p.as_posix() for p in paths if not _SKIPPED & set(p.parts)]
    return Tree(root, tuple(sorted(f for f in listed if (root / f).is_file() and not (root / f).is_symlink())))


# --- the rules -------------------------------------------------------------------------------------------------------

_UNITS = (
    ("src/whyred/library/patterns/", ".toml"),
    ("src/whyred/library/causes/", ".toml"),
    ("src/whyred/library/secrets/", ".toml"),
    ("src/whyred/probes/", ".py"),
    ("src/whyred/sources/", ".py"),
    ("src/whyred/reports/", ".py"),
)


def duplicate_ids(files: Tree) -> Iterator[Complaint]:
    """An id stands for one unit, whatever its kind: in docs, messages and `whyred new`."""
    seen: dict[str, str] = {}
    for folder, suffix in _UNITS:
        for file in (f for f in files.files if f.startswith(folder) and f.endswith(suffix)):
            name = file.removeprefix(folder).removesuffix(suffix)
            if "/" in name or name.startswith("_"):
                continue
            for id_ in (name.replace("_", "-"), *_aliases(files, file)):
                if id_ in seen:
                    yield Complaint(
                        "duplicate-id", file, id_, f"{seen[id_]} has this id already: rename one of the two"
                    )
                seen.setdefault(id_, file)


def _aliases(files: Tree, file: str) -> list[str]:
    return list(tomllib.loads(files.text(file)).get("aliases", [])) if "/causes/" in file else []


_HOSTS = re.compile(
    r"\b(?:pypi\.org|files\.pythonhosted\.org|registry\.npmjs\.org|(?:static\.|index\.)?crates\.io|proxy\.golang\.org"
    r"|(?:deb|security|archive)\.(?:debian|ubuntu)\.(?:org|com)|(?:index|registry-1)\.docker\.io|ghcr\.io|quay\.io)\b"
)
_PROSE = ("src/whyred/library/", "tests/", "scripts/lints.py")
"""Where a registry's host may stand: in what real logs say, and in the list above."""
_HOME = re.compile(r"(?:/home/(?!(?:ci|runner|user)\b)[a-z_][a-z0-9_-]*|/Users/[A-Za-z]\w*)/")


def machine_paths(files: Tree) -> Iterator[Complaint]:
    """No file tells where it was made: no path of this checkout or what lies beside it, no home, no registry."""
    here = _paths_of_here(files.root)
    for file in files.files:
        text = files.text(file)
        found = {m[0] for m in _HOME.finditer(text)} | {p for p in here if p in text}
        for path in sorted(found):
            yield Complaint("machine-path", file, path, "a path of one machine: use a relative or a neutral one")
        if not file.startswith(_PROSE):
            for host in sorted({m[0] for m in _HOSTS.finditer(text)}):
                yield Complaint("registry-host", file, host, "whichever registry the user has set is to be used")


def _paths_of_here(root: Path) -> list[str]:
    shared = {Path(p) for p in ("/", "/tmp", "/var/tmp", "/home", "/usr", "/opt", "/srv")}
    beside = [] if root.parent in shared else [p for p in sorted(root.parent.iterdir()) if p.is_dir()]
    return [f"{p}/" for p in {root, *beside}]


_MAY_CATCH_ALL = re.compile(r"src/whyred/(?:app/ask\.py guarded|faces/\w+/main\.py _run)")


def broad_excepts(files: Tree) -> Iterator[Complaint]:
    """Everything is caught in two places only: the guard around one unit in `app`, the top of each face."""
    for file, module in files.python("src/", "scripts/", "bench/"):
        for name, function in _scopes(module):
            for node in function:
                broad = isinstance(node, ast.ExceptHandler) and _is_broad(node.type)
                if broad and not _MAY_CATCH_ALL.fullmatch(f"{file} {name}"):
                    yield Complaint("broad-except", file, name, "name the errors that are expected here")


def _scopes(module: ast.Module) -> Iterator[tuple[str, list[ast.AST]]]:
    """Every node once, below the name of the innermost function that holds it."""
    inside: dict[str, list[ast.AST]] = {}

    def walk(node: ast.AST, name: str) -> None:
        inside.setdefault(name, []).append(node)
        for child in ast.iter_child_nodes(node):
            walk(child, child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else name)

    walk(module, "module")
    yield from inside.items()


def _is_broad(kind: ast.expr | None) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(k is None or (isinstance(k, ast.Name) and k.id in ("Exception", "BaseException")) for k in kinds)


_LATER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")


def postponed(files: Tree) -> Iterator[Complaint]:
    """Nothing is put off in a comment, and no template is left as it was written."""
    for file in files.files:
        for number, comment in _comments(file, files.text(file)):
            if found := _LATER.search(comment):
                yield Complaint("postponed", file, found[0], f"line {number}: do it, or open an issue")
        if file.startswith("src/") and "FILL IN:" in files.text(file) and not file.endswith((".template", ".pyc")):
            yield Complaint("postponed", file, "FILL IN", "a template's text was not replaced")


def _comments(file: str, text: str) -> Iterator[tuple[int, str]]:
    if file.endswith(".py"):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    elif file.endswith((".toml", ".sh", ".yml", "Makefile")):
        yield from ((n, line) for n, line in enumerate(text.splitlines(), 1) if line.lstrip().startswith("#"))
    elif file.endswith(".md"):
        yield from enumerate(text.splitlines(), 1)


def sizes(files: Tree) -> Iterator[Complaint]:
    """Nothing grows beyond what a reader can hold: 500 lines a module, 60 a function."""
    for file, module in files.python("src/"):
        lines = files.text(file).count("\n")
        if lines > MOST_LINES:
            yield Complaint("size", file, "module", f"{lines} lines, at most {MOST_LINES}")
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                length = node.end_lineno - node.lineno + 1
                if length > MOST_FUNCTION_LINES:
                    yield Complaint("size", file, node.name, f"{length} lines, at most {MOST_FUNCTION_LINES}")


_WORDS = {
    "root cause": "cause",
    "pipeline": "workflow",
    "redact": "mask",
    "scrub": "mask",
    "intermittent": "flaky",
    "backend": "route",
    "frontend": "face",
    "false positive": "quiet",
    "anomaly": "difference",
    "minimisation": "reduction",
}
"""Words that people read nowhere in whyred -> the word for it (the vocabulary has one word per idea)."""
_AVOIDED = re.compile(rf"\b({'|'.join(_WORDS)})", re.IGNORECASE)


def vocabulary(files: Tree) -> Iterator[Complaint]:
    """What people read uses the words of the vocabulary."""
    for file, module in files.python(
        "src/whyred/faces/", "src/whyred/app/", "src/whyred/reports/", "src/whyred/sources/"
    ):
        for node in ast.walk(module):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and not _of_others(file, node.value):
                yield from _words(file, node.value)
    for file in files.files:
        if file.startswith("src/whyred/library/causes/") and file.endswith(".toml"):
            table = tomllib.loads(files.text(file))
            for text in (table.get("title", ""), *table.get("text", {}).values()):
                yield from _words(file, text)


def _of_others(file: str, text: str) -> bool:
    """Whether a text is a name in a server's protocol (a path, a key), which is what the server calls it."""
    return file.startswith("src/whyred/sources/") and not re.search(r"\s", text)


def _words(file: str, text: str) -> Iterator[Complaint]:
    for word in sorted({m[1].lower() for m in _AVOIDED.finditer(text)}):
        yield Complaint("vocabulary", file, word, f"the word here is {_WORDS[word]!r}")


_PURE = tuple(f"src/whyred/{room}/" for room in ("model", "logs", "workflows", "diagnosis", "compare", "reports"))
_WORLD = frozenset(
    {"open", "now", "today", "utcnow", "read_text", "read_bytes", "write_text", "write_bytes", "listdir"}
)
_NO_ROOMS = ("utils", "common", "helpers", "core", "base", "manager")


def pure_rooms(files: Tree) -> Iterator[Complaint]:
    """Pure rooms read no disk and no clock; import contracts see modules, and not what is called."""
    for file, module in files.python(*_PURE):
        for node in ast.walk(module):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in _WORLD:
                    yield Complaint("pure-room", file, name, "a pure room is handed what it needs by `app`")


def room_names(files: Tree) -> Iterator[Complaint]:
    """A room or module of leftovers is a noun that is missing."""
    for file in files.files:
        for part in Path(file).with_suffix("").parts if file.startswith("src/") else ():
            if part in _NO_ROOMS:
                yield Complaint("room-name", file, part, "name the noun that these functions belong to")


RULES: tuple[Callable[[Tree], Iterator[Complaint]], ...] = (
    duplicate_ids,
    machine_paths,
    broad_excepts,
    postponed,
    sizes,
    vocabulary,
    pure_rooms,
    room_names,
)


# --- exceptions ------------------------------------------------------------------------------------------------------


def read_exceptions(text: str) -> list[str]:
    """The keys in a file of exceptions, in order."""
    rows = (line.partition("  #")[0].strip() for line in text.splitlines())
    return [row for row in rows if row and not row.startswith("#")]


def excused(complaints: Sequence[Complaint], now: Sequence[str], first: Sequence[str] | None) -> Iterator[Complaint]:
    """What is left of the complaints, and what is wrong with the exceptions themselves.

    `first`: the exceptions of the first committed version, or None where there is none yet.
    """
    yield from (c for c in complaints if c.key not in now)
    for key in now:
        if key not in {c.key for c in complaints}:
            yield Complaint("exceptions", EXCEPTIONS, key, "excuses nothing any more: take the line out")
        if first is not None and key not in first:
            yield Complaint("exceptions", EXCEPTIONS, key, "is new: this file may only shrink")


def first_exceptions(root: Path) -> list[str] | None:
    """The exceptions as they were when the file was first committed; None without git or a commit."""

    def git(*argv: str) -> str:
        return subprocess.run(["git", "-C", str(root), *argv], capture_output=True, check=True, text=True).stdout

    try:
        commits = git("log", "--diff-filter=A", "--format=%H", "--", EXCEPTIONS).split()
        return read_exceptions(git("show", f"{commits[-1]}:{EXCEPTIONS}")) if commits else None
    except (OSError, subprocess.CalledProcessError):
        return None


def check(root: Path) -> list[Complaint]:
    """Every complaint about a checkout."""
    files = tree(root)
    complaints = [c for rule in RULES for c in rule(files)]
    file = root / EXCEPTIONS
    now = read_exceptions(file.read_text(encoding="utf-8")) if file.is_file() else []
    return list(excused(complaints, now, first_exceptions(root)))


def main(root: Path = ROOT) -> int:
    complaints = check(root)
    for complaint in complaints:
        print(complaint)
    print(f"house lints: {len(complaints)} complaints" if complaints else "house lints: all clear")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
