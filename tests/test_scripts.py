# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of the documentation and of the benchmark say what happened, good or bad."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts import bench, bench_grafana, bench_peers, bench_stack, compatibility
from scripts.bench_grafana import Run
from scripts.bench_host import BenchError
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


def many(nothing: float, peer: float, megabytes: float, changed: int = 0) -> dict[str, dict[str, list[Run]]]:
    """Runs of the part with Grafana."""
    return {
        "obs.stack": {"first": [Run(9, 9, 90, 2)], "nothing": [Run(nothing, 1, 90, changed)]},
        bench_grafana.PEER: {"first": [Run(90, 90, 70, 2)], "nothing": [Run(peer, 9, 70)]},
        f"{bench_grafana.ESTATE} dashboards": {"first": [Run(90, 9, megabytes, 1)], "nothing": [Run(9, 9, 80)]},
    }


def test_bench_of_grafana_is_content_when_the_targets_are_reached() -> None:
    text, good = bench_grafana.report(many(2, 40, 199))
    assert good and "no change: 20.0, target at least 20: reached" in text and "199 MB, target under 200" in text
    found = many(2, 40, 199)
    del found[bench_grafana.PEER]
    assert bench_grafana.report(found)[1] and "faster" not in bench_grafana.report(found)[0]


@pytest.mark.parametrize("found", [many(2, 39, 199), many(2, 40, 200), many(2, 40, 199, changed=1)])
def test_bench_of_grafana_says_what_was_missed(found: dict[str, dict[str, list[Run]]]) -> None:
    assert not bench_grafana.report(found)[1]


def test_bench_sees_what_the_largest_process_took(tmp_path: Path) -> None:
    inner = "held = bytearray(120 << 20)"
    outer = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-S', '-c', {inner!r}]) or 3)"
    run, done = bench_grafana.watched([sys.executable, "-S", "-c", outer], tmp_path / "used")
    assert done.returncode == 3 and 120 < run.megabytes < 180 and run.seconds > 0
    run, _done = bench_grafana.watched([sys.executable, "-S", "-c", "pass"], tmp_path / "used")
    assert run.megabytes < 60


def test_bench_makes_dashboards_of_the_size_it_tells() -> None:
    board = bench_grafana.board(7)
    assert board["uid"] == "bench-7" and 1 <= len(json.dumps(board)) / bench_grafana.SIZE < 1.03


def test_bench_compares_with_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PEER_COLLECTIONS", raising=False)
    assert bench_peers.peer_folder(bench_grafana.PEER) is None
    monkeypatch.setenv("PEER_COLLECTIONS", str(tmp_path))
    with pytest.raises(BenchError, match="holds neither of"):
        bench_peers.peer_folder(bench_grafana.PEER)
    (tmp_path / "ansible_collections" / "community" / "grafana").mkdir(parents=True)
    assert bench_peers.peer_folder(bench_grafana.PEER) == tmp_path
    assert bench_peers.peer_folder("prometheus.prometheus") is None


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
