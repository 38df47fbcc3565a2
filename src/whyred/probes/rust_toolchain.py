"""Which toolchains and targets rustup has for a process, and whether those that a log names are among them.

rustup keeps a toolchain in RUSTUP_HOME/toolchains/NAME-HOST and the libraries of a target in lib/rustlib/TARGET/lib
below it (the rustup book, "Environment variables"; rustc's --print target-libdir). Nothing is started.
"""

import re
from collections.abc import Mapping
from functools import partial

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told, without_process
from whyred.probes.place import entrance, follow

FIELDS = {
    "lacking": "the toolchain, where rustup has others and not this one; absent where it has it, or none is named",
    "target_lacking": "the target, where no toolchain of rustup has it; absent where one has it, or none is named",
    "program_lacking": "the program, where the toolchain is there without it; absent: it is there, or none is named",
    "toolchains": "the installed toolchains, with commas between them",
    "with_target": "the toolchains that have the target, with commas; absent: none, or no target is named",
    "home": "the folder that rustup keeps them in",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_MOST = 40
"""Toolchains that are looked into."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The names of the toolchains, and what is below those that count."""
    if subject.pid is None:
        return without_process()
    named = {k: v for k, v in arguments.items() if _NAME.fullmatch(v)}
    try:
        env, entry = host.environ(subject.pid, ["RUSTUP_HOME", "HOME"]), entrance(host, subject)
        home = env.get("RUSTUP_HOME") or (f"{env['HOME']}/.rustup" if env.get("HOME") else "")
        if not home.startswith("/"):
            return refusal(Unknown(Reason.NOT_APPLICABLE, "the process has neither RUSTUP_HOME nor HOME"))
        names = sorted(host.names(follow(host, entry, f"{home}/toolchains").reach))[:_MOST]
    except HostRefusedError as e:
        return refusal(e.unknown)
    below = partial(_having, host, entry, f"{home}/toolchains")
    target, program = named.get("target", ""), named.get("program", "")
    return pack(
        {
            "home": home,
            "names": names,
            "toolchain": named.get("toolchain", ""),
            "target": target,
            "program": program,
            "having": told(lambda: below(names, f"lib/rustlib/{target}/lib")) if target else [],
            "running": told(lambda: below(names, f"bin/{program}")) if program else [],
        }
    )


def _having(host: Host, entry: str, folder: str, names: list[str], below: str) -> list[str]:
    """The toolchains below which there is something. Raises HostRefusedError where it may not be looked at."""
    return [n for n in names if follow(host, entry, f"{folder}/{n}/{below}").stat is not None]


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    home, names = parts.text("home"), parts.texts("names")
    if isinstance(names, Unknown):
        return every(FIELDS, names)
    facts: Fields = {
        "home": home if isinstance(home, Unknown) else printable(home),
        "toolchains": printable(",".join(names)),
    }
    return facts | _of_toolchain(parts, names) | _of_target(parts, names)


def _of_toolchain(parts: Parts, names: list[str]) -> Fields:
    toolchain, program, running = parts.text("toolchain"), parts.text("program"), parts.texts("running")
    for part in (toolchain, program):
        if isinstance(part, Unknown):
            return {"lacking": part, "program_lacking": part}
    there = [n for n in names if n == toolchain or n.startswith(f"{toolchain}-")] if toolchain else []
    lacking = str(toolchain) if toolchain and names and not there else None
    if isinstance(running, Unknown):
        return {"lacking": lacking, "program_lacking": running}
    without = program and there and not set(there) & set(running)
    return {"lacking": lacking, "program_lacking": str(program) if without else None}


def _of_target(parts: Parts, names: list[str]) -> Fields:
    target, having = parts.text("target"), parts.texts("having")
    if isinstance(target, Unknown):
        return {"target_lacking": target, "with_target": target}
    if isinstance(having, Unknown):
        return {"target_lacking": having, "with_target": having}
    lacking = str(target) if target and names and not having else None
    return {"target_lacking": lacking, "with_target": printable(",".join(having)) or None}


PROBE = Probe(
    name="rust-toolchain",
    title="Which Rust toolchains and targets a process finds through rustup",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={
        "toolchain": "optional: the toolchain that is not installed, with or without its host",
        "target": "optional: the target that is not installed, such as `wasm32-unknown-unknown`",
        "program": "optional: the program that the toolchain lacks, such as `cargo-clippy`",
    },
)
