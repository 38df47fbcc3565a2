"""The scripts of package.json: `NAME=value program` and `cross-env NAME=value program` in one of them."""

import json
from collections.abc import Sequence

from whyred.model.variable import Setting
from whyred.workflows.assignments import acts
from whyred.workflows.layer import Ground, Layer, Read


def files(ground: Ground) -> Sequence[str]:
    """The one in the checkout's folder."""
    return (f"{ground.folder}/package.json",) if "package.json" in ground.names else ()


def read(text: str, path: str, name: str, _ground: Ground, _how: str) -> Read:
    """What each script does to the variable, for itself alone."""
    try:
        scripts = json.loads(text).get("scripts")
    except (AttributeError, RecursionError) as e:
        raise ValueError("it is no package.json") from e
    found = []
    for key, script in scripts.items() if isinstance(scripts, dict) else ():
        if not isinstance(script, str):
            continue
        for act in acts(script.replace("cross-env-shell ", "").replace("cross-env ", ""), name):
            only = f"in the script `{key}`"
            found.append(Setting("package-script", f"{path}:{_line(text, key)}", act.effect, act.value, only))
    return Read(tuple(found))


def _line(text: str, key: str) -> int:
    """The line of a script, as text is written by people: its name in quotes, then a colon."""
    at = text.find(f'"{key}"', max(0, text.find('"scripts"')))
    return text.count("\n", 0, max(0, at)) + 1


LAYER = Layer("package-json", "the scripts of package.json", files, read)
