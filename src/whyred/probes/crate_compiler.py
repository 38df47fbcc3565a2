"""Which rustc made a compiled crate: it writes its version into the metadata of every .rlib, .rmeta and .so.

The metadata begin with `rust`, a number for the form, and the version as text, not compressed (rustc_metadata,
`METADATA_HEADER` and `rustc_version`).
"""

import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal
from whyred.probes.libraries import file_behind
from whyred.probes.place import absolute, entrance

FIELDS = {
    "exists": "whether the file is there",
    "compiler": "the version of the rustc that made it, such as `rustc 1.85.0 (4d91de4e4 2025-02-17)`",
}
_LIMIT = 8 << 20
_VERSION = re.compile(rb"rust\0\0\0.{1,24}?(rustc \d+\.\d+\.\d+[\w.-]*(?: \([0-9a-zA-Z -]{1,40}\))?)", re.DOTALL)


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The text in the file that names the version."""
    try:
        path = absolute(host, subject, arguments.get("path", ""))
        reach = file_behind(host, entrance(host, subject), path)
        if reach is None:
            return pack({"exists": False})
        found = _VERSION.search(host.read(reach, _LIMIT))
    except HostRefusedError as e:
        return refusal(e.unknown)
    return pack({"exists": True, "compiler": found[1] if found else None})


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    exists = parts.flag("exists")
    if exists is not True:
        return {"exists": exists, "compiler": exists if isinstance(exists, Unknown) else None}
    if parts.absent("compiler"):
        unread = Unknown(Reason.UNREADABLE, "the file names no rustc: it is no compiled crate, or too large")
        return {"exists": True, "compiler": unread}
    compiler = parts.text("compiler")
    return {"exists": True, "compiler": printable(compiler) if isinstance(compiler, str) else compiler}


PROBE = Probe(
    name="crate-compiler",
    title="Which rustc made a compiled crate",
    kind=Kind.PROCESS,
    cost=Cost.MODERATE,
    privilege="read access to the file; the same user or root to look into another mount namespace",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"path": "the compiled crate, as the process sees it"},
)
