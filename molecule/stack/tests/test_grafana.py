"""Grafana lets in nobody by a known password, has its data sources linked, and keeps its database through versions."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from lab import Run, converge, exposure, get, process, wait_for

GRAFANA = ("--tags", "grafana")
OLDER = "13.2.2"
CERTIFICATES = str(Path(__file__).parents[2] / "tls" / "certificates.py")
SECRETS = "/etc/grafana/secrets"
DATABASE = "/var/lib/grafana/grafana.db"
MIGRATIONS = "SELECT * FROM migration_log ORDER BY 1"
SOURCES = "SELECT name, uid FROM data_source ORDER BY 1"
BASE = "http://127.0.0.1:3000"


def wish(*arguments: str, **variables: Any) -> Run:
    """Converge Grafana alone, with variables over those of the scenario."""
    return converge({f"grafana_{name}": value for name, value in variables.items()}, arguments=(*GRAFANA, *arguments))


def password(host: Any) -> str:
    """The administrator's password as Grafana reads it."""
    return host.file(f"{SECRETS}/admin_password").content_string.strip()


def ask(host: Any, path: str, secret: str = "") -> Any:
    """A page of the API as the administrator, by basic authentication."""
    return get(host, BASE + path, "--user", f"admin:{secret or password(host)}")


def send(host: Any, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The answer to a request that changes something."""
    data = ("--data", json.dumps(body), "--header", "Content-Type: application/json") if body else ()
    return get(host, BASE + path, "--user", f"admin:{password(host)}", "--request", method, *data)


def version(host: Any) -> str:
    """The version that runs."""
    return get(host, f"{BASE}/api/health").json["version"]


def sql(host: Any, statement: str, *values: str, path: str = DATABASE) -> list[Any]:
    """Rows of a statement on Grafana's SQLite database."""
    call = f"sqlite3.connect({path!r}, isolation_level=None).execute({statement!r}, {list(values)!r}).fetchall()"
    program = base64.b64encode(f"import sqlite3, json; print(json.dumps({call}))".encode()).decode()
    return json.loads(host.check_output(f"echo {program} | base64 -d | python3"))


@pytest.fixture(autouse=True)
def as_it_was(host: Any):
    """Whatever a test wished, the scenario's own Grafana is there afterwards."""
    before = process(host, "grafana"), host.check_output("readlink /opt/obs/grafana/current")
    yield
    if (process(host, "grafana"), host.check_output("readlink /opt/obs/grafana/current")) != before:
        run = wish()
        assert run.code == 0, run.errors


def test_it_is_ready_and_a_second_run_changes_nothing(host: Any) -> None:
    health = get(host, f"{BASE}/api/health")
    assert (health.status, health.json["database"]) == (200, "ok")
    assert wish().changed == 0


def test_our_own_deploys_are_annotations(host: Any) -> None:
    """The run that made the scenario has told them, by Grafana's own host."""
    found = ask(host, "/api/annotations?tags=deploy&tags=service:prometheus").json
    assert found, "no annotation"
    tags = {tag.partition(":")[0] for tag in found[0]["tags"]}
    assert {"deploy", "service", "host", "version"} <= tags and found[0]["text"].startswith("prometheus ")


def test_no_known_password_works(host: Any) -> None:
    """One try: after five wrong ones Grafana refuses the right one too, for five minutes."""
    assert get(host, f"{BASE}/api/user", "--user", "admin:admin").status == 401
    assert get(host, f"{BASE}/api/datasources").status == 401


def test_secrets_are_files_of_the_service_alone(host: Any) -> None:
    for name in ("admin_password", "secret_key"):
        file = host.file(f"{SECRETS}/{name}")
        assert (file.user, file.group, file.mode) == ("root", "grafana", 0o640)
        assert file.content_string.strip() not in host.file("/etc/grafana/grafana.ini").content_string
        assert file.content_string.strip() not in host.check_output("journalctl -u grafana --no-pager")


def test_signals_lead_to_each_other(host: Any) -> None:
    """Whatever of the three is there names the others by uids that are there."""
    sources = {source["type"]: source for source in ask(host, "/api/datasources").json}
    known = {source["uid"] for source in sources.values()}
    links = []
    if {"prometheus", "tempo"} <= set(sources):
        links += [item["datasourceUid"] for item in sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]]
        links += [sources["tempo"]["jsonData"][key]["datasourceUid"] for key in ("tracesToMetrics", "serviceMap")]
    if {"loki", "tempo"} <= set(sources):
        links += [field["datasourceUid"] for field in sources["loki"]["jsonData"]["derivedFields"]]
        assert sources["loki"]["jsonData"]["derivedFields"][0]["url"] == "${__value.raw}"
        logs = sources["tempo"]["jsonData"]["tracesToLogsV2"]
        links.append(logs["datasourceUid"])
        assert logs["query"] == '{${__tags}} | trace_id="${__trace.traceId}"'
    assert links and set(links) <= known


