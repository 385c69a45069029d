# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator in the place of a release: its settings, its command line, its provisioning files.

What a provisioned server does cannot be asked of any Grafana there is, so that these are no part of the contract; the
sources are the contract's.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.grafana.packed import VERSION, Installation
from tests.grafana.servers import SIMULATOR

FIRST, SECOND, THIRD = "canary-first", "canary-second", "canary-third"
PROMETHEUS = {"name": "Prometheus", "type": "prometheus", "uid": "prometheus", "url": "http://127.0.0.1:9090"}
TEMPO = {"name": "Tempo", "type": "tempo", "uid": "tempo", "url": "http://127.0.0.1:3200"}


@pytest.fixture
def installed(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def wait_for(what: str, condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within 20 s"
        time.sleep(0.1)


def refused(installed: Installation) -> str:
    """What the server says where it does not start."""
    run = installed.call("server", *installed.places)
    assert run.returncode == 1, run
    return run.stderr


def test_it_tells_its_version(installed: Installation) -> None:
    assert installed.call("--version").stdout == f"grafana version {VERSION}\n"


def test_the_password_is_a_file_and_seeds_an_empty_database_only(installed: Installation) -> None:
    """§11: admin_password only seeds the first start."""
    with installed.running() as api:
        assert api.get("/api/user").body["login"] == "root"
    (installed.folder / "password").write_text(f"{SECOND}\n")
    with installed.running() as api:
        assert api.get("/api/user").status == 200
        assert api.seen_as(password=SECOND).get("/api/user").status == 401


def test_the_command_line_sets_the_password(installed: Installation) -> None:
    """§11 D cli.md."""
    with installed.running():
        pass
    run = installed.call(
        "cli", *installed.places, "admin", "reset-admin-password", "--password-from-stdin", given=THIRD
    )
    assert run.returncode == 0 and THIRD not in run.stdout + run.stderr
    with installed.running(THIRD) as api:
        assert api.get("/api/user").status == 200
        assert api.seen_as(password=FIRST).get("/api/user").status == 401


def test_without_its_home_it_says_so(installed: Installation) -> None:
    """§11 D cli.md."""
    run = installed.call("cli", "admin", "reset-admin-password", "whatever")
    assert run.returncode == 1 and "Could not find config defaults" in run.stderr


def test_the_environment_wins_over_the_settings(installed: Installation) -> None:
    """§11: GF_<SECTION>_<KEY>; §2: hide_version."""
    with installed.running(GF_AUTH_ANONYMOUS_HIDE_VERSION="true") as api:
        body = api.get("/api/health").body
        assert body == {"database": "ok"}


def test_a_sub_path_is_part_of_every_address(installed: Installation) -> None:
    """§4.1: url is prefixed by the sub path; §11: health is served without it."""
    installed.settings({"server": {"root_url": "https://example.com/grafana/", "serve_from_sub_path": "true"}})
    with installed.running() as api:
        answer = api.post("/grafana/api/dashboards/db", {"dashboard": {"title": "A board", "uid": "b"}})
        assert answer.body["url"] == "/grafana/d/b/a-board"


def test_another_minimum_of_refresh(installed: Installation) -> None:
    """§4.1 M SaveDashboard: [dashboards] min_refresh_interval."""
    installed.settings({"dashboards": {"min_refresh_interval": "1m"}})
    with installed.running() as api:
        api.post("/api/dashboards/db", {"dashboard": {"title": "A board", "uid": "b", "refresh": "30s"}})
        assert api.get("/api/dashboards/uid/b").body["dashboard"]["refresh"] == "1m"


def test_metrics_may_want_a_password(installed: Installation) -> None:
    installed.settings({"metrics": {"basic_auth_username": "prometheus", "basic_auth_password": "canary"}})
    with installed.running() as api:
        assert api.seen_as(login="").get("/metrics").status == 401
        answer = api.seen_as(login="prometheus", password="canary").get("/metrics")
        assert answer.status == 200 and f'version="{VERSION}"' in answer.body


# -- data sources ---------------------------------------------------------------------------------------------------


def test_provisioned_data_sources_are_read_only(installed: Installation, tmp_path: Path) -> None:
    """§3.4 M, §9.1; checklist 14."""
    (tmp_path / "secret").write_text("canary\n")
    links = {"tracesToLogsV2": {"datasourceUid": "loki", "query": '{$${__tags}} | trace_id="$${__trace.traceId}"'}}
    secure = {"basicAuthPassword": f"$__file{{{tmp_path}/secret}}"}
    entries = [
        PROMETHEUS,
        {**TEMPO, "jsonData": links, "secureJsonData": secure},
        {"name": "Own", "type": "loki", "editable": True},
    ]
    installed.provision("datasources", {"datasources": entries})
    with installed.running() as api:
        found = api.get("/api/datasources/uid/tempo").body
        assert found["jsonData"]["tracesToLogsV2"]["query"] == '{${__tags}} | trace_id="${__trace.traceId}"'
        assert (found["readOnly"], found["secureJsonFields"]) == (True, {"basicAuthPassword": True})
        answer = api.put("/api/datasources/uid/tempo", {**TEMPO, "access": "proxy"})
        assert (answer.status, answer.message) == (403, "Cannot update read-only data source")
        answer = api.delete("/api/datasources/uid/tempo")
        assert (answer.status, answer.message) == (403, "Cannot delete read-only data source")
        uid = "P" + hashlib.sha256(b"Own").hexdigest()[:16].upper()
        assert api.get(f"/api/datasources/uid/{uid}").body["readOnly"] is False


def test_what_is_pruned_and_deleted(installed: Installation) -> None:
    """§9.1: prune takes what was provisioned with it, deleteDatasources goes first, matching is by name."""
    installed.provision("datasources", {"prune": True, "datasources": [PROMETHEUS, TEMPO]})
    with installed.running() as api:
        api.post("/api/datasources", {"name": "Mine", "uid": "mine", "type": "loki", "access": "proxy"})
        installed.provision("datasources", {"prune": True, "datasources": [{**PROMETHEUS, "uid": "other"}]})
        assert api.post("/api/admin/provisioning/datasources/reload").message == "Datasources config reloaded"
        assert {one["uid"] for one in api.get("/api/datasources").body} == {"other", "mine"}
        moved = {
            "deleteDatasources": [{"name": "Prometheus", "orgId": 1}],
            "datasources": [{**PROMETHEUS, "name": "New"}],
        }
        installed.provision("datasources", moved)
        assert api.post("/api/admin/provisioning/datasources/reload").status == 200
        assert {one["name"] for one in api.get("/api/datasources").body} == {"New", "Mine"}


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([PROMETHEUS, {**TEMPO, "uid": "prometheus"}], "data source with the same uid already exists"),
        ([{**PROMETHEUS, "isDefault": True}, {**TEMPO, "isDefault": True}], "Only one datasource per organization"),
    ],
)
def test_a_mistake_ends_the_start(installed: Installation, entries: list[dict[str, Any]], words: str) -> None:
    """§9.1 S:03296766 datasources.go, outage reports id 59921416046, 70255798166."""
    installed.provision("datasources", {"datasources": entries})
    said = refused(installed)
    assert said.startswith("Error: ✗ Datasource provisioning error: ") and words in said


