"""Documents of the Elastic Common Schema become connections."""

import json

import pytest

from tests.streams.ingest.border import connection, outcome
from topics.connections import Connection

DOCUMENT = {
    "@timestamp": "2024-04-18T23:59:55.940Z",
    "source": {"ip": "192.0.2.7", "port": 40000, "bytes": 60},
    "destination": {"ip": "198.51.100.1", "port": 22, "bytes": 0},
    "network": {"transport": "tcp"},
    "event": {"category": ["network"], "type": ["connection", "end"]},
}
FOUND = Connection(
    client="192.0.2.7", at_s=1713484795.94, target="198.51.100.1", port=22, outcome="none", bytes=60, service="edge"
)


def document(**other: object) -> str:
    return json.dumps(DOCUMENT | other)


def test_a_document_is_a_connection() -> None:
    assert connection("ecs_network", document(), "edge") == FOUND


def test_names_may_be_dotted_and_the_service_is_the_documents_before_it_is_the_sources() -> None:
    flat = {
        "@timestamp": 1713484795940, "source.ip": "192.0.2.7", "destination.ip": "198.51.100.1", "server.port": "22",
        "network.iana_number": "6", "event.type": ["end"], "destination.bytes": 0, "network.bytes": 60,
        "service.name": "edge",
    }  # fmt: skip
    assert connection("ecs_network", json.dumps(flat), "other") == FOUND


@pytest.mark.parametrize(
    ("other", "outcome_"),
    [
        ({"event": {"type": "denied"}}, "refused"),
        ({"event": {"action": "Drop"}}, "refused"),
        ({"event": {"type": ["allowed"]}}, "unknown"),
        ({"destination": DOCUMENT["destination"] | {"bytes": 900}}, "answered"),  # type: ignore[operator]
        ({"destination": DOCUMENT["destination"] | {"bytes": 54, "packets": 1}}, "refused"),  # type: ignore[operator]
        ({"event": {"type": ["start"]}}, "unknown"),
        ({"zeek": {"connection": {"state": "RSTO"}}}, "answered"),
    ],
)
def test_what_came_of_it(other: dict[str, object], outcome_: str) -> None:
    assert connection("ecs_network", document(**other)).outcome == outcome_


def test_a_document_without_a_port_is_refused() -> None:
    said = outcome("ecs_network", document(destination={"ip": "198.51.100.1"}).encode())
    assert isinstance(said, str)
    assert "port" in said
