"""Measures whyred against named peers, in turns, in the same run: `python bench/run.py [NAME...]`.

Exit 0 when every goal is met, 1 when one is missed or something came out wrong. Inputs are made on first use.
"""

import argparse
import compileall
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import benches
from bench.measure import Given, Result, Skipped, floor

Bench = Callable[[Given], Result | Skipped]


def all_benches() -> dict[str, Bench]:
    """Every bench by its name: a module of `benches/`."""
    names = sorted(m.name for m in pkgutil.iter_modules(benches.__path__))
    return {n.replace("_", "-"): importlib.import_module(f"bench.benches.{n}").bench for n in names}


def main(argv: Sequence[str] | None = None) -> int:
    known = all_benches()
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(known)} (default: all)")
    parser.add_argument("--folder", type=Path, default=default_folder(), help="where the inputs are kept")
    parser.add_argument("--pairs", type=int, help="how many pairs of each (default: what the bench thinks fit)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    given = parser.parse_args(argv)
    if unknown := [n for n in given.names if n not in known]:
        parser.error(f"no bench is named {', '.join(unknown)}; there are: {', '.join(known)}")
    if given.pairs is not None and given.pairs < 1:
        parser.error("--pairs wants 1 or more")
    given.folder.mkdir(parents=True, exist_ok=True)
    compile_package()
    results = []
    for name in given.names or known:
        results.append(known[name](Given(given.folder, given.pairs)))
        if not given.json:
            print("\n".join(flat(results[-1])), flush=True)
    if given.json:
        print(json.dumps(table(results)))
    return 0 if all(isinstance(r, Skipped) or r.ok for r in results) else 1


def default_folder() -> Path:
    """A folder in the XDG cache."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if named.startswith("/") else Path.home() / ".cache") / "whyred-bench"


def compile_package() -> None:
    """Byte code for the whole package, so that no side pays for compiling."""
    import whyred

    compileall.compile_dir(Path(whyred.__path__[0]), quiet=2)


def table(results: Sequence[Result | Skipped]) -> dict[str, object]:
    """All results as JSON values. `floor_mib`: a peak at or below it means: not more than that."""
    rows = [asdict(r) | ({"ok": r.ok} if isinstance(r, Result) else {}) for r in results]
    return {"schema": "whyred.bench/1", "python": sys.version.split()[0], "floor_mib": floor(), "results": rows}


def flat(result: Result | Skipped) -> Iterator[str]:
    """One result for people."""
    if isinstance(result, Skipped):
        yield f"{result.bench:<16} skipped: {result.reason}"
        return
    goal = "" if result.most_ratio is None else f" (goal <= {result.most_ratio:g})"
    memory = "" if result.most_mib is None else f" (goal <= {result.most_mib:g})"
    yield f"{result.bench:<16} {'ok  ' if result.ok else 'MISS'}  {result.ratio:.3f} x {result.peer}{goal}"
    yield f"{'':<16}       {result.ours_ms:.1f} ms against {result.peer_ms:.1f} ms, medians of {result.pairs}"
    yield f"{'':<16}       {_mib(result.ours_mib)} MiB{memory} against {_mib(result.peer_mib)} MiB"
    if result.note:
        yield f"{'':<16}       {result.note}"
    if result.wrong:
        yield f"{'':<16}       WRONG: {result.wrong}"


def _mib(peak: float) -> str:
    return f"{peak:.0f}" if peak > floor() * 1.05 else f"<= {floor():.0f}"


if __name__ == "__main__":
    sys.exit(main())
