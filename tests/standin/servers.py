"""A second host, for redirects that leave the forge, and certificates of an authority of the test's own."""

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from standin.server import Served
from standin.wire import Reply


@contextmanager
def elsewhere(reply: Reply | None = None) -> Iterator[Served]:
    """Another host: answers everything alike; `requests` is what it got, `saw(token)` tells of a secret."""
    served = Served(lambda _request: reply or Reply(200, b"elsewhere\n", (("Content-Type", "text/plain"),)))
    try:
        yield served
    finally:
        served.stop()


@dataclass(frozen=True, slots=True)
class Authority:
    """An own certificate authority: `ca` is the file clients are to trust, `server` what a stand-in is given."""

    ca: Path
    server: ssl.SSLContext


def authority(folder: Path, *, host: str = "127.0.0.1", days: int = 2) -> Authority:
    """Makes an authority and a certificate for `host` in `folder`, with the system's openssl.

    A certificate for another `host` is one that must be refused; so is one with negative `days`.
    """
    ca, ca_key, key = folder / "ca.pem", folder / "ca.key", folder / "server.key"
    request, made, extensions = folder / "server.csr", folder / "server.pem", folder / "server.ext"
    kind = "IP" if host.replace(".", "").isdigit() else "DNS"
    extensions.write_text(f"subjectAltName={kind}:{host}\nbasicConstraints=CA:FALSE\n")
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    usage = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    _openssl(*new, "-x509", "-days", "3", "-subj", "/CN=stand-in authority", *usage, "-keyout", ca_key, "-out", ca)
    _openssl(*new, "-subj", f"/CN={host}", "-keyout", key, "-out", request)
    signed = ("-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-extfile", extensions, "-days", str(days))
    _openssl("x509", "-req", "-in", request, *signed, "-out", made)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    return Authority(ca, context)


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
