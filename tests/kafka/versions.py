"""A worker of one version of a capability: started as `python -m tests.kafka.versions VERSION SETTINGS`."""

from __future__ import annotations

import logging
import sys

from streams.settings import load
from streams.worker import Worker, build
from tests.streams.engine.versions import versioned


def main(version: str, path: str) -> None:
    """Run until told to stop."""
    logging.basicConfig(level="WARNING", stream=sys.stderr)
    app = build(load(path), (versioned(int(version)),))
    worker = Worker(app, loglevel="WARNING", override_logging=False, redirect_stdouts=False, quiet=True)
    worker.execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
