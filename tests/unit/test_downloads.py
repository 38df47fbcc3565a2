"""Downloaded runs: which job is read, exact steps, every reason for a missing log, and nothing hostile gets through."""

import gzip
import io
import os
import stat
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyred.app.library import Library
from whyred.app.why import Wish, why
from whyred.model.run import Step
from whyred.model.source import Boundaries, Fetched, Given, Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources import _members, downloads

BOM = "\ufeff"


def t(n: int) -> str:
    return f"2026-01-02T03:04:{n:02}.1234567Z "


SETUP = f"{t(1)}Current runner version: '2.330.0'\n"
MAKE = f"{t(2)}##[group]Run make\n{t(2)}##[endgroup]\n{t(3)}building\n"
TEST = f"{t(4)}##[group]Run make test\n{t(4)}##[endgroup]\n{t(5)}frob_test.c:7: Failure\n"
BAD = f"{t(5)}##[error]Process completed with exit code 2.\n"
DONE = f"{t(9)}Cleaning up orphan processes\n"
JOB = {
    "1_Set up job.txt": SETUP,
    "2_Run make.txt": MAKE,
    "10_Run make test.txt": TEST + BAD,
    "23_Complete job.txt": DONE,
}
NAMES = ["Set up job", "Run make", "Run make test", "Complete job"]
ALL = SETUP + MAKE + TEST + BAD + DONE
GOOD = {"1_Set up job.txt": SETUP, "2_Run make.txt": MAKE, "3_Complete job.txt": DONE}


def zipped(path: Path, members: Mapping[str, str | bytes], kind: int = zipfile.ZIP_DEFLATED, **info: int) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            member = zipfile.ZipInfo(name)
            member.compress_type = kind
            for key, value in info.items():
                setattr(member, key, value)
            archive.writestr(member, data)
    return str(path)


def spread(folder: Path, members: Mapping[str, str | bytes]) -> str:
    for name, data in members.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(folder)


def within(folder: str, members: Mapping[str, str]) -> dict[str, str]:
    return {f"{folder}/{name}": text for name, text in members.items()}


def fetched(target: str) -> Fetched:
    assert downloads.accepts(target)
    return downloads.fetch(target, Given(None, io.BytesIO()))


def parts(found: Fetched) -> tuple[list[str], str]:
    """The names of the steps as they come, and the text of all of it."""
    chunks = list(found.chunks)
    text = b"".join(c for c in chunks if isinstance(c, bytes)).decode()
    return [c.name for c in chunks if isinstance(c, Step)], text


def split(found: Fetched) -> dict[str, str]:
    """The text of every step."""
    rows, name = dict[str, str](), ""
    for chunk in found.chunks:
        if isinstance(chunk, Step):
            name = chunk.name
            rows.setdefault(name, "")
        else:
            rows[name] = rows.get(name, "") + chunk.decode()
    return rows


def read(target: str) -> tuple[list[str], str]:
    return parts(fetched(target))


def refused(target: str) -> MissingLogError:
    with pytest.raises(MissingLogError) as error:
        read(target)
    assert error.value.help
    return error.value


def unclear(target: str) -> UserError:
    with pytest.raises(UserError) as error:
        read(target)
    return error.value


# GitHub's zip, packed and unpacked.

RUN = {"0_build.txt": SETUP + MAKE + DONE, "1_test.txt": ALL, **within("build", GOOD), **within("test", JOB)}


@pytest.mark.parametrize("form", ["zip", "folder", "zip in a folder", "folder in a folder"])
def test_the_job_that_failed_with_its_steps(form: str, tmp_path: Path) -> None:
    members = within("logs_771", RUN) if " in " in form else RUN
    target = zipped(tmp_path / "run.zip", members) if form.startswith("zip") else spread(tmp_path / "run", members)
    found = fetched(target)
    assert (found.attempt.job.name if found.attempt.job else "", found.boundaries) == ("test", Boundaries.TOLD)
    assert found.attempt.run.label == f"{target}:test"
    assert [s.name for s in found.attempt.steps] == NAMES
    assert split(found) == dict(zip(NAMES, JOB.values(), strict=True))


def test_a_job_is_chosen_by_its_name(tmp_path: Path) -> None:
    target = zipped(tmp_path / "run.zip", RUN)
    for wanted in ("build", "Build", "bui", "0_build"):
        assert read(f"{target}:{wanted}")[1] == SETUP + MAKE + DONE
    error = unclear(f"{target}:deploy")
    assert ("'deploy'" in error.what, error.why) == (True, "its jobs are build, test")


