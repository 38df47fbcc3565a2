"""`Options`: what the user said of how forges are reached."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How to reach forges. `server`: the forge to use where a target names none; `ca`: a CA file for TLS; `route`: the
    one route to use; `forge_host`: `local` or `ssh://USER@HOST`, the forge's own machine.
    """

    server: str | None = None
    ca: str | None = None
    insecure_http: bool = False
    route: str | None = None
    forge_host: str | None = None
    folder: str | None = None
    database: str | None = None
