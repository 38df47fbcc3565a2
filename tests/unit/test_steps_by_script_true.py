"""Whatever a job did: no line of its log is ever said to be of a step that did not write it.

Jobs are made up and done here as a runner does them; what the runner drops is dropped.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from whyred.logs.steps_by_script import COMPLETE, SET_UP, split
from whyred.model.run import Step
from whyred.model.script import Script
from whyred.workflows.prints import prints

SECOND = 1_795_428_000.0
TEXTS = ("alpha is ready", "beta was built", "gamma went on", "delta is here")


@dataclass
class Made:
    """A step as the file has it, and what it does. `commands`: of its script; one that starts with `tool` prints what
    nobody knows.
    """

    name: str
    commands: list[str]
    condition: str
    goes_on: bool
    fails_at: int | None

    @property
    def script(self) -> Script:
        """What the workflow file says of it."""
        text = "\n".join(self.commands)
        return Script(self.name, self.commands[0], prints(text), self.condition == "always()", self.goes_on)


@dataclass
class Job:
    """What became of the job: rows with the names of the steps that wrote them, and when each step ran."""

    rows: list[tuple[float, str, str]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


COMMANDS = st.one_of(
    st.sampled_from([f'echo "{text}"' for text in TEXTS]),
    st.sampled_from(["tool one", "tool two", "tool quiet", "echo ok", f"echo {TEXTS[0]}; exit 3", "set -e"]),
    st.sampled_from(["cd app && tool one", "trap 'tool one' EXIT", f"echo '::group::{TEXTS[2]}'", "echo hide me now"]),
    st.sampled_from(
        [f'echo "{TEXTS[1]} $WHEN"', f"tool one && echo {TEXTS[2]}", f"if tool quiet; then\n  echo {TEXTS[3]}\nfi"]
    ),
)


@st.composite
def steps(draw: st.DrawFn) -> list[Made]:
    made = []
    for number in range(draw(st.integers(1, 5))):
        commands = draw(st.lists(COMMANDS, min_size=1, max_size=4))
        fails = draw(st.one_of(st.none(), st.integers(0, len(commands))))
        condition = draw(st.sampled_from(["", "", "always()"]))
        made.append(Made(f"Step {number}", commands, condition, draw(st.booleans()), fails))
    return made


def done(made: list[Made], pauses: list[float]) -> Job:
    """The job as a runner in host mode does it."""
    job, now, failed = Job(), SECOND, False
    waits = iter(pauses)
    for text in (
        "runner-1(version:v12) received task 1 of job test",
        "workflow prepared",
        f"⭐ Run Main {made[0].name}",
    ):
        job.rows.append((now, SET_UP, text))
    for step in made:
        began = now
        if not failed or step.condition:
            ended_badly = False
            for text in _printed(step):
                now += next(waits, 0.0)
                job.rows.append((now, step.name, text))
                ended_badly = ended_badly or text.startswith("⚙️")
            failed = failed or (ended_badly and not step.goes_on)
        now += next(waits, 0.0)
        job.steps.append(Step(step.name, started=float(int(began)), ended=float(int(now))))
    job.rows.append((now, COMPLETE, "🏁  Job failed" if failed else "🏁  Job succeeded"))
    return job


def _printed(step: Made) -> Iterator[str]:
    rows = list(_done(step))
    if any(command.startswith("trap") for command in step.commands):
        rows.insert(len(rows) - (bool(rows) and rows[-1].startswith("⚙️")), "a last word")
    yield from rows


def _done(step: Made) -> Iterator[str]:
    for at, command in enumerate(step.commands):
        if step.fails_at == at and command.startswith("tool"):
            yield "tool: it broke"
            yield "⚙️ [runner]: RUN exit status 2"
            return
        yield from _output(command)
        if "exit 3" in command:
            yield "⚙️ [runner]: RUN exit status 3"
            return


def _output(command: str) -> Iterator[str]:
    if command == "echo hide me now":
        yield "*** me now"
    if "::group::" in command:
        yield f"##[group]{TEXTS[2]}"
        return
    if command.startswith(("tool one", "cd app")):
        yield "one of the tool's lines"
    elif command == "tool two":
        yield from ("two lines", "")
    for text in TEXTS:
        if f'"{text} $WHEN"' in command:
            yield f"{text} today"
        elif f'"{text}"' in command or f"echo {text}" in command:
            yield text
    if command == "echo ok":
        yield "ok"


def named(job: Job, scripts: list[Script], steps: list[Step]) -> list[tuple[str, ...]]:
    """Under which name each row comes."""
    data = b"".join(f"{_stamp(at)} {text}\n".encode() for at, _, text in job.rows)
    names: list[tuple[str, ...]] = []
    now: tuple[str, ...] = ()
    for piece in split([data], steps or [Step(s.name) for s in scripts], scripts):
        if isinstance(piece, Step):
            now = piece.names
        else:
            names.extend([now] * piece.count(b"\n"))
    return names


def _stamp(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


@settings(max_examples=400)
@given(steps(), st.lists(st.sampled_from([0.0, 0.0, 0.25, 1.25]), max_size=30), st.booleans())
def test_the_step_that_wrote_a_line_is_among_its_names(made: list[Made], pauses: list[float], timed: bool) -> None:
    job = done(made, pauses)
    scripts = [step.script for step in made]
    for name, (_, truth, text) in zip(named(job, scripts, job.steps if timed else []), job.rows, strict=True):
        assert truth in name, (text, name, truth)


@settings(max_examples=200)
@given(steps(), st.lists(st.sampled_from([0.0, 0.25, 1.25]), max_size=30))
def test_by_seconds_alone_as_well(made: list[Made], pauses: list[float]) -> None:
    job = done(made, pauses)
    scripts = [Script(step.name) for step in job.steps]
    for name, (_, truth, text) in zip(named(job, scripts, job.steps), job.rows, strict=True):
        assert truth in name, (text, name, truth)
