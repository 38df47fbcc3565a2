"""A log as it lies on the disk: plain, compressed, or not to be had; no byte lost, no half taken for the whole."""

import gzip
import io
import os
import threading
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from streams import pieces, text

from whyred.app import targets
from whyred.model.source import Given, Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources import bundle, files

LOG = b"".join(b"line %d of a log\n" % n for n in range(5000))
SKIPPABLE = b"\x50\x2a\x4d\x18" + (8).to_bytes(4, "little") + b"x" * 8


def fetched(target: str, stdin: bytes = b"") -> bytes:
    return text(files.fetch(target, Given(None, io.BytesIO(stdin))))


def zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def frames(data: bytes, size: int = 4000) -> bytes:
    return b"".join(zst(data[i : i + size]) for i in range(0, len(data), size))


def members(data: bytes, size: int = 4000) -> bytes:
    return b"".join(gzip.compress(data[i : i + size]) for i in range(0, len(data), size))


FORMS = {
    "plain": LOG,
    "empty": b"",
    "gz": gzip.compress(LOG),
    "gz of several members": members(LOG),
    "zst": zst(LOG),
    "zst of several frames": frames(LOG),
    "zst with skippable frames": zst(LOG[:999]) + SKIPPABLE + zst(LOG[999:]) + SKIPPABLE,
    "zst of nothing": zst(b""),
    "gz of nothing": gzip.compress(b""),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_very_bytes(form: str, tmp_path: Path) -> None:
    file = tmp_path / "job.log"
    file.write_bytes(FORMS[form])
    wanted = b"" if form.endswith("nothing") or form == "empty" else LOG
    assert fetched(str(file)) == wanted
    assert fetched("-", FORMS[form]) == wanted


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=100).map(str.encode), st.integers(1, 50))
def test_compressed_bytes_come_back(data: bytes, size: int) -> None:
    assert fetched("-", frames(data, size) or zst(b"")) == data
    assert fetched("-", members(data, size) or gzip.compress(b"")) == data


@pytest.mark.parametrize("form", ["gz", "gz of several members", "zst", "zst of several frames"])
def test_one_that_ends_early_is_corrupt(form: str) -> None:
    whole = FORMS[form]
    ends = {len(x) for x in _beginnings(form)}
    for length in range(5, len(whole), max(1, len(whole) // 40)):
        if length in ends:
            continue  # a shorter file of whole frames
        with pytest.raises(MissingLogError) as error:
            fetched("-", whole[:length])
        assert error.value.reason is Missing.CORRUPT
        assert error.value.help


def _beginnings(form: str) -> list[bytes]:
    if "several" not in form:
        return []
    many = frames if form.startswith("zst") else members
    return [many(LOG[:n]) for n in range(4000, len(LOG), 4000)]


@pytest.mark.parametrize("form", ["gz", "zst"])
def test_one_that_is_damaged_is_corrupt(form: str) -> None:
    whole = bytearray(FORMS[form])
    whole[len(whole) // 2 : len(whole) // 2 + 20] = b"\xff" * 20
    with pytest.raises(MissingLogError) as error:
        fetched("-", bytes(whole))
    assert error.value.reason is Missing.CORRUPT


def test_what_was_read_before_the_damage_was_passed_on() -> None:
    seen = []
    with pytest.raises(MissingLogError):  # noqa: PT012
        for chunk in pieces(files.fetch("-", Given(None, io.BytesIO(zst(LOG[:500]) + zst(LOG[500:])[:-9])))):
            seen.append(chunk)
    assert LOG.startswith(b"".join(seen))
    assert len(b"".join(seen)) >= 500


@pytest.mark.parametrize("pack", [zst, gzip.compress])
def test_a_small_file_of_a_huge_text_comes_in_pieces(pack: object) -> None:
    data = pack(b"\n" * (200 << 20))  # type: ignore[operator]
    assert len(data) < 1 << 20
    size, longest = 0, 0
    for chunk in pieces(files.fetch("-", Given(None, io.BytesIO(data)))):
        size += len(chunk)
        longest = max(longest, len(chunk))
    assert size == 200 << 20
    assert longest <= 17 << 20


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        files.fetch(str(tmp_path / "none"), Given(None, io.BytesIO()))
    assert (error.value.code, "no such file" in error.value.what) == (2, True)


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a directory"):
        files.fetch(str(tmp_path), Given(None, io.BytesIO()))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything: the lab runs this as another user")
def test_no_permission(tmp_path: Path) -> None:
    file = tmp_path / "job.log"
    file.write_bytes(b"x")
    file.chmod(0)
    with pytest.raises(MissingLogError, match="no-permission"):
        files.fetch(str(file), Given(None, io.BytesIO()))


def test_a_refusal_of_the_kernel_names_who_may(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(self: Path, *_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    file = tmp_path / "job.log"
    file.touch()
    with pytest.raises(MissingLogError) as error:
        files.fetch(str(file), Given(None, io.BytesIO()))
    assert error.value.reason is Missing.NO_PERMISSION
    assert f"user id {os.geteuid()}" in error.value.help
    assert "sudo cat" in error.value.help


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000 + "b"])
def test_a_name_that_cannot_be(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        files.fetch(str(tmp_path / name), Given(None, io.BytesIO()))


def test_a_read_error_is_corrupt() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(MissingLogError, match="Input/output error") as error:
        list(files.fetch("-", Given(None, Failing())).chunks)
    assert error.value.reason is Missing.CORRUPT


def _feed(fifo: Path, data: bytes) -> threading.Thread:
    def write() -> None:
        with fifo.open("wb") as file:
            file.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


@pytest.mark.parametrize("data", [LOG, LOG[:1000], b""])
def test_a_pipe_is_opened_once_and_loses_nothing(data: bytes, tmp_path: Path) -> None:
    """As `whyred read <(zcat LOG)`: every source is asked whether the target is its own, and none may read of it."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = _feed(fifo, data)
    try:
        assert text(targets.fetch(str(fifo))) == data
    finally:
        writer.join()


def test_a_pipe_that_ends_early_inside_a_frame(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = _feed(fifo, zst(LOG)[:-10])
    try:
        with pytest.raises(MissingLogError):
            fetched(str(fifo))
    finally:
        writer.join()


@pytest.mark.parametrize("name", ["fifo", "none", "folder", "log", "x" * 5000, "nul\0"])
def test_only_zip_files_are_bundles(name: str, tmp_path: Path) -> None:
    if name == "fifo":
        os.mkfifo(tmp_path / name)
    if name == "folder":
        (tmp_path / name).mkdir()
    if name == "log":
        (tmp_path / name).write_bytes(b"PK\x03\x05")
    assert not bundle.accepts(str(tmp_path / name))


def test_a_target_that_is_no_target() -> None:
    with pytest.raises(UserError, match="no source knows"):
        targets.fetch("")


def test_closed_standard_input_stops_only_who_wants_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.stdin", None)
    file = tmp_path / "job.log"
    file.write_bytes(LOG)
    assert text(targets.fetch(str(file))) == LOG
    with pytest.raises(UserError):
        targets.fetch("-")


def test_the_label_and_the_route_are_told(tmp_path: Path) -> None:
    file = tmp_path / "job.log"
    file.write_bytes(LOG)
    found = files.fetch(str(file), Given(None, io.BytesIO()))
    assert (found.attempt.run.label, found.route, found.answers) == (str(file), f"files: {file}", None)
    list(found.chunks)
    assert files.fetch("-", Given(None, io.BytesIO())).attempt.run.label == "standard input"
