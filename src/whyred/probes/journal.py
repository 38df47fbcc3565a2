"""What systemd's journal says of a unit in a span of time, counted by kind: kills, restarts, registration, lost logs.

Only lines of these kinds are kept, for a runner that logs at level debug prints its jobs' output there.

Source: journalctl(1); the texts are those of systemd 252 (src/core/unit.c, service.c), forgejo-runner, Gitea's runner
and actions/runner.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, Output, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told

_KINDS = {
    "oom_kills": r"(?i)killed by the OOM killer|^Out of memory: Killed process"
    r"|^Memory cgroup out of memory",
    "crashes": r"Main process exited, code=(?:killed|dumped)|Main process exited, code=exited, status=[1-9]",
    "restarts": r"Scheduled restart job, restart counter is at",
    "stops": r"^Stopping \S|^Stopped \S",
    "cut_jobs": r"forcing the jobs to shutdown|The runner has received a shutdown signal",
    "unregistered": r"unregistered runner|registration file not found|runner registration token not found"
    r"|registration has been deleted from the server",
    "bad_labels": r"ignored invalid label|no labels configured, runner may not",
    "fetch_errors": r"failed to fetch task|fail to invoke Declare|[Cc]annot ping the \w+ instance server",
    "lost_logs": r"submitted logs are lost|uploading final (?:logs|status) failed|unable to send final job logs"
    r"|not all logs are submitted",
}
FIELDS = {
    "oom_kills": "lines that say the kernel ended a process of the unit for want of memory",
    "crashes": "how often the unit's main process was killed or ended with an error",
    "restarts": "how often systemd started it again by itself",
    "stops": "lines of its being stopped by somebody",
    "cut_jobs": "lines of the runner that say it ended its jobs because it was told to end itself",
    "unregistered": "lines that say the forge does not know the runner, or that the runner has no registration",
    "bad_labels": "lines that say a label is not valid, or that the runner has none",
    "fetch_errors": "lines that say the forge could not be reached or gave no answer",
    "lost_logs": "lines that say a job's log or status could not be handed in",
    "lines": "number of lines of the unit that were looked at",
    "newest": "the newest line of any of these kinds; absent: there is none",
}
_EACH = {kind: re.compile(regex) for kind, regex in _KINDS.items()}
_NAME = re.compile(r"[A-Za-z0-9:_.@\\-]{1,255}")
_TIME = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
_HOURS = re.compile(r"[1-9][0-9]{0,3}")
_MOST = 2000
"""Lines of one unit that are looked at: the newest ones."""
_KEPT = 40
"""Lines of the kinds above that are kept, the newest ones; every one is counted."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The counts, and the newest lines that were counted."""
    unit = subject.unit
    if unit is None or not _NAME.fullmatch(unit) or unit.startswith("-"):
        return refusal(Unknown(Reason.NOT_APPLICABLE, f"{subject.name} belongs to no systemd unit"))
    span = _span(arguments)
    if span is None:
        return refusal(Unknown(Reason.NOT_FOUND, "nothing tells when the attempt ran"))
    form = ["--no-pager", "--all", "--reverse", "--output=json", "--output-fields=MESSAGE", f"--lines={_MOST}"]
    shown = told(lambda: host.run(["journalctl", *form, *span, f"--unit={unit}"], 1.8))
    if isinstance(shown, Unknown):
        return refusal(shown)
    if not shown.out:
        silence = _silence(shown)
        return refusal(silence) if silence else pack({"counts": {}, "kept": [], "lines": 0})
    counts: Counter[str] = Counter()
    kept: list[str] = []
    lines = 0
    for text in _messages(shown.out):
        lines += 1
        kinds = [kind for kind, regex in _EACH.items() if regex.search(text)]
        counts.update(kinds)
        if kinds and len(kept) < _KEPT:
            kept.append(text[:300])
    return pack({"counts": dict(counts), "kept": kept, "lines": lines})


def _span(arguments: Mapping[str, str]) -> list[str] | None:
    since, until, hours = (arguments.get(k, "") for k in ("since", "until", "hours"))
    if _TIME.fullmatch(since) and _TIME.fullmatch(until):
        return [f"--since=@{since}", f"--until=@{until}"]
    return [f"--since=-{hours}h"] if _HOURS.fullmatch(hours) else None


def _messages(out: bytes) -> Iterator[str]:
    """The texts, newest first; a line that was cut by the limit of a command's output is the last one."""
    for line in out.split(b"\n"):
        try:
            message = json.loads(line)["MESSAGE"]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if isinstance(message, list):  # bytes that are no UTF-8 are printed as numbers
            message = bytes(n for n in message if isinstance(n, int) and 0 <= n < 256).decode("utf-8", "replace")
        if isinstance(message, str):
            yield message


def _silence(shown: Output) -> Unknown | None:
    """Why nothing was printed; None where there is nothing to be printed."""
    text = " ".join(shown.err.decode("utf-8", "replace").split())
    if "insufficient permissions" in text or "not seeing messages from other users" in text:
        return Unknown(Reason.NO_PERMISSION, "the journal of the system is for root and the group systemd-journal")
    if "No journal files were found" in text:
        return Unknown(Reason.NOT_FOUND, "no journal is kept here")
    if shown.code != 0:
        return Unknown(Reason.REFUSED, f"journalctl failed: {text[:200] or 'it says nothing'}")
    return None


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    counts, kept = parts.table("counts"), parts.texts("kept")
    if isinstance(counts, Unknown):
        return every(FIELDS, counts)
    facts: Fields = {kind: counts.number(kind) if kind in counts.parts else 0 for kind in _KINDS}
    newest = kept if isinstance(kept, Unknown) else printable(kept[0]) if kept else None
    return facts | {"lines": parts.number("lines"), "newest": newest}


PROBE = Probe(
    name="journal",
    title="What the journal says of a unit: kills, restarts, registration, lost logs",
    kind=Kind.DAEMON,
    cost=Cost.MODERATE,
    privilege="root or the group systemd-journal",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={
        "since": "optional: the beginning of the span, in seconds since the epoch",
        "until": "optional: the end of the span, in seconds since the epoch",
        "hours": "optional: the last hours to look at, where no span is given",
    },
    pack=({"hours": "24"},),
)
