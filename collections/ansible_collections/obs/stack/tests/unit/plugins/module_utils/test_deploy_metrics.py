# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._deploy_metrics import lines_after, record

OLD = 'deploy_timestamp_seconds{service="shop",version="1.0",generation="3"} 1000\n'
BROKEN = 'deploy_failed{service="shop",step="probe",from="1.0",to="1.1"} 1\n'
UPGRADE = {"changed": True, "from": {"version": "1.0", "generation": 3}, "to": {"version": "1.1", "generation": 4}}
REFUSED = {"failed": True, "step": "probe", "msg": "x"}
NOTHING = {"changed": False, "from": {"version": "1.0", "generation": 3}, "to": {"version": "1.0", "generation": 3}}


def after(before: str, result: t.Mapping[str, t.Any]) -> str:
    return lines_after(before, "shop", result, runs="1.0", wanted="1.1", now=2000.7)


def test_a_deploy_is_told_with_its_version() -> None:
    new = 'deploy_timestamp_seconds{service="shop",version="1.1",generation="4"} 2001\n'
    assert after("", UPGRADE) == after(OLD, UPGRADE) == after(OLD + BROKEN, UPGRADE) == new


def test_a_failure_is_told_beside_the_last_deploy() -> None:
    assert after(OLD, REFUSED) == OLD + BROKEN
    assert after("", REFUSED) == BROKEN
    assert after(OLD + BROKEN, {**REFUSED, "step": ""}) == OLD + BROKEN.replace("probe", "plan")


def test_a_run_that_changes_nothing_ends_the_failure() -> None:
    assert after(OLD + BROKEN, NOTHING) == OLD and after(OLD, NOTHING) == OLD and after("", NOTHING) == ""


def test_live_files_alone_are_no_deploy() -> None:
    assert after(OLD, {**NOTHING, "changed": True}) == OLD


def test_what_came_first_has_no_version_before() -> None:
    text = lines_after("", "shop", REFUSED, runs="", wanted='1"\\', now=1)
    assert 'from="(none)",to="1\\"\\\\"' in text


def test_a_change_of_the_configuration_alone_is_a_deploy_with_its_digest_and_commit() -> None:
    result = {**UPGRADE, "to": {"version": "1.0", "generation": 4}}
    told = lines_after(OLD, "shop", result, runs="1.0", wanted="1.0", now=2, digest="0123456789abcdef", commit="c0ffee")
    labels = 'service="shop",version="1.0",generation="4",digest="0123456789ab",commit="c0ffee"'
    assert told == f"deploy_timestamp_seconds{{{labels}}} 2\n"


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path


def told(folder: pathlib.Path, result: t.Mapping[str, t.Any], state: str = "started") -> str:
    return record(str(folder / "opt"), "shop", result, wanted="1.1", state=state, folder=str(folder))


def test_the_file_is_written_kept_and_removed(folder: pathlib.Path) -> None:
    path = folder / "obs_deploy_shop.prom"
    assert told(folder, {**UPGRADE, "need_release": {"url": "x"}}) == "" and not path.exists()
    assert told(folder, NOTHING) == "" and not path.exists()
    assert told(folder, UPGRADE) == "" and "1.1" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o644 and list(folder.iterdir()) == [path]
    assert told(folder, REFUSED) == "" and 'from="(none)",to="1.1"' in path.read_text()
    assert told(folder, {"changed": True}, state="absent") == "" and not path.exists()


def test_without_node_exporter_there_is_nothing_to_tell(tmp_path: pathlib.Path) -> None:
    gone = str(tmp_path / "gone")
    assert record("/opt/obs", "shop", UPGRADE, wanted="1.1", state="started", folder=gone) == ""


def test_a_deploy_does_not_fail_for_want_of_its_metric(tmp_path: pathlib.Path) -> None:
    (tmp_path / "obs_deploy_shop.prom").mkdir()
    assert "Could not tell node_exporter of the deploy of shop" in told(tmp_path, UPGRADE)
