"""What the forge of a checkout tells of what its workflows use: which program it is, the labels that runners offer, the
names of secrets and variables.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from whyred.model.forge import Address, Kind
from whyred.model.remark import NotAsked
from whyred.model.source import MissingLogError
from whyred.model.trouble import UserError
from whyred.workflows.checkup import Names, Told

if TYPE_CHECKING:
    from whyred.app.forges import Forges
    from whyred.app.ladder import Ladder

_READERS = (Kind.FORGEJO, Kind.GITEA, Kind.GITHUB)
_SECRETS, _VARIABLES, _LABELS = "which secrets exist", "which variables exist", "which labels are offered"


def ask_forge(
    root: Path, told: Told, forges: "Forges | None", progress: Callable[[str], None]
) -> tuple[Told, list[NotAsked]]:
    """What is told, more than `told`, and what could not be asked."""
    if forges is None:
        return told, _skipped(told, "the forge was not to be asked", "Leave --offline away")
    try:
        ladder, address = _ladder(forges, root)
    except UserError as e:
        return told, _skipped(told, e.why, e.how)
    except MissingLogError as e:
        return told, _skipped(told, f"{e.reason}: {e.asked}", e.help)
    server = ladder.reach.server
    progress(f"asking {server.root} for labels and names")
    kind = server.kind if server.kind in _READERS else None
    told = replace(told, kind=told.kind or kind, version=version_of(server.version))
    not_asked: list[NotAsked] = []
    try:
        told = replace(told, secrets=Names(*ladder.ask("secret_names", address.repo)))
    except MissingLogError as e:
        not_asked.append(NotAsked(_SECRETS, f"{e.reason}: {e.asked}", e.help))
    try:
        told = replace(told, variables=Names(*ladder.ask("variable_names", address.repo)))
    except MissingLogError as e:
        not_asked.append(NotAsked(_VARIABLES, f"{e.reason}: {e.asked}", e.help))
    if told.labels is None:
        try:
            offered = ladder.ask("runners", address.repo)
        except MissingLogError as e:
            not_asked.append(NotAsked(_LABELS, f"{e.reason}: {e.asked}", f"{e.help}; or say --labels A,B"))
        else:
            told = replace(told, labels=tuple((r.name, frozenset(r.labels)) for r in offered))
    return told, not_asked


def _skipped(told: Told, why: str, how: str) -> list[NotAsked]:
    whats = (_SECRETS, _VARIABLES, *(() if told.labels is not None else (_LABELS,)))
    return [NotAsked(what, why, f"{how}; or say --labels A,B" if what == _LABELS else how) for what in whats]


def _ladder(forges: "Forges", root: Path) -> tuple["Ladder", Address]:
    """The ladder to the forge of a checkout, where it is one that the user is logged in to, or named with --server.

    Others are not asked: to check a checkout must not be a way to make whyred call a server that it names. Raises
    UserError and MissingLogError.
    """
    from whyred.sources.checkout import read_checkout

    remote = read_checkout(root).remote
    if remote is None or not remote.root_candidates:
        raise UserError("no forge", "the checkout has no remote on a forge", "Say --server URL")
    known = forges.known()
    named = forges.options.server
    server = named or next((candidate for candidate in remote.root_candidates if candidate in known), None)
    if server is None:
        where = remote.root_candidates[0]
        raise UserError("not logged in", f"you are not logged in to {where}", f"whyred login {where}")
    ladder = forges.ladder(server)
    return ladder, Address(remote.repo_at(server) or remote.repo or "", root=server)


def version_of(text: str | None) -> tuple[int, ...] | None:
    """The numbers of a version: of `16.0.1` three."""
    numbers = []
    for part in (text or "").lstrip("v").split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits[:9]))
        if digits != part:
            break
    return tuple(numbers) or None
