"""Holding a settings tree against the types that it shall become."""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec
from msgspec import inspect

from streams.settings_tree import Node, Path_, Problem, near

WRONG = object()


class Walk:
    """One walk through a tree; `problems` collects what is wrong, all of it, so that a person corrects a file once."""

    def __init__(self, root: Node, secret: frozenset[str]) -> None:
        self.problems: list[Problem] = []
        self._root = root
        self._secret = secret

    def structs(self, kinds: tuple[type[msgspec.Struct], ...]) -> Any:
        """Return the root as plain data that fits all of `kinds`, whose fields share the top level."""
        fields: dict[str, inspect.Field] = {}
        for kind in kinds:
            info = inspect.type_info(kind)
            assert isinstance(info, inspect.StructType)
            fields |= {field.encode_name: field for field in info.fields}
        return self._fields(self._root, fields, ())

    def _fields(self, node: Node, fields: dict[str, inspect.Field], path: Path_) -> Any:
        if not isinstance(node.value, dict):
            return self._wrong(node, path, "names with values")
        plain = {}
        for key, part in node.value.items():
            if key not in fields:
                text = f"unknown key {key!r}; {near(key, list(fields))}"
                self.problems.append(Problem(node.key_where.get(key, part.where), path, text))
                continue
            # A section's name with nothing behind it leaves everything at its default.
            if part.value is not None or not _is_container(fields[key].type):
                plain[key] = self._value(part, fields[key].type, (*path, key))
        for name, field in fields.items():
            if field.required and name not in node.value:
                self.problems.append(Problem(node.where, path, f"expected the key {name!r}, found none"))
        return plain

    def _value(self, node: Node, kind: inspect.Type, path: Path_) -> Any:
        if isinstance(kind, inspect.UnionType):
            if node.value is None and kind.includes_none:
                return None
            kind = next(one for one in kind.types if not isinstance(one, inspect.NoneType))
        if isinstance(kind, inspect.StructType):
            return self._fields(node, {field.encode_name: field for field in kind.fields}, path)
        if isinstance(kind, inspect.DictType):
            return self._dict(node, kind, path)
        if isinstance(kind, inspect.VarTupleType):
            return self._list(node, kind, path)
        value = node.raw if node.raw is not None and isinstance(kind, inspect.StrType) else node.value
        return value if _fits(value, kind) else self._wrong(node, path, _expected(kind))

    def _dict(self, node: Node, kind: inspect.DictType, path: Path_) -> Any:
        if not isinstance(node.value, dict):
            return self._wrong(node, path, "names with values")
        plain = {}
        for key, part in node.value.items():
            filled = Node({}, part.where) if part.value is None else part
            plain[key] = self._value(filled, kind.value_type, (*path, key))
        return plain

    def _list(self, node: Node, kind: inspect.VarTupleType, path: Path_) -> Any:
        values = node.value
        if isinstance(values, str | int | float) and (node.raw is not None or path == ("broker", "addresses")):
            text = node.raw if node.raw is not None else str(values)
            values = [Node(word.strip(), node.where, word.strip()) for word in text.split(",") if word.strip()]
        if not isinstance(values, list):
            return self._wrong(node, path, "a list")
        if not (kind.min_length or 0) <= len(values) <= (math.inf if kind.max_length is None else kind.max_length):
            least, most = kind.min_length or 0, "any number" if kind.max_length is None else kind.max_length
            return self._wrong(node, path, f"a list of {least} to {most}", f"{len(values)}")
        return [self._value(part, kind.item_type, (*path, i)) for i, part in enumerate(values)]

    def _wrong(self, node: Node, path: Path_, expected: str, found: str | None = None) -> Any:
        hidden = bool(self._secret.intersection(map(str, path)))
        shown = "a value that is not shown" if hidden else shown_value(node.value) if found is None else found
        self.problems.append(Problem(node.where, path, f"expected {expected}, found {shown}"))
        return WRONG


def shown_value(value: Any) -> str:
    """Return a value as an error shows it, short."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "names with values"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else text[:77] + "…"


def _is_container(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.StructType | inspect.DictType | inspect.VarTupleType)


def _fits(value: Any, kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.BoolType):
        return isinstance(value, bool)
    if isinstance(kind, inspect.LiteralType):
        return isinstance(value, str) and value in kind.values
    if isinstance(kind, inspect.StrType):
        return isinstance(value, str) and _length_fits(value, kind)
    assert isinstance(kind, inspect.IntType | inspect.FloatType), f"no setting may be of type {kind}"
    if isinstance(value, bool) or not isinstance(value, int | float if isinstance(kind, inspect.FloatType) else int):
        return False
    if not abs(value) < 1e300:
        return False
    bounds = (
        kind.gt is None or value > kind.gt,
        kind.ge is None or value >= kind.ge,
        kind.lt is None or value < kind.lt,
        kind.le is None or value <= kind.le,
    )
    return all(bounds)


def _length_fits(value: str, kind: inspect.StrType) -> bool:
    longest = math.inf if kind.max_length is None else kind.max_length
    return (kind.min_length or 0) <= len(value) <= longest and (
        kind.pattern is None or bool(re.fullmatch(kind.pattern, value))
    )


def _expected(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.BoolType):
        return "true or false"
    if isinstance(kind, inspect.LiteralType):
        return "one of " + ", ".join(map(str, kind.values))
    if isinstance(kind, inspect.StrType):
        sizes = f" of {kind.min_length or 0} to {kind.max_length} characters" if kind.max_length is not None else ""
        return f"a text{sizes}" + (f" that matches {kind.pattern}" if kind.pattern is not None else "")
    assert isinstance(kind, inspect.IntType | inspect.FloatType)
    named = (("above", kind.gt), ("at least", kind.ge), ("below", kind.lt), ("at most", kind.le))
    bounds = " and ".join(f"{word} {bound:g}" for word, bound in named if bound is not None)
    return ("a whole number" if isinstance(kind, inspect.IntType) else "a number") + (f" {bounds}" if bounds else "")
