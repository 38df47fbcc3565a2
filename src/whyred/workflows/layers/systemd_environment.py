"""What systemd's manager hands to every service: DefaultEnvironment=, `systemctl set-environment`, systemd.setenv=.

Source: systemd.exec(5), "Environment Variables in Spawned Processes"; systemd-system.conf(5).
"""

from whyred.model.variable import Effect, Setting
from whyred.workflows.layer import SHOWN, Ground, Layer, Read
from whyred.workflows.variables import read_unit_environment


def read(text: str, path: str, name: str, _ground: Ground, _how: str) -> Read:
    """One variable of a line each, quoted as `$'...'` where it holds odd characters."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(f"{name}="):
            value = read_unit_environment(line).get(name, line.partition("=")[2])
            return Read((Setting("manager", f"{path}:{number}", Effect.SETS, value),))
    return Read()


LAYER = Layer("systemd-environment", "the environment of systemd's manager", lambda _: (SHOWN,), read)
