"""Reads causes from their TOML files."""

from collections.abc import Mapping
from typing import Any

from whyred.library.read import LibraryError, Table, tables
from whyred.model.cause import Agreement, Cause, Condition, Of, Op, Text


def causes() -> tuple[Cause, ...]:
    """All causes, in the order of their ids."""
    return tuple(read_cause(*item) for item in tables("causes").items())


def read_cause(id_: str, data: Mapping[str, Any]) -> Cause:
    """One cause from its file's content."""
    with Table(f"cause {id_}", data) as t:
        t.same_id(id_)
        with Table(f"cause {id_} [text]", t.take("text")) as x:
            text = Text(x.take("what"), x.take("check"), x.take("fix"), x.take("prevent"), x.take("verify"))
        return Cause(
            id=id_,
            title=t.take("title"),
            class_=t.take("class"),
            patterns=tuple(t.take("patterns", [])),
            classes=tuple(t.take("classes", [])),
            text=text,
            when=_agreement(t.take("when", {})),
            unless=_agreement(t.take("unless", {})),
            confirm=tuple(_condition(f"cause {id_} confirm", c) for c in t.take("confirm", [])),
            support=tuple(_condition(f"cause {id_} support", c) for c in t.take("support", [])),
            refute=tuple(_condition(f"cause {id_} refute", c) for c in t.take("refute", [])),
            experiment=t.take("experiment", None),
            aliases=tuple(t.take("aliases", [])),
            explains=tuple(t.take("explains", [])),
            faint=tuple(t.take("faint", [])),
            source=t.take("source", ""),
        )


def _agreement(data: Mapping[str, Any]) -> Agreement:
    return {k: tuple(v) if isinstance(v, list) else (str(v),) for k, v in data.items()}


def _condition(where: str, data: Mapping[str, Any]) -> Condition:
    with Table(where, data) as t:
        condition = Condition(
            probe=t.take("probe"),
            of=Of(t.take("of")),
            field=t.take("field"),
            op=Op(t.take("op")),
            value=t.take("value", None),
            beside=t.take("beside", False),
            with_=tuple(sorted((k, str(v)) for k, v in t.take("with", {}).items())),
            patterns=tuple(t.take("patterns", [])),
            not_patterns=tuple(t.take("not_patterns", [])),
        )
    if (condition.op is Op.PRESENT) != (condition.value is None):
        raise LibraryError(f"{where}: `present` takes no value, every other operator takes one")
    return condition
