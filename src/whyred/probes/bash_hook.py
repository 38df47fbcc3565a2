"""What the file of BASH_ENV does to every bash script of a job, beside setting variables.

bash reads it before each script (bash(1), Invocation), in the same shell: options, the folder and an `exit` stay. Only
commands at the beginning of a line count; of the file nothing else leaves this module.
"""

import re
from collections.abc import Mapping

from whyred.model.evidence import Unknown
from whyred.model.host import Host, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, without_process
from whyred.probes.job_variable import hook_text

FIELDS = {
    "file": "the file that BASH_ENV names for jobs; absent: none",
    "nounset": "whether it says `set -u` and does not take it back: a variable that is not set ends every script",
    "options": "the first of its lines that sets options of the shell or IFS; absent: none does",
    "moves_to": "the folder it changes to, as it is written; absent: it stays",
    "ends": "whether it says `exit` or `exec`, so that no script of a job ever begins",
}
_OPTIONS = re.compile(
    r"^(?:set +[-+][a-zA-Z][\w -]*|shopt +-[su] +[\w ]+"
    r"|(?:export +)?IFS=(?=(?:'[^'\n]*'|\"[^\"\n]*\"|[^\s;&|'\"])*[ \t]*$))",
    re.MULTILINE,
)
_NOUNSET = re.compile(
    r"^set +(?:[-+][a-zA-Z]+ +(?:[a-z]+ +)?)*(?P<sign>[-+])(?:[a-zA-Z]*u[a-zA-Z]*|[a-zA-Z]*o +nounset)(?![\w-])",
    re.MULTILINE,
)
_MOVES = re.compile(r"^(?:cd|pushd) +([^\s;&|#]+)", re.MULTILINE)
_ENDS = re.compile(r"^(?:exit\b|exec +[^\s<>&0-9])", re.MULTILINE)
_MOST = 200


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The commands of that file that change the shell."""
    if subject.pid is None:
        return without_process()
    file, text = hook_text(host, subject)
    if not isinstance(text, str):
        return pack({"file": file, "found": text})
    options, moves = _OPTIONS.search(text), _MOVES.search(text)
    found = {
        "nounset": [m["sign"] for m in _NOUNSET.finditer(text)][-1:] == ["-"],
        "options": options[0][:_MOST] if options else None,
        "moves_to": moves[1][:_MOST] if moves else None,
        "ends": _ENDS.search(text) is not None,
    }
    return pack({"file": file, "found": found})


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    if parts.absent("file"):
        return every(FIELDS, None) | {"nounset": False, "ends": False}
    file, found = parts.text("file"), parts.table("found")
    if isinstance(file, Unknown) or isinstance(found, Unknown):
        unknown = found if isinstance(found, Unknown) else file
        assert isinstance(unknown, Unknown)
        return every(FIELDS, unknown) | {"file": printable(file) if isinstance(file, str) else file}
    texts = {k: None if found.absent(k) else found.text(k) for k in ("options", "moves_to")}
    return {
        "file": printable(file),
        "nounset": found.flag("nounset"),
        "ends": found.flag("ends"),
        **{k: printable(v) if isinstance(v, str) else v for k, v in texts.items()},
    }


PROBE = Probe(
    name="bash-hook",
    title="What the file of BASH_ENV does to every script of a job",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
