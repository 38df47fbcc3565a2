"""What a shell script does to one variable, command by command, as far as its text tells. Pure.

Nothing is run or expanded: a value with an expansion in it is None. Branches count as taken, since a script that may
set a variable is what a person looks for.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from whyred.model.variable import Effect

TOOLS = ("just", "make", "gmake", "npm", "pnpm", "yarn", "cargo")
"""Programs that start others, and through which a variable may change."""
_MOST = 20_000
"""Lines of a script that are looked at."""
_WORD = re.compile(
    r"""(?:\$\{\{.*?\}\}|'[^']*'|"(?:\\.|[^"\\])*"|\$\((?:[^()]|\([^()]*\))*\)|\\.|[^\s'"\\;&|<>()])+""", re.DOTALL
)
_SPLIT = re.compile(r"&&|\|\||[;&|()]")
_HERE = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
_BEFORE = frozenset({"then", "do", "else", "{", "!", "time", "exec", "command", "if", "while", "builtin", "nohup"})
_NAMED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_EXPANDS = re.compile(r"[$`]")
_SUDO_OWN = re.compile(r"-[ugCcDhpRrTtU]")
_PRESERVE = re.compile(r"--preserve-env(?:=(.*))?")


@dataclass(frozen=True, slots=True)
class Act:
    """One thing a script does to the variable. `line` counts from 1 in the script; `only` names the program for which
    alone it holds, empty where it holds from here on."""

    line: int
    effect: Effect
    value: str | None = None
    only: str = ""


def acts(script: str, name: str) -> list[Act]:
    """What the script does to the variable `name`, in its order."""
    found: list[Act] = []
    all_exported = False
    for line, words in _commands(script):
        if words[:1] == ["set"]:
            flags = [w for w in words[1:] if re.fullmatch(r"[-+]\w+", w)]
            all_exported = next((w[0] == "-" for w in flags if "a" in w[1:]), all_exported)
            continue
        for act in _of_command(line, words, name):
            exported = all_exported and act.effect is Effect.ASSIGNS
            found.append(Act(act.line, Effect.SETS, act.value, act.only) if exported else act)
    return _exported_later(found)


def tools(script: str) -> set[str]:
    """The programs of `TOOLS` that the script calls."""
    return {program for _, words in _commands(script) for word in words if (program := _base(word)) in TOOLS}


def written(script: str, name: str, files: Sequence[str] = ("GITHUB_ENV", "FORGEJO_ENV", "GITEA_ENV")) -> list[Act]:
    """What the script writes for later steps: `echo NAME=value >> "$GITHUB_ENV"`, and the lines of a here-document."""
    target = re.compile(rf">>?\s*[\"']?\$\{{?(?:{'|'.join(files)})\b")
    entry = re.compile(rf"(?:^|[\s\"']){re.escape(name)}(?:=([^\"'\n]*)|<<\w+)")
    found: list[Act] = []
    heard = ""
    block: list[Act] | None = None
    for number, line in enumerate(script.splitlines()[:_MOST], 1):
        if heard:
            if line.strip() == heard:
                heard, block = "", None
            elif block is not None and (match := re.match(rf"\s*{re.escape(name)}=(.*)", line)):
                block.append(Act(number, Effect.SETS, _plain_value(match[1])))
            continue
        goes = target.search(line) is not None
        if here := _HERE.search(line):
            heard, block = here[2], found if goes else None
        elif goes and (match := entry.search(line.partition(">")[0])):
            found.append(Act(number, Effect.SETS, _plain_value((match[1] or "").strip()) if match[1] else None))
    return found


def _plain_value(text: str) -> str | None:
    return None if _EXPANDS.search(text) and "${{" not in text else text


def _commands(script: str) -> Iterator[tuple[int, list[str]]]:
    """The simple commands with their lines, without comments and here-documents."""
    waits = ""
    joined = script.replace("\\\n", " \0")
    number = 0
    for text in joined.split("\n")[:_MOST]:
        number += 1
        start, number = number, number + text.count("\0")
        if waits:
            waits = "" if text.strip() == waits else waits
            continue
        if here := _HERE.search(text):
            waits = here[2]
        for words in _split(text.replace("\0", "")):
            while words and words[0] in _BEFORE:
                words = words[1:]
            if words:
                yield start, words


def _split(text: str) -> Iterator[list[str]]:
    """The commands of one line as raw words."""
    words: list[str] = []
    at = 0
    while at < len(text):
        if text[at] == "#" and (at == 0 or text[at - 1].isspace()):
            break
        if word := _WORD.match(text, at):
            words.append(word[0])
            at = word.end()
        elif end := _SPLIT.match(text, at):
            yield words
            words, at = [], end.end()
        else:
            at += 1
    yield words


