"""What `rerun`, `cancel` and `dispatch` share: their options, showing a plan, applying it, watching the run."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from whyred.app.change import Planned
    from whyred.app.forges import Forges
    from whyred.model.run import Run

F = TypeVar("F", bound=Callable[..., Any])
CODES = """\b
Exit codes: 0 done, or the plan shown; 1 it was tried and failed; 4 refused.
With --watch: 0 when the run succeeded (cancel: was cancelled), else 1.
"""
_FILE: Any = click.Path(path_type=Path, dir_okay=False)
_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--apply",), {"is_flag": True, "help": "Do it. Without, the plan is shown and nothing is changed."}),
    (("--watch",), {"is_flag": True, "help": "Then follow the run's logs to its end."}),
    (("--save-plan",), {"type": _FILE, "metavar": "FILE", "help": "Keep the plan in this file."}),
    (("--plan",), {"type": _FILE, "metavar": "FILE", "help": "Take a plan that was kept, in place of a new one."}),
    (("--json", "as_json"), {"is_flag": True, "help": "The plan as JSON; with --watch the logs, too, line by line."}),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user said of the plan."""

    apply: bool
    watch: bool
    save: Path | None
    plan: Path | None
    as_json: bool


def change_options(command: F) -> F:
    """Adds the options; the command gets them as one `wanted`."""

    @functools.wraps(command)
    def wrapped(**given: Any) -> Any:
        wanted = Wanted(
            given.pop("apply"), given.pop("watch"), given.pop("save_plan"), given.pop("plan"), given.pop("as_json")
        )
        if wanted.watch and not wanted.apply:
            raise click.UsageError("--watch follows what --apply has done: say both.")
        return command(wanted=wanted, **given)

    for names, settings in reversed(_OPTIONS):
        wrapped = click.option(*names, **settings)(wrapped)
    return wrapped  # type: ignore[return-value]


def carry_out(planned: "Planned", wanted: Wanted, forges: "Forges") -> int:
    """Shows the plan; applies it and watches the run where that is wanted. Gives the exit code."""
    from whyred.app.change import apply, saved
    from whyred.faces.cli.show import out, text
    from whyred.faces.cli.streams import say
    from whyred.reports.change import render, render_done, render_json
    from whyred.sources.plan import to_json

    if wanted.plan is not None:
        planned = saved(planned, _load(wanted.plan))
    plan = to_json(planned.plan)
    if wanted.save is not None:
        _save(wanted.save, render_json(plan, planned.run, applied=False))
    if not wanted.as_json:
        text(render(plan))
    if not wanted.apply:
        told = "" if not planned.plan.calls else "nothing is done yet: add --apply\n"
        out(render_json(plan, planned.run, applied=False) if wanted.as_json else told)
        return 0
    run = apply(planned, say)
    if wanted.as_json:
        out(render_json(plan, run, applied=True))
    elif planned.plan.calls:
        text(render_done(run))
    return _watched(planned, run, wanted, forges) if wanted.watch else 0


def _watched(planned: "Planned", run: "Run | None", wanted: Wanted, forges: "Forges") -> int:
    from whyred.app.library import Library
    from whyred.app.watch import Watch
    from whyred.faces.cli.log_writer import LogWriter
    from whyred.faces.cli.streams import progress, say
    from whyred.model.run import Conclusion
    from whyred.model.trouble import UserError
    from whyred.settings import folders

    if run is None:
        why = "the server does not tell which run it started, and none shows"
        raise UserError("nothing to watch", why, "whyred runs lists it when it does", 1)
    watch = Watch(planned, run, forges, Library(folders.cache()), say)
    with LogWriter(None, as_json=wanted.as_json, raw=False) as writer:
        for piece in watch.pieces():
            writer.take(piece)
        progress.clear()
        conclusion = watch.ended()
        good = (Conclusion.CANCELLED,) if planned.cancels else (Conclusion.SUCCESS, Conclusion.SKIPPED)
        code = 0 if conclusion in good else 1
        writer.ended(conclusion, code)
    say(f"{run.label}: {conclusion}")
    return code


def _save(file: Path, text: str) -> None:
    from whyred.model.trouble import UserError

    try:
        file.write_text(text, encoding="utf-8")
    except OSError as e:
        raise UserError(f"cannot write {file}", e.strerror or str(e), "Name another file with --save-plan") from e


def _load(file: Path) -> Any:
    import json

    from whyred.model.trouble import UserError
    from whyred.sources.plan import from_json

    try:
        data = json.loads(file.read_bytes())
    except OSError as e:
        raise UserError(f"cannot read {file}", e.strerror or str(e), "Name a file that --save-plan wrote") from e
    except (ValueError, RecursionError) as e:
        raise UserError(f"{file} is no plan", "it holds no JSON", "Name a file that --save-plan wrote") from e
    return from_json(data)
