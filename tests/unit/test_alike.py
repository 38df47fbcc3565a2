"""Runners beside each other: who differs in what, what is shared, what is not in force; and how the doctor shows it."""

import json

from whyred.diagnosis.alike import compare
from whyred.model.alike import Crew
from whyred.model.examination import Row, State
from whyred.reports.doctor import render, render_json

USUAL = "/usr/local/bin:/usr/bin:/bin"


def fine(subject: str, question: str, **facts: str) -> Row:
    return Row(subject, question, State.FINE, facts, "")


def listed(*names: str, kinds: str | None = None) -> Row:
    kinds = kinds or ",".join("forgejo-runner" for _ in names)
    return fine("host", "runner-processes", names=",".join(names), kinds=kinds)


def paths(**values: str) -> list[Row]:
    return [fine(name, "process-env PATH", set="yes", value=value) for name, value in values.items()]


def told(crew: Crew) -> list[tuple[str, str, str]]:
    return [(d.subject, d.what, d.value) for d in crew.differences]


def test_the_one_that_differs_is_named_with_what_the_others_have() -> None:
    (found,) = compare([listed("a", "b", "c"), *paths(a=USUAL, b=USUAL, c="/bin")]).differences
    assert (found.subject, found.what, found.value, found.others, found.theirs) == (
        "c",
        "PATH",
        "/bin",
        ("a", "b"),
        USUAL,
    )


def test_of_two_that_differ_the_second_is_held_against_the_first() -> None:
    assert told(compare([listed("a", "b"), *paths(a=USUAL, b="/bin")])) == [("b", "PATH", "/bin")]


def test_of_two_that_differ_the_one_that_is_wrong_is_named() -> None:
    sick = Row("a", "mount-state /tmp", State.WRONG, {"deleted": "yes"}, "private-tmp-deleted")
    rows = [listed("a", "b"), sick, fine("b", "mount-state /tmp", deleted="no")]
    assert told(compare(rows)) == [("a", "/tmp deleted", "yes")]
    assert render(rows).startswith("a differs from the other forgejo-runner: /tmp deleted\n")


def test_one_long_question_does_not_move_the_other_rows() -> None:
    rows = [fine("a", "step-script " + "x" * 200, lets_fail="no"), fine("a", "clock", behind_seconds="0")]
    assert max(len(line) for line in render(rows).splitlines() if "clock" in line) < 80


def test_many_unknowns_of_one_reason_are_one_row() -> None:
    rows = [Row(f"r{n}", f"q{m}", State.UNKNOWN, {}, "budget: 4.5 s in all") for n in range(5) for m in range(3)] + [
        Row("r0", "clock", State.UNKNOWN, {}, "no-permission: /proc/1")
    ]
    text = render(rows)
    assert "unknown  15 questions of r0 and 4 more: budget: 4.5 s in all\n" in text
    assert text.count("budget") == 1
    assert "no-permission: /proc/1" in text
    assert text.endswith("0 wrong, 16 unknown, 0 fine\n")
    assert render(rows, everything=True).count("budget") == 15


def test_equal_runners_and_lone_ones_differ_in_nothing() -> None:
    assert compare([listed("a", "b"), *paths(a=USUAL, b=USUAL)]).differences == ()
    assert compare([listed("a"), *paths(a=USUAL)]).differences == ()
    assert compare([]) == Crew({})


def test_only_runners_of_one_kind_are_held_beside_each_other() -> None:
    rows = [listed("a", "b", kinds="forgejo-runner,actions-runner"), *paths(a=USUAL, b="/bin", sccache="/x")]
    assert compare(rows).differences == ()
    assert compare(rows).kinds == {"a": "forgejo-runner", "b": "actions-runner"}


def test_a_name_that_two_daemons_have_is_told_apart_by_the_process() -> None:
    rows = [
        listed("a", "a"),
        fine("a (pid 4)", "process-user", umask="0022"),
        fine("a (pid 5)", "process-user", umask="0077"),
    ]
    assert told(compare(rows)) == [("a (pid 5)", "umask", "0077")]


