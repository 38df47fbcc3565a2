"""The folder in which a runner makes its workspaces, and whether programs may be started there.

A log names the files of a checkout by their relative names; where the checkout was the log does not tell.
"""

from collections.abc import Mapping

from whyred.model.evidence import Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes import runner_files
from whyred.probes.answer import Parts, every, pack, printable, refusal, told
from whyred.probes.mounts import holding, lines_holding, read_mounts
from whyred.probes.place import entrance, follow, mountinfo

FIELDS = {
    "folder": "the folder in which workspaces lie, as the runner sees it; absent: it follows from no setting",
    "noexec": "whether the runner sees it on a file system that is mounted noexec; absent without such a folder",
}


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The folder by the runner's configuration and home, and the mounts that hold it."""
    try:
        daemon = runner_files.runner(host, subject)
        entry, mounts = entrance(host, subject), mountinfo(host, subject)
    except HostRefusedError as e:
        return refusal(e.unknown)
    config = runner_files.config(host, subject, daemon)
    registered = told(lambda: runner_files.registration(host, subject, daemon, config.said))
    folder = runner_files.work_folder(host, subject, daemon, config.said, registered)
    if not isinstance(folder, str):
        return pack({"folder": folder, "mounts": folder})
    place = told(lambda: follow(host, entry, folder).path)
    lines = place if isinstance(place, Unknown) else lines_holding(mounts, place)
    return pack({"folder": folder, "place": place, "mounts": lines})


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    if parts.absent("folder"):
        return every(FIELDS, None)
    folder, place, mounts = parts.text("folder"), parts.text("place"), parts.text("mounts")
    if isinstance(folder, Unknown):
        return every(FIELDS, folder)
    for part in (place, mounts):
        if isinstance(part, Unknown):
            return {"folder": printable(folder), "noexec": part}
    mount = holding(read_mounts(str(mounts)), str(place))
    return {"folder": printable(folder), "noexec": mount is not None and "noexec" in mount.options}


PROBE = Probe(
    name="work-folder",
    title="Where a runner makes its workspaces, and whether programs may be started there",
    kind=Kind.DAEMON,
    cost=Cost.CHEAP,
    privilege="the same user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
