"""`whyred env` over a real SSH connection says what it says on the spot."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from program import environment, run

from live.sshd import sshd


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="wh-", dir="/var/tmp"))
    yield made
    shutil.rmtree(made)


def test_the_same_answer_as_here(folder: Path) -> None:
    checkout = folder / "checkout"
    (checkout / ".cargo").mkdir(parents=True)
    (checkout / ".cargo/config.toml").write_text('[env]\nWHYRED_A = { value = "/tmp", force = true }\n')
    (checkout / "justfile").write_text("WHYRED_A := '/var/tmp'\n")
    arguments = ["env", "WHYRED_A", "--folder", str(checkout), "--json"]
    with sshd(folder / "sshd") as server:
        env = environment(folder, PATH=server.env["PATH"])
        here, there = (run([*arguments, *more], env) for more in ([], ["--host", server.address]))
    said, far = json.loads(here.out), json.loads(there.out)
    assert (here.code, there.code) == (1, 1), there.err
    assert said["sentence"] == far["sentence"]
    assert far["sentence"].startswith("cargo sets WHYRED_A=/tmp for rustc only")
    assert [said[k] for k in ("settings", "outcomes")] == [far[k] for k in ("settings", "outcomes")]


def test_a_host_that_is_not_there_is_no_answer(folder: Path) -> None:
    with sshd(folder / "sshd") as server:
        env = environment(folder, PATH=server.env["PATH"])
        gone = server.address.rpartition(":")[0] + ":1"
    ended = run(["env", "A", "--host", gone, "--json"], env)
    assert (ended.code, json.loads(ended.out)["unknown"][0]["reason"]) == (4, "no-host")