def test_aside_is_what_the_runner_adds(tmp_path: Path) -> None:
    members = within("a", {**JOB, "12_Post Run actions_checkout@v4.txt": t(8) + "x\n", "system.txt": t(0) + "queued\n"})
    found = fetched(zipped(tmp_path / "a.zip", members))
    assert [(s.name, s.aside) for s in found.attempt.steps] == [
        ("system", True),
        ("Set up job", True),
        ("Run make", False),
        ("Run make test", False),
        ("Post Run actions_checkout@v4", True),
        ("Complete job", True),
    ]


@pytest.mark.parametrize(
    ("members", "steps", "text"),
    [
        (within("a", JOB), NAMES, ALL),
        ({"0_a.txt": ALL}, [], ALL),
        ({"-2147483648_a.txt": ALL}, [], ALL),
        ({"-5_a.txt": "old", "0_a.txt": ALL}, [], ALL),
        ({"0_a.txt": ALL, "-5_a.txt": "old"}, [], ALL),
        ({"0_a.txt": ALL, "a/system.txt": t(0) + "queued\n"}, ["system"], ALL),
        ({"0_a.txt": ALL, "system.txt": "of the run\n"}, [], ALL),
        (JOB, NAMES, ALL),
        ({"0_a .txt": "short", **within("a", JOB)}, NAMES, ALL),
        ({"0_a.txt": BOM + ALL, **{k: BOM + v for k, v in within("a", JOB).items()}}, NAMES, None),
    ],
    ids=["no file", "no folder", "old", "old and new", "new and old", "no steps", "odd", "flat", "cut name", "marks"],
)
def test_what_may_be_missing(members: dict[str, str], steps: list[str], text: str | None, tmp_path: Path) -> None:
    for target in (zipped(tmp_path / "a.zip", members), spread(tmp_path / "a", members)):
        names, found = read(target)
        assert names == steps
        assert found.replace(BOM, "") == (text or ALL)


def test_what_only_the_whole_log_says_is_not_lost(tmp_path: Path) -> None:
    """A runner's word on the job itself is in no step's file; the steps' first lines tell where they begin in it."""
    lost = f"{t(7)}##[error]The hosted runner lost communication with the server.\n" + f"{t(7)}more\n" * 9
    whole = BOM + SETUP + MAKE + TEST + BAD + lost + BOM + DONE
    members = {"0_a.txt": whole, **{k: BOM + v for k, v in within("a", JOB).items()}}
    found = fetched(zipped(tmp_path / "a.zip", members))
    assert (found.boundaries, list(rows := split(found))) == (Boundaries.TOLD, NAMES)
    assert rows["Set up job"] == BOM + SETUP
    assert rows["Run make test"] == TEST + BAD + lost
    assert rows["Complete job"] == BOM + DONE


@pytest.mark.parametrize("gone", range(4))
def test_a_step_that_the_whole_log_does_not_show_moves_no_other(gone: int, tmp_path: Path) -> None:
    texts = list(JOB.values())
    whole = "".join([*texts[:gone], *texts[gone + 1 :], f"{t(30)}of the job\n" * 20])
    found = fetched(zipped(tmp_path / "a.zip", {"0_a.txt": whole, **within("a", JOB)}))
    rows = split(found)
    assert "".join(rows.values()) == whole
    for n, (name, text) in enumerate(zip(NAMES, texts, strict=True)):
        if n not in (gone, gone - 1) and n < 3:
            assert rows[name] == text