def test_the_unit_is_confined(host: Any) -> None:
    assert exposure(host, "grafana") <= 3.0


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"admin_password": ""}, "grafana_admin_password: it is not set"),
        ({"admin_password": "admin"}, "one of those that are tried first"),
        ({"secret_key": ""}, "grafana_secret_key: it is not set"),
        ({"config": {"server": {"http_port": 80}}}, "grafana_listen_address"),
        ({"config": {"smtp": {"password": "canary-in-the-clear"}}}, "a secret would stand in the clear"),
        ({"config": {"users": {"allow_sign_upp": True}}}, "users.allow_sign_upp (did you mean allow_sign_up?)"),
        ({"config": {"auth.ldap": {"config_file": "/etc/grafana/none.toml"}}}, "none.toml: no such file"),
        ({"datasources": [{"name": "x", "type": "loki", "uid": "has blank"}]}, "its uid is 'has blank'"),
    ],
)
def test_bad_input_is_refused_before_anything_changes(host: Any, variables: dict[str, Any], words: str) -> None:
    before = process(host, "grafana")
    run = wish(**variables)
    assert run.code != 0 and words in run.errors, run.errors
    assert "canary-in-the-clear" not in run.errors
    assert process(host, "grafana") == before


def test_check_mode_tells_and_changes_nothing(host: Any) -> None:
    before = process(host, "grafana")
    run = wish("--check", "--diff", config={"users": {"default_theme": "light"}})
    assert run.changed == 1 and "default_theme = light" in run.output
    assert process(host, "grafana") == before
    assert "default_theme" not in host.file("/etc/grafana/grafana.ini").content_string


def test_another_password_is_made_so(host: Any) -> None:
    """Grafana reads it at its first start only: the role sees to the rest."""
    former = password(host)
    run = wish(admin_password="canary-another-one")
    assert run.code == 0, run.errors
    assert ask(host, "/api/user", "canary-another-one").status == 200
    assert ask(host, "/api/user", former).status == 401
    assert "canary-another-one" not in run.output + host.check_output("journalctl -u grafana --no-pager")


def test_a_dashboard_comes_and_goes_without_a_restart(host: Any, tmp_path: Path) -> None:
    board = {"uid": "lab-board", "title": "Lab", "panels": []}
    (tmp_path / "lab.json").write_text(json.dumps(board))
    sources = [{"src": str(tmp_path), "folder": "Laboratory"}]
    assert wish(dashboards=sources).code == 0
    wait_for("the dashboard", lambda: ask(host, "/api/dashboards/uid/lab-board").status == 200, 30)
    before = process(host, "grafana")
    (tmp_path / "lab.json").write_text(json.dumps({**board, "title": "Laboratory board"}))
    run = wish(dashboards=sources)
    assert run.changed == 1 and process(host, "grafana") == before
    wait_for(
        "its new title",
        lambda: ask(host, "/api/dashboards/uid/lab-board").json["dashboard"]["title"] == "Laboratory board",
        30,
    )
    (tmp_path / "lab.json").write_text("{")
    run = wish(dashboards=sources)
    assert run.code != 0 and "lab.json" in run.errors, run.errors


def test_metrics_can_ask_for_a_password(host: Any) -> None:
    assert wish(metrics_username="prometheus", metrics_password="canary-metrics").code == 0
    assert get(host, f"{BASE}/metrics").status == 401
    answer = get(host, f"{BASE}/metrics", "--user", "prometheus:canary-metrics")
    assert answer.status == 200 and "grafana_build_info" in answer.body


def test_a_failed_version_leaves_the_database_as_it_was(host: Any) -> None:
    """The newer one changes the database, then ends on a data source: both it and its changes are taken back."""
    newer = version(host)
    clash = {"name": "Lab", "type": "prometheus", "uid": "lab-clash", "url": "http://127.0.0.1:1"}
    assert wish(version=OLDER).code == 0
    # Made by hand: what comes from a file is pruned before anything is made, and its uid is free again.
    assert send(host, "POST", "/api/datasources", {**clash, "access": "proxy"}).status == 200
    before, file = (sql(host, MIGRATIONS), sql(host, SOURCES)), host.check_output(f"stat -c %i {DATABASE}")
    run = wish(version=newer, datasources=[{**clash, "name": "Another name of the same uid"}])
    assert run.code != 0 and "same uid already exists" in run.errors, run.errors
    assert "was put back and answers" in run.errors
    assert version(host) == OLDER and (sql(host, MIGRATIONS), sql(host, SOURCES)) == before
    assert host.check_output(f"stat -c %i {DATABASE}") != file, "the database is not the copy"
    assert ask(host, "/api/user").status == 200
    assert send(host, "DELETE", "/api/datasources/uid/lab-clash").status == 200


