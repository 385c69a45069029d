# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Grafana modules from a playbook: connection written once, sources of the controller, nothing secret told."""

from __future__ import annotations

import grp
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tree import ROOT

servers = pytest.importorskip("tests.grafana.servers")

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/obs.stack.grafana:
      url: "{{ grafana_at }}"
      token: "{{ lookup('ansible.builtin.env', 'TOKEN_OF_TEST') }}"
  tasks:
    - name: Make a folder
      obs.stack.grafana_folder: {uid: base, title: Base}
    - name: Make an account
      obs.stack.grafana_service_account:
        name: boards
        tokens: [{name: ci, dest: "{{ playbook_dir }}/token"}]
    - name: Make a data source
      obs.stack.grafana_datasource:
        name: Loki
        ds_type: loki
        ds_url: http://127.0.0.1:1
        secure_json_data: {basicAuthPassword: canary-secret}
        fingerprint_key: canary-key
    - name: Make more of them
      obs.stack.grafana_datasources:
        datasources:
          - {name: Tempo, ds_type: tempo, ds_url: "http://127.0.0.1:2", secure_json_data: {token: canary-listed}}
          - {name: Prom, ds_type: prometheus, ds_url: "http://127.0.0.1:3", is_default: true}
        fingerprint_key: canary-key
    - name: Sync a tree
      obs.stack.grafana_dashboards:
        path: boards
        folder_uid: base
        folders_from_tree: true
        owner: repo
        prune: true
        inputs: {DS_P: loki}
    - name: Take one from a file
      obs.stack.grafana_dashboard:
        path: boards/team/one.json
        uid: single
        commit_message: by a test
    - name: Look
      obs.stack.grafana_dashboards_info: {owner: repo}
    - name: Mark it
      obs.stack.grafana_annotation: {key: "{{ ansible_play_name | default('x') }}", text: done}
"""
LEGEND = "{{ instance }}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """A playbook with dashboards beside it, and a Grafana."""
    folder = tmp_path_factory.mktemp("project")
    team = folder / "boards" / "team"
    team.mkdir(parents=True)
    (folder / "site.yml").write_text(PLAYBOOK)
    (folder / "ansible.cfg").write_text("[defaults]\n")
    panel = {"type": "timeseries", "datasource": {"uid": "${DS_P}"}, "targets": [{"legendFormat": LEGEND}]}
    asked = [{"name": "DS_P", "type": "datasource", "pluginId": "loki"}]
    (team / "one.json").write_text(json.dumps({"uid": "one", "title": "One", "targets": LEGEND}))
    (team / "two.yaml").write_text(json.dumps({"title": "Two", "__inputs": asked, "panels": [panel]}))
    (team / ".hidden.json").write_text("no json")
    with servers.simulated("13.2.3", "unified") as api:
        yield folder, api.new_org().with_role("Admin")


def play(project: tuple[Path, Any], *words: str, callback: str = "default") -> tuple[int, str]:
    """Run the playbook; exit code and what it printed."""
    folder, api = project
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_STDOUT_CALLBACK": callback,
        "TOKEN_OF_TEST": api.token,
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "site.yml", "-i", "localhost,", "-c", "local",
               "-e", f"grafana_at={api.url}", "-e", f"ansible_python_interpreter={sys.executable}", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_playbook_predicts_does_and_settles(project: tuple[Path, Any]) -> None:
    folder, api = project
    code, predicted = play(project, "--check", "--diff", "-vvv")
    assert code == 0 and "changed=7" in predicted, predicted
    assert not (folder / "token").exists()
    code, done = play(project, "--diff", "-vvv", callback="ansible.posix.json")
    assert code == 0, done
    told = json.loads(done[done.index("{\n") : done.rindex("}") + 1])
    assert told["stats"]["localhost"]["changed"] == 7
    arguments = [next(iter(task["hosts"].values()))["invocation"]["module_args"] for task in told["plays"][0]["tasks"]
                 if "data source" in task["task"]["name"]]
    assert [one["fingerprint_key"] for one in arguments] == ["VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"]
    code, again = play(project)
    assert code == 0 and "changed=0" in again, again
    assert "DEPRECATION" not in predicted + done + again
    secrets = [api.token, (folder / "token").read_text().strip(), "canary-secret", "canary-listed", "canary-key"]
    assert not [secret for secret in secrets if secret in predicted + done + again]
    # Never templated, inputs put in.
    stored = api.get("/api/dashboards/uid/one").body["dashboard"]
    assert stored["targets"] == LEGEND
    titles = {hit["title"]: hit["uid"] for hit in api.get("/api/search?type=dash-db").body}
    panel = api.get(f"/api/dashboards/uid/{titles['Two']}").body["dashboard"]["panels"][0]
    assert panel["datasource"] == {"uid": "loki"} and panel["targets"][0]["legendFormat"] == LEGEND


PAGE = ROOT / "docs" / "grafana_as_code.md"
EXAMPLE = "https://grafana.example.com"


def examples() -> list[dict[str, Any]]:
    """The first example of the page, which is a play, with the tasks of the others after its own."""
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)]
    (play,), *more = blocks
    play["tasks"] += [task for block in more for task in block]
    return [play]


def test_examples_of_the_page_run_as_they_stand(project: tuple[Path, Any], tmp_path: Path) -> None:
    _folder, api = project
    own = api.seen_as(token="").new_org()
    assert own.post("/api/teams", {"name": "shop"}).status == 200
    boards = tmp_path / "dashboards" / "checkout"
    boards.mkdir(parents=True)
    (boards / "one.json").write_text(json.dumps({"title": "One"}))
    text = yaml.safe_dump(examples(), sort_keys=False)
    assert text.count("obs.stack.") > 4 and EXAMPLE in text
    # Only where Grafana is, and a place and a group that this machine has.
    group = grp.getgrgid(os.getgid()).gr_name
    shipped = "path: collections/"
    for old, new in (
        (EXAMPLE, own.url),
        ("/etc/ci/", f"{tmp_path}/"),
        ("group: ci", f"group: {group}"),
        (shipped, shipped.replace("collections/", f"{ROOT}/collections/")),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "site.yml").write_text(text)
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    values = {f"vault_{name}": "canary-" + name for name in ("loki_password", "grafana_fingerprint_key")}
    words = ["-e", json.dumps({**values, "vault_grafana_token": own.with_role("Admin").token})]
    code, done = play((tmp_path, api), *words)
    assert code == 0, done
    code, again = play((tmp_path, api), *words)
    assert code == 0 and "changed=0" in again, again
    assert {one["title"] for one in own.get("/api/folders?parentUid=shop").body} == {"checkout"}


def test_broken_source_is_named_with_its_line(project: tuple[Path, Any]) -> None:
    folder, _api = project
    broken = folder / "boards" / "team" / "broken.json"
    broken.write_text('{"title": "x",\n "panels": [}\n')
    try:
        code, told = play(project)
    finally:
        broken.unlink()
    assert code != 0 and "Could not use the dashboard team/broken.json (line 2, column 13)" in told, told