@given(size=st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_where_the_whole_log_is_cut_does_not_depend_on_its_pieces(size: int) -> None:
    data = (ALL + f"{t(30)}of the job\n").encode()
    whole = _members.Member(("a",), len(data), lambda: (data[i : i + size] for i in range(0, len(data), size)))
    steps = [(Step(name), _member(JOB[name])) for name in JOB]
    rows = list(downloads._cut(whole, steps))
    assert b"".join(r for r in rows if isinstance(r, bytes)) == data
    assert [r.name for r in rows if isinstance(r, Step)] == list(JOB)


def _member(text: str) -> _members.Member:
    return _members.Member(("a",), len(text), lambda: iter([text.encode()]))


def test_names_of_a_zip_are_shown_without_what_drives_a_terminal(tmp_path: Path) -> None:
    target = zipped(tmp_path / "a.zip", {"0_a\x1b[31m\u202eb.txt": "x\n", "1_c\nd.txt": "y\n"})
    error = unclear(target)
    assert error.why == "they are a[31mb, c d"


def test_two_jobs_of_one_name_are_told_apart_by_their_files(tmp_path: Path) -> None:
    target = zipped(tmp_path / "a.zip", {"1_more.txt": "one\n", "3_more.txt": "three\n"})
    assert read(f"{target}:3_more")[1] == "three\n"
    assert read(f"{target}:1_more")[1] == "one\n"


# Which job.


def test_the_first_that_failed_in_the_order_of_the_run(tmp_path: Path) -> None:
    members = {"10_late.txt": ALL, "2_early.txt": ALL.replace("building", "early"), "0_fine.txt": SETUP + DONE}
    assert "early" in read(zipped(tmp_path / "a.zip", members))[1]


def test_a_cancelled_one_where_none_failed(tmp_path: Path) -> None:
    cancelled = MAKE + f"{t(4)}##[error]The operation was canceled.\n"
    members = {"0_fine.txt": SETUP + DONE, "1_cancelled.txt": cancelled}
    assert read(zipped(tmp_path / "a.zip", members))[1] == cancelled
    assert read(zipped(tmp_path / "b.zip", members | {"2_bad.txt": ALL}))[1] == ALL


def test_none_failed_and_all_are_named(tmp_path: Path) -> None:
    target = zipped(tmp_path / "a.zip", {f"{n}_job {n}.txt": SETUP + DONE for n in range(40)})
    error = unclear(target)
    assert error.what == f"{target} holds 40 jobs, and no text says that one failed"
    assert error.why.startswith("they are job 0, job 1, ")
    assert error.why.endswith("job 29 and 10 more")
    assert error.how == f"Name one: {target}:job 0"


def test_a_job_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    target = zipped(tmp_path / "a.zip", {"0_a.txt": b"\x7fELF" + bytes(900), "1_b.txt": ALL})
    assert read(target)[1] == ALL
    assert refused(f"{target}:a").reason is Missing.REFUSED_CONTENT


def test_a_path_that_exists_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    zipped(Path("a.zip"), {"0_x.txt": "of the short\n", "1_y.txt": "y\n"})
    zipped(Path("a.zip:x"), {"0_z.txt": "of the long\n"})
    assert read("a.zip:x")[1] == "of the long\n"
    assert read("a.zip:y")[1] == "y\n"
    assert read("a.zip:x:z")[1] == "of the long\n"
    Path("a.zip:w").write_text("a plain file\n", encoding="utf-8")
    assert not downloads.accepts("a.zip:w")


@pytest.mark.parametrize("target", [".", ".:build", "https://a.zip:8080/x", "", "nothing.zip:x"])
def test_targets_of_others(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    zipped(Path("a.zip"), RUN)
    spread(Path("https"), RUN)
    assert not downloads.accepts(target)


# Forgejo 16's zip.

FAILED = f"{t(1)}⭐ Run Main make\n{t(2)}⚙️ [runner]: RUN exit status 3\n{t(3)}🏁  Job failed\n"
FINE = f"{t(1)}⭐ Run Main make\n{t(3)}🏁  Job succeeded\n"
SECRET = "/srv/forgejo/data/private-place"


def missing(text: str) -> dict[str, str]:
    return {"unit-1-attempt-1.log": FINE, "gone (x)-22-attempt-1.MISSING": text}


def test_forgejo_job_and_attempt(tmp_path: Path) -> None:
    members = {"unit (1)-18-attempt-1.log": FINE, "unit (2)-19-attempt-2.log": FAILED, "x-20-attempt-1.MISSING": "?\n"}
    for target in (zipped(tmp_path / "a.zip", members), spread(tmp_path / "a", members)):
        found = fetched(target)
        job = found.attempt.job
        assert job is not None
        assert (job.name, job.id, found.attempt.number) == ("unit (2)", 19, 2)
        assert found.boundaries is Boundaries.GUESSED
        assert parts(found) == ([], FAILED)
        assert read(f"{target}:18")[1] == FINE


def test_of_several_tries_the_newest(tmp_path: Path) -> None:
    members = {"a-5-attempt-1.log": FAILED, "a-5-attempt-2.log": FINE}
    target = spread(tmp_path / "a", members)
    assert read(f"{target}:a")[1] == FINE
    assert read(f"{target}:a-5-attempt-1")[1] == FAILED


def test_two_forgejo_jobs_of_one_name(tmp_path: Path) -> None:
    target = zipped(tmp_path / "a.zip", {"a-5-attempt-1.log": FINE, "a-6-attempt-1.log": FAILED})
    error = unclear(f"{target}:a")
    assert error.why == "2 jobs answer to it: a (job id 5, attempt 1), a (job id 6, attempt 1)"
    assert read(f"{target}:6")[1] == FAILED


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("job has not been executed yet\n", Missing.NOT_STARTED),
        ("job is not started\n", Missing.NOT_STARTED),
        ("logs have been cleaned up\n", Missing.EXPIRED),
        ("Logs have been purged because they were too old.\n", Missing.EXPIRED),
        (f'log open failed: dbfs open "{SECRET}": file does not exist\n', Missing.STILL_RUNNING),
        (f'log open failed: storage open "x": open {SECRET}: no such file or directory\n', Missing.DELETED),
        (f"log open failed: {SECRET}: permission denied\n", Missing.SERVER_ERROR),
        ("", Missing.SERVER_ERROR),
    ],
)
def test_why_forgejo_has_no_log(text: str, reason: Missing, tmp_path: Path) -> None:
    for target in (zipped(tmp_path / "a.zip", missing(text)), spread(tmp_path / "a", missing(text))):
        error = refused(f"{target}:gone (x)")
        assert error.reason is reason
        assert SECRET not in str(error), "the forge's own words name its folders"


