# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""grafana.ini holds what was wished and no secret; no known password gets through."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_settings import (
    KNOWN_SECRET_KEYS,
    admin_access,
    check_config,
    ini_text,
)

OWN = {"user": "admin", "password": "canary-1", "secret_key": "canary-2"}


def test_ini_of_every_kind_of_value() -> None:
    settings = {
        "app_mode": "production",
        "users": {"allow_sign_up": False, "auto_assign_org": True, "gone": None, "empty": ""},
        "server": {"http_port": 3000, "root_url": "https://x.example/#top"},
        "auth.ldap": {"scopes": ["a", "b"]},
        "nothing": {"at_all": None},
    }
    assert ini_text(settings) == (
        "app_mode = production\n\n"
        "[users]\nallow_sign_up = false\nauto_assign_org = true\nempty =\n\n"
        '[server]\nhttp_port = 3000\nroot_url = """https://x.example/#top"""\n\n'
        "[auth.ldap]\nscopes = a,b\n"
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"smtp": {"password": "x"}}, "smtp.password"),
        ({"auth.generic_oauth": {"client_secret": "x"}}, "$__file{/etc/grafana/secrets/"),
        ({"rendering": {"renderer_token": "x"}}, "in the clear"),
        ({"database": {"url": "postgres://grafana:x@db/grafana"}}, "in the clear"),
        ({"a": {"b": {"c": 1}}}, "cannot hold another"),
        ({"a b": {"c": 1}}, "section 'a b'"),
        ({"a": {"b": "one\ntwo"}}, "line break"),
        ({"a": {"b c": 1}}, "a.b c"),
    ],
)
def test_ini_refuses(settings: dict[str, t.Any], words: str) -> None:
    with pytest.raises(StackError, match=r".") as caught:
        ini_text(settings)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"smtp": {"password": "$__file{/run/secrets/x}"}},
        {"auth.proxy": {"enable_login_token": False}},
        {"auth.basic": {"password_policy": "strict"}},
        {"auth.generic_oauth": {"token_url": "https://x.example/token"}},
        {"database": {"password": ""}},
    ],
)
def test_ini_takes_what_only_sounds_like_a_secret(settings: dict[str, t.Any]) -> None:
    assert ini_text(settings)


def test_the_administrator_is_files_and_names_of_files() -> None:
    found = admin_access({}, **OWN)
    assert found["config"]["security"] == {
        "admin_user": "admin",
        "admin_password": "$__file{/etc/grafana/secrets/admin_password}",
        "secret_key": "$__file{/etc/grafana/secrets/secret_key}",
    }
    assert {item["path"]: item["content"] for item in found["secrets"]} == {
        "secrets/admin_password": "canary-1",
        "secrets/secret_key": "canary-2",
    }
    assert found["password_file"] == "/etc/grafana/secrets/admin_password"


def test_files_of_the_host_take_the_place_of_variables() -> None:
    config = {"security": {"admin_password": "$__file{/run/a}", "secret_key": "$__env{KEY}"}}
    found = admin_access(config, user="root", password="", secret_key="")
    assert found == {"config": {"security": {"admin_user": "root"}}, "secrets": [], "password_file": "/run/a"}


@pytest.mark.parametrize(
    ("config", "change", "words"),
    [
        ({}, ("password", ""), "Could not use grafana_admin_password: it is not set"),
        ({}, ("secret_key", ""), "Could not use grafana_secret_key: it is not set"),
        ({}, ("password", "admin"), "tried first"),
        ({}, ("password", "Password"), "tried first"),
        ({}, ("user", "canary-1"), "tried first"),
        ({}, ("password", "short"), "less than 8"),
        ({}, ("password", " with-blank"), "blanks"),
        ({}, ("secret_key", KNOWN_SECRET_KEYS[0]), "upstream's own"),
        ({"security": {"admin_password": "canary-in-the-clear"}}, ("password", ""), "in the clear"),
        ({"security": {"secret_key": "$__file{/canary}"}}, ("user", "admin"), "as well"),
    ],
)
def test_the_administrator_is_refused(config: dict[str, t.Any], change: tuple[str, str], words: str) -> None:
    with pytest.raises(StackError, match=r".") as caught:
        admin_access(config, **{**OWN, change[0]: change[1]})
    assert words in str(caught.value)
    assert "canary-in-the-clear" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"server": {"http_port": 80}}, "grafana_listen_address"),
        ({"paths": {"data": "/x"}}, "grafana_data_dir"),
        ({"plugins": {"allow_loading_unsigned_plugins": "x"}}, "unsigned"),
        ({"database": {"type": "mysql"}}, "grafana_database_backup: false"),
    ],
)
def test_config_refuses(config: dict[str, t.Any], words: str) -> None:
    with pytest.raises(StackError, match=words):
        check_config(config, backup=True)


def test_config_takes_the_rest() -> None:
    config = {"plugins": {"allow_loading_unsigned_plugins": ""}, "database": {"type": "postgres"}, "app_mode": "x"}
    assert check_config(config, backup=True) == config
    assert check_config({"database": {"type": "mysql"}}, backup=False)
