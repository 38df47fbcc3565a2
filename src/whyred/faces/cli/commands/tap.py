"""Keep the logs of jobs as their runner sends them to the forge."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from whyred.app.tap import Event
    from whyred.faces.tap.serve import Listen

_LISTEN = "127.0.0.1:8377"
_EPILOG = """\b
The tap stands between a runner and its forge. Give the runner the tap's
address as the forge's (`address` in .runner, or `url` of its connection),
with the path that the forge's URL has. Everything passes unchanged. Kept are
log rows, masked, the states of steps, and names: repository, run, job, step,
runner. No token, header, secret, script or output is. Then `whyred logs` and
`whyred why` know these jobs by the route `tap`, also while they run.

\b
Examples:
  whyred tap --upstream https://forge.example
  whyred tap --upstream https://forge.example --listen 172.17.0.1:8377
"""


@click.command("tap", help=__doc__, epilog=_EPILOG)
@click.option("--upstream", required=True, metavar="URL", help="The forge.")
@click.option("--listen", default=_LISTEN, show_default=True, metavar="ADDR", help="Where runners find the tap.")
@click.option(
    "--keep", type=click.Path(path_type=Path), metavar="FOLDER", help="Where rows are kept (in XDG_DATA_HOME)."
)
@click.option("--ca", metavar="FILE", help="A CA file for TLS (also SSL_CERT_FILE).")
@click.option("--insecure-http", is_flag=True, help="Speak plain HTTP to a forge on another machine.")
@click.option("--json", "as_json", is_flag=True, help="Say what happens as one JSON object a line.")
def command(upstream: str, listen: str, keep: Path | None, ca: str | None, insecure_http: bool, as_json: bool) -> int:
    """Let calls through and keep their rows until it is stopped."""
    import os
    import signal

    from whyred.app.library import Library
    from whyred.app.tap import check, keeping, taps
    from whyred.faces.tap.relay import Upstream
    from whyred.faces.tap.serve import Tap, tls_to
    from whyred.settings import folders

    root, at, folder = check(upstream, insecure_http=insecure_http), _address(listen), taps(keep)
    tls = tls_to(root, ca or os.environ.get("SSL_CERT_FILE") or None)
    teller = _Teller(root, folder, as_json=as_json)
    library = Library(folders.cache())
    library.masker()  # compiled now: the first call need not wait for it
    # A call waits at most this long for the thread that reads the one before it.
    sys.setswitchinterval(0.0005)
    with keeping(folder, root, library.masker, teller.event) as keeper:
        tap = Tap(at, Upstream(root, tls), keeper.take, teller.forge, teller.ready)
        number = tap.run()
    teller.ended(tap.calls, keeper.rows)
    if tap.bug is not None:
        raise tap.bug
    return 130 if number == signal.SIGINT else 0


def _address(text: str) -> "Listen":
    """HOST:PORT, [IPv6]:PORT, or a port on this machine alone. Raises UsageError."""
    import re

    from whyred.faces.tap.serve import Listen

    found = re.fullmatch(r"(?:(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]/@\s]+)):)?([0-9]{1,5})", text)
    if found is None or int(found[3]) > 65535:
        raise click.UsageError(f"--listen wants HOST:PORT, such as {_LISTEN}, not {text!r}.")
    return Listen(found[1] or found[2] or "127.0.0.1", int(found[3]))


class _Teller:
    """Says what happens: for people on standard error, or as JSON on standard output."""

    def __init__(self, root: str, folder: Path, *, as_json: bool) -> None:
        self.root, self.folder, self.as_json = root, folder, as_json

    def _say(self, kind: str, text: str, **more: object) -> None:
        from whyred.faces.cli.show import out
        from whyred.faces.cli.streams import say

        if self.as_json:
            told = {"schema": "whyred.tap/1", "event": kind, "text": text, **more}
            out(json.dumps({key: value for key, value in told.items() if value is not None}) + "\n")
        else:
            say(text)

    def ready(self, at: "Listen") -> None:
        """It listens."""
        from whyred.app.tap import is_loopback, passes_by_proxy

        where = f"http://{at}"
        self._say("ready", f"{where} leads to {self.root}; rows are kept in {self.folder}", listen=where)
        if not is_loopback(at.host):
            text = (
                f"whoever reaches {at} reaches the forge through it, and what passes is not encrypted on its way there,"
                " tokens and secrets among it: let the runner alone reach it"
            )
            self._say("warning", text)
        if passes_by_proxy(self.root):
            self._say("warning", f"{self.root} is called directly, not through the proxy that the environment names")

    def forge(self, trouble: str | None) -> None:
        """The forge cannot be reached, or can again."""
        if trouble is None:
            self._say("better", f"{self.root} can be reached again")
        else:
            self._say("trouble", f"{self.root} cannot be reached: {trouble}. Runners are told so (502) and try again")

    def event(self, event: "Event") -> None:
        """Something that the keeper has to say."""
        self._say(event.kind, event.text, task=event.task)

    def ended(self, calls: int, rows: int) -> None:
        """It has stopped."""
        self._say("stopped", f"stopped: {calls} calls passed, {rows} rows are kept", calls=calls, rows=rows)
