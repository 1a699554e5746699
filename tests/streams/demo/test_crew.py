"""What worker and page are told, with a program that says what it was told."""

import socket
import sys
from pathlib import Path

import msgspec
import pytest

from streams.demo import crew
from streams.demo.crew import SETTINGS, Crew, free_port
from streams.settings import Broker, Process, load

SAYS = """
import os, sys
print(sys.argv[1:], sorted(name for name in os.environ if name.startswith("LUMINAR")), os.environ["TMPDIR"])
"""


async def test_worker_and_page_get_the_settings_of_the_demo_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "LUMINAR", (sys.executable, "-c", SAYS))
    monkeypatch.setenv("LUMINAR_PREFIX", "mine.")
    process = msgspec.structs.replace(Process(), broker=Broker(addresses=("127.0.0.1:29092",)))
    ours = Crew(process, 8642, tmp_path)
    ours.start()
    for name, arguments in (("worker", ["worker"]), ("web", ["web", "--port", "8642"])):
        log = tmp_path / f"{name}.log"
        while "\n" not in log.read_text():
            continue
        assert log.read_text() == f"{[*arguments, '--settings', str(SETTINGS)]} ['LUMINAR_BROKER'] {tmp_path}\n"
    await ours.stop()


def test_a_taken_port_is_not_given() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port


def test_the_settings_are_right_and_spare_nobody_on_the_loopback_but_the_health_check() -> None:
    settings = load(SETTINGS, {}).settings
    assert settings.decisions.allow == ("127.0.0.1/32", "::1/128")
    scaling = settings.services["shop"].scaling
    assert scaling is not None
    assert scaling.load == "shop/requests"
