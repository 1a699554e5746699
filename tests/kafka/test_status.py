"""What `luminar status` says of a deployment on a real broker."""

import asyncio
import json
import time
from typing import Any

from click.testing import CliRunner, Result

from streams.cli import main
from streams.client import Publisher
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import Site
from topics.metrics import METRICS, Reading


def luminar(*arguments: str) -> Result:
    """Call the program as an operator does."""
    return CliRunner().invoke(main, arguments, env={"LUMINAR_SETTINGS": None})


def told(site: Site) -> tuple[dict[str, Any], int]:
    """Return what status says as JSON, and its exit code."""
    result = luminar("status", "--json", "--settings", str(site.file))
    return json.loads(result.stdout), result.exit_code


async def feed(site: Site, n: int) -> None:
    """Send one reading of each of so many series."""
    async with Publisher(site.loaded.process) as publisher:
        for i in range(n):
            await publisher.publish(METRICS, Reading(series=f"shop{i}/load", value=1.0, at_s=time.time()))


def test_status_follows_a_deployment_from_its_topics_to_its_workers_end(make_site: MakeSite) -> None:
    site = make_site(settings={"worker": {"save_every_s": 0.2}})
    result = luminar("status", "--settings", str(site.file))
    assert result.exit_code == 1
    assert "`luminar topics` makes what is missing" in result.stdout
    assert f"! group {site.prefix}group has no members: nobody works; `luminar worker` starts one" in result.stdout

    site.make_topics()
    asyncio.run(feed(site, 100))
    status, code = told(site)
    assert (code, status["members"], status["shards"]) == (1, [], [])
    assert status["problems"] == [f"group {site.prefix}group has no members: nobody works; `luminar worker` starts one"]
    assert status["lag"][site.name_of(METRICS)] == 100 + site.partitions

    worker = site.start().until_ready()
    ends = site.ends(METRICS)
    site.until_folded(METRICS)
    status, code = told(site)
    assert (code, status["state_of_group"], status["problems"]) == (0, "Stable", [])
    (member,) = status["members"]
    assert member["partitions"][site.name_of(METRICS)] == list(range(site.partitions))
    # A tick may just have come.
    assert status["lag"][site.name_of(METRICS)] <= site.partitions
    rows = {s["partition"]: s["rows"] for s in status["shards"] if s["capability"] == "anomaly"}
    assert (sorted(rows), sum(rows.values())) == (list(range(site.partitions)), 100)
    anomaly = [s for s in status["shards"] if s["capability"] == "anomaly"]
    assert all(s["highest"] >= s["lowest"] >= ends[s["partition"]] for s in anomaly)
    assert status["settings_in_force"].keys() == {status["settings_put"]} == {site.loaded.version}
    assert status["state_records"] >= sum(s["pages"] for s in status["shards"]) > 0

    lines = luminar("status", "--settings", str(site.file)).stdout.splitlines()
    assert lines[0] == f"group {site.prefix}group: Stable, 1 members"
    assert f"{site.name_of(METRICS)} 0-{site.partitions - 1}" in lines[1]
    worker.stop()
    status, code = told(site)
    assert (code, status["members"]) == (1, [])
    assert sum(s["rows"] for s in status["shards"] if s["capability"] == "anomaly") == 100


def test_a_broker_that_is_not_there_is_said_in_a_line_within_seconds() -> None:
    result = luminar("status", "--broker", "127.0.0.1:1")
    assert result.exit_code == 2
    assert result.output == ("luminar: no Kafka answers at 127.0.0.1:1 (PLAINTEXT); `luminar broker` starts one\n")
