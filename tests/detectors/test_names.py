"""Names: the compiled table knows what a dictionary would know, whatever was added, removed and moved."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.names import ABSENT, FOREIGN, Names, find_name, hash_names

Name = st.integers(0, 400).map(lambda k: b"service/%d" % k * (1 + k % 7))
Step: st.SearchStrategy[tuple[str, list[bytes]]] = st.one_of(
    st.tuples(st.just("add"), st.lists(Name, max_size=300, unique=True)),
    st.tuples(st.just("remove"), st.lists(Name, max_size=50, unique=True)),
    st.tuples(st.just("drop foreign"), st.just([])),
)


def rows_of(names: Names, wanted: list[bytes]) -> list[int]:
    """Look names up as the kernels do."""
    length = np.array([len(name) for name in wanted], np.int32)
    at = np.concatenate(([0], np.cumsum(length)[:-1])).astype(np.int32)
    buf = np.frombuffer(b"".join(wanted), np.uint8)
    hashes = hash_names(buf, at, length)
    return [int(find_name(buf, at[i], length[i], hashes[i], *names.tables())) for i in range(len(wanted))]


@settings(deadline=None, max_examples=40)
@given(st.lists(Step, max_size=30))
def test_it_knows_what_a_dictionary_knows(steps: list[tuple[str, list[bytes]]]) -> None:
    names, known = Names(), dict[bytes, int]()
    for what, some in steps:
        if what == "add":
            new = {name: FOREIGN if len(name) % 3 == 0 else len(name) for name in some if name not in known}
            names.add_many(list(new), list(new.values()))
            known |= new
        elif what == "remove":
            for name in [name for name in some if name in known]:
                names.remove(name)
                del known[name]
        else:
            names.drop_foreign()
            known = {name: row for name, row in known.items() if row != FOREIGN}
    everything = [b"service/%d" % k * (1 + k % 7) for k in range(401)]
    assert rows_of(names, everything) == [known.get(name, ABSENT) for name in everything]
    assert [names.row(name) for name in everything] == [known.get(name, ABSENT) for name in everything]
    assert len(names) == len(known)


def test_it_grows_with_what_it_knows_and_not_with_what_came_and_went() -> None:
    names = Names()
    names.add_many([b"stays/%d" % k for k in range(5000)], range(5000))
    room = len(names.table), len(names.blob)
    for k in range(50_000):
        names.add(b"goes/%d" % k, 1)
        names.remove(b"goes/%d" % k)
    assert len(names.table) <= 2 * room[0]
    assert len(names.blob) <= 4 * room[1]
    assert rows_of(names, [b"stays/0", b"stays/4999", b"goes/0"]) == [0, 4999, ABSENT]
