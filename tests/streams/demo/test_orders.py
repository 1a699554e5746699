from streams.demo.orders import Doors, Orders
from topics.blocklist import Block
from topics.commands import Command


def scale(
    number: int, after: float, expires_at_s: float = 100.0, target: str = "shop", action: str = "scale"
) -> Command:
    return Command(
        id=f"command {number}", action=action, target=target, before=2, after=after, why="", at_s=0.0,
        expires_at_s=expires_at_s, epoch=number,
    )  # fmt: skip


def test_a_command_is_obeyed_once() -> None:
    orders = Orders("shop")
    assert orders.refuse_or_take(scale(1, 4), 1.0) is None
    assert orders.refuse_or_take(scale(1, 4), 2.0) == "repeated"


def test_an_older_command_that_comes_again_after_a_newer_one_changes_nothing() -> None:
    orders = Orders("shop")
    assert orders.refuse_or_take(scale(1, 4), 1.0) is None
    assert orders.refuse_or_take(scale(2, 3), 2.0) is None
    assert orders.refuse_or_take(scale(1, 4), 3.0) == "superseded: epoch 1, 2 was obeyed"


def test_an_expired_command_is_not_obeyed_and_does_not_stand_in_the_way_of_later_ones() -> None:
    orders = Orders("shop")
    assert orders.refuse_or_take(scale(1, 4, expires_at_s=10.0), 30.0) == "expired 20 s ago"
    assert orders.refuse_or_take(scale(2, 5), 30.0) is None


def test_what_is_said_to_others_or_not_understood_is_not_obeyed() -> None:
    orders = Orders("shop")
    assert orders.refuse_or_take(scale(1, 4, target="checkout"), 1.0) == "for checkout"
    assert orders.refuse_or_take(scale(1, 4, action="restart"), 1.0) == "'restart' is unknown here"
    assert orders.refuse_or_take(scale(1, 4), 1.0) is None


def block(until_s: float, client: str = "127.0.0.66") -> Block:
    return Block(client=client, family="rate", until_s=until_s, why="too many", at_s=0.0)


def test_a_door_is_shut_until_the_end_of_the_block() -> None:
    doors = Doors()
    doors.follow("127.0.0.66", block(10.0))
    assert doors.shut_for("127.0.0.66", 9.9) is not None
    assert doors.shut_for("127.0.0.66", 10.0) is None
    assert doors.shut_for("127.0.0.67", 9.9) is None


def test_a_tombstone_opens_the_door_and_one_for_nobody_does_nothing() -> None:
    doors = Doors()
    doors.follow("127.0.0.66", block(10.0))
    doors.follow("127.0.0.66", None)
    doors.follow("127.0.0.66", None)
    assert doors.shut_for("127.0.0.66", 1.0) is None
    assert len(doors) == 0
