"""Holds the runners of one host beside each other: one that differs from the others of its kind explains why a job is
red on it alone, and what two of them share explains why jobs are red when they overlap."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from whyred.model.alike import Crew, Difference, Pending, Shared
from whyred.model.examination import Row, State

Facts = Mapping[str, str]
_COMPARED: Mapping[str, tuple[str, ...]] = {
    "process-env": ("value",),
    "mount-state": ("deleted", "readonly", "noexec", "fstype"),
    "directory-state": ("exists", "writable"),
    "process-user": ("umask", "no_new_privileges"),
    "unit-settings": ("private_tmp", "protect_system", "dynamic_user", "environment"),
    "runner-config": ("valid", "env_names", "tmpdir", "capacity", "timeout_seconds", "labels", "log_level"),
    "runner-registration": ("exists", "labels", "address"),
    "memory-events": ("limit_bytes",),
    "limits": ("open_files", "processes", "file_size_bytes", "address_space_bytes", "stack_bytes", "cpu_seconds"),
}
"""The fields that runners of one kind have in common where they are set up alike; user and folders may be their own."""
_OWN = frozenset({"process-env HOME"})
"""Questions whose answer is each runner's own."""
_SHARED = (
    ("runner-registration", "key", "registration", "registration_shared"),
    ("runner-config", "workdir_parent", "work folder", "work_folder_shared"),
    ("runner-config", "cache_dir", "cache folder", "cache_shared"),
    ("process-env HOME", "value", "HOME", "home_shared"),
    ("process-user", "cwd", "working directory", "folder_shared"),
)
"""Question, field, what it is for people, and the field of runner-sharing that tells whether it is one and the same."""
_PENDING = (
    ("runner-config", "changed_since_start", "its configuration was changed after it was started"),
    ("runner-registration", "changed_since_start", "its registration was changed after it was started"),
    ("process-user", "replaced", "its program was updated after it was started"),
    ("unit-settings", "needs_reload", "its unit was changed and systemd has not read it: systemctl daemon-reload"),
)
_HOST = "host"


def compare(rows: Sequence[Row]) -> Crew:
    """What the rows of an examination say of its runners, beside each other."""
    kinds = _kinds(rows)
    sick = frozenset((r.subject, r.question) for r in rows if r.state is State.WRONG)
    answers: dict[str, dict[str, Facts]] = defaultdict(dict)
    for row in rows:
        if row.subject in kinds and row.state is not State.UNKNOWN:
            answers[row.question][row.subject] = row.facts
    return Crew(
        kinds, tuple(_differences(answers, kinds, sick)), tuple(_shared(answers, rows)), tuple(_pending(answers))
    )


def _kinds(rows: Sequence[Row]) -> dict[str, str]:
    """The kinds of the runners by name, as the host's list of daemons tells them; every other process is no runner."""
    listed = next((r.facts for r in rows if r.question == "runner-processes"), {})
    names, kinds = (listed.get(k, "").split(",") for k in ("names", "kinds"))
    by_name = dict(zip(names, kinds, strict=False))
    found = {}
    for row in rows:
        kind = by_name.get(row.subject) or by_name.get(row.subject.partition(" (pid ")[0])
        if kind:
            found[row.subject] = kind
    return found


def _differences(
    answers: Mapping[str, Mapping[str, Facts]], kinds: Mapping[str, str], sick: frozenset[tuple[str, str]]
) -> Iterator[Difference]:
    for question, by_subject in answers.items():
        probe, _, argument = question.partition(" ")
        for kind in dict.fromkeys(kinds.values()):
            alike = {s: f for s, f in by_subject.items() if kinds[s] == kind}
            alike = dict(sorted(alike.items(), key=lambda one: (one[0], question) in sick))
            if probe == "tool-version":
                yield from _odd(argument, kind, _tools(alike))
            for field in _COMPARED.get(probe, ()) if question not in _OWN else ():
                name = argument if probe == "process-env" else f"{argument} {field}".strip()
                yield from _odd(name, kind, {s: f[field] for s, f in alike.items() if field in f})


def _tools(alike: Mapping[str, Facts]) -> Mapping[str, str]:
    """The versions of one tool; where one of them is not known, whether it is there."""
    there = {s: f for s, f in alike.items() if "present" in f}
    if all("version" in f for f in there.values()):
        return {s: f["version"] for s, f in there.items()}
    return {s: "there" if f["present"] == "yes" else "none" for s, f in there.items()}


def _odd(what: str, kind: str, values: Mapping[str, str]) -> Iterator[Difference]:
    """The runners whose value is not that of most; where there is no such value, all against the first, and
    what is wrong stands last."""
    if len(set(values.values())) < 2:
        return
    usual, often = Counter(values.values()).most_common(1)[0]
    if often * 2 <= len(values):
        usual = next(iter(values.values()))
    others = tuple(subject for subject, value in values.items() if value == usual)
    for subject, value in values.items():
        if value != usual:
            yield Difference(subject, kind, what, value, others, usual)


def _shared(answers: Mapping[str, Mapping[str, Facts]], rows: Sequence[Row]) -> Iterator[Shared]:
    """By path; a host that tells that these are different folders behind one path is believed."""
    sharing: Facts = next((r.facts for r in rows if r.question == "runner-sharing" and r.subject == _HOST), {})
    for question, field, what, known in _SHARED:
        by_value = defaultdict(list)
        for subject, facts in answers.get(question, {}).items():
            if facts.get(field, "none") != "none":
                by_value[facts[field]].append(subject)
        for value, subjects in by_value.items():
            if len(subjects) > 1 and sharing.get(known) != "no":
                yield Shared(what, value, tuple(subjects))


def _pending(answers: Mapping[str, Mapping[str, Facts]]) -> Iterator[Pending]:
    for question, field, what in _PENDING:
        for subject, facts in answers.get(question, {}).items():
            if facts.get(field) == "yes":
                yield Pending(subject, what)
