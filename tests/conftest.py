"""What all tests share: an Apache Kafka for each process, names of one's own in it, and how Hypothesis searches."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.sharing import Sharing

# The same examples in every run, so that a red run can be had again; none is timed, since machines are busy at times.
settings.register_profile(
    "luminar", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("luminar")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address, `host:port`, of the one Kafka of this process; the first test that asks for it starts it."""
    from streams.broker import Broker

    with Broker(tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka.address


@pytest.fixture
def fresh_prefix(request: pytest.FixtureRequest) -> str:
    """Give a prefix for topics and groups that no other test of this run has; it starts with the test's name."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"t{next(_numbers)}-{name[:60]}-"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the real Kafka, so that `-m "not kafka"` runs all the rest in seconds."""
    for item in items:
        if "broker" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.kafka)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing:
    """Let processes share the tests so that those who wait run beside those who compute."""
    return Sharing(config, log)
