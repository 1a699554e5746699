"""Valid records, mutated by the million: `python -m tests.streams.engine.mutated [--records N] [--seed S]`.

What the property tests hold of a few thousand records, this holds of as many as asked for.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable

from tests.streams.engine.judged import agree
from topics import Topic
from topics.connections import CONNECTIONS
from topics.metrics import METRICS
from topics.requests import REQUESTS

LOG = 100
"""Records of one log: what the scanner remembers of one must not mislead it about the next."""

NAMES = (
    "shop/load", "checkout/latency_s{route=/pay}", "a/b", "naïve/größe_s", "店/負荷", "x" * 40 + "/y", "no slash",
    "é/😀",
)  # fmt: skip
PIECES = (
    b'"', b"\\", b"\\n", b"\\u00e9", b"\\ud83d\\ude00", b"\\ud800", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xc3\xa9",
    b"\xe2\x82", b"\0", b"\x1f", b"\x7f", b",", b":", b"{", b"}", b"[", b"]", b" ", b"\t", b"\n", b"e", b"E", b"-",
    b"+", b".", b"0", b"9", b"e5", b"null", b"true", b'"x":1,', b'"series":"a/b",', b'"kind":"delta",',
    b'"control":"tick",', b"1e400", b"00", b"123456789" * 3,
)  # fmt: skip


def number(chance: random.Random) -> str:
    """Return a number as some program may write it."""
    written = (
        f"{chance.gauss(20, 5):.3f}", repr(chance.gauss(0, 1)), str(chance.randrange(-5, 1000)),
        repr(chance.uniform(-1, 1) * 10.0 ** chance.randrange(-330, 40)), f"{chance.random():.20f}",
        str(chance.getrandbits(chance.randrange(1, 90))), f"{chance.random():.{chance.randrange(1, 40)}e}",
        f"{chance.getrandbits(64)}.{chance.getrandbits(chance.randrange(1, 64))}",
    )  # fmt: skip
    return chance.choice(written)


def text(chance: random.Random) -> str:
    """Return a JSON string."""
    return json.dumps(chance.choice(NAMES), ensure_ascii=chance.random() < 0.2)


def origin(chance: random.Random) -> str:
    """Return the origin of a derived record."""
    capability, topic = chance.choice(["ingest", "traffic", "forward"]), chance.choice(["telegraf", "requests"])
    offset = chance.getrandbits(chance.choice([3, 30, 70]))
    return (
        f'{{"capability":"{capability}","topic":"{topic}","partition":{chance.randrange(12)},"offset":{offset},'
        f'"subject":[{chance.randrange(2)},{text(chance)}]}}'
    )


def reading(chance: random.Random) -> dict[str, str]:
    """Return the fields of a reading."""
    fields = {"series": text(chance), "value": number(chance), "at_s": f"{1.7e9 + chance.random() * 1e5:.3f}"}
    if chance.random() < 0.2:
        fields["kind"] = chance.choice(['"gauge"', '"delta"', '"total"', '"sketch"', '"other"'])
    if chance.random() < 0.05:
        fields["buckets"] = '{"3":2}'
    return fields


def request(chance: random.Random) -> dict[str, str]:
    """Return the fields of a request."""
    fields = {"client": '"198.51.100.7"', "at_s": f"{1.7e9 + chance.random() * 1e5:.6f}", "path": '"/cart?a=1"'}
    for name, value in (("status", "200"), ("method", '"POST"'), ("agent", text(chance)), ("bytes_in", number(chance))):
        if chance.random() < 0.5:
            fields[name] = value
    return fields | ({"service": '"shop"', "duration_s": number(chance)} if chance.random() < 0.7 else {})


def connection(chance: random.Random) -> dict[str, str]:
    """Return the fields of a connection."""
    fields = {"client": '"198.51.100.7"', "at_s": f"{1.7e9 + chance.random() * 1e5:.3f}", "target": text(chance)}
    words = ['"none"', '"answered"', '"other"', '"tcp"']
    for name, value in (
        ("port", "22"),
        ("protocol", '"udp"'),
        ("outcome", chance.choice(words)),
        ("bytes", number(chance)),
    ):
        if chance.random() < 0.5:
            fields[name] = value
    return fields | ({"service": '"shop"'} if chance.random() < 0.7 else {})


MAKERS: dict[Topic, Callable[[random.Random], dict[str, str]]] = {
    METRICS: reading,
    REQUESTS: request,
    CONNECTIONS: connection,
}


def written(fields: dict[str, str], chance: random.Random) -> bytes:
    """Return fields as JSON: mostly tight and in one order, as one program writes them."""
    names, gap = list(fields), chance.choice(["", "", "", " "])
    if chance.random() < 0.1:
        chance.shuffle(names)
    if chance.random() < 0.1:
        fields["note"] = chance.choice([text(chance), number(chance), "true", "[1]", '{"a":"b"}'])
        names.insert(chance.randrange(len(names) + 1), "note")
    return ("{" + f",{gap}".join(f'"{name}":{gap}{fields[name]}' for name in names) + "}").encode()


def damaged(raw: bytes, chance: random.Random) -> bytes:
    """Change some bytes of a record."""
    changed = bytearray(raw)
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
        at, size = chance.randrange(len(changed) + 1), chance.choice([0, 0, 1, 1, 2, 8])
        pieces = [chance.choice(PIECES), bytes([chance.randrange(256)]), b"", bytes(changed[at : at + 12])]
        changed[at : at + size] = chance.choice(pieces)
    return bytes(changed)


def log(topic: Topic, chance: random.Random) -> list[bytes]:
    """Return a log of mutated records."""
    found = []
    for _ in range(LOG):
        fields = MAKERS[topic](chance)
        if chance.random() < 0.3:
            fields = {"origin": origin(chance)} | fields
        found.append(damaged(written(fields, chance), chance))
    return found


def main() -> None:
    """Hold scanner and judge equal on as many records as asked for; stop at the first that they differ on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance, had = random.Random(options.seed), 0
    while had < options.records:
        for topic in MAKERS:
            agree(topic, log(topic, chance))
            had += LOG
    print(f"{had} mutated records: scanner and judge agree on every one (seed {options.seed})")


if __name__ == "__main__":
    main()
