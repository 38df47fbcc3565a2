"""Shows what became of the logs that were downloaded into a folder."""

import json
from collections.abc import Iterable
from pathlib import Path

from whyred.app.collect import Collected
from whyred.app.ladder import worst
from whyred.app.log_folder import SCHEMA
from whyred.faces.cli.streams import out, progress, say
from whyred.model.source import Missing


def show(found: Iterable[Collected], folder: Path, *, as_json: bool) -> int:
    """Says each log that is not to be had, and at the end how many are there; returns the exit code: 4 where one is
    missing of a job that began. Raises MissingLogError where not one is there.
    """
    wrote = kept = 0
    missing: list[Collected] = []
    held: list[Collected] = []
    for one in found:
        wrote += one.file is not None and not one.kept
        kept += one.kept
        if one.error is not None:
            missing.append(one)
            held.append(one)
        if as_json:
            out(json.dumps(_told(one), ensure_ascii=False) + "\n")
        elif wrote or kept:  # where not one is there the last word says why
            for other in held:
                _say(other)
            held.clear()
    progress.clear()
    if missing and not wrote and not kept:
        raise worst([(_name(one), one.error) for one in missing if one.error is not None])
    if not as_json:
        before = f", {kept} {'was' if kept == 1 else 'were'} there already" if kept else ""
        out(f"wrote {wrote} log{'' if wrote == 1 else 's'} to {folder}{before}\n")
    complete = all(one.error is not None and one.error.reason is Missing.NOT_STARTED for one in missing)
    return 0 if complete else 4


def _say(one: Collected) -> None:
    assert one.error is not None
    say(f"{_name(one)}: no log ({one.error.reason}): {one.error.help}")


def _name(one: Collected) -> str:
    attempt = one.attempt
    return f"{attempt.run.label}:{attempt.job.name}" if attempt.job else attempt.run.label


def _told(one: Collected) -> dict[str, object]:
    if one.file is not None:
        return {**one.file.to_json(), "kept": one.kept}
    attempt, error = one.attempt, one.error
    assert error is not None
    return {
        "schema": SCHEMA,
        "run": attempt.run.label,
        "job": attempt.job.name if attempt.job else None,
        "attempt": attempt.number,
        "no_log": {"reason": error.reason.value, "asked": error.asked, "help": error.help},
    }
