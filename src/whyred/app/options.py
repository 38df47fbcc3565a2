"""`Options`: what the user said of how forges are reached."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How to reach forges.

    `server`: the forge to use where a target names none; `ca`: a CA file for TLS; `route`: the one route to use;
    `forge_host`: `local` or `ssh://USER@HOST`, the forge's own machine, with its data `folder` and `database`;
    `runner_host`: the runner's machine, with the folder `runner_logs` of its own copies of logs;
    `read_app_ini`: whether the forge's app.ini may be read without asking.
    """

    server: str | None = None
    ca: str | None = None
    insecure_http: bool = False
    route: str | None = None
    forge_host: str | None = None
    folder: str | None = None
    database: str | None = None
    read_app_ini: bool = False
    runner_host: str | None = None
    runner_logs: str | None = None

    def __post_init__(self) -> None:
        """Raises UserError: an address of a database that is none, or that holds a password."""
        if self.database is not None and not self.database.startswith("sqlite:"):
            from whyred.sources._sql_servers import from_url

            from_url(self.database)
