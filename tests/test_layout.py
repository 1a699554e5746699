"""The layout, and what is written about the code: neither falls behind."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS
from streams import bus
from streams.cli import main
from streams.settings import load
from tests.generated import PARTS, ROOT, written
from topics import Topic
from topics.catalogue import ALL

FOLDERS = ("topics", "detectors", "streams", "tests", "benchmarks", "deploy", "docs", ".ci")
MIRRORED = ("topics", "detectors", "streams")
BUILT = {"__pycache__", "build", "dist"}
MADE = {"benchmarks/results.md", "benchmarks/peers-results.md"}
"""Written by a command rather than a person."""

LONGEST_FILE, LONGEST_FUNCTION = 350, 45
EXCUSED: dict[str, str] = {}
"""Files and functions that may be longer, with the reason."""

# What belongs to one machine, or to the place that packages come from. In pieces, since this file is searched too.
FOREIGN = re.compile(
    r"(?<![\w.])/(?:work|farm)(?=[/\s\"'`]|$)" + "|/tmp/" + r"bash_jobs"
    r"|(?:pypi|pythonhosted|maven|docker|golang)\.(?:org|io|com)\b|maven\.apache\.org|\bghcr\.io\b"
)


def files(*suffixes: str) -> Iterator[Path]:
    """Yield the project's files."""
    found = [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".")]
    found += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    for path in sorted(found):
        if not BUILT & set(path.parts) and (not suffixes or path.suffix in suffixes):
            yield path


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_there(*names: str) -> bool:
    return any((ROOT / name).exists() for name in names)


def module_of(topic: Topic) -> Path:
    """Return the file that declares a topic."""
    declares = re.compile(rf'= Topic\(\s*"{topic.name}"')
    (found,) = [path for path in (ROOT / "topics").glob("*.py") if declares.search(path.read_text())]
    return found


# Layout ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stem", bus.MODULES)
def test_a_capability_has_the_same_shape_every_time(stem: str) -> None:
    shape = {
        "conclusions": (f"detectors/{stem}.py", f"detectors/{stem}/__init__.py"),
        "motion": (f"streams/{stem}.py",),
        "tests of its conclusions": (f"tests/detectors/test_{stem}.py", f"tests/detectors/{stem}"),
        "wiring test": (f"tests/streams/test_{stem}.py",),
        "stories": (f"tests/scenarios/{stem}",),
    }
    assert {part for part, names in shape.items() if not is_there(*names)} == set()


def test_what_is_declared_is_what_is_listed() -> None:
    assert tuple(capability.name for capability in bus.capabilities()) == bus.MODULES


def test_every_topic_has_a_file_of_its_own_stem_or_shares_that_of_its_opposite() -> None:
    files_of = {topic.name: module_of(topic).stem for topic in ALL}
    assert {name: stem for name, stem in files_of.items() if name.replace("-", "_") != stem} == {
        "refusals": "proposals"
    }


def test_every_story_has_a_log_and_what_must_come_of_it() -> None:
    stories = [path for path in (ROOT / "tests" / "scenarios").glob("*/*") if path.is_dir()]
    assert {path.parent.name for path in stories} == set(bus.MODULES)
    needed = ("input.jsonl", "expected.jsonl")
    assert [shown(path / name) for path in stories for name in needed if not (path / name).exists()] == []


def test_every_test_mirrors_what_it_tests() -> None:
    """tests/detectors/test_anomaly.py tests detectors/anomaly.py."""
    lost = []
    for path in files(".py"):
        parts = path.relative_to(ROOT).parts
        if parts[0] == "tests" and parts[1] in MIRRORED and path.name.startswith("test_"):
            tested = ROOT.joinpath(*parts[1:-1], path.name.removeprefix("test_"))
            if not tested.exists() and not tested.with_suffix("").is_dir():
                lost.append(shown(path))
    assert lost == []


def test_files_and_functions_can_be_read() -> None:
    long = [name for name, size in sizes() if name not in EXCUSED and size > 0]
    assert long == []
    assert set(EXCUSED) <= {name for name, size in sizes() if size > 0}


def sizes() -> Iterator[tuple[str, int]]:
    """Yield every file and function with the number of lines that it has too many."""
    for path in files(".py"):
        text = path.read_text()
        yield shown(path), len(text.splitlines()) - LONGEST_FILE
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield f"{shown(path)}:{node.name}", node.end_lineno - node.lineno + 1 - LONGEST_FUNCTION


def test_nothing_belongs_to_one_machine() -> None:
    """No path of a developer's machine, and no host that packages happen to come from."""
    found = [
        f"{shown(path)}:{number}: {line.strip()[:120]}"
        for path in files(".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".json", ".js", ".css", ".sh", ".jsonl", "")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert found == []


def test_what_belongs_to_one_machine_is_recognised() -> None:
    foreign = ["/" + "work/main", "see /" + "farm/x", "https://" + "pypi" + ".org/simple", "/tmp/" + "bash_jobs.0/1"]
    ours = ["streams/worker.py", "/workers", "framework/work/x", "kafka:9092", "127.0.0.1"]
    assert [text for text in foreign if not FOREIGN.search(text)] == []
    assert [text for text in ours if FOREIGN.search(text)] == []


# Documentation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted({file for file, _, _ in PARTS}))
def test_what_is_made_from_the_code_is_as_the_code_is(name: str) -> None:
    text = (ROOT / name).read_text()
    assert written(name, text) == text, f"{name} has fallen behind: run `make docs`"


def test_the_settings_in_the_readme_are_settings(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    file = tmp_path / "luminar.yaml"
    file.write_text(example)
    loaded = load(file)
    assert loaded.settings.services["shop"].scaling is not None
    assert [source.topic for source in loaded.settings.sources] == ["telegraf", "access-logs"]


def test_commands_that_are_written_about_exist() -> None:
    readme = (ROOT / "README.md").read_text()
    asked = set(re.findall(r"(?:`|^|\| )luminar ([a-z]+)", readme.split("<details>")[0], re.MULTILINE))
    assert asked >= {"topics", "worker", "web", "feed", "tail", "replay", "status", "settings"}
    assert asked - set(main.commands) == set()
    made = set(re.findall(r"(?:`|^)make ([a-z]+)", readme, re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert made >= {"demo", "test", "check", "bench"}
    assert made - targets == set()


def test_the_changelog_begins_with_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == version


def test_images_are_called_by_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.findall(r"image: luminar:(\S+)", (ROOT / "docker-compose.yml").read_text()) == [version]


def test_every_word_of_a_record_is_in_the_glossary() -> None:
    words = {
        word.lower()
        for word in re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    }
    said = {record.__name__.removesuffix("Record").lower() for topic in ALL for record in topic.records}
    assert said - words == set()


@pytest.mark.parametrize("path", list(files(".md")), ids=shown)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", path.read_text())
    inside = [link.split("#")[0] for link in links if "://" not in link]
    assert [link for link in inside if link and not (path.parent / link).exists()] == []


def test_every_benchmark_says_what_it_asks() -> None:
    told = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "performance.md").read_text(), re.MULTILINE)
    assert told == list(BENCHMARKS)


@pytest.mark.parametrize("path", list(files(".md")), ids=shown)
def test_files_that_are_written_about_are_there(path: Path) -> None:
    named = re.findall(rf"`((?:{'|'.join(FOLDERS[:-1])})/[\w./-]*)`", path.read_text())
    assert [name for name in named if name not in MADE and not (ROOT / name).exists()] == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
