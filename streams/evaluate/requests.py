"""Requests: which share of attacks is found, and of ordinary requests flagged, on public collections; in percent.

Every file that a folder has gives its figures, `wcp.tpr` for one: the true positive rate, of each family by itself,
and averaged over families (`tpr_macro`), since a collection is mostly of one. Each request comes from a client of its
own, so what a client did before counts for nothing. Access logs are folded as they came, and so are connections.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from detectors.columns import Flags
from detectors.security.rates import LARGEST_LIMIT
from streams.evaluate import flows, sessions
from streams.evaluate.examples import FAMILIES
from streams.evaluate.firewalls import Firewall, Verdicts, luminar, passing
from streams.evaluate.recordings import BEGIN_S, Recorded, read, visits
from streams.evaluate.traces import DataError
from topics.requests import Request
from topics.settings import SecuritySettings

SETS = {
    "wcp": ("wcp_attacks", "wcp_benign"),
    "lists": ("lists",),
    "crs": ("crs",),
    "libinjection": ("libinjection",),
    "torpeda": ("torpeda",),
    "fp_lists": ("fp_lists",),
    "techtext": ("techtext",),
    "benign_misc": ("benign_misc",),
}
VISITS = "sessions_access_normal.jsonl"
SEED = 7
CLIENTS, ENOUGH = 250, 20_000


def measure(folder: Path, judge: Firewall, watch: flows.Watch | None = None) -> dict[str, float]:
    """Return the figures of every collection in a folder, `source.measure`; of connections if watched."""
    figures, seconds = dict[str, float](), 0.0
    everything: list[Recorded] = []
    for name, files in SETS.items():
        rows = [row for file in files for row in _rows(folder / f"{file}.jsonl")]
        if not rows:
            continue
        found = _judged(judge, rows)
        figures |= {f"{name}.{measure}": value for measure, value in rates(rows, found.hostile).items()}
        figures |= {f"{name}.{measure}": value for measure, value in of_families(rows, found.family).items()}
        if name == "wcp" and any(row.hostile for row in rows):
            figures["wcp.tpr_transplanted"] = transplanted(rows, judge)
        seconds += found.seconds
        everything += rows
    if (folder / VISITS).exists():
        figures |= of_visits(visits(folder / VISITS), judge)
    if watch is not None:
        figures |= flows.measure(folder, watch)
    if judge is luminar:
        figures |= sessions.measure(folder)
    if not figures:
        raise DataError(f"expected requests NAME.jsonl in {folder}, found none")
    if judge is luminar and everything:
        figures |= costs([row.request for row in everything])
    elif everything:
        figures["us_per_request"] = 1e6 * seconds / len(everything)
    return figures


def _rows(path: Path) -> list[Recorded]:
    return read(path) if path.exists() else []


def _judged(judge: Firewall, rows: Sequence[Recorded]) -> Verdicts:
    """Judge rows, each as the only request of its client."""
    requests = [
        msgspec.structs.replace(row.request, client=f"10.{k >> 16}.{k >> 8 & 255}.{k & 255}")
        for k, row in enumerate(rows)
    ]
    judge(requests[:50])  # Compiling is not what is measured.
    return judge(requests)


def percent(flags: Flags) -> float:
    """Return the share of what is true, in percent."""
    return 100 * float(np.mean(flags))


def rates(rows: Sequence[Recorded], flagged: Flags) -> dict[str, float]:
    """Return true and false positive rates, those of families and sources, and balanced accuracy."""
    hostile = np.array([row.hostile for row in rows], np.bool_)
    figures = dict[str, float]()
    if hostile.any():
        figures["tpr"] = percent(flagged[hostile])
        families = _by(lambda row: row.family, rows, hostile, flagged)
        figures["tpr_macro"] = float(np.mean(list(families.values())))
        figures |= {f"tpr_{family}": rate for family, rate in families.items()}
        sources = _by(lambda row: row.source, rows, hostile, flagged)
        if len(sources) > 1:
            figures |= {f"tpr_{source.lower()}": rate for source, rate in sources.items()}
    if not hostile.all():
        figures["fpr"] = percent(flagged[~hostile])
    if "tpr" in figures and "fpr" in figures:
        figures["balanced_accuracy"] = (figures["tpr"] + 100 - figures["fpr"]) / 2
    return figures


def _by(
    what: Callable[[Recorded], str], rows: Sequence[Recorded], which: Flags, flagged: Flags
) -> dict[str, float]:  # fmt: skip
    """Return the share that is flagged among the rows `which`, by what they are."""
    kinds = np.array([what(row) for row in rows])
    return {str(kind): percent(flagged[which & (kinds == kind)]) for kind in sorted(set(kinds[which].tolist()))}


def of_families(rows: Sequence[Recorded], said: Mapping[int, str]) -> dict[str, float]:
    """Return of the attacks that were found, and whose label names a family, how many were given the right one."""
    right: dict[str, list[bool]] = {}
    for place, family in said.items():
        row = rows[place]
        if row.hostile and row.family in FAMILIES:
            right.setdefault(row.family, []).append(family in FAMILIES[row.family])
    if not right:
        return {}
    shares = {f"right_family_{family}": 100 * float(np.mean(flags)) for family, flags in sorted(right.items())}
    return {"right_family": 100 * float(np.mean([flag for flags in right.values() for flag in flags]))} | shares


def transplanted(rows: Sequence[Recorded], judge: Firewall) -> float:
    """Return how many payloads are found in percent that are put into parameters of ordinary requests, by chance."""
    return percent(judge(transplants(rows)).hostile)


def transplants(rows: Sequence[Recorded]) -> list[Request]:
    """Return ordinary requests, each with the payload of an attack in one of its parameters, by chance."""
    chance = random.Random(SEED)
    hosts = [row.request for row in rows if not row.hostile and "=" in row.request.path.partition("?")[2]]
    payloads = [row.request.path.partition("?")[2].partition("=")[2] for row in rows if row.hostile]
    payloads = [payload for payload in payloads if payload]
    if not hosts:
        raise DataError("expected ordinary requests with parameters beside the attacks, found none")
    moved = []
    for k, payload in enumerate(payloads):
        host = chance.choice(hosts)
        path, _, query = host.path.partition("?")
        parts = query.split("&")
        place = chance.choice([i for i, part in enumerate(parts) if "=" in part])
        parts[place] = f"{parts[place].partition('=')[0]}={payload.replace('&', '%26')}"
        client = f"10.{k >> 16}.{k >> 8 & 255}.{k & 255}"
        moved.append(msgspec.structs.replace(host, client=client, path=f"{path}?{'&'.join(parts)}"))
    return moved


def of_visits(requests: Sequence[Request], judge: Firewall) -> dict[str, float]:
    """Return what is made of an ordinary access log: wrong answers on its limit, clients blocked, payloads seen."""
    found = judge(requests)
    limit = SecuritySettings().limit
    assert limit.requests <= LARGEST_LIMIT
    times: dict[str, list[float]] = {}
    said_s: dict[str, float] = {}
    over = np.zeros(len(requests), np.bool_)
    for i, request in enumerate(requests):
        mine = times.setdefault(request.client, [])
        mine.append(request.at_s)
        if sum(at_s > request.at_s - limit.window_s for at_s in mine) > limit.requests:
            last_s = said_s.get(request.client)
            over[i] = last_s is None or request.at_s >= last_s + limit.window_s
            said_s[request.client] = request.at_s if over[i] else said_s[request.client]
    clients = len(times)
    figures = {"visits.fpr": percent(found.hostile), "visits.blocked": 100 * len(found.blocked) / clients}
    return figures | ({"rates.wrong": percent(over != found.over)} if judge is luminar else {})


def costs(requests: Sequence[Request]) -> dict[str, float]:
    """Return the processor time, decoding included, of requests that the gate lets pass, and of all others, in µs.

    They come from `CLIENTS` clients, as in the traffic of an hour, rather than each from one of its own.
    """
    passed, figures = passing(requests), dict[str, float]()
    for name, which in (("us_per_passed", passed), ("us_per_request", ~passed)):
        some = [request for request, is_in in zip(requests, which.tolist(), strict=True) if is_in]
        if some:
            many = [
                msgspec.structs.replace(some[k % len(some)], client=f"10.9.{k % CLIENTS}.1", at_s=BEGIN_S + k / 10)
                for k in range(max(len(some), ENOUGH if name == "us_per_passed" else 0))
            ]
            figures[name] = 1e6 * luminar(many).seconds / len(many)
    return figures
