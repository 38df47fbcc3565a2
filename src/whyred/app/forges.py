"""The forges a user can reach: which one a target is on, what it is, and the ladder of routes to it."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from whyred.app.kept_logs import kept_answers, kept_logs
from whyred.app.known_servers import keep_server, known_server
from whyred.app.ladder import Ladder, worst
from whyred.app.machines import Machine
from whyred.app.options import Options
from whyred.app.resolve import Resolver, among, chosen
from whyred.app.seen import remember
from whyred.model.forge import Address, Kind, Server
from whyred.model.run import Attempt, Run
from whyred.model.source import MissingLogError
from whyred.model.trouble import UserError
from whyred.settings import folders
from whyred.sources.http import Http
from whyred.sources.reach import Reach
from whyred.sources.servers import GITHUB, identify
from whyred.sources.tap import knows

if TYPE_CHECKING:
    from whyred.model.credential import Cookie
    from whyred.settings.credentials import Credentials
    from whyred.sources.checkout import Checkout


@dataclass
class Forges:
    """Every forge this user may reach."""

    options: Options = field(default_factory=Options)
    credentials: "Credentials | None" = None
    cache: Path | None = None
    progress: Callable[[str], None] = lambda _: None
    note: Callable[[str], None] = lambda _: None
    """Hears what the user must know of the answer: that it is about another run than one might think."""
    may_read: Callable[[str], bool] = lambda _: False
    password: Callable[[str], str | None] = lambda _: None
    pause: Callable[[float], None] = time.sleep
    """How long waits between two questions are passed."""
    check: Callable[[], None] = lambda: None
    """Called before each request and each piece of an answer: where nobody wants more of it, it raises."""
    tapped: bool = True
    """Whether rows count that a tap keeps on this machine, whoever may see them on the forge."""

    def __post_init__(self) -> None:
        self._ladders: dict[str, Ladder] = {}
        self._clients: list[Http] = []
        self._stack = ExitStack()
        self._forge = Machine(self.options.forge_host, self._stack)
        self._runner = Machine(self.options.runner_host, self._stack)
        if self.credentials is None:
            from whyred.settings.credentials import credentials_of_user

            self.credentials = credentials_of_user()

    def of(self, address: Address) -> tuple[Ladder, Address]:
        """The ladder to the forge that an address is on, and the address with what the checkout tells of it.

        Raises UserError (no forge to be found) and MissingLogError.
        """
        if address.root is not None:
            return self.ladder(address.root), address
        if self.options.server is not None and address.repo:
            return self.ladder(self.options.server), address
        checkout = _checkout() if not address.repo else _checkout_or_none()
        if not address.repo:
            assert checkout is not None
            return self._here(checkout, address)
        if checkout is not None and checkout.remote is not None and (root := self._root_of(checkout)) is not None:
            return self.ladder(root), address
        return self.ladder(self._only_one(address)), address

    def _here(self, checkout: "Checkout", address: Address) -> tuple[Ladder, Address]:
        remote = checkout.remote
        if remote is None or not remote.root_candidates:
            why = f"{checkout.folder} has no remote on a forge"
            raise UserError("this checkout belongs to no forge", why, "Name the run: owner/repo#RUN, or its URL")
        root = self.options.server or self._root_of(checkout)
        if root is None:
            why = f"none of {', '.join(remote.root_candidates)} answers as a forge"
            raise UserError(f"no forge found for the remote {remote.url}", why, "Name it: --server https://HOST")
        repo = remote.repo_at(root) or ""
        return self.ladder(root), replace(address, repo=repo, commit=checkout.head, branch=checkout.branch)

    def _root_of(self, checkout: "Checkout") -> str | None:
        """The forge of the checkout's remote: one that is logged in to, else the first that answers as a forge."""
        remote = checkout.remote
        assert remote is not None
        known = self.known()
        for root in remote.root_candidates:
            if root in known:
                return root
        host = _host(remote.root_candidates[0]) if remote.root_candidates else None
        same = [root for root in known if _host(root) == host]
        if len(same) == 1:
            return same[0]
        for root in remote.root_candidates:
            try:
                self.ladder(root)
            except MissingLogError:
                continue  # the next candidate may be the one; if none is, the caller says which were asked
            return root
        return None

    def _only_one(self, address: Address) -> str:
        roots = self.known()
        if len(roots) == 1:
            return roots[0]
        if not roots:
            how = "whyred login https://HOST first, say --server https://HOST, or give the run's URL"
            raise UserError(f"on which server is {address}?", "no server is known yet", how)
        why = f"several servers are known: {', '.join(roots)}"
        raise UserError(f"on which server is {address}?", why, "Say --server URL, or give the run's URL")

    def known(self) -> list[str]:
        """The root URLs of every server that something is kept for."""
        assert self.credentials is not None
        return [server.root for server in self.credentials.servers()]

    def ladder(self, root: str) -> Ladder:
        """The ladder to one server. Raises MissingLogError where it does not answer as a forge."""
        from whyred.model.root import server_root

        root = server_root(root)
        if root not in self._ladders:
            ladder = Ladder(self.reach(root), self.options.route)
            ladder.kept = kept_logs(self.cache, ladder.reach)
            self._ladders[root] = ladder
        return self._ladders[root]

    def reach(self, root: str) -> Reach:
        """How one server is reached. With `--forge-host` it need not answer itself."""
        http = self.http(root)
        host, tapped = self._forge.host(self.progress), _tapped() if self.tapped else None
        try:
            server = self.server(http)
        except MissingLogError as e:
            if self._forge.away is not None and self.options.database is None:
                raise worst([("forge-host", self._forge.away), ("server", e)]) from e
            kept = tapped is not None and knows(tapped, http.root)
            if host is None and self.options.database is None and not kept:
                raise
            # The forge itself may be down: its own machine knows its logs all the same, and so does a tap.
            server = Server(root, Kind.FORGEJO)
        return Reach(
            server,
            replace_root(http, server),
            host=host,
            away=self._forge.away,
            folder=self.options.folder,
            database=self.options.database,
            may_read=(lambda _: True) if self.options.read_app_ini else self.may_read,
            password=self.password,
            tapped=tapped,
            runner_host=self._runner.host(self.progress),
            runner_away=self._runner.away,
            runner_logs=self.options.runner_logs,
        )

    def close(self) -> None:
        """Ends connections to the forge's own machine."""
        self._stack.close()

    def cut(self) -> None:
        """Ends every connection to a forge, from any thread: what waits for one goes on, and fails."""
        for client in list(self._clients):
            client.cut()

    def http(self, root: str) -> Http:
        """The client for one server, with this user's credentials for it and for no other."""
        assert self.credentials is not None
        credentials = self.credentials
        credential = credentials.get(root)
        jar = {cookie.name: cookie.value for cookie in credential.cookies}

        def keep(jar: Mapping[str, str]) -> None:
            credentials.update(root, lambda c: replace(c, cookies=cookies(jar)))

        http = Http(
            root,
            token=credential.token,
            jar=jar,
            ca=self.options.ca or os.environ.get("SSL_CERT_FILE") or None,
            insecure_http=self.options.insecure_http,
            signed_in=bool(jar),
            answers=kept_answers(self.cache),
            sleep=self.pause,
            check=self.check,
        )
        self._clients.append(http)
        if jar:
            http.cookies_changed = keep
        return http

    def server(self, http: Http) -> Server:
        """What a server is: as it was found out within the hour, else asked anew and remembered."""
        remembered = known_server(self.cache, http.root)
        if remembered is not None:
            return remembered
        self.progress(f"asking {http.root} what it is")
        server = identify(http)
        keep_server(self.cache, http.root, server)
        return server

    def resolver(self, address: Address) -> tuple[Resolver, Address]:
        """Who finds runs and attempts on the address's forge."""
        ladder, address = self.of(address)
        return Resolver(ladder, self.note, self.remember), address

    def remember(self, runs: Iterable[Run], attempts: Iterable[Attempt] = ()) -> None:
        """Keeps what was seen for the tab key of this machine's user: nothing that was seen for somebody else."""
        if self.cache is not None:
            remember(runs, attempts)

    def attempts(self, address: Address) -> tuple[Ladder, list[Attempt]]:
        """The attempts that an address means: one where it names a job, else the newest of every job of a run."""
        resolver, address = self.resolver(address)
        return resolver.ladder, resolver.attempts(self.run(resolver, address), address)

    def attempt(self, address: Address) -> tuple[Ladder, Attempt]:
        """The one attempt that an address means, with its steps where they are told."""
        ladder, attempts = self.attempts(address)
        return ladder, self.one_of(ladder, attempts)

    def one_of(self, ladder: Ladder, attempts: list[Attempt]) -> Attempt:
        """The one attempt of a run to look into, with its steps where they are told; what is left aside is noted."""
        attempt = chosen(attempts)
        if text := among(attempt, attempts):
            self.note(text)
        return ladder.steps(attempt)

    def run(self, resolver: Resolver, address: Address) -> Run:
        """The run that an address means."""
        self.progress(f"looking for {address} on {resolver.ladder.reach.server.root}")
        return resolver.run(address)


