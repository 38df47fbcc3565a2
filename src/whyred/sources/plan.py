"""What is to be changed on a forge (rerun, cancel, dispatch): calls that are planned without any request, shown to
people, saved if they like, and made only when they say so.

A route that can change something has `plan_rerun`, `plan_cancel`, `plan_dispatch` (pure) and `apply(reach, plan)`: the
`apply` of this file with the route's own way to read a refusal.
"""

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from whyred.logs.text import visible
from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources._fields import Fields
from whyred.sources.http import By, Http, Reply

FORMAT = 1
"""The form of a saved plan; a later one is refused by name."""
_METHODS = ("POST", "PUT", "PATCH", "DELETE")
_PATH = re.compile(r"/(?!/)[!-~]{0,2000}")
"""A path below the server's root: never another server, never a second line in the request."""
_FAILED = (Missing.SERVER_ERROR, Missing.UNREACHABLE, Missing.TLS_FAILED)
"""The other side did not say no: it failed, or was not reached."""
_UNFIT = (400, 409, 412, 422)
_SAID = 300
"""Characters of a server's own words that are shown."""
_STATUS_ALONE = re.compile(r"(?:not found|the target couldn't be found|bad request|internal server error)\.?", re.I)
_TAG = re.compile(r"<[^<>]{1,500}>")


@dataclass(frozen=True, slots=True)
class Call:
    """One request that changes something.

    `path` begins with a slash and is put after the root of the plan. `says` is what it does, as an order ("rerun the
    failed jobs of owner/repo#12"). `body` is sent as JSON, `form` as the fields of a form; neither holds a credential:
    whose name the call is made in is `by`, and the client puts the credential in.
    """

    method: str
    path: str
    says: str
    body: Mapping[str, Any] | None = None
    by: By = By.TOKEN
    form: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if self.method not in _METHODS or not _PATH.fullmatch(self.path):
            raise ValueError(f"{self.method} {self.path!r} is no call that a plan may hold")

    def __str__(self) -> str:
        sent = self.body if self.body is not None else self.form
        with_ = "" if not sent else f" with {json.dumps(sent, ensure_ascii=False)}"
        return visible(f"{self.says}: {self.method} {self.path}{with_}")


@dataclass(frozen=True, slots=True)
class Plan:
    """Calls in their order, for one server: `root` is the root of the client (`Http.root`) they were planned for.

    `title` says what the whole of it does, in one line.
    """

    title: str
    root: str
    calls: tuple[Call, ...]

    def __str__(self) -> str:
        return "\n".join((visible(self.title), *(f"  {n}. {call}" for n, call in enumerate(self.calls, 1))))


def apply(
    http: Http,
    plan: Plan,
    refusal: Callable[[Reply], MissingLogError],
    headers: Callable[[Call], Mapping[str, str]] = lambda _: {},
) -> tuple[Reply, ...]:
    """Makes the calls one after the other and gives the answers; the first that is refused ends it.

    `refusal` reads a route's refusals, `headers` gives what a call needs beside the credential (a CSRF token).
    Raises UserError: code 4 where the other side refused, 1 where it failed or could not be reached; it says which
    calls were made before, for those stay made.
    """
    if plan.root != http.root:
        raise UserError(
            f"the plan is for {plan.root}",
            f"and would be applied to {http.root}",
            "Make a new plan for this server, or name the other",
        )
    replies: list[Reply] = []
    for call in plan.calls:
        try:
            reply = http.call(
                call.method, call.path, call.by, data=call.body, form=call.form, headers=headers(call), again=False
            )
        except MissingLogError as e:
            raise _undone(plan, len(replies), e) from None
        if not 200 <= reply.status < 300:
            words = said(http, reply)
            raise _not_now(plan, len(replies), reply, words) or _undone(plan, len(replies), refusal(reply), words)
        replies.append(reply)
    return tuple(replies)


