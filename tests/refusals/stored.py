"""Logs that lie on this machine: files, downloads, bundles, local runs."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import zstandard

from refusals.cell import Cell, Make, Place
from whyred.model.source import Missing

M = Missing
_SOURCES = Path(__file__).parents[1] / "sources"
_LOG = b"2026-01-02T03:04:05.1234567Z hello\n" * 5000
_ROW = b"2026-01-02T03:04:05.1234567Z hello\n"


def _file(
    write: Callable[[Path], object], name: str = "build.log", command: str = "read", options: Sequence[str] = ()
) -> Make:
    """A file that `write` makes, and the command that reads it."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        file = place.folder / name
        write(file)
        yield [command, str(file), *options]

    return make


def _bytes(data: bytes, mode: int = 0o644) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        file.write_bytes(data)
        file.chmod(mode)

    return write


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def _gzip(data: bytes) -> bytes:
    import gzip

    return gzip.compress(data)


def _files() -> Iterator[Cell]:
    def cell(reason: Missing, case: str, make: Make, help_: str, asked: str = "^read /", **how: bool) -> Cell:
        return Cell(reason, "files", case, make, asked, help_, **how)

    elf = b"\x7fELF" + bytes(200)
    yield cell(M.STILL_RUNNING, "an empty file", _file(_bytes(b"")), "it is empty.*[Ff]etch it again")
    yield cell(M.CORRUPT, "zstd that was cut off", _file(_bytes(_zstd(_LOG)[:-30])), "ends early: fetch")
    yield cell(M.CORRUPT, "zstd that is damaged", _file(_bytes(_zstd(_LOG)[:9] + b"\xff" * 60)), "damaged.*fetch")
    yield cell(M.CORRUPT, "gzip that was cut off", _file(_bytes(_gzip(_LOG)[:-30])), "ends early: fetch")
    yield cell(M.CORRUPT, "gzip that is damaged", _file(_bytes(_gzip(_LOG)[:12] + b"\xff" * 60)), "damaged.*fetch")
    yield Cell(M.CORRUPT, "files", "a file that cannot be read to its end", _unreadable, "^read /proc/self/mem$",
               "copy the file and try again")  # fmt: skip
    yield cell(M.REFUSED_CONTENT, "a program", _file(_bytes(elf)), "ELF program. Name the log instead")
    yield cell(M.REFUSED_CONTENT, "UTF-16", _file(_bytes("hello\n".encode("utf-16") * 9)), "iconv -f UTF-16")
    yield cell(M.REFUSED_CONTENT, "an archive of another kind", _file(_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(90))),
               "7z archive. Unpack it")  # fmt: skip
    yield cell(M.TOO_LARGE, "a log beyond --max-bytes",
               _file(_bytes(_LOG), command="why", options=("--max-bytes", "1000")), "more than the 1000 of --max-bytes",
               "^read the log of ")  # fmt: skip
    yield cell(M.NO_PERMISSION, "another user's file", _file(_bytes(_LOG, 0)), "as its owner.*pipe it in", other=True)


@contextmanager
def _unreadable(_: Place) -> Iterator[Sequence[str]]:
    """The memory of a process is a file whose first page gives an I/O error."""
    yield ["read", "/proc/self/mem"]


def _zip(members: Mapping[str, bytes], spoil: Callable[[bytes], bytes] = lambda data: data) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        kept = io.BytesIO()
        with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(zipfile.ZipInfo(name), data)
        file.write_bytes(spoil(kept.getvalue()))

    return write


def _encrypted(data: bytes) -> bytes:
    """The flag of an encrypted member, in its own header and in the table (APPNOTE.TXT 4.4.4)."""
    whole, table = bytearray(data), data.index(b"PK\x01\x02")
    whole[6] |= 1
    whole[table + 8] |= 1
    return bytes(whole)


def _bent(data: bytes) -> bytes:
    """One byte of the first member's text is another one."""
    at = data.index(b"hello") + 2
    return data[:at] + b"L" + data[at + 1 :]