def test_a_tool_whose_version_is_not_known_everywhere_is_compared_by_its_presence() -> None:
    tools = [
        fine("a", "tool-version rustc", present="yes", version="rustc 1.80.0"),
        fine("b", "tool-version rustc", present="yes"),
    ]
    assert told(compare([listed("a", "b", "c"), *tools])) == []
    missing = fine("c", "tool-version rustc", present="no", version="none")
    assert told(compare([listed("a", "b", "c"), *tools, missing])) == [("c", "rustc", "none")]
    other = fine("b", "tool-version rustc", present="yes", version="rustc 1.63.0")
    assert told(compare([listed("a", "b"), tools[0], other])) == [("b", "rustc", "rustc 1.63.0")]


def test_what_is_unknown_is_no_difference() -> None:
    rows = [listed("a", "b"), *paths(a=USUAL), Row("b", "process-env PATH", State.UNKNOWN, {}, "no-permission")]
    assert compare(rows).differences == ()


def test_a_home_of_its_own_is_no_difference_and_a_common_one_is_shared() -> None:
    homes = [fine("a", "process-env HOME", value="/srv/a"), fine("b", "process-env HOME", value="/srv/b")]
    assert compare([listed("a", "b"), *homes]) == Crew({"a": "forgejo-runner", "b": "forgejo-runner"})
    (shared,) = compare([listed("a", "b"), homes[0], fine("b", "process-env HOME", value="/srv/a")]).shared
    assert (shared.what, shared.value, shared.subjects) == ("HOME", "/srv/a", ("a", "b"))


def test_one_path_that_is_another_folder_for_each_is_not_shared() -> None:
    rows = [listed("a", "b"), *(fine(s, "runner-config", workdir_parent="/data") for s in "ab")]
    assert [s.what for s in compare(rows).shared] == ["work folder"]
    assert compare([*rows, fine("host", "runner-sharing", work_folder_shared="no")]).shared == ()
    assert compare([listed("a", "b"), *(fine(s, "runner-config", workdir_parent="none") for s in "ab")]).shared == ()


def test_what_was_changed_after_the_start_is_not_in_force() -> None:
    rows = [
        listed("a"),
        fine("a", "runner-config", changed_since_start="yes"),
        fine("a", "process-user", replaced="no"),
    ]
    assert [(p.subject, p.what) for p in compare(rows).pending] == [
        ("a", "its configuration was changed after it was started")
    ]


ROWS = [
    listed("a", "b", "c"),
    *paths(a=USUAL, b=USUAL, c="/opt/x:/usr/bin:/bin"),
    *(fine(s, "process-user", umask="0022", cwd=f"/srv/{s}") for s in "abc"),
    *(fine(s, "runner-registration", key="11aa22bb" if s != "c" else "99") for s in "abc"),
    *(fine(s, "mount-state /tmp", deleted="no") for s in "abc"),
    Row("c", "mount-state /var/tmp", State.WRONG, {"deleted": "yes"}, "private-tmp-deleted"),
]


def test_differences_stand_first_and_what_all_say_alike_stands_once() -> None:
    lines = render(ROWS).split("\n")
    assert lines[:4] == [
        "c differs from the other forgejo-runners: PATH",
        "  PATH lacks /usr/local/bin, as a, b have it",
        "  PATH has /opt/x, as a, b have not",
        "a, b share one registration: 11aa22bb",
    ]
    assert lines[4:6] == ["", "wrong    c  mount-state /var/tmp  private-tmp-deleted; deleted yes"]
    assert sum("mount-state /tmp" in line for line in lines) == 1
    assert lines.index("every forgejo-runner") < lines.index("a (forgejo-runner)") < lines.index("host")
    assert "\n\n\n" not in "\n".join(lines)


def test_another_order_of_the_same_folders_is_said_as_such() -> None:
    text = render([listed("a", "b"), *paths(a="/x:/y", b="/y:/x")])
    assert "  PATH has another order than in a: /y:/x" in text.split("\n")


def test_json_has_the_comparison_beside_the_rows() -> None:
    data = json.loads(render_json(ROWS))
    assert [(d["subject"], d["what"], d["theirs"]) for d in data["differences"]] == [("c", "PATH", USUAL)]
    assert data["shared"] == [{"what": "registration", "value": "11aa22bb", "subjects": ["a", "b"]}]
    assert data["not_in_force"] == []
    assert len(data["rows"]) == len(ROWS)
