# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML that remembers its lines, so that an error can say where."""

from __future__ import annotations

from typing import Any

import yaml

Path = tuple[Any, ...]

# Aliases make a small file a huge tree; no configuration needs this many values.
MOST_NODES = 200_000


class YamlError(Exception):
    """The text is no YAML that we take. `line` counts from 1; 0 when unknown."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class _Walk:
    def __init__(self, loader: yaml.SafeLoader) -> None:
        self.loader = loader
        self.lines: dict[Path, int] = {}
        self.nodes = 0
        self.checked: set[int] = set()

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise YamlError(f"more than {MOST_NODES} values", node.start_mark.line + 1)
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        try:
            return self.loader.construct_object(node, deep=True)
        except ValueError as error:
            raise YamlError(f"not a value of its type: {error}", node.start_mark.line + 1) from None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        self._check_keys(node)
        # Merge keys (<<) come first and what is written beside them wins, as YAML has it.
        self.loader.flatten_mapping(node)
        found: dict[str, Any] = {}
        for key, child in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise YamlError("a key must be a plain word", key.start_mark.line + 1)
            here = (*path, key.value)
            self.lines[here] = key.start_mark.line + 1
            found[key.value] = self.value(child, here)
        return found

    def _check_keys(self, node: yaml.MappingNode) -> None:
        # Once: an alias comes here again, with what its merge keys brought beside its own.
        if id(node) in self.checked:
            return
        self.checked.add(id(node))
        seen: set[str] = set()
        for key, _value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise YamlError("a key must be a plain word", key.start_mark.line + 1)
            if key.value in seen:
                raise YamlError(f"the key {key.value!r} stands there twice", key.start_mark.line + 1)
            seen.add(key.value)


def load(text: str) -> tuple[Any, dict[Path, int]]:
    """The document and, for the path of each key and item, its line.

    Keys are always strings, as written: labels may be called `on` or `1xx`.

    Raises:
        YamlError: no YAML, a key twice, or more than one document.
    """
    loader = yaml.SafeLoader(text) if _printable(text) else None
    if loader is None:
        raise YamlError("the file holds characters that YAML does not allow")
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {}
        walk = _Walk(loader)
        return walk.value(node, ()), walk.lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(error.problem or "no YAML", mark.line + 1 if mark else 0) from None
    except yaml.YAMLError as error:
        raise YamlError(str(error).splitlines()[0]) from None
    except RecursionError:
        raise YamlError("nested too deeply") from None
    finally:
        loader.dispose()


def _printable(text: str) -> bool:
    return yaml.reader.Reader.NON_PRINTABLE.search(text) is None


def line_of(path: Path, lines: dict[Path, int]) -> int:
    """Line of the deepest part of the path that is in the document; 0 when nothing is."""
    here: Path = ()
    line = lines.get(here, 0)
    for part in path:
        # pydantic puts names of union members between; they are no part of the document.
        if (*here, part) in lines:
            here = (*here, part)
            line = lines[here]
    return line
