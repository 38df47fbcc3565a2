"""Expressions in one job: what its steps see, what is not run for want of a value, and what fails of a wrong one."""

import os
from pathlib import Path

import pytest
from execute_job import Ran, run_job, steps

from whyred.experiments.contexts import Around, Need
from whyred.model.run import Conclusion
from whyred.workflows.functions import JobStatus
from whyred.workflows.values import NotKnown

CANARY = "canary-8f2c-value"
LOST = NotKnown("it was not run", "Run it")


def conclusions(ran: Ran) -> list[Conclusion]:
    return [step.conclusion for step in ran.attempt.steps]


def test_every_field_of_a_step_is_worked_out(tmp_path: Path) -> None:
    workflow = """
        env: {TOP: "top ${{ github.job }}", SHELL_: sh}
        jobs:
          test:
            env: {MID: "${{ env.TOP }}+mid", FOLDER: sub}
            defaults: {run: {shell: "${{ env.SHELL_ }}"}}
            steps:
              - run: mkdir sub; echo FROM=file >> $GITHUB_ENV
              - name: in ${{ env.FOLDER }} of ${{ runner.os }}
                env: {OWN: "${{ env.MID }}+${{ env.FROM }}", MID: own}
                working-directory: ${{ env.FOLDER }}
                run: echo "$OWN/$MID/${{ env.OWN }}/${{ env.MID }}/$(basename $PWD)/${BASH_VERSION:-plain}/$0" | sed 's/.sh$//;s,/run/.*,,'
              - {name: 'it is ${{ nothing', run: 'echo on'}
    """  # noqa: E501 - one line of shell
    ran = run_job(tmp_path, workflow)
    assert ran.attempt.conclusion is Conclusion.SUCCESS, ran.lines
    (line,) = ran.step("in sub of Linux")
    assert line.startswith("top test+mid+file/own/top test+mid+file/own/sub/")
    assert ran.attempt.steps[2].name == "it is ${{ nothing"


def test_steps_see_how_those_before_them_ended(tmp_path: Path) -> None:
    workflow = """
        jobs:
          test:
            steps:
              - {id: good, run: 'echo out=1 >> $GITHUB_OUTPUT; echo "::set-output name=old::2"'}
              - {id: soft, continue-on-error: "${{ true }}", run: exit 3}
              - {id: gone, if: "failure()", run: exit 4}
              - {id: bad, run: exit 5}
              - name: look
                if: ${{ failure() && steps.bad.outcome == 'failure' }}
                run: |
                  echo "${{ steps.good.outputs.out }}${{ steps.good.outputs.old }}${{ steps.good.outputs.none }}"
                  echo "${{ steps.soft.outcome }} ${{ steps.soft.conclusion }} ${{ steps.gone.outcome }}"
                  echo "${{ join(steps.*.conclusion) }} ${{ job.status }}"
              - {name: no, if: success(), run: echo never}
    """
    ran = run_job(tmp_path, workflow)
    assert ran.step("look") == ["12", "failure success skipped", "success,success,skipped,failure failure"]
    assert conclusions(ran)[-2:] == [Conclusion.SUCCESS, Conclusion.SKIPPED]


def test_what_is_around_a_job_reaches_its_steps(tmp_path: Path) -> None:
    around = Around(
        name="test (3.1)",
        secrets={"TOKEN": "hush"},
        variables={"LEVEL": "7"},
        matrix={"v": 3.1, "deep": {"x": ("a",)}},
        strategy={"fail-fast": True, "job-index": 0, "job-total": 2},
        needs={"plan": Need("success", {"word": "fine"})},
    )
    workflow = """
        jobs:
          plan: {steps: [{run: x}]}
          test:
            needs: plan
            strategy: {matrix: {v: [3.1, 4]}}
            steps:
              - name: look
                env: {T: "${{ secrets.token }}"}
                run: |
                  echo "$T ${{ vars.LEVEL }} ${{ matrix.v }} ${{ matrix.deep.x[0] }} ${{ needs.plan.outputs.word }}"
                  echo "${{ strategy.job-index }}/${{ strategy.job-total }} ${{ needs.plan.result }} ${{ secrets.no }}."
    """
    ran = run_job(tmp_path, workflow, around=around)
    assert ran.step("look") == ["hush 7 3.1 a fine", "0/2 success ."]
    assert ran.attempt.job is not None
    assert (ran.attempt.job.key, ran.attempt.job.name) == ("test", "test (3.1)")
    assert "🧪  Matrix: map[deep:Object v:3.1]" in ran.lines
    assert not any(line.startswith("note:") for line in ran.lines)


