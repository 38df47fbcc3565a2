"""The environment of a step, level by level, and the files by which steps talk to their runner."""

import os
from pathlib import Path

import pytest
from execute_job import run_job, steps
from hypothesis import given
from hypothesis import strategies as st

from whyred.experiments.command_files import CommandFileError, read_pairs
from whyred.experiments.environment import twins
from whyred.model.run import Conclusion


def test_each_level_beats_the_one_before(tmp_path: Path) -> None:
    workflow = """
        env: {A: workflow, B: workflow, C: workflow, D: workflow, E: workflow}
        jobs:
          test:
            env: {B: job, C: job, D: job, E: job}
            steps:
              - {name: first, env: {E: step}, run: 'echo $A $B $C $D $E $F ${G-unset}; echo D=file >> $GITHUB_ENV; echo E=file >> $GITHUB_ENV; echo F=file >> $GITHUB_ENV'}
              - {name: second, env: {E: step}, run: 'echo $A $B $C $D $E $F ${G-unset}'}
    """  # noqa: E501 - YAML in one line per step
    daemon = dict.fromkeys("ABCDEF", "daemon") | {"PATH": os.environ["PATH"]}
    ran = run_job(tmp_path, workflow, environ=daemon, runner_env={"C": "runner"})
    assert ran.step("first") == ["workflow job runner job step daemon unset"]
    assert ran.step("second") == ["workflow job runner file step file unset"]


def test_values_keep_the_text_of_the_file(tmp_path: Path) -> None:
    workflow = "env: {A: 1.10, B: yes, C: 0x10, D: null, E: 'two\\n', F: ~, G: true}\n" + steps(
        'echo "$A|$B|$C|$D|$E|$F|$G|"'
    )
    assert run_job(tmp_path, workflow).step("s1") == ["1.10|yes|0x10||two\\n||true|"]


def test_the_facts_of_the_run_have_forgejo_twins(tmp_path: Path) -> None:
    names = ("ACTIONS", "EVENT_NAME", "JOB", "RUN_ID", "RUN_NUMBER", "WORKFLOW", "WORKSPACE", "ENV", "OUTPUT")
    script = 'echo "$CI $ACT $RUNNER_OS $RUNNER_TEMP $RUNNER_TOOL_CACHE ${RUNNER_ARCH:+arch}"\n' + "\n".join(
        f'test "$GITHUB_{n}" = "$FORGEJO_{n}" && echo "$GITHUB_{n}"' for n in names
    )
    ran = run_job(tmp_path, steps(script, "pwd; cat $GITHUB_EVENT_PATH"))
    at = tmp_path / "run"
    assert ran.step("s1") == [
        f"true true Linux {at}/temp {at}/tool_cache arch",
        *["true", "local", "test", "7", "7", "ci.yml", f"{at}/workspace"],
        *[f"{at}/commands/env.txt", f"{at}/commands/output.txt"],
    ]
    assert ran.step("s2") == [f"{at}/workspace", "{}"]
    assert twins({"CI": "true", "GITHUB_SHA": "1"}) == {"CI": "true", "GITHUB_SHA": "1", "FORGEJO_SHA": "1"}


def test_nothing_sets_home_or_tmpdir(tmp_path: Path) -> None:
    ran = run_job(tmp_path, steps('echo "${HOME-none} ${TMPDIR-none} ${TERM-none}" | sed s/dumb/none/'))
    assert ran.step("s1") == ["none none none"]
    daemon = {"PATH": os.environ["PATH"], "HOME": "/h", "TMPDIR": "/nowhere"}
    assert run_job(tmp_path / "b", steps('echo "$HOME $TMPDIR"'), environ=daemon).step("s1") == ["/h /nowhere"]


