"""The doctor's questions: the pack of every probe, put to the host and every daemon on it, cheap ones first."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from whyred.model.cause import Of
from whyred.model.host import Daemon, Subject
from whyred.model.probe import Cost, Kind, Probe

T = TypeVar("T")
RUNNER = (Of.ATTEMPT_RUNNER, Of.SIBLING_RUNNERS)
HOST = (Of.HOST, Of.ATTEMPT_RUNNER)
SHARED = ("sccache",)
_AT_ONCE, _FAR = 4, 2
"""Questions put side by side to this machine, where most of them wait for a command or a disk, and to one that is far
away, where each takes a shell of its own and a server lets in few."""
_COMPARED: tuple[tuple[str, Mapping[str, str]], ...] = (
    *(("process-env", {"key": key}) for key in ("PATH", "HOME", "LANG", "LC_ALL", "TZ")),
    *(("tool-version", {"tool": tool}) for tool in ("rustc", "node", "python3")),
)
"""Asked of runners alone, to hold them beside each other: that one lacks a tool is no fault where none has it."""


@dataclass(frozen=True, slots=True)
class Put:
    """One question to one subject. `judged`: whether the causes' conditions are held against its answer."""

    probe: Probe
    subject: Subject
    ofs: tuple[Of, ...]
    arguments: Mapping[str, str]
    judged: bool = True

    @property
    def question(self) -> str:
        """The question, for people."""
        return " ".join([self.probe.name, *self.arguments.values()])


def pack(probes: Mapping[str, Probe], daemons: Sequence[Daemon]) -> list[Put]:
    """Every question, in the order in which they are shown."""
    named = _named(daemons)
    found = [put for probe in probes.values() for put in _of_probe(probe, named)]
    known = {(put.question, put.subject) for put in found}
    for name, arguments in _COMPARED if len(named) > 1 else ():
        probe = probes.get(name)
        for daemon, subject in named if probe is not None else ():
            assert probe is not None
            put = Put(probe, subject, RUNNER, arguments, judged=False)
            if daemon.kind not in SHARED and (put.question, subject) not in known:
                found.append(put)
    return found


def _of_probe(probe: Probe, named: Sequence[tuple[Daemon, Subject]]) -> Iterator[Put]:
    for arguments in probe.pack:
        if probe.kind is not Kind.DAEMON:
            yield Put(probe, Subject("host"), HOST, arguments)
        if probe.kind is not Kind.HOST:
            for daemon, subject in named:
                ofs = (Of.SHARED_DAEMON,) if daemon.kind in SHARED else RUNNER
                yield Put(probe, subject, ofs, arguments)


def _named(daemons: Sequence[Daemon]) -> list[tuple[Daemon, Subject]]:
    """The daemons as subjects; those of one name are told apart by their process."""
    often = Counter(d.name for d in daemons)
    return [
        (d, Subject(d.name if often[d.name] == 1 else f"{d.name} (pid {p.pid})", p.pid, p.unit))
        for d in daemons
        for p in (d.process,)
    ]


def all_asked(puts: Sequence[Put], ask: Callable[[Put], T], progress: Callable[[str], None], *, far: bool) -> list[T]:
    """The answers, in the order of the questions. Cheap ones are asked first, and of every probe one question before
    its next, so that a budget that runs out costs few questions, and no probe all of its own.

    `far`: the host is far away.
    """
    turns: Counter[str] = Counter()
    turn = []
    for put in puts:
        turn.append(turns[put.probe.name])
        turns[put.probe.name] += 1
    order = sorted(range(len(puts)), key=lambda n: (list(Cost).index(puts[n].probe.cost), turn[n]))
    lock = threading.Lock()

    def one(n: int) -> tuple[int, T]:
        with lock:
            progress(f"{puts[n].probe.name} of {puts[n].subject.name}")
        return n, ask(puts[n])

    return [answer for _, answer in sorted(_mapped(one, order, far=far), key=lambda pair: pair[0])]


def _mapped(one: Callable[[int], tuple[int, T]], order: Sequence[int], *, far: bool) -> list[tuple[int, T]]:
    if not _a_thread_starts():
        return [one(n) for n in order]
    with ThreadPoolExecutor(_FAR if far else _AT_ONCE) as workers:
        return list(workers.map(one, order))


def _a_thread_starts() -> bool:
    """Whether there is room for threads: at its limit of processes a sick host leaves none."""
    threads = [threading.Thread(target=lambda: None) for _ in range(_AT_ONCE)]
    try:
        for thread in threads:
            thread.start()
    except RuntimeError:
        return False
    return True
