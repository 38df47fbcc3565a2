"""A variable (`vars.NAME`) that a workflow uses and that does not exist."""

from collections.abc import Iterator

from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout
from whyred.workflows.rules._used import used

SOURCE = "Forgejo and Gitea, API /repos/{owner}/{repo}/actions/variables"


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per name and file, at its first use."""
    known = checkout.told.variables
    if known is None:
        return
    for file in checkout.files:
        for name, line in used(file, "vars"):
            if name in known.names:
                continue
            yield Remark(
                Level.DOUBTFUL,
                file.spot(line),
                f"neither the repository nor its owner has a variable {name}"
                if known.whole
                else f"the repository has no variable {name}; its owner could not be asked",
                "unless the whole server has one, the job gets an empty text in its place",
                f"Create it, or use one of {', '.join(sorted(known.names)) or '(there are none)'}",
            )
