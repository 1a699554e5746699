"""What is said twice is accepted once: the compiled marks are what a plain dict would be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.bank import PAGES
from detectors.columns import Origins, Source, Text
from streams.engine import marks as engine_marks
from streams.engine.marks import Marks
from streams.engine.pages import Mark

Said = tuple[int, Source, int, int, str]
"""A derived record: the page it belongs to, its source, offset, phase, and what its subject says."""

WHAT = st.one_of(st.sampled_from(["", "a", "ab", "b", "é", "z\0", "z"]), st.text(max_size=4), st.just("long" * 40))
SOURCES = st.tuples(st.sampled_from(["ingest", "traffic"]), st.sampled_from(["t", "u", "größe"]), st.integers(0, 3))
SAID = st.tuples(st.integers(0, 2), SOURCES, st.integers(0, 4), st.integers(0, 1), WHAT)


class Plain:
    """Marks as plain Python keeps them."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.pages: list[dict[Source, tuple[int, int, str]]] = [{} for _ in range(PAGES)]

    def is_new(self, said: Said) -> bool:
        page, source, offset, phase, what = said
        marks = self.pages[page]
        if marks.get(source, (-1, -1, "")) >= (offset, phase, what):
            return False
        marks[source] = (offset, phase, what)
        if len(marks) > self.most:
            del marks[next(iter(marks))]
        return True

    def of_page(self, page: int) -> list[Mark]:
        return [(*source, *last) for source, last in self.pages[page].items()]


def take(marks: Marks, said: Sequence[Said]) -> tuple[list[bool], set[int], int]:
    """Let marks take some records; return which were new, whose pages were touched, and how many were had before."""
    sources = list(dict.fromkeys(source for _, source, *_ in said))
    whats = [what.encode() for *_, what in said]
    length = np.array([len(what) for what in whats], np.int32)
    text = Text(np.frombuffer(b"".join(whats) + b"\0", np.uint8), (np.cumsum(length) - length).astype(np.int32), length)
    rows = [(sources.index(source), offset, phase) for _, source, offset, phase, _ in said]
    source, offset, phase = np.ascontiguousarray(np.array(rows, np.int64).T)
    keep, dirty = np.ones(len(said), np.bool_), np.zeros(PAGES, np.bool_)
    origins = Origins(source, offset, phase, text, sources)
    pages = np.array([page for page, *_ in said], np.int64)
    had = marks.take(origins, np.arange(len(said)), pages, keep, dirty)
    return keep.tolist(), set(np.flatnonzero(dirty).tolist()), had


@pytest.mark.parametrize("most", [1, 2, 4096])
@given(log=st.lists(st.lists(SAID, min_size=1, max_size=25), max_size=6))
def test_compiled_marks_are_what_a_dict_would_be(most: int, log: list[list[Said]]) -> None:
    """However many a page may have, however the log is cut, and loaded anew between."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_marks, "MARKS_PER_PAGE", most)
        marks, plain = Marks(), Plain(most)
        for said in log:
            new = [plain.is_new(one) for one in said]
            touched = {one[0] for one, is_new in zip(said, new, strict=True) if is_new}
            assert take(marks, said) == (new, touched, new.count(False))
            assert [marks.of_page(page) for page in range(3)] == [plain.of_page(page) for page in range(3)]
            loaded = Marks()
            for page in range(3):
                loaded.put(page, marks.of_page(page))
            marks = loaded if len(said) % 2 else marks


def test_sources_that_no_page_remembers_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may write to a topic can name as many sources as he likes; no more are kept than pages have marks."""
    monkeypatch.setattr(engine_marks, "MARKS_PER_PAGE", 2)
    marks = Marks()
    for round_ in range(200):
        take(marks, [(0, ("ingest", f"topic-{round_}-{n}", 0), 1, 1, "what") for n in range(10)])
    assert len(marks._columns) <= 20
    assert marks._slots.shape[1] <= 64
    assert len(marks._marks) <= 64
