"""What a call that could not be answered is told: the reason from a closed list, and the next call that would help."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from whyred.faces.mcp.answer import Answer, Next
from whyred.faces.mcp.call import Call, NotAllowedError
from whyred.model.host import HostRefusedError
from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

WRONG, NOT_ALLOWED, REFUSED, FAILED, FAULT = (
    "wrong-arguments",
    "not-allowed-here",
    "refused",
    "failed",
    "fault-in-whyred",
)
HOST = "host-not-asked"
REASONS = (*(reason.value for reason in Missing), WRONG, NOT_ALLOWED, REFUSED, FAILED, HOST, FAULT)
"""Every reason that there is: why a log may be missing, and what else may be wrong with a call."""
_MOST_TRIED = 8
_USER, _ACCESS, _RUNS, _STATUS, _FOLLOW, _AGAIN, _PART = "user", "access", "runs", "status", "follow", "again", "part"
_HELPS: Mapping[Missing, tuple[str, ...]] = {
    Missing.NOT_STARTED: (_STATUS,),
    Missing.STILL_RUNNING: (_FOLLOW,),
    Missing.EXPIRED: (_RUNS, _ACCESS),
    Missing.DELETED: (_RUNS, _ACCESS),
    Missing.NOT_FOUND: (_RUNS, _ACCESS),
    Missing.NEEDS_TOKEN: (_ACCESS,),
    Missing.NO_PERMISSION: (_ACCESS,),
    Missing.NEEDS_WEB_LOGIN: (_ACCESS,),
    Missing.NEEDS_TWO_FACTOR: (_ACCESS,),
    Missing.ROUTE_NOT_ON_THIS_VERSION: (_ACCESS,),
    Missing.WRONG_ID_KIND: (_RUNS,),
    Missing.SERVER_ERROR: (_AGAIN, _ACCESS),
    Missing.UNREACHABLE: (_AGAIN, _ACCESS),
    Missing.TLS_FAILED: (_ACCESS,),
    Missing.RATE_LIMITED: (_AGAIN,),
    Missing.REFUSED_CONTENT: (_ACCESS,),
    Missing.TOO_LARGE: (_PART,),
    Missing.CORRUPT: (_AGAIN, _ACCESS),
}
_ASK_USER = (
    Missing.NEEDS_TOKEN,
    Missing.NO_PERMISSION,
    Missing.NEEDS_WEB_LOGIN,
    Missing.NEEDS_TWO_FACTOR,
    Missing.TLS_FAILED,
)


def near(call: Call, error: Exception, arguments: Mapping[str, Any]) -> list[str]:
    """The repositories nearest to one that is not to be found."""
    target = _target(arguments)
    if not isinstance(error, MissingLogError) or error.reason is not Missing.NOT_FOUND or target is None:
        return []
    from whyred.app.nearest import nearest

    try:
        return nearest(call.address(target), call.forges())
    except UserError:
        return []  # a file, or nothing at all: there is no repository to name


def refused(error: Exception, tool: str, arguments: Mapping[str, Any], nearest: "Sequence[str]" = ()) -> Answer:
    """The answer to a call that ended with this error."""
    if isinstance(error, MissingLogError):
        return _missing(error, tool, arguments, nearest)
    if isinstance(error, HostRefusedError):
        unknown = error.unknown
        data = {"reason": HOST, "what": f"the host could not be asked: {unknown.reason}", "help": unknown.detail}
        return _answer(data, ())
    if isinstance(error, UserError) and isinstance(error.__cause__, MissingLogError):
        return _missing(error.__cause__, tool, arguments)
    if isinstance(error, UserError):
        reason = {4: REFUSED, 1: FAILED}.get(error.code, WRONG)
        reason = NOT_ALLOWED if isinstance(error, NotAllowedError) else reason
        return _answer({"reason": reason, "what": error.what, "why": error.why, "help": error.how}, ())
    what = f"a bug in whyred: {type(error).__name__}"
    help_ = "Please report it; the server's standard error has the traceback"
    return _answer({"reason": FAULT, "what": what, "help": help_}, ())


def _missing(error: MissingLogError, tool: str, arguments: Mapping[str, Any], nearest: "Sequence[str]" = ()) -> Answer:
    data: dict[str, Any] = {"reason": error.reason.value, "what": error.asked, "help": error.help}
    if error.reason in _ASK_USER:
        data["ask_user"] = error.help
    if nearest:
        data["near"] = list(nearest)
    if error.tried:
        rows = [{"route": route, "reason": e.reason.value, "help": e.help} for route, e in error.tried]
        data["tried"] = rows[:_MOST_TRIED]
    return _answer(data, tuple(_calls(error.reason, tool, arguments)))


def _calls(reason: Missing, tool: str, arguments: Mapping[str, Any]) -> Iterator[Next]:
    """The calls that would help, with the same target."""
    target = _target(arguments)
    if target is None:
        return
    repo = target.partition("#")[0].partition("@")[0] if "://" not in target else target.partition("/actions/")[0]
    for help_ in _HELPS[reason]:
        if help_ == _ACCESS and tool != "ci_access":
            yield Next("ci_access", {"target": target}, "which routes work and what opens the others")
        elif help_ == _RUNS:
            yield Next("ci_runs", {"target": repo}, "the runs that there are")
        elif help_ == _STATUS:
            yield Next("ci_status", {"targets": [repo]}, "what waits for which runner")
        elif help_ == _FOLLOW:
            yield Next("ci_logs", {**_plain(arguments), "target": target, "follow": True}, "the rows as they come")
        elif help_ == _AGAIN:
            yield Next(tool, dict(arguments), "the same again, later")
        elif help_ == _PART:
            yield Next("ci_logs", {"target": target, "tail": 200}, "its end alone")


def _target(arguments: Mapping[str, Any]) -> str | None:
    many = arguments.get("targets")
    target = arguments.get("target") or (many[0] if isinstance(many, list) and many else None)
    return target if isinstance(target, str) else None


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: arguments[name] for name in ("job", "attempt") if name in arguments}


def _answer(data: Mapping[str, Any], next_: "Sequence[Next]") -> Answer:
    rows = [
        f"{key}: {value}" for key, value in data.items() if isinstance(value, str) and key not in ("reason", "ask_user")
    ]
    rows += [f"  {row['route']}: {row['reason']}: {row['help']}" for row in data.get("tried", ())]
    if "near" in data:
        rows.append(f"nearest names: {', '.join(data['near'])}")
    said = f"Could not be done, reason {data['reason']}."
    return Answer(said, "\n".join(rows), {"error": data}, next=tuple(next_), error=True, share=0.4)


SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "description": "Why the call could not be answered; then nothing else is here.",
    "properties": {
        "reason": {"enum": list(REASONS)},
        "what": {"type": "string", "description": "What was asked for."},
        "why": {"type": "string"},
        "help": {"type": "string", "description": "What would make it work."},
        "ask_user": {"type": "string", "description": "What only a person can do: tell them."},
        "tried": {"type": "array", "items": {"type": "object"}, "description": "Every route, and why not by it."},
        "near": {"type": "array", "items": {"type": "string"}, "description": "Names that are nearest."},
    },
    "required": ["reason", "what", "help"],
}
