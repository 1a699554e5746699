"""Where the model is not believed by itself: what brings that about, what does not, and that it never hides a rule."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from detectors.security.abstaining import CLIENTS, MOST, MOST_NOTED, PER_CLIENT, Abstaining, name_of
from detectors.security.bank import SecurityBank
from detectors.security.model import BITS, Model, shipped
from tests import contract
from tests.detectors.security.logs import log_of, request, threats
from tests.fakes import Entry, fold_into, shard_of
from topics.control import Lesson
from topics.requests import REQUESTS, Request

ODD, QUOTED = "/?title=%23red%23", "/?title=1'%20union%20select%20password%20from%20users--"


class Strict(SecurityBank):
    """Calls everything that is not plain hostile, and is never sure."""

    model = Model(np.full(1 << BITS, 8, np.int8), shipped().families, shipped().recipe)


def by_model(abstaining: Abstaining, who: int | bytes, field: str = "path title") -> None:
    abstaining.note(b"shop", who if isinstance(who, bytes) else client(who), [field], [])


def by_rule(abstaining: Abstaining, who: int, field: str = "path title") -> None:
    abstaining.note(b"shop", client(who), [], [field])


def names(abstaining: Abstaining) -> list[bytes]:
    lesson = abstaining.lesson()
    return [] if lesson is None else msgspec.msgpack.decode(lesson)


def client(k: int) -> bytes:
    return f"192.0.2.{k}".encode()


def test_several_clients_bring_it_about_and_a_few_do_not() -> None:
    abstaining = Abstaining()
    for k in range(CLIENTS):
        assert abstaining.lesson() is None
        by_model(abstaining, k)
    assert names(abstaining) == [name_of(b"shop", "path title")]
    assert abstaining.lesson() is None, "it is said once"
    assert not abstaining.at(b"shop", "path title"), "not before it stands in the log"


def test_one_client_brings_nothing_about_however_much_it_sends() -> None:
    abstaining = Abstaining()
    for k in range(1000):
        by_model(abstaining, 1, f"path p{'x' * (k % 50)}")
    assert abstaining.lesson() is None


def test_a_client_counts_at_few_parameters() -> None:
    abstaining = Abstaining()
    fields = [f"path {letter}" for letter in "abcdefgh"]
    for k in range(CLIENTS):
        for field in fields:
            by_model(abstaining, k, field)
    assert sorted(names(abstaining)) == sorted(name_of(b"shop", field) for field in fields[:PER_CLIENT])


def test_where_a_rule_speaks_it_takes_more_and_where_it_speaks_of_several_it_never_is() -> None:
    abstaining = Abstaining()
    by_rule(abstaining, 100)
    for k in range(CLIENTS):
        by_model(abstaining, k)
    assert abstaining.lesson() is None
    by_model(abstaining, 50)
    assert names(abstaining) == [name_of(b"shop", "path title")]
    for k in range(CLIENTS):
        by_rule(abstaining, 100 + k)
    for k in range(50):
        by_model(abstaining, k)
    abstaining.learn(msgspec.msgpack.encode([name_of(b"shop", "path title")]))
    assert abstaining.at(b"shop", "path title"), "the log says so"
    assert abstaining.lesson() == msgspec.msgpack.encode([]), "which is to be taken back"


def test_the_newest_lesson_is_all_that_holds_and_what_is_noted_stays_noted() -> None:
    abstaining = Abstaining()
    for k in range(CLIENTS):
        by_model(abstaining, k)
    abstaining.learn(msgspec.msgpack.encode([name_of(b"shop", "body")]))
    assert abstaining.at(b"shop", "body")
    assert not abstaining.at(b"cart", "body")
    assert names(abstaining) == sorted([name_of(b"shop", "body"), name_of(b"shop", "path title")])
    abstaining.learn(msgspec.msgpack.encode([]))
    assert not abstaining.at(b"shop", "body")
    assert abstaining.times == 1


def test_what_is_kept_is_bounded() -> None:
    abstaining = Abstaining()
    for k in range(2 * MOST_NOTED):
        for n in range(CLIENTS):
            by_model(abstaining, f"{k} {n}".encode(), f"path {np.base_repr(k, 36).translate(LETTERS)}")
    assert len(names(abstaining)) == MOST
    assert len(abstaining._noted) == MOST_NOTED


LETTERS = str.maketrans("0123456789", "abcdefghij")


@pytest.mark.parametrize(
    "lesson", [b"\xc1", b"x", msgspec.msgpack.encode([b"short"]), msgspec.msgpack.encode([b"12345678"] * (MOST + 1))]
)
def test_what_is_no_lesson_changes_nothing(lesson: bytes) -> None:
    abstaining = Abstaining()
    abstaining.learn(msgspec.msgpack.encode([name_of(b"shop", "body")]))
    with pytest.raises(ValueError, match=r"."):
        abstaining.learn(lesson)
    assert abstaining.at(b"shop", "body")


def sent(paths: dict[str, str], first: int, service: str = "shop") -> list[Request]:
    """Return a request of each client, with a path."""
    return [request(first + k, who, path, service=service, status=200) for k, (who, path) in enumerate(paths.items())]


def lesson_after(log: list[Entry]) -> bytes | None:
    shard = shard_of(Strict, REQUESTS)
    fold_into(shard, REQUESTS, log)
    return shard.bank.lesson()


def test_a_bank_abstains_from_its_lesson_on_at_that_parameter_of_that_service_and_no_rule_is_hidden() -> None:
    early = log_of(sent({f"192.0.2.{k}": ODD for k in range(CLIENTS)}, 0))
    lesson = lesson_after(early)
    assert lesson is not None
    late = log_of(
        sent({"192.0.2.50": ODD, "192.0.2.51": QUOTED, "192.0.2.52": ODD.replace("title", "colour")}, 20)
        + sent({"192.0.2.53": ODD}, 30, "cart")
    )
    log = [*early, (late[0][0], Lesson("security", lesson)), *late]
    said = threats(contract.check(Strict, REQUESTS, log))
    assert [one.client for one in said] == [f"192.0.2.{k}" for k in (*range(CLIENTS), 51, 52, 53)]
    assert len(threats(contract.check(Strict, REQUESTS, [*early, *late]))) == CLIENTS + 4, "without the lesson"


def test_one_client_who_sends_a_thousand_of_them_teaches_nothing() -> None:
    paths = [request(k, path=ODD.replace("red", f"r{'e' * k}d"), service="shop", status=200) for k in range(200)]
    assert lesson_after(log_of(paths)) is None
