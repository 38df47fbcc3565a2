"""A stand-in forge: over real HTTP it behaves as the recorded Forgejo and Gitea versions do.

    from standin import faults, scenarios, standin

    def test_failing_step_of_a_private_run() -> None:
        world = scenarios.everyday()                      # alice/pub and alice/priv with runs 1 green, 2 failing, ...
        priv = world.named("alice/priv")
        token = world.users["alice"].token("read:repository")
        slow = scenarios.running(priv)                    # picked up, no row yet
        with standin("forgejo-16", world) as forge:       # "forgejo-7" ... "gitea-1.26.4"; signin=True, prefix="/git"
            forge.fault(faults.status(503), on=r"/logs$", times=2)
            ...                                           # the client under test, against forge.url
            slow.jobs[0].attempts[0].row("a new line", step=0)
            forge.restart()                               # same port, same data
            assert len(forge.requests) < 10 and forge.sent < 100_000 and forge.most_at_once <= 4
            assert not forge.saw(world.users["alice"].password)

`forge.requests` has method, path, status, bytes sent and header names of every request. Passwords: `NAME-password-1`,
a one-time code is `world.users["otto"].passcode`. `servers.elsewhere()` is a second host,
`github.standin_github` a GitHub with its storage host.
"""

from standin.profiles import PROFILES, Profile
from standin.server import Seen, Served, Standin, standin
from standin.world import Status, World

__all__ = ["PROFILES", "Profile", "Seen", "Served", "Standin", "Status", "World", "standin"]
