"""A secret that a workflow uses and that does not exist."""

from collections.abc import Iterator

from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout
from whyred.workflows.rules._used import used

SOURCE = "Forgejo and Gitea, API /repos/{owner}/{repo}/actions/secrets; cause catalogue 3.12, missing-secret"
_GIVEN = ("GITHUB_TOKEN", "FORGEJO_TOKEN", "GITEA_TOKEN", "ACTIONS_STEP_DEBUG", "ACTIONS_RUNNER_DEBUG")
"""Those that the forge makes for every job, and those that only switch something on."""


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per name and file, at its first use."""
    known = checkout.told.secrets
    if known is None:
        return
    for file in checkout.files:
        handed = {name.upper() for t in file.triggers if t.event == "workflow_call" for name in t.secrets}
        called_only = {t.event for t in file.triggers} == {"workflow_call"}
        for name, line in used(file, "secrets"):
            if name in known.names or name in _GIVEN or name in handed or called_only:
                continue
            yield Remark(
                Level.WRONG if known.whole else Level.DOUBTFUL,
                file.spot(line),
                f"the secret {name} does not exist" if known.whole else f"the repository has no secret {name}",
                "the job gets an empty text in its place, and says nothing of it"
                if known.whole
                else "its owner may have one: that could not be asked. Without, the job gets an empty text",
                f"Create it, or use one of {', '.join(sorted(known.names)) or '(there are none)'}",
            )
