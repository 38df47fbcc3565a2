"""Which errors a step demonstrably went on after, by the log alone, and why one may believe it.

Usually the first error is the root, and what comes later follows from it. So only what is strong enough counts: that
make says it passed it over, a status that the command never ends with, a trace of commands that ran later, a retry
that worked, a module that was looked for in place of one that is not there, or an error of another kind that a command
which has ended cannot have led to.
"""

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from whyred.diagnosis.captures import derive
from whyred.diagnosis.ended import section_at
from whyred.model.failure import Hit, Reading, Section
from whyred.model.pattern import Role, Strength

_SHELLS = frozenset({"bash", "sh", "shell"})
_NOT_STARTED = (126, 127)
"""What a shell's exit code is when a command cannot be started (POSIX 2.8.2)."""
_UNSTARTED = re.compile(r"not found|cannot execute|bad interpreter|[Ee]xec format error")
"""What a shell says of a command that it could not start, and of nothing else: that a file is not there, or may not be
opened, it says of a redirection as well, which ends with 1 or 2."""
_SIGNALLED = 128
_TIMED_OUT = 124
"""What timeout(1) ends with when the time was up."""
# fmt: off
_ONCE = frozenset((
    "basename", "bzip2", "cat", "chgrp", "chmod", "chown", "cmp", "cp", "curl", "cut", "dd", "df", "diff", "du",
    "echo", "find", "git", "grep", "gunzip", "gzip", "head", "install", "ln", "ls", "mkdir", "mkfifo", "mknod",
    "mktemp", "mv", "ping", "printf", "readlink", "realpath", "rm", "rmdir", "rsync", "scp", "sed", "sort", "split",
    "ssh", "stat", "sync", "tail", "tar", "tee", "touch", "tr", "truncate", "uniq", "unlink", "unzip", "wc", "wget",
    "xz", "zip", "zstd",
))
# fmt: on
"""Programs that do one thing and end: their complaint is the end of them, and what is said later was said by others."""
_TIDIES = frozenset({"rm", "rmdir", "kill", "pkill", "killall", "umount", "fusermount", "losetup"})
"""What a trap calls when a script has failed: their complaints tell no end of a step."""
_OWN_EXITS: Mapping[str, range] = {"git": range(128, 130), "ssh": range(255, 256), "scp": range(255, 256)}
"""Statuses beyond the usual small ones that a program ends with by itself (git(1), ssh(1))."""
_SAID_BY = re.compile(r"^(?:/\S*/)?(?P<program>[a-z][\w+.-]*)(?:\[\d+\])?: ")
_BY_SHELL = re.compile(r"^\S+: (?:line )?\d+: (?![\s\d])(?:(?P<program>[a-z][\w+.-]*): )?")
"""What a shell says of one command: not that a signal ended it (`line 3: 18 Killed make`)."""
_IGNORED = re.compile(r"make(?:\[\d+\])?: .*\bError -?\d+ \(ignored\)")
_TRACE = re.compile(r"^\++ \S")
_RETRY = re.compile(r"\bre-?try(?:ing)?\b|\btry(?:ing)? again\b|\battempt \d+", re.IGNORECASE)
_NO_MODULE = re.compile(r"No module named ")
_FALLBACK = re.compile(r"^During handling of the above exception, another exception occurred:")
_NEAR = 6
"""Lines after a complaint in which it is said that the command is passed over or tried again."""
_NAMED = ("path", "dir", "target", "file", "base")
_LEAST = 4
"""Characters of a name that two lines do not share by chance."""


@dataclass(frozen=True, slots=True)
class Said:
    """An error line as far as it is held against others."""

    line: int
    message: str
    tool: str
    class_: str
    captures: Mapping[str, str] = field(default_factory=dict)

    @property
    def program(self) -> str:
        """The program that wrote the line, where it names itself; empty: not told."""
        shell = _BY_SHELL.match(self.message)
        if shell is not None:
            return shell["program"] or "sh"
        match = _SAID_BY.match(self.message)
        if match is not None and match["program"] not in ("error", "fatal", "warning", "sh", "bash"):
            return match["program"]
        return self.tool if self.tool == "git" else ""

    @property
    def itself(self) -> bool:
        """Whether a simple program says it, and no shell about it."""
        return self.program in _ONCE and _BY_SHELL.match(self.message) is None

    @property
    def once(self) -> bool:
        """Whether the program had ended with this line: a simple one, or one command of a shell."""
        return self.itself or _BY_SHELL.match(self.message) is not None


