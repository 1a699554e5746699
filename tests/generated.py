"""What the documentation says of the code, made from the code: `make docs` writes it, a test holds it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from streams.admin import configuration
from streams.bus import Capability, capabilities
from streams.cli import help_tree
from streams.web.model import READ as FOLLOWED
from topics import Derived, Record, Topic
from topics.catalogue import ALL, CONTROLLED
from topics.dead_letters import HEADERS

ROOT = Path(__file__).parents[1]

# Who writes and reads a topic besides the capabilities and the page: (writers, readers).
OTHERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "metrics": (("producers", "ingest"), ()),
    "requests": (("producers", "ingest"), ()),
    "connections": (("producers", "ingest"), ()),
    "signals": (("every capability, of its faults",), ()),
    "alerts": ((), ("people",)),
    "refusals": ((), ("people",)),
    "commands": ((), ("machines",)),
    "blocklist": ((), ("machines",)),
    "settings": (("operators",), ("every worker",)),
    "dead-letters": (("every worker",), ("people",)),
    "state": (("every worker",), ("every worker",)),
}


def policy_of(topic: Topic) -> str:
    """Return how Kafka keeps a topic, in words.

    >>> policy_of(ALL[0])
    'delete, 7 days'
    """
    kept = configuration(topic)
    days = "" if topic.keep_days is None else f", {topic.keep_days:g} days"
    return kept["cleanup.policy"].replace(",", " + ") + days


def writers_of(topic: Topic) -> list[str]:
    """Return who writes a topic."""
    return [*OTHERS.get(topic.name, ((), ()))[0], *(c.name for c in capabilities() if topic in c.says)]


def readers_of(topic: Topic) -> list[str]:
    """Return who reads a topic."""
    page = ["page"] * (topic in FOLLOWED)
    return [*(c.name for c in capabilities() if c.topic is topic), *OTHERS.get(topic.name, ((), ()))[1], *page]


def topic_table() -> str:
    """Return one row a topic."""
    rows = ["| topic | key | records | kept | written by → read by |", "|---|---|---|---|---|"]
    for topic in ALL:
        records = " · ".join(f"[{record.__name__}](#{record.__name__.lower()})" for record in topic.records)
        if not topic.records:
            records = "the record as it came" if topic.name == "dead-letters" else "pages, as bytes"
        who = f"{', '.join(writers_of(topic))} → {', '.join(readers_of(topic))}"
        rows.append(f"| `{topic.name}` | {topic.key} | {records} | {policy_of(topic)} | {who} |")
    controlled = ", ".join(f"`{topic.name}`" for topic in CONTROLLED)
    headers = ", ".join(f"`{name}`" for name in HEADERS)
    return "\n".join([*rows, "", f"Control records stand in {controlled}. The headers of a dead letter are {headers}."])


def capability_table() -> str:
    """Return one row a capability."""
    rows = ["| capability | reads | says | what it does |", "|---|---|---|---|"]
    for capability in capabilities():
        says = ", ".join(f"`{topic.name}`" for topic in capability.says)
        rows.append(f"| `{capability.name}` | `{capability.topic.name}` | {says} | {_first_line(capability)} |")
    return "\n".join(rows)


def _first_line(capability: Capability) -> str:
    return " ".join(capability.help.split("\n\n")[0].split()).replace("|", "\\|")


def record_sections() -> str:
    """Return what every record means, in its author's words, and its fields."""
    sections = []
    for topic in ALL:
        for record in topic.records:
            meaning = (inspect.getdoc(record) or "").strip()
            sections.append(f"### {record.__name__}\n\nOn `{topic.name}`.\n\n```\n{meaning}\n\n{_fields(record)}\n```")
    return "\n\n".join(sections)


def _fields(record: type[Record]) -> str:
    own = [field for field in msgspec.structs.fields(record) if field.name != "origin"]
    lines = [f"{field.encode_name}{_default(field)}: {_kind(record, field.name)}" for field in own]
    if issubclass(record, Derived):
        lines.append(
            "origin?: which conclusion about which record this is (capability, topic, partition, offset, subject)"
        )
    return "\n".join(lines)


def _default(field: msgspec.structs.FieldInfo) -> str:
    return "" if field.required else "?"


def _kind(record: type[Record], name: str) -> str:
    for owner in record.__mro__:
        annotation = inspect.get_annotations(owner).get(name)
        if annotation is not None:
            return str(annotation)
    raise AssertionError(f"{record.__name__} has no field {name}")


def commands() -> str:
    """Return the help of every command."""
    return f"```\n{help_tree()}\n```"


# Which part of which file is made by what; a part stands between two comments.
PARTS: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("docs/topics.md", "topics", topic_table),
    ("docs/topics.md", "capabilities", capability_table),
    ("docs/topics.md", "records", record_sections),
    ("README.md", "commands", commands),
)


def with_part(text: str, part: str, content: str) -> str:
    """Return a file's text with one part made anew.

    >>> with_part("a\\n<!-- b: written by `make docs` -->\\nold\\n<!-- end -->\\nc", "b", "new")
    'a\\n<!-- b: written by `make docs` -->\\nnew\\n<!-- end -->\\nc'
    """
    begins = f"<!-- {part}: written by `make docs` -->\n"
    pattern = re.compile(re.escape(begins) + r".*?(?=<!-- end -->)", re.DOTALL)
    made, count = pattern.subn(lambda _: f"{begins}{content}\n", text)
    assert count == 1, f"expected one part {part!r}, found {count}"
    return made


def written(name: str, text: str) -> str:
    """Return a file's text with all its parts made anew."""
    for file, part, content in PARTS:
        if file == name:
            text = with_part(text, part, content())
    return text


def main() -> None:
    """Write every part."""
    for name in sorted({file for file, _, _ in PARTS}):
        path = ROOT / name
        path.write_text(written(name, path.read_text()))


if __name__ == "__main__":
    main()