def test_the_event_and_what_follows_from_it(tmp_path: Path) -> None:
    script = "echo '${{ github.event_name }} [${{ github.head_ref }}] [${{ inputs.x }}] ${{ github.run_id }}'"
    ran = run_job(tmp_path, steps(script), event="push")
    assert ran.step("s1") == ["push [] [] 7"]
    local = run_job(tmp_path / "b", steps(script))
    assert conclusions(local) == [Conclusion.NOT_RUN]
    assert "Name one with --event" in (local.attempt.steps[0].reason or "")
    pull = run_job(tmp_path / "c", steps("echo '${{ github.head_ref }}'"), event="pull_request")
    assert conclusions(pull) == [Conclusion.NOT_RUN]
    manual = run_job(tmp_path / "d", steps("echo '${{ inputs.x }}'"), event="workflow_dispatch")
    assert "nobody gave this run inputs" in (manual.attempt.steps[0].reason or "")


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (
            "run: 'echo ${{ secrets.A }}'",
            "`secrets.A` is not known here: no secrets are given. Give them with --secrets",
        ),
        ("run: 'echo ${{ vars.A }}'", "Give them with --vars FILE"),
        ("run: 'echo ${{ github.token }}'", "Give one as GITHUB_TOKEN with --secrets FILE"),
        ("run: 'echo ${{ github.sha }}'", "it does not lie in a git repository"),
        ("run: 'echo ${{ needs.plan.outputs.x }}'", "job `plan` was not run. Run all jobs: leave out --job"),
        ("run: 'echo ${{ steps.used.outputs.x }}'", "step `used` was not (wholly) run here"),
        ("run: x, if: \"steps.used.outcome == 'success'\"", "`steps.used` is not known here"),
        ("run: x, env: {A: '${{ github.actor }}'}", "`${{ }}` in env.A cannot be worked out"),
        ("run: 'echo ${{ env.LOST }}'", "`env.LOST` is not known here: `secrets.B` is not known here"),
        ("run: x, timeout-minutes: '${{ vars.T }}'", "`${{ }}` in timeout-minutes cannot"),
        ("run: x, continue-on-error: '${{ vars.T }}'", "`${{ }}` in continue-on-error cannot"),
        ("run: 'echo ${{ job.services.db.ports[5432] }}'", "containers and services are not started here"),
        ("uses: 'a/b@v1', with: {t: '${{ secrets.A }}'}", "whyred runs no actions (a/b@v1)"),
    ],
)
def test_what_needs_what_only_the_forge_has_is_not_run(tmp_path: Path, step: str, why: str) -> None:
    workflow = f"""
        jobs:
          plan: {{steps: [{{run: x}}]}}
          test:
            needs: plan
            services: {{db: {{image: x}}}}
            env: {{LOST: '${{{{ secrets.B }}}}'}}
            steps:
              - {{uses: c/d@v1, id: used}}
              - {{{step}}}
              - {{name: after, run: echo on}}
    """
    ran = run_job(tmp_path, workflow)
    assert conclusions(ran) == [Conclusion.NOT_RUN, Conclusion.NOT_RUN, Conclusion.SUCCESS]
    assert why in (ran.attempt.steps[1].reason or "")
    assert ran.attempt.conclusion is Conclusion.UNKNOWN


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("run: 'echo ${{ fromJSON(''['') }}'", "`run`: expression `fromJSON('[')`, column 10: what `fromJSON`"),
        ("run: 'echo ${{ nope.x }}'", "`nope` is no context"),
        ('run: x, if: "nope()"', "`if`: expression `nope()`, column 1: `nope` is no function"),
        ("run: x, env: {A: '${{ 1 + 1 }}'}", "`env.A`: expression `1 + 1`, column 7: expressions cannot calculate"),
        ("run: x, timeout-minutes: \"${{ 'soon' }}\"", "its value is no number above 0"),
        ("run: x, timeout-minutes: '${{ -1 }}'", "its value is no number above 0"),
        ("run: x, working-directory: '${{ '", "no `}}` closes it"),
    ],
)
def test_a_wrong_expression_fails_its_step(tmp_path: Path, step: str, why: str) -> None:
    workflow = f"jobs: {{test: {{steps: [{{{step}}}, {{name: after, run: echo on}}]}}}}"
    ran = run_job(tmp_path, workflow)
    assert conclusions(ran) == [Conclusion.FAILURE, Conclusion.SKIPPED]
    reason = ran.attempt.steps[0].reason or ""
    assert reason.startswith("ci.yml:1: ")
    assert why in reason
    assert f"⚙️ [runner]: {reason}" in ran.lines


