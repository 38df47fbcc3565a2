"""Whether quotas are in force on the file system that holds a path, and whether the user has used up his.

In force: the mount options of ext4 (ext4(5)) and xfs (xfs(5)). Used up: what `quota` prints (quota(1)), of local file
systems, with blocks of 1 KiB.
"""

import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, refusal, told
from whyred.probes.mounts import holding, lines_holding, read_mounts
from whyred.probes.person import ask_person, read_person
from whyred.probes.place import absolute, entrance, follow, mountinfo

FIELDS = {
    "enforced": "which quotas the file system's mount options speak of: of `user`, `group` and `project`; absent: none",
    "over": "whether the process's user has reached his limit there; absent: he has none",
    "used_bytes": "bytes of that user there, as the quota counts them; absent: he has no quota",
    "limit_bytes": "how many bytes he may have there; absent: no limit",
    "used_files": "files of that user there; absent: he has no quota",
    "limit_files": "how many files he may have there; absent: no limit",
    "fstype": "the type of the file system that holds the path",
}
_OF_USER = ("over", "used_bytes", "limit_bytes", "used_files", "limit_files")
_OPTIONS = {
    "user": re.compile(r"(usrquota|usrjquota=.+|uquota|quota|usrquota_.+)"),
    "group": re.compile(r"(grpquota|grpjquota=.+|gquota|grpquota_.+)"),
    "project": re.compile(r"(prjquota|pquota)"),
}
_ROW = re.compile(r"^\s*(\S+)\s+(\d+)(\*?)\s+(\d+)\s+(\d+)\s+\d+\s+(\d+)(\*?)\s+(\d+)\s+(\d+)\s+\d+\s*$", re.MULTILINE)
"""Of `quota -wp`: device; blocks used (`*`: too many), soft, hard limit, grace; the same of files."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The mounts on the way to the path, and what `quota` says of the subject's user."""
    try:
        path = follow(host, entrance(host, subject), absolute(host, subject, arguments.get("path", ""))).path
        mounts = lines_holding(mountinfo(host, subject), path)
    except HostRefusedError as e:
        return refusal(e.unknown)
    person = read_person(Parts(pack(ask_person(host, subject))))
    quota: object = person
    if not isinstance(person, Unknown):
        quota = told(lambda: _quota(host, person.uid))
    return pack({"path": path, "mountinfo": mounts, "quota": quota})


def _quota(host: Host, uid: int) -> str:
    done = host.run(["quota", "-u", "-w", "-p", "-l", "-v", str(uid)], 1.5)
    return done.out.decode("utf-8", "replace")


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    path, text = parts.text("path"), parts.text("mountinfo")
    if isinstance(path, Unknown) or isinstance(text, Unknown):
        return every(FIELDS, path if isinstance(path, Unknown) else text if isinstance(text, Unknown) else None)
    mount = holding(read_mounts(text), path)
    if mount is None:
        return every(FIELDS, Unknown(Reason.UNREADABLE, "no line of /proc/PID/mountinfo holds the path"))
    options = mount.options | mount.shared_options
    kinds = [kind for kind, fits in _OPTIONS.items() if any(fits.fullmatch(o) for o in options)]
    facts: Fields = {"enforced": ",".join(kinds) or None, "fstype": mount.fstype}
    return facts | _of_user(parts, mount.source)


def _of_user(parts: Parts, source: str) -> Fields:
    text = parts.text("quota")
    if isinstance(text, Unknown):
        return every(_OF_USER, text)
    row = next((r for r in _ROW.finditer(text) if r[1] == source), None)
    if row is None:
        return every(_OF_USER, None)
    used, soft, hard, files, soft_files, hard_files = (int(row[n]) for n in (2, 4, 5, 6, 8, 9))
    full = bool(hard and used >= hard) or bool(hard_files and files >= hard_files)
    limited = any((soft, hard, soft_files, hard_files))
    return {
        "over": (full or bool(row[3] or row[7])) if limited else None,
        "used_bytes": used * 1024,
        "limit_bytes": (hard or soft) * 1024 or None,
        "used_files": files,
        "limit_files": hard_files or soft_files or None,
    }


PROBE = Probe(
    name="quota",
    title="Quotas in force where a path lies, and whether the user has used up his",
    kind=Kind.DIRECTORY,
    cost=Cost.MODERATE,
    privilege="none",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"path": "the path, as the process sees it"},
)
