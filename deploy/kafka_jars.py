"""Print the jars that a version of Kafka needs, with their sums.

    python deploy/kafka_jars.py 4.3.1 > streams/broker_jars.txt

The list is kept in the repository, so that everybody runs the same jars and a changed one is noticed. It is made anew
only for another version of Kafka.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from jgo.maven import MavenContext


def main(version: str) -> None:
    """Resolve Kafka and one binding of its logging interface, fetch all of it, print a line for each jar."""
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder), timeout=60)
        resolved = _resolve(context, f"org.apache.kafka:kafka_2.13:{version}:compile")
        slf4j = next(line for line in resolved if line.startswith("org.slf4j:slf4j-api:"))
        resolved.append(slf4j.replace("slf4j-api", "slf4j-simple"))
        for line in sorted(resolved):
            group, name, jar_version = line.split(":")
            jar = context.project(group, name).at_version(jar_version).artifact().resolve()
            print(line, hashlib.sha256(jar.read_bytes()).hexdigest())


def _resolve(context: MavenContext, coordinate: str) -> list[str]:
    given, brought = context.resolver.resolve([context.create_dependency(coordinate)])
    wanted = [*given, *(jar for jar in brought if jar.scope in ("compile", "runtime"))]
    return [f"{jar.groupId}:{jar.artifactId}:{jar.version}" for jar in wanted]


if __name__ == "__main__":
    main(sys.argv[1])
