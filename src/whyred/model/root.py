"""Root URLs of forges: their one normal form, and what the URL of a git remote says of the forge and the
repository there.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from whyred.model.credential import Hidden
from whyred.model.trouble import UserError

_PORTS = {"http": 80, "https": 443, "ssh": 22, "git": 9418}
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_.])?")
_SEGMENT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%-]+")
_UNSAFE = re.compile(r"[^\x21-\x7e]|\\")
"""What no address may hold as it is: clients differ in how they read blanks, backslashes and what is no ASCII."""
_SHORT = re.compile(
    r"(?:[^/:@\[\]]*@)?(?:\[(?:[^\]/@]*@)?(?P<inner>[^\]/]+)\]|(?P<plain>[^/:@\[\]]+)):(?P<path>.*)", re.DOTALL
)
"""The short form of ssh, `git@host:owner/name`; also `[git@host:port]:owner/name`."""
_SCHEMES = {"git+ssh": "ssh", "ssh+git": "ssh"}
_OWNER_AND_NAME = re.compile(r"([^/:]+/[^/]+?)(?:\.git)?/?")
_SSH_NAMES = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com"}
"""Names that answer ssh on port 443 -> the forge (their manuals: ssh over the HTTPS port)."""
_FORGE_PORT = 3000
"""Where Forgejo and Gitea answer plain HTTP when nobody says otherwise (their setting HTTP_PORT)."""


def server_root(url: str) -> str:
    """The root URL of a forge in its normal form: scheme and host in lower case, default port dropped, sub-path kept,
    no trailing slash. Raises UserError, which never quotes the address, for it may hold a password.
    """
    url = Hidden(url)
    if (wrong := _wrong(url)) is not None:
        raise UserError(
            "this is no address of a forge", wrong, "Write it like https://forge.example or https://example.org/git"
        )
    parts = urlsplit(url)
    host, port = _host(parts) or "", parts.port
    path = "".join(f"/{s}" for s in parts.path.split("/") if s)
    return f"{parts.scheme}://{host}{'' if port in (None, _PORTS[parts.scheme]) else f':{port}'}{path}"


def _wrong(url: str) -> str | None:
    """Why this is no root URL; None when it is one."""
    parts = _split(url)
    if parts is None:
        return "it holds blanks, backslashes, letters beyond ASCII (a host is written in its xn-- form) or a bad port"
    if parts.scheme not in ("http", "https"):
        return "it does not begin with https:// or http://"
    if "@" in parts.netloc:
        return "it holds a user name or a password; whyred asks for these and keeps them elsewhere"
    if _host(parts) is None:
        return "it names no host"
    if parts.query or parts.fragment:
        return "it goes on after a `?` or `#`"
    if not all(_plain(s) for s in parts.path.split("/") if s):
        return "its path is not plain"
    return None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit("" if _UNSAFE.search(url) else url)
        port = parts.port
    except ValueError:
        return None
    return None if port == 0 else parts


def _host(parts: SplitResult) -> str | None:
    host = parts.hostname or ""
    if parts.netloc.rpartition("@")[2].startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(host)}]"
        except ValueError:
            return None
    return host if _NAME.fullmatch(host) else None


def _plain(segment: str) -> bool:
    return _SEGMENT.fullmatch(segment) is not None and segment.lower().replace("%2e", ".") not in (".", "..")


@dataclass(frozen=True, slots=True)
class RemoteUrl:
    """Where on which server a git repository lies. `scheme`: http, https, ssh or git; `port` None: the usual one;
    `path`: its parts below the server's root, without `.git` (owner and name last).
    """

    scheme: str
    host: str
    port: int | None
    path: tuple[str, ...]

    @property
    def roots(self) -> tuple[str, ...]:
        """The root URLs that the forge may have, likeliest first.

        An http remote names it, but for the question whether the parts in front of the owner are a sub-path of the
        forge (Forgejo, Gitea) or groups of GitLab. An ssh remote names the host alone: its port is the ssh server's.
        """
        if self.scheme in ("http", "https"):
            whole = f"{self.scheme}://{self.host}{f':{self.port}' if self.port else ''}"
            return tuple(dict.fromkeys("/".join((whole, *front)) for front in (self.path[:-2], ())))
        host = _SSH_NAMES.get(self.host, self.host)
        return (f"https://{host}", f"http://{host}", f"http://{host}:{_FORGE_PORT}")

    def repo_at(self, root: str) -> str:
        """The repository's name on a forge with this root URL: what is left of the path below the root's."""
        path = "/".join(self.path)
        return path.removeprefix(urlsplit(root).path.strip("/") + "/")


def read_remote(url: str) -> RemoteUrl | None:
    """What a git remote's URL says; None where it leads to no server or to no `owner/name` there.

    Its forms are those of git-fetch(1), section GIT URLS.
    """
    parts = _split(_long(url))
    if parts is None or (host := _host(parts)) is None:
        return None
    scheme = _SCHEMES.get(parts.scheme, parts.scheme)
    path = _path(parts.path)
    if scheme not in _PORTS or len(path) < 2 or path[0].startswith("~") or not all(map(_plain, path)):
        return None
    return RemoteUrl(scheme, host, parts.port if parts.port != _PORTS[scheme] else None, path)


def _long(url: str) -> str:
    """The address with a scheme, where it is in ssh's short form."""
    short = None if "://" in url else _SHORT.fullmatch(url)
    if short is None:
        return url
    inner = short["inner"]
    host = short["plain"] or (f"[{inner}]" if inner.count(":") > 1 else inner)
    return f"ssh://{host}/{short['path']}"


def owner_and_name(url: str) -> str | None:
    """`owner/name`: the last two parts of any remote's URL or folder; None where it has no two."""
    tail = _OWNER_AND_NAME.fullmatch("/".join(re.split(r"[/:]", url.rstrip("/"))[-2:]))
    return tail[1] if tail else None


def public_url(url: str) -> str:
    """The URL of a git remote as people may see it: without password, query and what a remote helper is handed."""
    helper, double, _ = url.partition("::")
    if double and re.fullmatch(r"[A-Za-z0-9+-]+", helper):
        return f"{helper}::..."
    if "://" not in url:  # a folder, or ssh's short form, which has no place for a password: git would not take one
        return re.sub(r"^[^/@]*:[^/@]*@", "", url)
    scheme, _, rest = url.partition("://")
    authority, slash, path = re.split("[?#]", rest)[0].partition("/")
    user, at, host = authority.rpartition("@")
    # Tokens are also given as the user name of an https URL; the user of an ssh URL is a plain name.
    kept = user.partition(":")[0] + at if "ssh" in scheme else ""
    return f"{scheme}://{kept}{host}{slash}{path}"


def _path(path: str) -> tuple[str, ...]:
    parts = tuple(p for p in path.split("/") if p)
    return (*parts[:-1], parts[-1].removesuffix(".git")) if parts and parts[-1] != ".git" else parts