def test_another_name_for_a_uid_that_is_there_ends_the_start(installed: Installation) -> None:
    """§9.1: matching is by name, so that it is a new one with the uid of the old."""
    installed.provision("datasources", {"datasources": [PROMETHEUS]})
    with installed.running():
        pass
    installed.provision("datasources", {"datasources": [{**PROMETHEUS, "name": "New"}]})
    assert "data source with the same uid already exists" in refused(installed)
    installed.provision("datasources", {"datasources": [PROMETHEUS]})
    with installed.running() as api:
        assert [one["name"] for one in api.get("/api/datasources").body] == ["Prometheus"]


def test_another_name_for_a_uid_that_is_pruned_is_taken(installed: Installation) -> None:
    """§9.1 S:03296766 datasources.go, applyChanges: what is pruned goes before anything is made."""
    installed.provision("datasources", {"prune": True, "datasources": [PROMETHEUS]})
    with installed.running():
        pass
    installed.provision("datasources", {"prune": True, "datasources": [{**PROMETHEUS, "name": "New"}]})
    with installed.running() as api:
        assert [(one["name"], one["uid"]) for one in api.get("/api/datasources").body] == [("New", PROMETHEUS["uid"])]
        # One that somebody made is no file's to prune, and keeps its uid.
        taken = {"name": "Mine", "uid": "mine", "type": "loki", "access": "proxy"}
        assert api.post("/api/datasources", taken).status == 200
    installed.provision("datasources", {"prune": True, "datasources": [{**PROMETHEUS, "uid": "mine"}]})
    assert "data source with the same uid already exists" in refused(installed)