def said(http: Http, reply: Reply) -> str | None:
    """What the server itself says of a call that it refused, in one line; None where it says no more than its status.

    What looks like a secret is masked, and so is every credential of the client. A 401 or 403 is never quoted: those
    repeat what they were sent (reference, section 10).
    """
    if reply.status in (401, 403) or not reply.is_json:
        return None
    try:
        told = Fields(reply.json())
    except MissingLogError:
        return None  # it is cut off, or no JSON: then its status says all
    words = told.text("errorMessage") or told.text("message") or ""
    if told.text("renderFormat") == "html":
        words = html.unescape(_TAG.sub(" ", words))
    words = " ".join(visible(_masked(http, words)).split())
    return None if not words or _STATUS_ALONE.fullmatch(words) else words[:_SAID]


def _masked(http: Http, words: str) -> str:
    from whyred.library.read import secrets
    from whyred.logs.mask import Masker  # compiling it costs every other use some milliseconds

    own = [value for value in (http.token, *http.jar.values()) if value]
    data = words.encode("utf-8", "surrogateescape")
    return Masker(secrets(), values=own).text(data).decode("utf-8", "replace")


def _not_now(plan: Plan, made: int, reply: Reply, words: str | None) -> UserError | None:
    """An API that says itself what does not fit: a run that has ended, a workflow without that input."""
    if reply.status not in _UNFIT or words is None or plan.calls[made].by is By.WEB:
        return None
    why = f"{reply.asked}: the server says: {words}"
    return _error(plan, made, why, "Look what became of it (whyred runs), mend what the server names, and try again", 4)


def _undone(plan: Plan, made: int, error: MissingLogError, words: str | None = None) -> UserError:
    how = error.help
    if error.reason is Missing.UNREACHABLE:
        how = f"{how}. Nobody knows whether it was done: look (whyred runs) before you do it again"
    why = f"{error.asked}: {error.reason}"
    if words is not None and words not in how:
        why = f"{why}; the server says: {words}"
    return _error(plan, made, why, how, 1 if error.reason in _FAILED else 4)


def _error(plan: Plan, made: int, why: str, how: str, code: int) -> UserError:
    if made:
        how = f"{how}. Done before: {'; '.join(call.says for call in plan.calls[:made])}"
    return UserError(f"could not {plan.calls[made].says}", why, how, code)


def to_json(plan: Plan) -> dict[str, Any]:
    """The plan as data that `from_json` reads."""
    calls = [
        {"method": c.method, "path": c.path, "says": c.says, "body": c.body, "by": c.by.value, "form": c.form}
        for c in plan.calls
    ]
    return {"format": FORMAT, "title": plan.title, "root": plan.root, "calls": calls}


def from_json(data: object) -> Plan:
    """A saved plan. Raises UserError: no plan, a newer form, a call to somewhere else."""
    if isinstance(data, dict) and isinstance(data.get("format"), int) and data["format"] > FORMAT:
        raise UserError(
            f"this is a plan of form {data['format']}", f"this whyred reads up to form {FORMAT}", "Upgrade whyred"
        )
    try:
        return _plan(data)
    except (KeyError, TypeError, ValueError) as e:
        raise UserError("this is no plan of whyred", str(e) or "it is damaged", "Make a new one") from e


def _plan(data: object) -> Plan:
    given = _table(data)
    if given["format"] != FORMAT:
        raise ValueError("it names no form")
    return Plan(_text(given["title"]), _text(given["root"]), tuple(_call(_table(c)) for c in given["calls"]))


def _call(data: Mapping[str, Any]) -> Call:
    body = None if data["body"] is None else _table(data["body"])
    form = None if data["form"] is None else {k: _text(v) for k, v in _table(data["form"]).items()}
    return Call(_text(data["method"]), _text(data["path"]), _text(data["says"]), body, By(data["by"]), form)


def _table(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} stands where an object should")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} stands where a text should")
    return value
