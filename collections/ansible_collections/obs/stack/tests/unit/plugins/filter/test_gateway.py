# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gateway's filters as Ansible calls them: hashes that stay the same, errors without a traceback."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.obs.stack.plugins.filter import gateway

FILTERS: dict[str, t.Callable[..., t.Any]] = gateway.FilterModule().filters()
bcrypt = pytest.importorskip("bcrypt")
PASSWORD = "long enough for all"


def test_hash_is_of_the_password_and_the_same_in_every_run() -> None:
    first, second = (FILTERS["gateway_hashes"]({"agent": PASSWORD}, "h")["agent"] for _number in range(2))
    assert first == second and first.startswith("$2b$04$")
    assert bcrypt.checkpw(PASSWORD.encode(), first.encode())
    assert not bcrypt.checkpw(b"another one, long", first.encode())


def test_salt_is_another_one_for_each_user_and_host() -> None:
    hashes = [
        FILTERS["gateway_hashes"]({user: PASSWORD}, host)[user] for user, host in (("a", "h"), ("b", "h"), ("a", "i"))
    ]
    assert len({text[:29] for text in hashes}) == 3


def test_salt_does_not_come_from_the_password() -> None:
    """Else the hash would tell a fast digest of it."""
    one, other = (FILTERS["gateway_hashes"]({"a": word}, "h")["a"] for word in (PASSWORD, PASSWORD + "!"))
    assert one[:29] == other[:29] and one != other


def test_hash_of_the_user_s_own_stays() -> None:
    own = "$6$abcdefgh$" + "x" * 20
    assert FILTERS["gateway_hashes"]({"a": own}, "h") == {"a": own}


@pytest.mark.parametrize(("password", "word"), [("tiny", "12 characters"), ("x" * 73, "72 bytes"), ("", "shorter")])
def test_password_that_is_refused(password: str, word: str) -> None:
    with pytest.raises(AnsibleFilterError, match=word) as told:
        FILTERS["gateway_hashes"]({"a": password}, "h")
    assert not password or password not in str(told.value)


def test_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "HASHER", None)
    with pytest.raises(AnsibleFilterError, match="bcrypt is missing"):
        FILTERS["gateway_hashes"]({"a": PASSWORD}, "h")


def test_configuration_and_its_refusal_without_a_traceback() -> None:
    member = {"name": "a", "address": "10.0.0.1", "port": 1}
    options = {"address": "127.0.0.1", "metrics_listen": "127.0.0.1:8405", "tls": {}, "hashes": {}}
    service = {"name": "x", "port": 80, "authenticate": False, "members": [member]}
    assert FILTERS["gateway_haproxy"]([service], **options)["low_port"]
    with pytest.raises(AnsibleFilterError, match="Could not"):
        FILTERS["gateway_haproxy"]([dict(service, port="x")], **options)
