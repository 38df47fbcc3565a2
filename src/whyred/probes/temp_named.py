"""The folders that a process's environment names for temporary files."""

import posixpath
import re
from contextlib import suppress

from whyred.model.host import Host, HostRefusedError

_NAMES = ("TMPDIR", "TMP", "TEMP")
"""POSIX 8.3; Python's tempfile and Node's os.tmpdir()."""
_ALSO = ("GOTMPDIR", "JAVA_TOOL_OPTIONS")
"""`go help environment`; the tool interface of the JVM. What was printed on a host may lack them."""
_OF_JAVA = re.compile(r"(?:^|\s)-Djava\.io\.tmpdir=(\S+)")


def named_folders(host: Host, pid: int) -> list[str]:
    """The folders, sorted; those that begin at the root alone. Raises HostRefusedError."""
    found = host.environ(pid, _NAMES)
    for name in _ALSO:
        with suppress(HostRefusedError):
            found |= host.environ(pid, [name])
    options = found.pop("JAVA_TOOL_OPTIONS", "")
    values = {*found.values(), *_OF_JAVA.findall(options)}
    return sorted({posixpath.normpath(v) for v in values if v.startswith("/")})
