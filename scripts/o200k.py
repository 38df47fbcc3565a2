"""Counts tokens with the vocabulary o200k itself, by npm's gpt-tokenizer."""

import json
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache

from scripts.npm import installed

PACKAGE = "gpt-tokenizer@^4.0.0"
_COUNT = """
const {countTokens} = require(process.argv[1] + "/node_modules/gpt-tokenizer/cjs/encoding/o200k_base.js");
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
const plain = {disallowedSpecial: new Set()};
console.log(JSON.stringify(texts.map((text) => countTokens(text, plain))));
"""
"""A text that spells one of the vocabulary's own marks is text."""
_AT_ONCE = 4_000_000
"""Characters that are handed over together."""


@cache
def _folder() -> str:
    return str(installed("tokenizer", PACKAGE))


def exact(texts: Iterable[str]) -> dict[str, int]:
    """The tokens of each text. Raises NoNpmError where the tokenizer cannot be had."""
    wanted = dict.fromkeys(texts)
    found: dict[str, int] = {}
    for some in _portions(wanted):
        given = json.dumps(some)
        argv = ["node", "-e", _COUNT, _folder()]
        done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the tokenizer ended with {done.returncode}: {done.stderr[-500:]}")
        found.update(zip(some, json.loads(done.stdout), strict=True))
    return found


def _portions(texts: Iterable[str]) -> Iterator[list[str]]:
    some: list[str] = []
    for text in texts:
        some.append(text)
        if sum(map(len, some)) > _AT_ONCE:
            yield some
            some = []
    if some:
        yield some
