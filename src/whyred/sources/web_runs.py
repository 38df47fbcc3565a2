"""The page that lists a repository's runs, read: for servers without a list in their API, and for a web login alone.

Source: templates/repo/actions/runs_list.tmpl, templates/repo/icons/action_status.tmpl of Forgejo 7 to 16 and Gitea 1.21
to 1.26. The words on the page depend on the reader's language; links and icons do not.
"""

import html
import re
from collections.abc import Iterator

from whyred.model.forge import Kind, RunQuery, ended_as
from whyred.model.run import Run
from whyred.model.source import MissingLogError
from whyred.sources._fields import moment
from whyred.sources._forge_api import label
from whyred.sources._web import Page, by_ids
from whyred.sources.http import By
from whyred.sources.reach import Reach

NAME = "web-runs"
SERVES = "the web pages of Forgejo and Gitea: the list of runs"
ORDER = 122
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
_ITEM = re.compile(r'<a\b[^>]*href="[^"]*/actions/runs/([1-9][0-9]{0,17})"[^>]*>([^<]{0,2000})')
_ICON = re.compile(r"octicon-(check-circle-fill|x-circle-fill|clock|meter|blocked|skip|stop|circle-slash)")
_NUMBER = re.compile(r"<b>([^<]{0,300}?) ?#([1-9][0-9]{0,17})</b>")
_COMMIT = re.compile(r'href="[^"]*/commit/([0-9a-f]{40,64})"')
_BRANCH = re.compile(r'run-list-ref[^>]*href="[^"]*/src/branch/([^"]{1,1000})"')
_TIME = re.compile(r'datetime="(\d{4}-\d\d-\d\dT[^"]{1,40})"')
_WORDS = {
    "check-circle-fill": "success",
    "x-circle-fill": "failure",
    "clock": "waiting",
    "meter": "running",
    "blocked": "blocked",
    "skip": "skipped",
    "stop": "cancelled",
    "circle-slash": "cancelled",
}
_PAGES = 20
"""Pages that are looked through for one run."""


def refuses(reach: Reach) -> MissingLogError | None:
    """Nothing is known without a request: a public repository needs no web login."""
    return None


def runs(reach: Reach, repo: str, query: RunQuery) -> Iterator[Run]:
    """Runs, newest first."""
    last: list[Run] = []
    for number in range(1, _PAGES + 1):
        path = f"/{repo}/actions?workflow=&actor=0&status=0&page={number}&limit=50"
        reply = reach.http.get(path, By.WEB)
        if reply.status != 200:
            raise Page(reach, path, known=False).refusal(reply)
        found = list(read_runs(reply.body.decode("utf-8", "replace"), repo, ids=by_ids(reach)))
        if not found or found == last:
            return
        last = found
        for run in found:
            if query.number is not None and run.number is not None and run.number < query.number:
                return
            if query.keeps(run):
                yield run


def read_runs(page: str, repo: str, *, ids: bool) -> Iterator[Run]:
    """The runs on a page. `ids`: its links name the forge's ids, and only the text the number that people see."""
    starts: list[re.Match[str]] = []
    for item in _ITEM.finditer(page):
        if not starts or starts[-1][1] != item[1]:  # the title and the menu of a run both lead to it
            starts.append(item)
    for at, item in enumerate(starts):
        before = page[starts[at - 1].end() if at else 0 : item.start()]
        after = page[item.end() : starts[at + 1].start() if at + 1 < len(starts) else item.end() + 20_000]
        yield _run(repo, item, before, after, ids=ids)


def _run(repo: str, item: re.Match[str], before: str, after: str, *, ids: bool) -> Run:
    linked = int(item[1])
    told = _NUMBER.search(after)
    number = int(told[2]) if told else None if ids else linked
    icons = _ICON.findall(before)
    status, conclusion = ended_as(_WORDS[icons[-1]]) if icons else ended_as("")
    commit, branch = _COMMIT.search(after), _BRANCH.search(after)
    at = _TIME.search(after)
    return Run(
        label(repo, number),
        workflow=html.unescape(told[1]) or None if told else None,
        commit=commit[1] if commit else None,
        repo=repo,
        id=linked if ids else None,
        number=number,
        branch=html.unescape(branch[1]) if branch else None,
        title=html.unescape(item[2]).strip() or None,
        status=status,
        conclusion=conclusion,
        created=moment(at[1]) if at else None,
    )
