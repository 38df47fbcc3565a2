"""A runner as a process of its own, for a host of its own: `python -m live.daemon URL FOLDER`, until it is killed.

The registration token stands in its environment (REGISTRATION_TOKEN), so in no list of processes.
"""

import os
import sys
import threading
from pathlib import Path

from live.runner import Runner


def main(url: str, folder: str) -> None:
    """Registers and takes jobs."""
    with Runner.register(url, os.environ["REGISTRATION_TOKEN"], Path(folder)):
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
