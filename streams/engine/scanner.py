"""The scanner: JSON straight into columns, by compiled code, where it is plain.

It takes a record only when it is sure: fields of the known types, no escapes, valid UTF-8, numbers whose nearest double
it can tell, and nothing that the record's own rules might refuse. msgspec judges all else.

Records of a topic look alike. So what stood between two values the last time (`","value":`) is compared with what
stands there now, thirty-two bytes at once, and only where it differs is read character by character.
"""

from __future__ import annotations

import numpy as np

from detectors.compiled import kernel
from detectors.wide import AHEAD, LANES, address, alike, byte, first, put_word, word
from streams.engine.layout import (
    ANY,
    FIRST,
    FORM,
    INTEGER,
    KIND,
    LONGEST,
    NUMBER,
    OPTIONS,
    ORIGIN,
    SERIES,
    SHORTEST,
    SLOT,
    TEXT,
)
from streams.engine.numbers import UNSURE, read_number
from streams.engine.sources import read_origin
from streams.engine.strings import QUOTE, read_text

END, IGNORED, NONE = -1, -2, -3
LEAD_BYTES = 24
TAB, NEWLINE, RETURN, SPACE, COMMA, COLON, OPEN, CLOSE, SLASH = 9, 10, 13, 32, 44, 58, 123, 125, 47


@kernel
def skip_blanks(at, end):  # type: ignore[no-untyped-def]
    """Return the first address from `at` on that holds no blank."""
    while at < end and byte(at) in (SPACE, NEWLINE, TAB, RETURN):
        at += 1
    return at


@kernel
def find_word(at, cells, first_cell, count):  # type: ignore[no-untyped-def]
    """Return the cell that holds what stands at an address up to its closing quote, and how long it is; or NONE."""
    for place in range(first_cell, first_cell + count):
        cell = cells + place * LANES
        size = byte(cell + LANES - 1)
        if first(~alike(at, cell)) >= size:
            return place, size
    return NONE, 0


@kernel
def read_lead(at, end, begun, cells, fields):  # type: ignore[no-untyped-def]
    """Read from behind a value, or from the record's start, up to the next: return (its address or UNSURE, field)."""
    at = skip_blanks(at, end)
    if begun and byte(at) == CLOSE:
        return skip_blanks(at + 1, end), END
    if byte(at) != (COMMA if begun else OPEN):
        return UNSURE, NONE
    at = skip_blanks(at + 1, end)
    if byte(at) != QUOTE:
        return UNSURE, NONE
    field, size = find_word(at + 1, cells, 0, fields)
    at += 1 + size
    if field == NONE:
        at, is_ascii = read_text(at, end)
        if not is_ascii:
            return UNSURE, NONE
        field, at = IGNORED, at + 1
    at = skip_blanks(at, end)
    if byte(at) != COLON:
        return UNSURE, NONE
    return skip_blanks(at + 1, end), field


@kernel
def next_field(at, end, lead, begun, cells, fields):  # type: ignore[no-untyped-def]
    """Do as `read_lead`, but first compare with what stood there the last time.

    lead           the address of three words: where that was, how many bytes it has, and which field it leads to
    """
    size = np.int64(word(lead + 8))
    if first(~alike(at, np.int64(word(lead)))) >= size:
        return at + size, np.int64(word(lead + 16))
    behind, field = read_lead(at, end, begun, cells, fields)
    if behind - at <= LANES:
        put_word(lead, at)
        put_word(lead + 8, behind - at)
        put_word(lead + 16, field)
    return behind, np.int64(field)


@kernel
def ignore_value(at, end):  # type: ignore[no-untyped-def]
    """Return the address behind a plain value that nobody asked for, or UNSURE."""
    if byte(at) != QUOTE:
        return read_number(at)[2]
    close, is_ascii = read_text(at + 1, end)
    return close + 1 if is_ascii else UNSURE


@kernel
def has_form(at, close, form):  # type: ignore[no-untyped-def]
    """Say whether a text has its slash where a name of this form has it: inside of a series, nowhere in a service."""
    if form == ANY:
        return True
    slash = at
    while slash < close and byte(slash) != SLASH:
        slash += 1
    return at < slash < close - 1 if form == SERIES else slash == close


@kernel
def read_name(at, end, form, shortest, longest):  # type: ignore[no-untyped-def]
    """Return the address behind the quoted text at an address, or UNSURE where it is not plain, or no name."""
    close = read_text(at + 1, end)[0]
    size = close - at - 1
    if byte(at) != QUOTE or not shortest <= size <= longest or not has_form(at + 1, close, form):
        return UNSURE
    return close + 1


@kernel
def read_word(at, cells, first_cell, count):  # type: ignore[no-untyped-def]
    """Return which of a field's words stands at an address, and the address behind it; or NONE and UNSURE."""
    cell, size = find_word(at + 1, cells, first_cell, count)
    if byte(at) != QUOTE or cell == NONE:
        return NONE, UNSURE
    return cell - first_cell, at + 1 + size


@kernel
def scan_records(  # type: ignore[no-untyped-def]
    buf, value_at, value_len, cells, plan, ranges, required, text_at, text_len, number, code, origin, spans, good
):  # fmt: skip
    """Take every record that is plain into the columns; good[i] says which were.

    What follows each field is remembered, and what begins a record, or follows an unknown field. A record is looked at
    only where AHEAD bytes follow it.
    """
    base, cells_at, spans_at, fields = address(buf), address(cells), address(spans), len(plan)
    limit, start = base + len(buf) - AHEAD, fields + 1
    leads = np.full((fields + 2, 3), base, np.int64)
    leads[:, 1] = LANES + 1  # of nothing that could follow are that many bytes compared
    for i in range(len(value_at)):
        good[i], origin[0, i], seen, state, at = False, -1, np.int64(0), start, base + value_at[i]
        end = at + value_len[i]
        while at < end <= limit:
            at, field = next_field(at, end, address(leads) + state * LEAD_BYTES, state != start, cells_at, fields)
            if field == IGNORED:
                at, state = ignore_value(at, end), fields
                continue
            if field < 0 or seen & np.int64(1) << field:
                good[i] = field == END and at == end and seen & required == required
                break
            seen |= np.int64(1) << field
            state, kind, slot = field, plan[field, KIND], plan[field, SLOT]
            if kind <= INTEGER:
                number[slot, i], whole, at = read_number(at)
                if not (whole or kind == NUMBER) or not ranges[field, 0] <= number[slot, i] <= ranges[field, 1]:
                    break
            elif kind == TEXT:
                text, at = at + 1, read_name(at, end, plan[field, FORM], plan[field, SHORTEST], plan[field, LONGEST])
                text_at[slot, i], text_len[slot, i] = text - base, at - 1 - text
            elif kind == ORIGIN:
                origin[0, i], origin[1, i], origin[2, i], text, close, at = read_origin(at, end, base, spans_at)
                text_at[slot, i], text_len[slot, i] = text - base, close - text
            else:  # a word, or what only the judge reads: that has no words to choose from, and no column
                place, at = read_word(at, cells_at, plan[field, FIRST], plan[field, OPTIONS])
                if place != NONE:
                    code[slot, i] = place
