"""Crowds for tests: who asks a shop for what, usually, in a rush, and in floods; seeded."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable

from detectors.composition import CompositionBank
from detectors.floods import FloodsBank
from tests.fakes import fold
from topics import Derived
from topics.compositions import COMPOSITIONS, WINDOW_S, Composition
from topics.control import Tick
from topics.proposals import Proposal
from topics.requests import REQUESTS, Request
from topics.settings import Settings
from topics.signals import Threat

START_S = 1_000_000
PARTITIONS = 3
ROUTES = ("/", "/search?q={w}", "/item/{n}", "/item/{n}/view", "/cart", "/pay", "/static/{n}.js", "/login", "/help")
WEIGHTS = (20, 15, 25, 10, 6, 2, 18, 3, 1)
AGENTS = tuple(f"Mozilla/5.0 ({system}) Browser/{k}.0" for k in range(5) for system in ("X11", "Macintosh", "Phone"))
WORDS = ("shoe", "hat", "coat", "tea", "lamp")
Asked = tuple[str, str, str]
"""Client, path, agent."""
Crowd = Callable[[random.Random, int], list[Asked]]


def visitors(chance: random.Random, requests: int, networks: int = 40) -> list[Asked]:
    """Return what visitors ask for: some four pages each, with a browser; some sit behind one address."""
    asked: list[Asked] = []
    while len(asked) < requests:
        client = f"10.{chance.randrange(networks)}.{chance.randrange(256)}.{chance.randrange(256)}"
        client = "198.51.100.1" if chance.random() < 0.02 else client
        agent = chance.choice(AGENTS)
        for path in chance.choices(ROUTES, WEIGHTS, k=1 + int(chance.expovariate(1 / 3))):
            asked.append((client, path.format(w=chance.choice(WORDS), n=chance.randrange(300)), agent))
    return asked[:requests]


def distributed(chance: random.Random, requests: int) -> list[Asked]:
    """Return a flood by many clients that ask alike: the front page, once each, with one program."""
    return [(_address(chance), "/", "python-requests/2.31") for _ in range(requests)]


def heavy(chance: random.Random, requests: int) -> list[Asked]:
    """Return a flood by three clients, each of which looks like a browser."""
    clients = ("203.0.113.7", "203.0.113.7", "203.0.113.8", "203.0.113.9")
    return [(chance.choice(clients), path, agent) for _, path, agent in visitors(chance, requests)]


def application(chance: random.Random, requests: int) -> list[Asked]:
    """Return a flood of a search that no cache can answer, by many clients that look like browsers."""
    return [(_address(chance), f"/search?q={chance.getrandbits(48):x}", chance.choice(AGENTS)) for _ in range(requests)]


def launch(chance: random.Random, requests: int) -> list[Asked]:
    """Return a rush of new visitors who do what visitors do."""
    return visitors(chance, requests, networks=250)


def _address(chance: random.Random) -> str:
    return f"{chance.randrange(1, 224)}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}"


def compositions(windows: Iterable[list[Asked]], service: str = "shop", first: int = 0) -> list[Composition]:
    """Return what as many partitions as there are say of windows of ten seconds, in the order in which they say it.

    first          the number of the first window; who begins at another has partitions of its own
    """
    logs: list[list[tuple[int, object]]] = [[] for _ in range(PARTITIONS)]
    number = first
    for asked in windows:
        at_s = START_S + number * WINDOW_S
        for k, (client, path, agent) in enumerate(asked):
            one = Request(
                client=client, at_s=at_s + WINDOW_S * k / len(asked), path=path, agent=agent, service=service
            )  # fmt: skip
            logs[sum(client.encode()) % PARTITIONS].append((int(1000 * one.at_s), one))
        number += 1
    end_ms = 1000 * (START_S + number * WINDOW_S)
    said = [
        one
        for partition, log in enumerate(logs, PARTITIONS * first)
        for one in fold(CompositionBank, REQUESTS, [*log, (end_ms, Tick())], partition=partition)
    ]
    found = [one for one in said if isinstance(one, Composition)]
    return sorted(found, key=lambda one: one.at_s)


def log_of(said: Iterable[Composition]) -> list[tuple[int, object]]:
    """Return compositions as the log that floods are found in: each said when its window is over."""
    log: list[tuple[int, object]] = [(int(1000 * (one.at_s + WINDOW_S)) + 200, one) for one in said]
    return [*log, (log[-1][0] + 20_000, Tick())] if log else []


def judged(said: Iterable[Composition], settings: Settings | None = None) -> tuple[list[Threat], list[Proposal]]:
    """Return the floods that are found, and the blocks that are proposed."""
    found: list[Derived] = fold(FloodsBank, COMPOSITIONS, log_of(said), settings)
    threats = [one for one in found if isinstance(one, Threat)]
    proposals = [one for one in found if isinstance(one, Proposal)]
    assert len(threats) + len(proposals) == len(found)
    return threats, proposals


def main(seeds: int = 12, calm: int = 64, usual: int = 120) -> None:
    """Print how often each crowd is called what, by how many times what is usual it adds to the visitors."""
    print("crowd, times: called", seeds, "seeds")
    for crowd in (distributed, heavy, application, launch):
        for times in (1, 2, 4, 20):
            called: Counter[str] = Counter()
            for seed in range(seeds):
                chance = random.Random(seed)
                windows = [visitors(chance, round(chance.gauss(usual, usual**0.5))) for _ in range(calm)]
                windows += [visitors(chance, usual) + crowd(chance, times * usual) for _ in range(2)]
                threats, _ = judged(compositions(windows))
                called[threats[0].rule if threats else "nothing"] += 1
            print(f"{crowd.__name__}, {times}: {dict(called)}", flush=True)


if __name__ == "__main__":
    main()