def _downloads() -> Iterator[Cell]:
    def cell(reason: Missing, case: str, make: Make, help_: str, asked: str = "^read /", **how: bool) -> Cell:
        return Cell(reason, "downloads", case, make, asked, help_, **how)

    def zipped(members: Mapping[str, bytes], spoil: Callable[[bytes], bytes] = lambda data: data) -> Make:
        return _file(_zip(members, spoil), "run.zip")

    one = {"0_test.txt": _ROW, "test/1_Set up job.txt": _ROW}
    yield cell(M.CORRUPT, "a zip that was cut off", zipped(one, lambda data: data[:-30]), "ends early.*again")
    yield cell(M.CORRUPT, "a zip with a damaged member", zipped({"test.txt": _ROW}, _bent), "damaged.*download")
    yield cell(M.REFUSED_CONTENT, "an encrypted zip", zipped(one, _encrypted), "encrypted entry.*unpack it")
    yield cell(M.REFUSED_CONTENT, "a zip with a name outside it", zipped({"../../x.txt": _ROW}), "outside the archive")
    yield cell(M.REFUSED_CONTENT, "a zip without logs", zipped({"a.png": b"x"}), "holds no logs")
    for reason, words, help_ in (
        (M.NOT_STARTED, b"job has not been executed yet", "so there is no log"),
        (M.EXPIRED, b"logs have been cleaned up", "retention time"),
        (M.DELETED, b"log open failed: open /srv/x.log: no such file or directory", "run the job again"),
        (M.STILL_RUNNING, b"log open failed: dbfs open: does not exist", "download the logs again"),
        (M.SERVER_ERROR, b"log open failed: permission denied", "its own log says why"),
    ):
        yield cell(reason, f"the forge says in the zip: {words.decode().partition(' /')[0]}",
                   zipped({"build-7-attempt-1.MISSING": words + b"\n"}), help_)  # fmt: skip
    yield cell(M.CORRUPT, "the forge could not read it to its end (.PARTIAL)",
               zipped({"build-7-attempt-1.log": _ROW, "build-7-attempt-1.PARTIAL": b"x"}), "to its end")  # fmt: skip
    yield cell(M.STILL_RUNNING, "a zip with an empty log", zipped({"build-7-attempt-1.log": b""}), "it is empty")
    yield cell(M.TOO_LARGE, "a log beyond --max-bytes",
               _file(_zip({"0_test.txt": _LOG}), "run.zip", "why", ("--max-bytes", "1000")),
               "more than the 1000 of --max-bytes", "^read the log of ")  # fmt: skip
    yield cell(M.NO_PERMISSION, "another user's log in a folder", _closed_folder, "as its owner", other=True)


@contextmanager
def _closed_folder(place: Place) -> Iterator[Sequence[str]]:
    folder = place.folder / "logs"
    folder.mkdir()
    (folder / "test.log").write_bytes(_ROW)
    (folder / "test.log").chmod(0)
    yield ["read", str(folder)]


