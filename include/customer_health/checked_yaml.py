"""Read a YAML file that people write, and refuse one that cannot be read, with file and line.

YAML's own loaders forget lines, let a repeated key replace the first one, and guess: `no` becomes false
(Norway among a list of countries), 2025-01-31 becomes a date. This reader does none of that. What is said of
content that is not accepted is in yaml_refusals.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from customer_health.errors import ConfigurationError

MOST_NODES = 200_000  # an anchor that repeats an anchor can grow a short file without end
Location = tuple[int | str, ...]


class PlainWords(yaml.SafeLoader):
    """The safe loader, without YAML 1.1's guesses: NO is Norway, `yes` is a word, a date is text."""


_GUESSED = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
PlainWords.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _GUESSED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
PlainWords.add_implicit_resolver(_GUESSED[0], re.compile("true|false"), ["t", "f"])


@dataclass(frozen=True)
class YamlFile:
    """A file as read.

    Attributes:
        path: Where it lies.
        content: What its top level holds.
        lines: Location (keys and places in lists) -> line, from 1.
    """

    path: Path
    content: dict[str, Any]
    lines: Mapping[Location, int]

    def place(self, location: Location) -> str:
        """Return `file:line` of a location, or of the nearest one above it that the file spells out."""
        here: Location = ()
        for part in location:
            if (*here, part) in self.lines:
                here = (*here, part)
            elif not isinstance(part, int):  # a list of one may be written without being a list
                break
        return f"{self.path}:{self.lines[here]}" if here else str(self.path)


def read_yaml(path: Path, *, absent: str, wrong: str, example: str) -> YamlFile:
    """Read a file whose top level is a mapping; an empty file is an empty mapping.

    Args:
        path: The file.
        absent: The hint for a file that does not exist.
        wrong: What is said of a file whose top level is something else.
        example: The hint for such a file.

    Raises:
        ConfigurationError: It is missing, is not UTF-8 or YAML, repeats a key, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError(f"The file {path} does not exist.", hint=absent) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            f"{path}:{line}: byte {error.start} is not UTF-8 text.", hint="Save the file as UTF-8."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}.", hint="Name a YAML file."
        ) from None
    loader = PlainWords(text)
    try:
        root = loader.get_single_node()
        lines = dict(_lines(root, (), path, [0])) if root is not None else {}
        content = loader.construct_document(root) if root is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigurationError(
            f"{place} is not valid YAML: {' '.join(filter(None, (error.context, error.problem)))}.",
            hint="Correct this line or the one above it; indent with spaces, never with tabs.",
        ) from None
    except yaml.YAMLError as error:
        raise ConfigurationError(
            f"{path} is not valid YAML: {error}.", hint="Save it as plain text without control characters."
        ) from None
    finally:
        loader.dispose()
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: {wrong}.", hint=example)
    return YamlFile(path, content, lines)


def _lines(node: Node, location: Location, path: Path, seen: list[int]) -> Iterator[tuple[Location, int]]:
    """Yield every location with its line.

    Raises:
        ConfigurationError: A mapping holds a key twice, or the file unfolds into too much.
    """
    seen[0] += 1
    if seen[0] > MOST_NODES:
        raise ConfigurationError(
            f"{path} unfolds into more than {MOST_NODES:,} values.", hint="Write it without nested anchors."
        )
    if isinstance(node, MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value) if isinstance(key, ScalarNode) else "?", key.start_mark.line + 1
            if name in first and name != "<<":
                where = ".".join(map(str, (*location, name)))
                raise ConfigurationError(
                    f"{path}:{line}: {where} stands here again; it was first given in line {first[name]}.",
                    hint="Only one of the two would count: put everything under one key.",
                )
            first[name] = line
            yield (*location, name), line
            yield from _lines(value, (*location, name), path, seen)
    elif isinstance(node, SequenceNode):
        for number, item in enumerate(node.value):
            yield (*location, number), item.start_mark.line + 1
            yield from _lines(item, (*location, number), path, seen)
