"""Cuts a GitLab job's log into the stages that its runner marked.

A stage is an outermost section; sections within one belong to the script. A mark is `section_start:TIME:NAME[OPTIONS]`
CR or `section_end:TIME:NAME` CR, anywhere in a line; its time is in whole seconds since the epoch.

Source: gitlab-runner helpers/build_section.go; GitLab doc/ci/jobs/job_logs.md, custom collapsible sections.
"""

import re
from collections.abc import Iterable, Iterator

from whyred.logs.formats.gitlab import ASIDE
from whyred.model.run import Step

MARK = re.compile(rb"section_(start|end):(\d{1,12}):([A-Za-z0-9_.-]{1,200})(?:\[[^\]\r\n]{0,1000}\])?\r")
_DEEPEST, _MOST = 64, 1000
"""Sections inside one another that are minded, and stages of one log: a runner has about ten."""
_LINE = 1 << 16
"""Bytes of a line without end that are held back for a mark."""


def stages(chunks: Iterable[bytes]) -> Iterator[bytes | Step]:
    """The very bytes, with each stage before the line that begins it. Flat in memory."""
    sections = _Sections()
    held = b""
    for chunk in chunks:
        data = held + chunk
        whole = data.rfind(b"\n") + 1 or (len(data) if len(data) > _LINE else 0)
        yield from sections.marked(data[:whole])
        held = data[whole:]
    yield from sections.marked(held)


class _Sections:
    """The sections that are open while a log goes by."""

    def __init__(self) -> None:
        self._inside: list[str] = []
        self._stages = 0

    def marked(self, data: bytes) -> Iterator[bytes | Step]:
        """Whole lines, with the stages that begin in them."""
        at = 0
        for mark in MARK.finditer(data):
            name = mark[3].decode()
            if mark[1] == b"end":
                if name in self._inside:
                    del self._inside[self._inside.index(name) :]
                continue
            if not self._inside and self._stages < _MOST:
                self._stages += 1
                line = max(data.rfind(b"\n", 0, mark.start()) + 1, at)
                if line > at:
                    yield data[at:line]
                at = line
                yield Step(name, started=float(mark[2]), aside=re.fullmatch(ASIDE, name) is not None)
            if len(self._inside) < _DEEPEST:
                self._inside.append(name)
        if at < len(data):
            yield data[at:]
