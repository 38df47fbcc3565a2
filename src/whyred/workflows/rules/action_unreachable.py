"""An action that this forge's runners may not find, or that its form does not let them find."""

import re
from collections.abc import Iterator

from whyred.model.forge import Kind
from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout, File, Told

SOURCE = (
    "Forgejo and Gitea, app.ini [actions] DEFAULT_ACTIONS_URL (modules/setting/actions.go); "
    "GitHub, Workflow syntax: jobs.<job_id>.steps[*].uses"
)
_SHORT = re.compile(r"[\w.-]+/[\w.-]+(?:/[^@]*)?")


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per `uses`, also of a called workflow."""
    for file, job in checkout.jobs():
        if job.uses is not None:
            yield from _told(file, job.uses, job.lines.get("uses", job.line), checkout.told, called=True)
        for step in job.steps:
            if step.uses is not None:
                yield from _told(file, step.uses, step.lines.get("uses", step.line), checkout.told, called=False)


def _told(file: File, uses: str, line: int, told: Told, *, called: bool) -> Iterator[Remark]:
    spot, shown = file.spot(line), uses[:100]
    if "${{" in uses or uses.startswith("docker://"):
        return
    if uses.startswith("./"):
        if told.local is not None and uses not in told.local:
            what = "workflow file" if called else "folder with an action.yml, action.yaml or Dockerfile"
            yield Remark(Level.WRONG, spot, f"`{shown}` is no {what} of this checkout", "", "Correct the path")
        return
    name, at, ref = uses.rpartition("@")
    if not at or not ref:
        how = "Name a version: `owner/name@v4`, or a commit"
        yield Remark(Level.WRONG, spot, f"`{shown}` names no version behind an `@`", "the runner refuses it", how)
        return
    if re.match(r"https?://", name):
        if told.kind is Kind.GITHUB:
            how = "Write owner/name@version"
            yield Remark(Level.WRONG, spot, f"`{shown}` is an URL", "GitHub takes actions by owner and name only", how)
        return
    if told.kind in (Kind.FORGEJO, Kind.GITEA) and _SHORT.fullmatch(name) and not called:
        yield _short(file, line, name, told)


def _short(file: File, line: int, name: str, told: Told) -> Remark:
    """A short name leads to the place that the forge's administrator set."""
    owner = name.split("/")[0]
    root, by = told.actions_url, "as was said with --actions-url"
    if root is None:
        root, by = _default(told), "unless the forge's app.ini says otherwise (DEFAULT_ACTIONS_URL)"
    at_github = root.rstrip("/") == "https://github.com"
    sure = at_github or owner == "actions"
    return Remark(
        Level.NOTE if sure else Level.DOUBTFUL,
        file.spot(line),
        f"`{name}` is fetched from {root}, {by}",
        "" if sure else "that server has copies of some actions only: what is missing there fails in `Set up job`",
        "Write the whole URL where it must come from elsewhere: "
        f"https://github.com/{'/'.join(name.split('/')[:2])}@...",
    )


def _default(told: Told) -> str:
    if told.kind is Kind.GITEA:
        return "https://github.com"
    return "https://code.forgejo.org" if told.before(10) else "https://data.forgejo.org"
