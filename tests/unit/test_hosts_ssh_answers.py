"""What comes back over ssh is read however it is cut and whatever names are in it; an address is only an address."""

import re
import stat as modes
from calendar import timegm

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from whyred.hosts import _answers
from whyred.hosts._address import Address, is_address, read_address
from whyred.hosts._frame import MOST_NOISE, Frame, NoiseError
from whyred.hosts._identity import machine_name, namespace_number
from whyred.hosts._process import read_process
from whyred.hosts._refusals import said_no
from whyred.model.evidence import Reason
from whyred.model.trouble import UserError

MARK = "0123456789abcdef0123456789abcdef"
NOW = float(timegm((2025, 11, 25, 12, 0, 0)))


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address", "arguments"),
    [
        ("ssh://ci@host", Address("host", "ci"), ["-l", "ci", "--", "host"]),
        ("ssh://ci@host:22", Address("host", "ci", 22), ["-l", "ci", "-p", "22", "--", "host"]),
        ("ssh://alias/", Address("alias"), ["--", "alias"]),
        ("ssh://a.b+c_d-e@runner-1.example.org", Address("runner-1.example.org", "a.b+c_d-e"), None),
        ("ssh://[::1]:2222", Address("::1", None, 2222), ["-p", "2222", "--", "::1"]),
        ("ssh://ci@10.0.0.7", Address("10.0.0.7", "ci"), None),
    ],
)
def test_addresses(text: str, address: Address, arguments: list[str] | None) -> None:
    assert read_address(text) == address
    assert read_address(str(address)) == address
    assert arguments is None or address.arguments() == arguments


