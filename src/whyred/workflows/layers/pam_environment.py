"""What PAM sets for a unit with PAMName=: /etc/environment, as far as its stack has pam_env.

Source: systemd.exec(5), "Environment Variables in Spawned Processes" (stronger than EnvironmentFile=); pam_env(8).
"""

from whyred.model.variable import Effect, Setting
from whyred.workflows.layer import Ground, Layer, Read
from whyred.workflows.variables import dotenv_entries

FILE = "/etc/environment"


def read(text: str, path: str, name: str, _ground: Ground, _how: str) -> Read:
    """The last line that sets it; whether the stack has pam_env is not looked at."""
    found = [(n, v) for n, key, v in dotenv_entries(text) if key == name]
    only = "where the unit's PAM stack has pam_env"
    return Read(tuple(Setting("pam", f"{path}:{n}", Effect.SETS, v, only) for n, v in found[-1:]))


LAYER = Layer("pam-environment", "the environment that PAM gives the runner's unit", lambda _: (), read)
