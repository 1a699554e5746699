"""Apache Kafka's jars: which ones, fetched once into a cache folder of the user's, each one checked by its sum."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

KAFKA_VERSION = "4.3.1"
KAFKA_JARS = Path(__file__).with_name("broker_jars.txt")
TRIES = 3
HOW_WITHOUT = "or run your own Kafka and name it with --broker host:port"


class BrokerFailed(RuntimeError):
    """Kafka cannot be had or does not run here; the message says what to do about it."""


class Jar(NamedTuple):
    """One file that Kafka needs.

    coordinate     `group:name:version`, as Java's repositories name it
    sha256         of the file's bytes, in lower-case hexadecimal
    """

    coordinate: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The file's name in the cache folder."""
        _, name, version = self.coordinate.split(":")
        return f"{name}-{version}.jar"


def kafka_jars(cache: Path | None = None) -> Path:
    """Return the folder with Kafka's jars, fetching them if they are not there yet."""
    return jars_listed(KAFKA_JARS, f"kafka-{KAFKA_VERSION}", cache)


def jars_listed(listing: Path, name: str, cache: Path | None = None) -> Path:
    """Return the folder with the jars that a file lists, fetching them if they are not there yet.

    The folder appears complete or not at all; of two processes that want it at the same time, one fetches and the
    other waits. `cache` is the folder above it, the user's cache folder unless told otherwise.

    Raises BrokerFailed if they cannot be fetched.
    """
    listed = listing.read_bytes()
    home = user_cache() / "luminar" if cache is None else cache
    # Another list is another folder, so a changed list never meets jars of an older one.
    folder = home / f"{name}-{hashlib.sha256(listed).hexdigest()[:8]}"
    if folder.is_dir():
        return folder
    jars = [Jar(*line.split()) for line in listed.decode().splitlines()]
    try:
        home.mkdir(parents=True, exist_ok=True)
        with _alone(home / f"{folder.name}.lock"):
            if not folder.is_dir():
                _fetch_into(folder, jars)
    except OSError as error:
        raise BrokerFailed(_could_not_fetch(folder, error)) from error
    return folder


def _fetch_into(folder: Path, jars: list[Jar]) -> None:
    sys.stderr.write(f"Fetching {folder.name} ({len(jars)} jars, once) into {folder.parent}\n")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.") as scratch:
        complete = Path(scratch) / "complete"
        complete.mkdir()
        repository = Path(scratch) / "repository"
        with ThreadPoolExecutor(max_workers=8) as pool:
            for jar, fetched in zip(jars, pool.map(_fetch_one, jars, repeat(repository)), strict=True):
                fetched.rename(complete / jar.file_name)
        complete.rename(folder)


def _fetch_one(jar: Jar, repository: Path) -> Path:
    """Fetch a jar and check it; of a connection that breaks off half-way, the next try sees nothing."""
    for attempt in range(1, TRIES):
        with suppress(OSError):
            return _fetch_checked(jar, repository / str(attempt))
    return _fetch_checked(jar, repository / str(TRIES))


def _fetch_checked(jar: Jar, repository: Path) -> Path:
    path = download(jar, repository)
    came = hashlib.sha256(path.read_bytes()).hexdigest()
    if came != jar.sha256:
        raise OSError(f"{jar.file_name} should have the SHA-256 sum {jar.sha256}, what came has {came}")
    return path


def download(jar: Jar, repository: Path) -> Path:
    """Return the path of the jar in a local repository, after fetching it there; raises OSError if it does not come."""
    try:
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext
    except ImportError as error:
        message = (
            f"Kafka's jars are fetched by jgo, which is not installed: pip install 'luminar[broker]', {HOW_WITHOUT}"
        )
        raise BrokerFailed(message) from error
    # A company's own mirror, if ~/.config/jgo.conf names one, comes instead of the public repository.
    mirrors = GlobalSettings.load().repositories or None
    context = MavenContext(repo_cache=repository, remote_repos=mirrors, timeout=60)
    group, name, version = jar.coordinate.split(":")
    artifact = context.project(group, name).at_version(version).artifact()
    try:
        return artifact.resolve()
    except RuntimeError as error:  # jgo's word for "in none of the repositories"
        raise OSError(str(error)) from error


def _could_not_fetch(folder: Path, error: OSError) -> str:
    return (
        f"could not fetch Kafka's jars into {folder}: {error}. "
        "They come from the public repository of Java packages; a mirror can be named in ~/.config/jgo.conf. "
        f"Try again with a network, copy that folder from a machine that has it, {HOW_WITHOUT}"
    )


def user_cache() -> Path:
    """Return the folder for what can be fetched again."""
    named = os.environ.get("XDG_CACHE_HOME")
    if named:
        return Path(named)
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, however that ends."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
