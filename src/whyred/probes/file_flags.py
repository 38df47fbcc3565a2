"""Whether a path, or the folder that holds it, carries a flag that stops even root: immutable or append-only.

chattr(1) sets them, lsattr(1) shows them; inode flags of their own in ioctl_iflags(2). Neither owner nor mode tells it.
"""

import posixpath
import re
from collections.abc import Mapping
from functools import partial

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.probes.place import absolute, entrance

FIELDS = {
    "locked": "whether the path or the folder that holds it is immutable or append-only; unknown where neither tells",
    "locked_at": "which of the two it is; absent where none is",
    "flags": "the flags of that one as lsattr prints them; absent where none is locked",
}
_FLAGS = re.compile(r"([A-Za-z-]{8,})[ \t]")
_LOCKS = frozenset("ia")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """What lsattr prints of the path and of its folder, as the subject sees them."""
    try:
        path = posixpath.normpath(absolute(host, subject, arguments.get("path", "")))
        entry = entrance(host, subject)
    except HostRefusedError as e:
        return refusal(e.unknown)
    both = dict.fromkeys((path, posixpath.dirname(path)))
    return pack({"rows": [{"path": p, "said": told(partial(_said, host, f"{entry}{p}"))} for p in both]})


def _said(host: Host, path: str) -> str:
    """The line of lsattr. Raises HostRefusedError."""
    done = host.run(["lsattr", "-d", "--", path], 1.0)
    if done.code != 0:
        words = done.err.decode("utf-8", "replace").strip() or f"lsattr ended with {done.code}"
        raise HostRefusedError(Reason.NOT_SUPPORTED, words)
    return done.out.decode("utf-8", "replace")


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    rows = parts.tables("rows")
    if isinstance(rows, Unknown):
        return every(FIELDS, rows)
    told_of = [(row.text("path"), _of(row.text("said"))) for row in rows]
    for path, flags in told_of:
        if isinstance(path, str) and isinstance(flags, str) and _LOCKS & set(flags):
            return {"locked": True, "locked_at": printable(path), "flags": printable(flags)}
    unknown = [flags for _, flags in told_of if isinstance(flags, Unknown)]
    if unknown and len(unknown) == len(told_of):
        return every(FIELDS, unknown[0])
    facts: Fields = {"locked": False, "locked_at": None, "flags": None}
    return facts


def _of(said: str | Unknown) -> str | Unknown:
    if isinstance(said, Unknown):
        return said
    found = _FLAGS.match(said)
    return found[1] if found else Unknown(Reason.NOT_SUPPORTED, "lsattr printed no flags")


PROBE = Probe(
    name="file-flags",
    title="Whether a path or its folder is immutable or append-only",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="whoever may read the folder",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"path": "a path from the root"},
)
