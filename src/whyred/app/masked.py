"""What comes beside a log and is masked like it: names, titles, refusals, answers."""

from collections.abc import Callable

from whyred.model.attempt_json import attempt_from_json, attempt_to_json
from whyred.model.run import Attempt
from whyred.model.source import MissingLogError


def masked_attempt(attempt: Attempt, mask: Callable[[bytes], bytes]) -> Attempt:
    """The attempt with every text of it masked: a title is a commit's message, and people write tokens into those."""
    return attempt_from_json(masked_value(attempt_to_json(attempt), mask))


def masked_refusal(error: MissingLogError, mask: Callable[[bytes], bytes]) -> MissingLogError:
    """The refusal, and those of other routes, masked: it may name what somebody else wrote."""
    tried = tuple((route, masked_refusal(e, mask)) for route, e in error.tried)
    return MissingLogError(error.reason, masked_text(error.asked, mask), masked_text(error.help, mask), tried)


def masked_text(text: str, mask: Callable[[bytes], bytes]) -> str:
    """A short text, masked."""
    data = text.encode("utf-8", "surrogatepass")
    return text if (new := mask(data)) == data else new.decode("utf-8", "replace")


def masked_value(value: object, mask: Callable[[bytes], bytes]) -> object:
    """A JSON value with every text in it masked."""
    if isinstance(value, str):
        return masked_text(value, mask)
    if isinstance(value, list):
        return [masked_value(v, mask) for v in value]
    if isinstance(value, dict):
        return {k: masked_value(v, mask) for k, v in value.items()}
    return value
