"""A settings file as a tree that remembers its lines: YAML, TOML, and the environment on top."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

LARGEST_BYTES = 1 << 20
MOST_NODES = 100_000
PREFIX = "LUMINAR_"

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong with a setting: where it stands, which one it is, what was expected and what was found."""

    where: str
    path: Path_
    text: str

    def __str__(self) -> str:
        """Read as `luminar.yaml:3: anomaly.alarms_per_day: expected a number above 0, found -1`."""
        name = written(self.path)
        return f"{self.where}: {name}: {self.text}" if name else f"{self.where}: {self.text}"


class SettingsRefused(ValueError):
    """The settings cannot be used; `problems` says all that is wrong with them."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass
class Node:
    """A value with its place: a dict of nodes, a list of nodes, or a scalar.

    raw            the text it was written as, where it came from the environment: it has no quotes to tell "1" from 1
    """

    value: Any
    where: str
    raw: str | None = None
    key_where: dict[str, str] = field(default_factory=dict)


def written(path: Path_) -> str:
    """Return a path as people write it.

    >>> written(("sources", 0, "topic"))
    'sources[0].topic'
    """
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def near(word: str, known: list[str]) -> str:
    """Return a hint at the word that was probably meant, or all that is known.

    >>> near("anomoly", ["anomaly", "security"])
    "did you mean 'anomaly'?"
    """
    found = get_close_matches(word, known, n=1)
    return f"did you mean {found[0]!r}?" if found else f"known: {', '.join(sorted(known))}"


def read_file(path: Path) -> Node:
    """Read a settings file into a tree; an empty file is an empty tree. Raises SettingsRefused."""
    name = str(path)
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise _refused(name, f"expected at most {LARGEST_BYTES} bytes")
        text = path.read_bytes().decode()
    except OSError as error:
        raise _refused(name, f"expected a settings file that can be read, found: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise _refused(f"{name}:{_line_at(path.read_bytes(), error.start)}", "expected UTF-8 text") from None
    if path.suffix == ".toml":
        return _from_toml(text, name)
    if path.suffix in (".yaml", ".yml"):
        return _from_yaml(text, name)
    raise _refused(name, "expected a name that ends in .yaml, .yml or .toml")


def put_environment(root: Node, environment: Mapping[str, str], known: set[str], short: Mapping[str, str]) -> None:
    """Lay LUMINAR_SECTION__KEY=value over the file's values.

    known          the names of the top level; short: other names for some variables

    A variable without a double underscore counts only if it names a setting: a container platform sets LUMINAR_PORT
    and the like for a service called luminar, and those must not stop a worker.
    """
    problems = []
    for name in sorted(environment):
        steps = short.get(name, name).removeprefix(PREFIX).lower().split("__")
        if not name.startswith(PREFIX) or (len(steps) == 1 and steps[0] not in known):
            continue
        problem = _put(root, steps, Node(_scalar(environment[name]), f"environment variable {name}", environment[name]))
        problems += [problem] if problem else []
    if problems:
        raise SettingsRefused(problems)


def _put(root: Node, steps: list[str], leaf: Node) -> Problem | None:
    at = root
    for i, step in enumerate(steps[:-1]):
        if not isinstance(at.value.get(step), Node) or at.value[step].value is None:
            at.value[step] = Node({}, leaf.where)
        at = at.value[step]
        if not isinstance(at.value, dict):
            return Problem(leaf.where, tuple(steps[: i + 1]), "has no named parts that the environment could set")
    at.value[steps[-1]] = leaf
    at.key_where[steps[-1]] = leaf.where
    return None


def _scalar(text: str) -> Any:
    """Read an environment variable's value as YAML does; what is no YAML is a text."""
    try:
        return _from_yaml(text, "").value if text.strip() else text
    except SettingsRefused:
        return text


