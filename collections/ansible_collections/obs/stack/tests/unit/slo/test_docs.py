# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Examples and tables of docs/slo.md are what the code does."""

from __future__ import annotations

import pathlib
import re
import typing as t

import yaml

from ansible_collections.obs.stack.plugins.module_utils import _slo_lint
from ansible_collections.obs.stack.plugins.module_utils._slo_catalogs import catalog_of
from ansible_collections.obs.stack.plugins.module_utils._slo_documents import Given, read_documents
from ansible_collections.obs.stack.plugins.module_utils._slo_durations import DAY, text_of
from ansible_collections.obs.stack.plugins.module_utils._slo_lint import lint

COLLECTION = pathlib.Path(__file__).resolve().parents[3]
PAGE = (COLLECTION / "docs" / "slo.md").read_text()


def examples() -> list[t.Any]:
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    documents = [document for document in map(yaml.safe_load, blocks) if isinstance(document, dict)]
    return [document for document in documents if "slos" in document or "kind" in document]


def test_examples_are_taken_by_promtool_and_by_lint(simulator: t.Any) -> None:
    documents = examples()
    assert len(documents) == 3
    slos = read_documents([("docs/slo.md", document) for document in documents], Given())
    assert [slo.id for slo in slos] == ["mail-delivered", "shop-availability", "shop-latency", "shop-reachable"]
    assert not lint(slos)
    simulator.check(slos)


def test_the_table_of_windows_is_what_comes_out() -> None:
    rows = re.findall(r"^\| ((?:page|ticket), (?:quick|slow)) \| (.*) \|$", PAGE, re.MULTILINE)
    days = (30, 28, 7, 90)
    assert len(rows) == 4
    for number, (_name, cells) in enumerate(rows):
        for day, cell in zip(days, cells.split(" | ")):
            tier = catalog_of(day * DAY, {}).tiers[number]
            told = f"{text_of(tier.long)}/{text_of(tier.short)} {float(tier.factor):.4g}"
            assert told.rstrip("3") == cell.rstrip("3"), (day, told, cell)


def test_every_code_of_lint_is_explained() -> None:
    source = pathlib.Path(_slo_lint.__file__).read_text()
    codes = set(re.findall(r'yield \(?\s*"([a-z-]+)"', source))
    explained = set(re.findall(r"^\| `([a-z-]+)` \|", PAGE.partition("## Lint")[2].partition("## On")[0], re.MULTILINE))
    assert codes == explained and len(codes) > 8


STARTERS = sorted((COLLECTION / "roles" / "slo" / "files" / "starters").glob("*.yml"))


def test_starter_slos_are_taken_by_promtool_and_by_lint(simulator: t.Any) -> None:
    documents = [(path.name, one) for path in STARTERS for one in yaml.safe_load_all(path.read_text())]
    slos = read_documents(documents, Given())
    assert {slo.service for slo in slos} == {path.stem for path in STARTERS} and len(STARTERS) == 7
    # As long as Prometheus keeps samples where nobody says otherwise.
    assert not lint(slos, retention=15 * DAY) and all(slo.description for slo in slos)
    simulator.check(slos)
