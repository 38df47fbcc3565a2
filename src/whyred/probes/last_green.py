"""The newest green run of the same workflow and branch before this one, and what the commits in between touch.

Where these touch no file that a build reads, the push was only meant to start the run once more; where they touch no
file at all, both runs worked on the same tree, and the change is not to blame.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from whyred.model.cause import Value
from whyred.model.evidence import Reason, Unknown
from whyred.model.forge import Compared, Forge, Kind, Listed, RunQuery
from whyred.model.host import Subject
from whyred.model.probe import Cost, Facts, Probe
from whyred.model.probe import Kind as Asks
from whyred.model.run import Conclusion, Run
from whyred.probes.answer import Parts, every, pack, told
from whyred.probes.forge_rows import begun, is_green, own, read_run, run_row, same_run, same_tree

FIELDS = {
    "present": "whether there is a green run of the same workflow and branch that was made before this one",
    "run": "the run: how a person names it; absent where there is none",
    "age_seconds": "seconds between the making of that run and of this one; absent where there is none",
    "same_tree": "whether this job was green there on the same files: no commit since touches any",
    "commits": "how many commits lie between the two; absent where there is no such run",
    "files": "how many files these touch",
    "retrigger": "whether no build reads any of these files: they are texts for people, or settings of editors; absent "
    "where there are no commits between",
    "touched": "a few of the files that a build may read",
}
_OF_RUN = ("run", "age_seconds", "same_tree", "commits", "files", "retrigger", "touched")
_NEWEST = 50
_GREEN = 5
_NAMED = 5
_UNREAD = re.compile(
    r"(?:.*/)?(?:"
    r"[^/]+\.(?:md|mdx|adoc|rst)|(?:README|LICEN[CS]E|COPYING|NOTICE|CHANGELOG|CHANGES|CONTRIBUTING|AUTHORS|CODEOWNERS)"
    r"(?:-[a-z0-9]+)?(?:\.txt)?"
    r"|\.editorconfig|\.gitignore|\.mailmap|\.git-blame-ignore-revs)"
    r"|\.(?:forgejo|gitea|github)/(?:issue_template|ISSUE_TEMPLATE|pull_request_template|PULL_REQUEST_TEMPLATE).*",
    re.IGNORECASE,
)
"""Files that a compiler or a test seldom looks at. Seldom is not never, so nothing is refuted by it."""


def ask(forge: Forge, _subject: Subject, _arguments: Mapping[str, str]) -> bytes:
    """The newest green run, and the comparison of its commit with this one's."""
    listed = told(lambda: forge.runs(RunQuery(_NEWEST)))
    run = own(forge, () if isinstance(listed, Unknown) else listed.runs)
    green = _green(listed, run)
    if green is None and not _is_all(listed):
        query = RunQuery(_GREEN, branch=run.branch, workflow=run.workflow, status=Conclusion.SUCCESS.value)
        found = told(lambda: forge.runs(query))
        green = _green(found, run)
        if green is None and isinstance(found, Listed) and not found.whole:
            green = Unknown(Reason.NOT_SUPPORTED, "the list of runs that could be had may lack the green one")
    between: object = None
    job: object = None
    if isinstance(green, Run):
        job = _job(forge, green)
        between = told(lambda: forge.compared(green.commit or "", run.commit or ""))
        between = _row(between) if isinstance(between, Compared) else between
    row = run_row(green) if isinstance(green, Run) else green
    return pack({"kind": forge.kind.value, "run": run_row(run), "green": row, "job": job, "between": between})


def _job(forge: Forge, green: Run) -> object:
    """How the job of the same name ended there: a green run may have left it out."""
    name = forge.attempt.job.name if forge.attempt.job else None
    found = told(lambda: forge.attempts(green))
    if isinstance(found, Unknown):
        return found
    return next((a.conclusion.value for a in found if a.job is not None and a.job.name == name), None)


