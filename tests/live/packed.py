"""A runner in Go that speaks protobuf (`packed_runner/`), built once into the user's cache folder."""

import hashlib
from pathlib import Path

from live.build import _alone, _cache, _go, need_go

SOURCE = Path(__file__).parent / "packed_runner" / "main.go"
_GO_MOD = """\
module whyred.test/packed

go 1.21

require (
	code.gitea.io/actions-proto-go v0.4.1
	connectrpc.com/connect v1.15.0
	google.golang.org/protobuf v1.32.0
)
"""


def packed_runner() -> Path:
    """The program. Raises NoGoError and BuildError."""
    need_go()
    text = SOURCE.read_bytes()
    folder = _cache() / f"packed-{hashlib.sha256(text + _GO_MOD.encode()).hexdigest()[:12]}"
    program = folder / "packed"
    if not program.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder.with_suffix(".lock")):
            (folder / "main.go").write_bytes(text)
            (folder / "go.mod").write_text(_GO_MOD, encoding="utf-8")
            _go(folder, "mod", "tidy")
            _go(folder, "build", "-o", "packed.new", ".")
            (folder / "packed.new").replace(program)
    return program
