"""Draws docs/verdict.svg: the verdict on the recorded incident, as `whyred why` shows it on a terminal.

`python scripts/picture.py [--check]`; with `--check` a stale picture is exit code 1. The template is ours, because
rich's own loads fonts from the network.
"""

import io
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "verdict.svg"
BUNDLE = ROOT / "tests" / "lab" / "founding-incident.whyred"
WIDTH = 110
TEMPLATE = """\
<svg class="whyred" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" xml:space="preserve" role="img">
<title>whyred why: the verdict on the founding incident</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
<rect fill="#16181d" x="0" y="0" width="{width}" height="{height}" rx="8"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def draw(text: str) -> str:
    """The SVG of a coloured report."""
    console = Console(width=WIDTH, record=True, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(Text.from_ansi(text), soft_wrap=False)
    svg = console.export_svg(title="whyred", code_format=TEMPLATE, unique_id="whyred")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def verdict() -> str:
    """What the command prints of the recorded incident, in colour."""
    argv = [sys.executable, "-c", _SHOW, str(BUNDLE), str(WIDTH)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


_SHOW = """
import sys
from whyred.app.library import Library
from whyred.app.why import Wish, why
from whyred.faces.cli.layout import fit, paint
from whyred.reports.text import render
verdict = why(Wish(sys.argv[1]), Library(None), lambda text: None)
print(f"$ whyred why {verdict.attempt.run.label}\\n")
print(paint(fit(render(verdict), int(sys.argv[2]))), end="")
"""


def main(arguments: list[str]) -> int:
    svg = draw(verdict())
    if "--check" in arguments:
        fresh = PICTURE.is_file() and PICTURE.read_text(encoding="utf-8") == svg
        if not fresh:
            print(f"{PICTURE.relative_to(ROOT)} is stale: make picture")
        return 0 if fresh else 1
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(svg, encoding="utf-8")
    print(f"wrote {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
