"""Decisions: the rules hold for any proposals, in any order, said any number of times."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.decisions import DecisionsBank
from detectors.decisions_entries import REFUSALS_KEPT, AllowList, is_one_client
from tests.contract import check
from tests.fakes import Entry, fold
from topics import Derived, Origin
from topics.blocklist import Block, Lift
from topics.commands import Command
from topics.control import EVERYBODY, Feedback, SettingsChange, Tick
from topics.metrics import Reading
from topics.proposals import PROPOSALS, Proposal, Refusal
from topics.settings import DecisionSettings, Scaling, Service, Settings

R = TypeVar("R")
T = 1_700_000_000
SHOP = {"shop": Service(scaling=Scaling(load="shop/requests", capacity=100.0, minimum=2, maximum=6))}


def rules(**changes: object) -> Settings:
    return Settings(services=SHOP, decisions=DecisionSettings(**changes))  # type: ignore[arg-type]


def block(second: float, client: str, for_s: float = 60.0, family: str = "rate") -> Entry:
    at_s = T + second
    proposal = Proposal(
        action="block", target=client, wanted=for_s, why="too many", at_s=at_s, expires_at_s=at_s + 60, family=family
    )
    return int(1000 * at_s), proposal


def scale(second: float, wanted: float, current: float | None = None, target: str = "shop") -> Entry:
    at_s = T + second
    proposal = Proposal(
        action="scale", target=target, wanted=wanted, current=current, why="need", at_s=at_s, expires_at_s=at_s + 60
    )
    return int(1000 * at_s), proposal


def tick(second: float) -> Entry:
    return int(1000 * (T + second)), Tick()


def decided(log: Sequence[Entry], settings: Settings | None = None) -> list[Derived]:
    return fold(DecisionsBank, PROPOSALS, log, settings or rules())


def rules_of(said: Sequence[Derived]) -> list[str]:
    return [record.rule for record in said if isinstance(record, Refusal)]


def of(kind: type[R], said: Sequence[Derived]) -> list[R]:
    return [record for record in said if isinstance(record, kind)]


Blocks = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12), st.sampled_from([20.0, 60.0, 90.0])), max_size=80)


def blocks_log(steps: list[tuple[int, int, float]], until: int = 0) -> list[Entry]:
    """A log of block proposals, each so many half seconds after the one before; some name a client that is allowed."""
    log, second = [], 0.0
    for pause, client, for_s in steps:
        second += pause / 2
        log.append(block(second, "10.0.0.1" if client == 0 else f"192.0.2.{client}", for_s))
    return [*log, *(tick(second + s) for s in range(1, until))]


@given(steps=Blocks, most=st.integers(1, 5))
def test_never_more_new_blocks_in_any_minute_than_the_limit(steps: list[tuple[int, int, float]], most: int) -> None:
    said = decided(blocks_log(steps), rules(blocks_per_minute=most))
    blocked: set[str] = set()
    began = []
    for record in said:
        if isinstance(record, Lift):
            blocked.discard(record.client)
        elif isinstance(record, Block) and record.client not in blocked:
            blocked.add(record.client)
            began.append(record.at_s)
    for i, at_s in enumerate(began):
        assert sum(1 for other in began[i:] if other - at_s <= 60.0) <= most


@given(steps=Blocks)
def test_an_allowed_client_is_never_blocked(steps: list[tuple[int, int, float]]) -> None:
    said = decided(blocks_log(steps), rules(allow=("10.0.0.0/8",)))
    assert "10.0.0.1" not in {block.client for block in of(Block, said)}


@given(steps=Blocks)
def test_every_block_is_lifted_exactly_once(steps: list[tuple[int, int, float]]) -> None:
    """After a client's block comes its lift before the next first block, and nobody stays blocked."""
    blocked: dict[str, float] = {}
    for record in decided(blocks_log(steps, until=95), rules(allow=("10.0.0.0/8",))):
        if isinstance(record, Block):
            blocked[record.client] = record.until_s
        elif isinstance(record, Lift):
            assert 0 <= record.at_s - blocked.pop(record.client) <= 21  # The next record may be 20 s away.
    assert blocked == {}


