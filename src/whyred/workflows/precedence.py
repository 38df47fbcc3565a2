"""Who wins: the order of the layers on the way from the runner to the compiler, as data, and the one function. Pure.

Sources: systemd.exec(5); act, pkg/runner/run_context.go `GetEnv` (workflow < job < the runner's configuration);
forgejo-runner 12, act/runner/job_executor.go, where the workflow's `env` is put in a second time before the job is
started; GitHub, "Variables": step over job over workflow. The order of the rest as in `experiments/environment.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from whyred.model.variable import Effect, Outcome, Setting, Stage

_UNIT = ("unit", "drop-in")
_RUNNER = ("manager", *_UNIT, "environment-file", "pam", "unset", "runner-dotenv")
_CONFIG = ("runner-config", "runner-env-file")
_LATER = ("github-env", "step", "bash-env", "script")
_FILL = "runner-process"
"""Stands for what the daemon's own environment has: it fills in what nothing above has set."""
ACT = ("workflow", "job", *_CONFIG)
FORGEJO_12 = ("job", *_CONFIG, "workflow")
GITHUB = ("workflow", "job")
ORDERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "forgejo-runner": (ACT, FORGEJO_12),
    "gitea-runner": (ACT,),
    "actions-runner": (GITHUB,),
    "whyred-runner": (GITHUB,),
    "": (ACT, FORGEJO_12, GITHUB),
}
"""By kind of runner: the orders that its versions have, weakest first. Of one that nobody knows: every order."""
_TOOLS = {
    "just": ("dotenv", "justfile"),
    "make": ("makefile",),
    "npm": ("package-script",),
}
"""What a tool adds between the step's shell and what it starts."""
_CARGO = ("cargo-config", "wrapper")
WEAKEST_FIRST = (
    *_RUNNER,
    "runner-process",
    *ACT,
    *_LATER,
    "command",
    *(layer for tool in _TOOLS.values() for layer in tool),
    *_CARGO,
    "c-wrapper",
)
"""Every layer, in the order in which people want to read them."""


@dataclass(frozen=True, slots=True)
class _Now:
    """What a process has so far. `beaten`: the settings with another value that lost on the way."""

    winner: Setting | None = None
    has: bool = False
    value: str | None = None
    beaten: tuple[Setting, ...] = ()
    kept: tuple[Setting, ...] = ()


def outcomes(
    settings: Sequence[Setting], kind: str, tools: Iterable[str], daemon: Setting | None, *, live: bool
) -> list[Outcome]:
    """What the runner, the step's shell, the recipes of each tool and rustc get.

    `settings` in the order in which their files are read. `kind`: of the runner. `tools`: by which the step starts its
    compilers; the first of just, make and npm stands before cargo. `daemon`: what the runner's process really has;
    it counts more than its files when `live`, since it was started with them as they were then.
    """
    runner = _through(_RUNNER, _without_reset(settings), _Now())
    real = _real(runner, daemon) if live else runner
    found = [_outcome(Stage.RUNNER, "the runner", real)]
    fill = _Now() if not real.has else real
    orders = ORDERS.get(kind, ORDERS[""])
    steps = [_step(order, settings, fill) for order in orders]
    found.append(_agreed(Stage.STEP, "the step's shell", steps, orders))
    named = [t for t in _TOOLS if t in tools]
    below = steps
    for tool in named:
        tooled = [_through(_TOOLS[tool], settings, _commanded(settings, tool, s)) for s in steps]
        found.append(_agreed(Stage.TOOL, f"what {tool} starts", tooled, orders))
        below = tooled if tool == named[0] else below
    if not named:
        below = [_commanded(settings, "cargo", s) for s in steps]
    rustc = [_through(_CARGO, settings, replace(now, kept=())) for now in below]
    found.append(_agreed(Stage.RUSTC, "rustc", rustc, orders))
    return found


def _real(planned: _Now, daemon: Setting | None) -> _Now:
    """What the process has; a file that says the same is named as its reason."""
    if daemon is None:
        return replace(planned, winner=None, has=False, value=None) if planned.has else planned
    if planned.has and planned.value == daemon.value:
        return planned
    return _Now(daemon, True, daemon.value, planned.beaten)


def _step(order: tuple[str, ...], settings: Sequence[Setting], fill: _Now) -> _Now:
    now = _through(order, settings, _Now())
    if not now.has:
        now = replace(fill, beaten=(*fill.beaten, *now.beaten), kept=now.kept)
    elif fill.has and fill.winner is not None and fill.value != now.value:
        now = replace(now, beaten=(fill.winner, *now.beaten))
    return _through(_LATER, settings, now)


def _through(order: Sequence[str], settings: Sequence[Setting], now: _Now) -> _Now:
    for layer in order:
        for one in settings:
            if one.layer == layer:
                now = _after(now, one)
    return now


def _after(now: _Now, one: Setting) -> _Now:
    """What a process has after one setting."""
    if one.effect is Effect.DROPS:
        lost = (now.winner,) if now.has and now.winner is not None else ()
        return _Now(one if now.has else now.winner, False, None, (*now.beaten, *lost), now.kept)
    if one.effect is Effect.KEEPS or (one.effect is Effect.ASSIGNS and not now.has):
        return replace(now, kept=(*now.kept, one))
    if one.effect is Effect.FILLS and now.has:
        other = one.value != now.value
        return replace(now, beaten=(*now.beaten, one)) if other else now
    lost = (now.winner,) if now.has and now.winner is not None and now.value != one.value else ()
    return _Now(one, True, one.value, (*now.beaten, *lost), now.kept)


def _commanded(settings: Sequence[Setting], tool: str, now: _Now) -> _Now:
    """What a tool is started with, where its own command line says something about it."""
    for one in settings:
        if one.layer == "command" and tool in one.only.split():
            now = _after(now, one)
    return now


def _without_reset(settings: Sequence[Setting]) -> list[Setting]:
    """The settings without the lines of the unit that an empty `Environment=` made forgotten."""
    at = max((n for n, s in enumerate(settings) if s.effect is Effect.RESETS), default=-1)
    return [s for n, s in enumerate(settings) if n > at or s.layer not in _UNIT]


def _agreed(stage: Stage, name: str, found: Sequence[_Now], orders: Sequence[tuple[str, ...]]) -> Outcome:
    first = found[0]
    other = next((n for n in found if (n.has, n.value) != (first.has, first.value)), None)
    if other is None:
        return _outcome(stage, name, first)
    why = f"it depends on the runner and its version: {_shown(first)}, or {_shown(other)}"
    return replace(_outcome(stage, name, first), sure=False, why=why)


def _shown(now: _Now) -> str:
    by = f" by {now.winner.layer} ({now.winner.place})" if now.winner else ""
    return f"{now.value if now.value is not None else 'a value that only the run knows' if now.has else 'not set'}{by}"


def _outcome(stage: Stage, name: str, now: _Now) -> Outcome:
    return Outcome(stage, name, now.has, now.value, now.winner, now.beaten, now.kept)
