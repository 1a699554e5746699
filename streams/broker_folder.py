"""What the embedded Kafka keeps in its folder: who holds it, its ports, its identity, its configuration."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import random
import socket
import time
import uuid
from pathlib import Path
from typing import IO, NamedTuple

from streams.broker_jars import BrokerFailed

HOST = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections. From within it, a client that keeps
# trying to reach a stopped broker can be given the broker's own port, connects to itself, and the port is gone.
FREE_PORTS = range(20_000, 32_000)
LAST_ONE_LEAVES_S = 10.0

# What differs from Kafka's defaults, and why.
PROPERTIES = f"""\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT

# One broker: nothing can be kept twice.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1

# A misspelt topic is an error, not a new topic. A page of state may be large.
auto.create.topics.enable=false
message.max.bytes={16 << 20}
replica.fetch.max.bytes={16 << 20}

# The first member of a group need not wait for others; a short session may be asked for.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000

# The controller refuses a killed broker's return until its old session has ended: 9 s by default.
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200

# The default buffer of 128 MB does not fit the heap. Compacted topics here are small and change every second.
log.cleaner.dedupe.buffer.size={8 << 20}
log.cleaner.io.buffer.size={256 << 10}
log.cleaner.backoff.ms=2000
log.cleaner.min.cleanable.ratio=0.3
log.segment.bytes={128 << 20}
log.roll.hours=24
log.retention.hours=168
log.retention.check.interval.ms=60000

num.network.threads=2
num.io.threads=4
background.threads=2
num.recovery.threads.per.data.dir=2
"""


class Ports(NamedTuple):
    """Where a broker listens on the loopback.

    clients        for those who read and write
    controller     where Kafka talks to itself
    """

    clients: int
    controller: int


def hold(data: Path) -> IO[str]:
    """Take the folder, so that no second broker writes to it; whoever had it before may need a moment to end.

    The folder is held until the last copy of the returned file is closed, Java's included.
    """
    lock = (data / "broker.lock").open("a")
    deadline_s = time.monotonic() + LAST_ONE_LEAVES_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                lock.close()
                message = f"a broker already runs on {data}; stop it, or name another folder with --data"
                raise BrokerFailed(message) from None
            time.sleep(0.1)
        else:
            return lock


def settle_ports(data: Path, clients: int | None, controller: int | None) -> Ports:
    """Return the ports told, else the folder's own, else free ones, and remember them in the folder."""
    path = data / "ports.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    wanted = [
        known.get("clients") if clients is None else clients,
        known.get("controller") if controller is None else controller,
    ]
    for port in wanted:
        if port is not None and not is_free(port):
            raise BrokerFailed(
                f"port {port} of {HOST} is taken by another program; stop that, or name another with --port"
            )
    avoid = {port for port in wanted if port is not None}
    ports = Ports(*(_free_port(avoid) if port is None else port for port in wanted))
    _write(path, json.dumps(ports._asdict()))
    return ports


def _free_port(avoid: set[int]) -> int:
    """Return a port that nobody listens on and that is not to be avoided, and avoid it from now on."""
    for port in random.sample(FREE_PORTS, 200):
        if port not in avoid and is_free(port):
            avoid.add(port)
            return port
    raise BrokerFailed(f"no free port found among {FREE_PORTS}; name one with --port")


def is_free(port: int) -> bool:
    """Whether a broker could listen on a port of the loopback now."""
    with socket.socket() as probe:
        # As Kafka does it: connections of the broker before us that linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def write_configuration(data: Path, ports: Ports) -> Path:
    """Write what Kafka reads at its start, and return the path of its properties."""
    logs = data / "kafka"
    logs.mkdir(exist_ok=True)
    identity = logs / "meta.properties"
    if not identity.exists():
        # What Kafka's formatter would write. The identity stays with the folder.
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        _write(identity, f"version=1\ncluster.id={cluster}\nnode.id=1\n")
    properties = data / "server.properties"
    clients, controller = (f"{HOST}:{port}" for port in ports)
    _write(
        properties,
        f"{PROPERTIES}\nlog.dirs={logs}\ncontroller.quorum.voters=1@{controller}\n"
        f"listeners=PLAINTEXT://{clients},CONTROLLER://{controller}\nadvertised.listeners=PLAINTEXT://{clients}\n",
    )
    return properties


def _write(path: Path, text: str) -> None:
    """Write a file so that it is there complete or not at all."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    scratch.write_text(text)
    scratch.replace(path)