@given(steps=Blocks, most=st.integers(1, 4))
def test_never_more_blocks_at_one_time_than_the_limit(steps: list[tuple[int, int, float]], most: int) -> None:
    blocked: set[str] = set()
    for record in decided(blocks_log(steps), rules(blocks_most=most)):
        if isinstance(record, Block):
            blocked.add(record.client)
        elif isinstance(record, Lift):
            blocked.discard(record.client)
        assert len(blocked) <= most


Wants = st.lists(
    st.tuples(st.integers(0, 40), st.integers(-3, 12), st.none() | st.integers(1, 9)), min_size=1, max_size=40
)


@given(wants=Wants)
def test_replicas_stay_within_bounds_and_epochs_grow_by_one(wants: list[tuple[int, int, int | None]]) -> None:
    second, log = 0, []
    for pause, wanted, current in wants:
        second += pause
        log.append(scale(second, wanted, current))
    commands = of(Command, decided(log))
    assert all(2 <= command.after <= 6 for command in commands)
    assert [command.epoch for command in commands] == list(range(1, len(commands) + 1))
    assert len({command.id for command in commands}) == len(commands)
    assert all(b.at_s - a.at_s >= 30 for a, b in pairwise(commands))


@given(steps=Blocks, wants=Wants)
def test_the_contract_holds(steps: list[tuple[int, int, float]], wants: list[tuple[int, int, int | None]]) -> None:
    log = blocks_log(steps[:20], until=5) + [scale(float(p), w, c) for p, w, c in wants[:10]]
    check(DecisionsBank, PROPOSALS, sorted(log, key=lambda entry: entry[0]), rules(blocks_per_minute=3))


def test_a_command_says_what_it_leaves_what_it_reaches_and_how_to_undo_it() -> None:
    command, reading = decided([scale(0, 9, current=3)])
    assert isinstance(command, Command)
    assert (command.before, command.after, command.inverse) == (3, 6, ("scale", 3))
    assert "bounded to 6" in command.why
    assert command.expires_at_s == T + 300
    assert isinstance(reading, Reading)
    assert (reading.series, reading.value) == ("shop/replicas", 6)


def test_what_is_there_or_ordered_already_is_not_ordered_again() -> None:
    said = decided([scale(0, 4, current=4), scale(70, 4, current=3), scale(140, 4, current=3), scale(200, 4)])
    assert [command.at_s - T for command in of(Command, said)] == [70]
    assert rules_of(said) == ["no change", "no change", "no change"]


def test_an_order_that_had_no_effect_is_given_again_once_it_has_expired() -> None:
    said = decided([scale(0, 4, current=3), scale(301, 4, current=3)])
    assert [command.epoch for command in of(Command, said)] == [1, 2]


def test_a_second_command_waits_for_the_cooldown() -> None:
    said = decided([scale(0, 4, 2), scale(29, 5, 4), scale(30, 5, 4)])
    assert [command.after for command in of(Command, said)] == [4, 5]
    assert rules_of(said) == ["cooldown"]


def test_an_expired_proposal_is_refused() -> None:
    time_ms, proposal = scale(0, 4, 2)
    assert rules_of(decided([(time_ms + 61_000, proposal)])) == ["expired"]
    time_ms, proposal = block(0, "192.0.2.1")
    assert rules_of(decided([(time_ms + 61_000, proposal)])) == ["expired"]


def test_the_kill_switch_refuses_everything() -> None:
    assert rules_of(decided([scale(0, 4, 2), block(0, "192.0.2.1")], rules(enabled=False))) == ["kill switch"] * 2


def test_a_dry_run_is_said_and_not_ordered_and_only_for_its_action() -> None:
    said = decided([block(0, "192.0.2.1"), scale(1, 4, 2)], rules(dry_run=("scale",)))
    assert rules_of(said) == ["dry run"]
    assert len(of(Block, said)) == 1
    assert not of(Command, said)


