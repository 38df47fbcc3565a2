"""Why another machine does not answer, read from what `ssh` says, with what to do about it.

The texts are those of OpenSSH's client (ssh.c, sshconnect.c, sshconnect2.c, packet.c), whose log level is set to
ERROR; the reasons of the system are strerror(3) in the C locale.
"""

import re
from dataclasses import dataclass

from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError


@dataclass(frozen=True, slots=True)
class Lost:
    """How a connection ended: the host, how to go there by hand, ssh's exit code (None: it was given no more time),
    what it said, after how many seconds it was given up (None: it ended by itself), and whether anything had been
    answered before.
    """

    name: str
    by_hand: str
    code: int | None
    said: bytes
    seconds: float | None = None
    begun: bool = False


_TRY = "; try it by hand: ssh -o BatchMode=yes {by_hand} true"
_RULES = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        Reason.REFUSED,
        "its host key is not the one you know: ask its administrator whether it was renewed, before you trust it",
    ),
    (
        r"Host key verification failed|host key is known for",
        Reason.REFUSED,
        "its host key is not known here: connect once by hand and compare the fingerprint: ssh {by_hand}",
    ),
    (
        r"Permissions \d+ for .* are too open",
        Reason.REFUSED,
        "ssh leaves out a key that others may read: {said} Take their rights away (chmod 600)",
    ),
    (
        r"Permission denied \(|Too many authentication failures|no mutual signature",
        Reason.REFUSED,
        "it takes none of your keys: load the right one (ssh-add) or have it added there (ssh-copy-id)" + _TRY,
    ),
    (
        r"Could not resolve hostname",
        Reason.NO_HOST,
        "there is no host of this name: look for a typing error, or write the name's entry in your ssh settings",
    ),
    (
        r"[Tt]imed out|Timeout, server .* not responding",
        Reason.TIMED_OUT,
        "it does not answer: is it running, and is there a way to it (VPN, firewall, jump host)?" + _TRY,
    ),
    (
        r"Connection refused",
        Reason.NO_HOST,
        "nothing takes connections at that port: is the ssh server running, and is it this port?" + _TRY,
    ),
    (
        r"No route to host|Network is (?:unreachable|down)",
        Reason.NO_HOST,
        "there is no way to it from here: look at the network (VPN, jump host)" + _TRY,
    ),
    (
        r"Bad configuration option|Bad owner or permissions|no argument after keyword|terminating, \d+ bad",
        Reason.REFUSED,
        "ssh does not take your ssh settings: {said}" + _TRY,
    ),
)


def lost(end: Lost) -> HostRefusedError:
    """The refusal, by the first text that is known; what was said last is told where none is."""
    text = end.said.decode("utf-8", "replace")
    for form, reason, what in _RULES:
        if found := re.search(form, text):
            return _refusal(reason, end, what, _line(text, found.start()))
    if end.seconds is not None:
        what = "no answer within {seconds:g} s: the way to it is slow, or its login shell starts something else"
        return _refusal(Reason.TIMED_OUT, end, what + _TRY)
    if end.begun:
        return _refusal(Reason.NO_HOST, end, "the connection was lost ({said}): ask again")
    if end.code not in (None, 255):
        what = "its login shell takes no commands (exit code {code}, {said}): ask as a user who may run /bin/sh there"
        return _refusal(Reason.REFUSED, end, what)
    return _refusal(Reason.NO_HOST, end, "no connection came about ({said})" + _TRY)


def _refusal(reason: Reason, end: Lost, what: str, said: str | None = None) -> HostRefusedError:
    said = said or _last_line(end.said)
    told = what.format(by_hand=end.by_hand, said=said, code=end.code, seconds=end.seconds)
    return HostRefusedError(reason, f"{end.name}: {told}")


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").split("\n")
    return next((plain for line in reversed(lines) if (plain := _plain(line))), "ssh says nothing")


def _line(text: str, at: int) -> str:
    """The line that holds a place."""
    return _plain(text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0])


def _plain(line: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(line.split()))[:300]


def not_started(program: str, error: OSError) -> HostRefusedError:
    """The refusal where ssh itself cannot be started."""
    if isinstance(error, FileNotFoundError):
        what = "this program is not on this machine: install OpenSSH's client, or ask on the host itself"
        return HostRefusedError(Reason.TOOL_MISSING, f"{program}: {what}")
    return HostRefusedError(Reason.REFUSED, f"{program}: cannot be started: {error.strerror or error}")


_REASONS = {
    "No such file or directory": Reason.NOT_FOUND,
    "No such process": Reason.NOT_FOUND,
    "Permission denied": Reason.NO_PERMISSION,
    "Operation not permitted": Reason.NO_PERMISSION,
    "Connection timed out": Reason.TIMED_OUT,
    "Operation timed out": Reason.TIMED_OUT,
    "Function not implemented": Reason.NOT_SUPPORTED,
}
"""The texts of strerror(3) in glibc and musl; every other one is `unreadable`, as on the local host."""


def said_no(what: str, error: bytes) -> HostRefusedError:
    """The refusal in a program's error text, which ends with the system's reason whatever name stands before it."""
    text = error.decode("utf-8", "replace").strip().rpartition(": ")[2] or "it says nothing"
    reason = _REASONS.get(text, Reason.UNREADABLE)
    return HostRefusedError(reason, f"{what}: {text}")