def said(reading: Reading, hit: Hit) -> Said:
    """The line of a hit."""
    text = reading.window.get(hit.line, "").strip()
    return Said(hit.line, text, hit.pattern.tool, hit.pattern.class_ or "", derive(hit.captures))


def unrelated(first: Said, later: Said) -> bool:
    """Whether neither line names what the other is about, and they are no two words for one fault."""
    errno = first.captures.get("errno")
    if later.program in _TIDIES or (errno and errno == later.captures.get("errno")):
        return False
    return not (_names(first) & _names(later)) and not any(
        name in other.message for one, other in ((first, later), (later, first)) for name in _names(one)
    )


def _names(one: Said) -> set[str]:
    """The places a line names; a temporary directory is too common to be told by."""
    named = {one.captures[key] for key in _NAMED if key in one.captures}
    named |= {posixpath.basename(path) for path in named}
    return {n for n in named if len(n) >= _LEAST and n not in ("/tmp", "/var/tmp", "/dev/shm")}


def survived(reading: Reading, hits: Sequence[Hit], hit: Hit) -> str:
    """Why the step is known to have gone on after this line; empty: it is not known. `hits`: those that count, in the
    order of their lines."""
    section = section_at(reading.sections, hit.line)
    end = (section.ended or section.last) if section else reading.lines
    after = [h for h in hits if hit.line < h.line <= end and h.pattern.id != hit.pattern.id]
    one = said(reading, hit)
    unstarted = hit.pattern.tool in _SHELLS and _UNSTARTED.search(one.message) is not None
    if unstarted and section is not None and _not_of_a_shell(reading, section, after):
        return f"the step ended with {section.exit_code}, which is not what a command that cannot be started gives"
    near = [reading.window.get(n, "") for n in range(hit.line + 1, min(end, hit.line + _NEAR) + 1)]
    if any(_IGNORED.search(text) for text in near[:2]):
        return "make says that it ignored this error"
    if _NO_MODULE.search(one.message) and _has_fallback(reading, hit.line, after):
        return "the program tried another module in its place"
    if not one.once:
        return ""
    code = section.exit_code if section is not None else None
    if code is not None and one.itself and _is_anothers(code, one.program):
        return f"the step ended with {code}, which {one.program} does not end with"
    later = [(h, s) for h in after if h.pattern.role is Role.ERROR and unrelated(one, s := said(reading, h))]
    if any(_compiles(h) and s.program != one.program for h, s in later):
        return "a compiler was started after it, and refused the code"
    if later and any(_TRACE.search(reading.window.get(n, "")) for n in range(hit.line + 1, later[0][0].line + 1)):
        return "the trace of the shell shows commands that ran after it"
    if later and any(_RETRY.search(text) for text in near if text != later[0][1].message):
        return "it was tried again, and not said again"
    return ""


def _has_fallback(reading: Reading, line: int, after: Sequence[Hit]) -> bool:
    """Whether Python says that an error about another module came while this one was handled (`except ImportError`)."""
    at = [n for n in range(line + 1, line + 4) if _FALLBACK.search(reading.window.get(n, "").strip())]
    return bool(at) and any(_NO_MODULE.search(reading.window.get(h.line, "")) for h in after)


def _not_of_a_shell(reading: Reading, section: Section, after: Sequence[Hit]) -> bool:
    """Whether the step ended with another status than that of a command that is not there, after other complaints;
    what a make or a script says of that status is none."""
    if section.exit_code in (None, *_NOT_STARTED):
        return False
    end = section.ended or section.last
    told = [h for h in after if h.line < end]
    return bool(told) and not any(re.search(r"\b12[67]\b", reading.window.get(h.line, "")) for h in told)


def _is_anothers(code: int, program: str) -> bool:
    """Whether no such command ends with this status: a signal, the end of its time, a command that is not there."""
    if code in _OWN_EXITS.get(program, ()):
        return False
    return code in (_TIMED_OUT, *_NOT_STARTED) or _SIGNALLED < code < _SIGNALLED + 65


def _compiles(hit: Hit) -> bool:
    return hit.pattern.class_ == "code/compile" and hit.pattern.strength is Strength.DECISIVE