def cookies(jar: Mapping[str, str]) -> "tuple[Cookie, ...]":
    """The cookies of a client as they are kept."""
    from whyred.model.credential import Cookie

    return tuple(Cookie(name, value) for name, value in sorted(jar.items()))


def _tapped() -> Path | None:
    """The folder in which a tap keeps rows on this machine."""
    data = folders.data()
    # pathlib's own raises where a folder above it is closed to this user.
    return data / "tap" if data is not None and os.path.isdir(data / "tap") else None  # noqa: PTH112


def replace_root(http: Http, server: Server) -> Http:
    """The client for the server's API: GitHub's is elsewhere than its pages, and wants another scheme."""
    if server.kind is Kind.GITHUB:
        from whyred.sources.github import api_root

        http.root, http.scheme = api_root(server.root), "Bearer"
    elif server.kind is Kind.GITLAB:
        http.scheme = "Bearer"
    return http


def _host(root: str) -> str | None:
    from urllib.parse import urlsplit

    return urlsplit(root).hostname


def _checkout() -> "Checkout":
    from whyred.sources.checkout import read_checkout

    return read_checkout(Path.cwd())


def _checkout_or_none() -> "Checkout | None":
    try:
        return _checkout()
    except UserError:
        return None  # no checkout here: then the servers that are logged in to count


def forges(options: Options, progress: Callable[[str], None]) -> Forges:
    """The forges of this user, with what is remembered of them."""
    return Forges(options, cache=folders.cache(), progress=progress)


__all__ = ["GITHUB", "Forges", "Options", "forges"]
