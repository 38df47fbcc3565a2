"""Lists of runs, and the status of a repository, as text and as JSON (`reports/schema/{runs,status}-1.json`)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from whyred.model.run import Attempt, Conclusion, Run, Status
from whyred.reports.reading import dump, row

if TYPE_CHECKING:  # `why` looks at every report
    from whyred.model.overview import Line, Overview, Waiting
    from whyred.model.source import MissingLogError

RUNS, STATUS = "whyred.runs/1", "whyred.status/1"


def word(status: Status, conclusion: Conclusion) -> str:
    """How a run, job or step is, in one word."""
    return conclusion.value if status is Status.DONE or conclusion is not Conclusion.UNKNOWN else status.value


def render_runs(runs: Sequence[Run]) -> str:
    """The table of runs, newest first."""
    if not runs:
        return "no run matches\n"
    return "\n".join(row(line) for line in _table(runs)) + "\n"


def _table(runs: Sequence[Run]) -> Iterator[str]:
    rows = [
        (
            f"#{r.number}" if r.number is not None else str(r.id or "?"),
            word(r.status, r.conclusion),
            r.workflow or "?",
            r.event or "?",
            r.branch or "",
            (r.commit or "")[:10],
            length(r.started, r.ended),
            when(r.started or r.created),
            (r.title or "").partition("\n")[0][:60],
        )
        for r in runs
    ]
    widths = [max(len(cell[i]) for cell in rows) for i in range(len(rows[0]))]
    for cells in rows:
        yield "  ".join(f"{c:<{w}}" for c, w in zip(cells, widths, strict=True)).rstrip()


def length(started: float | None, ended: float | None) -> str:
    """A duration as people say it; empty where it is not known."""
    if started is None or ended is None or ended < started:
        return ""
    minutes, seconds = divmod(round(ended - started), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s" if minutes else f"{seconds}s"


def when(at: float | None) -> str:
    """A time, in UTC as the logs have it."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}Z" if at is not None else ""


def render_status(overviews: Sequence["Overview"]) -> str:
    """How the workflows of each repository are."""
    return "\n".join(row(line) for one in overviews for line in _overview(one)) + "\n"


def _overview(one: "Overview") -> Iterator[str]:
    yield f"{one.repo}{f', branch {one.branch}' if one.branch else ''}, on {one.server}"
    if one.refused is not None:
        yield f"  not asked ({one.refused.reason}): {one.refused.asked}: {one.refused.help}"
    elif not one.lines and not one.notes:
        yield "  nothing ran yet"
    heads = [_head(line) for line in one.lines]
    widths = [max(map(len, column)) for column in zip(*heads, strict=True)]
    for line, head in zip(one.lines, heads, strict=True):
        yield "  " + "  ".join(f"{cell:<{w}}" for cell, w in zip(head, widths, strict=True) if w).rstrip()
        yield from (f"             {text}" for text in _since(line))
    for waits in one.waiting:
        yield f"  waiting    {_waits(waits)}"
    for note in one.notes:
        yield f"  {note}"


def _head(line: "Line") -> tuple[str, ...]:
    """The last run of a workflow, in cells."""
    last = line.last
    ran = f"on {', '.join(line.runners)}" if line.runners else ""
    told = (word(last.status, last.conclusion), line.workflow, last.label, last.event or "", last.branch or "")
    return (*told, (last.commit or "")[:10], length(last.started, last.ended), when(last.started or last.created), ran)


def _since(line: "Line") -> Iterator[str]:
    """Since when a workflow is red."""
    since, green = line.red_since, line.last_green
    if since is None:
        return
    yield " ".join(("red since", *_named(since), when(since.started or since.created))).rstrip()
    yield " ".join(("last green", *_named(green))) if green else "no green run among those that were looked at"
    if line.commits_since:
        yield f"commits since: {', '.join(c[:10] for c in line.commits_since)}"


def _named(run: Run) -> tuple[str, ...]:
    return (run.label, run.commit[:10]) if run.commit else (run.label,)


def _waits(waits: "Waiting") -> str:
    job = waits.attempt.job
    name = f"{waits.attempt.run.label}:{job.name if job else '?'}"
    labels = ", ".join(job.labels or ()) if job else ""
    wanted = f" for a runner with {labels}" if labels else ""
    if waits.attempt.status is Status.BLOCKED:
        return f"{name} for the jobs it needs"
    if waits.offered is None:
        return f"{name}{wanted}; {waits.attempt.waits_for or 'which runners offer it is not told to this user'}"
    who = ", ".join(waits.offered) if waits.offered else "NO RUNNER OFFERS IT"
    return f"{name}{wanted}: {who}"


def render_runs_json(runs: Sequence[Run]) -> str:
    """The runs as JSON."""
    return dump({"schema": RUNS, "runs": [run_json(r) for r in runs]})


def run_json(run: Run) -> dict[str, Any]:
    """One run; what the forge does not tell is null."""
    values = {name: getattr(run, name) for name in Run.__slots__}
    return {k: v.value if isinstance(v, Status | Conclusion) else v for k, v in values.items()}


def render_status_json(overviews: Sequence["Overview"]) -> str:
    """The overviews as JSON."""
    return dump({"schema": STATUS, "repositories": [_overview_json(one) for one in overviews]})


def _overview_json(one: "Overview") -> dict[str, Any]:
    return {
        "repository": one.repo,
        "server": one.server,
        "branch": one.branch,
        "refused": _refusal(one.refused) if one.refused else None,
        "workflows": [
            {
                "workflow": line.workflow,
                "last": run_json(line.last),
                "red_since": run_json(line.red_since) if line.red_since else None,
                "last_green": run_json(line.last_green) if line.last_green else None,
                "commits_since": list(line.commits_since),
                "runners": list(line.runners),
            }
            for line in one.lines
        ],
        "waiting": [
            {
                "run": w.attempt.run.label,
                "job": w.attempt.job.name if w.attempt.job else None,
                "labels": _labels(w.attempt),
                "offered_by": list(w.offered) if w.offered is not None else None,
            }
            for w in one.waiting
        ],
        "notes": list(one.notes),
    }


def _refusal(error: "MissingLogError") -> dict[str, str]:
    return {"reason": error.reason.value, "asked": error.asked, "help": error.help}


def _labels(attempt: Attempt) -> list[str] | None:
    return list(attempt.job.labels) if attempt.job and attempt.job.labels is not None else None