def _green(listed: Listed | Unknown, run: Run) -> Run | Unknown | None:
    """The newest green run before this one; None where the list has none."""
    if isinstance(listed, Unknown):
        return listed
    at = begun(run)
    if at is None or run.branch is None or run.workflow is None or run.commit is None:
        return Unknown(Reason.NOT_SUPPORTED, "the forge does not tell the branch, the workflow or the time of this run")
    found = [o for o in listed.runs if (o.branch, o.workflow) == (run.branch, run.workflow) and is_green(o)]
    before = [o for o in found if not same_run(run, o) and (begun(o) or at) < at and o.commit is not None]
    return max(before, key=lambda o: begun(o) or 0, default=None)


def _is_all(listed: Listed | Unknown) -> bool:
    return not isinstance(listed, Unknown) and listed.whole and len(listed.runs) < _NEWEST


def _row(found: Compared) -> dict[str, object]:
    return {"commits": found.commits, "files": found.files, "straight": found.straight, "whole": found.whole}


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    run = read_run(parts.parts.get("run"))
    if isinstance(run, Unknown):
        return every(FIELDS, run)
    if parts.absent("green"):
        nothing = Unknown(Reason.NOT_APPLICABLE, "there is no green run to compare with")
        return {"present": False, **every(_OF_RUN, None), "same_tree": nothing}
    row = parts.table("green")
    green = row if isinstance(row, Unknown) else read_run(row.parts)
    if isinstance(green, Unknown):
        return every(FIELDS, green)
    at, its = begun(run), begun(green)
    untold = Unknown(Reason.NOT_SUPPORTED, "the forge does not tell when both runs were made")
    return {
        "present": True,
        "run": green.label,
        "age_seconds": untold if at is None or its is None else round(at - its, 1),
        **_between(parts, run, green),
    }


def _between(parts: Parts, run: Run, green: Run) -> Facts:
    """What the commits between the two touch."""
    if run.commit == green.commit:
        same = _same(parts, run, green)
        return {"same_tree": same, "commits": 0, "files": 0, "retrigger": None, "touched": None}
    table = parts.table("between")
    if isinstance(table, Unknown):
        return every(("same_tree", "commits", "files", "retrigger", "touched"), table)
    files, straight, whole = table.texts("files"), table.flag("straight"), table.flag("whole")
    commits: Value | Unknown = table.number("commits")
    unsure = next((part for part in (files, straight, whole) if isinstance(part, Unknown)), None)
    if unsure is None and not (straight and whole):
        unsure = Unknown(Reason.NOT_SUPPORTED, "the forge names not every file that tells the two commits apart")
    if unsure is not None or isinstance(files, Unknown):
        return {"commits": commits, **every(("same_tree", "files", "retrigger", "touched"), unsure)}
    read_by = [file for file in files if not _UNREAD.fullmatch(file)]
    shown = ", ".join(read_by[:_NAMED]) + (" ..." if len(read_by) > _NAMED else "")
    return {
        "same_tree": False if files else _same(parts, run, replace(green, commit=run.commit)),
        "commits": commits,
        "files": len(files),
        "retrigger": not read_by,
        "touched": shown or None,
    }


def _same(parts: Parts, run: Run, green: Run) -> Value | Unknown:
    """Whether two runs of the same files are sure to have done the same, this job included."""
    word = parts.parts.get("kind")
    if not same_tree(run, green, Kind(word) if word in list(Kind) else None):
        return Unknown(Reason.NOT_SUPPORTED, "runs by such events may check out or do different things at one commit")
    job = parts.text("job")
    if isinstance(job, Unknown):
        return Unknown(Reason.NOT_FOUND, "that run has no job of this name") if parts.absent("job") else job
    if job != Conclusion.SUCCESS:
        return Unknown(Reason.NOT_APPLICABLE, "the job of this name did not succeed in that run")
    return True


PROBE = Probe(
    name="last-green",
    title="The newest green run of the same workflow and branch, and what was changed since",
    kind=Asks.FORGE,
    cost=Cost.DEAR,
    privilege="a token or web login that may read the repository's runs and commits",
    fields=FIELDS,
    ask=ask,
    read=read,
)
