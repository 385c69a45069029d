# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret scan finds each kind, keeps quiet about the rest, and its exceptions stay few."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import secret_scan

# Put together here so that this file holds no secret itself.
SAMPLES = {
    "private key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "ansible vault": "$ANSIBLE_" + "VAULT;1.1;AES256",
    "AWS access key": "key = AKIA" + "ABCDEFGHIJKLMNOP",
    "GitHub token": "ghp_" + "a1" * 18,
    "GitLab token": "glpat-" + "a1" * 10,
    "Slack token": "xoxb-" + "1234567890-abc",
    "Slack webhook": "https:" + "//hooks.slack.com/services/T0000/B0000/" + "a" * 24,
    "Grafana token": "glsa_" + "a1" * 16,
    "PagerDuty key": "routing_key: " + "0f" * 16,
    "PyPI token": "pypi-" + "a1" * 30,
    "bearer token": "Authorization: Bearer " + "a1" * 12,
    "JSON web token": "eyJ" + "a" * 20 + ".eyJ" + "b" * 20 + "." + "c" * 12,
    "password in a URL": "https://me:" + "hunter22@db.example.com/x",
    "password": "db_password: '" + "hunter22'",
    "password in YAML": "  web_password: " + "hunter22",
    "bcrypt hash": "$2y$" + "10$" + "a" * 53,
}


def test_every_pattern_has_a_sample() -> None:
    assert set(SAMPLES) == set(secret_scan.PATTERNS)


@pytest.mark.parametrize("kind", SAMPLES)
def test_scan_finds_each_kind(kind: str) -> None:
    found = secret_scan.scan_text("x", "line\n" + SAMPLES[kind] + "\n")
    assert kind in [finding.kind for finding in found]
    assert {finding.line for finding in found} == {2}


@pytest.mark.parametrize("text", [
    "password: '{{ vault_password }}'",
    "password_file: /etc/prometheus/secrets/password", "http://{user}:{password}@host",
    "no_log: true  # password", 'password = ""', "https://github.com/a/b", 'api_key: "${API_KEY}"',
    "sha256: " + "0f" * 32, "http://user:password@host:port",
    "password: null", "password: !vault |", "  password: {type: str}", "password_file: /run/x", "password: short",
    'password = "a-canary-1"', "client_secret: '$__file{/etc/x/secrets/oidc}'",
])
def test_scan_lets_the_rest_be(text: str) -> None:
    assert not secret_scan.scan_text("x", text)


def test_an_encrypted_vault_has_its_place_in_an_inventory() -> None:
    vault = SAMPLES["ansible vault"]
    assert not secret_scan.scan_text("inventories/ha/group_vars/all/vault.yml", vault)
    assert secret_scan.scan_text("molecule/ha/vault.yml", vault)


def test_a_finding_never_prints_the_secret() -> None:
    finding = secret_scan.scan_text("x", SAMPLES["GitHub token"])[0]
    assert SAMPLES["GitHub token"] not in str(finding)


def test_main_fails_on_a_secret_and_on_a_stale_exception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_scan, "ROOT", tmp_path)
    monkeypatch.setattr(secret_scan, "tracked_files", lambda: ["x"])
    monkeypatch.setattr(secret_scan, "ALLOWED", {})
    (tmp_path / "x").write_text(SAMPLES["password"])
    assert secret_scan.main([]) == 1
    rule = ("x", "password", "hunter")
    monkeypatch.setattr(secret_scan, "ALLOWED", {rule: "a sample"})
    assert secret_scan.main([]) == 0
    (tmp_path / "x").write_text("nothing")
    assert secret_scan.main([]) == 1


def test_the_tree_is_clean() -> None:
    assert secret_scan.main([]) == 0


def test_exceptions_give_their_reason() -> None:
    assert all(len(reason) > 10 for reason in secret_scan.ALLOWED.values())
