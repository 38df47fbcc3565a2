"""Where the cargo of a runner's jobs keeps its files: CARGO_HOME and target directories (the Cargo book, Environment
Variables and Build Cache)."""

import re
from collections.abc import Mapping
from functools import partial

from whyred.model.evidence import Unknown
from whyred.model.host import Host, Subject
from whyred.probes.answer import told
from whyred.probes.place import who
from whyred.probes.profiles import homes
from whyred.probes.searching import spread

VARIABLES = ("HOME", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_BUILD_DIR")
_SET = re.compile(r"""^\s*(?:build\.)?(?:target-dir|build-dir)\s*=\s*["']([^"']+)["']""", re.MULTILINE)


def environ(host: Host, subject: Subject) -> dict[str, str]:
    """The variables that move cargo's files. Raises `HostRefusedError`."""
    pid = subject.pid if subject.pid is not None else int(host.link(who(Subject("whyred"))))
    return host.environ(pid, VARIABLES)


def cargo_homes(host: Host, entry: str, subject: Subject, env: Mapping[str, str]) -> list[str]:
    """CARGO_HOME, or where it is without one."""
    own = env.get("CARGO_HOME", "")
    return [own] if own.startswith("/") else [f"{h}/.cargo" for h in homes(host, entry, subject, env)]


def targets(host: Host, entry: str, subject: Subject, env: Mapping[str, str], folder: str | None) -> list[str]:
    """The target directories that jobs may use: what variables and cargo's settings name, those of the checkout and
    of what a runner in host mode keeps."""
    own = [env.get(v, "") for v in VARIABLES[2:]]
    for home in cargo_homes(host, entry, subject, env):
        for file in ("config.toml", "config"):
            text = told(partial(host.read, f"{entry}{home}/{file}"))
            own += [] if isinstance(text, Unknown) else _SET.findall(text.decode("utf-8", "replace"))
    cwd = told(lambda: host.link(f"{who(subject)}/cwd")) if subject.pid is not None else None
    cwd = None if cwd == "/" else cwd  # a daemon's that has no folder of its own
    near = [f"{d}/target" for d in (folder, cwd) if isinstance(d, str)]
    kept = [f"{h}/.cache/act/*/hostexecutor/target" for h in homes(host, entry, subject, env)]
    kept += [f"{cwd}/*/target", f"{cwd}/*/*/target", f"{cwd}/_work/*/*/target"] if isinstance(cwd, str) else []
    return [t.rstrip("/") for t in dict.fromkeys([*own, *near, *spread(host, entry, kept)]) if t.startswith("/")]