def test_a_wrong_expression_of_the_job_fails_it_before_its_first_step(tmp_path: Path) -> None:
    workflow = "jobs: {test: {env: {A: \"${{ fromJSON('') }}\"}, steps: [{run: echo a}, {if: always(), run: echo b}]}}"
    ran = run_job(tmp_path, workflow)
    assert conclusions(ran) == [Conclusion.FAILURE, Conclusion.SKIPPED]
    assert "`jobs.test.env.A`" in (ran.attempt.steps[0].reason or "")
    assert ran.attempt.conclusion is Conclusion.FAILURE
    ran = run_job(tmp_path / "b", "jobs: {test: {timeout-minutes: '${{ null }}', steps: [{run: echo a}]}}")
    assert "no number above 0" in (ran.attempt.steps[0].reason or "")


def test_conditions_of_a_job(tmp_path: Path) -> None:
    def ended(if_: str, **around: object) -> Conclusion:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        workflow = f"jobs: {{test: {{if: {if_!r}, env: {{A: '${{{{ secrets.A }}}}'}}, steps: [{{run: true}}]}}}}"
        return run_job(folder, workflow, around=Around(secrets={}, **around)).attempt.conclusion  # type: ignore[arg-type]

    red = JobStatus(success=False, failure=True)
    assert ended("github.job == 'test'") is Conclusion.SUCCESS
    assert ended("${{ github.job != 'test' }}") is Conclusion.SKIPPED
    assert ended("github.actor == 'x'") is Conclusion.NOT_RUN
    assert ended("true", before=red) is Conclusion.SKIPPED
    assert ended("failure()", before=red) is Conclusion.SUCCESS
    assert ended("failure()", before=JobStatus(LOST, LOST)) is Conclusion.NOT_RUN
    assert ended("fromJSON('')") is Conclusion.NOT_RUN
    called = run_job(tmp_path / "called", "jobs: {test: {if: 'false', uses: ./x.yml}}")
    assert called.attempt.conclusion is Conclusion.SKIPPED


def test_limits_from_expressions_end_a_job(tmp_path: Path) -> None:
    workflow = "jobs: {test: {timeout-minutes: '${{ fromJSON(0.005) }}', steps: [{run: sleep 1000}]}}"
    ran = run_job(tmp_path, workflow)
    assert ran.attempt.conclusion is Conclusion.TIMED_OUT
    assert "The job ran longer than its timeout-minutes of 0.005" in ran.lines
    workflow = "jobs: {test: {timeout-minutes: '${{ vars.T }}', steps: [{run: echo on}]}}"
    ran = run_job(tmp_path / "b", workflow)
    assert any("the job has no time limit: `vars.T` is not known here" in line for line in ran.lines)
    workflow = "jobs: {test: {steps: [{timeout-minutes: '${{ 0.005 }}', run: sleep 1000}]}}"
    assert conclusions(run_job(tmp_path / "c", workflow)) == [Conclusion.TIMED_OUT]


def test_outputs_of_a_job(tmp_path: Path) -> None:
    workflow = """
        jobs:
          test:
            outputs:
              word: "${{ steps.a.outputs.word }}!"
              gone: ${{ steps.b.outputs.x }}
              empty: ${{ steps.c.outputs.x }}
              wrong: ${{ fromJSON('') }}
            steps:
              - {id: a, run: 'printf "word<<E\\ntwo\\nlines\\nE\\n" >> $GITHUB_OUTPUT'}
              - {id: b, uses: x/y@v1}
    """
    ran = run_job(tmp_path, workflow)
    assert ran.outputs["word"] == "two\nlines!"
    assert ran.outputs["empty"] == ""
    assert isinstance(ran.outputs["gone"], NotKnown)
    assert isinstance(ran.outputs["wrong"], NotKnown)
    assert any("the output `gone` is not known: `steps.b` is not known here" in line for line in ran.lines)


