# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""deploy_annotations: what Grafana is told of a run's deploys, and that a deploy never fails for it."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.modules import deploy_annotations as module

UPGRADE = {
    "service": "prometheus",
    "host": "a",
    "version": "3.13.5",
    "was": "3.13.4",
    "generation": 7,
    "commit": "c0ffee",
    "time": 1795420526,
}
PATH = "POST /api/annotations"


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Its warnings."""
    found: list[str] = []
    monkeypatch.setattr(module.AnsibleModule, "warn", lambda _self, text: found.append(text))
    return found


def test_each_deploy_is_an_annotation_that_dashboards_find(ask: t.Any, grafana: t.Any) -> None:
    grafana.on(PATH, {"id": 1})
    result = ask(module, deploys=[UPGRADE, {**UPGRADE, "was": "3.13.5", "commit": ""}, {**UPGRADE, "was": ""}])
    assert (result["failed"], result["changed"], result["told"]) == (False, True, 3)
    bodies = [body for _request, body in grafana.written]
    assert bodies[0] == {
        "text": "prometheus 3.13.4 -> 3.13.5 on a, generation 7",
        "tags": ["deploy", "service:prometheus", "host:a", "version:3.13.5", "commit:c0ffee"],
        "time": 1795420526000,
    }
    assert bodies[1]["text"] == "prometheus 3.13.5 reconfigured on a, generation 7"
    assert bodies[1]["tags"] == ["deploy", "service:prometheus", "host:a", "version:3.13.5"]
    assert bodies[2]["text"] == "prometheus 3.13.5 installed on a, generation 7"


def test_a_grafana_that_says_no_is_one_warning(ask: t.Any, grafana: t.Any, warned: list[str]) -> None:
    grafana.on(PATH, {"id": 1}, (401, {"message": "Invalid username or password"}))
    result = ask(module, deploys=[UPGRADE, UPGRADE, UPGRADE])
    assert (result["failed"], result["told"]) == (False, 1) and len(grafana.written) == 2
    (words,) = warned
    assert words.startswith("Grafana was not told of 2 deploys. Could not create annotation") and "canary" not in words


def test_check_mode_tells_nobody(ask: t.Any, grafana: t.Any) -> None:
    result = ask(module, deploys=[UPGRADE], check_mode=True)
    assert (result["changed"], result["told"]) == (False, 0) and not grafana.asked


def test_the_password_may_be_in_a_file_of_the_host(
    run_module: t.Any, grafana: t.Any, warned: list[str], tmp_path: pathlib.Path
) -> None:
    grafana.on(PATH, {"id": 1})
    options = {"url": "http://grafana:3000", "url_username": "admin", "deploys": [UPGRADE]}
    (tmp_path / "password").write_text("canary\n")
    assert run_module(module, url_password_file=str(tmp_path / "password"), **options)["told"] == 1
    result = run_module(module, url_password_file=str(tmp_path / "gone"), **options)
    assert not result["failed"] and "gone: No such file or directory" in warned[0]