def _from_yaml(text: str, name: str) -> Node:
    try:
        document = yaml.compose(text, Loader=yaml.SafeLoader)
        return Node({}, f"{name}:1") if document is None else _Yaml(name).node(document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise _refused(f"{name}:{line}", f"expected YAML, found: {_hushed(error.problem or 'a fault')}") from None
    except (yaml.YAMLError, RecursionError):
        raise _refused(name, "expected YAML, found characters or a depth of nesting that it does not allow") from None


def _hushed(text: str) -> str:
    """Drop what a parser quotes from the file: it may be part of a password."""
    return re.sub(r"'[^']{2,}'", "'…'", text)


class _Yaml:
    """Turns YAML's own nodes into ours; knows how many it has made, since aliases multiply."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._made = 0
        self._constructor = yaml.SafeLoader("")

    def node(self, source: yaml.Node) -> Node:
        where = f"{self._name}:{source.start_mark.line + 1}"
        self._made += 1
        if self._made > MOST_NODES:
            raise _refused(where, f"expected at most {MOST_NODES} values, aliases counted each time they are used")
        if isinstance(source, yaml.MappingNode):
            return self._mapping(source, where)
        if isinstance(source, yaml.SequenceNode):
            return Node([self.node(item) for item in source.value], where)
        try:
            return Node(self._constructor.construct_object(source), where)
        except (yaml.YAMLError, ValueError):
            raise _refused(where, "expected a plain value, found a tag or a date that cannot be read") from None

    def _mapping(self, source: yaml.MappingNode, where: str) -> Node:
        found = Node({}, where)
        problems = []
        for key, value in source.value:
            at = f"{self._name}:{key.start_mark.line + 1}"
            if not isinstance(key, yaml.ScalarNode):
                raise _refused(at, "expected a name before the colon, found a list or a mapping")
            if key.value in found.value:
                problems.append(
                    Problem(at, (), f"key {key.value!r} is there twice, first on {found.key_where[key.value]}")
                )
                continue
            found.value[key.value] = self.node(value)
            found.key_where[key.value] = at
        if problems:
            raise SettingsRefused(problems)
        return found


def _from_toml(text: str, name: str) -> Node:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault, _, place = str(error).partition(" (at ")
        line = re.search(r"line (\d+)", place)
        at = f"{name}:{line[1]}" if line else f"{name}:{len(text.splitlines()) or 1}"
        raise _refused(at, f"expected TOML, found: {_hushed(fault)}") from None
    except RecursionError:
        raise _refused(name, "expected TOML, found a depth of nesting that it does not allow") from None
    return _toml_node(document, (), _toml_lines(text), f"{name}:1", name)


def _toml_node(value: Any, path: Path_, lines: dict[Path_, int], above: str, name: str) -> Node:
    where = f"{name}:{lines[path]}" if path in lines else above
    if isinstance(value, dict):
        made = {key: _toml_node(part, (*path, key), lines, where, name) for key, part in value.items()}
        return Node(made, where, key_where={key: node.where for key, node in made.items()})
    if isinstance(value, list):
        return Node([_toml_node(part, (*path, i), lines, where, name) for i, part in enumerate(value)], where)
    return Node(value, where)


_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_WORD = re.compile(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)")


def _toml_lines(text: str) -> dict[Path_, int]:
    """Return the line of every table and key, which the standard parser does not tell."""
    lines: dict[Path_, int] = {}
    tables: dict[Path_, int] = {}
    table: Path_ = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _words(header[2])
            if header[1] == "[[":
                tables[table] = tables.get(table, -1) + 1
                table = (*table, tables[table])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_words(key[1])), number)
    return lines


def _words(text: str) -> Path_:
    return tuple(quoted or single or bare for quoted, single, bare in _WORD.findall(text))


def _line_at(data: bytes, at: int) -> int:
    return data[:at].count(b"\n") + 1


def _refused(where: str, text: str) -> SettingsRefused:
    return SettingsRefused([Problem(where, (), text)])
