"""`RunFailures` as JSON, as bundles keep it and reports print it."""

from dataclasses import asdict
from typing import Any

from whyred.model.run_failures import FailureGroup, JobFailure, NoLog, RunFailures
from whyred.model.source import Missing

_FAILURE = ("step", "fingerprint", "title", "message", "class", "strength", "root", "line")


def run_failures_to_json(run: RunFailures) -> dict[str, Any]:
    """The whole of it."""
    return {
        "run": run.run,
        "job": run.job,
        "failed": run.failed,
        "groups": [{"jobs": list(group.jobs), "failure": _failure(group.failure)} for group in run.groups],
        "silent": list(run.silent),
        "no_log": [{**asdict(one), "reason": one.reason.value} for one in run.missing],
        "cancelled": list(run.cancelled),
        "stopped": list(run.stopped),
    }


def _failure(one: JobFailure) -> dict[str, Any]:
    values = (one.step, one.fingerprint, one.title, one.message, one.class_, one.strength, one.root, one.line)
    return dict(zip(_FAILURE, values, strict=True))


def run_failures_from_json(data: Any) -> RunFailures:
    """What `run_failures_to_json` gave. Raises ValueError, KeyError and TypeError."""
    return RunFailures(
        run=str(data["run"]),
        job=_text(data["job"]),
        groups=tuple(FailureGroup(_names(one["jobs"]), _read(one["failure"])) for one in data["groups"]),
        silent=_names(data["silent"]),
        missing=tuple(
            NoLog(str(one["job"]), Missing(one["reason"]), str(one["asked"]), str(one["help"]))
            for one in data["no_log"]
        ),
        cancelled=_names(data["cancelled"]),
        stopped=_names(data["stopped"]),
    )


def _read(data: Any) -> JobFailure:
    step, fingerprint, title, message, class_, strength, root, line = (data[name] for name in _FAILURE)
    told = _text(step), str(fingerprint), str(title), str(message), _text(class_), str(strength), bool(root)
    return JobFailure(*told, None if line is None else int(line))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _names(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError("a list of names is none")
    return tuple(map(str, values))
