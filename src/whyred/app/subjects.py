"""Finds whom a question must be put to, and refuses a host that is not shown to have run the attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from whyred.model.cause import Of
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Daemon, Host, HostRefusedError, Process, Subject
from whyred.model.run import Attempt, Runner
from whyred.probes.runner_processes import find_daemons

_TICKS = 100
"""Clock ticks a second in /proc/PID/stat: USER_HZ is 100 on every Linux whyred runs on (proc(5))."""
_FIRST_MOUNTS = frozenset({0xEFFFFFF8, 0xF0000000})
"""The numbers of the first mount namespace, which lives as long as the boot (linux/nsfs.h, of older kernels
linux/proc_ns.h). Those of all others are given again when they have ended."""
_SHARED = ("sccache",)
_UNIT = "whyred-runner"
_BEFORE, _AFTER, _UNTOLD = 60, 60, 3 * 3600
"""Seconds before and after an attempt in which the journal is looked at, and its length where nobody tells it."""
SHELL = "this shell"
"""The subject where a host was vouched for and no runner is alive on it."""


@dataclass
class Subjects:
    """The subjects of one attempt on one host.

    `vouched`: the user said that this host ran the attempt. `ended`: when the attempt ended (seconds since the epoch),
    where the log tells. `step`: the name of the step that failed, where one is known.
    """

    host: Host
    attempt: Attempt
    vouched: bool
    named: str | None = None
    ended: float | None = None
    step: str | None = None

    def of(self, of: Of) -> Sequence[Subject] | Unknown:
        """The subjects of a kind, or why there are none."""
        if of.is_forges:
            return Unknown(Reason.NOT_SUPPORTED, "a host is not asked for what a forge tells")
        if of is Of.WORKFLOW:
            return self._workflow()
        runner = self.runner
        if isinstance(runner, Unknown):
            return runner
        if of is Of.ATTEMPT_RUNNER:
            return [runner]
        if of is Of.HOST:
            return [Subject("host")]
        return self._others(of, runner)

    @cached_property
    def runner(self) -> Subject | Unknown:
        """The process that ran the attempt, proven to be the one and unchanged since."""
        told = self.attempt.runner
        if told is not None and told.machine is not None:
            return self._proven(told)
        if not self.vouched:
            return Unknown(
                Reason.OTHER_HOST,
                f"nothing shows that {self.host.identity.name} ran the attempt; if it did, add --this-host-ran-it",
            )
        return self._vouched()

    def _proven(self, told: Runner) -> Subject | Unknown:
        here = self.host.identity
        if told.machine != here.machine:
            return Unknown(Reason.OTHER_HOST, f"the attempt ran on another machine than {here.name}")
        if told.boot is None or here.boot is None:
            return Unknown(Reason.CHANGED_SINCE, f"nothing shows that {here.name} was not rebooted since the attempt")
        if told.boot != here.boot:
            return Unknown(Reason.CHANGED_SINCE, f"{here.name} was rebooted since the attempt")
        name = told.name or "runner"
        if told.pid is not None:
            found = self._by_pid.get(told.pid)
            if found is not None and found.started == told.started:
                return Subject(name, found.pid, found.unit)
            return Unknown(
                Reason.CHANGED_SINCE, f"{name} (process {told.pid}) that ran the attempt is gone: restarted since"
            )
        if told.mounts is not None and told.mounts == here.mounts and self._outlived(told.mounts, told.started):
            return Subject(name)
        alike = next((p for p in self._processes if p.mounts == told.mounts and p.mounts is not None), None)
        if alike is not None and self._outlived(alike.mounts, told.started):
            return Subject(name, alike.pid, alike.unit)
        return Unknown(Reason.CHANGED_SINCE, "the mount namespace in which the attempt ran is gone")

    def _outlived(self, mounts: int | None, began: int | None) -> bool:
        """Whether this is still the attempt's namespace: a process in it is as old as the one that ran the attempt."""
        inside = [p for p in self._processes if p.mounts == mounts]
        return mounts in _FIRST_MOUNTS or (began is not None and any(p.started <= began for p in inside))

    def _vouched(self) -> Subject | Unknown:
        daemons = [d for d in self._daemons if d.kind not in _SHARED]
        if self.named:
            daemons = [d for d in daemons if self.named in (d.name, d.process.unit, d.settings.get("name"))] or daemons
        above = self._ancestors()
        inside = [d for d in daemons if d.process.pid in above]
        daemons = inside or daemons
        if len(daemons) > 1:
            names = ", ".join(d.name for d in daemons[:8])
            return Unknown(
                Reason.WHICH_RUNNER, f"this host has {len(daemons)} runners ({names}); the log names none of them"
            )
        if not daemons:
            return Subject(SHELL, self._own_pid())
        process = daemons[0].process
        if self.ended is not None:
            began = self._began(process)
            if began is None:
                return Unknown(Reason.CHANGED_SINCE, f"when {daemons[0].name} was started cannot be told: no boot time")
            if began > self.ended + 1:
                return Unknown(Reason.CHANGED_SINCE, f"{daemons[0].name} was started after the log ended")
        return Subject(daemons[0].name, process.pid, process.unit)

    def _began(self, process: Process) -> float | None:
        """When a process started, in seconds since the epoch; None where the host does not tell its boot time."""
        try:
            lines = self.host.read("/proc/stat").splitlines()
        except HostRefusedError:
            return None
        booted = next((int(line.split()[1]) for line in lines if line.startswith(b"btime ")), None)
        return None if booted is None else booted + process.started / _TICKS

    def _ancestors(self) -> set[int]:
        pid, seen = self._own_pid(), set[int]()
        while pid is not None and pid in self._by_pid and pid not in seen:
            seen.add(pid)
            pid = self._by_pid[pid].parent
        return seen

    def _own_pid(self) -> int | None:
        try:
            return int(self.host.link("/proc/self"))
        except (HostRefusedError, ValueError):
            return None  # without /proc the shell is asked as the host itself

    def _others(self, of: Of, runner: Subject) -> Sequence[Subject] | Unknown:
        if of is Of.SHARED_DAEMON:
            found = [d for d in self._daemons if d.kind in _SHARED]
        elif of is Of.SIBLING_RUNNERS:
            found = self._siblings(runner)
        else:
            return self._jobs(runner)
        if not found:
            return Unknown(Reason.NO_SUBJECT, f"this host has no {of.value.replace('-', ' ')}")
        return [Subject(d.name, d.process.pid, d.process.unit) for d in found]

    def _siblings(self, runner: Subject) -> list[Daemon]:
        """The other daemons of the runner's kind; of whyred's own units those with the same parent: of one demo."""
        own = next((d for d in self._daemons if d.process.pid == runner.pid), None)
        if own is None:
            return [d for d in self._daemons if d.kind not in _SHARED and d.process.pid != runner.pid]
        alike = [d for d in self._daemons if d.kind == own.kind and d.process.pid != runner.pid]
        return [d for d in alike if d.kind != _UNIT or d.process.parent == own.process.parent]

    def _jobs(self, runner: Subject) -> Sequence[Subject] | Unknown:
        below, seen = [runner.pid], set[int]()
        while below:
            parent = below.pop()
            for process in self._processes:
                if process.parent == parent and process.pid not in seen:
                    seen.add(process.pid)
                    below.append(process.pid)
        if runner.pid is None or not seen:
            return Unknown(Reason.NO_SUBJECT, f"no job of {runner.name} is alive now")
        return [Subject(f"{runner.name} job {pid}", pid) for pid in sorted(seen)]

    def _workflow(self) -> Sequence[Subject] | Unknown:
        told = self.attempt.runner
        if told is not None and told.folder is not None and not isinstance(self.runner, Unknown):
            return [Subject("workflow", self.runner.pid)]
        return Unknown(Reason.NO_SUBJECT, "the checkout that the attempt ran in is not known here")

    @property
    def folder(self) -> str | None:
        """The folder of the checkout, for questions about the workflow."""
        return self.attempt.runner.folder if self.attempt.runner else None

    @property
    def times(self) -> dict[str, str]:
        """When the attempt `ended`, and the span in which what happened to it is told on its host (`since`, `until`),
        for questions about times; nothing where its end is not known."""
        ended = self.attempt.ended if self.attempt.ended is not None else self.ended
        if ended is None:
            return {}
        began = self.attempt.started if self.attempt.started is not None else ended - _UNTOLD
        span = {"since": f"{max(0.0, began - _BEFORE):.0f}", "until": f"{ended + _AFTER:.0f}"}
        return {"ended": f"{ended:.3f}", **span}

    @cached_property
    def _processes(self) -> list[Process]:
        return self.host.processes()

    @cached_property
    def _by_pid(self) -> dict[int, Process]:
        return {p.pid: p for p in self._processes}

    @cached_property
    def _daemons(self) -> tuple[Daemon, ...]:
        return find_daemons(self._processes)
