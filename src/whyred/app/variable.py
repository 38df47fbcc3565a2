"""`env`: every layer that sets one variable, who wins in which process, and what the processes really have.

Files are read and processes asked through a `Host`; nothing is written. Values of variables whose name speaks of a
secret are hidden before anybody sees them (`variable_shown`), the rest is masked like a log.
"""

import posixpath
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from whyred.app.variable_shown import shown
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Daemon, Host, HostRefusedError, Process
from whyred.model.trouble import UserError
from whyred.model.variable import Effect, Live, Outcome, Setting, Trace
from whyred.probes.answer import told
from whyred.probes.runner_processes import SHARED, find_daemons, hidden
from whyred.workflows.assignments import tools
from whyred.workflows.folders import FOLDERS
from whyred.workflows.layer import SHOWN, Ground, Layer, all_layers
from whyred.workflows.levels import levels, workflow_of
from whyred.workflows.precedence import WEAKEST_FIRST, outcomes
from whyred.workflows.tell_variable import sentence

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]{1,255}")
_MOST_FILES, _MOST_LIVE, _MOST_RUNNERS = 64, 64, 16
"""Files that are read, processes that are asked (imports may go round in a circle), and runners that are told apart."""
_WRAPPERS = ("RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTC", "CC", "CXX")
_OF_UNIT = ("FragmentPath", "DropInPaths", "EnvironmentFiles")


@dataclass(frozen=True, slots=True)
class Query:
    """What the user asked for. `folder`: the checkout, absolute; empty where there is none."""

    variable: str
    folder: str = ""
    runner: str = ""
    workflow: str = ""
    job: str = ""
    step: str = ""


def traces(
    host: Host, query: Query, mask: Callable[[bytes], bytes], progress: Callable[[str], None]
) -> tuple[Trace, ...]:
    """The same for each runner, where several run and none is named; those with the same way share one trace."""
    asked = _asked(host, query, progress)
    if not asked.several:
        return (shown(asked.trace(query.variable), mask),)
    found: dict[tuple[object, ...], Trace] = {}
    for runner in asked.runners()[:_MOST_RUNNERS]:
        its = shown(asked.again(runner).trace(query.variable), mask)
        alike = found.get(_way(its))
        found[_way(its)] = its if alike is None else _together(alike, its)
    return tuple(found.values())


def _way(one: Trace) -> tuple[object, ...]:
    """What runners must have in common to be told of together: all but where each has its own files and processes."""
    said = [(s.layer, s.effect, s.value, s.only) for s in one.settings]
    got = [(o.stage, o.name, o.has, o.value, o.winner.layer if o.winner else "", o.sure) for o in one.outcomes]
    return tuple(said), tuple(got)


def _together(one: Trace, other: Trace) -> Trace:
    live = (*one.live, *(x for x in other.live if x not in one.live))
    return replace(one, runner=f"{one.runner}, {other.runner}", live=live)


def trace(host: Host, query: Query, mask: Callable[[bytes], bytes], progress: Callable[[str], None]) -> Trace:
    """All that is known of the variable on this host. Raises UserError where the question has no meaning."""
    return shown(_asked(host, query, progress).trace(query.variable), mask)


def _asked(host: Host, query: Query, progress: Callable[[str], None]) -> "_Asked":
    if not _NAME.fullmatch(query.variable):
        raise UserError(f"{query.variable[:80]!r} is no variable", "a name has letters, digits and _", "Say: TMPDIR")
    progress("looking for runners")
    asked = _Asked(host, query)
    asked.meet()
    progress(f"reading what sets {query.variable}")
    return asked


