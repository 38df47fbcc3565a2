"""`demo`: the founding incident, really done in a sandbox, and the verdict on it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from whyred.app.library import Library
from whyred.app.why import Wish, why
from whyred.experiments import compilers, sandbox
from whyred.hosts.local import LocalHost
from whyred.model.finding import Confidence, Verdict
from whyred.model.trouble import UserError
from whyred.reports import markdown, text
from whyred.settings import folders

CAUSE = "private-tmp-deleted"
RUNNERS = ("runner-1", "runner-2", "runner-3")
BUNDLE = "founding-incident.whyred"
_WORKFLOW = """\
name: build
on: [push]
jobs:
  build:
    runs-on: native
    steps:
      - name: Write a small program
        run: |
          {write}
      - name: Build it and run it
        run: |
          {build}
"""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Played:
    """What the demo came to. `report` is None where no folder for it could be had; `recorded`: it was only shown."""

    verdict: Verdict
    bundle: Path
    report: Path | None
    recorded: bool = False

    @property
    def found(self) -> bool:
        """Whether the cause was found and proven."""
        findings = self.verdict.findings
        return bool(findings) and (findings[0].cause.id, findings[0].confidence) == (CAUSE, Confidence.CONFIRMED)


def demo(library: Library, say: Say, arguments: Sequence[str] = ()) -> Played:
    """Plays the incident in a sandbox, by this program called once more with `arguments`; where the kernel allows no
    sandbox, shows the recorded one."""
    refused = sandbox.refusal()
    if refused is None:
        if folders.data() is None:  # no home: the runs, the report and the bundle stay where the user is
            os.environ["XDG_DATA_HOME"] = str(Path.cwd() / "whyred-demo")
        sandbox.enter(["demo", "--inside", *arguments])
    say(f"This machine allows no sandbox ({refused}).")
    say("So this is the incident as it was recorded on another machine:\n")
    verdict = why(Wish(str(_recorded())), library, lambda _: None)
    say(text.render(verdict).rstrip())
    return Played(verdict, _recorded(), _report(verdict), recorded=True)


def play(library: Library, say: Say) -> Played:
    """The incident from green over red to green again; call it inside the sandbox."""
    if not sandbox.inside():
        raise UserError("this is no sandbox", "what comes next would clean the real /tmp", "Say: whyred demo")
    folder = _folder()
    builder = compilers.find()
    workflow = folder / "build.yml"
    workflow.write_text(
        _WORKFLOW.format(write=_indented(builder.write), build=_indented(builder.build)), encoding="utf-8"
    )
    boot = (LocalHost().identity.boot or "0").replace("-", "")
    say(
        f"1. Three runners on one host, each with a private /tmp as systemd's PrivateTmp=yes makes it ({builder.name})."
    )
    units = [sandbox.Unit.start(name, boot) for name in RUNNERS]
    try:
        _expect("success", _run_all(units, workflow, say))
        say("2. A cleaning from outside: find /tmp -mindepth 1 -maxdepth 1 -exec rm -rf {} +")
        before, after = sandbox.clean_aggressively()
        say(f"   /tmp of the host: {before} entries before, {after} after.")
        said = sandbox.make_directory()
        say(f"   mktemp -d on the host: {said or 'works. The host looks healthy.'}")
        say("3. The same commit again.")
        red = _run_all(units, workflow, say)
        _expect("failure", red)
        say("4. whyred why, asked on the host:\n")
        bundle = folder / BUNDLE
        verdict = why(Wish(red[1]["run"], save=bundle), library, lambda _: None)
        say(text.render(verdict))
        report = _report(verdict)
        say("5. The remedy: the units are restarted.")
        for unit in units:
            unit.stop()
        units = [sandbox.Unit.start(name, boot) for name in RUNNERS]
        _expect("success", _run_all(units, workflow, say))
    finally:
        for unit in units:
            unit.stop()
    return Played(verdict, _known(bundle), _known(report) if report else None)


def _report(verdict: Verdict) -> Path | None:
    """The report as Markdown in the demo's folder; None where that cannot be written."""
    try:
        file = _folder() / "report.md"
        file.write_text(markdown.render(verdict), encoding="utf-8")
    except (OSError, UserError):
        return None  # said by the caller: the verdict itself was shown
    return file


def _known(path: Path) -> Path:
    """A file of the sandbox by the path that the user knows."""
    return Path(sandbox.back(str(path)))


def _run_all(units: Sequence[sandbox.Unit], workflow: Path, say: Say) -> list[dict[str, str]]:
    ended = []
    for unit in units:
        answer = unit.run({"workflow": str(workflow)})
        say(f"   {unit.name}: {answer['conclusion']} ({answer['run']})")
        ended.append(answer)
    return ended


def _expect(conclusion: str, ended: Sequence[dict[str, str]]) -> None:
    other = [e for e in ended if e["conclusion"] != conclusion]
    if other:
        raise UserError(
            f"the demo expected {conclusion} and {other[0]['run']} ended with {other[0]['conclusion']}",
            "this machine is not as the demo assumes",
            f"Look at it: whyred read {other[0]['run']}",
            code=4,
        )


def _folder() -> Path:
    data = folders.data()
    if data is None:
        raise UserError("nowhere to keep the demo", "this user has no home", "Set XDG_DATA_HOME to a folder with space")
    folder = data / "demo"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        how = "Set XDG_DATA_HOME to a folder with space that you may write to"
        raise UserError(f"cannot keep the demo in {folder}", e.strerror or str(e), how) from e
    return folder


def _recorded() -> Path:
    """The bundle that ships with the tests, and in an installed whyred beside the library."""
    import whyred

    package = Path(whyred.__file__).parent
    places = (package / "library" / BUNDLE, package.parent.parent / "tests" / "lab" / BUNDLE)
    found = next((p for p in places if p.is_file()), None)
    if found is None:
        raise UserError("the recorded incident is missing", f"no {BUNDLE} beside the library", "Install whyred again")
    return found


def _indented(script: str) -> str:
    return script.replace("\n", "\n          ")
