"""The script ends, and says so, on a host with a mount whose server never answers."""

import subprocess
import sys
from pathlib import Path

import pytest
from program import need

from whyred.hosts.printed import PrintedHost, script
from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError

ALONE = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child"]
HANG = """\
import ctypes, os, sys
server = os.dup2(os.open("/dev/fuse", os.O_RDWR), 50)
options = f"fd={server},rootmode=40000,user_id=0,group_id=0".encode()
if ctypes.CDLL(None).mount(b"dead", sys.argv[1].encode(), b"fuse", 0, options) != 0:
    sys.exit(77)
os.execvp("sh", ["sh", "-s"])
"""
"""A file system whose server is there and never reads a question: whoever touches it waits."""


def test_a_mount_that_does_not_answer_is_told_and_not_waited_for(tmp_path: Path) -> None:
    need(*ALONE)
    dead = tmp_path / "dead"
    dead.mkdir()
    asked = script([str(dead / "inside")]).encode()
    done = subprocess.run(
        [*ALONE, sys.executable, "-c", HANG, str(dead)], input=asked, capture_output=True, check=False
    )
    if done.returncode in (1, 77):
        pytest.skip("no file system of FUSE can be mounted here")
    (tmp_path / "out").write_bytes(done.stdout)
    host = PrintedHost(str(tmp_path / "out"))
    assert host.whole
    for ask in (lambda: host.stat(str(dead / "inside")), lambda: host.space(str(dead))):
        with pytest.raises(HostRefusedError, match="does not answer") as refused:
            ask()
        assert refused.value.unknown.reason is Reason.TIMED_OUT
    assert host.stat(str(tmp_path), follow=False).kind == "directory"