def test_what_a_step_writes_reaches_the_next(tmp_path: Path) -> None:
    ran = run_job(
        tmp_path,
        steps(
            "printf 'ONE=1\\nTEXT<<END\\na=b\\n\\nc\\nEND\\nTWO=x=y\\n' >> $GITHUB_ENV\n"
            "mkdir -p bin other; printf '#!/bin/sh\\necho mine\\n' > bin/tool; chmod +x bin/tool\n"
            'echo "$PWD/other" >> $GITHUB_PATH; echo "$PWD/bin" >> $FORGEJO_PATH\n'
            "echo out=1 >> $GITHUB_OUTPUT; echo summary >> $GITHUB_STEP_SUMMARY; echo s=1 >> $GITHUB_STATE",
            'echo "$ONE $TWO"; echo "$TEXT"; tool; echo "$PATH" | cut -d: -f1,2; wc -c < $GITHUB_OUTPUT',
        ),
    )
    where = ran.folder / "workspace"
    assert ran.step("s2") == ["1 x=y", "a=b", "", "c", "mine", f"{where}/bin:{where}/other", "0"]
    left = [p.name for p in (ran.folder / "commands").iterdir()]
    assert sorted(left) == ["0.sh", "1.sh", "event.json"], "files that may hold secrets are gone"


@pytest.mark.parametrize("name", ["ENV", "OUTPUT", "STATE"])
def test_a_file_that_cannot_be_read_fails_its_step(tmp_path: Path, name: str) -> None:
    ran = run_job(tmp_path, steps(f"echo nonsense >> $GITHUB_{name}"))
    assert ran.attempt.conclusion is Conclusion.FAILURE
    reason = f"GITHUB_{name}: invalid format 'nonsense', expected a line with '=' or '<<'"
    assert ran.attempt.steps[0].reason == reason
    assert ran.step("s1") == [f"⚙️ [runner]: {reason}"]


def test_a_step_may_remove_its_files_and_write_any_bytes(tmp_path: Path) -> None:
    script = (
        "rm $GITHUB_ENV $GITHUB_OUTPUT; mkdir $GITHUB_ENV\nrmdir $GITHUB_ENV; printf 'RAW=\\303\\050\\n' > $GITHUB_ENV"
    )
    ran = run_job(tmp_path, steps(script, 'printf %s "$RAW" | od -An -tx1'))
    assert ran.step("s2") == [" c3 28"]


def test_what_no_environment_can_hold_fails_the_step_with_the_reason(tmp_path: Path) -> None:
    ran = run_job(tmp_path, steps("printf 'A=x\\000y\\n' >> $GITHUB_ENV", "echo never"))
    assert ran.attempt.conclusion is Conclusion.FAILURE
    assert "could not be started: embedded null byte" in (ran.attempt.steps[1].reason or "")


def test_set_output_is_honoured_and_set_env_is_not(tmp_path: Path) -> None:
    ran = run_job(tmp_path, steps("echo '::set-env name=A::x'; echo '::set-output name=o::v'", 'echo "${A-unset}"'))
    assert ran.attempt.conclusion is Conclusion.SUCCESS
    assert ran.step("s2") == ["unset"]


@pytest.mark.parametrize(
    ("data", "pairs"),
    [
        (b"", {}),
        (b"A=1", {"A": "1"}),
        (b"A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        (b"\xef\xbb\xbfA=1\n\n \nA=2\n", {"A": "2"}),
        (b"A=x<<y\n", {"A": "x<<y"}),
        (b"A<<=\n1\n=\n", {"A": "1"}),
        (b"A<<E\nE\nB<<E\n\n\nE\n", {"A": "", "B": "\n"}),
        (b"A b=c\n", {"A b": "c"}),
    ],
)
def test_forms_of_the_file(data: bytes, pairs: dict[str, str]) -> None:
    assert read_pairs(data) == pairs


@pytest.mark.parametrize("data", [b"A", b"=1", b"<<E\nE\n", b"A<<E\nx\n", b"A<<E"])
def test_forms_that_are_refused(data: bytes) -> None:
    with pytest.raises(CommandFileError):
        read_pairs(data)


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        pairs = read_pairs(data)
    except CommandFileError:
        return
    assert all(name and "\n" not in name for name in pairs)


_NAME = st.text(st.characters(exclude_characters="\r\n=<", exclude_categories=["Cs"]), min_size=1).filter(str.strip)
_VALUE = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]))


@given(st.dictionaries(_NAME.filter(lambda n: not n.startswith("\ufeff")), _VALUE))
def test_blocks_bring_every_value_back(pairs: dict[str, str]) -> None:
    end = "E" * (1 + max((len(v) for v in pairs.values()), default=0))
    data = "".join(f"{n}<<{end}\n{v}\n{end}\n" for n, v in pairs.items())
    assert read_pairs(data.encode()) == pairs