def test_going_back_a_version_brings_its_database_back(host: Any, tmp_path: Path) -> None:
    newer = version(host)
    assert wish(version=OLDER).code == 0
    assert wish(version=newer).code == 0
    sql(host, "CREATE TABLE lab_marker (id INTEGER)")  # what the newer version did
    module = {"name": "grafana", "state": "{{ wanted }}"}
    task = {"name": "Go back, or let go", "obs.stack.release_service_rollback": module}
    hosts = host.backend.get_hostname()
    play = {"name": "By hand", "hosts": hosts, "gather_facts": False, "become": True, "tasks": [task]}
    (tmp_path / "back.yml").write_text(json.dumps([play]))
    back = converge({"wanted": "held"}, playbook=tmp_path / "back.yml")
    assert back.code == 0, back.errors
    assert version(host) == OLDER
    assert not sql(host, "SELECT name FROM sqlite_master WHERE name = ?", "lab_marker")
    newest = host.check_output("ls /var/lib/grafana/backups/*.db").splitlines()[-1]
    assert newest.endswith(f"-{newer}.db") and sql(host, "SELECT * FROM lab_marker", path=newest) == []
    lifted = converge({"wanted": "lifted"}, playbook=tmp_path / "back.yml")
    assert lifted.code == 0, lifted.errors


def plugin(folder: Path, *members: str) -> dict[str, Any]:
    """A plugin without anything in it, and what a user writes to have it."""
    with zipfile.ZipFile(folder / "plugin.zip", "w") as archive:
        for member in members:
            document = {"type": "panel", "name": "Lab", "id": "lab-empty-panel", "info": {"version": "1.0.0"}}
            archive.writestr(f"lab-empty-panel/{member}", json.dumps(document))
    digest = hashlib.sha256((folder / "plugin.zip").read_bytes()).hexdigest()
    url = f"file://{folder}/plugin.zip"
    return {"id": "lab-empty-panel", "version": "1.0.0", "sha256": {"any": digest}, "url": url}


def test_plugins_are_part_of_the_generation(host: Any, tmp_path: Path) -> None:
    before = process(host, "grafana")
    run = wish(plugins=[plugin(tmp_path, "plugin.json")])
    assert run.code != 0 and "its archive has no MANIFEST.txt" in run.errors, run.errors
    assert process(host, "grafana") == before
    wanted = [plugin(tmp_path, "plugin.json", "MANIFEST.txt")]
    assert wish(plugins=wanted).code == 0
    assert host.file("/opt/obs/grafana/current/release/plugins/lab-empty-panel/plugin.json").exists
    assert "plugins = /opt/obs/grafana/current/release/plugins" in host.file("/etc/grafana/grafana.ini").content_string
    assert wish(plugins=wanted).changed == 0
    assert wish().changed == 1
    assert not host.file("/opt/obs/grafana/current/release/plugins/lab-empty-panel").exists


def test_behind_tls_plain_text_is_not_answered(host: Any, tmp_path: Path) -> None:
    subprocess.run([sys.executable, CERTIFICATES, str(tmp_path), "grafana.example"], check=True)
    files = {"certificate": "grafana.example.crt", "private_key": "grafana.example.key", "ca": "ca.crt"}
    tls = {key: str(tmp_path / name) for key, name in files.items()}
    run = wish(tls=tls, tls_server_name="grafana.example")
    assert run.code == 0, run.errors
    here = ("--cacert", "/etc/grafana/tls/ca.pem", "--resolve", "grafana.example:3000:127.0.0.1")
    assert get(host, "https://grafana.example:3000/api/health", *here).status == 200
    assert get(host, f"{BASE}/api/health").status in (0, 400)
    login = json.dumps({"user": "admin", "password": password(host)})
    session = host.run(
        f"curl -sSi {' '.join(here)} https://grafana.example:3000/login -H 'Content-Type: application/json'"
        f" -d '{login}'"
    )
    assert "grafana_session=" in session.stdout
    assert wish(tls=tls, tls_server_name="grafana.example").changed == 0