def test_hash_files_looks_at_the_workspace(tmp_path: Path) -> None:
    script = "echo '[${{ hashFiles('**/*.lock') }}]'"
    ran = run_job(tmp_path, steps(script, "mkdir d; printf x > d/a.lock", script))
    assert ran.step("s1") == ["[]"]
    (line,) = ran.step("s3")
    assert len(line) == 66


def test_bytes_that_are_no_text_go_through_a_script(tmp_path: Path) -> None:
    ran = run_job(
        tmp_path,
        steps(
            "printf 'raw=\\377x\\n' >> $GITHUB_OUTPUT", "printf %s '${{ steps.a.outputs.raw }}' | od -An -tx1"
        ).replace("name: s1", "id: a\n        name: s1", 1),
    )
    assert ran.step("s2") == [" ff 78"]


def test_no_secret_stays_in_the_folder_or_a_repr(tmp_path: Path) -> None:
    around = Around(secrets={"T": CANARY}, needs={"a": Need("success", {"o": CANARY})})
    scripts = ("true # ${{ secrets.T }}", "exit 3 # ${{ env.T }}", "echo plain")
    workflow = steps(*scripts).replace("  test:", "  test:\n    env: {T: '${{ secrets.T }}'}")
    ran = run_job(tmp_path, workflow, around=around)
    assert ran.attempt.conclusion is Conclusion.FAILURE
    kept = [p for p in ran.folder.rglob("*") if p.is_file()]
    assert [p.name for p in kept] == ["event.json"]
    assert not any(CANARY in p.read_text() for p in kept)
    assert CANARY not in repr(around)


@pytest.mark.parametrize("field", ["shell: 'cat {0} ${{ secrets.T }}'", "shell: 'env A=${{ env.T }} cat {0}'"])
def test_no_secret_gets_into_the_arguments_of_a_command(tmp_path: Path, field: str) -> None:
    around = Around(secrets={"T": CANARY})
    workflow = f"jobs: {{test: {{env: {{T: '${{{{ secrets.T }}}}'}}, steps: [{{run: x, {field}}}]}}}}"
    ran = run_job(tmp_path, workflow, around=around)
    assert conclusions(ran) == [Conclusion.NOT_RUN]
    assert "would show a secret to every user" in (ran.attempt.steps[0].reason or "")
    assert CANARY.encode() not in ran.raw


def test_a_step_that_masks_a_value_is_not_called_by_it(tmp_path: Path) -> None:
    workflow = """
        jobs:
          test:
            steps:
              - {id: a, run: 'v=canary; echo v=$v-8f2c-value >> $GITHUB_OUTPUT'}
              - run: echo "::add-mask::${{ steps.a.outputs.v }}"
              - run: |
                  echo one # ${{ format('a
                  b') }}
    """
    ran = run_job(tmp_path, workflow)
    assert [step.name for step in ran.attempt.steps[1:]] == ["add-mask command", "echo one # ${{ format('a"]
    assert ran.masks == [CANARY]
    assert CANARY.encode() not in ran.raw


def test_unset_variables_hide_those_of_the_daemon_in_expressions_too(tmp_path: Path) -> None:
    workflow = "env: {A: '${{ secrets.A }}'}\n" + steps("echo '${{ env.B }}.'", "echo '${{ env.A }}'")
    ran = run_job(tmp_path, workflow, environ={"PATH": os.environ["PATH"], "A": "daemon", "B": "daemon"})
    assert ran.step("s1") == ["."]
    assert conclusions(ran) == [Conclusion.SUCCESS, Conclusion.NOT_RUN]
    ran = run_job(tmp_path / "b", workflow, runner_env={"A": "runner"})
    assert ran.step("s2") == ["runner"]
    assert ran.attempt.conclusion is Conclusion.SUCCESS
