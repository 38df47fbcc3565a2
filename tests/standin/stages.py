"""The world as it was when a recording was taken, and whose cookies went with its request."""

from collections.abc import Callable
from typing import TypeVar

from standin.recorded import Recording
from standin.stages_forgejo import ForgejoStage, forgejo_stage
from standin.stages_gitea import GiteaStage, gitea_stage
from standin.world import World

T = TypeVar("T", ForgejoStage, GiteaStage)
ANONYMOUS, FORGED, HALF = "", "forged", "half"


def stage_of(recording: Recording) -> tuple[str, Callable[[], World]]:
    """When a recording was taken: a name for that, and what makes such a world."""
    if recording.version.startswith("gitea"):
        gitea = gitea_stage(recording)
        return gitea.__name__, lambda: _made(GiteaStage(recording.version), gitea)
    forgejo = forgejo_stage(recording)
    return forgejo.__name__, lambda: _made(ForgejoStage(recording.version), forgejo)


def _made(stage: T, do: Callable[[T], None]) -> World:
    do(stage)
    return stage.world


def reader(recording: Recording) -> str:
    """Whose cookies went with a request: they are `<value>`, but a login sets `lang`, and the name tells the rest."""
    cookie, name = recording.header("Cookie"), recording.name
    if not cookie:
        return ANONYMOUS
    if "forged" in name:
        return FORGED
    if name.startswith("totp"):
        return "otto" if "lang=" in cookie else HALF
    if "lang=" not in cookie:
        return "nobody"
    if recording.version.startswith("gitea"):
        return "dev"
    return (
        "nora"
        if "no-access" in name
        else "rita"
        if "reader-collaborator" in name or name == "signin-state-session"
        else "alice"
    )
