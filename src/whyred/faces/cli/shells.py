"""How shells are asked and answered where `click`'s own way loses something.

Bash cuts the line at `:`, `=`, `@` and more (COMP_WORDBREAKS), so `owner/repo#12:b` are three words to it, and what it
is given takes the place of the last one only. It is told what stands behind that cut. (Bash manual, `COMP_WORDBREAKS`
and "Programmable Completion"; click 8.5 splits at blanks alone, and reads away backslashes.)
"""

import os
import re
from typing import Any, NoReturn

import click
from click.exceptions import Exit
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    shell_complete,
    split_arg_string,
)

_BASH = """\
%(complete_func)s() {
    local found
    COMPREPLY=()
    while IFS= read -r found; do
        case $found in
            dir,*) compopt -o dirnames ;;
            file,*) compopt -o default ;;
            plain,*) COMPREPLY+=("${found#plain,}") ;;
        esac
    done < <(COMP_BEGUN="${COMP_LINE:0:COMP_POINT}" COMP_WORD="${COMP_WORDS[COMP_CWORD]}" \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""
_FISH = """\
function %(complete_func)s
    for completion in (COMP_WORDS=(commandline -cp | string collect) COMP_CWORD=(commandline -ct | string collect) \\
            %(complete_var)s=fish_complete %(prog_name)s 2>/dev/null)
        set -l parts (string split -m 1 "," -- $completion)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case file
                __fish_complete_path $parts[2]
            case plain
                echo $parts[2]
        end
    end
end
complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""
_QUOTES = "\"'"
_BREAKS = re.compile(r"[:=@<>&|;(]*")
"""What bash takes for a word of its own when nothing else is there."""


def complete(program: click.Command) -> NoReturn:
    """Answers what the shell asks in `_WHYRED_COMPLETE`: its script, or what may come next. Raises Exit."""
    for kind in (Bash, Zsh, Fish):
        add_completion_class(kind)
    raise Exit(shell_complete(program, {}, "whyred", "_WHYRED_COMPLETE", os.environ["_WHYRED_COMPLETE"]))


class Bash(BashComplete):
    """Bash: told of the whole line up to the cursor, and of its own last word there."""

    source_template = _BASH
    _before, _option, _in_quotes = "", "", False
    """What stands before bash's own last word, `--job=` where the word begins so, and whether a quote is open."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The complete words, and the one that was begun."""
        line = os.environ.get("COMP_BEGUN", "")
        raw = _last(line)
        begun = _plain(raw)
        self._in_quotes = raw[:1] in tuple(_QUOTES)
        self._before, self._option = _plain(raw[: _cut(raw, os.environ.get("COMP_WORD", ""))]), _option(begun)
        return split_arg_string(line[: len(line) - len(raw)])[1:], begun

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """What bash puts in the place of its own last word; what it would take for its own is quoted."""
        if item.type != "plain":
            return f"{item.type},{item.value}"
        value = f"{self._option}{item.value}"[len(self._before) :]
        return f"plain,{value if self._in_quotes else _escaped(value)}"


class _KeepsOption(ShellComplete):
    """What stands before the value of an option stays there."""

    _option = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The complete words, and the one that was begun."""
        words, begun = super().get_completion_args()
        self._option = _option(begun)
        return words, begun

    def format_completion(self, item: CompletionItem[str]) -> str:
        """As the shell wants it."""
        return super().format_completion(_whole(item, self._option))


class Zsh(_KeepsOption, ZshComplete):
    """Zsh, as `click` has it."""


class Fish(_KeepsOption, FishComplete):
    """Fish: a value may hold a comma."""

    source_template = _FISH


def _option(begun: str) -> str:
    """`--job=` of what was begun; `click` completes only what stands behind it."""
    name, equals, _ = begun.partition("=")
    return name + equals if name.startswith("-") and equals else ""


def _whole(item: CompletionItem[str], option: str) -> CompletionItem[str]:
    return CompletionItem(f"{option}{item.value}", item.type, item.help) if item.type == "plain" else item


def _last(line: str) -> str:
    """The word at the line's end, as it was typed: blanks end one, but in quotes and behind a backslash."""
    start, quote, at = 0, "", 0
    while at < len(line):
        c = line[at]
        if quote:
            at += c == "\\" and quote == '"'
            quote = "" if c == quote else quote
        elif c == "\\":
            at += 1
        elif c in _QUOTES:
            quote = c
        elif c in " \t\n":
            start = at + 1
        at += 1
    return line[start:]


def _plain(raw: str) -> str:
    """A word as the program gets it, without quotes and backslashes."""
    return (split_arg_string(raw) or [""])[0]


def _cut(raw: str, word: str) -> int:
    """How much of what was typed stands before bash's own last word, which may go on behind the cursor."""
    if _BREAKS.fullmatch(word):
        return len(raw)
    return next((at for at in range(len(raw)) if word.startswith(raw[at:])), len(raw))


def _escaped(value: str) -> str:
    return re.sub(r"[^A-Za-z0-9._/#:@%+,=-]", r"\\\g<0>", value)