@dataclass
class _Asked:
    """One question on its way: what was found of the host, and what could not be."""

    host: Host
    query: Query
    unknown: dict[str, Unknown] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    daemons: tuple[Daemon, ...] = ()
    runner: Daemon | None = None
    ground: Ground = field(default_factory=Ground)
    texts: dict[str, str | Unknown | None] = field(default_factory=dict)

    def meet(self) -> None:
        """Who runs here, and where the files are."""
        processes = told(self.host.processes)
        if isinstance(processes, Unknown):
            self.unknown["processes"] = processes
        else:
            self.processes, self.daemons = processes, find_daemons(processes)
            unseen = hidden(processes)
            if unseen is not None:
                self.unknown["processes"] = unseen
        self.runner = self._runner()
        self.ground = self._ground()

    @property
    def several(self) -> bool:
        """Whether several runners run here and none is named."""
        return self.runner is None and len(self.runners()) > 1

    def runners(self) -> list[Daemon]:
        """The runners that run here."""
        return [d for d in self.daemons if d.kind not in SHARED]

    def again(self, runner: Daemon) -> "_Asked":
        """The same question of one of them, by what was seen of the host's processes before."""
        unknown = {k: v for k, v in self.unknown.items() if k != "runner"}
        one = replace(self, unknown=unknown, runner=runner, texts={})
        one.ground = one._ground()
        return one

    def _runner(self) -> Daemon | None:
        runners = self.runners()
        wanted = self.query.runner
        if wanted:
            alike = [d for d in runners if wanted in (d.name, d.process.unit, f"{d.name}.service", str(d.process.pid))]
            if not alike:
                there = ", ".join(d.name for d in runners) or "none"
                raise UserError(f"no runner {wanted!r} runs here", f"there are: {there}", "Name one of them")
            return alike[0]
        if len(runners) > 1:
            names = ", ".join(d.name for d in runners[:8])
            self.unknown["runner"] = Unknown(Reason.WHICH_RUNNER, f"name one with --runner: {names}")
        return runners[0] if len(runners) == 1 else None

    def _ground(self) -> Ground:
        query, folder = self.query, self.query.folder.rstrip("/") or self.query.folder
        names = told(lambda: self.host.names(folder)) if folder else []
        if isinstance(names, Unknown):
            self.unknown[folder] = names
            names = []
        ground = Ground(folder=folder, names=tuple(names), job=query.job, step=query.step)
        ground = replace(ground, workflow=self._workflow(folder, query.workflow))
        return self._of_runner(ground)

    def _of_runner(self, ground: Ground) -> Ground:
        pid = self.runner.process.pid if self.runner else self._own()
        env = told(lambda: self.host.environ(pid, ["HOME", "CARGO_HOME"])) if pid is not None else {}
        homes: Mapping[str, str] = {} if isinstance(env, Unknown) else env
        ground = replace(ground, home=homes.get("HOME", ""), cargo_home=homes.get("CARGO_HOME", ""))
        if self.runner is None:
            return ground
        settings, process = self.runner.settings, self.runner.process
        cwd = told(lambda: self.host.link(f"/proc/{process.pid}/cwd"))
        folder = settings.get("folder") or (cwd if isinstance(cwd, str) else "")
        config = settings.get("config", "")
        if config and not config.startswith("/"):
            config = posixpath.normpath(posixpath.join(folder, config)) if folder else ""
        ground = replace(ground, runner_kind=self.runner.kind, runner_config=config, runner_folder=folder)
        return self._of_unit(ground, process.unit)

    def _of_unit(self, ground: Ground, unit: str | None) -> Ground:
        if unit is None or not _UNIT.fullmatch(unit) or unit.startswith("-"):
            return ground
        argv = ["systemctl", "show", "--no-pager", "-p", ",".join(_OF_UNIT), "--", unit]
        shown = told(lambda: self.host.run(argv, 1.5))
        if isinstance(shown, Unknown) or shown.code != 0:
            detail = shown.detail if isinstance(shown, Unknown) else "systemd does not run here, or knows no such unit"
            self.unknown[f"systemctl show {unit}"] = Unknown(Reason.NOT_SUPPORTED, detail)
            return ground
        lines = [line.partition("=") for line in shown.out.decode("utf-8", "replace").split("\n")]
        fragment = [v for k, _, v in lines if k == "FragmentPath" and v]
        drop_ins = [p for k, _, v in lines if k == "DropInPaths" for p in v.split()]
        files = [v.partition(" (ignore_errors=")[0] for k, _, v in lines if k == "EnvironmentFiles" and v]
        return replace(ground, unit_files=(*fragment, *drop_ins), environment_files=tuple(files))

    def _own(self) -> int | None:
        own = told(lambda: self.host.link("/proc/self"))
        return int(own) if isinstance(own, str) and own.isdecimal() else None

    def _workflow(self, folder: str, name: str) -> str:
        """The path of the workflow file: as it is named, or the only one there is."""
        if name.startswith("/"):
            return name
        if not folder:
            return ""
        if "/" in name:
            return posixpath.join(folder, name)
        found = []
        for place in FOLDERS:
            names = told(lambda place=place: self.host.names(f"{folder}/{place}"))  # type: ignore[misc]
            there = [] if isinstance(names, Unknown) else [n for n in names if n.endswith((".yml", ".yaml"))]
            found += [f"{folder}/{place}/{n}" for n in there if not name or name in (n, n.rpartition(".")[0])]
            if found:
                break  # a forge takes the first folder that it knows
        if name and not found:
            raise UserError(f"there is no workflow {name!r}", f"looked in {', '.join(FOLDERS)}", "Name its file")
        return found[0] if len(found) == 1 else ""

    def trace(self, variable: str) -> Trace:
        """The variable on its way, after the ground for it is laid by BASH_ENV and the wrappers."""
        if variable != "BASH_ENV":
            self.ground = replace(self.ground, shell_env=self._value_in_step("BASH_ENV"))
        self.ground = replace(self.ground, wrappers={k: v for k in _WRAPPERS if (v := self._value_in_step(k))})
        settings = self._settings(variable)
        found = self._doubted(self._outcomes(variable, settings))
        live = self._live(variable)
        name = self.runner.name if self.runner else ""
        told_by = sentence(variable, found)
        settings.sort(key=lambda s: WEAKEST_FIRST.index(s.layer))
        return Trace(variable, name, tuple(settings), tuple(found), live, self.unknown, told_by, self.ground.folder)

    def _doubted(self, found: list[Outcome]) -> list[Outcome]:
        """That nothing sets it says little where the runner, which may, was not asked."""
        why = self.unknown.get("runner") or self.unknown.get("processes")
        if self.runner is not None or why is None or any(o.winner is not None for o in found):
            return found
        return [replace(o, sure=False, why=f"no runner was asked ({why.detail})") for o in found]

    def _value_in_step(self, variable: str) -> str:
        found = self._outcomes(variable, self._settings(variable, quiet=True))
        return next((o.value or "" for o in found if o.stage == "step" and o.sure), "")

    def _outcomes(self, variable: str, settings: Sequence[Setting]) -> list[Outcome]:
        kind = self.runner.kind if self.runner else ""
        daemon, live = None, False
        if self.runner is not None:
            pid = self.runner.process.pid
            env = told(lambda: self.host.environ(pid, [variable]))
            if isinstance(env, Unknown):
                self.unknown[f"/proc/{pid}/environ"] = env
            else:
                live = True
                if variable in env:
                    place = f"/proc/{pid}/environ"
                    daemon = Setting("runner-process", place, Effect.SETS, env[variable])
        return outcomes(settings, kind, self._tools(), daemon, live=live)

    def _tools(self) -> set[str]:
        """By which the step starts its compilers; where no step is named, those whose file is in the checkout."""
        text = self._text(self.ground.workflow) if self.ground.workflow and self.query.step else None
        if isinstance(text, str):
            try:
                step = levels(workflow_of(text, self.ground.workflow), self.ground)[1]
            except ValueError as e:
                raise UserError("that step cannot be found", str(e), "Name one of them") from e
            called = tools(step.run or "") if step else set()
            renamed = {"gmake": "make", "pnpm": "npm", "yarn": "npm"}
            return {renamed.get(t, t) for t in called}
        files = {"just": ("justfile", ".justfile"), "make": ("makefile", "gnumakefile"), "npm": ("package.json",)}
        names = {n.lower() for n in self.ground.names}
        return {tool for tool, there in files.items() if names & set(there)}

    def _settings(self, variable: str, *, quiet: bool = False) -> list[Setting]:
        """What every layer says, in the order in which the files are read."""
        layers = all_layers()
        found: dict[tuple[str, str], tuple[Setting, ...]] = {}
        todo = deque((layer.name, path, "") for layer in layers.values() for path in layer.files(self.ground))
        seen: set[tuple[str, str, str]] = set()
        while todo and len(seen) < _MOST_FILES:
            name, path, how = one = todo.popleft()
            if one in seen or (not how and any(s[:2] == one[:2] for s in seen)):
                continue
            seen.add(one)
            text = self._text(path)
            if isinstance(text, Unknown):
                self.unknown[path] = text
            elif text is not None:
                found[name, path] = self._read(layers[name], path, text, variable, how, todo, quiet=quiet)
        return [setting for settings in found.values() for setting in settings]

    def _read(
        self,
        layer: Layer,
        path: str,
        text: str,
        variable: str,
        how: str,
        todo: "deque[tuple[str, str, str]]",
        *,
        quiet: bool,
    ) -> tuple[Setting, ...]:
        try:
            read = layer.read(text, path, variable, self.ground, how)
        except ValueError as e:
            if not quiet:
                self.unknown[path] = Unknown(Reason.UNREADABLE, str(e))
            return ()
        todo.extend((m.layer, m.path, m.how) for m in read.more)
        return read.settings

    def _text(self, path: str) -> str | Unknown | None:
        """A file's text, once; None where there is none."""
        if path not in self.texts:
            self.texts[path] = self._ask(path)
        return self.texts[path]

    def _ask(self, path: str) -> str | Unknown | None:
        if path == SHOWN:
            if self.runner is None or self.runner.process.unit is None:
                return None
            shown = told(lambda: self.host.run(["systemctl", "show-environment"], 1.5))
            return shown if isinstance(shown, Unknown) else shown.out.decode("utf-8", "surrogateescape")
        try:
            return self.host.read(path).decode("utf-8", "surrogateescape")
        except HostRefusedError as e:
            return None if e.unknown.reason is Reason.NOT_FOUND else e.unknown

    def _live(self, variable: str) -> tuple[Live, ...]:
        """What the daemons and the runner's jobs have."""
        asked = [(d.name, d.kind, d.process.pid) for d in self.daemons if self._is_wanted(d)]
        if self.runner is not None:
            asked += [(p.name, "job", p.pid) for p in self._below(self.runner.process.pid)]
        return tuple(Live(name, kind, pid, self._one(pid, variable)) for name, kind, pid in asked[:_MOST_LIVE])

    def _is_wanted(self, daemon: Daemon) -> bool:
        return self.runner is None or daemon is self.runner or daemon.kind in SHARED

    def _one(self, pid: int, variable: str) -> str | Unknown | None:
        env = told(lambda: self.host.environ(pid, [variable]))
        return env if isinstance(env, Unknown) else env.get(variable)

    def _below(self, pid: int) -> list[Process]:
        found, pids = [], {pid}
        for process in sorted(self.processes, key=lambda p: p.started):
            if process.parent in pids:
                pids.add(process.pid)
                found.append(process)
        return found


def unreached(variable: str, name: str, unknown: Unknown) -> Trace:
    """What is known where the host cannot be reached."""
    return Trace(variable, "", (), (), (), {name: unknown}, f"{name} could not be asked: nothing is known.")
