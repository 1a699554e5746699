"""The page: what Luminar sees, says and does, followed live by people; it reads topics and owns no model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.settings import Process

WITHOUT = "the page needs NiceGUI, which is not installed; install Luminar with its extra: pip install 'luminar[web]'"


def run(process: Process, host: str | None = None, port: int | None = None) -> None:
    """Serve the page until SIGTERM or SIGINT.

    host, port     where to listen, in place of what the settings say; 0 takes a free port
    """
    try:
        from streams.web.serve import serve  # NiceGUI is heavy: only who serves the page pays for it.
    except ModuleNotFoundError as error:
        if error.name != "nicegui":
            raise
        raise SystemExit(WITHOUT) from error
    serve(process, host=host, port=port)
