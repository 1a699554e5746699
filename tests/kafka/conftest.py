"""What the tests on the real broker share: deployments of their own."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.workers import Site

MakeSite = Callable[..., Site]


@pytest.fixture
def make_site(broker: str, fresh_prefix: str, tmp_path: Path) -> Iterator[MakeSite]:
    """Make a deployment with settings; its workers end with the test."""
    made: list[Site] = []

    def make(**more: Any) -> Site:
        site = Site(more.pop("address", broker), f"{fresh_prefix}{len(made)}-", tmp_path, **more)
        made.append(site)
        return site

    yield make
    for site in made:
        site.close()


@pytest.fixture(scope="module")
def module_site(
    request: pytest.FixtureRequest, broker: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeSite]:
    """Make a deployment that serves all tests of a file."""
    made: list[Site] = []
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.rsplit("/", 1)[-1].lower()).strip("-")

    def make(**more: Any) -> Site:
        site = Site(broker, f"m-{name}-{len(made)}-", tmp_path_factory.mktemp("site"), **more)
        made.append(site)
        return site

    yield make
    for site in made:
        site.close()
