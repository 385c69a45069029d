# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every molecule scenario keeps the sequence and says how long it may take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tree import ROOT, load_yaml, relative

SCENARIOS = sorted((ROOT / "molecule").glob("*/molecule.yml"))
REQUIRED = {"default", "ha", "upgrade", "tls", "adopt"}
BUDGET = re.compile(r"^# budget: (\d+) minutes\b", re.MULTILINE)
LONGEST = 30


def budget(text: str) -> int | None:
    """Minutes a scenario may take, from its comment; None without one."""
    match = BUDGET.search(text)
    return int(match.group(1)) if match and 0 < int(match.group(1)) <= LONGEST else None


def test_the_scenarios_are_there() -> None:
    assert {path.parent.name for path in SCENARIOS} >= REQUIRED


@pytest.mark.parametrize("path", [pytest.param(path, id=path.parent.name) for path in SCENARIOS])
def test_scenario_has_a_budget(path: Path) -> None:
    assert budget(path.read_text()), f"{relative(path)}: write `# budget: N minutes` (at most {LONGEST})"


@pytest.mark.parametrize("path", [pytest.param(path, id=path.parent.name) for path in SCENARIOS])
def test_scenario_verifies(path: Path) -> None:
    config = load_yaml(path.read_text()) or {}
    sequence = (config.get("scenario") or {}).get("test_sequence")
    assert sequence is None or "verify" in sequence
    tests = [*path.parent.glob("**/test_*.py"), *path.parent.glob("verify.yml")]
    assert tests, f"{path.parent.name} proves nothing: no test_*.py and no verify.yml"


def test_some_scenario_runs_debian_13() -> None:
    assert any("trixie" in path.read_text() for path in SCENARIOS)


def test_rule_reads_a_budget() -> None:
    assert budget("---\n# budget: 7 minutes (two hosts)\n") == 7
    assert budget("# takes 7 minutes") is None
    assert budget("# budget: 300 minutes") is None
