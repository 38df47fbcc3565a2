"""How the command line shows things: reports with a little colour on a terminal, progress on standard error."""

import importlib
import re
import sys
from pathlib import Path

import click

from whyred.model.finding import Verdict
from whyred.model.trouble import UserError


def progress(text: str) -> None:
    """One line of progress, only where a person watches."""
    if sys.stderr.isatty():
        click.secho(f"whyred: {text}", dim=True, err=True)


def seconds(text: str) -> float:
    """A duration such as `10s`, `500ms` or `2m` in seconds. Raises UsageError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|)", text.strip())
    if not match:
        raise click.UsageError(f"--budget wants a time such as 10s, 500ms or 2m, not {text!r}.")
    return float(match[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}[match[2]]


def show(verdict: Verdict, form: str, out: Path | None, *, explain: bool) -> None:
    """Prints a verdict in one of the report forms, or writes it to a file."""
    text: str = importlib.import_module(f"whyred.reports.{form}").render(verdict)
    if explain and form != "json":
        rows = [f"{n}. {q.text}\n   {q.outcome}\n   changed: {q.changed}" for n, q in enumerate(verdict.questions, 1)]
        text += "\nquestions\n" + "\n".join(rows or ["none: no candidate wanted one"]) + "\n"
    if out is None:
        click.echo(paint(text) if form == "text" else text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as e:
        raise UserError(f"cannot write {out}", e.strerror or str(e), "Name another file with --out") from e


_PAINT = (
    (re.compile(r"^CONFIRMED.*"), {"fg": "green", "bold": True}),
    (re.compile(r"^LIKELY.*"), {"fg": "yellow", "bold": True}),
    (re.compile(r"^(?:POSSIBLE|UNEXPLAINED).*"), {"fg": "cyan", "bold": True}),
    (re.compile(r"^GREEN.*"), {"fg": "green", "bold": True}),
    (re.compile(r"^ {2}> .*"), {"fg": "red"}),
    (re.compile(r"^ {4}\+ .*"), {"fg": "green"}),
    (re.compile(r"^ {4}- .*"), {"fg": "red"}),
    (
        re.compile(r"^(?:the error|ruled out|unknown|other candidates|remedy|prevent|verify|next|questions)\b.*"),
        {"bold": True},
    ),
)


def paint(text: str) -> str:
    """The text report with colour; click takes it out again where the output is no terminal."""
    rows = []
    for row in text.split("\n"):
        style = next((s for regex, s in _PAINT if regex.match(row)), None)
        rows.append(click.style(row, **style) if style else row)
    return "\n".join(rows)
