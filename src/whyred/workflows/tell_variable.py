"""The one sentence about a variable: who decides it in the process where that matters most. Pure."""

from collections.abc import Iterable, Sequence

from whyred.model.variable import Effect, Outcome, Setting, Stage

TITLES = {
    "manager": "systemd's manager",
    "unit": "the runner's unit",
    "drop-in": "a drop-in of the runner's unit",
    "environment-file": "an EnvironmentFile of the runner's unit",
    "pam": "PAM",
    "unset": "UnsetEnvironment= of the runner's unit",
    "runner-dotenv": "the runner's .env",
    "runner-process": "the runner's own environment",
    "runner-config": "the runner's configuration",
    "runner-env-file": "the runner's env_file",
    "workflow": "the workflow",
    "job": "the job",
    "step": "the step",
    "github-env": "an earlier step (GITHUB_ENV)",
    "bash-env": "the file of BASH_ENV",
    "script": "the step's script",
    "command": "the command line",
    "dotenv": ".env",
    "justfile": "the justfile",
    "makefile": "the Makefile",
    "package-script": "the script of package.json",
    "cargo-config": "cargo",
    "wrapper": "the compiler's wrapper",
    "c-wrapper": "the C compiler's wrapper",
}
"""Every layer for people."""


def sentence(variable: str, found: Sequence[Outcome]) -> str:
    """What decides, from the compiler upwards: the last process that has something else than the one before it."""
    said = _sentence(variable, found)
    return f"The {said[4:]}" if said.startswith("the ") else said


def _sentence(variable: str, found: Sequence[Outcome]) -> str:
    if unsure := next((o for o in found if not o.sure), None):
        return f"{variable} in {unsure.name} cannot be told: {unsure.why}."
    for above, here in reversed(list(zip([None, *found], found, strict=False))):
        if told := [s for s in here.kept if s.layer != "dotenv" and not _is_same(s, here)]:
            return _kept(variable, here, told[-1])
        if above is not None and _differs(above, here) and (said := _changed(variable, above, here)):
            return said
    first = next((o for o in found if o.winner is not None), None)
    files = [(o, s) for o in found for s in o.kept if not _is_same(s, o)]
    if files and (first is None or first.winner is None):
        return _kept(variable, *files[-1])
    if first is None or first.winner is None:
        return f"Nothing that whyred can read sets {variable}: every program takes its own default."
    if first.winner.effect is Effect.DROPS:
        return _taken(variable, first, _beaten([first], first))
    beaten = _beaten(found, first)
    return f"{TITLES[first.winner.layer]} sets {named(variable, first)} everywhere ({first.winner.place}){beaten}."


def _differs(above: Outcome, here: Outcome) -> bool:
    """Whether a process has something else than the one before it, or lost what it was given in between."""
    if here.winner is None or here.winner == above.winner:
        return False
    return (above.has, above.value) != (here.has, here.value) or here.winner.effect is Effect.DROPS


def _taken(variable: str, here: Outcome, over: str) -> str:
    assert here.winner is not None
    unless = ", unless sudoers keeps it (env_keep)" if here.winner.only.startswith("sudo") else ""
    return f"{TITLES[here.winner.layer]} takes {variable} away from {here.name} ({here.winner.place}){over}{unless}."


def _is_same(kept: Setting, here: Outcome) -> bool:
    return here.has and kept.value is not None and kept.value == here.value


def _kept(variable: str, here: Outcome, kept: Setting) -> str:
    got = f"has {named(variable, here)} from {TITLES[here.winner.layer]}" if here.has and here.winner else "has none"
    value = "" if kept.value is None else f"={_shown(kept.value)}"
    if kept.only:
        return f"{TITLES[kept.layer]} sets {variable}{value}, but {kept.only} ({kept.place}): {here.name} {got}."
    title = TITLES[kept.layer]
    return f"{title} assigns {variable}{value} without exporting it ({kept.place}): {here.name} {got}."


def _changed(variable: str, above: Outcome, here: Outcome) -> str:
    """A process that has something else than the one before it, where that is worth the sentence."""
    winner = here.winner
    assert winner is not None
    if here.stage is Stage.STEP and not above.has and not here.lost:
        return ""
    over = f", over {_was(above)}" if above.has else _beaten([here], here)
    if winner.effect is Effect.DROPS:
        return _taken(variable, here, over)
    if here.stage is Stage.RUSTC:
        verb = "forces" if above.has and winner.layer == "cargo-config" else "sets"
        return f"{TITLES[winner.layer]} {verb} {named(variable, here)} for {here.name} only ({winner.place}){over}."
    lost = [s for s in here.lost if s.value != here.value]
    over = f", over {_of(lost[-1])}" if lost else over
    where = f"for {here.name} and all below it" if here.stage is not Stage.TOOL else f"for {here.name} only"
    in_ = " in bash, not in sh," if winner.layer == "bash-env" else ""
    return f"{TITLES[winner.layer]} sets {named(variable, here)}{in_} {where} ({winner.place}){over}."


def _beaten(found: Iterable[Outcome], here: Outcome) -> str:
    lost = [s for o in found for s in o.lost if s.value != here.value]
    return f", over {_of(lost[-1])}" if lost else ""


def _of(one: Setting) -> str:
    value = "another value" if one.value is None else _shown(one.value)
    return f"{value} of {TITLES[one.layer]} ({one.place})"


def _was(above: Outcome) -> str:
    if above.winner is None:
        return above.value or "another value"
    return f"{'another value' if above.value is None else _shown(above.value)} of {TITLES[above.winner.layer]}"


def named(variable: str, here: Outcome) -> str:
    """`NAME=value` for people."""
    if here.value is None:
        return f"{variable} (a value that only the run knows)" if here.has else f"no {variable}"
    return f"{variable}={_shown(here.value)}"


def _shown(value: str) -> str:
    """A value as it is where a reader sees all of it, else as a Python string, with escapes."""
    return value if value.isprintable() and value == value.strip() else repr(value)
