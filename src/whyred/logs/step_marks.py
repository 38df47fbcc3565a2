"""What runners write when a step begins, and how well such a line fits a step whose name is known.

Source: actions/runner, src/Runner.Worker: Handlers/Handler.cs and ScriptHandler.cs (`##[group]Run ...`, `Post job
cleanup.`), JobExtension.cs, ContainerOperationProvider.cs; step.go of act (`⭐ Run Main ...`) and of Gitea's act 0.6
and later (`::group::Run ...`).
"""

import re
from enum import IntEnum

from whyred.model.run import Step

_SEEN = 1024
"""Bytes of a line that are looked at: the first line of a script may be very long."""
_RUN = re.compile(r"(?:##\[group\]|::group::)(Run(?: .*)?)")
_STAR = re.compile(r"⭐ Run (Pre|Main|Post) (.+)")
_ACTION = re.compile(r"Run (?:\.{0,2}/|[\w.-]+/[\w./-]+@|docker://)")
_OWN = {
    "Initialize containers": ("##[group]Checking docker version",),
    "Stop containers": ("Print service container logs: ", "Stop and remove container: "),
    "Set up runner": ("A job started hook has been configured",),
    "Complete runner": ("A job completed hook has been configured",),
    "Complete job": ("Evaluate and set job outputs", "Cleaning up orphan processes", "🏁  Job "),
}
"""The runner's own steps -> how their text begins."""
_IMAGE = ("##[command]/usr/bin/docker build", "##[command]/usr/bin/docker pull", "##[group]Build container for action")
_FIRST = tuple(
    text.encode()
    for text in (
        "##[group]",
        "::group::",
        "⭐ Run ",
        "Post job cleanup.",
        *_IMAGE,
        *(t for own in _OWN.values() for t in own),
    )
)
"""How all of these begin: most lines are none of them."""


class Fit(IntEnum):
    """How well a line fits as the first one of a step."""

    NO = 0
    MAYBE = 1
    """A step begins there; it shows another text than this step's name, as it does where a step was given one."""
    LIKELY = 2
    """A step of this kind begins there."""
    EXACT = 3
    """It names the step."""


def fit(step: Step, line: bytes) -> Fit:
    """How well the line (without its time) fits as the first one of this step."""
    if not line.startswith(_FIRST):
        return Fit.NO
    text = line[:_SEEN].decode("utf-8", "replace").rstrip()
    star = _STAR.fullmatch(text)
    if star:
        return _of_stage(step, star[1], star[2])
    if step.aside and step.name.startswith("Post "):
        return Fit.LIKELY if text == "Post job cleanup." else Fit.NO
    if step.aside and step.name in _OWN:
        return Fit.LIKELY if text.startswith(_OWN[step.name]) else Fit.NO
    run = _RUN.fullmatch(text)
    if run is None:
        image = step.name.startswith(("Build ", "Pull ")) and text.startswith(_IMAGE)
        return Fit.LIKELY if image else Fit.NO
    if run[1] == step.name[:_SEEN].rstrip():
        return Fit.EXACT
    return Fit.MAYBE if step.name.startswith("Run ") else Fit.LIKELY


def _of_stage(step: Step, stage: str, name: str) -> Fit:
    told = step.name if stage == "Main" else step.name.removeprefix(f"{stage} ")
    if stage != "Main" and told == step.name:
        return Fit.NO
    return Fit.EXACT if name == told else Fit.MAYBE


def calls_action(line: bytes) -> bool:
    """Whether the line begins a step that uses an action: one made of steps marks each like a step of the job."""
    run = _RUN.match(line[:_SEEN].decode("utf-8", "replace"))
    return run is not None and _ACTION.match(run[1]) is not None
