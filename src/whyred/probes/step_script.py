"""Whether the script of a step lets a command fail, so that its complaint did not end the step.

Of the workflow only this goes into the answer: scripts may hold secrets.
"""

import posixpath
from collections.abc import Iterator, Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.model.script import called
from whyred.probes.answer import Parts, every, pack, refusal
from whyred.workflows.folders import FOLDERS
from whyred.workflows.nouns import WorkflowError
from whyred.workflows.read import read_workflow
from whyred.workflows.spares import lets_fail

FIELDS = {
    "lets_fail": "whether the script of the step goes on when the program fails, wherever it calls it; absent where "
    "that is not plain",
}
MOST_FILES = 40
_SHELLS = (None, "bash", "sh")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The step by its name, in the workflow that was run where that is kept, else in those of the checkout."""
    folder, step = arguments.get("folder", ""), arguments.get("step", "")
    program, said = arguments.get("program", ""), arguments.get("said", "")
    if not folder.startswith("/") or not step or not program:
        return refusal(Unknown(Reason.NOT_APPLICABLE, "no step and no program is named"))
    rows = [lets_fail(script, program, said) for script in scripts_of(host, folder, step)]
    return pack({"rows": [{"lets_fail": row is True} for row in rows]})


def let_fail() -> bytes:
    """The answer where it is known already that the script goes on."""
    return pack({"rows": [{"lets_fail": True}]})


def scripts_of(host: Host, folder: str, step: str) -> Iterator[str]:
    """The texts of the steps of this name. Where whyred ran it itself, the workflow lies beside the checkout, and no
    other counts."""
    own = list(_of(host, f"{posixpath.dirname(folder.rstrip('/'))}/workflow.yml", step))
    yield from own
    for place in FOLDERS if not own else ():
        try:
            names = host.names(f"{folder}/{place}")
        except HostRefusedError:
            continue
        for name in [n for n in names if n.endswith((".yml", ".yaml"))][:MOST_FILES]:
            yield from _of(host, f"{folder}/{place}/{name}", step)


def _of(host: Host, path: str, step: str) -> Iterator[str]:
    try:
        workflow = read_workflow(host.read(path), posixpath.basename(path))
    except (HostRefusedError, WorkflowError):
        return  # the others may tell; what none tells stays absent
    for job in workflow.jobs:
        shell = job.defaults.shell or workflow.defaults.shell
        for spec in job.steps:
            if called(spec.name, step) and (spec.shell or shell) in _SHELLS:
                yield spec.run or ""


def read(data: bytes) -> Facts:
    """The facts of an answer: what all steps of the name have in common."""
    rows = Parts(data).tables("rows")
    if isinstance(rows, Unknown):
        return every(FIELDS, rows)
    told = [row.flag("lets_fail") for row in rows]
    return {"lets_fail": True if told and all(flag is True for flag in told) else None}


PROBE = Probe(
    name="step-script",
    title="Whether a step's script lets a command fail",
    kind=Kind.DIRECTORY,
    cost=Cost.CHEAP,
    privilege="none, or to read the checkout",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={
        "step": "the name of the step",
        "program": "the program that complained",
        "said": "the line in which it did",
        "folder": "optional: the checkout, which the attempt tells",
    },
)
