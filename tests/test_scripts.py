# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of the documentation and of the benchmark say what happened, good or bad."""

from __future__ import annotations

from typing import Any

import pytest

from scripts import bench, bench_stack, compatibility
from scripts.lab.results import Counts


def sample(seconds: float, reloads: int = 0, restarts: int = 0) -> bench.Sample:
    """A run in which each service reloaded and restarted that often."""
    each = [dict.fromkeys(bench.SERVICES, count) for count in (reloads, restarts)]
    return bench.Sample(seconds, seconds / 2, 10, 0, *each)


def rounds(install: float, nothing: float, change: bench.Sample) -> list[dict[str, bench.Sample]]:
    """One round of one collection."""
    return [dict(zip(bench.PHASES, (sample(install), sample(nothing), change)))]


def test_bench_is_content_when_the_targets_are_reached() -> None:
    text, good = bench.report({"obs.stack": rounds(20, 3, sample(4, 1)), "peer": rounds(40, 28, sample(30, 0, 1))})
    assert good
    assert "first install         0.500 (1/2.0), target at most 0.500: reached; CPU 0.500" in text
    assert "MISSED" not in text


@pytest.mark.parametrize("ours", [
    rounds(21, 3, sample(4, 1)), rounds(20, 4, sample(4, 1)), rounds(20, 3, sample(4, 2)),
    rounds(20, 3, sample(4, 0, 1)),
])
def test_bench_says_what_was_missed(ours: list[dict[str, bench.Sample]]) -> None:
    text, good = bench.report({"obs.stack": ours, "peer": rounds(40, 28, sample(30))})
    assert not good
    assert "MISSED" in text


def test_bench_takes_the_median() -> None:
    samples = [row for seconds in (1.0, 9.0, 2.0) for row in rounds(seconds, 1, sample(1))]
    assert bench.median(samples, "first install").seconds == 2.0


def test_bench_tells_the_whole_stack_beside_the_others() -> None:
    text, good = bench_stack.report(sample(90), [sample(9), sample(8), sample(11)], 15, {"3 services by x": 3.0})
    assert good and "15 services" in text and "9.0 s" in text and "3.00 of 3 services by x" in text
    slow, changing = [sample(13)], [bench.Sample(9, 9, 10, 1)]
    assert not any(bench_stack.report(sample(90), runs, 15, {})[1] for runs in (slow, changing))


def test_bench_runs_all_of_the_local_inventory() -> None:
    groups, variables = bench_stack.estate({"obs_mirror": "file:///m", "obs_lab_components": {}})
    assert {"prometheus", "thanos_query", "loki", "grafana", "demo"} <= set(groups)
    assert variables["obs_address"] == "127.0.0.1" and variables["vault_grafana_secret_key"]
    assert "obs_lab_components" not in variables and "ansible_connection" not in variables


def test_compatibility_names_versions_origins_and_what_was_not_tested() -> None:
    lab = {"obs_lab_components": {"prometheus": {"version": "3.13.4", "origin": "real-built"}}}
    text = compatibility.components(lab, {"prometheus": "3.13.5", "loki": "3.7.8"})
    assert "| prometheus | 3.13.5 | 3.13.4 | real, built from upstream's Go module |" in text
    assert "| loki | 3.7.8 | none | not tested |" in text


def test_compatibility_hides_no_failure() -> None:
    found: list[tuple[str, dict[str, Any], str, Counts | None]] = [
        ("a", {"platforms": [{"image": "x:trixie"}]}, "told", Counts(3, 1, 0)), ("b", {"platforms": [{}]}, "", None),
        ("c", {"platforms": [{}, {}]}, "", Counts(5, 0, 0)),
    ]
    text = compatibility.scenarios(found, "x:bookworm")
    assert "| a | told | 1 × trixie | 1 tests FAILED |" in text
    assert "| b |  | 1 × bookworm | not run |" in text
    assert "| c |  | 2 × bookworm | 5 tests passed |" in text


def test_generated_parts_stay_between_their_markers() -> None:
    page = f"a\n{compatibility.BEGIN}\nold\n{compatibility.END}\nb"
    assert compatibility.replace(page, "new") == f"a\n{compatibility.BEGIN}\nnew\n{compatibility.END}\nb"
    with pytest.raises(ValueError, match="no <!--"):
        compatibility.replace("a", "new")


def test_a_scenario_is_told_by_its_comment() -> None:
    text = "---\n# budget: 4 minutes\n# One host with\n# everything. More.\nx: 1\n"
    assert compatibility.told_by(text) == "One host with everything"
    assert compatibility.told_by("x: 1\n") == ""
