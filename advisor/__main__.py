"""The command line."""

import signal

from advisor.commands import assessments, data, results, runs, serving, setup, start
from advisor.commands.door import app

__all__ = ["app", "main"]
GROUPS = (start, assessments, data, results, runs, serving, setup)
"""The commands register with the app as their modules are read, in this order."""


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()


if __name__ == "__main__":
    main()
