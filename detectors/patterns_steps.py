"""What a bucket does to the patterns of a bank: a step of each series that was judged, and of each service."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from detectors.anomaly_loops import DELTA, NEVER
from detectors.anomaly_rows import DAY_S
from detectors.compiled import kernel
from detectors.patterns_roles import CPU, ERRORS, LOAD, MEMORY, ROLES
from detectors.patterns_series import (
    FLATLINE,
    HELD,
    NAMELESS,
    RAISE,
    RHYTHM,
    SATURATION,
    SHAPES,
    THRESHOLD,
    TOGETHER,
    VARIANCE,
    fills_up,
    learn_pace,
    misses_its_time,
    passes_threshold,
    scatters,
    stands_still,
    tell,
    tell_held,
)
from detectors.patterns_services import CODE_FAULT, CORRELATION, LEAK, PAIRS, RUNAWAY, SIGNS, bend, step_service
from topics.settings import Settings


class Rule(NamedTuple):
    """The settings as the kernels take them, all float64."""

    bucket_s: float
    alarms_per_day: float
    warmup: float
    late_s: float
    full_within_s: float
    rhythm_least_s: float


def rule_of(settings: Settings) -> Rule:
    """Return what the kernels need of the settings."""
    return Rule(
        bucket_s=max(0.1, float(settings.anomaly.bucket_s)),
        alarms_per_day=float(settings.anomaly.alarms_per_day),
        warmup=float(settings.patterns.warmup),
        late_s=float(settings.late_s),
        full_within_s=float(settings.patterns.full_within_s),
        rhythm_least_s=float(settings.patterns.rhythm_least_s),
    )


# A trait as kernels take it; see `Trait`.
TRAIT = np.dtype(
    [(name, "f8") for name in ("scale", "sign", "full", "above", "below", "for_s")]
    + [(name, "u1") for name in ("of_load", "share", "watched")]
)
# What is said, before it becomes words: of the series `row`, with `other`; what: its shape, or after those its sign;
# was, now, was_other, now_other: figures, from and to.
NOTE = np.dtype(
    [(name, "i8") for name in ("row", "other", "what", "code")]
    + [(name, "f8") for name in ("at_s", "since_s", "score", "was", "now", "was_other", "now_other")]
)


@kernel
def heard_of(heard_ms, living, service, newest_ms):  # type: ignore[no-untyped-def]
    """Find when each service was last heard of."""
    for row in living:
        newest_ms[service[row]] = max(newest_ms[service[row]], heard_ms[row])


@kernel
def note_down(note, row, what, code, at_s, since_s, score, was, now):  # type: ignore[no-untyped-def]
    """Fill in a note that says anything; return whether it does."""
    if not code:
        return 0
    note.row, note.other, note.what, note.code = row, -1, what, code
    note.at_s, note.since_s, note.score, note.was, note.now = at_s, since_s, score, was, now
    note.was_other, note.now_other = math.nan, math.nan
    return 1


@kernel
def value_of(row):  # type: ignore[no-untyped-def]
    """Return the last value of a row of the anomaly bank; NaN where there is none or it is silent."""
    return row.value if row.seen > 0 and not row.silent else math.nan


@kernel
def is_out(row, load):  # type: ignore[no-untyped-def]
    """Say whether deltas stay out while the load goes on: many say errors only where there are any."""
    return row.kind == DELTA and load.judged_at_s > row.judged_at_s + 2 * row.bucket_s


@kernel
def role_value(rows, traits, which, row, at_s):  # type: ignore[no-untyped-def]
    """Return what a role's series says at a time, in its trait's units; NaN: nothing. Deltas that stay out are 0."""
    if row < 0:
        return math.nan
    if rows[row].kind == DELTA and rows[row].judged_at_s < at_s - 2 * rows[row].bucket_s:
        return 0.0
    return value_of(rows[row]) * traits[which[row]].scale


@kernel
def step_series(one, value, at_s, number, trait, load, clock_ms, rule, notes, taken):  # type: ignore[no-untyped-def]
    """Take a step of one series; return how many notes there are now."""
    late = clock_ms / 1000 - at_s > rule.late_s
    learn_pace(one, at_s)
    fade = min(RAISE * rule.alarms_per_day * one.step_s / DAY_S / NAMELESS, 0.5)
    still = stands_still(one, value, at_s, rule.warmup)
    code = tell_held(one, FLATLINE, still, 1, at_s, late, fade)
    taken += note_down(notes[taken], number, FLATLINE, code, at_s, one.flat_s, 1.0, value, value)
    strays, other = scatters(one, value, rule.warmup)
    code = tell_held(one, VARIANCE, strays, HELD, at_s, late, fade)
    size = max(other, 1 / other) if strays >= 1 else 0.0
    taken += note_down(notes[taken], number, VARIANCE, code, at_s, one.since_s[VARIANCE], size / 3, one.far, one.near)
    missing = misses_its_time(one, value, at_s, clock_ms, rule.warmup, rule.rhythm_least_s)
    code = tell_held(one, RHYTHM, missing, 1, at_s, late, fade)
    taken += note_down(notes[taken], number, RHYTHM, code, at_s, one.begun_s, 1.0, one.period_s, at_s - one.begun_s)
    if trait.sign != 0:
        left_s = fills_up(one, trait, trait.sign * value, rule.warmup, rule.full_within_s)
        code = tell(one, SATURATION, left_s > 0, TOGETHER, at_s, late)
        score = min(rule.full_within_s / left_s, 10.0) if left_s > 0 else 0.0
        taken += note_down(notes[taken], number, SATURATION, code, at_s, one.since_s[SATURATION], score, left_s, value)
    if not math.isnan(trait.above) or one.on[THRESHOLD]:
        held = (value / load if load > 0 else 0.0) if trait.of_load else value
        beyond = passes_threshold(one, trait, held, at_s)
        code = tell(one, THRESHOLD, beyond, 1, at_s, late)
        taken += note_down(
            notes[taken], number, THRESHOLD, code, at_s, one.since_s[THRESHOLD], held / trait.above, trait.above, held
        )
    one.at_s, one.value, one.steps = at_s, value, min(one.steps + 1, 1_000_000)
    return taken


@kernel
def step_roles(  # type: ignore[no-untyped-def]
    rows, series, one, roles, traits, which, at_s, clock_ms, rule, values, codes, notes, taken
):
    """Take a step of a service's roles; return how many notes there are now."""
    for role in range(ROLES):
        values[role] = role_value(rows, traits, which, roles[role], at_s)
    if roles[ERRORS] >= 0 and not traits[which[roles[ERRORS]]].share:
        values[ERRORS] = values[ERRORS] / values[LOAD] if values[LOAD] > 0 else math.nan
    memory = roles[MEMORY]
    rising = memory >= 0 and series[memory].rising == 1
    leaking = memory >= 0 and series[memory].leaking == 1
    step_service(one, values, rising, leaking, rule.warmup, at_s, clock_ms / 1000 - at_s > rule.late_s, codes)
    for sign in range(len(SIGNS)):
        first, second = (ERRORS, CPU) if sign == CODE_FAULT else (CPU, LOAD) if sign == RUNAWAY else (MEMORY, LOAD)
        if sign >= CORRELATION:
            first, second = PAIRS[sign - CORRELATION]
        note = notes[taken]
        said = note_down(note, roles[first], len(SHAPES) + sign, codes[sign], at_s, one.since_s[sign], 1.0, 0.0, 0.0)
        if not said:
            continue
        note.other = roles[second]
        note.was, note.now = one.long[first], one.short[first]
        note.was_other, note.now_other = one.long[second], one.short[second]
        if sign == LEAK:
            note.was = series[memory].ceiling
        if sign >= CORRELATION:
            note.was, note.now = (
                math.tanh(bend(one.far[sign - CORRELATION])),
                math.tanh(bend(one.near[sign - CORRELATION])),
            )
        taken += 1
    return taken


