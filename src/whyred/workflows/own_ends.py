"""What a script says of ends that it sets itself: a time limit, a signal to its own processes, a limit of memory, the
end at a variable that is not set.

Looked for as words, in shell and in the languages that tests are written in: no program is understood. Only what these
expressions match is told of a text, so that nothing else of it (a secret) gets into an answer.
Sources: timeout(1), kill(1), bash(1) ulimit, java(1) -Xmx, node --v8-options, php.ini memory_limit, getrlimit(2).
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator

_TIME = re.compile(r"(?:^|[\s;&|(@'\"])(g?timeout(?:\s+-[A-Za-z-]+(?:[= ]\w+)?)*\s+\d[\d.]*[smhd]?)(?=\s)")
_SIGNAL = r"(?:-(?:s\s*)?(?:9|15|2|KILL|TERM|INT|SIG(?:KILL|TERM|INT))|--signal[= ]\w+)"
_ENDS = re.compile(
    rf"(?:^|[\s;&|(@'\"])((?:pkill|killall)\s+\S|kill\s+(?:{_SIGNAL}\s+)?(?:\$\$|%|\"?\$|-?\d|[a-z])"
    rf"|g?timeout\s+(?:-\S+\s+)*?(?:-k\b|--kill-after|{_SIGNAL})"
    r"|(?:sys\.|process\.|os\._?|os\.)?[eE]xit[ (]\s*1(?:30|37|43)\b)"
    r"|(\bos\.(?:kill|killpg)\(|\bsignal\.(?:raise_signal|alarm|setitimer)\(|\bprocess\.kill\(|\bProcess\.kill\b"
    r"|\bsyscall\.Kill\(|\.Process\.(?:Kill|Signal)\(|\braise\(\s*SIG\w+|(?<![\w.])kill\(\s*(?:getpid\(\)|0|pid|child)"
    r"|\.destroyForcibly\(|\.kill\(\s*(?:['\"]SIG\w+['\"]|\d*)\s*\)|\.terminate\(\s*\)|\.send_signal\()",
    re.MULTILINE,
)
_HARD = re.compile(r"KILL|\s-(?:s\s*)?9\b|\b137\b|,\s*9\s*\)|--kill-after|\s-k\b|Forcibly|\.(?:k|K)ill\(\s*\)")
"""In a line that ends a process: it is SIGKILL, which nothing can be done about."""
_MEMORY = re.compile(
    r"(-Xmx\d+[kKmMgGtT]?|-XX:Max(?:RAMPercentage|HeapSize)=[\d.]+[kKmMgG]?|--max[-_]old[-_]space[-_]size[= ]\d+"
    r"|--max[-_]heap[-_]size[= ]\d+|\bmemory_limit\s*=\s*\d+[KMG]?|\bulimit\s+-(?:[SH]?[vdm])\s+\d+"
    r"|\bRLIMIT_(?:AS|DATA)\b|\+RTS\s+(?:-\S+\s+)*?-M\d+\w?|\bMemoryMax=\d+\w?|--memory[= ]\d+[bkmg]?)"
)
_NOUNSET = re.compile(
    r"(?:^|[\s;&|(@'\"/])(set(?:\s+-[A-Za-z]+(?:\s+[a-z]\w*)?)*?\s+-(?:[A-Za-z]*u[A-Za-z]*|[A-Za-z]*o\s+nounset)(?![\w-])"
    r"|(?:ba|da|k|z)?sh\s+-[A-Za-z]*u[A-Za-z]*(?![\w-]))"
)
_WORD = re.compile(r"[^\s'\"`;&|()<>=$]+")
_BY = (
    (re.compile(r"\bg?make\b"), ("Makefile", "makefile", "GNUmakefile")),
    (re.compile(r"\bjust\b"), ("justfile", "Justfile", ".justfile")),
    (re.compile(r"\b(?:npm|pnpm|yarn|bun)\b"), ("package.json",)),
    (re.compile(r"\bgradlew?\b"), ("gradle.properties",)),
    (re.compile(r"\bmvnw?\b"), (".mvn/jvm.config", ".mvn/maven.config")),
    (re.compile(r"\bsbt\b"), (".sbtopts", ".jvmopts")),
)
_MOST_WORDS, _LONG = 2000, 4096
"""Words of a script that may be files, and characters of a line that is looked at."""


def time_limit(texts: Iterable[str]) -> str | None:
    """The first call of timeout(1) with its limit."""
    return _first(_TIME, texts)


def kills(texts: Iterable[str]) -> str | None:
    """The first place where it ends a process by SIGKILL, or itself with the status of that."""
    return _first(_ENDS, texts, lambda row: _HARD.search(row) is not None)


def asks_to_end(texts: Iterable[str]) -> str | None:
    """The first place where it ends a process by another signal, or itself with the status of one."""
    return _first(_ENDS, texts, lambda row: _HARD.search(row) is None)


def memory_limit(texts: Iterable[str]) -> str | None:
    """The first limit that it sets to the memory of a program."""
    return _first(_MEMORY, texts)


def nounset(texts: Iterable[str]) -> str | None:
    """The first place where it lets a shell end at a variable that is not set."""
    return _first(_NOUNSET, texts)


def _first(what: re.Pattern[str], texts: Iterable[str], wanted: Callable[[str], bool] = lambda _: True) -> str | None:
    for text in texts:
        for row in text.splitlines():
            passed = len(row) > _LONG or row.lstrip().startswith(("# ", "//"))
            found = None if passed else what.search(row)
            if found is not None and wanted(row):
                return " ".join(next(g for g in found.groups() if g).split())
    return None


def files(script: str) -> list[str]:
    """The relative paths that a script may start or hand to what it starts, best guesses first; of builders their own
    files."""
    found = [name for caller, names in _BY if caller.search(script) for name in names]
    return list(dict.fromkeys([*found, *_named(script)]))


def _named(script: str) -> Iterator[str]:
    for at, word in enumerate(_WORD.finditer(script)):
        if at == _MOST_WORDS:
            return
        path = posixpath.normpath(word[0])
        inside = not path.startswith(("/", "..", "-")) and "://" not in word[0]
        if inside and ("." in path.lstrip(".") or "/" in path):
            yield path
