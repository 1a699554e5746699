"""Agents: programs that are made to find holes, by the name they give themselves.

Anybody can give any name, and owners scan their own sites: it is weak evidence, and never enough by itself.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel
from detectors.wide import byte

SCANNERS = (
    "acunetix", "arachni", "commix", "dirbuster", "dirsearch", "feroxbuster", "ffuf", "fimap", "fuzz faster",
    "gobuster", "havij", "jaeles", "joomscan", "l9explore", "l9tcpid", "masscan", "morfeus", "nessus", "netsparker",
    "nikto", "nmap", "nuclei", "openvas", "qualys", "skipfish", "sqlmap", "sqlninja", "w3af", "wapiti", "webinspect",
    "wfuzz", "whatweb", "wpscan", "xsstrike", "zgrab", "zmeu",
)  # fmt: skip


def _automaton(words: tuple[str, ...]) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Return the automaton that finds any of the words (Aho and Corasick 1975): next states by byte, and which end."""
    follow: list[dict[int, int]] = [{}]
    ends = [False]
    for word in words:
        state = 0
        for letter in word.encode():
            if letter not in follow[state]:
                follow[state][letter] = len(follow)
                follow.append({})
                ends.append(False)
            state = follow[state][letter]
        ends[state] = True
    table = np.zeros((len(follow), 256), np.int16)
    back = [0] * len(follow)
    queue = deque([0])
    while queue:
        state = queue.popleft()
        table[state] = table[back[state]] if state else 0
        for letter, child in follow[state].items():
            back[child] = int(table[state, letter]) if state else 0
            ends[child] |= ends[back[child]]
            table[state, letter] = child
            queue.append(child)
    upper = slice(ord("A"), ord("Z") + 1)
    table[:, upper] = table[:, ord("a") : ord("z") + 1]
    return table, np.array(ends)


NEXT, ENDS = _automaton(SCANNERS)


@kernel
def is_scanner(at, length):  # type: ignore[no-untyped-def]
    """Say whether an agent names a program that is made to find holes."""
    state = 0
    for k in range(at, at + length):
        state = NEXT[state, byte(k)]
        if ENDS[state]:
            return True
    return False