@kernel
def is_out_of_time(one, clock_ms, rule):  # type: ignore[no-untyped-def]
    """Say whether a series that comes too seldom to be stepped should have come by the end of a bucket."""
    bucket_ms = int(1000 * rule.bucket_s)
    return one.due_ms > 0 and -(-one.due_ms // bucket_ms) <= clock_ms // bucket_ms


@kernel
def miss(one, clock_ms, number, notes, taken):  # type: ignore[no-untyped-def]
    """Note that a series has not come; return how many notes there are now."""
    at_s, one.due_ms = clock_ms / 1000, NEVER
    code = tell_held(one, RHYTHM, 1 + one.raised[RHYTHM], 1, at_s, False, 0.0)
    return taken + note_down(
        notes[taken], number, RHYTHM, code, at_s, one.begun_s, 1.0, one.period_s, at_s - one.begun_s
    )


@kernel
def step_values(rows, traits, value, at_s, rule, notes, said):  # type: ignore[no-untyped-def]
    """Mark at which values of one series, a step each, which shapes begin; said [n, shapes]."""
    one, trait = rows[0], traits[0]
    before = np.zeros(len(SHAPES), np.uint8)
    for i in range(len(value)):
        clock_ms = int(1000 * at_s[i])
        before[:] = one.on
        if is_out_of_time(one, clock_ms, rule):
            miss(one, clock_ms, 0, notes, 0)
            said[i, RHYTHM] = one.on[RHYTHM] > before[RHYTHM]
        if at_s[i] != one.at_s:
            step_series(one, value[i] * trait.scale, at_s[i], 0, trait, math.nan, clock_ms, rule, notes, 0)
        for k in range(len(SHAPES)):
            said[i, k] |= one.on[k] > before[k]


@kernel
def step_all(  # type: ignore[no-untyped-def]
    rows, series, services, living, service, roles, traits, which, due, ready, clock_ms, rule, notes,
    touched
):  # fmt: skip
    """Take a step of the services that are due, and of their series that were judged; return the notes taken.

    What comes too seldom to be stepped is missed here: its service is `touched`, though nobody heard of it.
    """
    taken = 0
    for number in living:
        s, one, trait = service[number], series[number], traits[which[number]]
        if not trait.watched or not ready[s]:
            continue
        if is_out_of_time(one, clock_ms, rule):
            touched[s] = True
            taken = miss(one, clock_ms, number, notes, taken)
        row = rows[number]
        if not due[s] or row.seen == 0 or row.kind == 0:
            continue
        value, at_s = row.value, row.judged_at_s
        if number == roles[s, ERRORS] and roles[s, LOAD] >= 0 and is_out(row, rows[roles[s, LOAD]]):
            value, at_s = 0.0, rows[roles[s, LOAD]].judged_at_s
        if at_s != one.at_s:
            load = role_value(rows, traits, which, roles[s, LOAD], at_s)
            taken = step_series(one, value * trait.scale, at_s, number, trait, load, clock_ms, rule, notes, taken)
    values, codes = np.empty(ROLES), np.zeros(len(SIGNS), np.int64)
    for s in np.flatnonzero(due):
        services[s].asked_ms = clock_ms
        at_s = 0.0
        for role in range(ROLES):
            if roles[s, role] >= 0:
                at_s = max(at_s, rows[roles[s, role]].judged_at_s)
        if at_s > services[s].at_s:
            taken = step_roles(
                rows, series, services[s], roles[s], traits, which, at_s, clock_ms, rule, values, codes, notes,
                taken,
            )  # fmt: skip
    return taken
