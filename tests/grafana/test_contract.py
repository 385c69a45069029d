# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract says of every assertion where it was found, and asserts nothing that is not sure."""

from __future__ import annotations

import ast
from pathlib import Path

CONTRACT = Path(__file__).parent / "contract"


def unsourced(text: str) -> list[str]:
    """Tests without a source, or with one that is not sure."""
    found = []
    for node in ast.parse(text).body:
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        marks = [
            mark for mark in node.decorator_list if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "source"
        ]
        words = " ".join(ast.unparse(word) for mark in marks for word in mark.args)
        if not words or "unsure" in words:
            found.append(node.name)
    return found


def test_every_assertion_has_its_source() -> None:
    wrong = {path.name: unsourced(path.read_text()) for path in CONTRACT.glob("test_*.py")}
    assert len(wrong) > 5 and not {name: tests for name, tests in wrong.items() if tests}


def test_a_missing_source_is_found() -> None:
    assert unsourced("def test_a(): pass") == ["test_a"]
    assert unsourced("@source('§2 [unsure]')\ndef test_b(): pass") == ["test_b"]
    assert unsourced("@source('§2 M')\ndef test_c(): pass") == []
