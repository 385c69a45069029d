# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads grafana.ini as Grafana does, for the hooks beside this file. Python 3.9, standard library only."""

from __future__ import annotations

import configparser
import os
import re
import typing as t

EXPANDER = re.compile(r"\$__(file|env)\{([^{}]+)\}")

Settings = t.Dict[str, t.Dict[str, str]]  # noqa: UP006  (evaluated: Python 3.8 parses it)


def read(path: str) -> Settings:
    """Section to keys; those outside of any section under "". Values as they stand, without their quotes.

    Raises:
        ValueError: the file is no ini file, or has something twice.
    """
    parser = configparser.RawConfigParser(
        delimiters=("=",), comment_prefixes=("#", ";"), strict=True, default_section="\0", allow_no_value=True
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    with open(path, encoding="utf-8") as handle:
        text = handle.read()
    head = "head of the file"
    try:
        parser.read_string(f"[{head}]\n{text}", source=path)
    except configparser.Error as error:
        raise ValueError(" ".join(str(error).split())) from error
    sections = parser.sections()
    found = {section: {key: _plain(value or "") for key, value in parser.items(section)} for section in sections}
    found[""] = found.pop(head)
    return found


def expanded(value: str) -> str:
    """A value with $__file{} and $__env{} replaced by what they name.

    Raises:
        OSError: a file cannot be read.
    """

    def replace(match: re.Match[str]) -> str:
        kind, name = match.groups()
        if kind == "env":
            return os.environ.get(name, "")
        with open(name, encoding="utf-8") as handle:
            return handle.read().strip()

    return EXPANDER.sub(replace, value)


def files_named(value: str) -> list[str]:
    """Files that a value is to be read from."""
    return [name for kind, name in EXPANDER.findall(value) if kind == "file"]


def _plain(value: str) -> str:
    value = value.strip()
    for quotes in ('"""', "`", '"', "'"):
        if len(value) >= 2 * len(quotes) and value.startswith(quotes) and value.endswith(quotes):
            return value[len(quotes) : -len(quotes)]
    return value
