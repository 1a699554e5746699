"""From the command to the exit code, with a show that needs no Kafka."""

import asyncio
import os
import signal
from pathlib import Path

import orjson
import pytest

from streams.demo import director
from streams.demo.facts import WANTED
from streams.demo.processes import DemoFailed
from streams.demo.show import Show, alongside, to_its_end
from topics.blocklist import Block


class Rehearsal(Show):
    """A show in which everything is seen at once."""

    folders: tuple[Path, ...] = ()

    async def play(self, once: bool) -> None:
        type(self).folders = (*self.folders, self._folder)
        self._tell("a line")
        for event in WANTED:
            self.facts.note(event)
        (self._folder / "kafka").mkdir()


class Endless(Rehearsal):
    async def play(self, once: bool) -> None:
        self._tell("a line")
        await asyncio.Event().wait()


class Broken(Rehearsal):
    async def play(self, once: bool) -> None:
        async with alongside(self._fail()):
            await asyncio.Event().wait()

    async def _fail(self) -> None:
        raise DemoFailed("worker ended by itself")


class Interrupted(Rehearsal):
    async def play(self, once: bool) -> None:
        os.kill(os.getpid(), self.number)
        await asyncio.Event().wait()

    number = signal.SIGINT


class Terminated(Interrupted):
    number = signal.SIGTERM


def play(
    monkeypatch: pytest.MonkeyPatch,
    show: type[Show],
    once: bool = True,
    as_json: bool = False,
    limit_s: float = 60.0,
    data: Path | None = None,
) -> int:
    monkeypatch.setattr(director, "Show", show)
    return director.run(once, as_json, limit_s, 0, data)


def test_when_all_was_seen_it_says_so_and_when(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play(monkeypatch, Rehearsal) == 0
    said = capsys.readouterr().out
    assert said.startswith("00:00 a line\n")
    assert "00:00 alert resolved\n" in said
    assert said.endswith("all was seen\n")


def test_json_is_one_object_and_the_story_goes_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play(monkeypatch, Rehearsal, as_json=True) == 0
    said = capsys.readouterr()
    verdict = orjson.loads(said.out)
    assert (verdict["ok"], verdict["missing"], set(verdict["events"])) == (True, [], set(WANTED))
    assert said.err == "00:00 a line\n"


def test_after_the_limit_it_says_what_was_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play(monkeypatch, Endless, as_json=True, limit_s=0.01) == 1
    verdict = orjson.loads(capsys.readouterr().out)
    assert verdict["ok"] is False
    assert verdict["missing"] == [*WANTED.values(), "the limit of 0.01 s is over"]


def test_a_customer_that_was_blocked_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Unjust(Rehearsal):
        async def play(self, once: bool) -> None:
            await super().play(once)
            self.facts.take_block("127.0.1.7", Block(client="127.0.1.7", family="rate", until_s=1.0, why="", at_s=0.0))

    assert play(monkeypatch, Unjust, as_json=True) == 1
    verdict = orjson.loads(capsys.readouterr().out)
    assert verdict["missing"] == ["a customer was blocked: 127.0.1.7"]


def test_a_part_that_fails_ends_the_demo_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play(monkeypatch, Broken, once=False) == 1
    assert capsys.readouterr().err == "worker ended by itself\n"
    assert play(monkeypatch, Broken) == 1
    assert "missing: worker ended by itself\n" in capsys.readouterr().out


@pytest.mark.parametrize("show", [Interrupted, Terminated])
def test_ctrl_c_and_sigterm_end_the_demo_as_they_should_and_a_run_that_was_to_show_something_has_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], show: type[Show]
) -> None:
    assert play(monkeypatch, show, once=False) == 0
    assert capsys.readouterr().out.endswith("stopped; nothing is left running\n")
    assert play(monkeypatch, show) == 130


def test_its_own_folder_is_removed_and_one_that_is_given_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Rehearsal, "folders", ())
    play(monkeypatch, Rehearsal)
    play(monkeypatch, Rehearsal, data=tmp_path / "mine")
    own, given = Rehearsal.folders
    assert not own.exists()
    assert (given, (given / "kafka").is_dir()) == (tmp_path / "mine", True)


async def test_what_a_cancelled_start_has_begun_is_brought_to_its_end() -> None:
    """Else nobody would know what to stop: the broker that is being started is stopped after its start."""
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), []
    loop = asyncio.get_running_loop()

    def start() -> None:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(may_end.wait(), loop).result(20)
        ended.append("started")

    starting = asyncio.create_task(to_its_end(start))
    await begun.wait()
    starting.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert ended == ["started"]
