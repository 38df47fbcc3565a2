"""Which step or job of the checkout's workflows makes a file that another one misses, and under which condition.

Of a workflow only names, conditions and needs go into the answer: scripts and variables may hold secrets.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal
from whyred.workflows.checkup import File, read_file
from whyred.workflows.expressions import ExpressionError, Place
from whyred.workflows.folders import FOLDERS
from whyred.workflows.nouns import JobSpec, StepSpec, WorkflowError
from whyred.workflows.truth import always
from whyred.workflows.worlds import for_job, for_step, worlds

FIELDS = {
    "never": "a step or job that makes the file and whose `if` can never hold; absent where there is none",
    "conditional": "a step or job that makes the file under a condition; absent where there is none",
    "not_needed": "a job that makes the file and that the one which reads it does not need; absent where there is none",
}
MOST_FILES = 40
_NAME = re.compile(r"[^\x00-\x1f]{1,400}")
_TO = re.compile(
    r"(?:>>?|\s-o|--output[= ]|\btee|\btouch|\bmkdir(?: -p)?|\btar\s+-?\w*c\w*f"
    r"|\b(?:cp|mv|install|ln -sf?)\s\S.*)\s*\S*$"
)
"""What stands before a name that a command writes."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The steps and jobs that name the file, of every workflow of the checkout and of the one that was run itself."""
    folder, file = arguments.get("folder", ""), arguments.get("file", "")
    base = posixpath.basename(file.rstrip("/"))
    if not folder.startswith("/") or not _NAME.fullmatch(file) or len(base) < 3:
        return refusal(Unknown(Reason.NOT_APPLICABLE, f"{file[:200]!r} is no name that a step could be known by"))
    rows: list[dict[str, object]] = []
    for path in _workflows(host, folder):
        try:
            read_ = read_file(host.read(path), posixpath.basename(path))
        except (HostRefusedError, WorkflowError):
            continue  # the others may tell; what none tells stays absent
        rows += _rows(read_, base)
    return pack({"rows": rows})


def _workflows(host: Host, folder: str) -> Iterator[str]:
    """Where whyred ran it itself, the workflow lies beside the checkout."""
    yield f"{posixpath.dirname(folder.rstrip('/'))}/workflow.yml"
    for place in FOLDERS:
        try:
            names = host.names(f"{folder}/{place}")
        except HostRefusedError:
            continue
        yield from (f"{folder}/{place}/{n}" for n in names[:MOST_FILES] if n.endswith((".yml", ".yaml")))


def _rows(file: File, base: str) -> Iterator[dict[str, object]]:
    """What makes the file, with the conditions above it; and what reads it in the same workflow."""
    readers = {job.key for job in file.workflow.jobs for step in job.steps if _reads(step, base)}
    for job in file.workflow.jobs:
        for number, step in enumerate(job.steps):
            if not _makes(step, base):
                continue
            later = any(_reads(one, base) for one in job.steps[number + 1 :])
            others = sorted(readers - {job.key})
            if later or others:
                yield {
                    "step": step.name,
                    "job": job.key,
                    "conditional": bool(step.if_ or job.if_),
                    "never": _never(file, job, number),
                    "not_needed": bool(others) and not later and not any(_needs(file, o, job.key) for o in others),
                }


def _reads(step: StepSpec, base: str) -> bool:
    """Whether a step names the file in its script, or gets the artifact of that name."""
    if "download-artifact" in (step.uses or ""):
        return (step.with_ or {}).get("name") == base
    return re.search(rf"(?<![\w.-]){re.escape(base)}(?![\w-]|\.\w)", step.run or "") is not None


def _makes(step: StepSpec, base: str) -> bool:
    """Whether a step writes the file, as far as that can be read from its script, or stores the artifact."""
    if "upload-artifact" in (step.uses or ""):
        return (step.with_ or {}).get("name") == base
    script = step.run or ""
    found = re.finditer(rf"(?<![\w.-]){re.escape(base)}(?![\w-]|\.\w)", script)
    return any(_TO.search(script[: match.start()].rpartition("\n")[2]) for match in found)


def _never(file: File, job: JobSpec, number: int) -> bool:
    step = job.steps[number]
    started = [for_job(world, file.workflow, job) for world in worlds(file.workflow, file.triggers)]
    inside = [for_step(world, job.steps[:number]) for world in started]
    place = Place(file.path, None, "if")
    try:
        return any(
            bool(text) and bool(seen) and always(text or "", seen, place) is False
            for text, seen in ((job.if_, started), (step.if_, inside))
        )
    except ExpressionError:
        return False


def _needs(file: File, job: str, other: str) -> bool:
    """Whether a job needs another one, also by way of others."""
    needs = {one.key: one.needs for one in file.workflow.jobs}
    keys = list(needs.get(job, ()))
    for key in keys:  # grows while it is walked
        keys += [n for n in needs.get(key, ()) if n not in keys]
    return other in keys


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    rows = Parts(data).tables("rows")
    if isinstance(rows, Unknown):
        return every(FIELDS, rows)
    return {field: _first(rows, field) for field in FIELDS}


def _first(rows: list[Parts], field: str) -> str | Unknown | None:
    for row in rows:
        flag, step, job = row.flag(field), row.text("step"), row.text("job")
        for part in (flag, step, job):
            if isinstance(part, Unknown):
                return part
        if flag is True:
            return printable(f"{step} (job {job})")
    return None


PROBE = Probe(
    name="step-conditions",
    title="Which step makes a file, and under which condition",
    kind=Kind.DIRECTORY,
    cost=Cost.MODERATE,
    privilege="may read the checkout",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"file": "the file, as the log names it", "folder": "the absolute path of the checkout"},
)
