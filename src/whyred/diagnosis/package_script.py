"""By which line a log says that a package manager of the project ran a program, and no shell of the job.

npm and pnpm print `> app@1.0.0 lint` and `> eslint .` before they run a script (npm-run-script(1)), yarn 1 prints
`$ eslint .`; bundler says itself what it cannot find.
"""

import re
from collections.abc import Mapping

OF_MACHINES = frozenset(
    (
        *("sh", "bash", "zsh", "dash", "env", "node", "npm", "npx", "yarn", "pnpm", "corepack", "python"),
        *("python2", "python3", "pip", "pip3", "ruby", "gem", "perl", "php", "lua", "java", "javac", "make"),
        *("gmake", "cmake", "ninja", "meson", "gcc", "g++", "cc", "c++", "clang", "clang++", "ld", "ar", "go"),
        *("gofmt", "cargo", "rustc", "rustup", "git", "git-lfs", "hg", "svn", "curl", "wget", "tar", "zip"),
        *("unzip", "gzip", "xz", "sed", "awk", "gawk", "grep", "find", "xargs", "jq", "docker", "docker-compose"),
        *("podman", "buildah", "kubectl", "helm", "terraform", "aws", "gcloud", "az", "ssh", "scp", "rsync"),
        *("openssl", "protoc", "buf", "mvn", "gradle", "ant", "chromium", "chrome", "google-chrome", "firefox"),
        *("sqlite3", "psql", "mysql", "redis-cli", "ffmpeg", "convert", "magick", "dot", "sudo", "time"),
        *("timeout", "bc", "file", "patch", "diff", "just", "task", "bazel", "sccache", "ccache", "mold", "lld"),
        *("dotnet", "swift", "ghc", "cabal", "stack", "elixir", "mix", "dart", "flutter", "zig", "opam", "ocaml"),
        *("Rscript", "julia", "kotlinc", "scala", "sbt", "lein", "pkg-config", "autoconf", "automake", "autoreconf"),
        *("libtool", "bison", "flex", "m4", "gdb", "valgrind", "strace", "lsof", "ip", "ping", "dig", "nc", "socat"),
        *("xvfb-run", "Xvfb", "gpg", "gh", "glab", "nix", "apt-get", "dnf", "apk", "brew", "systemctl", "skopeo"),
        *("tree", "envsubst", "msgfmt", "xmllint", "xsltproc", "pandoc", "pdflatex", "latexmk", "gs", "qemu-img"),
    )
)
"""Programs that a script of a project calls and that a machine has: no package of the project brings them."""
_ABOVE = 12
"""Lines before the complaint in which the script is looked for: what the script did before stands between."""
_ECHO = re.compile(r"[>$] (?P<script>\S.*)")
_NAMED = re.compile(r"> (?:@[\w.-]+/)?[\w.-]+@\d\S* [\w:.-]+(?: /.*)?|\$ yarn run v\d.*|yarn run v\d.*|> [\w:.-]+")
_MANAGER = re.compile(r"bundler: command not found: |error Command \"\S+\" not found")


def script_above(window: Mapping[int, str], line: int, tool: str) -> str | None:
    """The line that says so, for the program that line number `line` of the window misses; None where none does, and
    for programs that machines have."""
    if tool in OF_MACHINES:
        return None
    own = window.get(line, "").strip()
    if _MANAGER.search(own):
        return own
    word = re.compile(rf"(?:^|[\s;&|(]){re.escape(tool)}(?:$|[\s;&|)])")
    echoed = None
    for n in range(line - 1, max(0, line - _ABOVE) - 1, -1):
        text = window.get(n, "").strip()
        found = _ECHO.fullmatch(text)
        if found is None:
            continue
        if echoed is not None and _NAMED.fullmatch(text):
            return echoed
        if word.search(found["script"]) and not _NAMED.fullmatch(text):
            if text.startswith("$"):
                return found["script"] if _is_yarns(window, n) else None
            echoed = found["script"]
    return None


def _is_yarns(window: Mapping[int, str], line: int) -> bool:
    """Whether yarn said before that it runs a script: others print `$ COMMAND` as well."""
    above = (window.get(n, "").strip() for n in range(line - 1, max(0, line - _ABOVE) - 1, -1))
    return any(re.match(r"(?:\$ )?yarn run v\d", text) for text in above)