def test_a_run_in_which_nothing_ran(tmp_path: Path) -> None:
    target = zipped(tmp_path / "a.zip", {"lonely-17-attempt-1.MISSING": "job has not been executed yet\n"})
    assert refused(target).reason is Missing.NOT_STARTED
    both = {
        "a-1-attempt-1.MISSING": "logs have been cleaned up\n",
        "b-2-attempt-1.MISSING": "logs have been cleaned up\n",
    }
    error = unclear(zipped(tmp_path / "b.zip", both))
    assert "a (job id 1, attempt 1) (no log)" in error.why


@pytest.mark.parametrize("name", ["half-24-attempt-1.PARTIAL", "half-24-attempt-1.log.PARTIAL"])
def test_half_a_log_is_never_taken_for_the_whole(name: str, tmp_path: Path) -> None:
    error = refused(zipped(tmp_path / "a.zip", {"half-24-attempt-1.log": FAILED, name: "unexpected EOF\n"}))
    assert error.reason is Missing.CORRUPT
    assert ".PARTIAL" in error.help


# Any folder of logs.


def test_a_folder_of_any_logs(tmp_path: Path) -> None:
    members = {"b.log": FAILED, "a.txt": FINE, "deep/c.log": "c\n", "notes.md": "no log", ".hidden.log": "x\n"}
    target = spread(tmp_path / "a", members)
    assert read(target)[1] == FAILED
    assert read(f"{target}:deep/c")[1] == "c\n"
    assert unclear(f"{target}:x").why == "its jobs are a, b, deep/c"


def test_packed_logs_in_a_folder(tmp_path: Path) -> None:
    assert read(spread(tmp_path / "a", {"a.log.gz": gzip.compress(b"packed\n")}))[1] == "packed\n"


def test_a_checkout_and_a_folder_without_logs_are_no_folders_of_logs(tmp_path: Path) -> None:
    assert not downloads.accepts(spread(tmp_path / "a", {"readme.md": "x"}))
    assert not downloads.accepts(spread(tmp_path / "b", {"build.log": "x", ".git/HEAD": "ref: x"}))


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary\n", encoding="utf-8")
    folder = Path(spread(tmp_path / "a", {"b.log": FINE}))
    (folder / "a.log").symlink_to(tmp_path / "secret")
    (folder / "sub").symlink_to(tmp_path)
    error = refused(f"{folder}:a")
    assert (error.reason, "link" in error.help) == (Missing.REFUSED_CONTENT, True)
    assert unclear(str(folder)).why == "they are a, b"


def test_a_folder_with_too_much_in_it_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = spread(tmp_path / "a", {f"{n}.log": "x" for n in range(30)})
    monkeypatch.setattr(_members, "_ENTRIES", 20)
    assert not downloads.accepts(target)
    with pytest.raises(UserError, match="more than 20 entries"):
        downloads.fetch(target, Given(None, io.BytesIO()))


# Damaged and hostile zips.


