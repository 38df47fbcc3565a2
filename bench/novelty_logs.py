"""Three attempts of one made-up job for the bench of novelty: two that succeeded, and one that failed.

The same steps, and mostly the same words. What differs between two attempts of any job differs here, too: times, commit
and layer ids, addresses, ports, sizes and durations with their units, temporary names, run folders, counters padded and
not, and the order in which what runs side by side comes to its end. The failing one has 20 planted lines, of which 2
have a twin in the others that differs in numbers alone, and 5 new lines that mean no harm.
"""

import random
from collections.abc import Callable, Iterator

LINES = 500_000
"""Lines of each attempt, about."""
_WINDOW = 12
"""Lines among which the order changes from attempt to attempt."""
_STEPS = ("Check out", "Fetch dependencies", "Build", "Unit tests", "Integration tests")

PLANTED = (
    "error[E0308]: mismatched types in `resolve_window`",
    "  --> src/queue/worker.rs:118:27",
    "thread 'queue::tests::drains_on_close' panicked at 'receiver gone', src/queue/worker.rs:91:13",
    "FAILED integration/checkout_flow.py::test_refund_is_idempotent - AssertionError: assert 'open' == 'closed'",
    "E       AssertionError: assert 'open' == 'closed'",
    'psql: error: connection to server on socket failed: FATAL: role "ci_reader" does not exist',
    "ld.lld: error: undefined symbol: spool_flush_all",
    "java.lang.IllegalStateException: ledger is sealed",
    "npm ERR! code ERESOLVE",
    "fatal: unable to access mirror: Could not resolve host: mirror.corp.example",
    "OSError: [Errno 28] No space left on device: 'artifacts/report.bin'",
    "Killed",
    "make: *** [Makefile:212: package] Error 2",
    "AddressSanitizer: heap-use-after-free in ring_push",
    "panic: close of closed channel",
    "goroutine leaked: flusher",
    "service billing dead up to now, restarting",
    "assertion left == right failed: window sizes disagree",
    "schema migration rolled back: column tenant missing",
    "helper queue-closed_ring exited with code 1",
)
TWINS = frozenset((PLANTED[1], PLANTED[-1]))
"""Planted lines that the others have as well, but for their numbers."""
HARMLESS = (
    "notice: a new release of the packaging tool is available",
    "hint: the option --color=auto is the default by now",
    "cache: restored from the key of a sibling branch",
    "telemetry: upload postponed, endpoint is busy",
    "note: the manifest is older than its lock file",
)


class _Words:
    """What a project of some size is made of: names that every attempt prints."""

    def __init__(self) -> None:
        dice = random.Random(41)
        roots = ("queue", "store", "proto", "lexer", "index", "ledger", "render", "codec", "agent", "tenant", "window")
        verbs = ("opens", "drains", "seals", "rejects", "replays", "merges", "splits", "rounds", "flushes", "parses")
        things = ("empty_input", "closed_ring", "late_event", "nested_scope", "utf8_tail", "two_writers", "cold_cache")
        names = [f"{a}_{b}" for a in roots for b in roots]
        self.files = [f"{a}/{b}" for a in roots for b in names]
        self.crates = [f"{a}-{b}" for a in roots for b in (*roots, *things)]
        self.tests = [f"{v}_{t}_when_{a}_{b}" for v in verbs for t in things for a in roots for b in roots]
        self.classes = [f"{a.title()}{b.title()}{v.title()}Test" for a in roots for b in roots for v in verbs]
        dice.shuffle(self.tests)


def _hex(dice: random.Random, digits: int) -> str:
    return f"{dice.getrandbits(4 * digits):0{digits}x}"


def _uuid(dice: random.Random) -> str:
    text = _hex(dice, 32)
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _took(dice: random.Random) -> str:
    millis = int(dice.expovariate(1 / 400))
    return f"{millis}ms" if millis < 1000 else f"{millis / 1000:.2f}s" if millis < 60_000 else f"{millis // 60_000}m 3s"


def _size(dice: random.Random) -> str:
    size = dice.expovariate(1 / 600)
    return f"{size:.1f} kB" if size < 1000 else f"{size / 1000:.1f} MB"