def _bundle(change: Callable[[dict[str, bytes]], object], spoil: Callable[[bytes], bytes] = lambda data: data) -> Make:
    """A bundle that whyred wrote, with other members."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        file = place.folder / "it.whyred"
        with zipfile.ZipFile(_SOURCES / "bundle/saved.whyred") as saved:
            members = {name: saved.read(name) for name in saved.namelist()}
        change(members)
        kept = io.BytesIO()
        with zipfile.ZipFile(kept, "w", zipfile.ZIP_STORED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        file.write_bytes(spoil(kept.getvalue()))
        yield ["why", str(file)]

    return make


def _bundles() -> Iterator[Cell]:
    def cell(reason: Missing, case: str, make: Make, help_: str, asked: str = "^read bundle /", **how: bool) -> Cell:
        return Cell(reason, "bundle", case, make, asked, help_, **how)

    yield cell(
        M.CORRUPT, "a bundle that was cut off", _bundle(lambda _: None, lambda data: data[:-40]), "Fetch it again"
    )
    yield cell(M.CORRUPT, "its log was cut off", _bundle(lambda m: m.update({"log.zst": m["log.zst"][:-9]})),
               "its log cannot be read .*ends early")  # fmt: skip
    yield cell(M.CORRUPT, "its log is damaged", _bundle(lambda _: None, _bent_log), "cannot be read.*Fetch it again")
    yield cell(M.CORRUPT, "its attempt is no JSON", _bundle(lambda m: m.update({"attempt.json": b"{"})),
               "attempt.json cannot be read")  # fmt: skip
    yield cell(
        M.CORRUPT, "its answers are missing", _bundle(lambda m: m.pop("answers.json")), "answers.json is missing"
    )
    yield cell(M.REFUSED_CONTENT, "a zip that only looks like one", _bundle(lambda m: m.pop("manifest.json")),
               "no bundle of whyred", "^read /")  # fmt: skip
    yield cell(M.DELETED, "its log is empty", _bundle(_emptied), "its log is empty.*run it again", "^read ")
    yield cell(
        M.TOO_LARGE, "a log beyond --max-bytes", _limited_bundle, "more than the 10 of --max-bytes", "^read the log of "
    )


def _emptied(members: dict[str, bytes]) -> None:
    attempt = json.loads(members["attempt.json"])
    members["attempt.json"] = json.dumps({**attempt, "status": "done"}).encode()
    members["log.zst"] = _zstd(b"")


def _bent_log(data: bytes) -> bytes:
    at = data.index(b"\x28\xb5\x2f\xfd") + 12
    return data[:at] + bytes(b ^ 0xFF for b in data[at : at + 20]) + data[at + 20 :]


@contextmanager
def _limited_bundle(place: Place) -> Iterator[Sequence[str]]:
    with _bundle(lambda _: None)(place) as argv:
        yield [*argv, "--max-bytes", "10"]


def _run(spoil: Callable[[Path], object], target: str = "local:1", *options: str) -> Make:
    """The folder of a local run, spoilt."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        runs = place.home / "data/whyred/runs"
        shutil.copytree(_SOURCES / "local/runs/1", runs / "1")
        spoil(runs / "1")
        yield ["why", target, *options]

    return make


def _local() -> Iterator[Cell]:
    def cell(reason: Missing, case: str, make: Make, asked: str, help_: str, **how: bool) -> Cell:
        return Cell(reason, "local", case, make, asked, help_, **how)

    log, record = "^read /.*/1/job.log$", "^read /.*/1/run.json$"
    yield cell(M.NOT_FOUND, "no run was ever made", _run(lambda run: shutil.rmtree(run), "local"), "^look for local$",
               "make one with `whyred run")  # fmt: skip
    yield cell(M.NOT_FOUND, "no such run", _run(lambda _: None, "local:9"), "^look for local:9$", "the runs in .* are")
    yield cell(M.NOT_FOUND, "no home to look in", _homeless, "^look for local$", "set HOME or XDG_DATA_HOME")
    yield cell(
        M.DELETED, "its log is gone", _run(lambda run: (run / "job.log").unlink()), log, "run the workflow again"
    )
    yield cell(M.DELETED, "its log is empty", _run(lambda run: (run / "job.log").write_bytes(b"")), "^read local:1$",
               "its log is empty")  # fmt: skip
    yield cell(M.CORRUPT, "its log is no file", _run(_folder_for_log), log, "no file: run the workflow again")
    yield cell(M.CORRUPT, "its record is damaged", _run(lambda run: (run / "run.json").write_text("{")), record,
               "is damaged .*job.log may still be read")  # fmt: skip
    yield cell(M.CORRUPT, "its record is gone", _run(lambda run: (run / "run.json").unlink()), record, "was removed")
    yield cell(M.NO_PERMISSION, "another user's run", _run(lambda run: (run / "job.log").chmod(0)), log,
               "make it a readable file", other=True)  # fmt: skip
    yield cell(M.TOO_LARGE, "a log beyond --max-bytes", _run(lambda _: None, "local:1", "--max-bytes", "10"),
               "^read the log of local:1 ", "more than the 10 of --max-bytes")  # fmt: skip


def _folder_for_log(run: Path) -> None:
    (run / "job.log").unlink()
    (run / "job.log").mkdir()


@contextmanager
def _homeless(place: Place) -> Iterator[Sequence[str]]:
    place.env = {"HOME": "/none", "XDG_DATA_HOME": ""}
    yield ["why", "local"]


CELLS = (*_files(), *_downloads(), *_bundles(), *_local())
