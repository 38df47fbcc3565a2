"""Which files of a downloaded run are which job's: told by their names alone. Pure.

GitHub: `{ordinal}_{job}.txt` with all of a job, `{job}/{number}_{step}.txt` with one step, `{job}/system.txt` with what
happened before a runner had it. Names lose `/` and `:` and are cut, folder or file may be missing, and an ordinal is
negative where an old service gave the log. Forgejo 16: `{job}-{job id}-attempt-{number}.log`, or `.MISSING` with the
reason in it, and `.PARTIAL` beside a log that could not be read to its end.

Source: pkg/cmd/run/view/logs.go of cli/cli; services/actions/job_logs.go of Forgejo 16.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from whyred.model.run import Step
from whyred.sources._members import Member, shown

_FORGEJO = re.compile(
    r"(?P<name>.+)-(?P<id>[0-9]{1,18})-attempt-(?P<try>[0-9]{1,9})(?:\.log)?\.(?P<kind>log|MISSING|PARTIAL)",
    re.S,
)
_WHOLE = re.compile(r"(?P<ordinal>-?[0-9]{1,18})_(?P<name>.+)\.txt", re.S)
_STEP = re.compile(r"(?P<number>[0-9]{1,9})_(?P<name>.*)\.txt", re.S)
_LOG = re.compile(r"(?P<name>.+)\.(?:log|txt)", re.I | re.S)
_SYSTEM = "system.txt"
_FIRST = "1_Set up job.txt"
"""The first step of every job on GitHub: what is in one folder with it is of one job."""
_ASIDE = ("Post ", "Set up job", "Set up runner", "Complete job", "Complete runner", "Stop containers")


@dataclass
class JobFiles:
    """What there is of one try of one job. `stem` is its file's name, `steps` are in their order."""

    name: str
    stem: str
    id: int | None = None
    number: int | None = None
    order: int | None = None
    whole: Member | None = None
    parts: dict[int, tuple[Step, Member]] = field(default_factory=dict)
    missing: Member | None = None
    partial: bool = False

    @property
    def steps(self) -> list[tuple[Step, Member]]:
        """Each step and its own log."""
        return [self.parts[number] for number in sorted(self.parts)]

    @property
    def called(self) -> str:
        """The shortest that names this try and no other job of another name."""
        return self.name if self.id is None else f"{self.name} (job id {self.id}, attempt {self.number})"

    def answers_to(self, wanted: str) -> bool:
        """Whether a person may mean this one: by name, by the forge's job id, or by its file."""
        return wanted in (self.name, self.stem) or (self.id is not None and wanted == str(self.id))


def jobs(members: Sequence[Member], named: str) -> list[JobFiles]:
    """The jobs of a run, in the order of the run where it is told. `named`: what the zip or folder is called."""
    found: dict[tuple[object, ...], JobFiles] = {}
    for member in _unwrapped(members, named):
        _sort_in(found, member)
    return sorted(found.values(), key=lambda job: (job.order is None, job.order or 0))


def _unwrapped(members: Sequence[Member], named: str) -> Iterable[Member]:
    """The members without the folders that are around all of them; what is all of one job gets its folder."""
    kept = [m for m in members if m.parts and "__MACOSX" not in m.parts and not m.parts[-1].startswith(".")]
    depth = 0
    while not _of_one_job(kept, depth) and len({m.parts[depth] for m in kept if len(m.parts) > depth + 1}) == 1:
        if any(len(m.parts) == depth + 1 for m in kept):
            break
        depth += 1
    folder: tuple[str, ...] = ()
    if _of_one_job(kept, depth):
        folder = (kept[0].parts[depth - 1] if depth else named,)
    return (Member((*folder, *m.parts[depth:]), m.size, m.chunks, m.refused) for m in kept)


def _of_one_job(members: Sequence[Member], depth: int) -> bool:
    return any(m.parts[depth:] == (_FIRST,) for m in members)


def _sort_in(found: dict[tuple[object, ...], JobFiles], member: Member) -> None:
    *folders, last = member.parts
    if not folders and (match := _FORGEJO.fullmatch(last)):
        _of_forgejo(found, member, match)
    elif not folders and (match := _WHOLE.fullmatch(last)):
        _whole(found, member, match)
    elif len(folders) == 1 and (last == _SYSTEM or _STEP.fullmatch(last)):
        _step(found, member)
    elif (match := _LOG.fullmatch(last)) and member.parts != (_SYSTEM,):
        name = shown("/".join((*folders, match["name"])))
        found[("file", member.parts)] = JobFiles(name, name, whole=member)


def _of_forgejo(found: dict[tuple[object, ...], JobFiles], member: Member, match: re.Match[str]) -> None:
    id_, number = int(match["id"]), int(match["try"])
    stem = f"{match['name']}-{id_}-attempt-{number}"
    new = JobFiles(shown(match["name"]), shown(stem), id_, number, id_)
    job = found.setdefault(("forgejo", id_, number, match["name"]), new)
    if match["kind"] == "log":
        job.whole = member
    elif match["kind"] == "MISSING":
        job.missing = member
    else:
        job.partial = True


def _whole(found: dict[tuple[object, ...], JobFiles], member: Member, match: re.Match[str]) -> None:
    name, ordinal = match["name"].strip(), int(match["ordinal"])
    stem = shown(member.parts[-1].removesuffix(".txt"))
    job = found.setdefault(("github", name), JobFiles(shown(name), stem))
    if job.whole is not None and ordinal >= 0 and job.order is not None:
        found[("github", name, ordinal)] = JobFiles(stem, stem, order=ordinal, whole=member)
    elif job.whole is None or ordinal >= 0:
        job.whole, job.stem = member, stem
        job.order = ordinal if ordinal >= 0 else None


def _step(found: dict[tuple[object, ...], JobFiles], member: Member) -> None:
    folder, last = member.parts
    name = folder.strip()
    job = found.setdefault(("github", name), JobFiles(shown(name), shown(name)))
    match = _STEP.fullmatch(last)
    title = shown(match["name"]) if match else "system"
    aside = match is None or title.startswith(_ASIDE)
    job.parts[int(match["number"]) if match else 0] = (Step(title or f"step {last}", aside=aside), member)