@pytest.mark.parametrize(
    "text",
    [
        "ssh:", "ssh://", "ssh://@host", "ssh://ci@", "ssh:host", "ssh:///etc", "ssh://host:0", "ssh://host:65536",
        "ssh://host:", "ssh://host:x", "ssh://-oProxyCommand=id", "ssh://-l@host", "ssh://ci@-host", "ssh://ci@host/path",
        "ssh://ci@host?x", "ssh://a b@host", "ssh://ci@ho st", "ssh://ci@host\n", "ssh://ci@$(id)", "ssh://ci@`id`",
        "ssh://ci@host;id", "ssh://ci@h%68", "ssh://ci@[::1%eth0]", "ssh://ci@ünï", "ssh://ci@a@b", "ssh://ci@host:22:22",
        "ssh://" + "x" * 300, "ssh://ci@[--]", "ssh://ci@host\0",
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    assert is_address(text)
    with pytest.raises(UserError) as caught:
        read_address(text)
    assert caught.value.code == 2
    assert str(caught.value).isprintable()


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UserError, match="holds no password") as caught:
        read_address("ssh://ci:hunter2hunter2@host")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(UserError) as caught:
        read_address("ssh://ci:hunter2@hunter2@host")
    assert "hunter2" not in str(caught.value)


@given(
    st.from_regex(r"ssh://(.{0,20}@)?.{1,30}(:\d{1,5})?", fullmatch=True) | st.text(max_size=60).map("ssh://".__add__)
)
def test_no_address_becomes_an_option(text: str) -> None:
    try:
        arguments = read_address(text).arguments()
    except UserError:
        return
    options, host = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    assert len(host) == 1
    assert options[::2] in ([], ["-l"], ["-p"], ["-l", "-p"])
    for word in (*options[1::2], *host):
        assert re.fullmatch(r"[A-Za-z0-9_:.][A-Za-z0-9_:.+-]*", word)


# --- frames -----------------------------------------------------------------------------------------------------------


def framed(body: bytes, error: bytes = b"", head: str = "0", number: int = 1) -> bytes:
    return (
        f"\n{MARK} {number} <\n".encode()
        + body
        + f"\n{MARK} {number} > {head}\n".encode()
        + error
        + (f"\n{MARK} {number} .\n".encode())
    )


SCRAPS = st.lists(
    st.sampled_from([b"\n", MARK.encode(), MARK[:31].encode(), b" 1 ", b" 2 <\n", b"<", b">", b".", b"\0", b"x" * 50])
    | st.binary(max_size=20),
    max_size=12,
).map(b"".join)


@given(noise=SCRAPS, body=SCRAPS, error=SCRAPS, after=SCRAPS, step=st.integers(1, 200), code=st.integers(0, 255))
def test_an_answer_is_found_however_it_is_cut(
    noise: bytes, body: bytes, error: bytes, after: bytes, step: int, code: int
) -> None:
    for text in (noise, body, error):
        assume(MARK.encode() + b" 1 " not in text)
    stream = noise + framed(body, error, f"{code} 7") + after
    frame = Frame(MARK, 1, 1 << 20)
    for at in range(0, len(stream), step):
        frame.feed(stream[at : at + step])
    assert frame.done
    assert (bytes(frame.body), frame.error, frame.code, frame.status) == (body, error, code, 7)


@given(body=st.binary(max_size=500), limit=st.integers(1, 600), step=st.integers(1, 100))
def test_what_is_beyond_the_limit_is_dropped(body: bytes, limit: int, step: int) -> None:
    stream = framed(body)
    frame = Frame(MARK, 1, limit)
    for at in range(0, len(stream), step):
        frame.feed(stream[at : at + step])
        assert len(frame.body) <= limit
    assert frame.done
    assert bytes(frame.body) == body[:limit]
    assert frame.full == (len(body) >= limit)


def test_an_answer_to_another_question_is_none() -> None:
    frame = Frame(MARK, 2, 100)
    frame.feed(framed(b"old") + framed(b"new", number=2))
    assert bytes(frame.body) == b"new"


@pytest.mark.parametrize(
    "noise", [b"x" * (MOST_NOISE + 100), framed(b"", head="x"), framed(b"", b"y" * (2 << 20))[:-5]]
)
def test_what_is_no_answer(noise: bytes) -> None:
    with pytest.raises(NoiseError):
        Frame(MARK, 1, 100).feed(noise)


# --- ls, df, stat -----------------------------------------------------------------------------------------------------

NAMES = st.binary(max_size=30)


@given(
    kind=st.sampled_from("-dlbcps"),
    mode=st.integers(0, 0o7777),
    numbers=st.tuples(*[st.integers(0, 1 << 60)] * 5),
    mark=st.sampled_from(["", "+", ".", "@"]),
    name=NAMES,
    date=st.sampled_from(["Nov 25 11:58", "Nov  1  2019", "Dec 31 23:59", "Jan  1 00:00"]),
)
def test_ls_is_read_whatever_the_name(
    kind: str, mode: int, numbers: tuple[int, ...], mark: str, name: bytes, date: str
) -> None:
    inode, links, uid, gid, size = numbers
    letters = modes.filemode(mode)[1:]
    what = f"{size % 4096}, {size % 256:3d}" if kind in "bc" else str(size)
    row = f"{inode:>7} {kind}{letters}{mark} {links:>3} {uid:<8} {gid:<8} {what:>12} {date} ".encode() + name + b"\n"
    stat = _answers.read_listed(row, NOW)
    assert (stat.inode, stat.links, stat.uid, stat.gid) == (inode, links, uid, gid)
    assert stat.mode == mode
    assert stat.kind == {"-": "file", "d": "directory", "l": "link"}.get(kind, "other")
    assert stat.size == (0 if kind in "bc" else size)
    assert stat.device == _answers.NO_DEVICE


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("Nov 25 11:58", (2025, 11, 25, 11, 58, 0)),
        ("Nov 25 12:01", (2025, 11, 25, 12, 1, 0)),
        ("Jun  1 00:00", (2025, 6, 1, 0, 0, 0)),
        ("Jan  2 03:04", (2026, 1, 2, 3, 4, 0)),
        ("Feb  3  1999", (1999, 2, 3, 0, 0, 0)),
        ("Feb  3  2031", (2031, 2, 3, 0, 0, 0)),
    ],
)
def test_a_date_of_ls_without_a_year_is_the_nearest(date: str, moment: tuple[int, ...]) -> None:
    assert _answers.read_listed(f"1 -rw-r--r-- 1 0 0 5 {date} x\n".encode(), NOW).modified == timegm(moment)