def test_a_secret_that_cannot_be_read_ends_the_start(installed: Installation) -> None:
    entry = {**TEMPO, "secureJsonData": {"basicAuthPassword": "$__file{/nonexistent/secret}"}}
    installed.provision("datasources", {"datasources": [entry]})
    assert "failed to expand $__file{/nonexistent/secret}" in refused(installed)


# -- dashboards -----------------------------------------------------------------------------------------------------


def boards(installed: Installation, **more: Any) -> None:
    options = {"path": str(installed.boards), "foldersFromFilesStructure": True}
    provider = {"name": "obs", "type": "file", "updateIntervalSeconds": 1, "options": options, **more}
    installed.provision("dashboards", {"providers": [provider]})


def write(installed: Installation, **dashboard: Any) -> Path:
    path = installed.boards / "Lab" / "lab.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"uid": "lab", "title": "Lab", **dashboard}))
    return path


def test_provisioned_dashboards_are_the_files(installed: Installation) -> None:
    """§4.1 no. 9 X12.3.9, 13.1.1, 13.2.2; §4.2; §4.3 X13.2.2; §9.2; checklist 6."""
    boards(installed)
    path = write(installed, refresh="1s")
    with installed.running() as api:
        found = api.get("/api/dashboards/uid/lab").body
        assert (found["meta"]["provisioned"], found["meta"]["provisionedExternalId"]) == (True, "Lab/lab.json")
        assert (found["meta"]["folderTitle"], found["dashboard"]["refresh"]) == ("Lab", "5s")
        for overwrite in (False, True):
            sent = {"dashboard": {**found["dashboard"], "title": "Mine"}, "overwrite": overwrite}
            answer = api.post("/api/dashboards/db", {**sent, "folderUid": found["meta"]["folderUid"]})
            assert (answer.status, answer.message) == (400, "Cannot save provisioned dashboard")
        answer = api.delete("/api/dashboards/uid/lab")
        assert (answer.status, answer.message) == (400, "provisioned dashboard cannot be deleted")
        assert api.get("/api/folders").body[0]["managedBy"] == "classic-file-provisioning"
        path.write_text(json.dumps({"uid": "lab", "title": "Another title"}))
        wait_for("new title", lambda: api.get("/api/dashboards/uid/lab").body["dashboard"]["title"] == "Another title")
        path.write_text("{")
        path.with_name("more.json").write_text(json.dumps({"uid": "more", "title": "More"}))
        wait_for("other dashboard", lambda: api.get("/api/dashboards/uid/more").status == 200)
        path.with_name("more.json").unlink()
        wait_for("deletion", lambda: api.get("/api/dashboards/uid/more").status == 404)


def test_those_that_may_be_saved_are_not_deleted_either(installed: Installation) -> None:
    """§4.2: provisioned only without allowUiUpdates; §4.3 [derived]."""
    boards(installed, allowUiUpdates=True)
    write(installed)
    with installed.running() as api:
        assert api.get("/api/dashboards/uid/lab").body["meta"]["provisioned"] is False
        assert api.delete("/api/dashboards/uid/lab").status == 400
        sent = {"dashboard": {"uid": "lab", "title": "Mine"}, "overwrite": True}
        assert api.post("/api/dashboards/db", sent).status == 200


def test_resources_show_who_manages_them(installed: Installation) -> None:
    """§6 M: manager kind "classic file provisioning"."""
    boards(installed)
    write(installed)
    with installed.running() as api:
        path = "/apis/dashboard.grafana.app/v1/namespaces/default/dashboards/lab"
        found = api.get(path).body
        assert found["metadata"]["annotations"]["grafana.app/managedBy"] == "classic-file-provisioning"
        answer = api.delete(path)
        assert (answer.status, answer.message) == (400, "provisioned dashboard cannot be deleted")


def sources() -> dict[str, str]:
    return {path.name: path.read_text() for path in SIMULATOR.rglob("*.py")}


def test_no_file_is_long() -> None:
    """It is read by those who do not trust it."""
    assert not {name: len(text.splitlines()) for name, text in sources().items() if len(text.splitlines()) >= 300}


def test_a_bare_host_can_run_it() -> None:
    """Python 3.9 and its standard library, nothing else."""
    for name, text in sources().items():
        for node in ast.walk(ast.parse(text, name, feature_version=(3, 9))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module or ""]
            for module in modules:
                top = module.split(".")[0]
                assert top in sys.stdlib_module_names or top in ("grafana_sim", "__future__"), f"{name}: {module}"
