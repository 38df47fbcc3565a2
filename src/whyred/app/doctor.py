"""`doctor`: the probe pack on one host. What is wrong is named by the cause whose condition holds there."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from whyred.app.ask import PROBE_SECONDS, guarded, in_order, masked_answer, read_answers, within
from whyred.app.pack import HOST, RUNNER, Put, all_asked, pack
from whyred.diagnosis.captures import agree
from whyred.diagnosis.judge import holds, show
from whyred.hosts.bundle import Recording
from whyred.model.cause import Cause, Condition, Of, Op
from whyred.model.evidence import Reason, Unknown
from whyred.model.examination import Row, State
from whyred.model.host import Daemon, FarHost, Host
from whyred.model.probe import Facts
from whyred.probes.find import all_probes
from whyred.probes.runner_processes import find_daemons, hidden

_ALIKE = (RUNNER, HOST)
"""Conditions on one hold for the other as well, when a host is examined as it is."""
_NOBODYS = (Reason.NOT_APPLICABLE, Reason.NO_SUBJECT)
"""Questions that do not arise on this host: about a process where there is none."""
_LEAST = 0.1
"""Seconds below which no question is begun: that it got no answer would say nothing."""
_WHOLE = 2.25
"""How many times one probe's patience the whole examination may take: 4.5 s on the machine itself."""


def examine(
    host: Host,
    causes: Sequence[Cause],
    mask: Callable[[bytes], bytes],
    progress: Callable[[str], None],
    *,
    create: bool = False,
    patience: float = PROBE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> list[Row]:
    """Asks every probe of the pack of the host and of every daemon on it; `mask` is applied to every answer.

    `create`: probes that can try it make and remove a directory, which is the one thing that writes. `patience`: the
    longest time of one probe, in seconds; what was not begun within twice that is unknown (budget).
    """
    until = clock() + _WHOLE * patience
    daemons = within(patience, lambda: _daemons(host))
    unseen = daemons if isinstance(daemons, Unknown) else daemons[1]
    rows = [] if unseen is None else [_unknown("host", "processes", _masked(unseen, mask))]
    puts = pack(all_probes(), () if isinstance(daemons, Unknown) else daemons[0])
    if create:
        puts = [_creating(put) for put in puts]

    def ask(put: Put) -> Row | None:
        left = until - clock()
        if left <= _LEAST:
            why = f"the examination may take {_WHOLE * patience:g} s in all"
            return _unknown(put.subject.name, put.question, Unknown(Reason.BUDGET, why))
        return _ask(host, put, causes, mask, min(patience, left))

    told = all_asked(puts, ask, progress, far=isinstance(host, FarHost))
    return rows + [row for row in told if row is not None]


def _daemons(host: Host) -> tuple[tuple[Daemon, ...], Unknown | None]:
    """Those that can be seen, and why there may be others."""
    processes = host.processes()
    return find_daemons(processes), hidden(processes)


def _creating(put: Put) -> Put:
    return replace(put, arguments={**put.arguments, "create": "yes"}) if "create" in put.probe.needs else put


def _ask(host: Host, put: Put, causes: Sequence[Cause], mask: Callable[[bytes], bytes], patience: float) -> Row | None:
    raw = within(patience, lambda: put.probe.ask(host, put.subject, put.arguments))
    facts = raw if isinstance(raw, Unknown) else guarded(lambda: put.probe.read(masked_answer(raw, mask)))
    if isinstance(facts, Unknown):
        return None if facts.reason in _NOBODYS else _unknown(put.subject.name, put.question, _masked(facts, mask))
    facts = in_order(put.probe, facts)
    held = causes if put.judged else ()
    return judge_row(put.subject.name, put.question, put.probe.name, put.ofs, put.arguments, facts, held)


def _masked(unknown: Unknown, mask: Callable[[bytes], bytes]) -> Unknown:
    """What an error says may quote what was read."""
    return replace(unknown, detail=mask(unknown.detail.encode("utf-8", "replace")).decode("utf-8", "replace"))


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
    """Whether a condition asks this very question: its holes take the arguments' values, as far as the cause allows.
    One that counts for some lines of a log alone says nothing without a log.
    """
    if condition.probe != probe or condition.of not in ofs or condition.patterns:
        return False
    if condition.op is Op.PRESENT and not condition.with_:
        return False
    bound: dict[str, str] = {}
    for key, value in condition.with_:
        given = arguments.get(key)
        if given is None:
            return False
        if value.startswith("{") and value.endswith("}"):
            if key not in ("path", value[1:-1]):
                return False  # what the log names in another sense: `program` is what that line missed, not any tool
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