def _temporary(same: random.Random, own: random.Random) -> str:
    letters = "".join(own.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", k=8))
    return f"/tmp/{same.choice(('tmp', 'tmp.', 'rustc', 'pip-build-'))}{letters}"


Line = Callable[[_Words, random.Random, random.Random, int], str]
"""What every attempt says in this place, by dice that fall alike, with what changes by dice that do not."""


def _compiles(w: _Words, same: random.Random, own: random.Random, at: int) -> str:
    return f"   Compiling {same.choice(w.crates)} v{same.randrange(9)}.{same.randrange(40)}.{same.randrange(9)}"


def _ninja(w: _Words, same: random.Random, own: random.Random, at: int) -> str:
    file = same.choice(w.files)
    folder = f"/work/runs/{own.randrange(10**5, 10**7)}/app"
    return f"[{at % 4096}/4096] cc -O2 -g -Wall -Werror=implicit -I{folder}/include -c src/{file}.c -o build/{file}.o"


def _percent(w: _Words, same: random.Random, own: random.Random, at: int) -> str:
    file = same.choice(w.files)
    return f"[{at * 100 // LINES + own.randrange(2):3}%] Building CXX object lib/CMakeFiles/core.dir/{file}.cpp.o"


def _test(w: _Words, same: random.Random, own: random.Random, at: int) -> str:
    return f"test {same.choice(w.files).replace('/', '::')}::tests::{same.choice(w.tests)} ... ok"


def _suite(w: _Words, same: random.Random, own: random.Random, at: int) -> str:
    ran = own.randrange(1, 400)
    name = same.choice(w.classes)
    return f"[INFO] Tests run: {ran}, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: {ran / 90:.3f} s - in {name}"


def _request(w: _Words, same: random.Random, own: random.Random, at: int) -> str:
    name, id_ = same.choice(w.crates), _hex(own, 16)
    return f"DEBUG {name}: request id={id_} from 127.0.0.1:{own.randrange(30000, 61000)} done in {_took(own)}, errors=0"


def _layer(w: _Words, same: random.Random, own: random.Random, at: int) -> str:
    return f"{_hex(own, 12)}: Pull complete {_size(own)}, digest sha256:{_hex(own, 64)}"


def _fetch(w: _Words, same: random.Random, own: random.Random, at: int) -> str:
    return f"  Downloading {same.choice(w.crates)}-{same.randrange(30)}.{same.randrange(9)}.tar.gz ({_size(own)})"


def _object(w: _Words, same: random.Random, own: random.Random, at: int) -> str:
    return f"INFO  {same.choice(w.crates)}: ring at 0x{_hex(own, 12)} of pid {own.randrange(100, 99999)} is fresh"


def _spool(w: _Words, same: random.Random, own: random.Random, at: int) -> str:
    return f"spool: {same.choice(w.files)} staged in {_temporary(same, own)}/{same.choice(w.crates)} ({_took(own)})"


def _event(w: _Words, same: random.Random, own: random.Random, at: int) -> str:
    return f'{{"level":"info","trace":"{_uuid(own)}","commit":"{_hex(own, 7)}","msg":"{same.choice(w.tests)}"}}'


def _place(w: _Words, same: random.Random, own: random.Random, at: int) -> str:
    return f"  --> src/queue/worker.rs:{own.randrange(10, 400)}:{own.randrange(1, 90)}"


def _helper(w: _Words, same: random.Random, own: random.Random, at: int) -> str:
    return f"helper {same.choice(w.crates)} exited with code 0"


_KINDS: tuple[Line, ...] = (
    *(_compiles, _ninja, _ninja, _percent, _test, _test, _test, _suite, _suite, _request),
    *(_layer, _fetch, _object, _spool, _event, _place, _helper),
)
"""Every line is one of these: seven of seventeen hold an id, a name or an address that no other attempt has."""


def _rows(own: random.Random, planted: dict[int, str]) -> Iterator[str]:
    words, same = _Words(), random.Random(7)
    each = LINES // len(_STEPS)
    for place, step in enumerate(_STEPS):
        yield f"##[group]Run {step.lower()}"
        yield "##[endgroup]"
        held: list[str] = []
        for at in range(place * each, (place + 1) * each):
            if at in planted:
                held.append(planted[at])
            held.append(same.choice(_KINDS)(words, same, own, at))
            if len(held) >= _WINDOW:
                own.shuffle(held)
                yield from held
                held = []
        yield from held


def attempt(number: int, *, failing: bool = False) -> Iterator[str]:
    """The lines of one attempt with the time stamps that a forge writes."""
    own = random.Random(1000 + number)
    new = (*PLANTED, *HARMLESS) if failing else ()
    places = own.sample(range(LINES // 10, LINES - 1), len(new))
    now = own.randrange(0, 3600 * 10) * 1_000_000
    planted = dict(zip(sorted(places), new, strict=True))
    end = ("##[error]Process completed with exit code 1.",) if failing else ()
    for row in (*_rows(own, planted), *end, "##[group]Post Run check out", "##[endgroup]", "Post job cleanup."):
        now += int(own.expovariate(1 / 2000))
        seconds, micros = divmod(now, 1_000_000)
        clock = f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{micros:06}"
        yield f"2026-05-{4 + number:02}T{clock}{own.randrange(10)}Z {row}\n"
