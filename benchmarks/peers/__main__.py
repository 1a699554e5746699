"""`python -m benchmarks.peers [setup] [--only NAME] [--resume] [--records SHARE] [--json]`.

`setup` makes the environments. Without it, every system is measured, and benchmarks/peers-results.md is written.
"""

from __future__ import annotations

import argparse
import datetime
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.harness import Result
from benchmarks.peers import drains, environments, live
from benchmarks.peers.environments import Absent
from benchmarks.peers.page import page
from benchmarks.peers.results import Results, key_of
from benchmarks.peers.roster import PEERS, Peer
from benchmarks.peers.runs import PeerFailed

PAGE = environments.ROOT / "benchmarks" / "peers-results.md"


Task = tuple[str, Peer, Callable[[], Result]]


def tasks(peers: list[Peer], share: float, repetitions: int) -> Iterator[Task]:
    """Yield everything there is to measure: what it is kept under, of whom, and how."""
    for name, function in (("windows", drains.windows), ("noop", drains.noop)):
        for peer in peers:
            records = int(getattr(peer, name) * share)
            if records:
                yield key_of(name, peer.name), peer, partial(function, peer, records, repetitions)
    for peer in peers:
        for rate in peer.rates:
            yield key_of("latency", peer.name, rate), peer, partial(live.latency, peer, rate)
    for peer in peers:
        for session_ms in peer.sessions_ms:
            yield key_of("takeover", peer.name, session_ms or "default"), peer, partial(live.takeover, peer, session_ms)


def measure(wanted: list[Task], results: Results) -> bool:
    """Do what is asked, one after the other, writing each result down; say whether all that is there did its job."""
    done = True
    for key, peer, function in wanted:
        began_s = time.monotonic()
        try:
            peer.make()
            result = function()
        except (Absent, PeerFailed) as error:
            done &= isinstance(error, Absent)
            result = {"benchmark": key.split()[0], "system": peer.name, "error": str(error).splitlines()[0]}
            say(f"{key}: {error}")
        results.keep(key, result)
        say(f"{key}: {time.monotonic() - began_s:.0f} s")
    return done


def say(text: str) -> None:
    """Tell whoever waits; standard output is for results."""
    print(text, file=sys.stderr, flush=True)


def setup(peers: list[Peer]) -> bool:
    """Make the peers' environments; say what is missing for those that cannot be made, and go on."""
    done = True
    for peer in {peer.place: peer for peer in peers}.values():
        try:
            peer.make()
            say(f"{peer.place}: ready")
        except Absent as error:
            done = False
            say(str(error))
    return done


def main() -> None:
    """Do what the command line asks."""
    names = [peer.name for peer in PEERS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["setup", "measure"], default="measure")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help=f"a system or a benchmark; of {', '.join(names)}"
    )
    parser.add_argument("--resume", action="store_true", help="measure only what the last run has not")
    parser.add_argument("--records", type=float, default=1.0, metavar="SHARE", help="of the records of each drain")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one flat object a result, on standard output")
    asked = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # It tells of every retry, and each new broker needs some.
    if asked.what == "setup":
        sys.exit(not setup([peer for peer in PEERS if not asked.only or {peer.name, peer.place} & set(asked.only)]))
    results = Results(environments.home() / "results.json")
    if not asked.resume and not asked.only:
        results.forget()
    wanted = [task for task in tasks(list(PEERS), asked.records, asked.repetitions) if _is_wanted(task, asked, results)]
    done = measure(wanted, results)
    everything = results.all()
    if asked.json:
        measured = {key for key, _, _ in wanted}
        for key, result in zip(results.kept, everything, strict=True):
            if key in measured:
                print(json.dumps(result), flush=True)
    PAGE.write_text(page(everything, datetime.datetime.now(datetime.UTC)))
    sys.exit(not done)


def _is_wanted(task: Task, asked: argparse.Namespace, results: Results) -> bool:
    key, peer, _ = task
    if asked.resume and "error" not in results.kept.get(key, {"error": ""}):
        return False
    return not asked.only or bool({peer.name, peer.place, key.split()[0]} & set(asked.only))


if __name__ == "__main__":
    main()