def test_a_service_that_the_settings_do_not_name_is_not_scaled() -> None:
    assert rules_of(decided([scale(0, 4, 2, target="other")])) == ["target"]


def test_a_refusal_is_said_once_a_minute() -> None:
    said = decided([scale(s, 4, 4) for s in range(121)])
    assert [record.at_s - T for record in of(Refusal, said)] == [0, 60, 120]


def test_a_flood_of_refusals_says_a_bounded_number() -> None:
    log = [block(i / 1000, f"198.51.{i // 256}.{i % 256}") for i in range(REFUSALS_KEPT + 100)]
    said = decided(log, rules(allow=("198.51.0.0/16",)))
    assert len(said) == REFUSALS_KEPT


@pytest.mark.parametrize(
    ("allow", "client"),
    [
        ("192.0.2.0/24", "192.0.2.200"),
        ("192.0.2.0/24", "::ffff:192.0.2.200"),
        ("::ffff:192.0.2.0/120", "192.0.2.200"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::/32", "2001:db8:0:1::/64"),
        ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
        ("::1/128", "::1"),
        ("key:health", "key:health"),
    ],
)
def test_the_allow_list_covers(allow: str, client: str) -> None:
    said = decided([block(0, client)], rules(allow=(allow,)))
    assert rules_of(said) == ["allow-list"]


def test_the_allow_list_covers_nothing_else() -> None:
    allowed = AllowList(("192.0.2.0/24", "2001:db8::/32", "key:health"))
    assert [allowed.entry_for(c) for c in ("192.0.3.1", "2001:db9::/64", "key:other")] == [None] * 3


@pytest.mark.parametrize("client", ["0.0.0.0/0", "192.0.2.0/24", "2001:db8::/32", "::/0", ""])
def test_only_a_single_client_is_blocked(client: str) -> None:
    assert not is_one_client(client)
    assert rules_of(decided([block(0, client)], rules(allow=()))) == ["target"]


def forged(second: float, client: str) -> Entry:
    """Return a block proposed for what nobody had to receive an answer for."""
    time_ms, proposal = block(second, client, family="portscan")
    return time_ms, msgspec.structs.replace(proposal, forgeable=True)


def test_nobody_is_blocked_for_what_another_may_have_sent_under_the_address() -> None:
    """Seven forged packets accuse a visitor; that it is a visitor, and was blocked before, changes nothing."""
    said = decided([forged(0, "192.0.2.1"), block(1, "192.0.2.1", 5.0), forged(2, "192.0.2.1"), tick(90)])
    assert rules_of(said) == ["forgeable"]
    assert [(b.family, b.until_s - T) for b in of(Block, said)] == [("rate", 6.0)]
    assert len(of(Lift, said)) == 1


@pytest.mark.parametrize(
    ("genuine", "client", "blocked"),
    [
        ("192.0.2.0/24", "192.0.2.200", True),
        ("0.0.0.0/0", "192.0.2.200", True),
        ("::/0", "2001:db8:0:1::/64", True),
        ("2001:db8::/32", "2001:db8:0:1::/64", True),
        ("2001:db8:0:1::7/128", "2001:db8:0:1::/64", False),
        ("192.0.2.0/24", "192.0.3.1", False),
        ("0.0.0.0/0", "2001:db8:0:1::/64", False),
    ],
)
def test_where_addresses_cannot_be_forged_such_a_block_is_ordered(genuine: str, client: str, blocked: bool) -> None:
    said = decided([forged(0, client)], rules(genuine=(genuine,)))
    assert [b.client for b in of(Block, said)] == [client] * blocked
    assert rules_of(said) == ["forgeable"] * (not blocked)


def test_the_allow_list_wins_over_genuine_addresses() -> None:
    said = decided([forged(0, "192.0.2.1")], rules(genuine=("0.0.0.0/0",), allow=("192.0.2.0/24",)))
    assert rules_of(said) == ["allow-list"]


def test_a_block_is_extended_only_by_one_that_ends_later() -> None:
    said = decided([block(0, "192.0.2.1"), block(0, "192.0.2.1"), block(10, "192.0.2.1", 20.0), block(11, "192.0.2.1")])
    assert [(b.times, b.until_s - T) for b in of(Block, said)] == [(1, 60), (2, 71)]
    assert rules_of(said) == ["no change"]


def test_a_client_that_returns_is_counted() -> None:
    said = decided([block(0, "192.0.2.1", 5.0), tick(6), block(20, "192.0.2.1", 5.0)])
    assert [type(record).__name__ for record in said] == ["Block", "Lift", "Block"]
    assert of(Block, said)[1].times == 2


def test_a_lifted_block_makes_room_for_another() -> None:
    said = decided([block(0, "192.0.2.1", 5.0), tick(6), block(7, "192.0.2.2"), tick(70)], rules(blocks_most=1))
    assert [type(record).__name__ for record in said] == ["Block", "Lift", "Block", "Lift"]


def lifted(second: float, client: str) -> Entry:
    return int(1000 * (T + second)), Feedback(verdict="lift", subject=client, author="ada")


def test_a_person_lifts_a_block_and_the_client_is_spared_for_a_while() -> None:
    said = decided([block(0, "192.0.2.1"), lifted(5, "192.0.2.1"), block(6, "192.0.2.1"), block(65, "192.0.2.1")])
    assert [type(record).__name__ for record in said] == ["Block", "Lift", "Refusal", "Block"]
    assert rules_of(said) == ["spared"]
    assert of(Lift, said)[0].why == "lifted by ada"


def test_lifting_who_is_not_blocked_does_nothing() -> None:
    assert decided([lifted(0, "192.0.2.1"), tick(1)]) == []
    assert decided([lifted(0, EVERYBODY), tick(1)]) == []


@given(steps=Blocks)
def test_one_word_lifts_every_block_and_spares_them_all(steps: list[tuple[int, int, float]]) -> None:
    log = blocks_log(steps)
    end_s = log[-1][0] / 1000 - T if log else 0.0
    before = decided(log)
    blocked = {record.client for record in before if isinstance(record, Block)}
    for record in before:
        blocked = blocked - {record.client} if isinstance(record, Lift) else blocked
        blocked = blocked | {record.client} if isinstance(record, Block) else blocked
    again = [block(end_s, client) for client in sorted(blocked)]
    log += [lifted(end_s, EVERYBODY), *again]
    said = decided(log)[len(before) :]
    assert [record.client for record in of(Lift, said)] == sorted(blocked)
    assert rules_of(said) == ["spared"] * len(blocked)
    check(DecisionsBank, PROPOSALS, log, rules())


def changed(second: float, settings: Settings) -> Entry:
    return int(1000 * (T + second)), SettingsChange(version="2", settings=settings)


def test_a_client_that_new_settings_allow_is_lifted_at_the_next_beat() -> None:
    said = decided([block(0, "192.0.2.1"), changed(5.5, rules(allow=("192.0.2.0/24",))), tick(6), tick(90)])
    assert [record.at_s - T for record in of(Lift, said)] == [6]


def test_new_settings_alone_lift_nothing() -> None:
    said = decided([block(0, "192.0.2.1"), changed(5, rules(enabled=False, dry_run=("block",))), tick(6), tick(59)])
    assert of(Lift, said) == []


def test_every_decision_names_its_proposal_and_a_copy_from_elsewhere_changes_nothing() -> None:
    """The same proposal concluded at two places is carried out once; the second finds it done."""
    log = []
    for partition in (0, 1):
        for time_ms, proposal in (block(0, "192.0.2.1"), scale(0, 4, 2)):
            origin = Origin("some", "requests", partition, 7, (1, proposal.subject()))
            log.append((time_ms, msgspec.structs.replace(proposal, origin=origin)))
    said = [record for record in decided(log) if not isinstance(record, Reading)]
    assert [type(record).__name__ for record in said] == ["Block", "Command", "Refusal", "Refusal"]
    assert rules_of(said) == ["no change", "no change"]
    assert [record.proposal for record in said] == [proposal.origin for _, proposal in log]  # type: ignore[attr-defined]
