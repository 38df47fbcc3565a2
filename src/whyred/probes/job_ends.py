"""Whether the job itself sets the end that it met: a time limit, a signal to its own processes, a limit of memory, the
end at a variable that is not set.

The script of the step is read, and of the checkout the files that it names, and those that these name: Makefile, tests,
scripts. Of their texts only what says so gets into the answer: scripts may hold secrets.
"""

from collections.abc import Mapping, Sequence

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal
from whyred.probes.searching import plain_files
from whyred.probes.step_script import scripts_of
from whyred.workflows.own_ends import asks_to_end, files, kills, memory_limit, nounset, time_limit

FIELDS = {
    "time_limit": "the first call of timeout(1) with its limit, as it stands there; absent: there is none",
    "kills": "where it first ends a process by SIGKILL, or itself with the status of that; absent: nowhere",
    "asks_to_end": "the same of SIGTERM and SIGINT; absent: nowhere",
    "memory_limit": "the first limit that it sets to the memory of a program (-Xmx, ulimit -v); absent: there is none",
    "nounset": "the first `set -u`, by which a shell ends at a variable that is not set; absent: there is none",
}
MOST_FILES, MOST_BYTES, MOST_NAMES, DEPTH = 40, 1 << 16, 320, 2
"""Files that are read, bytes of each, names that are looked for, and how far names in files are followed."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """What the script of the step and the files that it names say."""
    folder, step = arguments.get("folder", ""), arguments.get("step", "")
    if not folder.startswith("/") or not step:
        return refusal(Unknown(Reason.NO_SUBJECT, "the checkout that the attempt ran in is not known here"))
    scripts = list(scripts_of(host, folder, step))
    if not scripts:
        return refusal(Unknown(Reason.NOT_FOUND, f"no workflow of the checkout has a step {step[:100]!r}"))
    return told([*scripts, *_texts(host, folder, scripts)])


def told(texts: Sequence[str]) -> bytes:
    """The answer for these texts, that of the script first."""
    found = {"time_limit": time_limit(texts), "kills": kills(texts), "asks_to_end": asks_to_end(texts)}
    return pack(found | {"memory_limit": memory_limit(texts), "nounset": nounset(texts)})


def _texts(host: Host, folder: str, scripts: Sequence[str]) -> list[str]:
    found: list[str] = []
    seen = set[str]()
    todo = [name for script in scripts for name in files(script)]
    for _ in range(DEPTH):
        after: list[str] = []
        names = [n for n in dict.fromkeys(todo) if n not in seen][: MOST_NAMES - len(seen)]
        seen.update(names)
        for path in plain_files(host, [f"{folder}/{name}" for name in names])[: MOST_FILES - len(found)]:
            text = _text(host, path)
            if text is not None:
                found.append(text)
                after += files(text)
        todo = after
    return found


def _text(host: Host, path: str) -> str | None:
    """What a file of text says; None of another, and of one that may not be read."""
    try:
        text = host.read(path, MOST_BYTES)
    except HostRefusedError:
        return None
    return None if b"\0" in text else text.decode("utf-8", "surrogateescape")


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    facts = {field: None if parts.absent(field) else parts.text(field) for field in FIELDS}
    return {field: printable(value) if isinstance(value, str) else value for field, value in facts.items()}


PROBE = Probe(
    name="job-ends",
    title="Ends that a job sets itself: time limits, signals, limits of memory, unset variables",
    kind=Kind.DIRECTORY,
    cost=Cost.CHEAP,
    privilege="none, or to read the checkout",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={
        "step": "optional: the name of the step that failed, which the log tells",
        "folder": "optional: the checkout, which the attempt tells",
    },
)
