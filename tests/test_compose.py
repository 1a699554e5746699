"""What is shipped for running Luminar in containers fits together, as far as that shows without starting any."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.broker_jars import KAFKA_VERSION
from streams.meters import REGISTRY
from streams.settings import load

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
COMPOSE = ROOT / "docker-compose.yml"
RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
OURS = ("topics", "worker", "web")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def services() -> dict[str, Any]:
    found: dict[str, Any] = read(COMPOSE)["services"]
    return found


def test_compose_file_is_valid() -> None:
    command: list[str | Path] = [
        Path(sys.executable).with_name("check-jsonschema"),
        "--builtin-schema",
        "vendor.compose-spec",
        COMPOSE,
    ]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_whole_system_is_there() -> None:
    assert set(services()) == {"kafka", *OURS, "prometheus", "alertmanager", "grafana"}
    assert services()["worker"]["deploy"]["replicas"] == 2


def test_containers_run_the_kafka_that_the_tests_run() -> None:
    assert services()["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_only_this_machine_reaches_what_is_published() -> None:
    published = [port for service in services().values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_images_are_pinned() -> None:
    images = [service["image"] for service in services().values()]
    assert [image for image in images if not re.search(r":v?\d+\.\d+\.\d+$", image)] == []


@pytest.mark.parametrize("name", OURS)
def test_settings_of_our_containers_are_settings(name: str) -> None:
    """A container that listens beyond its loopback starts only with a token, and finds the broker by its name."""
    told = {key: str(value) for key, value in services()[name]["environment"].items()}
    assert told["LUMINAR_HTTP__TOKEN"].startswith("${LUMINAR_HTTP__TOKEN:?")
    process = load(env=told).process
    assert process.broker.addresses == ("kafka:9092",)
    assert not process.http.is_loopback


def test_ports_are_those_that_others_ask() -> None:
    ports = {name: services()[name]["environment"].get("LUMINAR_HTTP__PORT") for name in ("worker", "web")}
    assert ports == {"worker": 8801, "web": 8800}
    jobs = {job["job_name"]: job for job in read(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]}
    assert jobs["luminar"]["dns_sd_configs"][0]["names"] == ["worker"]
    assert jobs["luminar"]["dns_sd_configs"][0]["port"] == ports["worker"]
    assert services()["web"]["ports"] == [f"127.0.0.1:{ports['web']}:{ports['web']}"]


def test_prometheus_shows_the_token_it_is_given() -> None:
    secrets = services()["prometheus"]["secrets"]
    jobs = read(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]
    shown = {job["authorization"]["credentials_file"] for job in jobs if job["job_name"] == "luminar"}
    assert shown == {f"/run/secrets/{name}" for name in secrets}
    assert set(secrets) <= set(read(COMPOSE)["secrets"])


def test_files_given_to_containers_are_there() -> None:
    given = [volume.split(":")[0] for service in services().values() for volume in service.get("volumes", [])]
    here = [ROOT / path for path in given if path.startswith(".")]
    assert here
    assert [path for path in here if not path.is_dir()] == []


def test_image_holds_what_the_build_copies() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert [name for name in copied if f"!{name}" not in allowed or not (ROOT / name).exists()] == []


def test_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (.*)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert users
    assert users[-1] not in ("root", "0")


def test_every_rule_says_what_it_means() -> None:
    rules = [rule for path in RULES for group in read(path)["groups"] for rule in group["rules"]]
    assert rules
    for rule in rules:
        assert rule["alert"].startswith("Luminar")
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert {"summary", "description"} <= set(rule["annotations"])
    assert len({rule["alert"] for rule in rules}) == len(rules)


def expressions() -> list[str]:
    rules = [rule["expr"] for path in RULES for group in read(path)["groups"] for rule in group["rules"]]
    panels = [panel for path in DASHBOARDS for panel in json.loads(path.read_text())["panels"]]
    return [*rules, *(target["expr"] for panel in panels for target in panel["targets"])]


def test_every_meter_that_is_asked_for_exists() -> None:
    """A rule on a meter that nobody keeps is silent for ever."""
    samples = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    kept = {family.name + end for family in REGISTRY.collect() for end in samples[family.type]}
    asked = {name for expression in expressions() for name in re.findall(r"luminar_\w+", expression)}
    assert asked
    assert asked - kept == set()


def test_alertmanager_routes_lead_to_receivers() -> None:
    config = read(DEPLOY / "alertmanager" / "alertmanager.yml")
    receivers = {receiver["name"] for receiver in config["receivers"]}
    named = {route["receiver"] for route in [config["route"], *config["route"]["routes"]] if "receiver" in route}
    assert named <= receivers


def test_grafana_finds_its_datasource_and_dashboards() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    sources = {source["uid"] for source in read(provisioning / "datasources" / "prometheus.yml")["datasources"]}
    folder = read(provisioning / "dashboards" / "luminar.yml")["providers"][0]["options"]["path"]
    assert f"./deploy/grafana/dashboards:{folder}:ro" in services()["grafana"]["volumes"]
    assert DASHBOARDS
    for path in DASHBOARDS:
        panels = json.loads(path.read_text())["panels"]
        assert {panel["datasource"]["uid"] for panel in panels if "datasource" in panel} <= sources
