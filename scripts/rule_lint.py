#!/usr/bin/env python3
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look for what promtool lets pass in alert and recording rules; exit 1 and name each place found.

    python -m scripts.rule_lint [FILE or FOLDER...]

A sum over a histogram's buckets keeps `le`; an alert has a `for` or a window; no label is an id or holds the value;
severity is page, ticket or info; summary, description, runbook and dashboard are there. Without arguments: the rules
that ship, and every rule file of inventories/ and playbooks/.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
COLLECTION = ROOT / "collections" / "ansible_collections" / "obs" / "stack"
sys.path.insert(0, str(ROOT / "collections"))

from ansible_collections.obs.stack.plugins.module_utils._rule_lint import findings, is_rules  # noqa: E402

PLACES = (COLLECTION / "roles", COLLECTION / "playbooks", ROOT / "inventories")
SUFFIXES = {".yml", ".yaml", ".rules"}


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """The YAML files of files and folders."""
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES and one.is_file())
        else:
            yield path


def load(path: Path) -> Any:
    """A file parsed, or None where it is no plain YAML: it is no rule file then (a vault, a file with tags)."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return None


def look(paths: list[Path]) -> tuple[int, list[str]]:
    """How many rule files there are, and what is wrong with them, as ``file: group / rule: what``.

    Args:
        paths: files and folders. A file that is named must be one of rules; in a folder others are passed over.
    """
    count, found = 0, []
    named = {path for path in paths if not path.is_dir()}
    for path in files(paths):
        if path in named and not path.is_file():
            found.append(f"{path}: there is no such file")
            continue
        document = load(path)
        if is_rules(document) or path in named:
            count += 1
            found += [f"{path}: {one}" for one in findings(document)]
    return count, found


def main(arguments: list[str]) -> int:
    """Look, tell, and give the exit code."""
    count, found = look([Path(one) for one in arguments] or list(PLACES))
    for one in found:
        print(one)
    if not count:
        print("there is no rule file in " + ", ".join(arguments))
        return 1
    print(f"{count} rule files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
