"""Writes the generated pages of `docs/` from the units: `python scripts/docs.py`; `--check` says which are stale."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

import whyred.reports
from whyred.app import ladder, targets
from whyred.faces.cli.program import cli
from whyred.library import read, read_causes
from whyred.model.cause import Agreement, Cause, Condition, Op
from whyred.model.pattern import Pattern
from whyred.model.probe import Lasting
from whyred.probes.find import all_probes

Schema = Mapping[str, Any]
FOLDER = Path(__file__).resolve().parent.parent / "docs"
SCHEMAS = Path(whyred.reports.__path__[0]) / "schema"
NOTE = "<!-- Written by scripts/docs.py from the units: change those, then run `make docs`. -->"

ABOUT_COMMANDS = """\
Exit codes everywhere: 2 wrong usage or settings, 3 a bug in whyred, 130 interrupted. `python -m whyred` is the same
program. Each command has `--help`."""
ABOUT_CAUSES = """\
A log line makes a cause a candidate and never proves it. A line of *proves it* does, unless another open candidate
explains that line as well; a line of *rules it out* rules it out; what *makes it likely* never proves anything. Whose
fact a line wants stands after `of`. Where a remedy says `UNIT`, the runner's systemd unit, a verdict names the unit
itself as far as it is known."""
ABOUT_PATTERNS = """\
*error* states what went wrong, *consequence* follows from an error stated elsewhere, *context* explains a neighbour,
*benign* takes a line out of the running. *decisive* is printed only by a tool that fails for that reason, *usual*
mostly, *weak* looks like an error and no more."""
ABOUT_SOURCES = """\
They are asked in this order; the first whose form the target has reads it. A path that exists is a path, whatever else
it looks like."""
ABOUT_ROUTES = """\
Several routes may lead to one forge. They are tried from the top; the answer names the one it came by, and each one
that was tried before says why it was of no use (`whyred access`)."""
ABOUT_SCHEMAS = """\
What `--json` prints. The files are in `src/whyred/reports/schema/` (JSON Schema 2020-12). Every object names its form
in `schema`; the number rises when a field goes or changes its meaning. New fields do not raise it, and the schemas are
closed: validate with the schema of the whyred that printed."""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is stale")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pages are (default: docs/)")
    given = parser.parse_args(argv)
    stale = [name for name, text in pages() if _kept(given.folder / name) != text]
    if given.check:
        for name in stale:
            print(f"{given.folder.name}/{name} is stale: run `make docs` and commit what it writes")
        return 1 if stale else 0
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages():
        (given.folder / name).write_text(text, encoding="utf-8")
    print(f"wrote {', '.join(stale)}" if stale else "every page is fresh")
    return 0


def _kept(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


def pages() -> Iterator[tuple[str, str]]:
    """The name and the text of every generated page."""
    for name, rows in PAGES.items():
        yield name, "\n".join([NOTE, "", *rows()]).rstrip("\n") + "\n"


# --- commands --------------------------------------------------------------------------------------------------------


def commands() -> Iterator[str]:
    """Every command with its arguments and options."""
    context = click.Context(cli, info_name="whyred")
    found = {n: c for n in cli.list_commands(context) if (c := cli.get_command(context, n)) is not None}
    yield "# Commands"
    yield ""
    yield ABOUT_COMMANDS
    yield ""
    yield from table(("command", "what it does"), ((f"[`{n}`](#{n})", _first(c)) for n, c in found.items()))
    for name, command in found.items():
        yield from _command(name, command)


def _first(command: click.Command) -> str:
    return (command.help or "").strip().partition("\n")[0]


def _command(name: str, command: click.Command) -> Iterator[str]:
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    names = " ".join(p.metavar or (p.name or "").upper() for p in arguments)
    yield ""
    yield f"## {name}"
    yield ""
    yield from (command.help or "").strip().splitlines()
    yield ""
    yield f"    whyred {name} [OPTIONS] {names}".rstrip()
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    if options:
        yield ""
        yield from table(("option", "meaning"), ((_option(o), _meaning(o)) for o in options))


def _option(option: click.Option) -> str:
    return f"`{', '.join(option.opts)}{'' if option.is_flag else _value(option)}`"


def _value(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return " " + "|".join(str(c) for c in option.type.choices)
    return f" {option.metavar or option.type.name.upper()}"


def _meaning(option: click.Option) -> str:
    shown = option.show_default and isinstance(option.default, str)
    return f"{option.help}{f' Default: `{option.default}`.' if shown else ''}"


# --- causes ----------------------------------------------------------------------------------------------------------


def causes() -> Iterator[str]:
    """Every cause, by class."""
    units, classes = read_causes.causes(), read.classes()
    yield "# Causes"
    yield ""
    yield ABOUT_CAUSES
    yield ""
    order = [c for c in classes if any(u.class_ == c for u in units)]
    rows = ((f"`{c}`", ", ".join(f"[{u.id}](#{u.id})" for u in units if u.class_ == c)) for c in order)
    yield from table(("class", "causes"), rows)
    for class_ in order:
        for unit in (u for u in units if u.class_ == class_):
            yield from _cause(unit)


def _cause(unit: Cause) -> Iterator[str]:
    yield from ("", f"## {unit.id}", "", f"**{unit.title}** (`{unit.class_}`)", "", unit.text.what, "")
    makes = [f"`{p}`" for p in unit.patterns] + [f"any failure of class `{c}`" for c in unit.classes]
    yield f"- Candidate after: {', '.join(makes)}{_agreement(unit)}"
    for what, conditions in (
        ("Proves it", unit.confirm),
        ("Makes it likely", unit.support),
        ("Rules it out", unit.refute),
    ):
        if conditions:
            yield f"- {what}: {'; '.join(map(_condition, conditions))}"
    if not unit.confirm:
        yield "- Nothing that a probe can find proves it: it stays possible or likely."
    for what, text in (
        ("See it by hand", unit.text.check),
        ("Remedy", unit.text.fix),
        ("Prevent", unit.text.prevent),
        ("Verify", unit.text.verify),
    ):
        yield f"- {what}: {text}"
    if unit.aliases:
        yield f"- Earlier ids: {', '.join(f'`{a}`' for a in unit.aliases)}"
    yield f"- Source: {unit.source}"


def _agreement(unit: Cause) -> str:
    parts = [f" when {_captures(unit.when)}"] if unit.when else []
    parts += [f" unless {_captures(unit.unless)}"] if unit.unless else []
    return ",".join(parts)


def _captures(agreement: Agreement) -> str:
    return " and ".join(f"`{k}` is {' or '.join(f'`{v}`' for v in values)}" for k, values in agreement.items())


_OPS = {Op.PRESENT: "is there", Op.EQUALS: "is", Op.BELOW: "is below", Op.ABOVE: "is above", Op.MATCHES: "matches"}


def _condition(c: Condition) -> str:
    value = "" if c.value is None else f" `{json.dumps(c.value, ensure_ascii=False)}`"
    arguments = "".join(f" {k}={v}" for k, v in c.with_)
    return f"`{c.field}` {_OPS[c.op]}{value} ([{c.probe}](probes.md#{c.probe}){_code(arguments)} of {c.of})"


def _code(text: str) -> str:
    return f" `{text.strip()}`" if text.strip() else ""


# --- patterns --------------------------------------------------------------------------------------------------------


def patterns() -> Iterator[str]:
    """Every pattern, by class."""
    units, classes = read.patterns(), read.classes()
    yield "# Patterns"
    yield ""
    yield f"{len(units)} patterns, one file each in `src/whyred/library/patterns/`. {ABOUT_PATTERNS}"
    for class_ in [*classes, None]:
        chosen = [u for u in units if u.class_ == class_]
        if chosen:
            yield from ("", f"## {class_ or 'Without a class of its own'}", "")
            yield from ([classes[class_][:1].upper() + classes[class_][1:] + ".", ""] if class_ else [])
            yield from table(("id", "tool", "what the line says", "role", "an example"), map(_pattern, chosen))


def _pattern(unit: Pattern) -> tuple[str, ...]:
    example = unit.fires[0] if unit.fires else ""
    example = example if len(example) <= 100 else example[:99] + "…"
    role = unit.role.value if unit.role.value in ("benign", "context") else f"{unit.role}, {unit.strength}"
    return f"`{unit.id}`", unit.tool, unit.title, role, _quoted(example)


def _quoted(text: str) -> str:
    """Text as code whatever it holds: more backticks around it than it has in a row."""
    ticks = "`"
    while ticks in text:
        ticks += "`"
    edge = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{edge}{text}{edge}{ticks}" if text else ""


# --- probes ----------------------------------------------------------------------------------------------------------


def _field(text: str) -> str:
    return f"{text} (*lasting*)" if isinstance(text, Lasting) else text


def probes() -> Iterator[str]:
    """Every probe with its fields and arguments."""
    units = all_probes()
    yield "# Probes"
    yield ""
    yield "A probe is a read-only question to a host. A field that could not be read is unknown, with its reason. "
    yield "Once a job has ended, only what is marked *lasting* rules a cause out: the rest may have been mended since."
    yield ""
    yield from table(("probe", "what it asks"), ((f"[{n}](#{n})", p.title) for n, p in units.items()))
    for name, unit in units.items():
        yield from ("", f"## {name}", "", f"{unit.title}.", "")
        yield f"About a {unit.kind}; {unit.cost}. A full answer needs: {unit.privilege}."
        if unit.needs:
            yield ""
            yield from table(("argument", "meaning"), ((f"`{k}`", v) for k, v in unit.needs.items()))
        yield ""
        yield from table(("field", "meaning"), ((f"`{k}`", _field(v)) for k, v in unit.fields.items()))
        if unit.pack:
            asked = "; ".join(" ".join(f"`{k}={v}`" for k, v in a.items()) or "as it is" for a in unit.pack)
            yield from ("", f"`whyred doctor` asks it: {asked}.")


# --- sources ---------------------------------------------------------------------------------------------------------

_GIVES = {
    "runs": "runs",
    "attempts": "jobs",
    "steps": "steps",
    "log": "logs",
    "annotations": "annotations",
    "pull": "pull requests",
    "runners": "runners",
    "secret_names": "names of secrets",
    "variable_names": "names of variables",
    "apply": "changes",
}
"""What a route offers, by the name of its function."""


def sources() -> Iterator[str]:
    """Every source: of files in the order in which they are asked, and the ladder of routes to forges."""
    yield from ("# Sources", "", "## Files and this machine", "", ABOUT_SOURCES, "")
    yield from table(("source", "what it reads"), ((f"`{s.NAME}`", s.SERVES) for s in targets.sources()))
    yield from ("", "## Forges", "", ABOUT_ROUTES, "")
    yield from table(("route", "forges", "what it is", "gives"), map(_route, ladder.routes()))


def _route(unit: Any) -> tuple[str, ...]:
    forges = ", ".join(sorted(kind.value for kind in unit.KINDS))
    gives = ", ".join(word for name, word in _GIVES.items() if hasattr(unit, name))
    return f"`{unit.NAME}`", forges, unit.SERVES, gives


# --- schemas ---------------------------------------------------------------------------------------------------------


def schemas() -> Iterator[str]:
    """Every JSON schema, field by field."""
    yield "# Schemas"
    yield ""
    yield ABOUT_SCHEMAS
    for file in sorted(SCHEMAS.glob("*.json")):
        data = json.loads(file.read_text(encoding="utf-8"))
        name = data["properties"]["schema"]["const"]
        yield from ("", f"## {name}", "", f"{data['title']}. {data['description']}", "")
        yield from table(("field", "type", "meaning"), _fields(data, data.get("$defs", {}), "", ()))


def _fields(node: Schema, defs: Schema, prefix: str, seen: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, field in node.get("properties", {}).items():
        place = f"{prefix}{name}"
        yield f"`{place}`", _type(field, defs), str(field.get("description", "")) + _values(field)
        inner, reference, step = _inside(field, defs)
        if reference not in seen:
            yield from _fields(inner, defs, f"{place}{step}.", (*seen, reference) if reference else seen)


def _inside(field: Schema, defs: Schema) -> tuple[Schema, str, str]:
    """What a field's value is made of: the object, the name of its definition, and `[]` for a list of them."""
    step = "[]" if "items" in field and isinstance(field["items"], dict) else ""
    inner = field["items"] if step else next((o for o in field.get("anyOf", ()) if o.get("type") != "null"), field)
    reference = str(inner.get("$ref", "")).removeprefix("#/$defs/")
    return (defs[reference] if reference else inner), reference, step


def _type(field: Schema, defs: Schema) -> str:
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "enum" in field:
        return "null or one of a list" if None in field["enum"] else "one of a list"
    if "anyOf" in field:
        return " or ".join(_type(option, defs) for option in field["anyOf"])
    if "$ref" in field:
        return _type(defs[field["$ref"].removeprefix("#/$defs/")], defs)
    kinds = field.get("type", "any")
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)


def _values(field: Schema) -> str:
    values = [v for v in field.get("enum", ()) if v is not None]
    return f" One of {', '.join(f'`{v}`' for v in values)}." if values else ""


# --- tables ----------------------------------------------------------------------------------------------------------


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A Markdown table; a bar inside a cell would end it, so it is escaped."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


PAGES: Mapping[str, Callable[[], Iterator[str]]] = {
    "commands.md": commands,
    "causes.md": causes,
    "patterns.md": patterns,
    "probes.md": probes,
    "sources.md": sources,
    "schemas.md": schemas,
}

if __name__ == "__main__":
    sys.exit(main())
