# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark of SLOs measures what it says: a thousand of them, with a past of thirty days."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import bench_slo


def test_a_thousand_slos_are_rendered() -> None:
    rules = bench_slo.rendered(bench_slo.documents())
    assert len(rules) == bench_slo.SERVICES
    assert sum(text.count("record: sloth_slo_info\n") for text in rules.values()) == 1000


def test_each_has_its_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_slo, "DAYS", 1)
    first = dict(list(bench_slo.documents().items())[:1])
    bench_slo.ratios(tmp_path / "past.om", bench_slo.rendered(first))
    lines = (tmp_path / "past.om").read_text().splitlines()
    series = {line.rpartition(" 0.0004 ")[0] for line in lines[1:-1]}
    assert len(series) == bench_slo.EACH and all('sloth_window="5m"' in one and 'owner="team"' in one for one in series)
    assert len(lines) == 2 + bench_slo.EACH * (22 * 12) and lines[-1] == "# EOF"
