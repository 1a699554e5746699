"""The page with the story on it, without Kafka: `python -m tests.streams.web.served [TOKEN]`."""

import sys
import time

import uvicorn

from streams.settings import Process
from streams.web.lookup import Lookup
from streams.web.serve import PageServer, make_app
from tests.streams.web import story


def main() -> None:
    view = story.told(time.time())
    server = PageServer(uvicorn.Config("", host="127.0.0.1", port=0, log_level="warning", ws="websockets-sansio"))
    server.config.app = make_app(view, Lookup(Process(), view), sys.argv[1] if len(sys.argv) > 1 else None)
    server.run()


if __name__ == "__main__":
    main()
