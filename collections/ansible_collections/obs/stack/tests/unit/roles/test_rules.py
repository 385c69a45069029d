# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped rules: Prometheus' own checker and simulator run over them, and each alert says what it must."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import typing as t

import pytest
import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROLES = HERE.parents[2] / "roles"
FILES = sorted(ROLES.glob("*/files/rules/*/*.yml"))
CASES = sorted((HERE / "rules").glob("*.test.yml"))
SEVERITIES = {"page", "ticket", "none"}


def promtool() -> str | None:
    """promtool on the PATH, or the one that the repository's artifact store was filled from."""
    cache = pathlib.Path(os.environ.get("OBS_CACHE") or pathlib.Path.home() / ".cache" / "obs-stack")
    built = sorted((cache / "build" / "prometheus").glob("*/amd64/promtool"))
    return shutil.which("promtool") or (str(built[-1]) if built else None)


PROMTOOL = promtool()
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="no promtool on the PATH nor in the artifact store")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run promtool; its output is the test's words."""
    return subprocess.run([str(PROMTOOL), *arguments], cwd=HERE / "rules", capture_output=True, text=True, check=False)


def alerts() -> list[t.Any]:
    """Every shipped alert, named."""
    documents = [yaml.safe_load(path.read_text()) for path in FILES]
    rules = [rule for document in documents for group in document["groups"] for rule in group["rules"]]
    return [pytest.param(rule, id=rule["alert"]) for rule in rules if "alert" in rule]


@needs_promtool
def test_checker_has_nothing_to_say() -> None:
    done = run("check", "rules", "--lint=all", "--lint-fatal", *map(str, FILES))
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("case", [pytest.param(path, id=path.name.split(".")[0]) for path in CASES])
def test_simulation(case: pathlib.Path) -> None:
    done = run("test", "rules", case.name)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", alerts())
def test_alert_says_what_it_must(rule: dict[str, t.Any]) -> None:
    assert rule["labels"]["severity"] in SEVERITIES
    assert {"summary", "description", "runbook"} <= set(rule["annotations"])
    assert "{{" not in rule["annotations"]["runbook"], "a runbook is a name, links are made where it is shown"


def test_names_are_unique_over_all_roles() -> None:
    names = [param.id for param in alerts()]
    assert sorted(names) == sorted(set(names))


def test_limits_that_are_set_have_their_alert() -> None:
    text = (ROLES / "prometheus" / "files" / "rules" / "alerts" / "prometheus.yml").read_text()
    for limit in ("sample_limit", "label_limits", "target_limit", "body_size_limit"):
        assert f"exceeded_{limit}_total" in text
