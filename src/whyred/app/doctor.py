"""`doctor`: the probe pack on one host. What is wrong is named by the cause whose condition holds there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from whyred.app.ask import PROBE_SECONDS, guarded, in_order, masked_answer, read_answers, within
from whyred.diagnosis.captures import agree
from whyred.diagnosis.judge import holds, show
from whyred.hosts.bundle import Recording
from whyred.model.cause import Cause, Condition, Of, Op
from whyred.model.evidence import Reason, Unknown
from whyred.model.examination import Row, State
from whyred.model.host import Daemon, Host, Subject
from whyred.model.probe import Facts, Kind, Probe
from whyred.probes.find import all_probes
from whyred.probes.runner_processes import find_daemons


@dataclass(frozen=True, slots=True)
class _Put:
    probe: Probe
    subject: Subject
    ofs: tuple[Of, ...]
    arguments: Mapping[str, str]


_RUNNER = (Of.ATTEMPT_RUNNER, Of.SIBLING_RUNNERS)
_HOST = (Of.HOST, Of.ATTEMPT_RUNNER)
_ALIKE = (_RUNNER, _HOST)
"""Conditions on one hold for the other as well, when a host is examined as it is."""
_SHARED = ("sccache",)
_NOBODYS = (Reason.NOT_APPLICABLE, Reason.NO_SUBJECT)
"""Questions that do not arise on this host: about a process where there is none."""


def examine(
    host: Host,
    causes: Sequence[Cause],
    mask: Callable[[bytes], bytes],
    progress: Callable[[str], None],
    *,
    create: bool = False,
    patience: float = PROBE_SECONDS,
) -> list[Row]:
    """Asks every probe of the pack of the host and of every daemon on it; `mask` is applied to every answer.

    `create`: probes that can try it make and remove a directory, which is the one thing that writes. `patience`: the
    longest time of one probe, in seconds.
    """
    daemons = guarded(lambda: find_daemons(host.processes()))
    rows = [] if not isinstance(daemons, Unknown) else [_unknown("host", "processes", daemons)]
    for put in _pack(() if isinstance(daemons, Unknown) else daemons):
        if create and "create" in put.probe.needs:
            put = replace(put, arguments={**put.arguments, "create": "yes"})
        progress(f"{put.probe.name} of {put.subject.name}")
        row = _ask(host, put, causes, mask, patience)
        if row is not None:
            rows.append(row)
    return rows


def _pack(daemons: Sequence[Daemon]) -> Iterator[_Put]:
    for probe in all_probes().values():
        for arguments in probe.pack:
            if probe.kind is not Kind.DAEMON:
                yield _Put(probe, Subject("host"), _HOST, arguments)
            if probe.kind is not Kind.HOST:
                for d in daemons:
                    ofs = (Of.SHARED_DAEMON,) if d.kind in _SHARED else _RUNNER
                    yield _Put(probe, Subject(d.name, d.process.pid, d.process.unit), ofs, arguments)


def _ask(host: Host, put: _Put, causes: Sequence[Cause], mask: Callable[[bytes], bytes], patience: float) -> Row | None:
    question = " ".join([put.probe.name, *put.arguments.values()])
    raw = within(patience, lambda: put.probe.ask(host, put.subject, put.arguments))
    facts = raw if isinstance(raw, Unknown) else guarded(lambda: put.probe.read(masked_answer(raw, mask)))
    if isinstance(facts, Unknown):
        facts = replace(facts, detail=mask(facts.detail.encode("utf-8", "replace")).decode("utf-8", "replace"))
        return None if facts.reason in _NOBODYS else _unknown(put.subject.name, question, facts)
    facts = in_order(put.probe, facts)
    return judge_row(put.subject.name, question, put.probe.name, put.ofs, put.arguments, facts, causes)


def judge_row(
    subject: str,
    question: str,
    probe: str,
    ofs: Sequence[Of],
    arguments: Mapping[str, str],
    facts: Facts,
    causes: Sequence[Cause],
) -> Row | None:
    """What one answer says: wrong when a cause's confirm condition holds, unknown when nothing could be read."""
    told = {k: show(v) for k, v in facts.items() if not isinstance(v, Unknown)}
    unknown = [v for v in facts.values() if isinstance(v, Unknown)]
    if not told:
        reasons = [u for u in unknown if u.reason not in _NOBODYS]
        return _unknown(subject, question, reasons[0]) if reasons else None
    for cause in causes:
        if any(_applies(c, cause, probe, ofs, arguments) and holds(c, facts.get(c.field)) for c in cause.confirm):
            return Row(subject, question, State.WRONG, told, cause.id)
    return Row(subject, question, State.FINE, told, "")


def _applies(condition: Condition, cause: Cause, probe: str, ofs: Sequence[Of], arguments: Mapping[str, str]) -> bool:
    """Whether a condition asks this very question: its holes take the arguments' values, as far as the cause allows."""
    if condition.probe != probe or condition.of not in ofs or (condition.op is Op.PRESENT and not condition.with_):
        return False
    bound: dict[str, str] = {}
    for key, value in condition.with_:
        given = arguments.get(key)
        if given is None:
            return False
        if value.startswith("{") and value.endswith("}"):
            bound[value[1:-1]] = given
            bound.setdefault("dir", given)  # a folder that is asked about is its own `dir`, whichever hole it fills
        elif value != given:
            return False
    wanted = {k: v for k, v in cause.when.items() if k in bound}
    refused = {k: v for k, v in cause.unless.items() if k in bound}
    return agree(bound, wanted) and not any(agree(bound, {k: v}) for k, v in refused.items())


def recorded(recording: Recording, causes: Sequence[Cause]) -> list[Row]:
    """The same table from what a bundle recorded."""
    rows = []
    for ask, raw in recording.answers.items():
        if ask.of.is_forges:
            continue
        for answer in read_answers(ask, raw):
            question = " ".join([ask.probe, *(v for _, v in ask.with_)])
            if isinstance(answer.facts, Unknown):
                rows.append(_unknown(answer.subject or str(ask.of), question, answer.facts))
                continue
            ofs = next((same for same in _ALIKE if ask.of in same), (ask.of,))
            row = judge_row(answer.subject, question, ask.probe, ofs, dict(ask.with_), answer.facts, causes)
            if row is not None:
                rows.append(row)
    return rows


def unreached(name: str, unknown: Unknown) -> list[Row]:
    """The table of a host that cannot be reached."""
    return [_unknown("host", f"connection to {name}", unknown)]


def _unknown(subject: str, question: str, unknown: Unknown) -> Row:
    return Row(subject, question, State.UNKNOWN, {}, f"{unknown.reason}: {unknown.detail}".removesuffix(": "))
