# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of SLOs in Prometheus' own simulator."""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

import pytest
import yaml

from ansible_collections.obs.stack.plugins.module_utils._slo_documents import Given, read_documents
from ansible_collections.obs.stack.plugins.module_utils._slo_model import Slo
from ansible_collections.obs.stack.plugins.module_utils._slo_rules import files_of
from ansible_collections.obs.stack.tests.unit.programs import program


class Simulator:
    """Makes rules with the real code, and asks promtool about them."""

    def __init__(self, tool: str, folder: pathlib.Path) -> None:
        self.tool = tool
        self.folder = folder

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.tool, *arguments], cwd=self.folder, capture_output=True, text=True, check=False)

    def rules(self, slos: t.Iterable[Slo]) -> list[str]:
        """Write the rules files; their names."""
        files = files_of(slos)
        for name, text in files.items():
            (self.folder / name).write_text(text)
        return sorted(files)

    def groups(self, slos: t.Iterable[Slo], without: tuple[str, ...]) -> list[str]:
        """Write one file of all groups but some, by the beginning of their names; their names, in order."""
        documents = [yaml.safe_load(text) for text in files_of(slos).values()]
        groups = [group for document in documents for group in document["groups"]]
        groups = [group for group in groups if not group["name"].startswith(without)]
        (self.folder / "rules.yml").write_text(json.dumps({"groups": groups}))
        return [group["name"] for group in groups]

    def check(self, slos: t.Iterable[Slo]) -> None:
        """promtool takes the rules, and has nothing to say about them."""
        done = self.run("check", "rules", "--lint=all", "--lint-fatal", *self.rules(slos))
        assert done.returncode == 0, done.stdout + done.stderr

    def play(
        self,
        slos: t.Iterable[Slo],
        series: t.Mapping[str, str],
        expectations: t.Iterable[tuple[int, str, float | None]],
        step: int = 60,
        without: tuple[str, ...] = (),
    ) -> None:
        """Play series to rules.

        Args:
            slos: whose rules they are.
            series: values of each series, in promtool's notation, a sample each step.
            expectations: time in seconds, PromQL, and its one value, or None for no result.
            step: seconds between scrapes, and between evaluations.
            without: beginning of the names of groups that are left out, where they take long and say nothing.
        """
        tests = []
        for when, query, value in expectations:
            samples = [] if value is None else [{"labels": "{}", "value": value}]
            tests.append({"expr": query, "eval_time": f"{when}s", "exp_samples": samples})
        document = {
            "rule_files": ["rules.yml"],
            # promtool has no order of its own, and what comes first sees only what was recorded before.
            "group_eval_order": self.groups(slos, without),
            "evaluation_interval": f"{step}s",
            "fuzzy_compare": True,
            "tests": [
                {
                    "interval": f"{step}s",
                    "input_series": [{"series": name, "values": values} for name, values in series.items()],
                    "promql_expr_test": tests,
                }
            ],
        }
        (self.folder / "play.test.yml").write_text(yaml.safe_dump(document))
        done = self.run("test", "rules", "play.test.yml")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def simulator(tmp_path: pathlib.Path) -> Simulator:
    tool = program("prometheus", "promtool")
    if tool is None:
        pytest.skip("no promtool on the PATH nor in the artifact store")
    return Simulator(tool, tmp_path)


@pytest.fixture
def slos_of() -> t.Callable[..., list[Slo]]:
    """SLOs of a document given as YAML; further ones are catalogs."""

    def read(*texts: str, **given: t.Any) -> list[Slo]:
        documents = [(f"number {number}", yaml.safe_load(text)) for number, text in enumerate(texts)]
        return read_documents(documents, Given(**given))

    return read
