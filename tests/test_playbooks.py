# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks that run roles tell every role the same, whether it acts on hosts or on the controller only."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tree import COLLECTION, load_yaml, roles, roles_of_the_site, services

PLAYBOOKS = COLLECTION / "playbooks"
# They run roles on the controller, for all services of a host in one play.
OFFLINE = ("validate_config", "mirror")
NAMES = [role.name for role in roles_of_the_site()]


def plays(name: str) -> list[dict[str, Any]]:
    """The plays of a playbook."""
    return list(load_yaml((PLAYBOOKS / f"{name}.yml").read_text()))


def told_breaches(role: str, variables: dict[str, Any]) -> list[str]:
    """What is wrong with what the playbooks tell a role: foreign names, or a mode that is not the playbook's."""
    # What begins with two underscores is of the file itself.
    found = [f"{key}: not of {role}" for key in variables if not key.startswith((f"{role}_", f"__{role}_"))]
    # Taken from the playbook alone: an inventory must not turn a validation into a rollout.
    return found if variables.get(f"{role}_mode") == "{{ __mode }}" else [*found, "mode"]


@pytest.mark.parametrize("role", NAMES)
def test_a_role_is_told_its_mode_by_the_playbook(role: str) -> None:
    assert not told_breaches(role, load_yaml((PLAYBOOKS / "vars" / f"{role}.yml").read_text()))


@pytest.mark.parametrize("role", [role.name for role in services()])
def test_a_role_hands_its_mode_on(role: str) -> None:
    (task,) = load_yaml((COLLECTION / "roles" / role / "tasks/main.yml").read_text())
    several = task.get("obs.stack.release_services")
    variables = load_yaml((COLLECTION / "roles" / role / "vars/main/service.yml").read_text())
    told = several or variables[f"__{role}_lifecycle"]
    assert told["mode"] == f"{{{{ {role}_mode }}}}"


@pytest.mark.parametrize("role", [role.name for role in roles()])
def test_a_role_tells_what_it_did(role: str) -> None:
    tasks = load_yaml((COLLECTION / "roles" / role / "tasks/main.yml").read_text())
    assert [task.get("register") for task in tasks] == [f"{role}_result"]


@pytest.mark.parametrize("role", NAMES)
def test_the_site_and_the_controller_tell_a_role_the_same(role: str) -> None:
    own = [play for play in plays("site") if f"obs.stack.{role}" in [call["role"] for call in play.get("roles", [])]]
    runs = [role, *(["otelcol-agent"] if role == "otelcol" else [])]
    assert [play["vars_files"] for play in own] == [["vars/estate.yml", f"vars/{role}.yml"]] * len(runs)
    assert [play["tags"] for play in own] == [[run] for run in runs]
    # The tag, unless it is the role's name, says which deployment of it.
    assert [play.get("vars", {}).get("__service", role) for play in own] == runs
    for name in OFFLINE:
        run = [play for play in plays(name) if "__play_mode" in play.get("vars", {})]
        assert len(run) == 1 and f"vars/{role}.yml" in run[0]["vars_files"], name


@pytest.mark.parametrize("name", OFFLINE)
def test_what_runs_on_the_controller_asks_for_no_rights_on_hosts(name: str) -> None:
    for play in plays(name):
        assert play["gather_facts"] is False and "become" not in play


def test_rule_finds_what_a_role_may_not_be_told() -> None:
    assert not told_breaches("x", {"x_mode": "{{ __mode }}", "x_a": 1})
    assert told_breaches("x", {"x_mode": "{{ __mode }}", "y_a": 1})
    assert told_breaches("x", {"x_mode": "{{ __own.x_mode | default(__mode) }}"})
