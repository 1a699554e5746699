"""The peers' environments: one for each, in the user's cache folder, made from pinned requirements; Java's is jars."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from streams.broker import BrokerFailed, java_command
from streams.broker_jars import jars_listed, kafka_jars, user_cache

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
JAVA_SOURCE = HERE / "KafkaStreamsPeer.java"
HEAP = ["-Xms1g", "-Xmx1g", "-XX:+UseSerialGC"]
"""One core: the collector without threads of its own."""


class Absent(RuntimeError):
    """A peer's environment is not there, or cannot be made here; the message says what is missing."""


def home() -> Path:
    """Return the folder that everything of the peers is kept in."""
    return user_cache() / "luminar" / "peers"


def requirements(name: str) -> Path:
    """Return the file that pins what a peer's environment holds."""
    return HERE / "requirements" / f"{name}.txt"


def interpreter(name: str) -> Path:
    """Return the Python of a peer's environment; raises Absent if it has not been made."""
    if name == "luminar":
        return Path(sys.executable)
    python = _folder(name) / "bin" / "python"
    if not (_folder(name) / "complete").exists():
        raise Absent(f"{name} has no environment: `python -m benchmarks.peers setup --only {name}` makes it")
    return python


def make_python(name: str) -> None:
    """Make a peer's environment, with uv where it is installed."""
    if name == "luminar":
        return
    folder = _folder(name)
    if (folder / "complete").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    uv, python, wanted = shutil.which("uv"), str(folder / "bin" / "python"), str(requirements(name))
    if uv:
        make = [uv, "venv", "-q", "--python", sys.executable, str(folder)]
        install = [uv, "pip", "install", "-q", "--python", python, "-r", wanted]
    else:
        make = [sys.executable, "-m", "venv", str(folder)]
        install = [python, "-m", "pip", "install", "-q", "-r", wanted]
    for command in (make, install):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Absent(f"the environment of {name} could not be made: {' '.join(command)}\n{done.stderr.strip()}")
    (folder / "complete").touch()


def _folder(name: str) -> Path:
    wanted = hashlib.sha256(requirements(name).read_bytes()).hexdigest()[:8]
    of = f"{sys.version_info.major}.{sys.version_info.minor}-{wanted}"
    return home() / f"{name}-{of}"


def java() -> list[str]:
    """Return the command before the peer's main class; raises Absent if its jars or classes are not there."""
    if not (_classes() / "complete").exists():
        raise Absent("kafka-streams is not compiled: `python -m benchmarks.peers setup --only java` does it")
    return [java_command(), *HEAP, "-cp", os.pathsep.join([str(_classes()), *_jars()]), JAVA_SOURCE.stem]


def make_java() -> None:
    """Fetch the jars and compile, with a compiler that is a jar itself and needs a Java runtime only, no JDK."""
    classes = _classes()
    if (classes / "complete").exists():
        return
    try:
        jars, runtime = _jars(), java_command()
    except BrokerFailed as error:
        raise Absent(str(error)) from error
    compiler = [runtime, "-cp", os.pathsep.join(jars), "org.eclipse.jdt.internal.compiler.batch.Main"]
    asked = ["-source", "17", "-target", "17", "-proc:none", "-nowarn", "-cp", os.pathsep.join(jars)]
    done = subprocess.run([*compiler, *asked, "-d", str(classes), str(JAVA_SOURCE)], capture_output=True, text=True)
    if done.returncode:
        raise Absent(f"{JAVA_SOURCE.name} could not be compiled: {done.stderr.strip()}")
    (classes / "complete").touch()


def _jars() -> list[str]:
    folders = [jars_listed(HERE / "jars.txt", "kafka-streams", home()), kafka_jars()]
    return [str(jar) for folder in folders for jar in sorted(folder.glob("*.jar"))]


def _classes() -> Path:
    return home() / f"classes-{hashlib.sha256(JAVA_SOURCE.read_bytes()).hexdigest()[:8]}"