@given(part=st.integers(1, 99))
@settings(max_examples=99, deadline=None)
def test_cut_anywhere_it_is_corrupt(part: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("cut")
    whole = Path(zipped(folder / "a.zip", RUN)).read_bytes()
    cut = folder / "b.zip"
    cut.write_bytes(whole[: max(4, len(whole) * part // 100)])
    assert refused(str(cut)).reason is Missing.CORRUPT


@given(at=st.integers(0, 10**6), change=st.integers(1, 255))
@settings(max_examples=300, deadline=None)
def test_a_changed_byte_is_never_a_bug(at: int, change: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("changed")
    data = bytearray(Path(zipped(folder / "a.zip", {"0_a.txt": ALL})).read_bytes())
    data[at % len(data)] ^= change
    bad = folder / "b.zip"
    bad.write_bytes(data)
    try:
        text = parts(downloads.fetch(str(bad), Given(None, io.BytesIO())))[1]
    except (MissingLogError, UserError):
        return
    assert text == ALL


@pytest.mark.parametrize("name", ["../0_a.txt", "/0_a.txt", "a/../../0_b.txt", "..\\0_b.txt"])
def test_entries_outside_are_refused_and_never_written(name: str, tmp_path: Path) -> None:
    error = refused(zipped(tmp_path / "a.zip", {"0_a.txt": "x\n", name: "x\n"}))
    assert (error.reason, "outside" in error.help) == (Missing.REFUSED_CONTENT, True)
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def test_links_are_refused(tmp_path: Path) -> None:
    error = refused(zipped(tmp_path / "a.zip", {"0_a.txt": "/etc/passwd"}, external_attr=(stat.S_IFLNK | 0o777) << 16))
    assert (error.reason, "a link" in error.help) == (Missing.REFUSED_CONTENT, True)


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    path = Path(zipped(tmp_path / "a.zip", {"0_a.txt": "x\n"}))
    data = bytearray(path.read_bytes())
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(header) + flags] |= 1
    path.write_bytes(data)
    error = refused(str(path))
    assert (error.reason, "encrypted" in error.help) == (Missing.REFUSED_CONTENT, True)


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_without_a_bound_are_refused(kind: int, tmp_path: Path) -> None:
    error = refused(zipped(tmp_path / "a.zip", {"0_a.txt": "x\n" * 9}, kind))
    assert (error.reason, "unpack it" in error.help) == (Missing.REFUSED_CONTENT, True)


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0_a.txt", b"x" * (1 << 20))
        for n in range(1, 400):
            same = zipfile.ZipInfo.from_file(path, f"{n}_a.txt")
            first = archive.filelist[0]
            for field in ("header_offset", "compress_size", "file_size", "CRC", "compress_type"):
                setattr(same, field, getattr(first, field))
            archive.filelist.append(same)
    error = refused(str(path))
    assert (error.reason, "share bytes" in error.help) == (Missing.REFUSED_CONTENT, True)


def test_a_table_of_contents_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = zipped(tmp_path / "a.zip", {f"{n}_a.txt": "x" for n in range(50)})
    monkeypatch.setattr(_members, "_TABLE", 2000)
    assert "table of contents" in refused(target).help


def test_a_zip_above_four_gigabytes_has_its_table_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end says 0xFFFFFFFF for size and place of the table; the 64-bit record before it has them."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1)
    path = Path(zipped(tmp_path / "a.zip", {"0_a.txt": ALL}))
    data = bytearray(path.read_bytes())
    assert b"PK\x06\x06" in data
    data[-10:-2] = b"\xff" * 8
    path.write_bytes(data)
    assert read(str(path))[1] == ALL
    monkeypatch.setattr(_members, "_TABLE", 10)
    assert "table of contents" in refused(str(path)).help


def test_what_is_no_run_at_all(tmp_path: Path) -> None:
    assert refused(zipped(tmp_path / "a.zip", {"word/document.xml": "<x/>"})).reason is Missing.REFUSED_CONTENT
    assert refused(zipped(tmp_path / "b.zip", {})).reason is Missing.REFUSED_CONTENT


def test_a_huge_honest_log_comes_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    row = b"2026-01-02T03:04:05.1234567Z compiling\n" * 1000
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("0_a.txt", "w") as member:
        for _ in range(3000):
            member.write(row)
    assert path.stat().st_size < len(row) * 3000 // 100
    tracemalloc.start()
    size = sum(len(c) for c in fetched(str(path)).chunks if isinstance(c, bytes))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == len(row) * 3000
    assert peak < 16 << 20


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    path = Path(zipped(tmp_path / "a.zip", RUN))
    assert downloads.accepts(str(path))
    path.chmod(0)
    with pytest.raises(UserError, match="Read it as its owner"):
        downloads.fetch(str(path), Given(None, io.BytesIO()))


# The whole way.


def test_the_verdict_names_the_step_of_the_zip(tmp_path: Path) -> None:
    verdict = why(Wish(zipped(tmp_path / "run.zip", RUN), probe=False), Library(None), lambda _: None)
    assert verdict.step == "Run make test"
