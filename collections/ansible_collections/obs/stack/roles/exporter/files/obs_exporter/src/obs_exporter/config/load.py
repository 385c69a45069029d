# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the configuration: strict, and every error with its line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from obs_exporter.config.lines import YamlError, line_of, load
from obs_exporter.config.model import Config

MOST_BYTES = 4 * 2**20
_UNKNOWN = "unknown key"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the configuration. line: from 1, 0 when unknown; where: dotted path."""

    line: int
    where: str
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.where + ': ' if self.where else ''}{self.what}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` in the order of lines."""

    def __init__(self, source: str, problems: list[Problem]) -> None:
        self.source = source
        self.problems = sorted(problems, key=lambda problem: problem.line)
        super().__init__("\n".join(f"{source}:{problem}" for problem in self.problems))


def parse(text: str, source: str = "config") -> Config:
    """The configuration that a text holds.

    Raises:
        ConfigError: it is not valid; all problems at once.
    """
    try:
        data, lines = load(text)
    except YamlError as error:
        raise ConfigError(source, [Problem(error.line, "", str(error))]) from None
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ConfigError(source, [Problem(1, "", "want a mapping with the key modules")])
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError(source, problems_of(error, lines)) from None
    except RecursionError:
        raise ConfigError(source, [Problem(0, "", "nested too deeply")]) from None


def problems_of(error: ValidationError, lines: dict[tuple[Any, ...], int]) -> list[Problem]:
    """What pydantic found, with lines and in our words."""
    found = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        path = one["loc"]
        what = one["msg"].removeprefix("Value error, ")
        if one["type"] == "extra_forbidden":
            what = _UNKNOWN
        elif one["type"] == "missing":
            what = "is required"
        where: list[str] = []
        here: tuple[Any, ...] = ()
        for part in path:
            # Names of union members are pydantic's, not the document's; a missing key is the last part.
            if (*here, part) in lines or part is path[-1]:
                here = (*here, part)
                where.append(str(part))
        found.append(Problem(line_of(path, lines), ".".join(where), what))
    return found


def read(path: Path) -> Config:
    """The configuration of a file.

    Raises:
        ConfigError: it cannot be read or is not valid.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(str(path), [Problem(0, "", f"cannot be read: {error.strerror}")]) from None
    if len(content) > MOST_BYTES:
        raise ConfigError(str(path), [Problem(0, "", f"is larger than {MOST_BYTES} bytes")])
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(str(path), [Problem(line, "", "is not UTF-8")]) from None
    return parse(text, str(path))


def schema() -> str:
    """JSON Schema of the configuration, as published beside the code."""
    made = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(),
        "title": "obs-exporter configuration",
    }
    return json.dumps(made, indent=2, sort_keys=True) + "\n"