@pytest.mark.parametrize(
    "row", [b"", b"total 0\n", b"1 drwxr-xr-x 2 0 0 4096 25. Nov 11:58 x\n", b"1 ?????????? ? ? ? x"]
)
def test_what_is_no_row_of_ls(row: bytes) -> None:
    with pytest.raises(ValueError, match="another form"):
        _answers.read_listed(row, NOW)


MOUNTS = b"22 1 8:1 / / rw - ext4 /dev/a rw\n23 22 0:5 / /ro ro - tmpfs t rw\n24 22 0:6 / /rofs rw - tmpfs t ro\n"


def of_df(blocks: bytes, inodes: bytes) -> bytes:
    mark = MARK.encode() + b"\n"
    return b"Filesystem 1024-blocks Used Available Capacity Mounted on\n" + blocks + mark + inodes + mark + MOUNTS


@pytest.mark.parametrize("source", [b"/dev/vda", b"map -hosts", b"none", b"//server/a b", b"overlay", b"1 2 3"])
def test_df_is_read_whatever_is_mounted(source: bytes) -> None:
    head = b"Filesystem Inodes IUsed IFree IUse% Mounted on\n"
    body = of_df(source + b"  100  60  30  67% /a 1 2 3 4% /b\n", head + source + b" 10 3 7 30% /a\n")
    space = _answers.read_free(body, "/ro/x", MARK.encode())
    assert (space.total_bytes, space.free_bytes, space.total_inodes, space.free_inodes) == (100 << 10, 30 << 10, 10, 7)
    assert space.readonly


def test_df_that_knows_no_inodes() -> None:
    space = _answers.read_free(of_df(b"a 100 120 -20 120% /\n", b""), "/rofs/../x", MARK.encode())
    assert (space.free_bytes, space.total_inodes, space.free_inodes, space.readonly) == (0, None, None, False)


def test_df_of_another_form() -> None:
    with pytest.raises(ValueError, match="another form"):
        _answers.read_free(of_df(b"nothing\n", b""), "/", MARK.encode())


@pytest.mark.parametrize(
    ("place", "readonly"), [("/", False), ("/ro", True), ("/ro/deep/er", True), ("/rofs", True), ("/roof", False)]
)
def test_readonly_is_that_of_the_mount(place: str, readonly: bool) -> None:
    assert _answers.read_space(b"4096 100 20 50 10\n" + MOUNTS, place).readonly is readonly


@pytest.mark.parametrize("body", [b"", b"?? 1 2\n", b"zz 1 0 0 4096 65024 2 1 1\n"])
def test_stat_of_another_form(body: bytes) -> None:
    with pytest.raises(ValueError):
        _answers.read_stat(body)


# --- greeting, variables, processes -----------------------------------------------------------------------------------


def test_a_host_that_has_next_to_nothing() -> None:
    greeting = _answers.read_greeting(b"pid 7\nboot \nmachine \nmounts \nstat \nspace \nod \ntail \nname \n")
    assert (greeting.identity.machine, greeting.identity.boot, greeting.identity.mounts) == (None, None, None)
    assert not any(
        (greeting.has_stat, greeting.has_stat_of_space, greeting.has_od, greeting.has_grep, greeting.has_tail)
    )


def test_a_name_of_a_machine_cannot_forge_who_it_is() -> None:
    body = b"pid 7\nboot b1\nmachine m1\nmounts mnt:[5]\nstat \nspace \nod \ntail \nname x\nmachine m2\nboot b2\n"
    identity = _answers.read_greeting(body).identity
    assert (identity.machine, identity.boot, identity.mounts, identity.name) == (machine_name("m1", "b1"), "b1", 5, "x")


@pytest.mark.parametrize(
    ("line", "has"),
    [(b"/proc/7/cmdline:sh\0-s\0", True), (b"/proc/7/cmdline:sh", False), (b"Binary file matches", False)],
)
def test_a_grep_that_ends_at_a_nul_byte_is_none(line: bytes, has: bool) -> None:
    assert _answers.read_greeting(b"pid 7\nname x\n" + line + b"\n").has_grep is has


@given(st.dictionaries(st.binary(min_size=1, max_size=9), st.binary(max_size=50), max_size=5))
def test_variables(found: dict[bytes, bytes]) -> None:
    rows = [f"= {k.hex()}\n".encode() + b"".join(f"{b:02x}\n".encode() for b in v) for k, v in found.items()]
    told = _answers.read_variables(b"".join(rows + rows[:1]))
    assert {
        k.encode("utf-8", "surrogateescape"): v.encode("utf-8", "surrogateescape") for k, v in told.items()
    } == found