def _of_command(line: int, words: list[str], name: str) -> Iterator[Act]:
    program = next((w for w in words if not _NAMED.fullmatch(w)), None)
    before = words if program is None else words[: words.index(program)]
    value = next((m[2] for w in reversed(before) if (m := _NAMED.fullmatch(w)) and m[1] == name), None)
    if program is None:
        if value is not None:
            yield Act(line, Effect.ASSIGNS, _value(value))
        return
    rest = words[words.index(program) + 1 :]
    if value is not None and program not in ("export", "unset", ":"):
        yield Act(line, Effect.SETS, _value(value), _base(rest[0] if program == "env" and rest else program))
    match _base(program):
        case "export" | "declare" | "typeset" | "readonly" as word:
            yield from _declared(line, word, rest, name)
        case "unset":
            if name in rest:
                yield Act(line, Effect.DROPS)
        case "env":
            yield from _under_env(line, rest, name)
        case "sudo" | "doas":
            yield from _under_sudo(line, rest, name)
        case "su" | "runuser" if "-" in rest or "-l" in rest or "--login" in rest:
            yield Act(line, Effect.DROPS, None, "su -")


def _declared(line: int, word: str, rest: list[str], name: str) -> Iterator[Act]:
    flags = "".join(w[1:] for w in rest if w.startswith("-"))
    for one in rest:
        match = _NAMED.fullmatch(one)
        if one != name and not (match and match[1] == name):
            continue
        if word == "export" and "n" in flags:
            yield Act(line, Effect.DROPS)
        elif match:
            effect = Effect.SETS if word == "export" or "x" in flags else Effect.ASSIGNS
            yield Act(line, effect, _value(match[2]))
        elif word == "export" or "x" in flags:
            yield Act(line, Effect.SETS, _EXPORTED)


_EXPORTED = "\0exported"


def _exported_later(found: list[Act]) -> list[Act]:
    """`NAME=value` and `export NAME` in another place are one thing; an `export NAME` alone changes nothing."""
    done: list[Act] = []
    exports = [a for a in found if a.value == _EXPORTED]
    for act in found:
        if act.value == _EXPORTED:
            continue
        if act.effect is Effect.ASSIGNS and exports:
            act = Act(act.line, Effect.SETS, act.value, act.only)
        done.append(act)
    return done


def _under_env(line: int, rest: list[str], name: str) -> Iterator[Act]:
    """`env -i`, `env -u NAME` and `env NAME=value PROGRAM`."""
    clears, value, skip = False, None, False
    target = ""
    for at, word in enumerate(rest):
        if skip:
            skip = False
        elif word in ("-i", "-", "--ignore-environment"):
            clears = True
        elif word in ("-u", "--unset") and at + 1 < len(rest):
            clears, skip = clears or rest[at + 1] == name, True
        elif word.removeprefix("--unset=") == name and word != name:
            clears = True
        elif match := _NAMED.fullmatch(word):
            value = match[2] if match[1] == name else value
        elif not word.startswith("-"):
            target = _base(word)
            break
    if value is not None:
        yield Act(line, Effect.SETS, _value(value), target or "env")
    elif clears:
        yield Act(line, Effect.DROPS, None, target or "env")


def _under_sudo(line: int, rest: list[str], name: str) -> Iterator[Act]:
    """Below sudo the environment is taken away (sudoers(5), env_reset) but for what it is told to preserve."""
    skip = False
    for word in rest:
        preserved = _PRESERVE.fullmatch(word)
        if skip:
            skip = False
        elif word in ("-E", "-nE", "-En") or (preserved and name in (preserved[1] or name).split(",")):
            return
        elif _SUDO_OWN.fullmatch(word):
            skip = True
        elif (match := _NAMED.fullmatch(word)) and match[1] == name:
            yield Act(line, Effect.SETS, _value(match[2]), "sudo")
            return
        elif not word.startswith("-") and not match:
            yield Act(line, Effect.DROPS, None, f"sudo {_base(word)}")
            return


def _value(raw: str) -> str | None:
    """A word without its quotes; None where the shell makes something else of it."""
    text, out = raw, []
    for piece in re.finditer(r"'([^']*)'|\"((?:\\.|[^\"\\])*)\"|\\(.)|([^'\"\\]+)", text, re.DOTALL):
        single, double, escaped, bare = piece.groups()
        if single is not None:
            out.append(single)
        elif double is not None:
            out.append(re.sub(r'\\([$`"\\])', r"\1", double))
            if _EXPANDS.search(re.sub(r"\\.", "", double)) and "${{" not in double:
                return None
        elif escaped is not None:
            out.append(escaped)
        else:
            if _EXPANDS.search(bare) and "${{" not in bare:
                return None
            out.append(bare)
    return "".join(out)


def _base(word: str) -> str:
    return word.strip("'\"").rpartition("/")[2]
