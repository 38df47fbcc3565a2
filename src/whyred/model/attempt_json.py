"""An `Attempt` as JSON and back: one form for run folders and bundles. Pure; knows nothing of files."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from whyred.model.run import Attempt, Conclusion, Job, Run, Runner, Status, Step

VERSION = 1
"""The form written here. It rises only when an older reader would misread a newer file; unknown keys never count."""

_TOLD = ("id", "url", "waits_for")
"""What only a forge tells of an attempt."""

_E = TypeVar("_E", bound=StrEnum)
_T = TypeVar("_T")


class AttemptFormatError(ValueError):
    """The data is no attempt, or one of a newer form; the message says which part."""


def attempt_to_json(attempt: Attempt) -> dict[str, Any]:
    """Values that `json` can write; fields that are unknown (None) are left out."""
    return {
        "version": VERSION,
        "run": _fields(attempt.run),
        "job": None if attempt.job is None else _fields(attempt.job),
        "number": attempt.number,
        "status": str(attempt.status),
        "conclusion": str(attempt.conclusion),
        "started": attempt.started,
        "ended": attempt.ended,
        "runner": None if attempt.runner is None else _fields(attempt.runner),
        "steps": [step_to_json(step) for step in attempt.steps],
        **{name: value for name in _TOLD if (value := getattr(attempt, name)) is not None},
    }


def attempt_from_json(data: object) -> Attempt:
    """The attempt. Keys nobody knows are passed over and a status or conclusion nobody knows reads as unknown.

    Raises `AttemptFormatError` (a ValueError): a newer form, no mapping, or a known key of the wrong type.
    """
    table = _Part("attempt", data)
    version = table.whole("version") or 0
    if version > VERSION:
        raise AttemptFormatError(f"attempt of form {version}; this whyred reads up to {VERSION}")
    run, job, runner = table.part("run"), table.part("job"), table.part("runner")
    if run is None:
        raise AttemptFormatError("attempt: `run` is missing")
    return Attempt(
        run=_run(run),
        job=None if job is None else _job(job),
        number=table.whole("number"),
        id=table.whole("id"),
        url=table.text("url"),
        waits_for=table.text("waits_for"),
        status=table.member(Status, "status", Status.UNKNOWN),
        conclusion=table.member(Conclusion, "conclusion", Conclusion.UNKNOWN),
        started=table.seconds("started"),
        ended=table.seconds("ended"),
        runner=None if runner is None else _runner(runner),
        steps=tuple(_step(part) for part in table.parts("steps")),
    )


def _run(part: "_Part") -> Run:
    return Run(
        label=part.required("label"),
        workflow=part.text("workflow"),
        event=part.text("event"),
        commit=part.text("commit"),
        repo=part.text("repo"),
        id=part.whole("id"),
        number=part.whole("number"),
        branch=part.text("branch"),
        title=part.text("title"),
        status=part.member(Status, "status", Status.UNKNOWN),
        conclusion=part.member(Conclusion, "conclusion", Conclusion.UNKNOWN),
        created=part.seconds("created"),
        started=part.seconds("started"),
        ended=part.seconds("ended"),
        url=part.text("url"),
    )


def _job(part: "_Part") -> Job:
    return Job(
        key=part.text("key"),
        name=part.required("name"),
        id=part.whole("id"),
        index=part.whole("index"),
        labels=part.texts("labels"),
        needs=part.texts("needs"),
    )


def step_to_json(step: Step) -> dict[str, Any]:
    """One step, as in an attempt."""
    told = _fields(step)
    return told if step.among else {key: value for key, value in told.items() if key != "among"}


def step_from_json(data: object) -> Step:
    """The step. Raises AttemptFormatError."""
    return _step(_Part("step", data))


def _runner(part: "_Part") -> Runner:
    return Runner(
        name=part.text("name"),
        machine=part.text("machine"),
        boot=part.text("boot"),
        pid=part.whole("pid"),
        started=part.whole("started"),
        mounts=part.whole("mounts"),
        folder=part.text("folder"),
    )


def _step(part: "_Part") -> Step:
    return Step(
        name=part.required("name"),
        conclusion=part.member(Conclusion, "conclusion", Conclusion.UNKNOWN),
        started=part.seconds("started"),
        ended=part.seconds("ended"),
        exit_code=part.whole("exit_code"),
        reason=part.text("reason"),
        status=part.member(Status, "status", Status.UNKNOWN),
        aside=bool(part.flag("aside")),
        among=part.texts("among") or (),
    )


def _fields(noun: Run | Job | Runner | Step) -> dict[str, Any]:
    values = ((name, getattr(noun, name)) for name in noun.__slots__)
    return {name: _plain(value) for name, value in values if not _untold(noun, value)}


def _untold(noun: Run | Job | Runner | Step, value: object) -> bool:
    """Whether a field says nothing; only how a step ended is said always."""
    if value is None or value is False or value is Status.UNKNOWN:
        return True
    return value is Conclusion.UNKNOWN and not isinstance(noun, Step)


def _plain(value: object) -> object:
    if isinstance(value, StrEnum):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


class _Part:
    """A JSON mapping read field by field; every complaint names the field."""

    def __init__(self, where: str, data: object) -> None:
        if not isinstance(data, Mapping):
            raise AttemptFormatError(f"{where}: a mapping is wanted, not {type(data).__name__}")
        self.where, self.data = where, data

    def text(self, key: str) -> str | None:
        return self._typed(key, str)

    def required(self, key: str) -> str:
        value = self.text(key)
        if value is None:
            raise AttemptFormatError(f"{self.where}: `{key}` is missing")
        return value

    def whole(self, key: str) -> int | None:
        return self._typed(key, int)

    def seconds(self, key: str) -> float | None:
        value = self.data.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53:
            return float(value)
        return self._typed(key, float)

    def member(self, enum: type[_E], key: str, unknown: _E) -> _E:
        value = self.text(key)
        return enum(value) if value in set(enum) else unknown

    def part(self, key: str) -> "_Part | None":
        value = self.data.get(key)
        return None if value is None else _Part(f"{self.where}.{key}", value)

    def texts(self, key: str) -> tuple[str, ...] | None:
        items = self._typed(key, list)
        if items is not None and not all(isinstance(item, str) for item in items):
            raise AttemptFormatError(f"{self.where}: `{key}` has the wrong type (a list of texts is wanted)")
        return None if items is None else tuple(items)

    def flag(self, key: str) -> bool | None:
        value = self.data.get(key)
        if value is not None and not isinstance(value, bool):
            raise AttemptFormatError(f"{self.where}: `{key}` has the wrong type ({type(value).__name__})")
        return value

    def parts(self, key: str) -> "list[_Part]":
        items = self._typed(key, list) or []
        return [_Part(f"{self.where}.{key}[{i}]", item) for i, item in enumerate(items)]

    def _typed(self, key: str, kind: type[_T]) -> _T | None:
        value = self.data.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
            raise AttemptFormatError(f"{self.where}: `{key}` has the wrong type ({type(value).__name__})")
        return value
