"""The commands: what they say to a person, and what they do on a real broker."""

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from streams.cli import help_tree, main
from streams.cli_words import moment
from topics import Topic
from topics.catalogue import ALL, CONTROLLED

COMMANDS = (  # noqa: SIM905
    "demo broker topics warm worker web feed tail lift feedback report replay evaluate train verify status settings"
).split()
LOCAL = ("demo", "broker", "evaluate", "train", "settings")


def luminar(*arguments: str, stdin: str | bytes = "", env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=stdin, env={"LUMINAR_SETTINGS": None, **(env or {})})


def test_the_help_tells_all_commands_in_the_order_in_which_they_are_needed() -> None:
    assert list(main.commands) == COMMANDS
    said = help_tree()
    usages = [line for line in said.splitlines() if line.startswith("Usage: ")]
    assert len(usages) == 1 + len(COMMANDS) + 4
    for name in (*COMMANDS, "settings validate", "settings put", "settings schema", "report threats"):
        assert any(usage.startswith(f"Usage: luminar {name} ") for usage in usages)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "settings"])
def test_every_command_has_examples_and_explains_every_option(name: str) -> None:
    command = main.commands[name]
    assert "Examples:\n  luminar " in (command.epilog or "")
    assert all(one.help for one in command.params if isinstance(one, click.Option))
    listed = command.get_short_help_str(limit=200)
    assert listed.endswith(".")
    assert len(listed) < 60


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in LOCAL])
def test_every_command_that_talks_to_kafka_takes_where_it_is(name: str) -> None:
    command = main.commands[name]
    for one in command.commands.values() if isinstance(command, click.Group) else (command,):
        assert {"broker", "settings_file", "prefix"} <= {parameter.name for parameter in one.params}


@pytest.mark.parametrize(("name", "topics"), [("tail", ALL), ("replay", CONTROLLED), ("warm", CONTROLLED)])
def test_the_help_names_every_topic_that_is_taken(name: str, topics: tuple[Topic, ...]) -> None:
    (listed,) = re.findall(r"(metrics,[^;.]* or [a-z]+)[;.]", " ".join(luminar(name, "--help").output.split()))
    assert set(re.split(", | or ", listed)) == {topic.name for topic in topics}


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from streams.cli import help_tree; help_tree(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "numba", "faust", "aiokafka", "nicegui", "river"}.intersection(loaded)


def test_wrong_settings_are_said_in_lines_with_exit_code_2(tmp_path: Path) -> None:
    file = tmp_path / "luminar.yaml"
    file.write_text("late_s: -1\nanomoly: {}\n")
    for arguments in (("settings", "validate", str(file)), ("tail", "metrics", "--settings", str(file))):
        result = luminar(*arguments)
        assert result.exit_code == 2
        assert result.output.splitlines() == [
            f"luminar: {file}:1: late_s: expected a number above 0, found -1",
            f"luminar: {file}:2: unknown key 'anomoly'; did you mean 'anomaly'?",
        ]


def test_a_wrong_option_is_called_by_its_name() -> None:
    result = luminar("tail", "metrics", "--broker", "nowhere")
    assert result.output == "luminar: --broker: broker.addresses[0]: expected host:port, found 'nowhere'\n"
    said = luminar("tail", "metrics", env={"LUMINAR_BROKER": "nowhere"}).output
    assert said.startswith("luminar: environment variable LUMINAR_BROKER: broker.addresses[0]: expected host:port")
    assert luminar("tail", "metrics", "--prefix", "a b").output.startswith("luminar: --prefix: prefix: expected")


def test_right_settings_are_named_by_their_version(tmp_path: Path) -> None:
    file = tmp_path / "luminar.toml"
    file.write_text("late_s = 100\n")
    result = luminar("settings", "validate", str(file))
    assert (result.exit_code, result.output.rsplit(" ", 1)[0]) == (0, f"{file} is right; it decides as version")


def test_the_schema_is_json() -> None:
    assert json.loads(luminar("settings", "schema").output)["title"] == "Settings of Luminar"


def test_an_unknown_format_is_refused_with_a_near_name() -> None:
    result = luminar("feed", "--format", "telegraff", "--broker", "127.0.0.1:1")
    assert result.exit_code == 2
    assert "did you mean 'telegraf'?" in result.output


def test_a_place_in_the_log_is_written_in_many_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 100_000.0)
    assert [moment(text) for text in ("beginning", "now", "-90s", "-15m", "-1.5h", "-1d")] == [
        "beginning",
        "now",
        100_000.0 - 90,
        100_000.0 - 900,
        100_000.0 - 5_400,
        100_000.0 - 86_400,
    ]
    assert moment("1970-01-01T01:00:00+01:00") == 0.0
    assert moment("1970-01-01T00:00:10") == moment("10") == 10.0
    with pytest.raises(click.BadParameter, match="time ago like -15m"):
        moment("yesterday")


def test_topics_feed_tail_and_settings_work_together(broker: str, fresh_prefix: str, tmp_path: Path) -> None:
    where = ("--broker", broker, "--prefix", fresh_prefix)
    early = luminar("tail", "metrics", *where)
    assert (early.exit_code, early.output) == (
        2,
        f"luminar: topic '{fresh_prefix}metrics' is not there; `luminar topics` makes it\n",
    )
    settings = tmp_path / "luminar.yaml"
    settings.write_text(f"partitions: 2\nbroker: {broker}\n")
    made = luminar("topics", *where, "--settings", str(settings))
    assert made.output.startswith(f"made {len(ALL)} topics: ")
    refused = luminar("topics", *where)
    assert refused.exit_code == 2
    assert "has 2 partitions, expected 12" in refused.output

    readings = "".join(f'{{"series": "shop/load", "value": {i}, "at_s": {i}}}\n' for i in range(30))
    fed = luminar("feed", *where, stdin=readings)
    assert (fed.exit_code, fed.output) == (0, "luminar: 30 lines: published 30 to metrics; refused 0\n")
    log = b'192.0.2.7 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 5\nnonsense\n'
    fed = luminar("feed", *where, "--format", "access_log", "--service", "shop", stdin=log)
    assert fed.exit_code == 1
    assert "line 2 refused: expected a line like" in fed.output
    assert "published 1 to requests; refused 1" in fed.output

    last = luminar("tail", "metrics", "-n", "3", *where).output.splitlines()
    assert [line.rsplit(" ", 1)[1] for line in last] == ["27", "28", "29"]
    whole = luminar("tail", "metrics", "--from-beginning", "--json", "--control", *where).output.splitlines()
    assert len(whole) == 30 + 2
    assert "shop: 192.0.2.7 GET /a → 200" in luminar("tail", "requests", *where).output

    settings.write_text(f"partitions: 2\nbroker: {broker}\nprefix: {fresh_prefix}\nlate_s: 100\n")
    put = luminar("settings", "put", str(settings), "--author", "ann")
    assert put.output.endswith(" put; workers take them over within seconds\n")
    assert luminar("tail", "settings", *where).output.endswith(" by ann\n")
    assert luminar("lift", "192.0.2.7:80", "--author", "ann", *where).exit_code == 0
    control = luminar("tail", "proposals", "--control", *where).output
    assert "(lift: 192.0.2.7 by ann)" in control
    assert luminar("lift", "--all", "--author", "ann", *where).output.startswith("asked to lift every block")
    assert "(lift: * by ann)" in luminar("tail", "proposals", "--control", *where).output
    assert luminar("tail", "proposals", *where).output == ""
