"""How the command line shows things: reports laid out and coloured on a terminal, as they are everywhere else."""

import os
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whyred.faces.cli.streams import coloured
from whyred.faces.cli.streams import out as out
from whyred.faces.cli.streams import progress as progress
from whyred.model.trouble import UserError

if TYPE_CHECKING:  # `read` shows no verdict, and its nouns cost 8 ms
    from whyred.model.finding import Verdict


def seconds(text: str) -> float:
    """A duration such as `10s`, `500ms` or `2m` in seconds. Raises UsageError."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)(ms|s|m|)", text.strip(), re.ASCII)
    if not match:
        raise click.UsageError(f"--budget wants a time such as 10s, 500ms or 2m, not {text!r}.")
    return float(match[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}[match[2]]


def text(report: str) -> None:
    """Shows a text report: laid out and coloured on a terminal, as it is where a program reads it."""
    if sys.stdout is not None and sys.stdout.isatty():
        import shutil

        from whyred.faces.cli.layout import fit, paint

        report = fit(report, shutil.get_terminal_size().columns)
        report = paint(report) if coloured() else report
    out(report)


def show(verdict: "Verdict", form: str, file: Path | None, *, explain: bool) -> None:
    """Shows a verdict in one of the report forms, or writes it to a file. Raises UserError."""
    from whyred.reports.forms import reports

    report = reports()[form](verdict)
    if explain and form != "json":
        report += _questions(verdict, form)
    if file is not None:
        _write(file, report)
    elif form == "text":
        text(report)
    else:
        out(report)


def refuse_loss(target: str, option: str, file: Path | None) -> None:
    """Refuses to write over the very log that is asked about, or where no file can be. Raises UserError."""
    if file is None:
        return
    if os.path.isdir(file):  # noqa: PTH112 - pathlib's own raises where a folder may not be entered
        raise UserError(f"{file} is a directory", f"{option} wants a file", "Name a file in it")
    from whyred.app.targets import job_of_file

    if _same(file, Path(job_of_file(target)[0])):
        raise UserError(f"{file} is what you ask about", f"{option} would write over it", "Name another file")


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False  # one of them does not exist yet, or is no path: then writing tells


def _questions(verdict: "Verdict", form: str) -> str:
    """What was asked, and what it changed; the JSON report has it always."""
    # Questions with one and the same answer, as all have where no host may be asked, share its lines.
    numbered = enumerate(verdict.questions, 1)
    alike = [(said, list(qs)) for said, qs in groupby(numbered, lambda nq: (nq[1].outcome, nq[1].changed))]
    rows = [
        "\n".join([*(f"{n}. {q.text}" for n, q in questions), f"   {outcome}", f"   changed: {changed}"])
        for (outcome, changed), questions in alike
    ]
    if form == "markdown":
        rows = [row.replace("\n", "  \n") for row in rows]
    title = "\n## Questions\n\n" if form == "markdown" else "\nquestions\n"
    return title + "\n".join(rows or ["None was asked: no candidate wanted one."]) + "\n"


def _write(file: Path, report: str) -> None:
    try:
        file.write_text(report, encoding="utf-8", errors="backslashreplace")
    except OSError as e:
        raise UserError(f"cannot write {file}", e.strerror or str(e), "Name another file with --out") from e
