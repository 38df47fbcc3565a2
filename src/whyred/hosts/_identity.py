"""Names a machine so that nobody learns more than whether two names are the same: for every host that is asked live."""

import hashlib
import re

_NAMESPACE = re.compile(r"mnt:\[(\d+)\]")


def machine_name(machine_id: str | None, boot: str | None) -> str | None:
    """A name for a machine that says nothing else: machine-id(5) asks never to publish the id itself.

    A container without the file is told from others by the boot it runs in.
    """
    told = (machine_id or "").strip() or (boot or "").strip()
    return hashlib.blake2b(told.encode(), digest_size=12, person=b"whyred").hexdigest() if told else None


def namespace_number(link: str) -> int | None:
    """The number in what /proc/PID/ns/mnt points to, `mnt:[4026531840]`: the same as its inode (namespaces(7))."""
    found = _NAMESPACE.fullmatch(link)
    return int(found[1]) if found else None