def process_files(pid: int, name: bytes, cmdline: bytes) -> dict[str, bytes]:
    stat = b"%d (%s) S 1 " % (pid, name) + b" ".join(b"%d" % n for n in range(5, 40)) + b"\n"
    return {
        "status": b"Name:\tx\nUid:\t1\t1000\t1\t1\nGid:\t1\n",
        "stat": stat,
        "cgroup": b"0::/a.service\n",
        "cmdline": cmdline,
    }


WORDS = st.lists(
    st.sampled_from([b"\n", b"/proc/1/stat:", b"1 (a) S 1 2 3", b"\0", b")", b"(", MARK.encode()])
    | st.binary(max_size=9),
    max_size=8,
).map(b"".join)


@given(st.dictionaries(st.integers(1, 1 << 22), st.tuples(st.binary(max_size=15), WORDS), min_size=1, max_size=4))
def test_processes_cannot_forge_one_another(made: dict[int, tuple[bytes, bytes]]) -> None:
    """In both forms: every line with its file's name before it, or every file behind a line of the mark."""
    grepped, marked = b"", b""
    for pid, (name, cmdline) in made.items():
        for kind, content in process_files(pid, name, cmdline).items():
            lines = content.removesuffix(b"\n").split(b"\n") if content else []
            shown = [x for x in lines if kind != "status" or x.startswith(b"Uid:")]
            grepped += b"".join(b"/proc/%d/%s:%s\n" % (pid, kind.encode(), x) for x in shown)
            marked += b"\n%s /proc/%d/%s\n%s" % (MARK.encode(), pid, kind.encode(), content)
    tail = b"\n%s -\nlrwxrwxrwx 1 0 0 0 Nov 25 21:58 /proc/%d/ns/mnt -> mnt:[77]\n" % (MARK.encode(), min(made))
    for body in (grepped + tail, marked + tail):
        if body.startswith(b"\n") and any(b"\n" + MARK.encode() in c for _, c in made.values()):
            continue  # the mark is random: nobody there can know it
        found = _answers.read_processes(body, MARK.encode())
        assert [p.pid for p in found] == sorted(made)
        for process in found:
            name, cmdline = made[process.pid]
            assert process.name == name.decode("utf-8", "replace")
            argv = cmdline.removesuffix(b"\n") if body.startswith(b"/") else cmdline
            assert "\0".join(process.argv).encode("utf-8", "surrogateescape") == argv.removesuffix(b"\0")
            assert (process.uid, process.parent, process.started, process.unit) == (1000, 1, 22, "a.service")
            assert process.mounts == (77 if process.pid == min(made) else None)


@pytest.mark.parametrize("name", ["stat", "status"])
def test_a_process_that_ended_meanwhile_is_left_out(name: str) -> None:
    files = process_files(7, b"a", b"a\0")
    for cut in (b"", files[name][:9]):
        with pytest.raises(ValueError, match="is cut"):
            read_process(**(files | {name: cut}), mounts=None)


@pytest.mark.parametrize(("link", "number"), [("mnt:[4026531840]", 4026531840), ("pid:[1]", None), ("", None)])
def test_the_number_of_a_namespace(link: str, number: int | None) -> None:
    assert namespace_number(link) == number


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (b"cat: /x: No such file or directory", Reason.NOT_FOUND),
        (b"ls: cannot access '/a: Permission denied': No such file or directory\n", Reason.NOT_FOUND),
        (b"ls: /x: cannot read link: Permission denied", Reason.NO_PERMISSION),
        (b"sh: 1: kill: Operation not permitted\n\n", Reason.NO_PERMISSION),
        (b"cat: /net/x: Operation timed out", Reason.TIMED_OUT),
        (b"cat: /x: Input/output error", Reason.UNREADABLE),
        (b"", Reason.UNREADABLE),
    ],
)
def test_why_a_program_says_no(error: bytes, reason: Reason) -> None:
    assert said_no("/x", error).unknown.reason is reason
