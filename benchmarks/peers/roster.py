"""Who is measured: each system, its environment, and how much of each job suits its speed."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.peers import environments

MANY, SOME, FEW = 3_000_000, 300_000, 100_000
LUMINAR = "luminar"


class Peer(NamedTuple):
    """One system, written in one way.

    name           in results and for `--only`
    title          what it is
    place          its environment: a file of `requirements/`, "java", or "luminar" for our own
    style          which of several ways its program has
    windows, noop  how many records it drains; 0: it does not do this job
    repetitions    how many drains, at most: one a run where a drain takes a minute
    rates          records a second at which its answers are timed
    sessions_ms    the session timeouts with which it is killed and comes back; None: its own default
    """

    name: str
    title: str
    place: str
    style: str = ""
    windows: int = 0
    noop: int = 0
    repetitions: int = 3
    rates: tuple[int, ...] = ()
    sessions_ms: tuple[int | None, ...] = ()

    def program(self) -> list[str]:
        """Return the command that the job's arguments follow; raises Absent if there is no environment."""
        if self.place == "java":
            return environments.java()
        return [str(environments.interpreter(self.place)), "-m", f"benchmarks.peers.{self.module}"]

    @property
    def module(self) -> str:
        """The program of a peer in Python."""
        return {"luminar": "aiokafka_loop", "confluent": "confluent_loop"}.get(self.place, self.place)

    def make(self) -> None:
        """Make the environment; raises Absent if that is not possible here."""
        if self.place == "java":
            environments.make_java()
        else:
            environments.make_python(self.place)


OURS_MS = 6_000
"""The session timeout of a worker of Luminar, unless settings say otherwise."""

PEERS = (
    Peer(LUMINAR, "Luminar", LUMINAR, windows=MANY, noop=MANY, rates=(2000,), sessions_ms=(None,)),
    Peer("kafka-streams-memory", "Kafka Streams, in memory", "java", "memory", windows=MANY),
    Peer("kafka-streams-rocksdb", "Kafka Streams, RocksDB", "java", "rocksdb", windows=MANY),
    Peer("kafka-streams-tuned", "Kafka Streams, in memory, tuned", "java", "tuned", windows=MANY),
    Peer("kafka-streams", "Kafka Streams", "java", rates=(2000,), sessions_ms=(None, OURS_MS)),
    Peer("kafka-streams-linger0", "Kafka Streams, linger.ms 0", "java", "linger0", rates=(2000,)),
    Peer("quix", "Quix Streams", "quix", windows=SOME, rates=(2000,), sessions_ms=(None, OURS_MS)),
    Peer("bytewax", "Bytewax", "bytewax", windows=SOME, rates=(2000,), sessions_ms=(None,)),
    Peer("faust-table", "Faust, tumbling table", "faust", "table", windows=FEW, repetitions=1),
    Peer("faust-dict", "Faust, plain dict", "faust", "dict", windows=FEW, repetitions=2),
    Peer("faust", "Faust", "faust", rates=(2000, 500), sessions_ms=(None, OURS_MS)),
    Peer("aiokafka-loop", "bare aiokafka loop", LUMINAR, windows=MANY, noop=MANY, rates=(2000,)),
    Peer(
        "confluent-loop",
        "bare confluent-kafka loop, msgspec, numpy",
        "confluent",
        windows=MANY,
        noop=MANY,
        rates=(2000,),
    ),
    Peer("java-consumer", "bare Java consumer", "java", noop=MANY),
)
